"""What is known of every aggressor: the verdict of its screening, how hard it attacks, how often it was used."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from django.db.models import Avg, Count, Max, Q
from django.utils import timezone

from labdb.colony.models.dates import day_of
from labdb.defeat.models import Aggressor, AggressorScreening, ScreeningRule
from labdb.defeat.screening import (
    Judgment,
    Session,
    Verdict,
    aggressor_hardness,
    hardness_word,
    screening_verdict,
)
from labdb.registry.natural_order import natural


@dataclass(frozen=True)
class AggressorFacts:
    """One aggressor, its latest series of screenings, and its bouts in all studies."""

    aggressor: Aggressor
    series: int
    sessions: dict[int, AggressorScreening]
    judgment: Judgment
    hardness: float
    n_bouts: int
    last_used: date | None
    mean_latency_s: float | None
    mean_attacks: float | None

    @property
    def code(self) -> str:
        """Its code."""
        return self.aggressor.code

    @property
    def hardness_word(self) -> str:
        """Hard, medium or soft."""
        return hardness_word(self.hardness)

    @property
    def has_passed(self) -> bool:
        """Whether the rule keeps it."""
        return self.judgment.verdict == Verdict.PASSED

    @property
    def state(self) -> str:
        """Why it is not to be used today; empty when it is."""
        return self.aggressor.unfit_on(timezone.localdate())


def newest_rule() -> ScreeningRule | None:
    """Return the rule that was entered last."""
    return ScreeningRule.objects.order_by("-pk").first()


def all_facts(rule: ScreeningRule | None) -> list[AggressorFacts]:
    """Return the facts of every aggressor in the order of their codes, judged by the rule; a handful of queries."""
    kernel = rule.to_kernel() if rule is not None else None
    aggressors = sorted(_with_uses(), key=lambda one: natural(one.code))
    latest = _latest_series()
    hardness = _hardness({one.code: latest.get(one.pk, []) for one in aggressors})
    return [_facts(one, latest.get(one.pk, []), kernel, hardness[one.code]) for one in aggressors]


def _with_uses() -> Any:
    used = Count("bouts", filter=Q(bouts__kind="physical"))
    return Aggressor.objects.select_related("strain").annotate(
        n_bouts=used, last_bout_at=Max("bouts__performed_at"), mean_latency_s=Avg("bouts__attack_latency_s"),
        mean_attacks=Avg("bouts__attacks"),
    )  # fmt: skip


def _latest_series() -> dict[int, list[AggressorScreening]]:
    found: dict[int, list[AggressorScreening]] = defaultdict(list)
    for session in AggressorScreening.objects.order_by("aggressor", "series", "day"):
        kept = found[session.aggressor_id]
        if kept and kept[0].series != session.series:
            kept.clear()
        kept.append(session)
    return found


def _facts(one: Any, sessions: Sequence[AggressorScreening], kernel: Any, hardness: float) -> AggressorFacts:
    held = [Session(session.day, session.latency_s) for session in sessions]
    judgment = screening_verdict(held, kernel) if kernel else Judgment(Verdict.OPEN, "no rule", frozenset())
    return AggressorFacts(
        one,
        sessions[0].series if sessions else 1,
        {session.day: session for session in sessions},
        judgment,
        hardness,
        one.n_bouts,
        day_of(one.last_bout_at) if one.last_bout_at else None,
        one.mean_latency_s,
        one.mean_attacks,
    )


def _hardness(sessions: dict[str, list[AggressorScreening]]) -> dict[str, float]:
    attacks = {code: _mean([one.attacks for one in held]) for code, held in sessions.items()}
    latency = {code: _mean([one.latency_s for one in held]) for code, held in sessions.items()}
    ranked = aggressor_hardness(pd.Series(attacks, dtype=float), pd.Series(latency, dtype=float))
    return {str(code): float(value) for code, value in ranked.items()}


def _mean(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return sum(measured) / len(measured) if measured else None
