"""Solutions, the keys behind the syringes, and fourteen days of injections."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.simulate_defeat import day_of

GIVEN, PARTIAL, MISSED = "given", "partial", "missed"
REASONS = {PARTIAL: "Part of it leaked from the injection site.", MISSED: "Left out: the mouse was lethargic that day."}


@dataclass(frozen=True)
class SimulatedDosing:
    """What was injected.

    Attributes
    ----------
    solutions : pandas.DataFrame, indexed by solution
        ``drug``, ``drug_form``, ``stock_mg_per_ml`` (missing for a vehicle), ``vehicle``, ``lot``, ``prepared_at``,
        ``expires_at``.
    keys : pandas.DataFrame, indexed by syringe code
        ``solution``. A mouse has codes of its own, which change when any arm changes its drug: they tell nothing.
    doses : pandas.DataFrame
        ``mouse``, ``cohort``, ``day`` (of treatment), ``planned_at``, ``given_at``, ``status``, ``body_mass_g`` (of
        that morning), ``solution_code``, ``volume_ml``, ``reason``.
    """

    solutions: pd.DataFrame
    keys: pd.DataFrame
    doses: pd.DataFrame


def simulate_dosing(
    cohort_of: pd.Series, allocations: pd.DataFrame, weighings: pd.DataFrame, rng: np.random.Generator
) -> SimulatedDosing:
    """Simulate the injections of all allocated mice.

    Parameters
    ----------
    cohort_of : pandas.Series
        Cohort by mouse.
    allocations : pandas.DataFrame, indexed by mouse
        ``allocation_code``, ``arm``.
    weighings : pandas.DataFrame
        ``mouse``, ``day`` (from the first defeat), ``body_mass_g``: every day of treatment.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    SimulatedDosing
    """
    cohort_of = cohort_of.loc[allocations.index]
    mass_g = weighings.pivot(index="mouse", columns="day", values="body_mass_g").loc[allocations.index]
    days = np.arange(1, p.TREATMENT_DAYS + 1)
    doses = pd.DataFrame(
        {
            "mouse": np.repeat(allocations.index.to_numpy(), len(days)),
            "cohort": np.repeat(cohort_of.to_numpy(), len(days)),
            "day": np.tile(days, len(allocations)),
            "body_mass_g": mass_g[p.FIRST_TEST_DAY + days].to_numpy().ravel(),
        }
    )
    start = doses["cohort"].map({cohort: day_of(cohort, p.FIRST_TEST_DAY, p.DOSE_HOUR) for cohort in p.COHORTS})
    doses["planned_at"] = start + pd.to_timedelta(doses["day"], unit="D")
    place = cohort_of.groupby(cohort_of).cumcount()
    late_s = (p.DOSES_APART_S * (place.loc[doses["mouse"]].to_numpy() + rng.uniform(0, 1, len(doses)))).round()
    doses["given_at"] = doses["planned_at"] + pd.to_timedelta(late_s, unit="s")
    doses["solution_code"] = [
        f"{allocations['allocation_code'][mouse]}-{_span(day)}"
        for mouse, day in zip(doses["mouse"], doses["day"], strict=True)
    ]
    volume_ml = doses["body_mass_g"] / 1000 * p.DOSE_VOLUME_ML_PER_KG
    doses["status"] = _statuses(len(doses), doses["day"] == p.TREATMENT_DAYS, rng)
    volume_ml = volume_ml.where(doses["status"] != PARTIAL, volume_ml * p.PARTIAL_DOSE_FRACTION)
    doses["volume_ml"] = ((volume_ml / p.SYRINGE_STEP_ML).round() * p.SYRINGE_STEP_ML).round(4)
    doses["reason"] = doses["status"].map(REASONS).fillna("")
    doses.loc[doses["status"] == MISSED, ["given_at", "volume_ml", "solution_code"]] = None
    return SimulatedDosing(_solutions(), _keys(allocations, cohort_of), doses)


def span_starts() -> list[int]:
    """Return the treatment days from which new syringe codes hold: any arm's change of drug, and new batches."""
    return sorted({*p.SOLUTION_BATCH_DAYS, *(first for _arm, _drug, first, _last, _dose in p.COMPONENTS)})


def _span(day: int) -> int:
    return sum(start <= day for start in span_starts())


def _batch(day: int) -> int:
    return sum(start <= day for start in p.SOLUTION_BATCH_DAYS)


def _solution_code(drug: str, cohort: str, batch: int) -> str:
    return f"{drug[:3].upper()}-{cohort}-{batch}"


def _drug_on(arm: str, day: int) -> str:
    return next(drug for name, drug, first, last, _dose in p.COMPONENTS if name == arm and first <= day <= last)


def _solutions() -> pd.DataFrame:
    """Prepare every drug on the eve of each batch in which some arm gets it; all in the same volume per kg."""
    rows = {}
    for cohort in p.COHORTS:
        for _arm, drug, first, last, dose_mg_per_kg in p.COMPONENTS:
            for batch in range(_batch(first), _batch(last) + 1):
                prepared_at = day_of(cohort, p.FIRST_TEST_DAY + p.SOLUTION_BATCH_DAYS[batch - 1] - 1, hour=16)
                rows[_solution_code(drug, cohort, batch)] = {
                    "drug": drug,
                    "drug_form": p.DRUG_FORM if dose_mg_per_kg else "",
                    "stock_mg_per_ml": dose_mg_per_kg / p.DOSE_VOLUME_ML_PER_KG if dose_mg_per_kg else None,
                    "vehicle": p.DRUG_VEHICLE if dose_mg_per_kg else "",
                    "lot": f"{drug[:3].upper()}2601",
                    "prepared_at": prepared_at,
                    "expires_at": prepared_at + pd.Timedelta(days=p.SOLUTION_KEEPS_DAYS),
                }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("solution")


def _keys(allocations: pd.DataFrame, cohort_of: pd.Series) -> pd.DataFrame:
    rows = {
        f"{code}-{_span(day)}": _solution_code(_drug_on(arm, day), cohort, _batch(day))
        for code, arm, cohort in zip(allocations["allocation_code"], allocations["arm"], cohort_of, strict=True)
        for day in span_starts()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["solution"]).rename_axis("code")


def _statuses(n_doses: int, is_last_day: pd.Series, rng: np.random.Generator) -> np.ndarray:
    """Let a few doses be missed or partial; not the last, which is ketamine's only one."""
    given_share = 1 - p.MISSED_DOSE_SHARE - p.PARTIAL_DOSE_SHARE
    drawn = rng.choice([GIVEN, PARTIAL, MISSED], n_doses, p=[given_share, p.PARTIAL_DOSE_SHARE, p.MISSED_DOSE_SHARE])
    return np.where(is_last_day, GIVEN, drawn)
