"""The import page: choose a file, see every wrong cell, then store the same file, all of it or nothing."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from labdb.registry.form_fields import (
    DayField,
    InstantField,
    KeyField,
    KeysField,
    NumberField,
    OneOfField,
    WholeNumberField,
    YesNoField,
)
from labdb.registry.forms import form_for, model_texts, offered
from labdb.registry.imports import BOOKKEEPING, ImportReport, import_table
from labdb.registry.keys import article, key_path
from labdb.registry.page_context import PageContext, study_named
from labdb.registry.record import Record
from labdb.registry.text_tables import TableError, TextTable, decode_text, read_table, unpack
from labdb.registry.uploads import KeptFile, UploadError, forget, keep, recall

MAX_BYTES = 50 * 2**20
MAX_SHOWN_CHARACTERS = 200_000  # of a file that is shown to be corrected on the page
SHOWN_ERRORS = 500
SHOWN_ROWS = 10
KINDS: tuple[tuple[type, str], ...] = (
    (NumberField, "number"),
    (WholeNumberField, "whole number"),
    (InstantField, "date and time, 2026-03-14 09:30"),
    (DayField, "date, 2026-03-14"),
    (YesNoField, "yes or no"),
)


@dataclass(frozen=True)
class ExpectedColumn:
    """What a file may hold in one column."""

    name: str
    label: str
    kind: str
    is_needed: bool
    help_text: str


@dataclass(frozen=True)
class UnknownColumn:
    """A column of the file that no field is called by, and what the person says it is."""

    position: int
    name: str
    stands_for: str | None


@require_http_methods(["GET", "HEAD", "POST"])
def record_import(request: HttpRequest, resource: str) -> HttpResponse:
    """Check a file without storing anything, then store it."""
    context = PageContext.of(request, resource)
    context.require("add", context.entry_study)
    if "template" in request.GET:
        return _template_file(context.record)
    if request.method != "POST":
        return _page(request, context, study=context.entry_study)
    study = study_named(request.POST.get("study", ""), context.studies) if context.has_study else None
    context.require("add", study)
    try:
        kept = _sent_file(request)
        table = read_table(kept.data, kept.name)
    except (TableError, UploadError) as error:
        return _page(request, context, study=study, sentence=str(error))
    mapping = _mapping(request, table, kept.mapping)
    is_commit = request.POST.get("step") == "import"
    report = import_table(
        context.record, kept.data, kept.name,
        user=request.user, study=study, mapping=mapping, dry_run=not is_commit, door="web import",
    )  # fmt: skip
    if is_commit and not report.errors:
        forget(kept)
        messages.success(request, f"{report.created:,} {context.record.title()} imported from {kept.name}.")
        return redirect(context.address("list", study=study))
    return _page(request, context, study=study, kept=kept, table=table, report=report, mapping=mapping)


def _sent_file(request: HttpRequest) -> KeptFile:
    """Return what was sent: a file, a pasted table, or the token of the file that was sent before."""
    upload = request.FILES.get("file")
    if upload is not None:
        if (upload.size or 0) > MAX_BYTES:
            raise UploadError(
                f"{upload.name} has {upload.size / 2**20:.0f} MB, a page takes {MAX_BYTES // 2**20}; "  # type: ignore[operator]
                "use `manage.py import_records`."
            )
        return keep(upload.read(), upload.name or "file", request.user)
    pasted = request.POST.get("text", "")
    token = request.POST.get("token", "")
    if pasted.strip() and request.POST.get("step") == "check":
        mapping = recall(token, request.user).mapping if token else {}  # the corrected text of a file seen before
        return keep(pasted.encode(), request.POST.get("name") or "pasted table", request.user, mapping)
    if token:
        return recall(token, request.user)
    raise UploadError("Nothing was sent; choose a file or paste a table with its header.")


def _mapping(request: HttpRequest, table: TextTable, before: dict[str, str]) -> dict[str, str]:
    """Return what the person says the columns are, now or before; empty means: leave it out."""
    chosen = {}
    for position, column in enumerate(table.header):
        field = request.POST.get(f"column-{position}", before.get(column, "?"))
        if field != "?":
            chosen[column] = field
    return chosen


def _template_file(record: type[Record]) -> HttpResponse:
    """Answer an empty file with the right header."""
    response = HttpResponse(",".join(offered(record)) + "\r\n", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{record.resource}.csv"'
    return response


def _page(request: HttpRequest, context: PageContext, *, study: Any, sentence: str = "", **found: Any) -> HttpResponse:
    words: dict[str, Any] = {
        **context.for_template(study),
        "sentence": sentence,
        "columns": expected_columns(context.record),
        "studies": context.studies if context.has_study else [],
        "chosen_study": study,
        "text": request.POST.get("text", ""),
        "template_url": f"{request.path}?template=csv",
    }
    if found:
        words |= _findings(context, **found)
    return render(request, "registry/import.html", words)


def _findings(
    context: PageContext, *, kept: KeptFile, table: TextTable, report: ImportReport, mapping: dict[str, str]
) -> dict[str, Any]:
    """Return what the check found, and the file: as a token to store it, as text to correct it."""
    words: dict[str, Any] = {
        "report": report,
        "errors": report.errors[:SHOWN_ERRORS],
        "more_errors": max(0, len(report.errors) - SHOWN_ERRORS),
        "wrong_rows": len({error.line for error in report.errors}),
        "file_name": kept.name,
        "token": kept.token(mapping),
        "preview": table.rows[:SHOWN_ROWS],
        "header": table.header,
        "unknown": _unknown_columns(context.record, table, mapping),
        "field_names": list(offered(context.record)),
    }
    text = decode_text(unpack(kept.data, kept.name), kept.name)[0] if report.errors else ""
    if text and len(text) <= MAX_SHOWN_CHARACTERS:
        words["text"] = text
    return words


def _unknown_columns(record: type[Record], table: TextTable, mapping: dict[str, str]) -> list[UnknownColumn]:
    names = {*form_for(record).base_fields, *record.computed, *BOOKKEEPING}
    names |= {f"{name}_id" for name in form_for(record).base_fields}
    return [
        UnknownColumn(position, column, mapping.get(column))
        for position, column in enumerate(table.header)
        if column in mapping or column.strip().casefold() not in names
    ]


def expected_columns(record: type[Record]) -> list[ExpectedColumn]:
    """Return the columns that a file may have, in the order of the form."""
    defaults = model_texts(record.model(), record)
    columns = []
    for name, form_field in offered(record).items():
        is_needed = form_field.required and defaults.get(name) in ("", None)
        columns.append(
            ExpectedColumn(name, str(form_field.label), _kind(form_field), is_needed, str(form_field.help_text or ""))
        )
    return columns


def _kind(form_field: Any) -> str:
    if isinstance(form_field, OneOfField):
        choices: Any = form_field.choices
        return "one of " + ", ".join(str(stored) for stored, _label in choices if stored != "")
    if isinstance(form_field, KeysField):
        return f"names of {form_field.model._meta.verbose_name_plural}, separated by semicolons"
    if isinstance(form_field, KeyField):
        what = str(form_field.model._meta.verbose_name)
        return (
            f"name of {article(what)} {what}"
            if key_path(form_field.model) != "pk"
            else f"#id of {article(what)} {what}"
        )
    return next((words for kind, words in KINDS if isinstance(form_field, kind)), "text")
