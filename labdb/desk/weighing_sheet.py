"""The mice of a weighing round in the order of their cages, each with what it weighed before."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, OuterRef, Q, Subquery
from django.utils import timezone

from labdb.colony.mass_loss import FALLS_IN_A_ROW, Weighed, baseline_of, endpoint_g, falling
from labdb.colony.models import Cohort, Housing, Mouse, MouseIdentification, Study, Weighing, WelfareCheck
from labdb.colony.places import housings_on, place_words
from labdb.defeat.first_day import first_day_of_stress
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

    def for_script(self) -> dict[str, Any]:
        """Return what the page's script knows of a mass of today."""
        return {"g": self.body_mass_g, "at": self.at.isoformat(), "id": self.pk, "version": self.version}


@dataclass
class MouseOfRound:
    """One mouse of the round."""

    mouse: Mouse
    place: str  # cage, position and side; empty where no housing says it
    marks: list[str]
    masses: list[Mass]  # by time, the oldest first
    is_excluded: bool
    n_checks_today: int
    first_day: date | None = None  # of the stress
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
    def baseline(self) -> Weighed | None:
        """The mass from before the stress, with its day."""
        return baseline_of([(one.day, one.body_mass_g) for one in self.masses], self.first_day)

    def for_script(self) -> dict[str, Any]:
        """Return what the page's script knows of the mouse."""
        previous, present = self.previous, self.present
        baseline = self.baseline if self.baseline and self.baseline[0] < self.today else None
        before = [(one.day, one.body_mass_g) for one in self.masses if one.day < self.today]
        return {
            "id": self.mouse.pk,
            "code": self.mouse.code,
            "place": self.place,
            "marks": self.marks,
            "died": str(self.mouse.death_date or ""),
            "excluded": self.is_excluded,
            "baseline": {"g": baseline[1], "day": str(baseline[0])} if baseline else None,
            "endpoint_g": endpoint_g(baseline[1], settings.HUMANE_ENDPOINT_PERCENT) if baseline else None,
            "fell": falling(before, FALLS_IN_A_ROW - 1),  # a mass below the last of them is one fall too many
            "previous": _spoken(previous),
            "present": present.for_script() if present else None,
            "curve": [[one.at.isoformat(), one.body_mass_g] for one in self.masses if one is not present][
                -CURVE_POINTS:
            ],
            "checks": self.n_checks_today,
        }


def _spoken(mass: Mass | None) -> Any:
    return {"g": mass.body_mass_g, "at": mass.at.isoformat()} if mass else None


def weighing_round(study: Study, cohort: Cohort | None) -> list[MouseOfRound]:
    """Return the mice of a cohort, or of the whole study, as they stand in the rack; who died before today is left out."""
    today = timezone.localdate()
    mice = Mouse.objects.filter(study=study).filter(Q(death_date=None) | Q(death_date__gte=today))
    chosen: Any = list((mice.filter(cohort=cohort) if cohort else mice).annotate(first_day=first_day_of_stress()))
    ids = [mouse.pk for mouse in chosen]
    housings, masses, marks = housings_on(ids, today), _masses(ids), marks_of(chosen)
    excluded = set(Mouse.objects.filter(pk__in=ids, exclusions__isnull=False).values_list("pk", flat=True))
    checks = _checks_today(ids)
    order = sorted(chosen, key=lambda mouse: place_order(mouse, housings.get(mouse.pk)))
    return [
        MouseOfRound(
            mouse, place_words(housings.get(mouse.pk)), marks[mouse.pk], masses[mouse.pk], mouse.pk in excluded,
            checks[mouse.pk], mouse.first_day, today,
        )
        for mouse in order
    ]  # fmt: skip


def masses_of_today(study: Study, cohort: Cohort | None) -> dict[int, dict[str, Any]]:
    """Return the newest mass of today of each mouse of a round, whichever tablet entered it, by one query."""
    checks = WelfareCheck.objects.filter(mouse=OuterRef("mouse"), performed_at__gte=_start_of_today()).order_by()
    count = checks.values("mouse").annotate(n=Count("pk")).values("n")
    rows = Weighing.objects.filter(study=study, performed_at__gte=_start_of_today()).annotate(n_checks=Subquery(count))
    if cohort is not None:
        rows = rows.filter(mouse__cohort=cohort)
    return {
        row.mouse_id: {
            **Mass(row.pk, row.version, row.performed_at, row.body_mass_g).for_script(),
            "by": (row.performed_by.get_full_name() or row.performed_by.get_username()) if row.performed_by else "",
            "checks": row.n_checks or 0,
        }
        for row in rows.select_related("performed_by").order_by("performed_at", "pk")
    }


def _start_of_today() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def _masses(ids: list[int]) -> dict[int, list[Mass]]:
    masses: dict[int, list[Mass]] = defaultdict(list)
    rows = Weighing.objects.filter(mouse__in=ids).order_by("performed_at", "pk")
    for mouse_id, pk, version, at, mass_g in rows.values_list("mouse", "pk", "version", "performed_at", "body_mass_g"):
        masses[mouse_id].append(Mass(pk, version, at, mass_g))
    return masses


def marks_of(mice: list[Mouse]) -> dict[int, list[str]]:
    """Return what a scanner may read of each mouse beside its code."""
    marks = defaultdict(list, {mouse.pk: [mouse.ear_tag] for mouse in mice if mouse.ear_tag})
    worn = MouseIdentification.objects.filter(mouse__in=[mouse.pk for mouse in mice], removed_date=None)
    for mouse_id, value in worn.values_list("mouse_id", "value"):
        if value not in marks[mouse_id]:
            marks[mouse_id].append(value)
    return marks


def _checks_today(ids: list[int]) -> dict[int, int]:
    counts: dict[int, int] = defaultdict(int)
    checks = WelfareCheck.objects.filter(mouse__in=ids, performed_at__gte=_start_of_today())
    for mouse_id in checks.values_list("mouse_id", flat=True):
        counts[mouse_id] += 1
    return counts


def place_order(mouse: Mouse, housing: Housing | None) -> tuple[Any, ...]:
    """Return what sorts mice as they stand in the rack; those without a cage come last."""
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
