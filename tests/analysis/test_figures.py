"""Every figure is drawn from a small frame and read back from its SVG, as a reader of the paper would see it."""

import json
import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import figures
from analysis.figures import theme
from analysis.figures.expression import POINTS_PER_CELL
from analysis.figures.rule_strip import rule_strip

SVG = "{http://www.w3.org/2000/svg}"

CALLS = pd.DataFrame(
    {
        "mouse": ["M1", "M2", "M3", "M4"],
        "phenotype": ["control", "susceptible", "resilient", "unclassified"],
        "iz_absent_s": [60.0, 80.0, 50.0, 0.0],
        "iz_present_s": [90.0, 20.0, 75.0, 30.0],
        "si_ratio": [1.5, 0.25, 1.5, np.nan],
        "borderline": [False, False, False, None],
        "url": ["/mice/M1/", "/mice/M2/", "/mice/M3/", "/mice/M4/"],
    }
)
TESTS = CALLS.assign(group=["control", "defeated", "defeated", "defeated"])
BEFORE_AFTER = pd.DataFrame(
    {
        "mouse": ["M1", "M2", "M3", "M4"],
        "arm": ["saline", "saline", "ketamine", "ketamine"],
        "si_ratio_before": [0.5, 0.8, 0.4, 0.0],
        "si_ratio_after": [0.6, 1.2, 1.5, 0.9],
        "response": ["non_responder", "responder", "responder", None],
    }
)
REVERSALS = pd.DataFrame(
    {
        "region": ["PFC", "PFC", "NAc"],
        "arm": ["ketamine", "imipramine", "imipramine"],
        "fraction_undone": [0.4, 0.7, None],
        "fraction_undone_low": [0.1, 0.3, None],
        "fraction_undone_high": [0.7, 1.1, None],
        "p_value": [0.012, 0.0005, None],
        "p_floor": [0.004, 0.0005, None],
        "n_relabelings": [252, 2000, None],
        "cosine": [-0.6, -0.7, None],
        "cosine_null_mean": [-0.45, -0.44, None],
        "refusal": [None, None, "Needs at least 3 control, 3 susceptible and 3 treated mice."],
        "n_control": [8, 8, 2],
        "n_stress": [16, 16, 2],
        "n_treated": [16, 15, 2],
    }
)
SCORES = pd.DataFrame(
    {
        "mouse": ["M1", "M2", "M3", "M1", "M2", "M3"],
        "region": ["PFC"] * 3 + ["NAc"] * 3,
        "group": ["control", "saline", "ketamine"] * 2,
        "score": [0.1, 1.0, 0.4, -0.1, 0.9, None],
        "low": [-0.4, 0.5, -0.1, -0.6, 0.4, None],
        "high": [0.6, 1.5, 0.9, 0.4, 1.4, None],
    }
)
# Ketamine's scores have ranks 4 3 1 2, their ratios 1 2 3 4: differences 3 1 -2 -2, squares 9 + 1 + 4 + 4 = 18,
# so Spearman's rho is 1 - 6 x 18 / (4 x (16 - 1)) = -0.80.
TREATED = pd.DataFrame(
    {
        "mouse": ["M1", "M2", "M3", "M4", "M5"],
        "region": ["PFC"] * 5,
        "arm": ["ketamine"] * 4 + ["saline"],
        "test": ["after treatment"] * 5,
        "score": [0.9, 0.7, 0.2, 0.3, 0.5],
        "si_ratio": [0.5, 0.8, 1.2, 1.6, 1.0],
    }
)
COURSE = pd.DataFrame(
    {
        "mouse": ["M1"] * 3 + ["M2"] * 3,
        "panel": ["saline"] * 3 + ["ketamine"] * 3,
        "test_number": [1, 2, 3] * 2,
        "x": [0.0, 14.0, 28.0] * 2,
        "si_ratio": [0.5, 0.6, 0.7, 0.4, 1.5, 0.0],
    }
)
RULED = pd.DataFrame(
    {
        "mouse": ["M1", "M2", "M3", "M4"],
        "cohort": ["C1", "C1", "C2", None],
        "group": ["control", "defeated", "defeated", ""],
        "phenotype": ["control", "susceptible", "resilient", "unclassified"],
        "si_ratio": [1.5, 0.7, 1.1, np.nan],
        "corner_ratio": [0.6, 1.4, np.nan, 1.0],
        "cutoff": [0.9, 0.9, 0.9, 0.9],
        "flips": [False, False, True, False],
    }
)
RETESTED = BEFORE_AFTER.assign(panel=BEFORE_AFTER["arm"])
RATES = pd.DataFrame(
    {
        "arm": ["saline", "ketamine"],
        "responders": [0, 7],
        "called": [16, 16],
        "rate": [0.0, 0.4375],
        "low": [0.0, 0.23],
        "high": [0.19, 0.67],
        "difference": [None, 0.4375],
        "difference_low": [None, 0.15],
        "difference_high": [None, 0.67],
        "p_text": ["", "0.0027"],
    }
)
EXPRESSION = pd.DataFrame(
    {
        "mouse": ["M1", "M2", "M3", "M1"],
        "region": ["PFC", "PFC", "PFC", "NAc"],
        "group": ["control", "susceptible", "susceptible", "control"],
        "log2_cpm": [5.1, 6.2, 6.4, 4.0],
    }
)


