"""Every figure of reversal is drawn from a small frame and read back from its SVG, as a reader of the paper would see it."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import figures
from analysis.figures.relabelings import QUANTILES
from tests.analysis.test_figures import REVERSALS, drawn, n_points, words

GENES = pd.DataFrame(
    {
        "gene": ["Fos", "Arc", "Bdnf", "Gapdh", "Nope"],
        "x_t": [5.0, -4.0, 3.0, 0.2, np.nan],
        "y_t": [-4.0, 3.0, 3.5, -0.1, 1.0],
        "x_p_value": [1e-4, 1e-3, 1e-2, 0.8, 0.5],
        "y_p_value": [1e-3, 1e-2, 1e-2, 0.9, 0.3],
        "url": ["/genes/Fos/", "/genes/Arc/", "/genes/Bdnf/", "/genes/Gapdh/", "/genes/Nope/"],
    }
)
PLACES = pd.DataFrame(
    {
        "mouse": ["M1", "M2", "M3"],
        "region": ["PFC", "PFC", "PFC"],
        "group": ["ketamine responder", "ketamine non-responder", "ketamine responder"],
        "susceptible": [0.3, 0.9, None],
        "resilient": [0.2, 0.0, None],
        "susceptible_se": [0.2, 0.2, None],
        "resilient_se": [0.2, 0.2, None],
        "url": ["/mice/M1/", "/mice/M2/", "/mice/M3/"],
    }
)
MEANS = pd.DataFrame(
    {
        "region": ["PFC"], "group": ["ketamine responder"], "n": [2], "susceptible": [0.3], "resilient": [0.2],
        "susceptible_low": [0.1], "susceptible_high": [0.5], "resilient_low": [0.0], "resilient_high": [0.4],
    }
)  # fmt: skip
ESTIMANDS = REVERSALS.iloc[[0, 1, 0, 0]].assign(
    estimand=["arm", "arm", "responder", "matched"], response=["", "", "responder", "responder"],
    p_value=[0.012, 0.0005, 0.03, None], n_stress=[16, 16, 16, 3], n_treated=[16, 15, 7, 7],
)  # fmt: skip
RELABELED = REVERSALS.head(2).assign(
    statistic=[-3.0, -1.0], relabeled=[[-3.0, *range(-4, 5)], list(np.linspace(-1.0, 1.0, 2000))], p_value=[0.2, None]
)


def scatter(genes: pd.DataFrame, null: float | None = -0.5) -> Any:
    return figures.signature_scatter(genes, x_name="stress", y_name="drug", null_correlation=null)


FIGURES: dict[str, tuple[Callable[..., Any], pd.DataFrame]] = {
    "reversal_map": (figures.reversal_map, REVERSALS),
    "relabeling_distribution": (figures.relabeling_distribution, RELABELED),
    "signature_scatter": (scatter, GENES),
    "phenotype_plane": (lambda mice: figures.phenotype_plane(mice, MEANS.head(len(mice))), PLACES),
}


def test_every_estimand_has_its_row_its_mark_and_its_name():
    text = words(drawn(figures.reversal_forest(ESTIMANDS)))
    for expected in (
        "PFC imipramine (n = 8 / 16 / 15)",
        "PFC ketamine (n = 8 / 16 / 16)",
        "responders (n = 8 / 16 / 7)",
        "responders, matched (n = 8 / 3 / 7)",
        "whole arm, randomized",
        "responders, the arm relabeled",
        "matched by outcome, descriptive",
    ):
        assert expected in text.splitlines(), expected
    alone = words(drawn(figures.reversal_forest(ESTIMANDS.head(2))))
    assert "whole arm, randomized" not in alone  # one estimand needs no legend


def test_a_cell_of_the_map_holds_the_fraction_and_p_and_leads_to_its_test():
    chart = figures.reversal_map(REVERSALS.assign(url=["/1/", "/2/", "/3/"]))
    text = words(drawn(chart))
    for expected in ("40 % undone", "p .012", "70 % undone", "p .0005", "no estimate", "no p-value"):
        assert expected in text.splitlines(), expected
    values = [row for rows in chart.to_dict()["datasets"].values() for row in rows]
    assert {row["url"] for row in values} == {"/1/", "/2/", "/3/"}


def test_a_relabeling_is_a_dot_or_a_hundredth_and_the_observed_value_a_line_with_p_and_floor():
    svg = drawn(figures.relabeling_distribution(RELABELED))
    assert n_points(svg) == 10 + QUANTILES
    text = words(svg)
    for expected in (
        "p = .200; floor .004",
        "no p-value",
        "10 relabelings",
        "2,000 relabelings",
        "one dot a relabeling",
    ):
        assert expected in text.splitlines(), expected


def test_an_infinite_statistic_of_too_few_mice_is_no_dot():
    few = RELABELED.head(1).assign(relabeled=[[-3.0, 1.0, 2.0, np.inf]])
    svg = drawn(figures.relabeling_distribution(few))
    assert n_points(svg) == 3
    assert "4 relabelings" in words(svg)


def test_genes_are_counted_by_direction_beside_what_shared_mice_make():
    svg = drawn(scatter(GENES))
    assert n_points(svg) == 4
    text = words(svg)
    for expected in ("opposite in both (n = 2)", "same direction in both (n = 1)", "not in both (n = 1)", "Fos", "Arc"):
        assert expected in text.splitlines(), expected
    assert "by shared mice alone r = −0.50" in text
    assert "Bdnf" not in text.splitlines()  # it goes in the same direction


def test_the_ellipse_holds_95_percent_of_what_shared_mice_make_alone():
    rows = [row for rows in scatter(GENES, -0.5).to_dict()["datasets"].values() for row in rows if "step" in row]
    outline = pd.DataFrame(rows)
    # The quadratic form of a correlation of -.5 is (x2 + xy + y2) / .75; 95 % of chi-squared with 2 df: 5.991.
    form = (outline["x"] ** 2 + outline["x"] * outline["y"] + outline["y"] ** 2) / 0.75
    assert form.to_numpy() == pytest.approx(5.9915, abs=2e-3)
    assert not [row for rows in scatter(GENES, None).to_dict()["datasets"].values() for row in rows if "step" in row]


def test_the_plane_draws_each_treated_mouse_the_means_and_the_three_corners():
    svg = drawn(figures.phenotype_plane(PLACES, MEANS))
    assert n_points(svg) == 2 + 1 + 3
    text = words(svg)
    for expected in ("control", "susceptible", "resilient", "2 treated mice drawn; 1 without a place"):
        assert expected in text.splitlines(), expected
    assert n_points(drawn(figures.phenotype_plane(PLACES.head(0), MEANS))) == 1 + 3  # mice of a blinded study


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_strict_json_says_when_it_is_empty_and_names_a_missing_column(name):
    draw, frame = FIGURES[name]
    specification = draw(frame).to_dict()
    assert json.loads(json.dumps(specification, allow_nan=False)) == specification
    assert "no data" in words(drawn(draw(frame.head(0))))
    with pytest.raises(ValueError, match=r"the frame lacks (mouse|gene|region)"):
        draw(frame.drop(columns=[next(c for c in ("mouse", "gene", "region") if c in frame)]))
