"""Two runs of one task side by side: labels that changed, genes gained and lost, fractions undone old and new."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from analysis.figures.reversal import compared_arm
from analysis.frames import read_frame
from analysis.links import mouse_urls
from analysis.models import AnalysisRun, GeneResult
from analysis.result_tables import TABLES, differences, key_text
from analysis.summaries import ALPHA
from analysis.tasks.task import rows_of
from labdb.treatment.arm_labels import meaning_of_labels, named

GENES_SHOWN = 100
ROWS_SHOWN = 200
Context = dict[str, Any]


def compare_runs(old: AnalysisRun, new: AnalysisRun, user: Any) -> Context:
    """Return what the page shows of two runs that hold results of one task of one study."""
    return COMPARE.get(old.task, compare_tables)(old, new, user)


def can_compare(task: str) -> bool:
    """Whether a task has results of its own."""
    return task in TABLES


@dataclass(frozen=True)
class LabelChange:
    """How many mice went from one label to another; empty: not called."""

    old: str
    new: str
    n: int


def _labels(old: AnalysisRun, new: AnalysisRun, related: str, label: str, number: str) -> Context:
    columns = {"mouse__code": "mouse", label: "label", number: "number"}
    one, other = (
        read_frame(getattr(run, related).order_by("mouse__code"), columns).set_index("mouse") for run in (old, new)
    )
    both = one.join(other, how="outer", lsuffix="_old", rsuffix="_new")
    labels = both[["label_old", "label_new"]].fillna("")
    changed = both[labels["label_old"] != labels["label_new"]]
    changed = changed.assign(url=mouse_urls(old.study.code, changed.index.to_series()))
    apart = (both["number_new"].astype(float) - both["number_old"].astype(float)).abs()
    counts: dict[Any, int] = labels.loc[changed.index].value_counts(sort=False).to_dict()
    return {
        "n_all": len(both),
        "number_name": number.replace("_", " ").replace("si ratio", "SI ratio"),
        "label_counts": [LabelChange(was, now, int(n)) for (was, now), n in counts.items()],
        "labels": list(rows_of(changed.reset_index())),
        "n_numbers": int((both["number_old"] != both["number_new"]).sum() - both[["number_old", "number_new"]].isna().all(axis=1).sum()),
        "largest": float(apart.max()) if apart.notna().any() else None,
    }  # fmt: skip


def compare_phenotypes(old: AnalysisRun, new: AnalysisRun, user: Any) -> Context:
    """Mice that are called otherwise."""
    return _labels(old, new, "phenotypecalls", "phenotype", "si_ratio")


def compare_responses(old: AnalysisRun, new: AnalysisRun, user: Any) -> Context:
    """Mice whose re-test is called otherwise."""
    return _labels(old, new, "responsecalls", "response", "delta_log_ratio")


def compare_genes(old: AnalysisRun, new: AnalysisRun, user: Any) -> Context:
    """Genes at adjusted p < .05 gained and lost, by contrast and region; the strongest by name."""
    one, other = _significant(old), _significant(new)
    keys = ["contrast", "region", "gene"]
    merged = one.merge(other, on=keys, how="outer", suffixes=("_old", "_new"), indicator=True)
    merged["is_turned"] = merged["change_old"] * merged["change_new"] < 0
    merged["apart"] = (merged["change_new"] - merged["change_old"]).abs()
    counted = [
        {
            "contrast": contrast,
            "region": region,
            "n_old": int((rows["_merge"] != "right_only").sum()),
            "n_new": int((rows["_merge"] != "left_only").sum()),
            "gained": int((rows["_merge"] == "right_only").sum()),
            "lost": int((rows["_merge"] == "left_only").sum()),
            "turned": int(rows["is_turned"].sum()),
            "largest": float(rows["apart"].max()) if rows["apart"].notna().any() else None,
        }
        for (contrast, region), rows in merged.groupby(["contrast", "region"], sort=True)
    ]
    moved = merged[(merged["_merge"] != "both") | merged["is_turned"]].copy()
    moved["what"] = moved["_merge"].map({"right_only": "gained", "left_only": "lost", "both": "turned"}).astype(str)
    size = moved[["change_old", "change_new"]].abs().max(axis=1)
    shown = moved.loc[size.sort_values(ascending=False, kind="stable").index[:GENES_SHOWN]].drop(columns="_merge")
    shown = _with_both(shown, old, new)
    shown["url"] = [reverse("gene-page", args=[gene]) for gene in shown["gene"]]
    return {"gene_counts": counted, "genes": list(rows_of(shown)), "n_genes": len(moved), "alpha": ALPHA}


def _with_both(shown: pd.DataFrame, old: AnalysisRun, new: AnalysisRun) -> pd.DataFrame:
    """Return genes with their values in both runs, significant or not; empty where a run did not test one."""
    keys = ["contrast", "region", "gene"]
    named = Q(gene__symbol__in=list(shown["gene"])) | Q(gene__gene_id__in=list(shown["gene"]))
    for side, run in (("old", old), ("new", new)):
        values = _gene_results(GeneResult.objects.filter(named, run=run)).set_index(keys).add_suffix(f"_{side}")
        shown = shown.drop(columns=list(values.columns)).join(values, on=keys)
    return shown


def _significant(run: AnalysisRun) -> pd.DataFrame:
    return _gene_results(GeneResult.objects.filter(run=run, adj_p_value__lt=ALPHA))


def _gene_results(rows: QuerySet[GeneResult]) -> pd.DataFrame:
    columns = {
        "contrast__name": "contrast", "region__code": "region", "gene__symbol": "symbol", "gene__gene_id": "gene_id",
        "log2_fold_change": "change", "adj_p_value": "q",
    }  # fmt: skip
    frame = read_frame(rows.order_by("adj_p_value", "pk"), columns)
    frame["gene"] = frame["symbol"].where(frame["symbol"] != "", frame["gene_id"])
    frame = frame.drop(columns=["symbol", "gene_id"]).drop_duplicates(["contrast", "region", "gene"])
    return frame.astype({"change": float, "q": float})


def compare_reversals(old: AnalysisRun, new: AnalysisRun, user: Any) -> Context:
    """Fractions undone with their intervals and reversed genes, by region, arm and response."""
    labels = {one.label: one.name for one in meaning_of_labels(old.study, user)}
    by_place: dict[tuple[str, ...], dict[str, Any]] = {}
    n_listed = Count("genes", filter=Q(genes__listed=True))
    for side, run in (("old", old), ("new", new)):
        tests = run.signaturereversals.select_related("region").annotate(n_listed=n_listed)
        for test in tests.order_by("region_id", "arm", "response", "pk"):
            arm = compared_arm(named(test.arm, labels), test.response, test.estimand)
            place = (test.region.code, arm, test.estimand)
            by_place.setdefault(place, {"region": place[0], "arm": arm})[side] = test
    return {"reversals": [row | {"by": _difference(row)} for row in by_place.values()]}


def _difference(row: dict[str, Any]) -> float | None:
    old, new = (getattr(row.get(side), "fraction_undone", None) for side in ("old", "new"))
    return None if old is None or new is None else new - old


def compare_tables(old: AnalysisRun, new: AnalysisRun, user: Any) -> Context:
    """Rows gone, new and changed of every table; scores of single mice only for whom the study shows them."""
    tables: list[dict[str, Any]] = []
    is_kept = False
    for table in TABLES[old.task]:
        rows = table.model._default_manager.filter(run__in=(old, new))
        if not rows.visible_to(user).exists():
            is_kept = is_kept or rows.exists()
            continue
        found = differences(table.rows(old), table.rows(new))
        moved = [(key_text(key), "no more") for key in found.gone.index] + [
            (key_text(key), "new") for key in found.new.index
        ]
        by_row = [
            (key_text(key), row["column"].replace("_", " "), _cell(row["old"]), _cell(row["new"]))
            for key, row in found.changed.head(ROWS_SHOWN).iterrows()
        ]
        tables.append(
            {
                "name": table.name, "found": found, "n_changed": found.changed.index.nunique(), "rows": moved[:ROWS_SHOWN],
                "n_rows": len(moved), "changed": by_row, "columns": found.by_column(),
            }
        )  # fmt: skip
    return {"tables": tables, "is_kept": is_kept}


def _cell(value: Any) -> Any:
    """Return a value as the page shows it: a number to five digits, a missing one as nothing."""
    if isinstance(value, bool) or not isinstance(value, float):
        return "" if value is None else value
    return "" if math.isnan(value) else f"{value:.5g}".replace("-", "−")


# The rest by their tables.
COMPARE: dict[str, Callable[[AnalysisRun, AnalysisRun, Any], Context]] = {
    "phenotype": compare_phenotypes,
    "response": compare_responses,
    "differential_expression": compare_genes,
    "reversal": compare_reversals,
}
