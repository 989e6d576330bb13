"""What the arms of a study do to their mice, by day: what can be seen of it, and where syringes change."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

FIELDS = (
    "part", "day_from", "day_to", "time_of_day", "dose_mg_per_kg", "drug_form", "route", "volume_ml_per_kg", "device",
    "hours_per_day",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One component of an arm.

    Attributes
    ----------
    arm, drug : str
        Names; a part without a drug is a device.
    row : object
        The record that it was read from, for whoever reads parts to write something.
    """

    arm: str
    part: int
    day_from: int
    day_to: int
    time_of_day: str = ""
    drug: str = ""
    dose_mg_per_kg: float | None = None
    drug_form: str = ""
    route: str = ""
    volume_ml_per_kg: float | None = None
    device: str = ""
    hours_per_day: float | None = None
    row: Any = None

    @classmethod
    def of(cls, component: Any, arm: str, drug: str) -> "Part":
        """Return what a record of a component says."""
        return cls(arm=arm, drug=drug, row=component, **{name: getattr(component, name) for name in FIELDS})

    @property
    def is_injection(self) -> bool:
        """Whether it comes out of a syringe."""
        return not self.device


class Injection(NamedTuple):
    """What anybody at the bench sees of one injection."""

    time_of_day: str
    route: str
    volume_ml_per_kg: float


def by_arm(parts: Iterable[Part]) -> dict[str, list[Part]]:
    """Return the parts of each arm by their numbers; the arms in the order in which they come."""
    arms: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        arms[part.arm].append(part)
    return {arm: sorted(some, key=lambda part: part.part) for arm, some in arms.items()}


def seen_of(part: Part) -> Injection:
    """Return what is seen of a part that is injected; a volume that nobody said is 0."""
    return Injection(part.time_of_day[:5], part.route, part.volume_ml_per_kg or 0.0)


def injections_on(parts: Iterable[Part], day: int) -> list[Part]:
    """Return what one arm injects on a day, in the order in which it is seen."""
    given = [part for part in parts if part.is_injection and part.day_from <= day <= part.day_to]
    return sorted(given, key=lambda part: (seen_of(part), part.part))


def days_of(parts: Iterable[Part]) -> range:
    """Return the days from 1 to the last of any part."""
    return range(1, max((part.day_to for part in parts), default=0) + 1)


def intervals(parts: Sequence[Part], every_days: int | None = None) -> list[tuple[int, int]]:
    """Return the spans of days in which no arm changes what is in its syringes, first and last day of each.

    All arms' changes make them, so that the mice of every arm get new codes on the same days.

    Parameters
    ----------
    every_days : int, optional
        New codes after so many days even where nothing changes: for solutions that are made anew.
    """
    injected = [part for part in parts if part.is_injection]
    starts = {part.day_from for part in injected} | {part.day_to + 1 for part in injected}
    if every_days and injected:
        starts |= set(range(min(starts), max(starts), every_days))
    ordered = sorted(starts)
    spans = [(first, following - 1) for first, following in pairwise(ordered)]
    return [span for span in spans if any(part.day_from <= span[0] <= part.day_to for part in injected)]


def spelled_days(days: Iterable[int]) -> str:
    """Return days in words: ``day 14`` or ``days 1-13, 15``."""
    ordered = sorted(set(days))
    spans: list[list[int]] = []
    for day in ordered:
        if spans and day == spans[-1][-1] + 1:
            spans[-1][1:] = [day]
        else:
            spans.append([day])
    words = ", ".join("-".join(map(str, span)) for span in spans)
    return f"day{'s' if len(ordered) > 1 else ''} {words}"
