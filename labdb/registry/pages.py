"""The pages that show records: all of them, a list, one record."""

from itertools import groupby
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.text import capfirst
from django.views.decorators.http import require_safe

from labdb.registry import permissions
from labdb.registry.attachment_pages import refusal
from labdb.registry.attachments import attachments_of
from labdb.registry.cells import Cell, columns_of, with_related
from labdb.registry.exports import ExportRefused, export_choices, export_response
from labdb.registry.filters import FilterError, chosen_names
from labdb.registry.former_names import former_names
from labdb.registry.forms import model_texts
from labdb.registry.kin import own_kin
from labdb.registry.left_out import left_out_word
from labdb.registry.list_actions import actions_of
from labdb.registry.list_filters import asks_kin, changed, chips_of, inputs_of, kept_inputs, kin_inputs_of
from labdb.registry.listing import TablePage, column_choices, selected_rows, table_page
from labdb.registry.long_lists import counts_of
from labdb.registry.models import LabRecord
from labdb.registry.page_context import PageContext, has_study, study_named, visible_studies
from labdb.registry.past_changes import past_changes
from labdb.registry.record import Record, all_records, record_for
from labdb.registry.related import related_tables
from labdb.registry.versioned_rule import Rule


@require_safe
def record_index(request: HttpRequest) -> HttpResponse:
    """Show every record that the account may see, room by room in the order of the experiment."""
    studies = visible_studies(request.user)
    study = study_named(request.GET.get("study", ""), studies)
    shown = [record for record in all_records() if permissions.may(request.user, "view", record.model, study)]
    counts = counts_of(_rows_of(record, request.user, study) for record in shown)
    summaries = [_summary(record, study, count) for record, count in zip(shown, counts, strict=True)]
    rooms = [
        (apps.get_app_config(label).verbose_name, list(summaries_of_room))
        for label, summaries_of_room in groupby(summaries, key=lambda summary: summary["room"])
    ]
    return render(request, "registry/index.html", {"rooms": rooms, "study": study, "studies": studies})


def _rows_of(record: type[Record], user: Any, study: Any) -> QuerySet:
    rows = permissions.visible(record.model._default_manager.all(), user)
    return rows.filter(study=study) if study is not None and has_study(record.model) else rows


def _summary(record: type[Record], study: Any, count: str) -> dict[str, Any]:
    url = reverse("record-list", args=[record.resource])
    return {
        "room": record.model._meta.app_label,
        "title": capfirst(record.title()),
        "about": (record.model.__doc__ or "").strip().partition("\n")[0].replace("`", ""),
        "url": f"{url}?study={study.code}" if study else url,
        "count": count,
    }


@require_safe
def record_list(request: HttpRequest, resource: str) -> HttpResponseBase:
    """Show a list as its address asks for it, or export the rows that it selects."""
    context = PageContext.of(request, resource)
    context.require("view")
    context.study  # noqa: B018  (404 before anything else, for a study that the account does not see)
    if chosen := chosen_names(context.query):
        context.query["fields"] = ",".join(chosen)  # boxes that were ticked come one by one
    try:
        queryset = selected_rows(context)
    except FilterError as error:
        return _list_response(request, context, sentences=[said for some in error.errors.values() for said in some])
    if request.GET.get("export"):
        try:
            return export_response(queryset, context.record, request.GET, request.user, request)
        except ExportRefused as refused:
            return _list_response(request, context, sentences=[refused.sentence], status=refused.status_code)
    return _list_response(request, context, page=table_page(context, queryset, _list_url(context)))


def _list_url(context: PageContext) -> str:
    return reverse("record-list", args=[context.record.resource])


