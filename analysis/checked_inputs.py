"""What a task would read now, kept beside the last change that was seen, so that a page need not read it anew."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now

from labdb.colony.models import Study


class CheckedInputs(models.Model):
    """A memory, and nothing but: the inputs of one question as of a watermark; any row may be deleted at any time."""

    key_field: ClassVar[str] = "pk"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="+")
    task = models.CharField(max_length=30)
    question = models.CharField(max_length=64, help_text="SHA-256 of parameters and blinding.")
    parts: Any = models.JSONField(default=dict, help_text="As `AnalysisRun.input_parts`.")
    problem = models.TextField(blank=True, help_text="Why it cannot be read any more.")
    watermark: Any = models.JSONField(default=dict)
    checked_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["study", "task", "question"], name="checked_inputs_once")]

    def __str__(self) -> str:
        return f"inputs of {self.task} in {self.study}"
