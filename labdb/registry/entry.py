"""The pages that write one record: enter, change, settle a conflict, delete."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import capfirst
from django.views.decorators.http import require_http_methods

from labdb.registry import permissions
from labdb.registry.cells import detail_url
from labdb.registry.deletion import Forbidden, StillNeeded, counted_for, delete_record, named, refusal
from labdb.registry.entry_fields import groups_of
from labdb.registry.form_fields import InstantField, KeysField
from labdb.registry.forms import REASON, Conflict, RecordForm, complete, form_for, model_texts
from labdb.registry.history import writing
from labdb.registry.models import dependents
from labdb.registry.page_context import PageContext


@require_http_methods(["GET", "HEAD", "POST"])
def record_add(request: HttpRequest, resource: str) -> HttpResponse:
    """Enter a new record; the address may bring its first values."""
    context = PageContext.of(request, resource)
    study = context.entry_study
    context.require("add", study)
    make = form_for(context.record)
    if request.method == "POST":
        form = make(
            complete(_posted(request, make), context.record), user=request.user, study=study, reason=reason_of(request)
        )
        row = _saved(request, form)
        if row is not None:
            messages.success(request, f"{named(row)} saved.")
            return redirect(request.get_full_path() if "again" in request.POST else detail_url(row))
    else:
        given = {name: context.query[name] for name in make.base_fields if name in context.query and name != "study"}
        form = make(user=request.user, study=study, initial={**_initial_texts(context), **given})
    words = {
        **context.for_template(study),
        "form": form,
        "groups": groups_of(form, request.user),
        "is_new": True,
        "needs_reason": form.needs_reason(),
        "reason": reason_of(request),
    }
    return render(request, _templates(resource), words, status=_status(form))


@require_http_methods(["GET", "HEAD", "POST"])
def record_edit(request: HttpRequest, resource: str, pk: int) -> HttpResponse:
    """Change a record, unless someone else changed it meanwhile: then show both."""
    context = PageContext.of(request, resource)
    row = context.row_or_404(pk)
    context.require("change", permissions.place_of(row))
    make = form_for(context.record)
    name = named(row)
    study = permissions.study_of(row)
    if request.method == "POST":
        posted = _with_exact_instants(_posted(request, make), make, row)
        form = make(complete(posted, context.record, row), user=request.user, instance=row, reason=reason_of(request))
        try:
            saved = _saved(request, form, expected_version=_version(request, form))
        except Conflict as conflict:
            return _conflict_page(request, context, form, conflict)
        if saved is not None:
            messages.success(request, f"{name} saved.")
            return redirect("record-detail", resource, pk)
    else:
        form = make(user=request.user, instance=row)
    words = {
        **context.for_template(study),
        "form": form,
        "groups": groups_of(form, request.user),
        "name": name,
        "row_url": reverse("record-detail", args=[resource, pk]),
        "version": request.POST.get("version") or row.version,
        "needs_reason": form.needs_reason(),
        "reason": reason_of(request),
    }
    return render(request, _templates(resource), words, status=_status(form))


def _templates(resource: str) -> list[str]:
    """Return the page of the form: a record's own where it has one, which adds to the general one."""
    return [f"registry/entry/{resource}.html", "registry/entry.html"]


def _posted(request: HttpRequest, make: type[RecordForm]) -> dict[str, Any]:
    """Return what was sent of the form's own fields."""
    return {name: request.POST[name] for name in make.base_fields if name in request.POST}


def _initial_texts(context: PageContext) -> dict[str, Any]:
    empty: Any = context.record.model()
    return {name: value for name, value in model_texts(empty, context.record).items() if value not in (None, "")}


def _with_exact_instants(posted: dict[str, Any], make: type[RecordForm], row: Any) -> dict[str, Any]:
    """Keep an instant that was not touched: the page shows it to the second, on a clock that repeats an hour a year."""
    exact = dict(posted)
    for name, form_field in make.base_fields.items():
        if isinstance(form_field, InstantField) and name in posted and getattr(row, name) is not None:
            shown = form_field.prepare_value(getattr(row, name))
            if posted[name] in (shown.strftime("%Y-%m-%dT%H:%M:%S"), shown.strftime("%Y-%m-%dT%H:%M")):
                exact[name] = getattr(row, name)
    return exact


def _version(request: HttpRequest, form: RecordForm) -> int | None:
    """Return the version that the person saw; without one nothing is saved."""
    text = request.POST.get("version", "")
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return int(text)
    form.add_error(None, "The page did not say which version it showed; compare with the record and save again.")
    return None


