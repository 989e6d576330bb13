"""What the page of a run shows of its results, task by task."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from analysis import frames, summaries
from analysis.calibration_figures import calibrated, calibration_results
from analysis.figure_views import (
    COURSE_AXES,
    FIGURES,
    chosen_arm,
    chosen_genes,
    contrasts_of,
    regions_of,
    shows_mice,
)
from analysis.kernels.response import RESPONDER
from analysis.models import AnalysisRun, Contrast, GeneResult, ReversedGene
from analysis.phenotype_comparison import changed_calls
from analysis.quality_page import quality_results
from analysis.quality_warnings import confounding_warnings
from labdb.colony.models import Study
from labdb.treatment.arm_labels import MeaningOfLabel, meaning_of_labels

TOP_GENES = 50
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


def _texts_on_arms(run: AnalysisRun) -> set[str]:
    """Return the words of a run's results that name arms."""
    contrasts = contrasts_of(run) if run.task == "differential_expression" else []
    return {
        *(f"{one.name}; {one.numerator}; {one.denominator}" for one in contrasts),
        *run.signaturereversals.order_by().values_list("arm", flat=True).distinct(),
        *run.mousereversalscores.order_by().values_list("arm", flat=True).distinct(),
        *run.calibrationrates.order_by().values_list("arm", flat=True).distinct(),
    }


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
        "confounded": confounding_warnings(run.study, contrast.group_by, region.code),
    }


def _responder_warning(run: AnalysisRun, contrast: Contrast, user: Any) -> str:
    """Say what a contrast of responders cannot tell, with the re-tests that the run knew."""
    if RESPONDER not in f"{contrast.numerator} {contrast.denominator}":
        return ""
    read = run.depends_on.filter(task="response").select_related("same_as__study", "study").first()
    call = read.results_run.responsecalls.select_related("rule").first() if read else None
    if read is None or call is None:
        return summaries.responder_warning([])
    calls = frames.response_frame(read.results_run, user)
    return summaries.responder_warning(summaries.response_rates(calls, call.rule.cutoff))


def reversal_results(run: AnalysisRun, user: Any, parameters: Mapping[str, str]) -> Context:
    """Every test with its sentence, why the plain cosine is no evidence, and the genes that are listed."""
    tests = summaries.reversal_tests(run)
    with_cosine = [test for test in tests if test.cosine is not None and test.n_relabelings]
    example = min(with_cosine, key=lambda test: test.cosine, default=None)
    genes = ReversedGene.objects.filter(run=run, listed=True).select_related("gene", "reversal__region")
    return {
        "tests": [(test, summaries.reversal_sentence(test)) for test in tests],
        **calibrated(run.study),
        "why_not_naive": summaries.why_not_the_plain_cosine(example) if example else [],
        "genes": genes.order_by("q_value", "pk")[:TOP_GENES],
        "n_listed": genes.count(),
        "top": TOP_GENES,
        "results_run": run,
    }


def mouse_score_results(run: AnalysisRun, user: Any, parameters: Mapping[str, str]) -> Context:
    """Means by group and region for one arm's comparisons, and every score where mice may be told apart."""
    arm = chosen_arm(run, parameters)
    frame = frames.score_frame(run, arm)
    known = frame[frame["score"].notna()]
    means = known.groupby(["region", "group"], sort=False)["score"].agg(["mean", "count"]).reset_index()
    seen = run.mousereversalscores.filter(arm=arm) if shows_mice(run, user) else run.mousereversalscores.none()
    scores = seen.select_related("mouse__study", "region", "reversal")
    arms = list(run.mousereversalscores.order_by("arm").values_list("arm", flat=True).distinct())
    unscored = frame[frame["score"].isna()] if shows_mice(run, user) else frame[:0]
    return {
        "arm": arm,
        "arms": arms,
        "means": means.to_dict("records"),
        "unscored": unscored[["mouse", "region", "reason", "url"]].to_dict("records"),
        "shows_mice": shows_mice(run, user),
        "scores": scores.order_by("region_id", "group", "mouse__code"),
        "results_run": run,
    }


RESULTS: dict[str, Callable[[AnalysisRun, Any, Mapping[str, str]], Context]] = {
    "phenotype": phenotype_results,
    "response": response_results,
    "quality": quality_results,
    "differential_expression": differential_expression_results,
    "reversal": reversal_results,
    "mouse_scores": mouse_score_results,
    "calibration": calibration_results,
    "reversal_power": calibration_results,
}
