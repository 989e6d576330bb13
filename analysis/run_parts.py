"""The parts of a run that several workers compute: what of each is done, by whom, and what came of it."""

from django.db import models

from analysis.models import AnalysisRun


class PartState(models.TextChoices):
    """Who has a part."""

    FREE = "free", "waits"
    HELD = "held", "with the run's own worker"
    LENT = "lent", "with a helper"
    RETURNED = "returned", "a helper could not do it"
    DONE = "done", "done"


class RunPart(models.Model):
    """One part of a run's work and its result, kept until the run has ended; written by `analysis.fan_out` alone."""

    run = models.ForeignKey(AnalysisRun, on_delete=models.CASCADE, related_name="parts")
    place = models.PositiveIntegerField(help_text="Among the parts of the run, from 0.")
    name = models.CharField(max_length=200)
    input_digest = models.CharField(max_length=64, help_text="Of what the run read: a helper must have read the same.")
    state = models.CharField(max_length=8, choices=PartState, default=PartState.FREE)
    attempt = models.PositiveSmallIntegerField(default=0)
    share = models.PositiveSmallIntegerField(default=0, help_text="How much of it is done (%).")
    heartbeat_at = models.DateTimeField(null=True)
    result = models.TextField(blank=True, help_text="Signed like the messages to the workers.")

    class Meta:
        ordering = ["run", "place"]
        constraints = [models.UniqueConstraint(fields=["run", "place"], name="run_part_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.run}"
