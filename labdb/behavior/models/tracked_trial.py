"""One trial of an SI test as a tracker saw it: which file, how it was scored, and what came out."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from labdb.behavior.models.si_test import SocialInteractionTest
from labdb.behavior.models.zones import PositionUnit, ScoredFrom
from labdb.registry.fields import FiniteFloatField
from labdb.registry.findings import Finding, Grade
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import RowRule, UniqueRule, between, one_per

STORED_ALREADY = "This trial of {row.file_name} is stored already: {row.where_stored}."


class Target(models.TextChoices):
    """Whether the target was behind the mesh."""

    ABSENT = "absent", "absent"
    PRESENT = "present", "present"


@tracked
class TrackedTrial(StudyRecord):
    """One trial of an SI test as a tracker saw it; the file itself is attached to the test."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "si_test"

    si_test = models.ForeignKey(
        SocialInteractionTest, on_delete=models.PROTECT, related_name="tracked_trials", verbose_name="SI test"
    )
    target = models.CharField(max_length=7, choices=Target)
    file_name = models.CharField("file", max_length=200)
    sha256 = models.CharField("SHA-256 of the file", max_length=64, db_index=True)
    tracker_format = models.CharField("format", max_length=60)
    trial_name = models.CharField(max_length=200, blank=True, help_text="As the file says.")
    subject = models.CharField(max_length=200, blank=True, help_text="As the file says.")
    started_at = models.DateTimeField(null=True, blank=True, help_text="By the tracker's clock.")
    scored_from = models.CharField(max_length=15, choices=ScoredFrom)
    interaction_zones = models.CharField(max_length=500, blank=True, help_text="The tracker's names; separated by |.")
    corners = models.CharField(max_length=500, blank=True, help_text="The tracker's names; separated by |.")
    body_point = models.CharField(max_length=60, blank=True)
    position_unit = models.CharField(max_length=2, choices=PositionUnit, blank=True)
    origin_x_cm = FiniteFloatField("origin x (cm)", default=0)
    origin_y_cm = FiniteFloatField("origin y (cm)", default=0)
    frame_rate_hz = FiniteFloatField("frame rate (Hz)", null=True, blank=True)
    likelihood_cutoff = FiniteFloatField(
        null=True, blank=True, help_text="Positions that the tracker thought less likely count as not found."
    )
    max_gap_s = FiniteFloatField(
        "longest gap bridged (s)", null=True, blank=True, help_text="Longer gaps are unknown time."
    )
    zone_s = FiniteFloatField("time in IZ (s)")
    corner_s = FiniteFloatField("time in corners (s)", null=True, blank=True)
    entries = models.PositiveIntegerField("entries into the IZ", null=True, blank=True)
    latency_s = FiniteFloatField(
        "latency to the IZ (s)", null=True, blank=True, help_text="Empty when the mouse never entered."
    )
    distance_cm = FiniteFloatField("distance (cm)", null=True, blank=True)
    velocity_cm_per_s = FiniteFloatField("mean velocity (cm/s)", null=True, blank=True)
    covered_s = FiniteFloatField("time covered (s)", null=True, blank=True)
    missing_share = FiniteFloatField(
        null=True, blank=True, help_text="Share of the samples in which the mouse was not found, 0 to 1."
    )
    longest_gap_s = FiniteFloatField("longest gap (s)", null=True, blank=True)

    class Meta:
        ordering = ["si_test", "target"]
        constraints = [
            one_per(
                "si_test", "target", name="tracked_trial_once", field="target",
                sentence="{row.si_test} already has a trial with target {value}; take that trial away first.",
            ),
            UniqueRule(
                fields=("sha256", "trial_name", "subject"), name="tracked_trial_file_once", field="sha256",
                sentence=STORED_ALREADY,
            ),
            RowRule(
                condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="tracked_trial_sha256", field="sha256",
                sentence="{value} is no SHA-256; it has 64 digits 0-9 and a-f.",
            ),
            between("frame_rate_hz", 0.1, 1000, "Hz", "tracked_trial_frame_rate"),
            between("likelihood_cutoff", 0, 1, "", "tracked_trial_likelihood_cutoff"),
            between("max_gap_s", 0, 60, "s", "tracked_trial_max_gap"),
            between("zone_s", 0, 3600, "s", "tracked_trial_zone"),
            between("corner_s", 0, 3600, "s", "tracked_trial_corner"),
            between("latency_s", 0, 3600, "s", "tracked_trial_latency"),
            between("distance_cm", 0, 100_000, "cm", "tracked_trial_distance"),
            between("velocity_cm_per_s", 0, 300, "cm/s", "tracked_trial_velocity"),
            between("covered_s", 0, 3600, "s", "tracked_trial_covered"),
            between("missing_share", 0, 1, "", "tracked_trial_missing_share"),
            between("longest_gap_s", 0, 3600, "s", "tracked_trial_longest_gap"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.si_test}, target {self.target}"

    @property
    def where_stored(self) -> str:
        """The stored trial of the same file, in words; what lies in another study is not told."""
        same = TrackedTrial.objects.filter(sha256=self.sha256, trial_name=self.trial_name, subject=self.subject)
        other = same.exclude(pk=self.pk).select_related("si_test__mouse__study").first()
        if other is None:
            return "in this sheet"
        return str(other) if other.study_id == self.study_id else "a test of another study"

    @property
    def is_missing_too_much(self) -> bool:
        """Whether the mouse was not found more often than the lab's limit allows."""
        return self.missing_share is not None and self.missing_share * 100 > settings.TRACK_MISSING_LIMIT_PERCENT

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Warn of a track in which the mouse was not found too often."""
        yield from super().findings(rows)
        for number, row in enumerate(rows):
            if row.is_missing_too_much:
                yield Finding(
                    number, "missing_share",
                    f"The mouse was not found in {row.missing_share:.1%} of {row.file_name}, and the limit is "
                    f"{settings.TRACK_MISSING_LIMIT_PERCENT} %; track the video again.",
                    Grade.WARNING,
                )  # fmt: skip
