"""What the bench notes beside the times of an SI test: arena, target, light, gap."""

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.simulate_defeat import TARGET


def note_test_facts(
    si_tests: pd.DataFrame,
    cohort_of: pd.Series,
    aggressors: pd.DataFrame,
    study_code: str,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Add the facts to the tests.

    Parameters
    ----------
    si_tests : pandas.DataFrame
        ``mouse``, ``test_number``, ``test_at``, ``order_of_day``, ``trial_s``.
    cohort_of : pandas.Series
        Cohort by mouse.
    aggressors : pandas.DataFrame, indexed by aggressor
        ``cohort``, ``role``: only targets are shown, which have fought nobody.
    study_code : str
        First part of the arenas' names: a whole lab shares them.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    pandas.DataFrame
        `si_tests` with ``arena``, ``room``, ``lux``, ``light_cycle_hour``, ``gap_between_trials_min``, ``target_side``
        and ``target``: at the re-test another one than at the first.
    """
    n = len(si_tests)
    number = 1 + (si_tests["order_of_day"] - 1) % p.N_ARENAS
    hour = (si_tests["test_at"] - si_tests["test_at"].dt.normalize()) / pd.Timedelta(hours=1)
    noted = si_tests.assign(
        arena=f"{study_code} arena " + number.astype(str),
        room=p.TEST_ROOM,
        lux=rng.normal(*p.TEST_LUX, n).round(1),
        light_cycle_hour=(hour - p.LIGHTS_ON_HOUR).round(2),
        gap_between_trials_min=rng.uniform(*p.GAP_BETWEEN_TRIALS_MIN, n).round(1),
        target_side=rng.choice(["left", "right"], n),
        target=_targets(si_tests, cohort_of, aggressors),
    )
    ends = noted["test_at"] + pd.to_timedelta(2 * noted["trial_s"] + 60 * noted["gap_between_trials_min"], unit="s")
    by_arena = noted.assign(ends=ends).sort_values(["arena", "test_at"])
    before = by_arena.groupby("arena")["ends"].shift()
    if (by_arena["test_at"] < before).any():
        raise AssertionError("two SI tests overlap in one arena; space them out")
    return noted


def _targets(si_tests: pd.DataFrame, cohort_of: pd.Series, aggressors: pd.DataFrame) -> list[str]:
    """Show the targets of the cohort by turns; a mouse's turn moves on by one from test to test."""
    of_cohort = {
        cohort: members.index[members["role"] == TARGET].to_numpy() for cohort, members in aggressors.groupby("cohort")
    }
    number_of = cohort_of.groupby(cohort_of).cumcount()
    return [
        of_cohort[cohort_of[mouse]][(number_of[mouse] + test_number) % p.N_TARGETS]
        for mouse, test_number in zip(si_tests["mouse"], si_tests["test_number"], strict=True)
    ]
