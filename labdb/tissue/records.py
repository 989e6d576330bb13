from labdb.colony.excludable import EXCLUSION_FIELDS
from labdb.colony.models import Mouse
from labdb.registry.kin import Kin, declare
from labdb.registry.list_actions import offer
from labdb.registry.record import Record, register
from labdb.tissue.label_page import TubeLabels
from labdb.tissue.models import (
    BoxCheck,
    BrainRegion,
    CheckedTube,
    Dissection,
    RegionNotTaken,
    StorageBox,
    TissueMeasurement,
    TissueSample,
    TubeEvent,
)


@register
class BrainRegionRecord(Record):
    """Brain regions."""

    model = BrainRegion
    fields = ("code", "name", "notes")


@register
class DissectionRecord(Record):
    """Dissections."""

    model = Dissection
    fields = (
        "mouse", "performed_at", "order_of_day", "anesthesia", "death_method", "minutes_to_freeze", "performed_by",
        "notes",
    )  # fmt: skip
    list_filter = ("mouse__cohort",)
    search_fields = ("mouse__code",)


@register
class StorageBoxRecord(Record):
    """Storage boxes."""

    model = StorageBox
    fields = ("code", "freezer", "shelf", "rack", "n_rows", "n_columns", "notes")
    list_filter = ("freezer",)
    detail_template = "desk/_box_story.html"


@register
class TissueSampleRecord(Record):
    """Tissue samples."""

    model = TissueSample
    fields = (
        "code", "mouse", "region", "dissection", "hemisphere", "bregma_from_mm", "bregma_to_mm", "punch_mm",
        "punch_count", "tissue_mg", "box", "position", "thaws", "frozen_at", *EXCLUSION_FIELDS, "notes",
    )  # fmt: skip
    list_display = ("code", "mouse", "region", "hemisphere", "box", "position", "exclusion_criterion")
    list_filter = ("region", "mouse__group", "box")
    search_fields = ("code", "mouse__code")
    detail_template = "desk/_tube_story.html"


@register
class RegionNotTakenRecord(Record):
    """Regions that were to be dissected and are missing."""

    model = RegionNotTaken
    fields = ("mouse", "region", "reason", "notes")
    list_filter = ("region", "mouse__cohort")
    search_fields = ("mouse__code", "reason")


@register
class TubeEventRecord(Record):
    """What happened to tubes."""

    model = TubeEvent
    fields = (
        "sample", "kind", "performed_at", "performed_by", "box", "position", "amount_used_mg", "punches_used", "notes",
    )  # fmt: skip
    computed = ("box_before", "position_before", "is_edit")
    list_display = (
        "sample",
        "kind",
        "performed_at",
        "performed_by",
        "box_before",
        "position_before",
        "box",
        "position",
    )
    list_filter = ("kind", "box", "performed_at")
    search_fields = ("sample__code",)


@register
class BoxCheckRecord(Record):
    """Checks of boxes."""

    model = BoxCheck
    fields = ("code", "box", "performed_at", "performed_by", "unknown_codes", "notes")
    list_filter = ("box", "performed_at")
    detail_template = "desk/_check_story.html"


@register
class CheckedTubeRecord(Record):
    """Tubes in the checks of boxes."""

    model = CheckedTube
    fields = ("box_check", "sample", "result", "position_recorded", "position_found", "decision", "notes")
    list_filter = ("result", "decision")
    search_fields = ("sample__code",)


@register
class TissueMeasurementRecord(Record):
    """Tissue measurements."""

    model = TissueMeasurement
    fields = (
        "mouse", "region", "hemisphere", "modality", "metric", "value", "unit", "replicate", "performed_at",
        "performed_by", "rated_date", "rater", "is_rater_blinded", "notes",
    )  # fmt: skip
    computed = ("entered_unblinded",)
    list_display = ("mouse", "region", "hemisphere", "modality", "metric", "value", "unit", "entered_unblinded")
    list_filter = ("region", "modality", "metric", "mouse__group", "entered_unblinded")
    search_fields = ("mouse__code", "metric")


offer("tissue-samples", TubeLabels())
declare(Kin("sample", Mouse, TissueSample, "mouse", {"region": "region"}))
