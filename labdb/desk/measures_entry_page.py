"""A table of measurements, a row for each mouse and a column for each region: read, shown, and stored as one."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from labdb.colony.models import Study
from labdb.registry.entry import reason_of
from labdb.registry.form_fields import Reading
from labdb.registry.forms import forbidden_sentence
from labdb.registry.import_log import Source
from labdb.registry.import_page import QUESTIONS, SHOWN_ERRORS, answer_of, asked_questions, sent_file
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import read_sheet
from labdb.registry.permissions import may
from labdb.registry.record import record_for
from labdb.registry.text_tables import TableError
from labdb.registry.uploads import KeptFile, UploadError, forget
from labdb.tissue.models import BrainRegion, Modality, TissueMeasurement
from labdb.tissue.wide_measurements import EXAMPLE, Stored, WideHeader, import_wide_measurements, read_header

SAID = ("modality", "rater", "performed_at", "rated_date", "replicate")  # beside the table, for all of its rows


@require_http_methods(["GET", "HEAD", "POST"])
def measures_entry(request: HttpRequest, code: str) -> HttpResponse:
    """Show how the columns of a table are read and every cell that is wrong; store the same table when it was checked."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    if not may(request.user, "add", TissueMeasurement, study):
        raise PermissionDenied(forbidden_sentence("add", TissueMeasurement, study))
    if request.method != "POST":
        return _page(request, study)
    try:
        kept = sent_file(request)
        table = read_sheet(record_for(TissueMeasurement), kept.data, kept.name)
    except (TableError, UploadError) as error:
        return _page(request, study, sentence=str(error))
    said = {name: text for name in SAID if (text := _said(request, name))}
    header = read_header(table.header, Stored.of(study), shared=said, leaves_out="leave_out" in request.POST)
    report = import_wide_measurements(
        header, table.header, table.rows, said, user=request.user, study=study,
        reading=Reading(*(answer_of(request, name) for name in QUESTIONS)), reason=reason_of(request),
        dry_run=request.POST.get("step") != "import", source=Source.of(kept.data, kept.name), notes=table.notes,
    )  # fmt: skip
    if report.is_stored:
        forget(kept)
        messages.success(request, f"{report.created} measurements imported from {kept.name}, {report.changed} changed.")
        return redirect("measures-page", study.code)
    return _page(request, study, header=header, report=report, kept=kept)


def _said(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "").replace("\0", "").strip()


def _page(
    request: HttpRequest,
    study: Study,
    *,
    sentence: str = "",
    header: WideHeader | None = None,
    report: ImportReport | None = None,
    kept: KeptFile | None = None,
) -> HttpResponse:
    is_sent = request.method == "POST"
    words: dict[str, Any] = {
        "study": study,
        "sentence": sentence,
        "header": header,
        "report": report,
        "modalities": Modality.choices,
        "regions": BrainRegion.objects.order_by("code"),
        "example": f"mouse,{EXAMPLE},PFC_R_spine_density (per 10 um)",
        "said": {name: _said(request, name) for name in SAID} if is_sent else {"rater": request.user.get_username()},
        "leaves_out": "leave_out" in request.POST,
        "text": request.POST.get("text", ""),
    }
    if report and kept:
        words |= {
            "errors": report.errors[:SHOWN_ERRORS],
            "more_errors": max(0, len(report.errors) - SHOWN_ERRORS),
            "wrong_rows": len({error.line for error in report.errors}),
            "warnings": report.warnings[:SHOWN_ERRORS],
            "more_warnings": max(0, len(report.warnings) - SHOWN_ERRORS),
            "changes": report.changes[:SHOWN_ERRORS],
            "reason": reason_of(request),
            "questions": asked_questions(request, report),
            "file_name": kept.name,
            "token": kept.token({}),
        }
    is_wrong = bool(sentence or (report and report.errors))
    return render(request, "desk/measures_entry.html", words, status=400 if is_wrong else 200)
