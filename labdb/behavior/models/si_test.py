"""The social-interaction (SI) test, and where it is done."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import NullIf

from labdb.behavior import contradictions
from labdb.colony.blinding import BlindScore, scored_by_key_holders
from labdb.colony.excludable import Excludable
from labdb.colony.models import BenchEvent, Mouse, Sex
from labdb.defeat.models import Aggressor
from labdb.registry.fields import FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord
from labdb.registry.rules import RowRule, between, one_per


def _within_arena(field: str, side: str) -> RowRule:
    return RowRule(
        condition=Q(**{f"{field}__gt": 0, f"{field}__lte": F(side)}),
        name=f"arena_{field.removesuffix('_cm')}_within_arena",
        field=field,
        sentence="{value} cm does not fit an arena of {row." + side + "} cm; enter more than 0 and at most that.",
    )


def _within_trial(field: str, where: str) -> RowRule:
    return RowRule(
        condition=Q(**{f"{field}__range": (0, F("trial_s"))}),
        name=f"si_test_{field.removesuffix('_s')}_within_trial",
        field=field,
        sentence="{value} s in the "
        + where
        + " does not fit a trial of {row.trial_s} s; enter 0 to the trial's length.",
    )


def _ratio(present: str, absent: str, label: str | None = None) -> models.GeneratedField:
    return models.GeneratedField(
        verbose_name=label,
        expression=F(present) / NullIf(F(absent), 0.0),
        output_field=models.FloatField(null=True),
        db_persist=True,
    )


@tracked
class Arena(LabRecord):
    """An open box with an interaction zone (IZ) before the target and two corners opposite."""

    key_field: ClassVar[str] = "name"

    name = models.CharField(max_length=100, help_text="Of one box, as its label or camera: two boxes are two arenas.")
    width_cm = FiniteFloatField("width (cm)", null=True, blank=True, help_text="Along the wall with the target.")
    length_cm = FiniteFloatField("length (cm)", null=True, blank=True, help_text="From the target to the far wall.")
    zone_width_cm = FiniteFloatField("width of the IZ (cm)", null=True, blank=True, help_text="Along the same wall.")
    zone_depth_cm = FiniteFloatField("depth of the IZ (cm)", null=True, blank=True, help_text="From the target on.")
    corner_cm = FiniteFloatField("side of a corner (cm)", null=True, blank=True, help_text="Corners are squares.")
    px_per_cm = FiniteFloatField(
        "scale (px/cm)", null=True, blank=True, help_text="For trackers that write pixels: so many are one cm."
    )
    origin_x_px = FiniteFloatField(
        "origin x (px)", null=True, blank=True,
        help_text="Lower left corner of the floor as the camera sees it, in its pixels.",
    )  # fmt: skip
    origin_y_px = FiniteFloatField("origin y (px)", null=True, blank=True, help_text="Of the same corner.")

    class Meta:
        ordering = ["name"]
        constraints = [
            one_per("name", name="arena_name_once", field="name", sentence="{value} is already an arena."),
            between("width_cm", 5, 300, "cm", "arena_width"),
            between("length_cm", 5, 300, "cm", "arena_length"),
            _within_arena("zone_width_cm", "width_cm"),
            _within_arena("zone_depth_cm", "length_cm"),
            _within_arena("corner_cm", "width_cm"),
            between("px_per_cm", 0.1, 1000, "px/cm", "arena_px_per_cm"),
            between("origin_x_px", -20_000, 20_000, "px", "arena_origin_x"),
            between("origin_y_px", -20_000, 20_000, "px", "arena_origin_y"),
        ]

    @property
    def origin_px(self) -> tuple[float, float] | None:
        """Lower left corner of the floor in the camera's pixels; None where it is not known."""
        if self.origin_x_px is None or self.origin_y_px is None:
            return None
        return self.origin_x_px, self.origin_y_px


class TargetSide(models.TextChoices):
    """Wall at which the target's cage stands, as the camera sees it."""

    LEFT = "left", "left"
    RIGHT = "right", "right"
    TOP = "top", "top"
    BOTTOM = "bottom", "bottom"


class EstrousStage(models.TextChoices):
    """Stage of the estrous cycle, by the smear."""

    PROESTRUS = "proestrus", "proestrus"
    ESTRUS = "estrus", "estrus"
    METESTRUS = "metestrus", "metestrus"
    DIESTRUS = "diestrus", "diestrus"