def _saved(request: HttpRequest, form: RecordForm, expected_version: int | None = None) -> Any:
    """Save a valid form and return the row; None when it is refused, with the sentences on the form."""
    if not form.is_valid():
        return None
    try:
        with _reasoned(request):
            return form.save(expected_version=expected_version)
    except Conflict as conflict:
        if conflict.differences:
            raise
        form.add_error(None, str(conflict))
        return None


def reason_of(request: HttpRequest) -> str:
    """Return why a person changes something, as the page's field `REASON` says it; empty where nothing was said."""
    return request.POST.get(REASON, "").replace("\0", "").strip()


@contextmanager
def _reasoned(request: HttpRequest) -> Iterator[None]:
    """Record the person's reason in the history, where one was given."""
    reason = reason_of(request)
    if not reason:
        yield
        return
    with writing(user=request.user, door="web", reason=reason):
        yield


def _status(form: RecordForm) -> int:
    """Return 403 where the role is what is wrong, 200 for a form to fill in or to correct."""
    if form.is_bound and any(error.code == "forbidden" for error in form.non_field_errors().as_data()):
        return 403
    return 200


@dataclass(frozen=True)
class Difference:
    """One field with two values to choose between."""

    name: str
    label: str
    theirs: str
    yours: str


def _conflict_page(request: HttpRequest, context: PageContext, form: RecordForm, conflict: Conflict) -> HttpResponse:
    """Show both values of every field that differs; what the person chooses is saved over the new version."""
    current = context.row_or_404(form.instance.pk)
    theirs = model_texts(current, context.record)
    yours = {**model_texts(form.instance, context.record), **_several(form)}
    texts = {name: (_text(theirs[name]), _text(yours[name])) for name in theirs}
    words = {
        **context.for_template(permissions.study_of(current)),
        "sentence": str(conflict),
        "differences": [
            Difference(name, str(capfirst(str(form.fields[name].label))), old, new)
            for name, (old, new) in texts.items()
            if old != new
        ],
        "same": [(name, old) for name, (old, new) in texts.items() if old == new],
        "version": current.version,
        "name": named(current),
        "reason": reason_of(request),
        "row_url": reverse("record-detail", args=[context.record.resource, current.pk]),
    }
    return render(request, "registry/conflict.html", words, status=409)


def _several(form: RecordForm) -> dict[str, Any]:
    """Return what was entered in fields of several records; the row itself does not hold it before it is saved."""
    entered = form.cleaned_data
    return {
        name: form_field.prepare_value(entered[name])
        for name, form_field in form.fields.items()
        if isinstance(form_field, KeysField) and name in entered
    }


def _text(value: Any) -> str:
    """Return a value as the form reads it back, without loss."""
    if value is None:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


@require_http_methods(["GET", "HEAD", "POST"])
def record_delete(request: HttpRequest, resource: str, pk: int) -> HttpResponse:
    """Ask before a deletion, naming what goes with it or what stands in its way."""
    context = PageContext.of(request, resource)
    row = context.row_or_404(pk)
    study = permissions.study_of(row)
    context.require("delete", permissions.place_of(row))
    name = named(row)
    sentence = ""
    if request.method == "POST":
        try:
            with _reasoned(request):
                delete_record(row, request.user)
        except Forbidden as error:
            raise PermissionDenied(str(error)) from error
        except StillNeeded as error:
            sentence = str(error)
        else:
            messages.success(request, f"{name} deleted; the history keeps what it was.")
            return HttpResponseRedirect(_list_after(context, study))
    words = {
        **context.for_template(study),
        "name": name,
        "sentence": sentence or refusal(row, request.user),
        "goes_along": _goes_along(row, request.user),
        "row_url": reverse("record-detail", args=[resource, pk]),
    }
    return render(request, "registry/delete.html", words, status=409 if sentence else 200)


def _list_after(context: PageContext, study: Any) -> str:
    return context.address("list", study=study) if context.has_study else context.address("list")


def _goes_along(row: models.Model, user: Any) -> list[str]:
    """Return what is deleted with a row, counted."""
    parts = []
    for relation in dependents(type(row)):
        if relation.on_delete is models.CASCADE:
            count = relation.related_model._base_manager.filter(**{relation.field.name: row.pk}).count()
            if count:
                parts.append(counted_for(user, relation.related_model, count, permissions.study_of(row)))
    return parts
