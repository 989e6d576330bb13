"""What the schema says of every record: the row that is read, the row that is sent, and every answer there may be.

A row is sent as people write it: the form reads `"25.5"` and `25.5` alike, and so the schema offers both.
"""

from typing import Any

from django.db import models
from drf_spectacular.drainage import set_override
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers

from labdb.registry import form_fields
from labdb.registry.filters import EXPORTS, is_kin, known, resolve
from labdb.registry.forms import form_for
from labdb.registry.headers import DATABASE_FILLS
from labdb.registry.left_out import left_out_word
from labdb.registry.record import Record, field_of
from labdb.registry.representation import serializer_for
from labdb.registry.rest_answers import MAX_OFFSET

ENTRY = "Entry"  # ends the names of the components of what is sent
COMPONENTS: dict[str, Any] = {
    "Refusal": {
        "type": "object",
        "description": "Sentences by field; `__all__` holds those about all that was sent.",
        "additionalProperties": {"type": "array", "items": {"type": "string"}},
    },
    "Outdated": {
        "type": "object",
        "description": "Someone else changed the record: both values of each field that differs.",
        "properties": {
            "__all__": {"type": "array", "items": {"type": "string"}},
            "theirs": {"type": "object", "additionalProperties": {}},
            "yours": {"type": "object", "additionalProperties": {}},
        },
        "required": ["__all__"],
    },
}
REFUSAL = {"$ref": "#/components/schemas/Refusal"}
OUTDATED = {"$ref": "#/components/schemas/Outdated"}
WORDS = {
    400: "What is wrong, by field.",
    401: "Nobody is signed in, or the token has ended.",
    403: "The role, the token or a closed study does not allow it.",
    404: "There is none, or the account may not see it.",
    409: "Another record is in the way: one of the same name, or one that needs this one.",
    413: "Too much for one request.",
    415: "Not sent in a form that is read here.",
    429: "Too many requests; `Retry-After` says for how long (s) to wait.",
}
MEDIA_TYPES = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
TEXT: dict[str, Any] = {"type": "string"}
EMPTY: dict[str, Any] = {"type": "string", "maxLength": 0}
NUMBER, WHOLE = {"type": "number"}, {"type": "integer"}
YES_NO: dict[str, Any] = {"type": "string", "enum": ["yes", "no"]}
ANY_NAME: dict[str, Any] = {"anyOf": [TEXT, NUMBER, {"type": "boolean"}], "description": "A name, or a number as id."}


def refusals(*statuses: int) -> dict[Any, Any]:
    """Return the answers of these statuses, for `extend_schema`; 401 and 429 are everywhere."""
    return {status: OpenApiResponse(REFUSAL, WORDS[status]) for status in sorted({401, 429, *statuses})}


def described(record: type[Record], view: Any, row: Any = None) -> Any:
    """Declare answers and parameters of a record's view in the schema.

    Parameters
    ----------
    row : serializer class, optional
        What is read, where that is more than the record's columns.
    """
    row, entry = row or serializer_for(record), entry_serializer_for(record)
    tags = [record.resource]
    fields = OpenApiParameter("fields", OpenApiTypes.STR, description="Columns to show, separated by commas.")
    key = OpenApiParameter("id", OpenApiTypes.STR, "path", description="Id, name, or STUDY-NAME.")
    match = OpenApiParameter("If-Match", OpenApiTypes.STR, "header", description="The ETag of what you changed.")
    reason = OpenApiParameter(
        "X-Reason", OpenApiTypes.STR, "header", description="Why: kept in the history; lifts warnings."
    )
    files = {(200, MEDIA_TYPES[name]): OpenApiTypes.BINARY for name in EXPORTS}
    operations: dict[str, Any] = {
        "list": extend_schema(
            parameters=[*_of_list(), fields, *_filters(record)],
            responses={(200, "application/json"): row, **files, **refusals(400)},
            tags=tags,
        ),
        "retrieve": extend_schema(
            parameters=[key, fields], responses={200: row, **refusals(400, 404)}, tags=tags
        ),
    }  # fmt: skip
    if not record.read_only:
        stale = {412: OpenApiResponse(OUTDATED, "Someone else changed it: both values.")}
        refused = refusals(400, 403, 409, 413, 415)
        change: dict[str, Any] = {
            "parameters": [key, match, reason],
            "request": entry,
            "responses": {200: row, **refused, **refusals(404), **stale},
            "tags": tags,
        }
        operations["create"] = extend_schema(
            parameters=[reason], request=entry, responses={201: row, **refused}, tags=tags
        )
        operations["update"] = extend_schema(**change)
        operations["partial_update"] = extend_schema(**change)
        operations["destroy"] = extend_schema(
            parameters=[key, match, reason],
            responses={204: None, **refusals(400, 403, 404, 409), **stale},
            tags=tags,
        )
    return extend_schema_view(**operations)(view)


def _of_list() -> list[OpenApiParameter]:
    """Return what every list understands."""
    count = {"type": "integer", "minimum": 1, "maximum": MAX_OFFSET}
    start = {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET}
    listed = ", ".join(EXPORTS)
    return [
        OpenApiParameter("limit", count, description="Rows of a page (100); a page holds 1,000 at most."),
        OpenApiParameter("offset", start, description="Rows before the page."),
        OpenApiParameter("search", OpenApiTypes.STR, description="Text to look for."),
        OpenApiParameter(
            "ask", OpenApiTypes.STR, description='A question, such as phenotype = "susceptible" and rin > 8 (docs/desk.md).'
        ),
        OpenApiParameter(
            "ordering", OpenApiTypes.STR, description="Columns, separated by commas; a minus sorts downwards."
        ),
        OpenApiParameter(
            "export", {"type": "string", "enum": list(EXPORTS)},
            description=f"{listed}: all rows that the filters select, as a file.",
        ),
        OpenApiParameter(
            "for", {"type": "string", "enum": ["excel"]}, description="A CSV whose cells no spreadsheet runs as formulas."
        ),
    ]  # fmt: skip


