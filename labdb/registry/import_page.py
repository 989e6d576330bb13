"""The import page: choose a file, see every wrong cell, then store the same file, all of it or nothing."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from labdb.registry.cells import detail_url
from labdb.registry.dates import DAY_FIRST, MONTH_FIRST
from labdb.registry.expected_columns import expected_columns
from labdb.registry.form_fields import (
    Reading,
)
from labdb.registry.forms import REASON, form_for, offered
from labdb.registry.headers import field_called
from labdb.registry.import_log import remembered_mapping
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import import_table, read_sheet
from labdb.registry.long_work import Stopped
from labdb.registry.long_work_doors import long_work
from labdb.registry.numbers import COMMA, POINT
from labdb.registry.page_context import PageContext, study_named
from labdb.registry.record import BOOKKEEPING, Record
from labdb.registry.text_tables import TableError, TextTable, decode_text, unpack
from labdb.registry.uploads import KeptFile, UploadError, forget, keep, recall
from labdb.registry.workbook_files import is_workbook

MAX_BYTES = 50 * 2**20
MAX_SHOWN_CHARACTERS = 200_000  # of a file that is shown to be corrected on the page
SHOWN_ERRORS = 500
SHOWN_ROWS = 10
SHOWN_CHANGES = 100
QUESTIONS = {  # what a file leaves open: the name of the input, what is asked, the answers
    "date_order": ("Days such as 3/4/2026", ((DAY_FIRST, "day first: 3 April"), (MONTH_FIRST, "month first: 4 March"))),
    "decimal_mark": (
        "A comma as in 1,234",
        ((COMMA, "stands before decimals: 1.234"), (POINT, "groups thousands: 1234")),
    ),
}


@dataclass(frozen=True)
class FileColumn:
    """A column of the file and the field it stands for; None where nobody has said it yet."""

    position: int
    name: str
    stands_for: str | None
    is_chosen: bool  # by a person, now or in an import before


@dataclass(frozen=True)
class Question:
    """What has to be said of a file before it can be read."""

    name: str
    text: str
    answers: tuple[tuple[str, str], ...]
    chosen: str


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
    kept = None
    try:
        with long_work(request):
            kept = sent_file(request)
            return _taken(request, context, kept, study)
    except (TableError, UploadError) as error:
        return _page(request, context, study=study, sentence=str(error))
    except Stopped as stopped:
        return _page(request, context, study=study, sentence=str(stopped), stopped=kept)


def _taken(request: HttpRequest, context: PageContext, kept: KeptFile, study: Any) -> HttpResponse:
    """Check the file, or store it."""
    table = read_sheet(context.record, kept.data, kept.name)
    mapping = _mapping(request, context.record, table, kept.mapping)
    reading = Reading(*(answer_of(request, name) for name in QUESTIONS))
    is_commit = request.POST.get("step") == "import"
    report = import_table(
        context.record, kept.data, kept.name,
        user=request.user, study=study, mapping=mapping, reading=reading,
        reason=request.POST.get(REASON, "").replace("\0", ""), dry_run=not is_commit, door="web import",
    )  # fmt: skip
    if report.is_stored:
        forget(kept)
        messages.success(request, _stored_sentence(report, context.record, kept.name))
        return redirect(detail_url(report.log) if report.log else context.address("list", study=study))
    return _page(request, context, study=study, kept=kept, table=table, report=report, mapping=mapping)


def _stored_sentence(report: ImportReport, record: type[Record], name: str) -> str:
    """Say what an import did; "122 mice imported from mice.csv" where all rows are new."""
    said = f"{report.created:,} {record.title()} imported from {name}"
    if report.created == report.rows:
        return f"{said}."
    return f"{said}, {report.changed:,} changed, {report.unchanged:,} unchanged."


def answer_of(request: HttpRequest, name: str) -> str:
    """Return what was said about the file; empty for anything that is no answer."""
    answers = [value for value, _words in QUESTIONS[name][1]]
    said = request.POST.get(name, "")
    return said if said in answers else ""


def sent_file(request: HttpRequest) -> KeptFile:
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


def _mapping(request: HttpRequest, record: type[Record], table: TextTable, before: dict[str, str]) -> dict[str, str]:
    """Return what the person says the columns are, now or before; empty means: leave it out."""
    unknown = [column for column in table.header if field_called(record, column) not in _known_names(record)]
    before = {**remembered_mapping(record.resource, unknown), **before}
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


def _page(
    request: HttpRequest,
    context: PageContext,
    *,
    study: Any,
    sentence: str = "",
    stopped: KeptFile | None = None,
    **found: Any,
) -> HttpResponse:
    words: dict[str, Any] = {
        **context.for_template(study),
        "sentence": sentence,
        "columns": expected_columns(context.record),
        "studies": context.studies if context.has_study else [],
        "chosen_study": study,
        "text": request.POST.get("text", ""),
        "grid_url": context.address("grid", study=study),
        "template_url": f"{request.path}?template=csv",
    }
    if stopped:
        words |= {"stopped": stopped, "token": stopped.token(stopped.mapping), "reason": request.POST.get(REASON, "")}
    if found:
        words |= _findings(request, context, **found)
    return render(request, "registry/import.html", words)


def _findings(
    request: HttpRequest,
    context: PageContext,
    *,
    kept: KeptFile,
    table: TextTable,
    report: ImportReport,
    mapping: dict[str, str],
) -> dict[str, Any]:
    """Return what the check found, and the file: as a token to store it, as text to correct it."""
    columns = _file_columns(context.record, table, mapping)
    words: dict[str, Any] = {
        "report": report,
        "errors": report.errors[:SHOWN_ERRORS],
        "more_errors": max(0, len(report.errors) - SHOWN_ERRORS),
        "wrong_rows": len({error.line for error in report.errors}),
        "warnings": report.warnings[:SHOWN_ERRORS],
        "more_warnings": max(0, len(report.warnings) - SHOWN_ERRORS),
        "changes": report.changes[:SHOWN_CHANGES],
        "more_changes": max(0, len(report.changes) - SHOWN_CHANGES),
        "file_name": kept.name,
        "token": kept.token(mapping),
        "preview": table.rows[:SHOWN_ROWS],
        "header": table.header,
        "file_columns": columns,
        "has_unknown": any(column.stands_for is None for column in columns),
        "was_sent": any(name.startswith("column-") for name in request.POST),
        "reason": request.POST.get(REASON, ""),
        "field_names": list(offered(context.record)),
        "questions": asked_questions(request, report),
    }
    if report.errors and not is_workbook(kept.data):
        text = decode_text(unpack(kept.data, kept.name), kept.name)[0]
        if len(text) <= MAX_SHOWN_CHARACTERS:
            words["text"] = text
    return words


def asked_questions(request: HttpRequest, report: ImportReport) -> list[Question]:
    """Return what has to be said of the file, or was said."""
    return [
        Question(name, text, answers, answer_of(request, name))
        for name, (text, answers) in QUESTIONS.items()
        if name in report.questions or answer_of(request, name)
    ]


def _known_names(record: type[Record]) -> set[str]:
    """Return the names that a column may have without being asked about."""
    names = form_for(record).base_fields
    return {*names, *record.computed, *BOOKKEEPING, *(f"{name}_id" for name in names), "id"}


def _file_columns(record: type[Record], table: TextTable, mapping: dict[str, str]) -> list[FileColumn]:
    """Return every column of the file with what it stands for."""
    columns = []
    for position, name in enumerate(table.header):
        called = field_called(record, name)
        stands_for: str | None = mapping.get(name, called if called in form_for(record).base_fields else "")
        if name not in mapping and called not in _known_names(record):
            stands_for = None
        columns.append(FileColumn(position, name, stands_for, name in mapping))
    return columns