def gene_results(n_genes: int = 4000) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    p_values = rng.uniform(0, 1, n_genes)
    significant = np.arange(n_genes) < 200
    # 200 significant genes in one and the same place: nothing but their class keeps them all.
    return pd.DataFrame(
        {
            "gene": [f"Gene{i}" for i in range(n_genes)],
            "log2_fold_change": np.where(significant, 1.0, rng.normal(0, 0.01, n_genes).round(3)),
            "p_value": np.where(significant, 1e-6, p_values.round(2) + 0.001),
            "adj_p_value": np.where(significant, 0.001, 0.9),
        }
    )


ESTIMATES = pd.DataFrame(
    [
        ["b - a", "PFC", 1.0, 0.5, 1.5, 0.001, 0.01],
        ["c - a", "PFC", -0.3, -0.9, 0.3, 0.4, 0.6],
        ["b - a", "NAc", 0.2, None, None, 0.5, 0.7],
    ],
    columns=["contrast", "region", "log2_fold_change", "low", "high", "p_value", "adj_p_value"],
)

FIGURES: dict[str, tuple[Callable[..., Any], pd.DataFrame]] = {
    "si_scatter": (figures.si_scatter, CALLS),
    "iz_paired_lines": (figures.iz_paired_lines, TESTS),
    "si_slope": (figures.si_slope, BEFORE_AFTER),
    "rule_strip": (rule_strip, RULED),
    "si_course": (lambda tests: figures.si_course(tests, x_title="days since the first SI test"), COURSE),
    "si_retest": (figures.si_retest, RETESTED),
    "response_rates": (figures.response_rates, RATES),
    "volcano": (figures.volcano, gene_results(300)),
    "gene_expression": (figures.gene_expression, EXPRESSION),
    "gene_forest": (figures.gene_forest, ESTIMATES),
    "reversal_forest": (figures.reversal_forest, REVERSALS),
    "mouse_scores": (figures.mouse_scores, SCORES),
    "score_vs_si": (figures.score_vs_si, TREATED),
}


def drawn(chart) -> ElementTree.Element:
    return ElementTree.fromstring(figures.save_figure(chart, "svg"))


def words(svg: ElementTree.Element) -> str:
    return "\n".join("\n".join(text.itertext()) for text in svg.iter(f"{SVG}text"))


def n_points(svg: ElementTree.Element) -> int:
    groups = (g for g in svg.iter(f"{SVG}g") if {"mark-symbol", "role-mark"} <= set(g.get("class", "").split()))
    return sum(1 for group in groups for _ in group.iter(f"{SVG}path"))


def test_the_scatter_draws_every_mouse_with_both_times_and_says_how_many():
    svg = drawn(figures.si_scatter(CALLS))
    assert n_points(svg) == 4
    text = words(svg)
    assert "time in interaction zone, without target (s)" in text
    assert "time in interaction zone, with target (s)" in text
    assert "susceptible (n = 1)" in text
    assert "cutoff 1.00" in text
    assert n_points(drawn(figures.si_scatter(CALLS.assign(iz_present_s=[90.0, np.nan, np.inf, 30.0])))) == 2


def test_each_cohort_can_have_a_cutoff_of_its_own():
    text = words(drawn(figures.si_scatter(CALLS, cutoff={"C1": 0.83, "C2": 1.1})))
    assert "cutoff 0.83, C1" in text
    assert "cutoff 1.10, C2" in text


