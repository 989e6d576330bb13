"""Results on reversal as the frames that its figures draw."""

from typing import Any

import numpy as np
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
    names = ("pk", "si_ratio", "iz_absent_s", "iz_present_s")
    read = run.depends_on.filter(task="response").select_related("same_as").first()
    rows: list[tuple[Any, ...]] = []
    if read is not None:
        calls = read.results_run.responsecalls.order_by("mouse_id")
        for which, test in (("before", BEFORE), ("after", AFTER)):
            found = calls.values_list("mouse_id", *(f"{which}__{name}" for name in names))
            rows += [(*row, test) for row in found]
    else:
        by_mouse: dict[int, list[tuple[Any, ...]]] = {}
        for row in included_tests(run.study).order_by("mouse_id", "test_number").values_list("mouse_id", *names):
            by_mouse.setdefault(row[0], []).append(row)
        for tests in by_mouse.values():
            rows += [(*tests[0], BEFORE), *([(*tests[-1], AFTER)] if len(tests) > 1 else [])]
    return pd.DataFrame(rows, columns=["mouse_id", "si_test", *names[1:], "test"])


def plane_frames(run: AnalysisRun, user: Any, region: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the treated mice (as far as the account may see them) and the treated groups in the plane.

    Parameters
    ----------
    region : str
        Of one region; empty: of all.
    """
    of_mouse = ["group", "susceptible", "resilient", "susceptible_se", "resilient_se"]
    seen = PlaneMouse.objects.visible_to(user).filter(run=run).order_by("region_id", "group", "mouse__code")
    columns = {"mouse__code": "mouse", "region__code": "region", **{name: name for name in of_mouse}}
    mice = frames.read_frame(seen, columns)
    is_corner = [str(group).startswith((CONTROL, SUSCEPTIBLE, RESILIENT)) for group in mice["group"]]
    mice = mice[~np.array(is_corner, dtype=bool)]
    mice = mice.assign(url=mouse_urls(run.study.code, mice["mouse"]))
    of_group = [
        "group", "n", "susceptible", "resilient", "susceptible_low", "susceptible_high", "resilient_low",
        "resilient_high", "messages",
    ]  # fmt: skip
    rows = run.planegroups.order_by("region_id", "group")
    groups = frames.read_frame(rows, {"region__code": "region", **{name: name for name in of_group}})
    if region:
        mice, groups = mice[mice["region"] == region], groups[groups["region"] == region]
    return mice, groups
