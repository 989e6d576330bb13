"""Results of an assay entered as they are kept on paper: a row for each mouse, a column for each metric."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from labdb.behavior.derived_metrics import DERIVED
from labdb.behavior.models import Assay, AssayMetric, AssayResult
from labdb.behavior.wide_results import import_wide, metrics_by_column
from labdb.colony.excludable import marks_of_mice
from labdb.colony.models import Cohort, Mouse, Study
from labdb.registry.entry import reason_of
from labdb.registry.form_fields import Reading
from labdb.registry.forms import forbidden_sentence
from labdb.registry.import_log import Source
from labdb.registry.import_page import QUESTIONS, answer_of, asked_questions, sent_file
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import read_sheet
from labdb.registry.natural_order import natural
from labdb.registry.permissions import may
from labdb.registry.record import record_for
from labdb.registry.rules import plain_number
from labdb.registry.text_tables import TableError
from labdb.registry.uploads import KeptFile, UploadError, forget

MOST_MICE = 300
SHEET, FILE = "sheet", "file"


@dataclass
class Cell:
    """One value of the sheet."""

    name: str
    metric: AssayMetric
    stored: str
    text: str
    errors: list[str] = field(default_factory=list)


@dataclass
class Row:
    """One mouse of the sheet."""

    mouse: Mouse
    mark: str
    cells: list[Cell]


@dataclass
class Sheet:
    """The mice of a cohort with what is stored in a session, and what was typed over it."""

    study: Study
    assay: Assay
    cohort: str
    session: str
    metrics: dict[str, AssayMetric]
    rows: list[Row]

    @property
    def query(self) -> str:
        """The address of the same sheet."""
        return urlencode({"cohort": self.cohort, "session": self.session})

    def take(self, request: HttpRequest) -> tuple[list[str], list[tuple[int, list[str]]]]:
        """Put what was typed into the cells and return it as a table: the lines in which it differs from what is stored."""
        lines = []
        at = request.POST.get("performed_at", "").strip()
        shared = ["mouse", "performed_at"] if at else ["mouse"]  # an empty time takes none away that is stored
        for number, row in enumerate(self.rows, start=1):
            for cell in row.cells:
                cell.text = request.POST.get(cell.name, cell.stored).strip()
            changed = [cell.text if cell.text != cell.stored else "" for cell in row.cells]
            if any(changed):
                lines.append((number, [f"#{row.mouse.pk}", *([at] if at else []), *changed]))
        return [*shared, *self.metrics], lines

    def show(self, report: ImportReport) -> list[str]:
        """Put sentences beside their cells, and return those that have none."""
        others = []
        for error in report.errors:
            row = self.rows[error.line - 1] if 0 < error.line <= len(self.rows) else None
            cells = [cell for cell in row.cells if cell.metric.name == error.column] if row else []
            for cell in cells:
                cell.errors.append(error.sentence)
            if not cells:
                is_of_mouse = row is not None and error.column != "performed_at"  # one time for all
                others.append(f"{row.mouse}: {error.sentence}" if row and is_of_mouse else error.sentence)
        return list(dict.fromkeys(others))


@require_http_methods(["GET", "HEAD", "POST"])
def assay_entry(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Show the sheet of a cohort and session; store what was typed into it, or a pasted table, all or none."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    assay = get_object_or_404(Assay, pk=pk)
    if not may(request.user, "add", AssayResult, study):
        raise PermissionDenied(forbidden_sentence("add", AssayResult, study))
    sheet = _sheet(request, study, assay)
    if request.method != "POST":
        return _page(request, sheet)
    return _store_sheet(request, sheet) if request.POST.get("what") == SHEET else _take_file(request, sheet)


def _sheet(request: HttpRequest, study: Study, assay: Assay) -> Sheet:
    cohort, session = (storable(request.GET.get(name, "").strip()) for name in ("cohort", "session"))
    mice = Mouse.objects.filter(study=study).select_related("study")
    mice = mice.filter(cohort__code=cohort) if cohort else mice
    chosen = sorted(mice, key=lambda mouse: natural(mouse.code))[:MOST_MICE]
    metrics = metrics_by_column(assay)
    stored = {
        (mouse, metric): plain_number(value)
        for mouse, metric, value in AssayResult.objects.visible_to(request.user)
        .filter(study=study, session=session, metric__assay=assay)
        .values_list("mouse_id", "metric_id", "value")
    }
    marks = marks_of_mice([mouse.pk for mouse in chosen])
    rows = []
    for mouse in chosen:
        texts = {metric: stored.get((mouse.pk, metric.pk), "") for metric in metrics.values()}
        cells = [Cell(f"value-{mouse.pk}-{metric.pk}", metric, text, text) for metric, text in texts.items()]
        rows.append(Row(mouse, marks.get(mouse.pk, ""), cells))
    return Sheet(study, assay, cohort, session[:50], metrics, rows)


def _store_sheet(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    header, lines = sheet.take(request)
    if not lines:
        messages.info(request, "No value was entered or changed.")
        return redirect(f"{request.path}?{sheet.query}")
    report = import_wide(
        sheet.assay, header, lines, user=request.user, study=sheet.study, session=sheet.session,
        reason=reason_of(request), door="web",
    )  # fmt: skip
    if report.is_stored:
        messages.success(request, f"{report.created} results saved, {report.changed} changed.")
        return redirect(f"{request.path}?{sheet.query}")
    return _page(request, sheet, report=report, others=sheet.show(report), what=SHEET)


def _take_file(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """Check a file or pasted table, and store it when it was checked."""
    try:
        kept = sent_file(request)
        table = read_sheet(record_for(AssayResult), kept.data, kept.name)
    except (TableError, UploadError) as error:
        return _page(request, sheet, sentence=str(error), what=FILE)
    report = import_wide(
        sheet.assay, table.header, table.rows, user=request.user, study=sheet.study, session=sheet.session,
        reading=Reading(*(answer_of(request, name) for name in QUESTIONS)), reason=reason_of(request),
        dry_run=request.POST.get("step") != "import", source=Source.of(kept.data, kept.name), notes=table.notes,
    )  # fmt: skip
    if report.is_stored:
        forget(kept)
        messages.success(request, f"{report.created} results imported from {kept.name}, {report.changed} changed.")
        return redirect("assay-page", sheet.study.code, sheet.assay.pk)
    return _page(request, sheet, report=report, kept=kept, what=FILE)


def _page(
    request: HttpRequest,
    sheet: Sheet,
    *,
    report: ImportReport | None = None,
    kept: KeptFile | None = None,
    **more: Any,
) -> HttpResponse:
    own = {one.name: one for one in DERIVED.values() if one.part in sheet.metrics}
    words = {
        "study": sheet.study,
        "assay": sheet.assay,
        "sheet": sheet,
        "metrics": list(sheet.metrics.values()),
        "derived": list(own.values()),
        "cohorts": Cohort.objects.filter(study=sheet.study).order_by("code"),
        "sessions": _sessions(sheet),
        "most": MOST_MICE,
        "report": report,
        "errors": report.errors if report else (),
        "warnings": report.warnings if report else (),
        "reason": reason_of(request),
        "performed_at": request.POST.get("performed_at", ""),
        "questions": asked_questions(request, report) if report and kept else [],
        "file_name": kept.name if kept else "",
        "token": kept.token({}) if kept else "",
        "text": request.POST.get("text", "") if more.get("what") == FILE else "",
        "header": ",".join(["mouse", "session", *sheet.metrics]),
        **more,
    }
    is_wrong = bool(report and report.errors) or "sentence" in more
    return render(request, "desk/assay_entry.html", words, status=400 if is_wrong else 200)


def _sessions(sheet: Sheet) -> list[str]:
    rows = AssayResult.objects.filter(study=sheet.study, metric__assay=sheet.assay).exclude(session="")
    return sorted(set(rows.values_list("session", flat=True)), key=natural)
