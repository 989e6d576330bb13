"""Time to score one trial, to say how sure its ratio is, and to call 1,000 mice under 10 rules.

A trial is 150 s at 30 Hz with one frame in twenty lost. The reference for scoring is counting frames in the
interaction zone and adding up the path, with numpy and no more; for calling, a comparison of ratio and cutoff per rule.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels.phenotype import PhenotypeRule, compare_phenotype_rules, cutoff_curve
from analysis.kernels.track_bootstrap import BIN_S, N_RESAMPLES, ratio_interval
from analysis.kernels.tracks import occupancy, score_track, zone_series
from analysis.kernels.zones import si_arena

N_REPEATS = 9
TRIAL_S, FRAMES_PER_S = 150, 30
N_MICE, N_CUTOFFS = 1_000, 200
# A trial is read, scored and drawn within 0.3 s: a third of that for its score, a third for its heat map.
SCORE_TARGET_MS, BOOTSTRAP_TARGET_MS, RULES_TARGET_MS = 100, 150, 1_000
ARENA = si_arena(42, 42, 14, 24, 9, "top")
RULES = {
    **{f"below {cutoff:g}": PhenotypeRule(cutoff=cutoff) for cutoff in (1.0, 0.9, 0.95, 1.05, 1.1)},
    **{f"control mean - {n_sd:g} SD": PhenotypeRule(control_sd=n_sd) for n_sd in (0.5, 1, 2)},
    "corners": PhenotypeRule(max_corner_ratio=1.0),
    "60 s": PhenotypeRule(min_iz_present_s=60),
}

Track = tuple[np.ndarray, np.ndarray, np.ndarray]


def track(rng: np.random.Generator) -> Track:
    """Times (s) and positions (cm) of a mouse that circles and shakes."""
    time_s = np.arange(TRIAL_S * FRAMES_PER_S + 1) / FRAMES_PER_S
    x_cm = 21 + 15 * np.cos(0.6 * time_s + rng.uniform(0, 6)) + rng.normal(0, 0.2, len(time_s))
    y_cm = 21 + 15 * np.sin(0.9 * time_s) + rng.normal(0, 0.2, len(time_s))
    x_cm[rng.random(len(time_s)) < 0.05] = np.nan
    return time_s, x_cm, y_cm


def si_tests(rng: np.random.Generator) -> pd.DataFrame:
    """1,000 mice in 40 cohorts, a third of them controls."""
    times = ("iz_absent_s", "iz_present_s", "corner_absent_s", "corner_present_s")
    return pd.DataFrame(
        {
            "group": rng.choice(["control", "defeated", "defeated"], N_MICE),
            "cohort": rng.choice([f"C{number}" for number in range(40)], N_MICE),
            "trial_s": 150.0,
            **{name: rng.uniform(0, 160, N_MICE).round(1) for name in times},
        },
        index=[f"M{number:04}" for number in range(N_MICE)],
    )


def milliseconds(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(N_REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def count_frames(trial: Track) -> tuple[int, float]:
    _, x_cm, y_cm = trial
    zone = ARENA.zones[0].shape
    return int(zone.contains(x_cm, y_cm).sum()), float(np.nansum(np.hypot(np.diff(x_cm), np.diff(y_cm))))


def compare_ratios(tests: pd.DataFrame) -> list[np.ndarray]:
    ratio = tests["iz_present_s"].to_numpy() / tests["iz_absent_s"].to_numpy()
    return [np.where(ratio < rule.cutoff, "susceptible", "resilient") for rule in RULES.values()]


def interval_of(absent: Track, present: Track) -> object:
    zone = [ARENA.zones[0].shape]
    seen = [zone_series(*trial, zone, BIN_S) for trial in (absent, present)]
    absent_s, present_s = (inside_s[tracked_s > 0] for inside_s, tracked_s in seen)
    return ratio_interval(absent_s, present_s, np.random.default_rng(1))


def measure() -> list[dict[str, Any]]:
    """One row per kernel."""
    rng = np.random.default_rng(1)
    absent, present, tests = track(rng), track(rng), si_tests(rng)
    cutoffs = np.linspace(0.2, 2, N_CUTOFFS)
    trial = f"one trial of {TRIAL_S} s at {FRAMES_PER_S} Hz"
    frames_ms, ratios_ms = milliseconds(lambda: count_frames(absent)), milliseconds(lambda: compare_ratios(tests))
    rows: list[tuple[str, Callable[[], object], float | None, str, int | None]] = [
        (
            f"score_track, {trial}",
            lambda: score_track(*absent, ARENA.zones, floor=ARENA.floor),
            frames_ms, "frames counted", SCORE_TARGET_MS,
        ),
        (f"occupancy by 1 cm, {trial}", lambda: occupancy(*absent, 42, 42, 1), None, "", SCORE_TARGET_MS),
        (
            f"ratio_interval of two trials, {N_RESAMPLES:,} resamples",
            lambda: interval_of(absent, present),
            None, "", BOOTSTRAP_TARGET_MS,
        ),
        (
            f"compare_phenotype_rules, {N_MICE:,} tests, {len(RULES)} rules",
            lambda: compare_phenotype_rules(tests, RULES),
            ratios_ms, "ratio against cutoff, no more", RULES_TARGET_MS,
        ),
        (
            f"cutoff_curve, {N_MICE:,} tests, {N_CUTOFFS} cutoffs",
            lambda: cutoff_curve(tests, RULES["corners"], cutoffs),
            None, "", RULES_TARGET_MS,
        ),
    ]  # fmt: skip
    return [
        {
            "what": what, "measured": milliseconds(work), "unit": "ms",
            "reference": reference, "reference_what": reference_what, "target": target,
        }
        for what, work, reference, reference_what, target in rows
    ]  # fmt: skip


if __name__ == "__main__":
    for row in measure():
        print(row)
