"""The sheet of a day of dissections: mice in their order, regions as columns, and what is stored of each."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from labdb.colony.models import Cohort, Mouse, Study
from labdb.colony.places import housings_on, place_words
from labdb.desk.dissect_facts import LastFacts, last_facts
from labdb.desk.weighing_sheet import marks_of, place_order
from labdb.tissue.models import Dissection, RegionNotTaken, TissueSample

CHANCE, CAGES = "chance", "cages"
ORDERS = ((CHANCE, "by chance"), (CAGES, "as the cages stand"))
OF_TISSUE = ("hemisphere", "punch_mm", "punch_count", "bregma_from_mm", "bregma_to_mm")


@dataclass(frozen=True)
class Cell:
    """One region of one mouse: its tube with the minutes from death, why there is none, or neither."""

    sample: TissueSample | None = None
    minutes: float | None = None
    reason: str = ""


@dataclass
class MouseOfSheet:
    """One row of the sheet."""

    mouse: Mouse
    order: int
    place: str
    marks: list[str]
    is_excluded: bool
    facts: LastFacts
    dissection: Dissection | None = None
    samples: list[TissueSample] = field(default_factory=list)
    not_taken: list[RegionNotTaken] = field(default_factory=list)

    def for_script(self) -> dict[str, Any]:
        """Return what the page's script knows of the mouse."""
        facts = self.facts
        return {
            "id": self.mouse.pk,
            "code": self.mouse.code,
            "order": self.order,
            "place": self.place,
            "marks": self.marks,
            "excluded": self.is_excluded,
            "dosed_at": facts.dosed_at.isoformat() if facts.dosed_at else "",
            "tested_at": facts.tested_at.isoformat() if facts.tested_at else "",
            "warning": facts.warning,
            **self.stored(),
        }

    def stored(self) -> dict[str, Any]:
        """Return what is stored of the mouse, whichever tablet entered it."""
        return {
            "version": self.mouse.version,
            "died": str(self.mouse.death_date or ""),
            "dissection": _dissection_words(self.dissection),
            "samples": [_sample_words(one) for one in self.samples],
            "not_taken": [
                {"id": one.pk, "version": one.version, "region": one.region.code, "reason": one.reason}
                for one in self.not_taken
            ],
        }

    def cells(self, columns: list[dict[str, Any]]) -> list[Cell]:
        """Return what a paper sheet or a look back shows below each column."""
        alone = Counter(column["region"] for column in columns)
        return [self._cell(column, is_alone=alone[column["region"]] == 1) for column in columns]

    def _cell(self, column: dict[str, Any], *, is_alone: bool) -> Cell:
        region, side = column["region"], column["hemisphere"]
        for sample in self.samples:
            if sample.region.code == region and (is_alone or sample.hemisphere == side):
                return Cell(sample, minutes(sample, self.dissection))
        return Cell(reason=next((one.reason for one in self.not_taken if one.region.code == region), ""))


def minutes(sample: TissueSample, dissection: Dissection | None) -> float | None:
    """Return the minutes from death to the frozen tube, where both times are known."""
    if sample.frozen_at is None or dissection is None or dissection.performed_at is None:
        return None
    return round((sample.frozen_at - dissection.performed_at).total_seconds() / 60, 1)


def _dissection_words(one: Dissection | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "id": one.pk,
        "version": one.version,
        "at": one.performed_at.isoformat() if one.performed_at else "",
        "minutes": one.minutes_to_freeze,
        "by": (one.performed_by.get_full_name() or one.performed_by.get_username()) if one.performed_by else "",
        "url": reverse("record-detail", args=["dissections", one.pk]),
    }


def _sample_words(one: TissueSample) -> dict[str, Any]:
    return {
        "id": one.pk,
        "version": one.version,
        "code": one.code,
        "region": one.region.code,
        **{name: getattr(one, name) for name in OF_TISSUE},
        "box": one.box.code if one.box else "",
        "position": one.position,
        "frozen_at": one.frozen_at.isoformat() if one.frozen_at else "",
        "url": reverse("record-detail", args=["tissue-samples", one.pk]),
    }


def sheet_of(
    study: Study, cohort: Cohort | None, day: date, user: Any, *, order: str = CHANCE, chosen: set[str] | None = None
) -> list[MouseOfSheet]:
    """Return the mice to be dissected on a day, or that were; on a past day, only those that were.

    Parameters
    ----------
    chosen : set of str, optional
        Primary keys of mice that were ticked in a list; the others are left out.
    """
    done = Dissection.objects.filter(study=study, performed_at__date=day)
    which = Q(pk__in=done.values("mouse"))
    if day == timezone.localdate():
        which |= Q(death_date=None) | Q(death_date=day)
    mice: Any = Mouse.objects.filter(which, study=study).select_related("study")
    mice = list(mice.filter(cohort=cohort) if cohort else mice)
    mice = [mouse for mouse in mice if chosen is None or str(mouse.pk) in chosen]
    return _rows(study, mice, day, order, user)


def _rows(study: Study, mice: list[Any], day: date, order: str, user: Any) -> list[MouseOfSheet]:
    ids = [mouse.pk for mouse in mice]
    housings, marks, facts = housings_on(ids, day), marks_of(mice), last_facts(study, ids, user)
    excluded = set(Mouse.objects.filter(pk__in=ids, exclusions__isnull=False).values_list("pk", flat=True))
    dissections = {one.mouse_id: one for one in _of(Dissection, ids, "performed_by")}
    samples, not_taken = defaultdict(list), defaultdict(list)
    for sample in _of(TissueSample, ids, "region", "box"):
        samples[sample.mouse_id].append(sample)
    for one in _of(RegionNotTaken, ids, "region"):
        not_taken[one.mouse_id].append(one)

    def place_of(mouse: Any) -> tuple[Any, ...]:
        return (
            place_order(mouse, housings.get(mouse.pk)) if order == CAGES else (by_chance(study.code, day, mouse.code),)
        )

    rows = [
        MouseOfSheet(
            mouse, _recorded(dissections.get(mouse.pk)) or number, place_words(housings.get(mouse.pk)), marks[mouse.pk], mouse.pk in excluded, facts[mouse.pk],
            dissections.get(mouse.pk), samples[mouse.pk], not_taken[mouse.pk],
        )
        for number, mouse in enumerate(sorted(mice, key=place_of), start=1)
    ]  # fmt: skip
    if day != timezone.localdate():
        rows.sort(key=_as_done)
    return rows


def _recorded(one: Dissection | None) -> int | None:
    return one.order_of_day if one else None


def _as_done(row: MouseOfSheet) -> tuple[Any, ...]:
    done = row.dissection
    return (done.performed_at, done.order_of_day or 0) if done else ()


def _of(model: Any, mice: list[int], *related: str) -> Any:
    return model.objects.filter(mouse__in=mice).select_related(*related)


def by_chance(study: str, day: date, mouse: str) -> str:
    """Return a mouse's lot in the order of a day.

    It follows from day and code alone: the same on every tablet and on paper, told again by anybody afterwards, and
    the same whoever else is dissected that day. Nobody can draw anew until an order pleases.
    """
    return sha256(f"{study} {day} {mouse}".encode()).hexdigest()
