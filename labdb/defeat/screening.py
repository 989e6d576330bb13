"""What screening says of an aggressor: whether the rule keeps it, and how hard it attacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

HARD, SOFT = 2 / 3, 1 / 3  # of the hardness: the upper and the lower third are named


@dataclass(frozen=True)
class ScreeningRule:
    """When an aggressor is kept.

    Attributes
    ----------
    max_latency_s : float
        A session counts when the first attack comes before this.
    consecutive_sessions : int
        So many sessions that count, one after the other, keep it.
    sessions : int
        Sessions of a series; after them it is decided.
    """

    max_latency_s: float = 60.0
    consecutive_sessions: int = 2
    sessions: int = 3

    def __post_init__(self) -> None:
        if not self.max_latency_s > 0:
            raise ValueError(f"max_latency_s must be positive; got {self.max_latency_s}")
        if not 1 <= self.consecutive_sessions <= self.sessions:
            raise ValueError(f"consecutive_sessions must be 1 to {self.sessions}; got {self.consecutive_sessions}")


@dataclass(frozen=True)
class Session:
    """One session: its day in the series, and the seconds to the first attack, None when there was none."""

    day: int
    latency_s: float | None


class Verdict(StrEnum):
    """What the rule says."""

    PASSED = "passed"
    FAILED = "failed"
    OPEN = "open"


@dataclass(frozen=True)
class Judgment:
    """A verdict with its reason in words, and which sessions count."""

    verdict: Verdict
    reason: str
    counting: frozenset[int]


def session_counts(session: Session, rule: ScreeningRule) -> bool:
    """Whether the aggressor attacked in time."""
    return session.latency_s is not None and session.latency_s < rule.max_latency_s


def screening_verdict(sessions: Sequence[Session], rule: ScreeningRule = ScreeningRule()) -> Judgment:
    """Judge the sessions of one series; a day without a session breaks the row.

    Raises
    ------
    ValueError
        If a day comes twice.
    """
    by_day = {session.day: session for session in sessions}
    if len(by_day) < len(sessions):
        raise ValueError(f"a day comes twice: {sorted(session.day for session in sessions)}")
    counting = frozenset(day for day, session in by_day.items() if session_counts(session, rule))
    best = max((_run(counting, day) for day in counting), default=0)
    limit = f"{rule.max_latency_s:g} s"
    if best >= rule.consecutive_sessions:
        days = next(day for day in sorted(counting) if _run(counting, day) >= rule.consecutive_sessions)
        first = days - rule.consecutive_sessions + 1
        return Judgment(Verdict.PASSED, f"attacked within {limit} on days {_span(first, days)}", counting)
    last = max(by_day, default=0)
    left = rule.sessions - last
    if _run(counting, last) + left >= rule.consecutive_sessions and left > 0:
        words = f"{left} session{'s' if left > 1 else ''} to come" if by_day else "not screened"
        return Judgment(Verdict.OPEN, words, counting)
    return Judgment(
        Verdict.FAILED,
        f"{best} session{'' if best == 1 else 's'} in a row within {limit}, {rule.consecutive_sessions} needed",
        counting,
    )


def _run(counting: frozenset[int], day: int) -> int:
    """Return how many days in a row, ending with this one, count."""
    length = 0
    while day - length in counting:
        length += 1
    return length


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} and {last}" if last == first + 1 else f"{first} to {last}"


def aggressor_hardness(attacks: pd.Series, latency_s: pd.Series) -> pd.Series:
    """Rank aggressors from 0 (soft) to 1 (hard): many attacks and a short latency count alike.

    Parameters
    ----------
    attacks, latency_s : pandas.Series of float, indexed by aggressor
        Mean attacks of a session, and mean latency; missing where nothing was measured, and a latency that is missing
        beside attacks of 0 is the longest.

    Returns
    -------
    pandas.Series of float
        0.5 where nothing was measured.
    """
    latency_s = latency_s.where(~(latency_s.isna() & (attacks == 0)), np.inf)
    return pd.concat([_rank(attacks), 1 - _rank(latency_s)], axis=1).mean(axis=1).fillna(0.5)


def _rank(values: pd.Series) -> pd.Series:
    """Return mid-ranks between 0 and 1; the only value of a kind is in the middle."""
    return (values.rank() - 0.5) / values.notna().sum()


def hardness_word(hardness: float) -> str:
    """Return hard, medium or soft."""
    return "hard" if hardness >= HARD else "soft" if hardness <= SOFT else "medium"
