"""Figures of tests against outside signatures, from a run's results."""

import pandas as pd

from analysis.figure_types import Asked, Drawn, Figure
from analysis.figures import theme
from analysis.figures.outside import outside_forest, outside_scores
from analysis.frames import read_frame
from analysis.links import mouse_urls
from analysis.models import Contrast
from analysis.outside_results import chosen_test, shows_scores
from analysis.summaries import probability

MICE_NOT_SHOWN = "the study is blinded: scores of single mice are shown to its allocators"


def draw_outside_forest(asked: Asked) -> Drawn:
    """Draw every test of the run."""
    tests = asked.run.outsidetests.select_related("signature", "contrast", "region")
    rows = [
        {
            "row": f"{test.signature.code}: {test.contrast.name}, {test.region.code}", "region": test.region.code,
            "difference": test.difference, "low": test.difference_low, "high": test.difference_high,
            "p": "no p" if test.p_value is None else f"p {probability(test.p_value)}",
        }
        for test in tests.order_by("signature__code", "contrast__name", "region_id")
    ]  # fmt: skip
    columns = ["row", "region", "difference", "low", "high", "p"]
    caption = "Right of 0: the first side of the contrast lies further along the signature. 95 % intervals."
    return Drawn(outside_forest(pd.DataFrame(rows, columns=columns)), caption)


def draw_outside_scores(asked: Asked) -> Drawn:
    """Draw the mice of one test."""
    test = chosen_test(asked.run, asked.parameters)
    if test is None:
        return Drawn(theme.no_data("no mouse was scored"), "")
    parts = (test.signature.code, test.contrast.name, test.region.code)
    if not shows_scores(asked.run, asked.user):
        return Drawn(theme.no_data(MICE_NOT_SHOWN), "", parts)
    columns = {"mouse__code": "mouse", "group": "group", "score": "score"}
    scores = read_frame(test.scores.order_by("group", "mouse__code"), columns)
    scores["url"] = mouse_urls(asked.run.study.code, scores["mouse"])
    compared = [*Contrast.values_of(test.contrast.numerator), *Contrast.values_of(test.contrast.denominator)]
    caption = (
        f"{test.region.code}, {test.signature.code}: a positive value means {test.signature.up_means}. "
        f"{test.n_genes:,} genes; the signature counts by its ranks. The groups of {test.contrast.name} come first."
    )
    return Drawn(outside_scores(scores, compared), caption, parts)


FIGURES = (
    Figure("outside-forest", "All tests", "outside_signature", draw_outside_forest),
    Figure("outside-scores", "Mice along the signature", "outside_signature", draw_outside_scores),
)
