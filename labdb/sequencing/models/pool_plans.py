"""The record of a plan: from it and its seed the same libraries are dealt into the same pools again."""

from django.db import models
from django.utils import timezone

from labdb.colony.models import refuse_future
from labdb.registry.fields import CodeField
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import between, unique_code


@tracked
class PoolPlan(StudyRecord):
    """Libraries dealt into pools, balanced over what could be confounded with them."""

    code = CodeField()
    factors = models.CharField(
        max_length=200, blank=True, help_text="Kept even, the most important first; separated by semicolons."
    )
    n_pools = models.PositiveSmallIntegerField("pools")
    n_libraries = models.PositiveIntegerField("libraries")
    lanes = models.CharField(max_length=200, blank=True, help_text="Run and lanes; empty where none was planned.")
    evenness = models.CharField(
        max_length=300, blank=True,
        help_text="By factor, libraries by which the farthest count misses its fair share; in brackets what whole libraries must miss.",
    )  # fmt: skip
    seed = models.BigIntegerField(null=True, blank=True)
    algorithm_version = models.CharField(max_length=30, blank=True)
    input_digest = models.CharField("digest of its inputs", max_length=64, blank=True)
    input_snapshot = models.TextField(
        "its inputs", blank=True,
        help_text="The libraries with their levels in the order in which they were dealt, as JSON; without arms where the study was blinded.",
    )  # fmt: skip
    planned_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["study", "code"]
        constraints = [
            unique_code("pool_plan", "a pool plan"),
            between("n_pools", 1, 96, "pools", "pool_plan_pools"),
        ]

    def clean(self) -> None:
        """Refuse a plan made in the future."""
        super().clean()
        refuse_future(planned_at=self.planned_at)