@tracked
class SocialInteractionTest(BlindScore, Excludable, BenchEvent):
    """Social interaction (SI) test: one mouse, one day, two trials.

    Times are seconds in the interaction zone (IZ) and in the two corners, target absent / present.
    """

    key_field: ClassVar[str] = "pk"
    time_field: ClassVar[str] = "test_at"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="si_tests")
    test_number = models.PositiveSmallIntegerField(
        default=1, help_text="1 is the test after the defeats, 2 the first re-test, and so on."
    )
    scoring_number = models.PositiveSmallIntegerField(
        default=1, help_text="1 unless the same test was scored again, by another person or tracker."
    )
    counts = models.BooleanField(
        default=True, help_text="Of several scorings of a test one counts: analyses read that one alone."
    )
    test_at = models.DateTimeField("tested at", null=True, blank=True, help_text="Start of the trial without target.")
    trial_s = FiniteFloatField(
        "trial length (s)", default=150, help_text="Of each of the two trials."
    )  # Golden et al., Nat Protoc 6, 1183 (2011)
    iz_absent_s = FiniteFloatField("time in IZ, target absent (s)")
    iz_present_s = FiniteFloatField("time in IZ, target present (s)")
    corner_absent_s = FiniteFloatField("time in corners, target absent (s)", null=True, blank=True)
    corner_present_s = FiniteFloatField("time in corners, target present (s)", null=True, blank=True)
    distance_absent_cm = FiniteFloatField("distance, target absent (cm)", null=True, blank=True)
    distance_present_cm = FiniteFloatField("distance, target present (cm)", null=True, blank=True)
    velocity_absent_cm_per_s = FiniteFloatField("mean velocity, target absent (cm/s)", null=True, blank=True)
    velocity_present_cm_per_s = FiniteFloatField("mean velocity, target present (cm/s)", null=True, blank=True)
    arena = models.ForeignKey(Arena, null=True, blank=True, on_delete=models.PROTECT, related_name="si_tests")
    room = models.CharField(max_length=50, blank=True)
    lux = FiniteFloatField("light (lux)", null=True, blank=True, help_text="At the floor of the arena.")
    light_cycle_hour = FiniteFloatField(
        "hour of the light cycle", null=True, blank=True, help_text="Hours after lights on, 0 to 24."
    )
    gap_between_trials_min = FiniteFloatField(
        "gap between the trials (min)",
        null=True,
        blank=True,
        help_text="Time out of the arena or until the target is in.",
    )
    order_of_day = models.PositiveSmallIntegerField(
        "order that day", null=True, blank=True, help_text="1 is the first mouse of the day."
    )
    target_side = models.CharField(max_length=6, choices=TargetSide, blank=True, help_text="As the camera sees it.")
    target = models.ForeignKey(
        Aggressor, null=True, blank=True, on_delete=models.PROTECT, related_name="si_tests",
        help_text="The mouse behind the mesh; one that this mouse never met.",
    )  # fmt: skip
    estrous_stage = models.CharField(
        max_length=9, choices=EstrousStage, blank=True, help_text="Of a female, on the day of the test."
    )
    scorer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Who scored the video or ran the tracker.",
    )  # fmt: skip
    tracker_file = models.CharField(max_length=255, blank=True, help_text="Name of the file that the times come from.")
    tracker_sha256 = models.CharField(
        "SHA-256 of the tracker file", max_length=64, blank=True, help_text="64 hexadecimal digits, in small letters."
    )
    si_ratio = _ratio("iz_present_s", "iz_absent_s", "SI ratio")
    corner_ratio = _ratio("corner_present_s", "corner_absent_s")

    class Meta:
        ordering = ["mouse", "test_number", "scoring_number"]
        verbose_name = "SI test"
        indexes = [models.Index(fields=["study", "test_at"], name="si_test_study_time")]
        triggers = [*BlindScore.Meta.triggers]
        constraints = [
            *Excludable.Meta.constraints,
            between("trial_s", 10, 3600, "s", "si_test_trial_length"),
            _within_trial("iz_absent_s", "zone"),
            _within_trial("iz_present_s", "zone"),
            _within_trial("corner_absent_s", "corners"),
            _within_trial("corner_present_s", "corners"),
            *(
                between(f"{what}_{target}_{unit}", 0, high, shown, f"si_test_{what}_{target}")
                for what, unit, shown, high in (
                    ("distance", "cm", "cm", 100_000), ("velocity", "cm_per_s", "cm/s", 300),
                )
                for target in ("absent", "present")
            ),
            RowRule(
                condition=Q(test_number__gte=1), name="si_test_number_from_1", field="test_number",
                sentence="{value} is not a test number; the first test is 1.",
            ),
            between("scoring_number", 1, 100, "", "si_test_scoring_number"),
            between("lux", 0, 10_000, "lux", "si_test_lux"),
            between("light_cycle_hour", 0, 24, "h", "si_test_light_cycle_hour"),
            between("gap_between_trials_min", 0, 1440, "min", "si_test_gap_between_trials"),
            between("order_of_day", 1, 500, "", "si_test_order_of_day"),
            RowRule(
                condition=Q(tracker_sha256="") | Q(tracker_sha256__regex=r"^[0-9a-f]{64}$"),
                name="si_test_sha256_of_tracker_file", field="tracker_sha256",
                sentence="{value} is no SHA-256; enter its 64 digits 0-9 and a-f, as sha256sum prints them.",
            ),
            one_per(
                "mouse", "test_number", "scoring_number", name="si_test_once_per_scoring", field="test_number",
                sentence="{row.mouse} already has SI test {value}, scoring {row.scoring_number}; edit that test or enter the next number.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        again = f", scoring {self.scoring_number}" if self.scoring_number > 1 else ""
        return f"{self.mouse} SI test {self.test_number}{again}"

    def clean(self) -> None:
        """Refuse an estrous stage of a male."""
        super().clean()
        if self.estrous_stage and self.mouse_id is not None and self.mouse.sex == Sex.MALE:
            raise ValidationError(
                {"estrous_stage": f"{self.mouse} is male; leave the stage empty or correct the sex of the mouse."}
            )

    @classmethod
    def included(cls) -> Q:
        """Return the condition of tests that analyses read: of each the scoring that counts, none excluded."""
        return super().included() & Q(counts=True)

    @property
    def span(self) -> tuple[Any, Any]:
        """Start of the first trial and end of the second; None when not known."""
        if self.test_at is None or self.trial_s is None:
            return None, None
        return self.test_at, self.test_at + timedelta(
            seconds=2 * self.trial_s + 60 * (self.gap_between_trials_min or 0)
        )

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse two counting scorings and two mice in one arena; warn of a known target and a scorer who is not blind."""
        yield from super().findings(rows)
        others = cls.objects.exclude(pk__in=[row.pk for row in rows if row.pk]).select_related("mouse")
        yield from contradictions.two_that_count(rows, others)
        yield from contradictions.one_arena(rows, others)
        yield from contradictions.known_target(rows)
        yield from scored_by_key_holders(rows, "scorer")
