from labdb.registry.record import Record, register
from labdb.tissue.models import BrainRegion, Dissection, TissueSample


@register
class BrainRegionRecord(Record):
    """Brain regions."""

    model = BrainRegion
    fields = ("code", "name", "notes")


@register
class DissectionRecord(Record):
    """Dissections."""

    model = Dissection
    fields = ("mouse", "performed_at", "order_of_day", "anesthesia", "minutes_to_freeze", "performed_by", "notes")
    list_filter = ("mouse__cohort",)
    search_fields = ("mouse__code",)


@register
class TissueSampleRecord(Record):
    """Tissue samples."""

    model = TissueSample
    fields = ("code", "mouse", "region", "dissection", "hemisphere", "punch_mm", "punch_count", "notes")
    list_filter = ("region", "mouse__group")
    search_fields = ("code", "mouse__code")