def test_paired_lines_have_two_points_per_mouse_and_a_panel_per_group():
    svg = drawn(figures.iz_paired_lines(TESTS))
    assert n_points(svg) == 2 * 4
    assert "control (n = 1)" in words(svg)
    assert "defeated (n = 3)" in words(svg)
    assert "time in interaction zone (s)" in words(svg)


def test_the_corners_have_the_same_figure():
    corners = TESTS.rename(columns={"iz_absent_s": "corner_absent_s", "iz_present_s": "corner_present_s"})
    assert "time in corners (s)" in words(drawn(figures.iz_paired_lines(corners, zone="corner")))


def test_a_ratio_of_zero_is_counted_where_the_log_scale_cannot_show_it():
    svg = drawn(figures.si_slope(BEFORE_AFTER))
    assert n_points(svg) == 2 * 3
    text = words(svg)
    assert "ketamine (n = 1)" in text
    assert "1 with ratio 0 not shown" in text
    assert "SI ratio (log scale)" in text
    assert "non-responder" in text


def test_thinning_keeps_two_points_per_pixel_and_class():
    x, y = np.zeros(10), np.zeros(10)
    classes = np.array(["up"] * 3 + ["down"] * 7)
    kept = figures.thin_points(np.append(x, 1.0), np.append(y, 1.0), np.append(classes, "up"), 100, 100)
    assert kept.sum() == 2 * POINTS_PER_CELL + 1


def test_thinning_keeps_every_significant_gene_and_says_how_many_are_drawn():
    genes = gene_results()
    svg = drawn(figures.volcano(genes))
    text = words(svg)
    shown = n_points(svg)
    assert "up (n = 200)" in text
    assert "down (n = 0)" in text
    assert f"{shown:,} of 4,000 points drawn" in text
    assert 200 < shown < 4000
    values = figures.volcano(genes).to_dict()["datasets"].values()
    points = max(values, key=len)
    assert sum(point["change"].startswith("up") for point in points) == 200


def test_the_volcano_names_the_ten_smallest_p_values():
    genes = gene_results(300).assign(log2_fold_change=lambda frame: frame["log2_fold_change"] * 1.0)
    genes.loc[:199, "p_value"] = np.linspace(1e-9, 1e-6, 200)
    text = words(drawn(figures.volcano(genes)))
    assert all(f"Gene{i}\n" in text + "\n" for i in range(10))
    assert "Gene10\n" not in text + "\n"
    assert "log2 fold change" in text
    assert "−log10 p" in text


def test_a_p_value_of_zero_is_drawn_above_the_others():
    genes = gene_results(300)
    genes.loc[0, "p_value"] = 0.0
    points = max(figures.volcano(genes).to_dict()["datasets"].values(), key=len)
    heights = {point["gene"]: point["minus_log10_p"] for point in points}
    # The next smallest p is 1e-6; the rule sets p = 0 two per cent above its height: 6 x 1.02.
    assert heights["Gene0"] == pytest.approx(6.12)
    assert max(heights.values()) == heights["Gene0"]


def test_one_gene_is_drawn_in_every_sample_by_region():
    svg = drawn(figures.gene_expression(EXPRESSION, gene="Fos"))
    assert n_points(svg) == 4
    assert "Fos (log2 CPM)" in words(svg)
    assert "PFC (n = 3)" in words(svg)
    assert "NAc (n = 1)" in words(svg)


def test_a_forest_in_which_every_test_gave_an_effect_is_drawn():
    answered = REVERSALS[REVERSALS["fraction_undone"].notna()]
    # Each of the two has its fraction, its cosine, and the cosine's mean without reversal.
    assert n_points(drawn(figures.reversal_forest(answered))) == 2 * 3


def test_the_forest_shows_effect_p_with_floor_and_the_null_of_the_cosine():
    svg = drawn(figures.reversal_forest(REVERSALS))
    text = words(svg)
    # Two tests gave an effect; each has its fraction, its cosine, and the cosine's mean without reversal.
    assert n_points(svg) == 2 * 3
    assert ".012 (.004)" in text
    assert "PFC imipramine (n = 8 / 16 / 15)" in text
    assert "hollow: expected without any reversal" in text
    assert "0 = none, 1 = full" in text


def test_a_p_value_at_a_small_floor_is_not_written_as_zero():
    assert ".0005 (.0005)" in words(drawn(figures.reversal_forest(REVERSALS)))


def test_a_refusal_stands_in_the_place_of_the_interval():
    text = words(drawn(figures.reversal_forest(REVERSALS)))
    assert "Needs at least 3 control, 3 susceptible and 3 treated mice." in text
    assert "no p-value" in text


