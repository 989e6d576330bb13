"""The fields of a form as the page lays them out, and the names that a field of a record offers while one types."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db.models import Q
from django.forms import BoundField
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from labdb.registry import permissions
from labdb.registry.cells import with_names
from labdb.registry.filters import searched
from labdb.registry.form_fields import InstantField, KeyField, KeysField, is_storable, written_key
from labdb.registry.forms import RecordForm, offered
from labdb.registry.keys import is_id, key_path
from labdb.registry.models import label_of
from labdb.registry.page_context import PageContext, has_study
from labdb.registry.record import record_for

SUGGESTED = 30
MOST_NAMES = 200  # of what is no record (accounts); they are listed in the page


@dataclass(frozen=True)
class EntryField:
    """One field of the form: where its errors are, how wide it is, the names that it offers."""

    bound: BoundField
    is_wide: bool = False
    names: list[str] = field(default_factory=list)

    @property
    def names_id(self) -> str:
        """The id of the list of names in the page."""
        return f"names-{self.bound.name}"


@dataclass(frozen=True)
class EntryGroup:
    """Fields that stand together."""

    title: str
    fields: list[EntryField]


def groups_of(form: RecordForm, user: Any) -> list[EntryGroup]:
    """Return the fields in groups: what the record is and belongs to, what was found, what else."""
    key = key_path(form._meta.model)
    place: list[EntryField] = []
    values: list[EntryField] = []
    offered_names = offered(form.record)
    for bound in form:
        if bound.name not in offered_names:
            continue
        entry = _entry_field(form, bound, user)
        is_place = isinstance(bound.field, KeyField) or bound.name in (key, "code", "name")
        (place if is_place else values).append(entry)
    groups = [EntryGroup("What it is", place), EntryGroup("Values", values)]
    return [group for group in groups if group.fields]


def fields_of(form: RecordForm, names: Sequence[str], user: Any) -> list[EntryField]:
    """Return some of the fields, in this order."""
    return [_entry_field(form, form[name], user) for name in names]


def dress(bound: BoundField) -> None:
    """Give a field its look, and tell a screen reader where its help and its errors stand."""
    form_field = bound.field
    widget = form_field.widget
    widget.attrs["class"] = _look(widget)
    described = []
    if form_field.help_text:
        described.append(f"{bound.auto_id}-help")
    if bound.errors:
        widget.attrs["class"] += " is-invalid"
        widget.attrs["aria-invalid"] = "true"
        described.append(f"{bound.auto_id}-errors")
    if described:
        widget.attrs["aria-describedby"] = " ".join(described)


def _look(widget: forms.Widget) -> str:
    if isinstance(widget, forms.CheckboxInput | forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "form-check-input"
    return "form-select" if isinstance(widget, forms.Select) else "form-control"


def _entry_field(form: RecordForm, bound: BoundField, user: Any) -> EntryField:
    dress(bound)
    form_field = bound.field
    widget = form_field.widget
    if isinstance(form_field, InstantField) and isinstance(widget, forms.DateTimeInput):
        form_field.widget = forms.DateTimeInput(
            attrs={**widget.attrs, "type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"
        )
    names = offer_names(form_field, user) if isinstance(form_field, KeyField) else []
    entry = EntryField(bound, isinstance(widget, forms.Textarea), names)
    if names:
        widget.attrs["list"] = entry.names_id
    return entry


def offer_names(form_field: KeyField, user: Any) -> list[str]:
    """Let the field search records as one types; return the names themselves of what is no record."""
    attrs = form_field.widget.attrs
    attrs["autocomplete"] = "off"
    try:
        attrs["data-keys"] = reverse("record-keys", args=[record_for(form_field.model).resource])
    except KeyError:
        offered = getattr(form_field.model, "offered", form_field.model._default_manager.all)
        return [str(written_key(row)) for row in permissions.visible(offered(), user)[:MOST_NAMES]]
    if isinstance(form_field, KeysField):
        attrs["data-several"] = "true"
    return []


@require_safe
def record_keys(request: HttpRequest, resource: str) -> JsonResponse:
    """Answer the names that hold `q`, of rows that the account may see, as {value, text}; at most thirty."""
    context = PageContext.of(request, resource)
    model: Any = context.record.model
    asked = request.GET.get("q", "").strip()
    rows = context.rows()
    if has_study(model):
        study = next((s for s in context.studies if s.code == context.query.get("study")), None)
        rows = rows.filter(study=study) if study else rows.select_related("study")
    else:
        study = None
    if asked and is_storable(asked):
        rows = searched(rows, context.record, asked, also=_named(context, asked))
    found = with_names(rows)[:SUGGESTED]
    with_study = has_study(model) and study is None and len(context.studies) > 1
    return JsonResponse({"found": [_key(row, with_study=with_study) for row in found]})


def _named(context: PageContext, asked: str) -> Q:
    """Return the condition that a row's name holds the text, where the search leaves the name out, or is that id."""
    named = Q()
    key = key_path(context.record.model)
    if key not in ("pk", *context.record.search_fields):
        named |= Q(**{f"{key}__icontains": asked})
    if is_id(asked):
        named |= Q(pk=int(asked.removeprefix("#")))
    return named


def _key(row: Any, *, with_study: bool) -> dict[str, str]:
    value = str(written_key(row))
    if with_study and not value.startswith("#"):
        value = label_of(row)  # the code alone may be that of two studies
    text = str(row)
    return {"value": value, "text": value if text in value else f"{text} ({value})"}
