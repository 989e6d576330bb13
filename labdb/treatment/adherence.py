"""How much of what was planned was given, by mouse."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from labdb.treatment.models import DoseStatus


@dataclass(frozen=True)
class Adherence:
    """The doses of one mouse until now.

    Attributes
    ----------
    given, partial, missed, open : int
        What became of doses that were due; open ones were due and nobody said what became of them.
    to_come : int
        Planned for later.
    """

    given: int = 0
    partial: int = 0
    missed: int = 0
    open: int = 0
    to_come: int = 0

    @property
    def due(self) -> int:
        """How many were due until now."""
        return self.given + self.partial + self.missed + self.open

    @property
    def planned(self) -> int:
        """How many there are, those to come included."""
        return self.due + self.to_come

    @property
    def share(self) -> float | None:
        """Percent of the doses due that were given in full; None before the first."""
        return 100 * self.given / self.due if self.due else None


def adherence_of(doses: Any) -> dict[int, Adherence]:
    """Return the adherence by mouse of a selection of doses; one query."""
    late = Q(status=DoseStatus.PLANNED, planned_at__lt=timezone.now())
    counted = doses.order_by().values("mouse").annotate(
        given=Count("pk", filter=Q(status=DoseStatus.GIVEN)), partial=Count("pk", filter=Q(status=DoseStatus.PARTIAL)),
        missed=Count("pk", filter=Q(status=DoseStatus.MISSED)), open=Count("pk", filter=late),
        to_come=Count("pk", filter=Q(status=DoseStatus.PLANNED) & ~late),
    )  # fmt: skip
    return {row.pop("mouse"): Adherence(**row) for row in map(dict, counted)}


def total(some: Sequence[Adherence]) -> Adherence:
    """Return the sum over mice."""
    names = ("given", "partial", "missed", "open", "to_come")
    return Adherence(**{name: sum(getattr(one, name) for one in some) for name in names})


def by_day(doses: Any) -> tuple[list[date], dict[int, dict[date, str]]]:
    """Return the days on which doses were planned, and what became of them by mouse and day; the worst of a day."""
    worst = [DoseStatus.MISSED, DoseStatus.PARTIAL, DoseStatus.PLANNED, DoseStatus.GIVEN]
    rows = doses.order_by().annotate(day=TruncDate("planned_at")).values_list("mouse", "day", "status").distinct()
    found: dict[int, dict[date, str]] = {}
    for mouse, day, status in rows:
        before = found.setdefault(mouse, {}).get(day, status)
        found[mouse][day] = min(before, status, key=worst.index)
    return sorted({day for days in found.values() for day in days}), found