def test_a_forest_of_refusals_alone_is_still_drawn():
    svg = drawn(figures.reversal_forest(REVERSALS.tail(1)))
    assert n_points(svg) == 0
    assert "Needs at least 3 control" in words(svg)


def test_the_same_region_arm_and_response_twice_is_refused():
    with pytest.raises(ValueError, match="comes twice"):
        figures.reversal_forest(pd.concat([REVERSALS, REVERSALS]))


def test_every_mouse_with_a_score_is_drawn_with_its_interval():
    svg = drawn(figures.mouse_scores(SCORES))
    assert n_points(svg) == 5
    assert "n: control 1, saline 1, ketamine 1" in words(svg)
    assert "n: control 1, saline 1" in words(svg).splitlines()


def test_scores_against_si_state_rank_correlation_and_n():
    svg = drawn(figures.score_vs_si(TREATED))
    assert n_points(svg) == 5
    text = words(svg)
    assert "ketamine: n = 4, Spearman ρ = −0.80" in text
    assert "saline: n = 1" in text.splitlines()
    assert "PFC, after treatment" in text
    before = TREATED.assign(test="before treatment")
    both = words(drawn(figures.score_vs_si(pd.concat([TREATED, before]))))
    assert both.index("PFC, before treatment") < both.index("PFC, after treatment")


@pytest.mark.parametrize("name", FIGURES)
def test_an_empty_frame_gives_a_figure_that_says_so(name):
    draw, frame = FIGURES[name]
    assert "no data" in words(drawn(draw(frame.head(0))))


@pytest.mark.parametrize("name", FIGURES)
def test_a_specification_is_strict_json_without_options_for_the_page(name):
    draw, frame = FIGURES[name]
    specification = draw(frame).to_dict()
    assert json.loads(json.dumps(specification, allow_nan=False)) == specification
    assert "usermeta" not in specification


@pytest.mark.parametrize("name", FIGURES)
def test_a_missing_column_is_named(name):
    draw, frame = FIGURES[name]
    with pytest.raises(ValueError, match=r"the frame lacks (mouse|gene|region|arm)"):
        draw(frame.drop(columns=[next(c for c in ("mouse", "gene", "region", "arm") if c in frame)]))


def test_a_rule_is_drawn_over_all_ratios_with_rings_around_mice_that_flip():
    svg = drawn(rule_strip(RULED, max_corner_ratio=1.2, adopted=1.2))
    assert n_points(svg) == 3 + 1 + 2  # ratios, a ring, and those that have a corner ratio too
    text = words(svg)
    for expected in ("cutoff 0.90", "defeated (n = 2)", "resilient (n = 1)", "n = 2 mice, limit 1.2", "M3"):
        assert expected in text, expected
    assert "no group" not in text  # it has no ratio


def test_each_cohort_has_a_strip_of_its_own_where_its_controls_set_the_cutoff():
    text = words(drawn(rule_strip(RULED.assign(cutoff=[0.83, 0.83, 1.1, np.nan]))))
    for expected in ("cohort C1", "cutoff 0.83", "cohort C2", "cutoff 1.10"):
        assert expected in text, expected
    intervals = rule_strip(
        RULED.assign(si_ratio_low=[0.3, np.nan, 0.9, 1.0], si_ratio_high=[0.7, np.nan, 99.0, np.nan])
    )
    ends = [
        (row["si_ratio_low"], row["si_ratio_high"])
        for rows in intervals.to_dict()["datasets"].values()
        for row in rows
        if "mouse" in row
    ]
    assert (0.3, 0.7) in ends
    only_one = words(drawn(rule_strip(RULED.assign(cutoff=[0.83, 0.83, np.nan, np.nan]))))
    assert "no cutoff" in only_one  # and the other cohort's is not taken for it


def test_a_course_has_a_panel_per_arm_and_says_which_tests_it_cannot_show():
    svg = drawn(figures.si_course(COURSE, x_title="days since the first dose"))
    assert n_points(svg) == 5  # the sixth ratio is 0, which has no logarithm
    text = words(svg)
    for expected in (
        "saline (n = 1)",
        "ketamine (n = 1)",
        "1 tests with ratio 0 not shown",
        "days since the first dose",
    ):
        assert expected in text, expected


