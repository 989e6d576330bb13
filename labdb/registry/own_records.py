from labdb.registry.lab_field import LabField
from labdb.registry.record import Record, register


@register
class LabFieldRecord(Record):
    """Fields that the lab defines itself."""

    model = LabField
    resource = "lab-fields"
    fields = (
        "resource", "name", "label", "kind", "unit", "minimum", "maximum", "choices", "is_required", "help_text",
        "is_retired", "notes",
    )  # fmt: skip
    list_display = ("name", "resource", "label", "kind", "unit", "is_required", "is_retired")
    list_filter = ("resource", "kind", "is_retired")
    search_fields = ("name", "label")
