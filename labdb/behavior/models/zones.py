"""Where an arena has its zones, and what a person said of the files of a tracker in it."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from analysis.kernels import zones as kernel
from labdb.behavior.models.si_test import Arena, TargetSide
from labdb.behavior.tracking.geometry import EXAMPLES, shape_of
from labdb.registry.fields import FiniteFloatField
from labdb.registry.findings import Finding, Grade
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord
from labdb.registry.rules import RowRule, between, one_per


class ZoneRole(models.TextChoices):
    """What the time in a zone counts as."""

    INTERACTION = "interaction zone", "interaction zone"
    CORNER = "corner", "corner"
    OTHER = "other", "other"


class ZoneShape(models.TextChoices):
    """Form of a zone."""

    RECTANGLE = "rectangle", "rectangle"
    CIRCLE = "circle", "circle"
    POLYGON = "polygon", "polygon"


@tracked
class ArenaZone(LabRecord):
    """A zone of an arena, where its sizes alone do not say where the zones lie."""

    key_field: ClassVar[str] = "name"

    arena = models.ForeignKey(Arena, on_delete=models.PROTECT, related_name="zones")
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=16, choices=ZoneRole, help_text="What the time in it counts as.")
    target_side = models.CharField(
        max_length=6, choices=TargetSide, blank=True,
        help_text="Only in tests with the target at this wall; empty in all.",
    )  # fmt: skip
    shape = models.CharField(max_length=9, choices=ZoneShape, default=ZoneShape.RECTANGLE)
    geometry = models.CharField(
        "place and size", max_length=500,
        help_text="In cm from the lower left corner of the floor as the camera sees it: "
        + "; ".join(f"a {kind} is {text}" for kind, text in EXAMPLES.items()) + ".",
    )  # fmt: skip

    class Meta:
        ordering = ["arena", "target_side", "name"]
        constraints = [
            one_per(
                "arena", "name", "target_side", name="arena_zone_name_once", field="name",
                sentence="{row.arena} already has a zone {value}; edit that zone or choose another name.",
            )
        ]  # fmt: skip

    def clean(self) -> None:
        """Refuse what is no shape."""
        super().clean()
        if self.shape and self.geometry:
            try:
                self.to_kernel()
            except ValueError as error:
                raise ValidationError({"geometry": str(error)}) from None

    def to_kernel(self) -> kernel.Zone:
        """Return the zone that tracks are scored by."""
        return kernel.Zone(self.name, self.role.replace(" ", "_"), shape_of(self.shape, self.geometry))

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Warn of a zone that reaches beyond the floor."""
        yield from super().findings(rows)
        for number, row in enumerate(rows):
            width, length = row.arena.width_cm, row.arena.length_cm
            if width is None or length is None:
                continue
            longest = max(width, length)
            outline = row.to_kernel().shape.outline_cm()
            if outline.min() < 0 or outline.max() > longest:
                yield Finding(
                    number, "geometry",
                    f"{row.name} reaches beyond the floor of {row.arena} ({width:g} x {length:g} cm).", Grade.WARNING,
                )  # fmt: skip


class ScoredFrom(models.TextChoices):
    """What the times of a trial were taken from."""

    TRACK = "track", "the track, by the arena's zones"
    TRACKER_ZONES = "tracker's zones", "the tracker's own zones"
    STATISTICS = "statistics", "the tracker's statistics"


class PositionUnit(models.TextChoices):
    """Unit of positions in a file."""

    CM = "cm", "cm"
    MM = "mm", "mm"
    PX = "px", "pixels"


class ToldBy(models.TextChoices):
    """By what the trial without target and the one with it are told apart."""

    VARIABLE = "variable", "a variable in the file"
    NAME = "trial name", "words of the trial's name"
    ORDER = "order", "the order of their starts: without target first"


@tracked
class TrackerMapping(LabRecord):
    """What a person said of the files of one tracker in one arena, so that it is asked once."""

    key_field: ClassVar[str] = "pk"

    arena = models.ForeignKey(Arena, on_delete=models.PROTECT, related_name="tracker_mappings")
    tracker_format = models.CharField("format", max_length=60, help_text="As the file is recognized.")
    scored_from = models.CharField(max_length=15, choices=ScoredFrom, help_text="What the zone times are taken from.")
    interaction_zones = models.CharField(
        max_length=500, blank=True, help_text="The tracker's names of what counts as interaction zone; separated by |."
    )
    corners = models.CharField(
        max_length=500, blank=True, help_text="The tracker's names of what counts as corner; separated by |."
    )
    assay_zones = models.CharField(
        "zones of assays", max_length=1000, blank=True,
        help_text="The tracker's names with ours, such as Open 1 = open arm 1; separated by |.",
    )  # fmt: skip
    body_point = models.CharField(max_length=60, blank=True, help_text="Whose track counts, such as center.")
    position_unit = models.CharField(
        max_length=2, choices=PositionUnit, blank=True, help_text="Of positions, where the file does not say."
    )
    origin_x_cm = FiniteFloatField(
        "origin x (cm)", default=0,
        help_text="The tracker's x at the lower left corner of the floor, if it writes cm; of pixels the arena knows it.",
    )  # fmt: skip
    origin_y_cm = FiniteFloatField("origin y (cm)", default=0, help_text="The tracker's y at the same corner.")
    frame_rate_hz = FiniteFloatField(
        "frame rate (Hz)", null=True, blank=True, help_text="Of the video, where the file does not say."
    )
    told_by = models.CharField(
        max_length=10, choices=ToldBy, blank=True, help_text="What tells the trial with target from the one without."
    )
    told_variable = models.CharField(max_length=100, blank=True, help_text="Name of that variable.")
    absent_says = models.CharField(max_length=100, blank=True, help_text="What it says without target.")
    present_says = models.CharField(max_length=100, blank=True, help_text="What it says with target.")
    target_side = models.CharField(
        max_length=6, choices=TargetSide, blank=True, help_text="Wall with the target, where the test does not say."
    )
    subject_variable = models.CharField(
        max_length=100, blank=True, help_text="Variable that names the mouse; empty for the file's own subject."
    )

    class Meta:
        ordering = ["arena", "tracker_format"]
        constraints = [
            one_per(
                "arena", "tracker_format", name="tracker_mapping_once", field="tracker_format",
                sentence="What {value} files of {row.arena} say is entered already; edit that.",
            ),
            between("origin_x_cm", -1000, 1000, "cm", "tracker_mapping_origin_x"),
            between("origin_y_cm", -1000, 1000, "cm", "tracker_mapping_origin_y"),
            between("frame_rate_hz", 0.1, 1000, "Hz", "tracker_mapping_frame_rate"),
            RowRule(
                condition=~Q(told_by=ToldBy.VARIABLE) | ~Q(told_variable=""), name="tracker_mapping_names_variable",
                field="told_variable", sentence="Name the variable that tells the trials apart.",
            ),
            RowRule(
                condition=~Q(told_by__in=[ToldBy.VARIABLE, ToldBy.NAME]) | (~Q(absent_says="") & ~Q(present_says="")),
                name="tracker_mapping_says_both", field="absent_says",
                sentence="Enter what it says without target, and what with target.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.tracker_format} in {self.arena}"
