"""Intervals from log2 fold change, t and p, against closed forms and printed tables."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.estimate_intervals import degrees_of_freedom, estimate_intervals


def test_the_degrees_of_freedom_lead_from_t_to_p():
    # Closed forms: df 1: 1 - 2/pi atan(t); df 2: 1 - t / sqrt(2 + t^2); df 3: 1 - 2/pi (atan u + u / (1 + u^2)), u = t/sqrt(3)
    u = 4 / math.sqrt(3)
    t = np.array([3.0, -2.0, 4.0, 2.228138852, 0.001, 1.959963985])
    p_value = [
        1 - 2 / math.pi * math.atan(3), 1 - 2 / math.sqrt(6), 1 - 2 / math.pi * (math.atan(u) + u / (1 + u**2)),
        0.05, 1 - 2 / math.pi * math.atan(0.001), 0.05,
    ]  # fmt: skip
    # The fourth and the last are of printed tables: qt(.975, 10) and the quantile of the normal distribution.
    assert degrees_of_freedom(t, p_value) == pytest.approx([1, 2, 3, 10, 1, math.inf], rel=1e-6)


def test_what_belongs_to_no_t_distribution_has_no_interval():
    # t = 2 is never as improbable as 1e-6 (a normal one gives .0455), nor as probable as .5 (1 df gives .295)
    found = estimate_intervals(
        pd.DataFrame(
            {
                "log2_fold_change": [1.0, 1.0, 0.0, 1.0, 1.0],
                "t": [2.0, 2.0, 0.0, 40.0, np.nan],
                "p_value": [1e-6, 0.5, 1.0, 0.0, 0.1],
            }
        )
    )
    assert found.isna().all(axis=None)


def test_an_interval_is_the_change_and_so_many_standard_errors():
    # By hand: se = 1.5 / 3 = .5; 1 df: p = 2 * (1/2 - atan(3)/pi) = .204832764699, qt(.975, 1) = 12.70620473617
    results = pd.DataFrame({"log2_fold_change": [-1.5], "t": [-3.0], "p_value": [0.2048327646991335]}, index=["Fos"])
    found = estimate_intervals(results).loc["Fos"]
    assert found["df"] == pytest.approx(1.0, rel=1e-6)
    assert (found["low"], found["high"]) == pytest.approx((-1.5 - 6.353102368, -1.5 + 6.353102368), rel=1e-6)
    with pytest.raises(ValueError, match="level must lie"):
        estimate_intervals(results, level=1.0)
