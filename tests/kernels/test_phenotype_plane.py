"""The control - susceptible - resilient plane: exact corners, known places, and where there is none."""

import numpy as np
import pytest

from analysis.kernels.phenotype_plane import phenotype_plane

from .test_signature_test import study

NAMES = {"stress": "S", "resilient": "R", "control": "C", "treated": ["T", "K"]}
SIZES = {"C": 6, "R": 6, "S": 6, "T": 6, "K": 6, "B1": 6, "B2": 6}
PLACES = {"S": (1.0, 0.0), "R": (0.0, 1.0), "T": (0.4, 0.5), "K": (1.0, 0.0)}


@pytest.mark.parametrize("pools", [None, ["P1", "P2", "P1"] * 14])
@pytest.mark.parametrize("bystanders", [True, False])
def test_the_corners_are_exact_and_treated_mice_lie_where_they_were_put(pools, bystanders):
    sizes = SIZES if bystanders else {group: size for group, size in SIZES.items() if not group.startswith("B")}
    expression, groups, runs = study(sizes, PLACES, pools=None if pools is None else pools[: sum(sizes.values())])
    answer = phenotype_plane(expression, groups, pools=runs, **NAMES)
    assert answer.messages == (() if bystanders else ("NO_BYSTANDERS",))
    means = answer.mice.groupby("group")[["susceptible", "resilient"]].mean()
    np.testing.assert_allclose(means.loc[["C", "S", "R"]], [[0, 0], [1, 0], [0, 1]], atol=1e-9)
    np.testing.assert_allclose(means.loc[["T", "K"]], answer.groups[["susceptible", "resilient"]], atol=1e-9)
    for group, (susceptible, resilient) in {"T": (0.4, 0.5), "K": (1.0, 0.0)}.items():
        row = answer.groups.loc[group]
        assert row["susceptible_low"] < susceptible < row["susceptible_high"]
        assert row["resilient_low"] < resilient < row["resilient_high"]
        assert row["resilient"] == pytest.approx(resilient, abs=0.15)
    assert list(answer.mice.index) == [name for name in expression.columns if not groups[name].startswith("B")]
    assert (answer.mice["susceptible_se"] > 0).all()


def test_what_spans_no_plane_is_said():
    expression, groups, _ = study({**SIZES, "R": 2}, PLACES)
    assert phenotype_plane(expression, groups, **NAMES).sentences[0].startswith("Needs at least 3 control")
    expression, groups, _ = study(SIZES, {**PLACES, "R": (0.0, 0.0)})
    answer = phenotype_plane(expression, groups, **NAMES)
    assert answer.messages == ("NO_RESILIENCE_SIGNATURE",)
    assert answer.mice is None
    expression, groups, _ = study(SIZES, {**PLACES, "R": (1.0, 0.02)})
    assert phenotype_plane(expression, groups, **NAMES).messages == ("ONE_LINE",)
    runs = ["P1"] * 6 + ["P2"] * 36
    expression, groups, pools = study(SIZES, PLACES, pools=runs)
    assert phenotype_plane(expression, groups, pools=pools, **NAMES).messages == ("REFUSED_RUNS",)
    with pytest.raises(ValueError, match="no group twice; got C, S, R, S"):
        phenotype_plane(expression, groups, **{**NAMES, "treated": ["S"]})
