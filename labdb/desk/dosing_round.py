"""The doses of a day in the order of the cages, each with its syringe, its volume and the mass that it follows from."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from labdb.colony.models import Cohort, Mouse, Study, Weighing
from labdb.colony.places import housings_on, place_words
from labdb.desk.weighing_sheet import marks_of, place_order
from labdb.treatment.dose_findings import volume_ml
from labdb.treatment.models import Dose, DoseStatus, SolutionKey

MASS_DAYS = 60  # an older mass says nothing of a dose


@dataclass(frozen=True)
class MassUsed:
    """The newest mass of a mouse."""

    body_mass_g: float
    at: datetime

    @property
    def age_h(self) -> float:
        """How old it is."""
        return (timezone.now() - self.at).total_seconds() / 3600

    @property
    def is_old(self) -> bool:
        """Whether the mouse should be weighed anew."""
        return self.age_h > settings.DOSE_MASS_AGE_H


@dataclass
class DoseOfRound:
    """One dose of the day."""

    dose: Any
    place: str
    marks: list[str]
    mass: MassUsed | None
    is_excluded: bool
    bottle: str = ""  # what the syringe was filled from; never while the study is blinded

    @property
    def mouse(self) -> Mouse:
        """Who gets it."""
        return self.dose.mouse

    @property
    def ml(self) -> float | None:
        """What was given; of a planned dose, what its plan makes of the newest mass."""
        dose = self.dose
        if dose.status != DoseStatus.PLANNED or not dose.volume_ml_per_kg or self.mass is None:
            return dose.volume_ml
        return volume_ml(dose.volume_ml_per_kg, self.mass.body_mass_g)

    def for_script(self) -> dict[str, Any]:
        """Return what the page's script knows of the dose."""
        dose, mouse = self.dose, self.mouse
        return {
            "id": dose.pk,
            "mouse": {"id": mouse.pk, "code": mouse.code, "marks": self.marks},
            "place": self.place,
            "died": str(mouse.death_date or ""),
            "excluded": self.is_excluded,
            "syringe": dose.solution_code,
            "bottle": self.bottle,
            "ml_per_kg": dose.volume_ml_per_kg,
            "route": dose.route,
            "due": dose.planned_at.isoformat(),
            "mass": {"g": self.mass.body_mass_g, "at": self.mass.at.isoformat()} if self.mass else None,
            "stored": stored_words(dose),
        }


def stored_words(dose: Any) -> dict[str, Any]:
    """Return what is stored of a dose, as the page's script knows it."""
    return {
        "version": dose.version,
        "status": dose.status,
        "at": dose.given_at.isoformat() if dose.given_at else "",
        "ml": dose.volume_ml,
        "reason": dose.reason,
        "by": (dose.performed_by.get_full_name() or dose.performed_by.get_username()) if dose.performed_by else "",
    }


def doses_of_day(study: Study, cohort: Cohort | None, day: date) -> Any:
    """Return the doses that are planned for a day, whatever became of them."""
    begin = timezone.make_aware(datetime.combine(day, datetime.min.time()))
    end = timezone.make_aware(datetime.combine(day + timedelta(days=1), datetime.min.time()))
    found = Dose.objects.filter(study=study, planned_at__gte=begin, planned_at__lt=end)
    found = found.filter(mouse__cohort=cohort) if cohort is not None else found
    return found.select_related("mouse__study", "mouse__cohort", "performed_by")


def dosing_round(study: Study, cohort: Cohort | None, day: date, user: Any) -> list[DoseOfRound]:
    """Return the doses of a day by hour and cage; a mouse that died before the day is left out."""
    is_left = Q(mouse__death_date=None) | Q(mouse__death_date__gte=day) | ~Q(status=DoseStatus.PLANNED)
    doses = list(doses_of_day(study, cohort, day).filter(is_left))
    mice = {dose.mouse_id: dose.mouse for dose in doses}
    ids = list(mice)
    housings, masses, marks = housings_on(ids, day), newest_masses(ids), marks_of(list(mice.values()))
    excluded = set(Mouse.objects.filter(pk__in=ids, exclusions__isnull=False).values_list("pk", flat=True))
    bottles = _bottles(study, {dose.solution_code for dose in doses}, user)
    order = sorted(
        doses, key=lambda dose: (dose.planned_at, place_order(dose.mouse, housings.get(dose.mouse_id)), dose.pk)
    )
    return [
        DoseOfRound(
            dose, place_words(housings.get(dose.mouse_id)), marks[dose.mouse_id], masses.get(dose.mouse_id),
            dose.mouse_id in excluded, bottles.get(dose.solution_code, ""),
        )
        for dose in order
    ]  # fmt: skip


def _bottles(study: Study, codes: set[str], user: Any) -> dict[str, str]:
    """Return solution, lot and expiry behind each code; none while blinded: who holds the key does not dose by it."""
    if study.is_blinded:
        return {}
    keys = SolutionKey.objects.all().visible_to(user).filter(study=study, code__in=codes).select_related("solution")
    return {key.code: _bottle_words(key.solution) for key in keys}


def _bottle_words(solution: Any) -> str:
    until = timezone.localtime(solution.expires_at).strftime("%Y-%m-%d %H:%M") if solution.expires_at else ""
    parts = [solution.code, solution.lot and f"lot {solution.lot}", until and f"usable until {until}"]
    return ", ".join(filter(None, parts))


def newest_masses(mice: list[int]) -> dict[int, MassUsed]:
    """Return the newest mass of each mouse (primary keys)."""
    since = timezone.now() - timedelta(days=MASS_DAYS)
    rows = Weighing.objects.filter(mouse__in=mice, performed_at__gte=since).order_by("performed_at", "pk")
    found = rows.values_list("mouse", "body_mass_g", "performed_at")
    return {mouse: MassUsed(mass_g, at) for mouse, mass_g, at in found}
