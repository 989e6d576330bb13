"""How sure each SI ratio is, from the tracks of its two trials, for the tests that have both."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

import pandas as pd
from django.db.models import F

from analysis.input_digest import input_digest
from analysis.kernels.phenotype import RESILIENT, SUSCEPTIBLE
from analysis.models import PhenotypeCall
from analysis.progress import Progress
from labdb.behavior.models import TrackedTrial
from labdb.behavior.trackers.result import TrackerFile
from labdb.behavior.tracking.rereading import scoring_of
from labdb.behavior.tracking.scoring import ScoringError, score_trial
from labdb.behavior.tracking.sources import FileSource, TrackSource, interval_of_tracks
from labdb.behavior.tracking.targets import ABSENT, PRESENT

LOW, HIGH, TRACKS_DIGEST = "si_ratio_low", "si_ratio_high", "tracks_digest"
SAME_S = 0.0015  # zone times are stored to the millisecond
SAME_RATIO = 1e-9
UNREADABLE = "the file cannot be read any more, or the arena is not known"
OTHER_TIMES = "the track gives other zone times than the test holds"

Tracks = Mapping[int, tuple[TrackSource, TrackSource]]


def tracks_of(tests: pd.DataFrame) -> dict[int, tuple[TrackSource, TrackSource]]:
    """Return what the tracks of each test are read from, target absent first, for tests with both.

    Parameters
    ----------
    tests : pandas.DataFrame
        As `read_si_tests`.
    """
    trials = TrackedTrial.objects.filter(si_test__in=list(tests["si_test"])).select_related("si_test__arena")
    by_test: dict[int, dict[str, TrackSource]] = {}
    for trial in trials.prefetch_related("si_test__arena__zones").order_by("pk"):
        source = _source(trial)
        if source is not None:
            by_test.setdefault(trial.si_test_id, {})[trial.target] = source
    both = {test: (found[ABSENT], found[PRESENT]) for test, found in by_test.items() if len(found) == 2}
    return {int(test): both[test] for test in tests["si_test"] if test in both}


def ratio_intervals(tests: pd.DataFrame, tracks: Tracks, progress: Progress) -> pd.DataFrame:
    """Return the interval of the ratio of each test; what an earlier run found from the same tracks is taken over.

    Returns
    -------
    pandas.DataFrame, indexed as `tests`
        ``si_ratio_low``, ``si_ratio_high`` (95 %): both missing without tracks that give the test's own times; the
        upper bound alone where the tracks set none. ``tracks_digest``: of what they follow from, empty without tracks.
    """
    tracked = tests[tests["si_test"].isin(tracks)]
    digests = {mouse: _digest(test, tracks[test["si_test"]]) for mouse, test in tracked.iterrows()}
    found = pd.DataFrame(None, index=tests.index, columns=[LOW, HIGH], dtype=float)
    found[TRACKS_DIGEST] = pd.Series(digests, index=tests.index, dtype=object).fillna("")
    known, untold = _known(digests.values()), Counter[str]()
    files: dict[FileSource, TrackerFile | str] = {}
    for done, (mouse, test) in enumerate(tracked.iterrows()):
        progress.tick(done, len(tracked), f"interval of the ratio, mouse {done + 1} of {len(tracked)}")
        interval = known.get(digests[mouse]) or _interval(test, tracks[test["si_test"]], files)
        if isinstance(interval, str):
            untold[interval] += 1
        else:
            found.loc[mouse, [LOW, HIGH]] = interval
    if len(tracked):
        progress.note(f"{found[LOW].notna().sum()} of {len(tracked)} mice with both tracks have an interval.")
    for reason, n in sorted(untold.items()):
        progress.note(f"{n} without an interval: {reason}.")
    return found


def spans_cutoff(calls: pd.DataFrame) -> pd.Series:
    """Return whether the interval of a mouse's ratio holds its cutoff; missing where it has none, or no call.

    Parameters
    ----------
    calls : pandas.DataFrame
        What `classify_phenotype` and `ratio_intervals` return.
    """
    cutoff = calls["si_ratio"] - calls["distance_to_cutoff"]
    spans = (calls[LOW] <= cutoff) & ((calls[HIGH] >= cutoff) | calls[HIGH].isna())
    is_told = calls[LOW].notna() & calls["phenotype"].isin([SUSCEPTIBLE, RESILIENT])
    return spans.astype(object).mask(~is_told)


def newest_intervals(tests: pd.DataFrame) -> pd.DataFrame:
    """Return what the newest run said of each ratio, where the ratio is still the one that the run saw.

    Returns
    -------
    pandas.DataFrame, indexed as `tests`
        ``si_ratio_low``, ``si_ratio_high``.
    """
    calls = PhenotypeCall.objects.filter(si_test__in=list(tests["si_test"]), si_ratio_low__isnull=False)
    same = calls.filter(si_ratio__range=(F("si_test__si_ratio") - SAME_RATIO, F("si_test__si_ratio") + SAME_RATIO))
    rows = same.order_by("mouse_id", "-pk").distinct("mouse_id").values_list("mouse_id", LOW, HIGH)
    found = pd.DataFrame(rows, columns=["mouse", LOW, HIGH]).set_index("mouse")
    return found.reindex(tests.index).astype(float)


def _digest(test: pd.Series, tracks: tuple[TrackSource, TrackSource]) -> str:
    times = {"iz_absent_s": test["iz_absent_s"], "iz_present_s": test["iz_present_s"], "si_test": test["si_test"]}
    return input_digest("ratio interval", times, tracks)


def _known(digests: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Return the intervals that stored calls hold, by digest."""
    calls = PhenotypeCall.objects.filter(tracks_digest__in=[*digests], si_ratio_low__isnull=False).order_by()
    rows = calls.values_list(TRACKS_DIGEST, LOW, HIGH).distinct()
    return {digest: (low, math.nan if high is None else high) for digest, low, high in rows}


def _source(trial: TrackedTrial) -> TrackSource | None:
    try:
        return TrackSource(FileSource.of(trial), trial.trial_name, trial.subject, scoring_of(trial))
    except ScoringError:
        return None


def _interval(
    test: pd.Series, tracks: tuple[TrackSource, TrackSource], files: dict[FileSource, TrackerFile | str]
) -> tuple[float, float] | str:
    """Return the interval of a ratio, or why there is none."""
    sampled = []
    for source, seconds in zip(tracks, (test["iz_absent_s"], test["iz_present_s"]), strict=True):
        if source.file not in files:
            files[source.file] = source.file.read()
        file = files[source.file]
        trial = None if isinstance(file, str) else source.in_file(file)
        if trial is None:
            return UNREADABLE
        if trial.samples is None:
            return "the file holds the tracker's statistics, and no track"
        try:
            score = score_trial(trial, source.how)
        except ScoringError:
            return UNREADABLE
        if abs(score.zone_s - seconds) > SAME_S:
            return OTHER_TIMES
        sampled.append((trial.samples, source.how))
    interval = interval_of_tracks(*sampled, test=int(test["si_test"]))
    if interval is None or interval.low is None or interval.high is None:
        return interval.reason if interval else UNREADABLE
    if interval.low == 0 and math.isinf(interval.high):
        return "the tracks set no bounds"
    return interval.low, interval.high if math.isfinite(interval.high) else math.nan
