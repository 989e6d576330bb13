"""By what marks a mouse is known, and why it does not count."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from labdb.colony.excludable import SEEN_BLIND
from labdb.colony.models.dates import overlapping, refuse_future, refuse_outside_life
from labdb.colony.models.events import BenchEvent
from labdb.colony.models.mouse import Mouse
from labdb.registry.findings import Finding, Grade
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.name_search import folded_index
from labdb.registry.rules import RowRule, one_per


class MarkKind(models.TextChoices):
    """How a mouse is marked."""

    EAR_TAG = "ear tag", "ear tag"
    EAR_PUNCH = "ear punch", "ear punch"
    TATTOO = "tattoo", "tattoo"
    MICROCHIP = "microchip", "microchip"
    TAIL_MARK = "tail mark", "tail mark"
    TOE_CLIP = "toe clip", "toe clip"
    OTHER = "other", "other"


@tracked
class MouseIdentification(BenchEvent):
    """A mark that a mouse bears or bore; tags fall out, pens fade."""

    key_field: ClassVar[str] = "value"
    time_field: ClassVar[str] = "applied_date"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="identifications")
    kind = models.CharField(max_length=9, choices=MarkKind, default=MarkKind.EAR_TAG)
    value = models.CharField(max_length=50, help_text="What the mark says, such as 0412 or two stripes.")
    applied_date = models.DateField("applied on", null=True, blank=True)
    removed_date = models.DateField("lost or removed on", null=True, blank=True, help_text="Empty while it is borne.")

    class Meta:
        ordering = ["mouse", "applied_date", "kind"]
        indexes = [folded_index("value", "mouse_mark_folded")]
        constraints = [
            RowRule(
                condition=Q(removed_date__gte=F("applied_date")), name="mouse_identification_dates_in_order",
                field="removed_date",
                sentence="{value} is before it was applied ({row.applied_date}); exchange the two dates.",
            ),
            one_per(
                "mouse", "kind", "value", name="mouse_identification_once", field="value",
                sentence="{row.mouse} already has the {row.kind} {value}; edit that identification.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse} {self.kind} {self.value}"

    def clean(self) -> None:
        """Refuse a removal in the future or outside the mouse's life."""
        super().clean()
        refuse_future(removed_date=self.removed_date)
        if self.mouse_id is not None:
            refuse_outside_life(self.mouse, "removed_date", self.removed_date)

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Warn of a mark that another mouse of the study bears at the same time."""
        yield from super().findings(rows)
        same_value = cls.objects.filter(study__in={row.study_id for row in rows}, value__in={row.value for row in rows})
        stored = same_value.exclude(pk__in=[row.pk for row in rows if row.pk]).select_related("mouse")
        found = overlapping(
            rows,
            stored,
            place=lambda row: (row.study_id, row.kind, row.value),
            span=lambda row: (row.applied_date, row.removed_date),
        )
        for number, other in found:
            if other.mouse_id != rows[number].mouse_id:
                yield Finding(
                    number,
                    "value",
                    f"{other.mouse} bears the {other.kind} {other.value} at the same time; correct one of the two.",
                    Grade.WARNING,
                )


@tracked
class Exclusion(StudyRecord):
    """Why a mouse is left out of every analysis; its records stay."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "mouse"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="exclusions")
    criterion = models.CharField(max_length=200, help_text="Why, such as lost more than 20 % of its body mass.")
    is_a_priori = models.BooleanField(
        "criterion set a priori",
        null=True,
        blank=True,
        help_text="Whether the criterion was written down before any result was seen; empty when nobody knows.",
    )
    is_blind = models.BooleanField("decided blind", null=True, blank=True, help_text=SEEN_BLIND)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["mouse", "criterion"]
        constraints = [
            one_per(
                "mouse", "criterion", name="exclusion_once_per_criterion", field="criterion",
                sentence="{row.mouse} is already excluded by this criterion; edit that exclusion.",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse}: {self.criterion}"

    def clean(self) -> None:
        """Refuse a decision in the future."""
        super().clean()
        refuse_future(decided_at=self.decided_at)
