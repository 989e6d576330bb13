"""What the pages of `resilience` and `drug_genes` show: induction and the plane; sets of genes and the target table."""

from collections.abc import Mapping
from typing import Any

from analysis.models import AnalysisRun, PlaneMouse
from analysis.reversal_results import DrugGeneKind, DrugGeneSet
from labdb.registry.permissions import may

TOP_TARGETS = 100
TOP_GENES = 12  # of a set, by name
Context = dict[str, Any]


def resilience_results(run: AnalysisRun, user: Any, parameters: Mapping[str, str]) -> Context:
    """Every test of induction, and where groups and mice lie."""
    seen = PlaneMouse.objects.visible_to(user).filter(run=run).select_related("mouse__study", "region")
    return {
        "inductions": run.resilienceinductions.select_related("region").order_by("region_id", "arm"),
        "groups": run.planegroups.select_related("region").order_by("region_id", "group"),
        "mice": seen.order_by("region_id", "group", "mouse__code"),
        "shows_mice": may(user, "view", PlaneMouse, run.study),
        "results_run": run,
    }


def drug_gene_results(run: AnalysisRun, user: Any, parameters: Mapping[str, str]) -> Context:
    """The sets with their rules and best genes, and the top of the target table."""
    rows = run.druggenesets.select_related("region").order_by("region_id", "kind", "arm", "pk")
    by_kind: dict[str, list[tuple[DrugGeneSet, list[Any]]]] = {kind: [] for kind in DrugGeneKind.values}
    for row in rows:
        by_kind[row.kind].append((row, list(row.genes.select_related("gene")[:TOP_GENES])))
    targets = run.targetgenes.select_related("gene").order_by("rank")
    return {
        "kinds": [
            (DrugGeneKind(kind), next((one.rule for one, _genes in sets if one.rule), ""), sets)
            for kind, sets in by_kind.items()
            if sets
        ],
        "targets": targets[:TOP_TARGETS],
        "n_targets": targets.count(),
        "top": TOP_TARGETS,
        "results_run": run,
    }
