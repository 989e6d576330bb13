"""The mice of a weighing round in the order of their cages, each with what it weighed before."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from labdb.colony.models import Cohort, Housing, Mouse, MouseIdentification, Study, Weighing, WelfareCheck
from labdb.colony.places import housings_on, place_words
from labdb.registry.natural_order import natural

CURVE_POINTS = 30  # the newest weighings of a mouse that its curve shows


@dataclass(frozen=True)
class Mass:
    """One weighing."""

    pk: int
    version: int
    at: datetime
    body_mass_g: float

    @property
    def day(self) -> date:
        """The day of the laboratory's clock."""
        return timezone.localdate(self.at)


@dataclass
class Weighed:
    """One mouse of the round."""

    mouse: Mouse
    place: str  # cage, position and side; empty where no housing says it
    marks: list[str]
    masses: list[Mass]  # by time, the oldest first
    is_excluded: bool
    n_checks_today: int
    today: date = field(default_factory=timezone.localdate)

    @property
    def present(self) -> Mass | None:
        """The newest weighing of today."""
        return self.masses[-1] if self.masses and self.masses[-1].day == self.today else None

    @property
    def previous(self) -> Mass | None:
        """The newest weighing before today."""
        return next((one for one in reversed(self.masses) if one.day < self.today), None)

    @property
    def baseline(self) -> Mass | None:
        """The mass from before the stress: of the day on which the cohort's course starts, else the last one before.

        Without either (no course yet, or weighed only since) the first mass there is.
        """
        start = self.mouse.cohort.start_date if self.mouse.cohort else None
        if not self.masses:
            return None
        until = [one for one in self.masses if start and one.day <= start]
        return next((one for one in until if one.day == start), until[-1] if until else self.masses[0])

    def for_script(self) -> dict[str, Any]:
        """Return what the page's script knows of the mouse."""
        baseline, previous, present = self.baseline, self.previous, self.present
        return {
            "id": self.mouse.pk,
            "code": self.mouse.code,
            "place": self.place,
            "marks": self.marks,
            "died": str(self.mouse.death_date or ""),
            "excluded": self.is_excluded,
            "baseline": _spoken(baseline) if baseline and baseline.day < self.today else None,
            "previous": _spoken(previous),
            "present": {**_spoken(present), "id": present.pk, "version": present.version} if present else None,
            "curve": [[one.at.isoformat(), one.body_mass_g] for one in self.masses if one is not present][
                -CURVE_POINTS:
            ],
            "checks": self.n_checks_today,
        }


def _spoken(mass: Mass | None) -> Any:
    return {"g": mass.body_mass_g, "at": mass.at.isoformat()} if mass else None


def weighing_round(study: Study, cohort: Cohort | None) -> list[Weighed]:
    """Return the mice of a cohort, or of the whole study, as they stand in the rack; who died before today is left out."""
    today = timezone.localdate()
    mice = Mouse.objects.filter(study=study).filter(Q(death_date=None) | Q(death_date__gte=today))
    chosen = list((mice.filter(cohort=cohort) if cohort else mice).select_related("cohort"))
    ids = [mouse.pk for mouse in chosen]
    housings, masses, marks = housings_on(ids, today), _masses(ids), _marks(chosen)
    excluded = set(Mouse.objects.filter(pk__in=ids, exclusions__isnull=False).values_list("pk", flat=True))
    checks = _checks_today(ids)
    order = sorted(chosen, key=lambda mouse: _place_order(mouse, housings.get(mouse.pk)))
    return [
        Weighed(
            mouse, place_words(housings.get(mouse.pk)), marks[mouse.pk], masses[mouse.pk], mouse.pk in excluded,
            checks[mouse.pk], today,
        )
        for mouse in order
    ]  # fmt: skip


def _masses(ids: list[int]) -> dict[int, list[Mass]]:
    masses: dict[int, list[Mass]] = defaultdict(list)
    rows = Weighing.objects.filter(mouse__in=ids).order_by("performed_at", "pk")
    for mouse_id, pk, version, at, mass_g in rows.values_list("mouse", "pk", "version", "performed_at", "body_mass_g"):
        masses[mouse_id].append(Mass(pk, version, at, mass_g))
    return masses


def _marks(mice: list[Mouse]) -> dict[int, list[str]]:
    """Return what a scanner may read of each mouse beside its code."""
    marks = defaultdict(list, {mouse.pk: [mouse.ear_tag] for mouse in mice if mouse.ear_tag})
    worn = MouseIdentification.objects.filter(mouse__in=[mouse.pk for mouse in mice], removed_date=None)
    for mouse_id, value in worn.values_list("mouse_id", "value"):
        if value not in marks[mouse_id]:
            marks[mouse_id].append(value)
    return marks


def _checks_today(ids: list[int]) -> dict[int, int]:
    counts: dict[int, int] = defaultdict(int)
    start = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    for mouse_id in WelfareCheck.objects.filter(mouse__in=ids, performed_at__gte=start).values_list(
        "mouse_id", flat=True
    ):
        counts[mouse_id] += 1
    return counts


def _place_order(mouse: Mouse, housing: Housing | None) -> tuple[Any, ...]:
    cage = housing.cage if housing else None
    if cage is None or housing is None:
        return (1, (), (), (), (), "", natural(mouse.code))
    return (
        0,
        natural(cage.room),
        natural(cage.rack),
        natural(cage.position),
        natural(cage.code),
        housing.side,
        natural(mouse.code),
    )
