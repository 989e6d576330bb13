"""Cages, and which mouse lived in which, beside whom."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q

from labdb.colony.models.dates import overlapping, refuse_future, refuse_outside_life
from labdb.colony.models.events import BenchEvent
from labdb.colony.models.mouse import Mouse
from labdb.registry.fields import CodeField
from labdb.registry.findings import Finding, Grade
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.name_search import folded_index
from labdb.registry.rules import RowRule, one_per, unique_code


class CageKind(models.TextChoices):
    """What a cage is made for."""

    SINGLE = "single", "single"
    DIVIDED = "divided", "divided by a perforated wall"
    GROUP = "group", "group"


@tracked
class Cage(StudyRecord):
    """A cage and its place in the room."""

    code = CodeField(help_text="As on the cage card; unique in the study.")
    room = models.CharField(max_length=50, blank=True)
    rack = models.CharField(max_length=50, blank=True)
    position = models.CharField(max_length=20, blank=True, help_text="In the rack, such as B4.")
    kind = models.CharField(max_length=7, choices=CageKind, blank=True)

    class Meta:
        ordering = ["study", "code"]
        indexes = [folded_index("code", "cage_code_folded")]
        constraints = [unique_code("cage", "a cage")]


class HousingKind(models.TextChoices):
    """With whom a mouse lives."""

    SINGLE = "single", "alone"
    PAIR = "pair", "in a pair"
    DIVIDED = "divided", "beside another, across a divider"
    GROUP = "group", "in a group"


class DividerSide(models.TextChoices):
    """Side of the divider, seen from the front of the cage."""

    LEFT = "L", "left"
    RIGHT = "R", "right"


@tracked
class Housing(BenchEvent):
    """One mouse in one cage, from a day until it was moved."""

    key_field: ClassVar[str] = "pk"
    time_field: ClassVar[str] = "housed_from"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="housings")
    cage = models.ForeignKey(
        Cage, null=True, blank=True, on_delete=models.PROTECT, related_name="housings",
        help_text="Empty when only the kind of housing is known.",
    )  # fmt: skip
    side = models.CharField(
        "side of the divider", max_length=1, choices=DividerSide, blank=True, help_text="Seen from the front."
    )
    kind = models.CharField("housed", max_length=7, choices=HousingKind, blank=True)
    housed_from = models.DateField(help_text="Day of moving in.")
    housed_to = models.DateField(
        null=True,
        blank=True,
        help_text="Day of moving out, which may be the first day elsewhere; empty while it lasts.",
    )

    class Meta:
        ordering = ["mouse", "housed_from"]
        constraints = [
            RowRule(
                condition=Q(housed_to__gte=F("housed_from")), name="housing_days_in_order", field="housed_to",
                sentence="{value} is before the day of moving in ({row.housed_from}); exchange the two.",
            ),
            RowRule(
                condition=Q(side="") | Q(kind=HousingKind.DIVIDED), name="housing_side_of_a_divider", field="side",
                sentence="A side needs a divider; leave it empty, or enter divided as the kind of housing.",
            ),
            one_per(
                "mouse", "housed_from", name="housing_once_per_day", field="housed_from",
                sentence="{row.mouse} was already moved on {value}; edit that housing.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        where = f"in cage {self.cage}" if self.cage else self.get_kind_display()
        return f"{self.mouse} {where} from {self.housed_from}"

    def clean(self) -> None:
        """Refuse an end in the future or after the mouse's death."""
        super().clean()
        refuse_future(housed_to=self.housed_to)
        if self.mouse_id is not None:
            refuse_outside_life(self.mouse, "housed_to", self.housed_to)

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse a mouse in two places at once; warn of two where one should be."""
        yield from super().findings(rows)
        others = cls.objects.exclude(pk__in=[row.pk for row in rows if row.pk]).select_related("mouse", "cage")
        of_mice = others.filter(mouse__in={row.mouse_id for row in rows})
        for number, other in overlapping(rows, of_mice, place=lambda row: row.mouse_id, span=_days):
            until = f"to {other.housed_to}" if other.housed_to else "without an end"
            yield Finding(
                number,
                "housed_from",
                f"{other} ({until}): a mouse is in one place at a time; enter the end of that housing, or correct the days.",
            )
        in_cages = others.filter(cage__in={row.cage_id for row in rows if row.cage_id})
        for number, other in overlapping(rows, in_cages, place=lambda row: row.cage_id, span=_days):
            if other.mouse_id != rows[number].mouse_id and (crowded := _crowded(rows[number], other)):
                field, sentence = crowded
                yield Finding(number, field, sentence, Grade.WARNING)


def _days(row: Housing) -> tuple[Any, Any]:
    return row.housed_from, row.housed_to


def _crowded(row: Housing, other: Housing) -> tuple[str, str] | None:
    """Return field and sentence where two mice share what holds one."""
    if row.side and row.side == other.side:
        side = row.get_side_display()
        return "side", f"{other.mouse} is on the {side} side of cage {row.cage} on the same days; check the side."
    if HousingKind.SINGLE in (row.kind, other.kind):
        return "kind", f"{other.mouse} is in cage {row.cage} on the same days, and one of the two is housed alone."
    return None
