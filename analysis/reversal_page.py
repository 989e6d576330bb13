"""What the pages of reversal show: the run with all of its tests, one test with its mice, and the scores of mice."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from analysis import frames, signature_pairs, summaries
from analysis.calibration_figures import calibrated
from analysis.current import current_run
from analysis.figure_types import Figure
from analysis.figures.reversal import ESTIMANDS, compared_arm
from analysis.models import AnalysisRun, ReversedGene, SignatureReversal
from analysis.reversal_figures import FIGURES, OF_REVERSAL, PLANE, WHOLE_ARM, chosen_arm, shows_mice
from analysis.reversal_summaries import answers, how_it_is_judged, most_telling, why_not_the_plain_cosine
from labdb.tissue.models import BrainRegion

TOP_GENES = 50
Context = dict[str, Any]


def reversal_results(run: AnalysisRun, user: Any, parameters: Mapping[str, str]) -> Context:
    """The answer first; then why the plain comparison is none, every test, responders, and the genes that are listed."""
    every = summaries.reversal_tests(run, *ESTIMANDS)
    tests = [test for test in every if test.estimand == WHOLE_ARM]
    others = [test for test in every if test.estimand != WHOLE_ARM]
    example = most_telling(tests)
    genes = ReversedGene.objects.filter(run=run, listed=True).select_related("gene", "reversal__region")
    current = summaries.current_runs(run.study)
    further = {task: current.get(task) for task in ("resilience", "drug_genes", "mouse_scores")}
    top = list(genes.order_by("q_value", "pk")[:TOP_GENES])
    return {
        "answers": answers(tests),
        "how": how_it_is_judged(tests),
        "tests": _told(tests),
        "others": _told(others),
        "why_not_naive": why_not_the_plain_cosine(example) if example else [],
        "responder_warning": responder_warning_of(run, user),
        "drawn": {figure.name.replace("-", "_"): _lazy(run, figure.name) for figure in OF_REVERSAL},
        "of_contrasts": figures_of_contrasts(run, current.get("differential_expression")),
        "further": further,
        "plane": _lazy(further["resilience"], PLANE.name) if further["resilience"] else None,
        "retests": [test for test in tests if test.retest_n is not None or test.retest_reason],
        **_differences(run),
        **calibrated(run.study),
        "genes": top,
        "n_listed": genes.count() if len(top) == TOP_GENES else len(top),
        "top": TOP_GENES,
        "results_run": run,
    }


def _told(tests: list[SignatureReversal]) -> list[tuple[SignatureReversal, str, str, str]]:
    """Return tests with which mice were compared, by which question, and the sentence on what was found."""
    return [
        (
            test,
            compared_arm(test.arm, test.response, test.estimand),
            ESTIMANDS[test.estimand][0],
            summaries.reversal_sentence(test),
        )
        for test in tests
    ]


def responder_warning_of(run: AnalysisRun, user: Any) -> str:
    """Say what comparing responders cannot tell, with the re-tests that the run knew."""
    read = run.depends_on.filter(task="response").select_related("same_as__study", "study").first()
    call = read.results_run.responsecalls.select_related("rule").first() if read else None
    if read is None or call is None:
        return summaries.responder_warning([])
    calls = frames.response_frame(read.results_run, user)
    return summaries.responder_warning(summaries.response_rates(calls, call.rule.cutoff))


def figures_of_contrasts(run: AnalysisRun, found: AnalysisRun | None) -> list[Context]:
    """Return one drug against another in every region, as the current contrasts (`found`) have them."""
    if found is None:
        return []
    return [
        _lazy(
            found,
            "drugs",
            title=signature_pairs.title_of(pair, region),
            x=pair[0].name,
            y=pair[1].name,
            region=region.code,
        )
        for pair in signature_pairs.drug_and_drug(found.results_run)[:1]
        for region in _regions(run)
    ]


def _differences(run: AnalysisRun) -> Context:
    """Return the paired differences between regions and between drugs, by arm and region."""
    rows = run.reversaldifferences.select_related("region", "other_region").order_by("arm", "region_id", "pk")
    return {
        "between_regions": [row for row in rows if row.other_region_id],
        "between_arms": [row for row in rows if not row.other_region_id],
    }


def figures_of_test(test: SignatureReversal) -> list[Context]:
    """Return the figures of one test: its genes, its relabelings, and its mice."""
    own = {"region": test.region.code, "arm": test.arm}
    found = []
    if test.relabeled:  # none of a test that was refused, nor of a description
        found.append(_lazy(test.run, "relabelings", **own, estimand=test.estimand, response=test.response))
    contrasts = current_run(test.study, "differential_expression")
    if contrasts and (pair := signature_pairs.stress_and_drug(contrasts.results_run, test.arm)):
        found.insert(0, _lazy(contrasts, "signatures", title=signature_pairs.title_of(pair, test.region), **own))
    scores = current_run(test.study, "mouse_scores")
    plane = current_run(test.study, "resilience")
    if plane and plane.results_run.planegroups.filter(region=test.region).exists():
        found.append(_lazy(plane, "plane", region=test.region.code))
    if scores and scores.results_run.mousereversalscores.filter(arm=test.arm, region=test.region).exists():
        found += [_lazy(scores, name, **own) for name in ("mouse-scores", "score-vs-si")]
    return found


def _lazy(run: AnalysisRun, name: str, *, title: str = "", **parameters: str) -> Context:
    """Return a figure of a run that is drawn once the page is there."""
    figure = _named(name)
    query = urlencode({key: value for key, value in parameters.items() if value})
    url = reverse("run-figure", args=[run.pk, name, "html"])
    return {"title": title or figure.title, "is_wide": False, "url": f"{url}?{query}" if query else url}


def _named(name: str) -> Figure:
    return next(figure for figure in FIGURES if figure.name == name)


def _regions(run: AnalysisRun) -> list[BrainRegion]:
    return list(BrainRegion.objects.filter(reversals__run=run).distinct().order_by("pk"))


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
