"""What the page of a run shows of its results, task by task."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from analysis import frames, summaries
from analysis.calibration_figures import calibration_results
from analysis.drug_pages import drug_gene_results, resilience_results
from analysis.figure_choices import chosen_genes, contrasts_of, named_choice, regions_of
from analysis.figure_views import COURSE_AXES, FIGURES
from analysis.kernels.response import RESPONDER
from analysis.models import AnalysisRun, Contrast, GeneResult
from analysis.outside_results import outside_results
from analysis.phenotype_comparison import changed_calls
from analysis.quality_page import quality_results
from analysis.quality_warnings import confounding_warnings
from analysis.reversal_page import mouse_score_results, responder_warning_of, reversal_results
from analysis.rrho_page import rrho_results
from labdb.colony.models import Study
from labdb.treatment.arm_labels import MeaningOfLabel, meaning_of_labels

TOP_GENES = 50
CHOICES = ("contrast", "region", "with")
Context = dict[str, Any]


def results_of(run: AnalysisRun, user: Any, parameters: Mapping[str, str]) -> Context:
    """Return the template and context of a done run's results; empty for a task that has none."""
    make = RESULTS.get(run.task)
    if make is None:
        return {}
    names = [figure.name for figure in FIGURES if figure.task == run.task]
    return {
        "template": f"analysis/results/{run.task}.html",
        "figure_names": names,
        "meanings": meanings_in(_texts_on_arms(run.results_run), run.study, user),
        **make(run.results_run, user, parameters),
    }


def meanings_in(texts: Iterable[str], study: Study, user: Any) -> list[MeaningOfLabel]:
    """Return what the letters in these texts stood for, once the study is unblinded and to whom arms are shown."""
    meanings = meaning_of_labels(study, user)
    said = "; ".join(texts) if meanings else ""
    return [one for one in meanings if re.search(rf"\b{re.escape(one.label)}\b", said)]


ARMS_NAMED_BY = {
    "reversal": "signaturereversals", "mouse_scores": "mousereversalscores", "resilience": "resilienceinductions",
    "drug_genes": "druggenesets", "calibration": "calibrationrates", "reversal_power": "calibrationrates",
}  # fmt: skip


def _texts_on_arms(run: AnalysisRun) -> set[str]:
    """Return the words of a run's results that name arms."""
    if run.task == "differential_expression":
        return {f"{one.name}; {one.numerator}; {one.denominator}" for one in contrasts_of(run)}
    if run.task == "rrho":
        return {f"{first}; {second}" for first, second in run.rrhomaps.order_by().values_list("first", "second")}
    named_by = ARMS_NAMED_BY.get(run.task)
    return set(getattr(run, named_by).order_by().values_list("arm", flat=True).distinct()) if named_by else set()


def phenotype_results(run: AnalysisRun, user: Any, parameters: Mapping[str, str]) -> Context:
    """Every call, and how many of each by group."""
    rows = run.phenotypecalls.select_related("mouse__study", "mouse__cohort", "si_test", "rule")
    calls = list(rows.order_by("mouse__code"))
    tallies: dict[str, int] = {}
    for call in calls:
        tallies[call.phenotype] = tallies.get(call.phenotype, 0) + 1
    borderline = sum(call.borderline for call in calls)
    rule = calls[0].rule if calls else None
    return {
        "calls": calls,
        "tallies": tallies,
        "borderline": borderline,
        "with_interval": sum(call.spans_cutoff is not None for call in calls),
        "spanning": sum(call.spans_cutoff is True for call in calls),
        "rule": rule,
        "changed": changed_calls(run),
        "compare_query": urlencode(
            {"test_number": run.parameters.get("test_number", 1), **({"rule": rule.name} if rule else {})}
        ),
    }


def response_results(run: AnalysisRun, user: Any, parameters: Mapping[str, str]) -> Context:
    """Rates by arm beside that of the vehicle, and every call."""
    rows = run.responsecalls.select_related("mouse__study", "before", "after", "rule")
    calls = list(rows.order_by("mouse__code"))
    frame = frames.response_frame(run, user)
    rule = calls[0].rule if calls else None
    rates = summaries.response_rates(frame, rule.cutoff) if rule else []
    known = frame.set_index("mouse_id")[["phenotype", "arm"]].fillna("").T.to_dict("list")
    return {
        "rates": rates,
        "drug_pairs": summaries.compare_drugs(rates),
        "warning": summaries.responder_warning(rates) if rates else "",
        "relapses": summaries.relapses(frame, rule.cutoff) if rule else [],
        "axes": COURSE_AXES,
        "since": parameters.get("since", "test"),
        "calls": [(call, *known[call.mouse_id]) for call in calls],
        "rule": rule,
    }


def differential_expression_results(run: AnalysisRun, user: Any, parameters: Mapping[str, str]) -> Context:
    """Genes up and down everywhere; the strongest genes of one contrast in one region."""
    contrast, region = chosen_genes(run, parameters)
    genes = GeneResult.objects.filter(run=run, contrast=contrast, region=region).select_related("gene")
    return {
        "counts": summaries.gene_counts(run),
        "alpha": summaries.ALPHA,
        "contrast": contrast,
        "region": region,
        "contrasts": contrasts_of(run),
        "regions": regions_of(run, contrast),
        "genes": genes.order_by("p_value", "pk")[:TOP_GENES],
        "top": TOP_GENES,
        "results_run": run,
        "warning": _responder_warning(run, contrast, user),
        "query": urlencode({name: parameters[name] for name in CHOICES if parameters.get(name)}),
        "gene_asked": parameters.get("gene", ""),
        "columns": parameters.get("columns", ""),
        "with": _overlapping(run, contrast, parameters),
        "confounded": confounding_warnings(run.study, contrast.group_by, region.code),
    }


def _overlapping(run: AnalysisRun, contrast: Contrast, parameters: Mapping[str, str]) -> str:
    """Return the other contrast that the address names; nothing where it names none, or the same."""
    asked = parameters.get("with", "")
    if asked in ("", contrast.name):
        return ""
    return str(named_choice(contrasts_of(run), asked, "name", "contrast").name)


def _responder_warning(run: AnalysisRun, contrast: Contrast, user: Any) -> str:
    """Say what a contrast of responders cannot tell."""
    is_of_responders = RESPONDER in f"{contrast.numerator} {contrast.denominator}"
    return responder_warning_of(run, user) if is_of_responders else ""


RESULTS: dict[str, Callable[[AnalysisRun, Any, Mapping[str, str]], Context]] = {
    "phenotype": phenotype_results,
    "response": response_results,
    "quality": quality_results,
    "differential_expression": differential_expression_results,
    "reversal": reversal_results,
    "rrho": rrho_results,
    "mouse_scores": mouse_score_results,
    "resilience": resilience_results,
    "drug_genes": drug_gene_results,
    "outside_signature": outside_results,
    "calibration": calibration_results,
    "reversal_power": calibration_results,
}
