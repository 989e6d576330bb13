"""What is done with one mouse at a known time."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from labdb.colony.body_mass import sudden_changes
from labdb.colony.models.dates import refuse_future, refuse_outside_life
from labdb.colony.models.mouse import Mouse
from labdb.colony.models.study import Study
from labdb.registry.fields import FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import UniqueRule, between


class BenchEvent(StudyRecord):
    """Something done with one mouse at a known time: who did it is not always who typed it."""

    study_from: ClassVar[str | None] = "mouse"
    time_field: ClassVar[str] = "performed_at"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="%(class)ss")
    performed_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Who did it."
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Refuse an event in the future, before the mouse's birth or after its death."""
        super().clean()
        at = getattr(self, self.time_field)
        refuse_future(**{self.time_field: at})
        if self.mouse_id is not None:
            refuse_outside_life(self.mouse, self.time_field, at)


@tracked
class Weighing(BenchEvent):
    """The body mass of one mouse at one time."""

    key_field: ClassVar[str] = "pk"

    # Every weighing is written into every index, so these two have none of their own: the rule "once per mouse and
    # time" and the study's indexes below begin with them.
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+", db_index=False)
    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="weighings", db_index=False)
    performed_at = models.DateTimeField("weighed at", default=timezone.now)
    body_mass_g = FiniteFloatField("body mass (g)", help_text="Of the living mouse, such as 25.4.")

    class Meta:
        ordering = ["-performed_at", "-pk"]  # not by mouse: a study has millions, and no index knows its codes
        # Two million are listed by time, in one study and over all, and by mass to find what was mistyped; the id
        # decides between equal values, so that a page is read off the index whole.
        indexes = [
            models.Index(fields=["study", "performed_at", "id"], name="weighing_study_time"),
            models.Index(fields=["study", "body_mass_g", "id"], name="weighing_study_mass"),
            models.Index(fields=["performed_at", "id"], name="weighing_time"),
            models.Index(fields=["body_mass_g", "id"], name="weighing_mass"),
        ]
        constraints = [
            between("body_mass_g", 1, 100, "g", "weighing_mass_of_a_mouse"),
            UniqueRule(
                fields=("mouse", "performed_at"),
                name="weighing_once_per_time",
                field="performed_at",
                sentence="{row.mouse} was already weighed at {value}; edit that weighing or correct the time.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mouse} {self.body_mass_g} g"

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Warn of a mass far from the mouse's others."""
        yield from super().findings(rows)
        yield from sudden_changes(rows)