def _filters(record: type[Record]) -> list[OpenApiParameter]:
    """Return the filters of a record itself; what their lookups and related records add is said in words."""
    found = []
    for name in known(record):
        if is_kin(record, name):
            said = f"Whether there are such rows; {name}__FIELD asks for a value of theirs."
            found.append(OpenApiParameter(f"{name}__isnull", YES_NO, description=said))
            continue
        field = resolve(record, name).field
        found.append(OpenApiParameter(name, _filter_shape(field), description=f"Also {name}__{_lookups(field)}."))
    if record.left_out is not None:
        found.append(OpenApiParameter(left_out_word(record), OpenApiTypes.STR, description="Rows that are left out."))
    return found


def _filter_shape(field: Any) -> dict[str, Any]:
    """Return what a filter reads; an empty one, as a form sends it, filters nothing."""
    source = field.output_field if field.generated else field
    kinds: list[tuple[Any, dict[str, Any]]] = [
        (models.FloatField, NUMBER), (models.IntegerField, WHOLE),
        (models.DateTimeField, {"type": "string", "format": "date-time"}),
        (models.DateField, {"type": "string", "format": "date"}),
    ]  # fmt: skip
    shape = next((shape for kind, shape in kinds if isinstance(source, kind)), None)
    return {"anyOf": [shape, EMPTY]} if shape and not field.is_relation else TEXT


def _lookups(field: Any) -> str:
    if field.is_relation:
        return "FIELD of that record, __in, __isnull"
    if _filter_shape(field) is TEXT:
        return "in, __isnull, __contains, __icontains, __startswith"
    return "gte, __lte, __gt, __lt, __range, __in, __isnull"


def entry_serializer_for(record: type[Record]) -> type[serializers.Serializer]:
    """Return the serializer that describes what is sent of a row; it checks nothing, the form does."""
    members = {"get_fields": lambda self: _entered(record)}  # when asked: the lab may have defined another field
    return type(f"{record.model.__name__}{ENTRY}Serializer", (serializers.Serializer,), members)


def _entered(record: type[Record]) -> dict[str, serializers.Field]:
    entered: dict[str, serializers.Field] = {}
    for name, form_field in form_for(record).base_fields.items():
        model_field = field_of(record.model, name)
        is_filled = model_field.has_default() if hasattr(model_field, "has_default") else False
        entered[name] = _described(form_field, is_needed=form_field.required and not is_filled)
        if isinstance(form_field, form_fields.KeyField) and not isinstance(form_field, form_fields.KeysField):
            words = f"The id, in place of {name}."
            entered[f"{name}_id"] = _as({**WHOLE, "description": words}, is_needed=False)
    for name in (*DATABASE_FILLS, *record.computed):  # so that what was read can be sent back
        entered.setdefault(name, _as({"description": "Filled by the database; ignored."}, is_needed=False))
    return entered


def _described(form_field: Any, *, is_needed: bool) -> serializers.Field:
    """Return a field by what its form field reads."""
    said = str(form_field.help_text or form_field.label or "")
    shape: dict[str, Any] = {"anyOf": [TEXT, NUMBER, {"type": "boolean"}]}
    if isinstance(form_field, form_fields.KeysField):
        shape = {"anyOf": [{"type": "array", "items": ANY_NAME}, *ANY_NAME["anyOf"]]}
    elif isinstance(form_field, form_fields.OneOfField):
        choices: Any = form_field.choices
        values = [str(value) for value, _label in choices if value != ""]
        shape = {"anyOf": [{"type": "string", "enum": values}, TEXT, NUMBER, {"type": "boolean"}]}
    elif isinstance(form_field, form_fields.YesNoField):
        shape = {"anyOf": [{"type": "boolean"}, TEXT, NUMBER]}
    elif isinstance(form_field, form_fields.NumberField | form_fields.WholeNumberField):
        shape = {"anyOf": [NUMBER, TEXT]}
    elif isinstance(form_field, form_fields.DayField):
        shape = {"anyOf": [{"type": "string", "format": "date"}, TEXT, NUMBER]}
    elif isinstance(form_field, form_fields.InstantField):
        shape = {"anyOf": [{"type": "string", "format": "date-time"}, TEXT, NUMBER]}
    return _as({**shape, "description": said}, is_needed=is_needed)


def _as(shape: dict[str, Any], *, is_needed: bool) -> serializers.Field:
    field: serializers.Field = serializers.Field(required=is_needed, allow_null=True)
    set_override(field, "field", {**shape, "nullable": True})
    return field


def complete_schema(result: dict[str, Any], generator: Any, **options: Any) -> dict[str, Any]:
    """Add what no serializer says: how refusals look, that a list may be sent, and that other names are refused."""
    components = result["components"]["schemas"]
    components.update(COMPONENTS)
    for name, component in components.items():
        if name.endswith(ENTRY):
            component["additionalProperties"] = False
    for path in result["paths"].values():
        post = path.get("post", {})
        body = post.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        if body.get("$ref", "").endswith(ENTRY):
            post["requestBody"]["content"]["application/json"]["schema"] = _one_or_many(body)
            for status in ("201", "400", "403", "409"):
                media = post["responses"][status]["content"]["application/json"]
                media["schema"] = _one_or_many(media["schema"])
    return result


def _one_or_many(shape: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [shape, {"type": "array", "items": shape, "minItems": 1}]}
