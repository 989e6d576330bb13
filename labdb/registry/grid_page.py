"""The grid: many rows of a record typed or pasted as in a spreadsheet, or stored rows changed side by side."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from labdb.registry import permissions
from labdb.registry.filters import RESERVED, FilterError, chosen_names
from labdb.registry.form_fields import written_key
from labdb.registry.forms import form_for
from labdb.registry.grid_columns import cell_text, grid_columns, left_out, stored_row, time_input
from labdb.registry.import_page import QUESTIONS
from labdb.registry.list_filters import changed, chips_of
from labdb.registry.listing import selected_rows
from labdb.registry.page_context import PageContext
from labdb.registry.record import record_for
from labdb.registry.representation import with_related

STORED, NEW = "stored", "new"
MOST_STORED = 500
EMPTY_ROWS = 40
MOST_MEMBERS = 500
MOST_GROUPS = 500


@ensure_csrf_cookie
@require_safe
def record_grid(request: HttpRequest, resource: str) -> HttpResponse:
    """Show an empty grid, or the stored rows that the address selects (``?rows=stored`` or any filter)."""
    context = PageContext.of(request, resource)
    study = context.entry_study
    mode = _mode(context)
    context.query.pop("rows", None)
    if not context.may("change" if mode == STORED else "add", study):
        context.require("add", study)
    rows, sentences = _stored_rows(context) if mode == STORED else ([], [])
    columns = grid_columns(context, _given(context) if mode == NEW else {})
    groups = _groups(context)
    asked = _asked_group(context, groups)
    same_group = {asked["filter"]: asked["name"]} if asked else {}
    words = {
        **context.for_template(study),
        "mode": mode,
        "sentences": sentences,
        "chips": [chip.text for chip in chips_of(context, "")] if mode == STORED else [],
        "is_cut": len(rows) > MOST_STORED,
        "most": MOST_STORED,
        "filtered_list_url": f"{reverse('record-list', args=[resource])}?{changed(context.query)}",
        "studies": context.studies if context.has_study and study is None else [],
        "groups": groups,
        "member": _parent(context)._meta.verbose_name if groups else "",
        "time_input": time_input(context.record, [column["name"] for column in columns]),
        "new_url": context.address("grid", study=study, query={"rows": NEW, **same_group}),
        "stored_url": context.address("grid", study=study, query={"rows": STORED, **same_group}),
        "import_url": context.address("import", study=study),
        "may_add": context.may("add", study),
        "grid": {
            **_about_record(context, study),
            "columns": columns,
            "rows": [stored_row(context.record, row) for row in rows[:MOST_STORED]],
            "empty_rows": 0 if mode == STORED else EMPTY_ROWS,
            "has_chosen_columns": bool(chosen_names(context.query)),
            "fill": asked if mode == NEW else None,
        },
    }
    return render(request, "registry/grid.html", words, status=400 if sentences else 200)


def _about_record(context: PageContext, study: Any) -> dict[str, Any]:
    """Return what the browser knows of the record, whichever rows it shows."""
    record = context.record
    query = f"?{urlencode({'study': study.code})}" if study is not None else ""
    addresses = {
        f"{page}_url": reverse(f"record-grid-{page}", args=[record.resource]) + query
        for page in ("check", "save", "fill")
    }
    return {
        "record": record.resource,
        "what": str(record.model._meta.verbose_name),
        "title": record.title(),
        "study": study.code if study is not None else "",
        "may_add": context.may("add", study),
        "left_out": left_out(record),
        "questions": {name: {"text": text, "answers": answers} for name, (text, answers) in QUESTIONS.items()},
        **addresses,
    }


def _mode(context: PageContext) -> str:
    asked = context.query.get("rows", "")
    if asked in (STORED, NEW):
        return asked
    is_filtered = any(
        text and (name not in RESERVED or name == "search") and name != "study"
        for name, texts in context.query.lists()
        for text in texts
    )
    return STORED if is_filtered else NEW


def _given(context: PageContext) -> dict[str, str]:
    """Return the first values that the address names; the study is the page's."""
    names = form_for(context.record).base_fields
    return {name: str(context.query[name]) for name in names if name != "study" and context.query.get(name)}


def _stored_rows(context: PageContext) -> tuple[list[Any], list[str]]:
    """Return the rows that the filters select, and what is to be said of them."""
    try:
        selected = selected_rows(context)
    except FilterError as error:
        return [], [said for some in error.errors.values() for said in some]
    rows = with_related(selected, context.record)[: MOST_STORED + 1]
    return permissions.conceal(rows, context.user), []


def _groups(context: PageContext) -> list[dict[str, Any]]:
    """Return what a row for each member is offered of (mice of a cohort), where rows belong to such a record."""
    parent = _parent(context)
    if parent is None or not context.may("add", context.entry_study):
        return []
    groups = []
    for resource in parent.row_groups:
        model = record_for(resource).model
        rows = permissions.visible(model._default_manager.filter(study=context.entry_study), context.user)
        names = [written_key(row) for row in rows[:MOST_GROUPS]]
        if names:
            groups.append({"resource": resource, "what": str(model._meta.verbose_name), "names": names})
    return groups


def _parent(context: PageContext) -> Any:
    """Return the model that the rows belong to, one by one, if it comes in groups."""
    field = getattr(context.record.model, "study_from", None)
    if field not in form_for(context.record).base_fields or context.entry_study is None:
        return None
    parent = context.record.model._meta.get_field(field).related_model
    return parent if getattr(parent, "row_groups", ()) else None


def _asked_group(context: PageContext, groups: list[dict[str, Any]]) -> dict[str, str] | None:
    """Return the group that the address names (``?mouse__cohort=C1``), and the filter that names it."""
    for group in groups:
        name = f"{context.record.model.study_from}__{group['what']}"  # type: ignore[attr-defined]
        if (asked := context.query.get(name, "")) in group["names"]:
            return {"filter": name, "resource": group["resource"], "name": asked}
    return None


@require_safe
def grid_fill(request: HttpRequest, resource: str) -> JsonResponse:
    """Answer the first cells of a row for each present member of a group: ``?group=cohorts&name=C1``."""
    context = PageContext.of(request, resource)
    parent = _parent(context)
    group = request.GET.get("group", "")
    if parent is None or group not in parent.row_groups:
        raise Http404("There are no rows to fill in by this group.")
    if not context.may("view", context.entry_study):
        raise PermissionDenied
    name = request.GET.get("name", "")
    model = record_for(group).model
    own = permissions.visible(model._default_manager.filter(study=context.entry_study), context.user)
    chosen = next((row for row in own if written_key(row) == name), None)
    if chosen is None:
        raise Http404(f"There is no {model._meta.verbose_name} {name[:50]} in study {context.entry_study}.")
    members = permissions.visible(parent.rows_of_group(chosen), context.user)[:MOST_MEMBERS]
    field = context.record.model.study_from  # type: ignore[attr-defined]
    form_field = form_for(context.record).base_fields[field]
    return JsonResponse({"rows": [{field: cell_text(form_field, row)} for row in members]})
