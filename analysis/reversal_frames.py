"""Results on reversal as the frames that its figures draw."""

import pandas as pd

from analysis import frames
from analysis.figures.mouse_scores import AFTER, BEFORE
from analysis.figures.theme import arm_and_response
from analysis.kernels.phenotype import CONTROL, RESILIENT, SUSCEPTIBLE
from analysis.links import mouse_urls, si_test_urls
from analysis.models import AnalysisRun, PlaneMouse
from analysis.tasks.si_tests import included_tests


def relabeled_frame(run: AnalysisRun) -> pd.DataFrame:
    """Return the tests of a run that compared relabelings, each with the statistic of all of them."""
    names = ["arm", "response", "estimand", "statistic", "relabeled", "p_value", "p_floor"]
    columns = {"region__code": "region", **{name: name for name in names}}
    rows = run.signaturereversals.filter(relabeled__isnull=False).order_by("region_id", "arm", "pk")
    return frames.read_frame(rows, columns)


def score_and_si_frame(run: AnalysisRun, arm: str) -> pd.DataFrame:
    """Return the scores of an arm's mice and of those with vehicle, one row for each of both SI tests.

    Tests are those that the response was called by, else a mouse's first and last. ``arm`` is what the mouse got; a point
    leads to its test.
    """
    scores = frames.score_frame(run, arm).drop(columns=["si_ratio", "url"])
    is_vehicle = scores["group"].str.startswith(SUSCEPTIBLE)
    scores = scores[is_vehicle | scores["is_treated"]]
    scores = scores.assign(arm=[arm_and_response(group)[0] for group in scores["group"]])
    joined = scores.merge(_tests_of(run), on="mouse_id")
    return joined.assign(url=si_test_urls(joined["si_test"]))


def _tests_of(run: AnalysisRun) -> pd.DataFrame:
    """Return the SI tests before and after treatment of every mouse that has both."""
    names = {"pk": "si_test", "si_ratio": "si_ratio", "iz_absent_s": "iz_absent_s", "iz_present_s": "iz_present_s"}
    read = run.depends_on.filter(task="response").select_related("same_as").first()
    if read is not None:
        calls = read.results_run.responsecalls.order_by("mouse_id")
        parts = [
            frames.read_frame(
                calls, {"mouse_id": "mouse_id", **{f"{which}__{path}": name for path, name in names.items()}}
            ).assign(test=test)
            for which, test in (("before", BEFORE), ("after", AFTER))
        ]
        return pd.concat(parts)
    rows = included_tests(run.study).order_by("mouse_id", "test_number")
    by_mouse = frames.read_frame(rows, {"mouse_id": "mouse_id", **names}).groupby("mouse_id")
    first, last = by_mouse.head(1), by_mouse.tail(1)
    is_retested = last["mouse_id"].isin(by_mouse.size().loc[lambda sizes: sizes > 1].index)
    return pd.concat([first.assign(test=BEFORE), last[is_retested].assign(test=AFTER)])


def plane_frames(run: AnalysisRun, region: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the treated mice and the treated groups in the plane, of one region or of all."""
    of_mouse = ["group", "susceptible", "resilient", "susceptible_se", "resilient_se"]
    mice = frames.read_frame(
        PlaneMouse.objects.filter(run=run).order_by("region_id", "group", "mouse__code"),
        {"mouse__code": "mouse", "region__code": "region", **{name: name for name in of_mouse}},
    )
    corners = mice["group"].isin([CONTROL, RESILIENT]) | mice["group"].str.startswith((SUSCEPTIBLE, RESILIENT))
    mice = mice[~corners].assign(url=lambda frame: mouse_urls(run.study.code, frame["mouse"]))
    of_group = [
        "group", "n", "susceptible", "resilient", "susceptible_low", "susceptible_high", "resilient_low",
        "resilient_high", "messages",
    ]  # fmt: skip
    groups = frames.read_frame(
        run.planegroups.order_by("region_id", "group"), {"region__code": "region", **{name: name for name in of_group}}
    )
    if region:
        mice, groups = mice[mice["region"] == region], groups[groups["region"] == region]
    return mice, groups
