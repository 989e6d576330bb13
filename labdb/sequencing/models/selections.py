"""Who was sequenced, and by what rule."""

from typing import ClassVar

from django.db import models

from labdb.colony.models import Mouse, refuse_future
from labdb.registry.fields import CodeField
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import one_per, unique_code


class SelectionMoment(models.TextChoices):
    """Whether the outcome could have steered the choice."""

    BEFORE = "before", "before the re-test"
    AFTER = "after", "after the re-test"
    UNKNOWN = "unknown", "unknown"


@tracked
class SequencingSelection(StudyRecord):
    """Which mice were sequenced, and by what rule they were chosen."""

    code = CodeField()
    rule = models.TextField(help_text="As decided, such as: all randomized mice, and 8 resilient drawn by lot.")
    decided = models.CharField(
        max_length=7, choices=SelectionMoment, default=SelectionMoment.UNKNOWN,
        help_text="A choice made after the re-test may have followed its outcome: results say so.",
    )  # fmt: skip
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    seed = models.BigIntegerField(null=True, blank=True)
    algorithm_version = models.CharField(max_length=30, blank=True)
    input_digest = models.CharField("digest of its inputs", max_length=64, blank=True)
    input_snapshot = models.TextField(
        "its inputs", blank=True,
        help_text="The mice that could be chosen, with what the rule looked at in each, as JSON.",
    )  # fmt: skip
    mice = models.ManyToManyField(Mouse, through="SelectionMouse", related_name="sequencing_selections", blank=True)

    class Meta:
        ordering = ["study", "code"]
        constraints = [unique_code("sequencing_selection", "a selection")]

    def clean(self) -> None:
        """Refuse a decision in the future."""
        super().clean()
        refuse_future(decided_at=self.decided_at)


@tracked
class SelectionMouse(StudyRecord):
    """A mouse that was chosen for sequencing."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "selection"

    selection = models.ForeignKey(SequencingSelection, on_delete=models.CASCADE, related_name="chosen")
    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="selections")

    class Meta:
        ordering = ["selection", "mouse"]
        constraints = [
            one_per(
                "selection", "mouse", name="selection_mouse_once", field="mouse",
                sentence="{value} is already in {row.selection}.",
            )
        ]  # fmt: skip
