"""Who met whom: what bouts and rotations say against each other."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from analysis.kernels.phenotype import CONTROL_GROUP
from labdb.colony.models import overlapping
from labdb.colony.models.dates import day_of, spell
from labdb.registry.findings import Finding, Grade

LONGEST = timedelta(hours=1)  # of physical contact: its rule allows no more
SHARED_BY_DESIGN = "CNSDS"  # a male and a female meet one resident together


def unfit(rows: Sequence[Any]) -> Iterator[Finding]:
    """Warn of a control that is defeated, an aggressor out of use, and a day beyond the course."""
    for number, row in enumerate(rows):
        if row.mouse.group == CONTROL_GROUP:
            sentence = f"{row.mouse} is a control, and controls never meet an aggressor; check the mouse or its group."
            yield Finding(number, "mouse", sentence, Grade.WARNING)
        if row.course and row.day > row.course.days:
            sentence = f"Day {row.day} is beyond the {row.course.days} days of course {row.course}; check the day."
            yield Finding(number, "day", sentence, Grade.WARNING)
        if row.aggressor is None or row.performed_at is None:
            continue
        day = day_of(row.performed_at)
        if why := row.aggressor.unfit_on(day):
            sentence = f"Aggressor {row.aggressor} {why}; the bout is of {day}. Check the aggressor or the date."
            yield Finding(number, "aggressor", sentence, Grade.WARNING)


def met_before(
    rows: Sequence[Any], others: Any, *, partner: str, what: str, advice: str, verb: str = "met"
) -> Iterator[Finding]:
    """Warn of a pair that is recorded or planned on another day too; within a sheet, at the later day."""
    column = f"{partner}_id"
    stored = others.filter(mouse__in={row.mouse_id for row in rows}, **{f"{partner}__isnull": False})
    days: dict[tuple[int, int], list[int]] = {}
    for mouse, other, day in stored.order_by("day").values_list("mouse_id", column, "day"):
        days.setdefault((mouse, other), []).append(day)
    for number, row in sorted(enumerate(rows), key=lambda one: one[1].day):
        if getattr(row, column) is None:
            continue
        met_on = days.setdefault((row.mouse_id, getattr(row, column)), [])
        if met_on:
            named = f"day{'s' if len(met_on) > 1 else ''} {', '.join(map(str, met_on))}"
            sentence = f"{what} {getattr(row, partner)} and {row.mouse} also {verb} on {named}; {advice}, or say why."
            yield Finding(number, partner, sentence, Grade.WARNING)
        met_on.append(row.day)


def two_at_once(rows: Sequence[Any], others: Any) -> Iterator[Finding]:
    """Refuse one aggressor with two mice at the same time, in whatever study."""
    near = others.filter(aggressor__in={row.aggressor_id for row in rows if row.aggressor_id})
    starts = [row.performed_at for row in rows if row.performed_at]
    if not starts:
        return
    near = near.filter(performed_at__gt=min(starts) - LONGEST, performed_at__lt=max(starts) + LONGEST)
    for number, other in overlapping(rows, near, place=lambda row: row.aggressor_id, span=lambda row: row.span):
        row = rows[number]
        if other.mouse_id == row.mouse_id or (_is_shared(row) and _is_shared(other)):
            continue
        whom = str(other.mouse) if other.study_id == row.study_id else "a mouse of another study"
        yield Finding(
            number,
            "performed_at",
            f"Aggressor {row.aggressor} was with {whom} at {spell(other.performed_at)}; correct the time or the aggressor.",
        )


def _is_shared(row: Any) -> bool:
    return row.course is not None and row.course.stress_model == SHARED_BY_DESIGN