def _list_response(
    request: HttpRequest,
    context: PageContext,
    page: TablePage | None = None,
    sentences: list[str] | None = None,
    status: int = 400,
) -> HttpResponse:
    """Answer with the whole page, or with the table alone where htmx asks for it."""
    list_url = _list_url(context)
    address = changed(context.query)
    words: dict[str, Any] = {
        **context.for_template(),
        "page": page,
        "sentences": sentences or [],
        "chips": chips_of(context, list_url),
        "plain_url": list_url,
        "list_query": address,
        "is_list": True,
        "ordering": context.query.get("ordering", ""),
        **_list_menus(context, list_url),
        "actions": actions_of(context) if page and page.rows else [],
        "exports": export_choices(f"{list_url}?", changed(context.query)),
    }
    study = context.study if context.has_study else None
    if page is not None and page.rows and context.may("change", study):
        grid_url = reverse("record-grid", args=[context.record.resource])
        words["grid_url"] = f"{grid_url}?{changed(context.query, rows='stored')}"
    is_part = request.htmx and not request.htmx.history_restore_request  # type: ignore[attr-defined]
    if not is_part:
        inputs = inputs_of(context)
        kin_inputs = kin_inputs_of(context) if asks_kin(context) else []  # else they come when they are opened
        shown = {left_out_word(context.record), *(one.name for one in (*inputs, *kin_inputs))}
        words |= {
            "inputs": inputs,
            "kin_inputs": kin_inputs,
            "has_kin": bool(own_kin(context.record.model)),
            "kin_url": context.address("kin"),
            "ask": context.query.get("ask", ""),
            "kept": kept_inputs(context.query, shown),
            "includes_left_out": bool(context.record.left_out and context.record.left_out.asked(context.query))
            if not sentences
            else False,
            "search": context.query.get("search", ""),
            "studies": context.studies if context.has_study else [],
            **_list_buttons(context),
        }
    template = "registry/_rows.html" if is_part else "registry/list.html"
    response = render(request, template, words, status=status if sentences else 200)
    if is_part:
        response["HX-Push-Url"] = f"{list_url}?{address}" if address else list_url
    patch_vary_headers(response, ["HX-Request"])
    return response


def _list_menus(context: PageContext, list_url: str) -> dict[str, Any]:
    """Return what the menus of columns and of views show."""
    all_but_columns = changed(context.query, fields="")
    return {
        "fields": ",".join(chosen_names(context.query)),
        "choices": column_choices(context),
        "usual_url": f"{list_url}?{all_but_columns}",
        "kept_with_columns": QueryDict(all_but_columns).items(),
        "counts_url": f"{reverse('list-counts', args=[context.record.resource])}?{changed(context.query)}",
        "views_url": f"{reverse('list-views', args=[context.record.resource])}?{changed(context.query)}",
    }


def _list_buttons(context: PageContext) -> dict[str, Any]:
    study = context.study if context.has_study else None
    if context.record.read_only:
        return _own_action(context, study)
    if not context.may("add", study):
        return {}
    fields = {name: str(context.query[name]) for name in context.record.entered() if context.query.get(name)}
    return _own_action(context, study) | {
        "add_url": context.address("add", query=fields),
        "import_url": context.address("import"),
        "new_rows_url": context.address("grid"),
    }


def _own_action(context: PageContext, study: Any) -> dict[str, Any]:
    """Return the button of a record that comes in by a page of its own (too): `registry/actions/<resource>.html`."""
    if not permissions.may(context.user, "add", context.record.model, study):
        return {}
    try:
        return {"own_action": get_template(f"registry/actions/{context.record.resource}.html")}
    except TemplateDoesNotExist:
        return {}


@require_safe
def record_detail(request: HttpRequest, resource: str, pk: int) -> HttpResponse:
    """Show one record: its fields, what refers to it, and its history."""
    context = PageContext.of(request, resource)
    row = context.row_or_404(pk)
    study = permissions.study_of(row)
    columns = columns_of(context.record, context.record.columns())
    [row] = permissions.conceal([with_related(context.rows(), columns).get(pk=pk)], request.user)
    words = {
        **context.for_template(study),
        "row": row,
        "facts": [(column, column.cell(row, whole=True), column.name in context.record.computed) for column in columns],
        "kept_by": _kept_by(row),
        "related": related_tables(row, request.user),
        "changes": past_changes(row, request.user),
        "former_names": former_names(row),
        "attachments": attachments_of(row),
        "attachment_limit_mb": settings.ATTACHMENT_LIMIT_MB,
        "is_study": permissions.study_path(context.record.model) == "pk",
    }
    if isinstance(row, Rule) and context.may("add", study):
        texts = {**model_texts(row, context.record), "name": row.next_name()}
        given = {name: str(text) for name, text in texts.items() if text is not None}
        words["new_version_url"] = context.address("add", query=given)
    if not refusal(request.user, row):
        words["attach_url"] = reverse("attachment-add", args=[resource, pk])
    for action, page in (("change", "edit"), ("delete", "delete")):
        if context.may(action, permissions.place_of(row)):
            words[f"{page}_url"] = reverse(f"record-{page}", args=[resource, pk])
    return render(request, "registry/detail.html", words)


def _kept_by(row: Any) -> list[tuple[str, Cell]]:
    """Return who entered a record and when; results have their run instead."""
    if not isinstance(row, LabRecord):
        return []
    columns = columns_of(record_for(type(row)), ("created_by", "created_at", "modified_at", "version"))
    return [(column.label, column.cell(row)) for column in columns]
