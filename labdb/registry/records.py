"""The registry's own records: they come last in lists, after those of the experiment."""

from labdb.registry.import_log import Import
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


@register
class ImportRecord(Record):
    """Imports."""

    model = Import
    resource = "imports"
    fields = (
        "resource", "study", "file_name", "sha256", "size_bytes", "door", "n_created", "n_changed", "n_unchanged",
        "n_warnings", "reason", "created_by", "created_at", "undone_at", "undone_by", "undo_reason",
        "is_refused", "n_errors",
    )  # fmt: skip
    list_display = (
        "file_name", "resource", "n_created", "n_changed", "n_unchanged", "created_by", "created_at", "is_refused",
        "undone_at",
    )  # fmt: skip
    list_filter = ("resource", "is_refused")
    search_fields = ("file_name", "sha256")
    read_only = True
    detail_template = "registry/_import_story.html"