def test_the_second_test_stands_against_the_first_with_what_is_expected_of_it():
    expected = pd.DataFrame(
        {"si_ratio_before": [0.4, 0.8], "expected": [0.6, 0.9], "low": [0.3, 0.5], "high": [1.2, 1.6]}
    )
    svg = drawn(figures.si_retest(RETESTED, expected))
    assert n_points(svg) == 3  # one first ratio is 0
    assert "expected without treatment" in words(svg)
    assert "saline (n = 2)" in words(svg)
    assert "expected" not in words(drawn(figures.si_retest(RETESTED)))


def test_rates_stand_beside_that_of_the_vehicle_with_n_and_p():
    text = words(drawn(figures.response_rates(RATES)))
    for expected in ("saline (0 of 16)", "ketamine (7 of 16)", "0.0027", "Wilson", "Newcombe", "Barnard"):
        assert expected in text, expected
    assert "Newcombe" not in words(drawn(figures.response_rates(RATES.head(1))))


def test_missing_and_infinite_numbers_become_null():
    frame = pd.DataFrame({"x": [1.0, math.nan, math.inf], "word": ["a", None, pd.NA]})
    assert theme.values(frame)["values"] == [
        {"x": 1.0, "word": "a"},
        {"x": None, "word": None},
        {"x": None, "word": None},
    ]


def test_points_lead_to_their_record_on_the_page_and_nowhere_in_a_file():
    chart = figures.si_scatter(CALLS)
    assert '"href": {"field": "url", "type": "nominal"}' in json.dumps(chart.to_dict())
    assert b"href" not in figures.save_figure(chart, "svg")


def test_a_figure_is_saved_as_pdf_and_png_too():
    chart = figures.si_scatter(CALLS)
    assert figures.save_figure(chart, "pdf").startswith(b"%PDF-")
    assert figures.save_figure(chart, "png").startswith(b"\x89PNG\r\n")
    with pytest.raises(ValueError, match="svg, pdf or png"):
        figures.save_figure(chart, "gif")  # type: ignore[arg-type]


def test_a_group_has_the_same_color_whatever_else_is_drawn():
    assert theme.colors_of(["control", "susceptible"])[1] == theme.colors_of(["susceptible", "mystery"])[0]
    assert len(set(theme.colors_of(["mystery", "other", "control", "saline"]))) == 4


def test_an_arm_and_its_responders_have_tones_of_one_color_and_shapes_of_their_own():
    groups = ["imipramine", "imipramine responder", "imipramine non-responder"]
    # 15 % of the way from #009E73 to black, 30 % to white: 158 x .85 = 134.3, 115 x .85 = 97.75; 0 + .3 x 255 = 76.5,
    # 158 + .3 x 97 = 187.1, 115 + .3 x 140 = 157.
    assert theme.colors_of(groups) == ["#009E73", "#008662", "#4CBB9D"]
    assert theme.colors_of(["imipramine non_responder"]) == ["#4CBB9D"]
    assert len(set(theme.shapes_of(groups))) == 3


def test_susceptible_mice_with_saline_have_the_color_of_saline():
    assert theme.colors_of(["susceptible saline"]) == theme.colors_of(["saline"])


def test_no_two_groups_of_the_experiment_look_alike():
    groups = ["control", "susceptible", "resilient", "unclassified", "witness", "vehicle", "susceptible saline"]
    groups += [
        f"{drug} {response}" for drug in ("imipramine", "ketamine", "agomelatine") for response in theme.RESPONSES
    ]
    looks = set(zip(theme.colors_of(groups), theme.shapes_of(groups), strict=True))
    assert len(looks) == len(groups)


def test_the_responders_of_an_arm_stand_before_its_non_responders():
    groups = ["ketamine non-responder", "imipramine non-responder", "control", "imipramine responder", "resilient"]
    assert theme.in_order(groups) == [
        "control", "imipramine responder", "imipramine non-responder", "ketamine non-responder", "resilient",
    ]  # fmt: skip


def test_before_and_after_treatment_an_arm_keeps_its_color_and_its_response_has_a_shape():
    specification = json.dumps(figures.si_slope(BEFORE_AFTER).to_dict())
    assert theme.colors_of(["saline responder"])[0] in specification
    assert "triangle-down" in specification


def test_regions_of_a_forest_are_parted_by_a_line():
    lines = json.dumps(figures.reversal_forest(REVERSALS).to_dict()).split('"height": ')[1:]
    # PFC has two rows, NAc one: the line lies below the second row of 28 pixels.
    assert any(line.startswith("56}") for line in lines)
