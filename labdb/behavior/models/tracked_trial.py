"""A trial as a tracker saw it, of an SI test or of another assay: which file, how it was scored, and what came out."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from labdb.behavior.models.assays import Assay
from labdb.behavior.models.si_test import Arena, SocialInteractionTest
from labdb.behavior.models.zones import PositionUnit, ScoredFrom
from labdb.colony.models import Mouse
from labdb.registry.fields import FiniteFloatField
from labdb.registry.findings import Finding, Grade
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import RowRule, UniqueRule, between, one_per

STORED_ALREADY = "This trial of {file} is stored already: {where}."


class Target(models.TextChoices):
    """Whether the target was behind the mesh."""

    ABSENT = "absent", "absent"
    PRESENT = "present", "present"


class TrialOfFile(StudyRecord):
    """What is known of any trial that came out of a tracker's file: which, how it was scored, how much was seen."""

    key_field: ClassVar[str] = "pk"

    file_name = models.CharField("file", max_length=200)
    sha256 = models.CharField("SHA-256 of the file", max_length=64, db_index=True)
    tracker_format = models.CharField("format", max_length=60)
    trial_name = models.CharField(max_length=200, blank=True, help_text="As the file says.")
    subject = models.CharField(max_length=200, blank=True, help_text="As the file says.")
    started_at = models.DateTimeField(null=True, blank=True, help_text="By the tracker's clock.")
    scored_from = models.CharField(max_length=15, choices=ScoredFrom)
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
    zones_as_scored = models.TextField(
        blank=True, help_text="Floor and zones of the arena when the track was scored, in cm, a line each."
    )
    distance_cm = FiniteFloatField("distance (cm)", null=True, blank=True)
    velocity_cm_per_s = FiniteFloatField("mean velocity (cm/s)", null=True, blank=True)
    covered_s = FiniteFloatField("time covered (s)", null=True, blank=True)
    missing_share = FiniteFloatField(
        null=True, blank=True, help_text="Share of the samples in which the mouse was not found, 0 to 1."
    )
    longest_gap_s = FiniteFloatField("longest gap (s)", null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_missing_too_much(self) -> bool:
        """Whether the mouse was not found more often than the lab's limit allows."""
        return self.missing_share is not None and self.missing_share * 100 > settings.TRACK_MISSING_LIMIT_PERCENT

    @classmethod
    def stored_trials(cls, digests: Iterable[str]) -> dict[tuple[str, str, str], list[Any]]:
        """Return the stored trials of some files, by digest, trial and subject in them."""
        found: dict[tuple[str, str, str], list[Any]] = {}
        for one in cls._default_manager.filter(sha256__in=set(digests)):
            found.setdefault((one.sha256, one.trial_name, one.subject), []).append(one)
        return found

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

    def already(self, stored: Self) -> str:
        """Say where a trial of the same file is stored; what lies in another study is not told."""
        where = str(stored) if stored.study_id == self.study_id else "with a mouse of another study"
        return STORED_ALREADY.format(file=self.file_name, where=where)


def _of_file(prefix: str, longest_s: float, longest_cm: float) -> list[RowRule]:
    """Return the rules on what every trial of a file has."""
    return [
        RowRule(
            condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name=f"{prefix}_sha256", field="sha256",
            sentence="{value} is no SHA-256; it has 64 digits 0-9 and a-f.",
        ),
        between("frame_rate_hz", 0.1, 1000, "Hz", f"{prefix}_frame_rate"),
        between("likelihood_cutoff", 0, 1, "", f"{prefix}_likelihood_cutoff"),
        between("max_gap_s", 0, 60, "s", f"{prefix}_max_gap"),
        between("distance_cm", 0, longest_cm, "cm", f"{prefix}_distance"),
        between("velocity_cm_per_s", 0, 300, "cm/s", f"{prefix}_velocity"),
        between("covered_s", 0, longest_s, "s", f"{prefix}_covered"),
        between("missing_share", 0, 1, "", f"{prefix}_missing_share"),
        between("longest_gap_s", 0, longest_s, "s", f"{prefix}_longest_gap"),
    ]  # fmt: skip


@tracked
class TrackedTrial(TrialOfFile):
    """One trial of an SI test as a tracker saw it; the file itself is attached to the test."""

    study_from: ClassVar[str | None] = "si_test"

    si_test = models.ForeignKey(
        SocialInteractionTest, on_delete=models.PROTECT, related_name="tracked_trials", verbose_name="SI test"
    )
    target = models.CharField(max_length=7, choices=Target)
    interaction_zones = models.CharField(max_length=500, blank=True, help_text="The tracker's names; separated by |.")
    corners = models.CharField(max_length=500, blank=True, help_text="The tracker's names; separated by |.")
    zone_s = FiniteFloatField("time in IZ (s)")
    corner_s = FiniteFloatField("time in corners (s)", null=True, blank=True)
    entries = models.PositiveIntegerField("entries into the IZ", null=True, blank=True)
    latency_s = FiniteFloatField(
        "latency to the IZ (s)", null=True, blank=True, help_text="Empty when the mouse never entered."
    )

    class Meta:
        ordering = ["si_test", "target"]
        constraints = [
            one_per(
                "si_test", "target", name="tracked_trial_once", field="target",
                sentence="{row.si_test} already has a trial with target {value}; take that trial away first.",
            ),
            UniqueRule(
                fields=("si_test", "sha256", "trial_name", "subject"), name="tracked_trial_file_once_per_test",
                field="sha256", sentence="This trial of {row.file_name} is that of {row.si_test} already.",
            ),
            *_of_file("tracked_trial", 3600, 100_000),
            between("zone_s", 0, 3600, "s", "tracked_trial_zone"),
            between("corner_s", 0, 3600, "s", "tracked_trial_corner"),
            between("latency_s", 0, 3600, "s", "tracked_trial_latency"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.si_test}, target {self.target}"

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse a trial of a file that another test has, unless that is another scoring of the same test."""
        yield from super().findings(rows)
        stored = cls.stored_trials(row.sha256 for row in rows)
        for number, row in enumerate(rows):
            for other in stored.get((row.sha256, row.trial_name, row.subject), []):
                if other.pk != row.pk and not other.is_scored_anew_by(row.si_test):
                    yield Finding(number, "sha256", row.already(other), Grade.ERROR)

    def is_scored_anew_by(self, test: SocialInteractionTest) -> bool:
        """Whether a test is another scoring of the one that this trial belongs to."""
        own = self.si_test
        same = (own.mouse_id, own.test_number) == (test.mouse_id, test.test_number)
        return same and own.scoring_number != test.scoring_number


@tracked
class TrackedAssayTrial(TrialOfFile):
    """One trial of an assay as a tracker saw it; its results stand beside it, the file itself is attached to it."""

    study_from: ClassVar[str | None] = "mouse"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="tracked_assay_trials")
    assay = models.ForeignKey(Assay, on_delete=models.PROTECT, related_name="tracked_trials")
    session = models.CharField(max_length=50, blank=True, help_text="As of its results.")
    arena = models.ForeignKey(Arena, on_delete=models.PROTECT, related_name="tracked_assay_trials")
    trial_s = FiniteFloatField(
        "trial length (s)", help_text="Of the protocol; a longer track counts in its first part."
    )
    tracker_zones = models.CharField(
        max_length=1000, blank=True, help_text="The tracker's names with ours: Open 1 = open arm 1; separated by |."
    )
    readings_as_scored = models.TextField(
        blank=True, help_text="What was read from the trial when it was scored, a line each."
    )

    class Meta:
        ordering = ["assay", "mouse", "session"]
        constraints = [
            one_per(
                "mouse", "assay", "session", name="tracked_assay_once", field="session",
                sentence="{row.mouse} already has a track of {row.assay} in session {value}; take that trial away "
                "first, or name another session.",
            ),
            UniqueRule(
                fields=("assay", "sha256", "trial_name", "subject"), name="tracked_assay_file_once", field="sha256",
                sentence="This trial of {row.file_name} is stored already.",
            ),
            *_of_file("tracked_assay", 86_400, 1_000_000),
            between("trial_s", 10, 86_400, "s", "tracked_assay_trial_length"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse} {self.assay}" + (f", {self.session}" if self.session else "")
