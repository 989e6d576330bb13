"""Sucrose preference, open field and forced swim of all mice: each goes along with the first SI ratio as far as planted."""

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.simulate_defeat import day_of

PREFERENCE = "sucrose_preference_percent"  # computed from both intakes, which are what is weighed
INTAKE, TOTAL = "sucrose_intake_g", "sucrose_total_intake_g"


def simulate_assays(mice: pd.DataFrame, si_tests: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the results.

    Parameters
    ----------
    mice : pandas.DataFrame, indexed by mouse
        ``cohort``.
    si_tests : pandas.DataFrame
        ``mouse``, ``test_number``, ``iz_absent_s``, ``iz_present_s``.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    pandas.DataFrame
        ``mouse``, ``metric``, ``value``, ``performed_at``.
    """
    first = si_tests[si_tests["test_number"] == 1].set_index("mouse").loc[mice.index]
    log_ratio = np.log(first["iz_present_s"] / first["iz_absent_s"])
    z = ((log_ratio - log_ratio.mean()) / log_ratio.std()).to_numpy()
    measured = []
    for metric, day, hour, mean, sd, r, limits in p.ASSAY_METRICS:
        own = rng.standard_normal(len(mice))
        values = np.clip(mean + sd * (r * z + np.sqrt(1 - r**2) * own), *limits)
        at = mice["cohort"].map({cohort: day_of(cohort, day, hour) for cohort in p.COHORTS}).to_numpy()
        if metric == PREFERENCE:
            total = rng.normal(*p.SUCROSE_TOTAL_G, len(mice)).clip(2).round(1)
            measured += [_rows(mice, TOTAL, total, at), _rows(mice, INTAKE, (total * values / 100).round(1), at)]
        else:
            measured.append(_rows(mice, metric, values.round(1), at))
    return pd.concat(measured, ignore_index=True)


def assay_truth() -> list[dict[str, object]]:
    """Return the planted correlation of each metric with the first test's log SI ratio, over all mice."""
    return [
        {"metric": metric, "correlation_with_log_si_ratio": r}
        for metric, _day, _hour, _mean, _sd, r, _limits in p.ASSAY_METRICS
    ]


def _rows(mice: pd.DataFrame, metric: str, values: np.ndarray, at: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"mouse": mice.index, "metric": metric, "value": values, "performed_at": at})
