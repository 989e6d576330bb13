"""Where the tubes stand, and the neuroplasticity of mice whose brains were fixed instead of punched."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.simulate_defeat import day_of


def store_in_boxes(samples: pd.DataFrame, study_code: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put the samples of a region into one box, tube after tube.

    Parameters
    ----------
    samples : pandas.DataFrame, indexed by sample
        ``region``.
    study_code : str
        First part of the boxes' codes: a whole lab shares them.

    Returns
    -------
    boxes : pandas.DataFrame, indexed by box
        ``freezer``, ``rack``, ``n_rows``, ``n_columns``.
    places : pandas.DataFrame, indexed by sample
        ``box``, ``position`` (row letter and column number).
    """
    number = samples.groupby("region").cumcount().to_numpy()
    if number.max() >= p.BOX_SIDE**2:
        raise ValueError(f"a region has {number.max() + 1} samples; a box holds {p.BOX_SIDE**2}")
    places = pd.DataFrame(index=samples.index)
    places["box"] = study_code + "-" + samples["region"]
    places["position"] = [position_of(int(place)) for place in number]
    codes = pd.Index(places["box"].unique(), name="box")
    racks = [f"R{1 + place}" for place in range(len(codes))]
    boxes = pd.DataFrame(
        {"freezer": p.FREEZER, "rack": racks, "n_rows": p.BOX_SIDE, "n_columns": p.BOX_SIDE}, index=codes
    )
    return boxes, places


def position_of(place: int) -> str:
    """Return row letter and column number of a place in a box, counted from 0 along the rows."""
    return f"{chr(ord('A') + place // p.BOX_SIDE)}{1 + place % p.BOX_SIDE}"


def measure_tissue(mice: pd.DataFrame, si_tests: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Measure some of the defeated mice that are not sequenced, on their last day.

    Parameters
    ----------
    mice : pandas.DataFrame, indexed by mouse
        ``cohort``, ``group``, ``is_sequenced``, ``is_humane_endpoint``.
    si_tests : pandas.DataFrame
        ``mouse``, ``test_number``, ``iz_absent_s``, ``iz_present_s``: volumes go along with the first test's log ratio.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    pandas.DataFrame
        ``mouse``, ``cohort``, ``region``, ``hemisphere``, ``modality``, ``metric``, ``unit``, ``value``, ``performed_at``
        (of the scan, after which the brain is fixed), ``rated_date``.
    """
    eligible = mice.index[(mice["group"] == "defeated") & ~mice["is_sequenced"] & ~mice["is_humane_endpoint"]]
    chosen = pd.Index(sorted(rng.choice(eligible, min(p.N_MEASURED, len(eligible)), replace=False)), name="mouse")
    log_ratio = _log_ratios(si_tests)[chosen]
    z = ((log_ratio - log_ratio.mean()) / log_ratio.std()).to_numpy()
    cohort = mice.loc[chosen, "cohort"]
    minutes = pd.to_timedelta(cohort.groupby(cohort).cumcount() * p.MINUTES_PER_SCAN, unit="min")
    scanned_at = cohort.map({code: day_of(code, p.DISSECTION_DAY, hour=8) for code in p.COHORTS}) + minutes
    return _measured(chosen, cohort, scanned_at, z, p.TISSUE_METRICS, rng)


def scan_arms(
    mice: pd.DataFrame, arms: pd.Series, si_tests: pd.DataFrame, measured: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Scan living mice of every randomized arm, and controls, on the evening of the re-test.

    Their volumes lie on the same line on the first test's log ratio as those of the mice measured before; no drug moves
    them.

    Parameters
    ----------
    mice : pandas.DataFrame, indexed by mouse
        ``cohort``, ``group``.
    arms : pandas.Series
        By randomized mouse.
    si_tests : pandas.DataFrame
        ``mouse``, ``test_number``, ``iz_absent_s``, ``iz_present_s``.
    measured : pandas.DataFrame
        From `measure_tissue`.
    rng : numpy.random.Generator
        The only source of randomness.
    """
    groups = [*(arms.index[arms == arm] for arm in p.ARMS), mice.index[mice["group"] == "control"]]
    others = [some.difference(pd.Index(measured["mouse"])) for some in groups]
    chosen = pd.Index(
        sorted(mouse for some in others for mouse in rng.choice(some, p.N_SCANNED_PER_ARM, replace=False))
    )
    log_ratio = _log_ratios(si_tests)
    line = log_ratio[measured["mouse"].unique()]
    z = ((log_ratio[chosen] - line.mean()) / line.std()).to_numpy()
    cohort = mice.loc[chosen, "cohort"]
    minutes = pd.to_timedelta(cohort.groupby(cohort).cumcount() * p.MINUTES_PER_SCAN, unit="min")
    evening = {code: day_of(code, p.RETEST_DAY, p.SCAN_HOUR) for code in p.COHORTS}
    volumes = [metric for metric in p.TISSUE_METRICS if metric[2] == "MRI"]
    return _measured(chosen, cohort, cohort.map(evening) + minutes, z, volumes, rng)


def _log_ratios(si_tests: pd.DataFrame) -> pd.Series:
    first = si_tests[si_tests["test_number"] == 1].set_index("mouse")
    ratio: pd.Series = first["iz_present_s"] / first["iz_absent_s"]
    return pd.Series(np.log(ratio))


def _measured(
    chosen: pd.Index,
    cohort: pd.Series,
    scanned_at: pd.Series,
    z: np.ndarray,
    metrics: Sequence[tuple[str, str, str, str, str, float, float, float]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    measured = []
    for region, hemisphere, modality, metric, unit, mean, sd, r in metrics:
        own = rng.standard_normal(len(chosen))
        measured.append(
            pd.DataFrame(
                {
                    "mouse": chosen,
                    "cohort": cohort.to_numpy(),
                    "region": region,
                    "hemisphere": hemisphere,
                    "modality": modality,
                    "metric": metric,
                    "unit": unit,
                    "value": (mean + sd * (r * z + np.sqrt(1 - r**2) * own)).round(2),
                    "performed_at": scanned_at.to_numpy(),
                    "rated_date": (scanned_at + pd.Timedelta(days=p.DAYS_TO_READING[modality])).dt.date.to_numpy(),
                }
            )
        )
    return pd.concat(measured, ignore_index=True)


def tissue_truth() -> list[dict[str, object]]:
    """Return the planted correlation of each metric with the first test's log SI ratio, over measured mice."""
    return [
        {"region": region, "modality": modality, "metric": metric, "correlation_with_log_si_ratio": r}
        for region, _hemisphere, modality, metric, _unit, _mean, _sd, r in p.TISSUE_METRICS
    ]
