"""The page of workbooks: a study out, the empty template, and a whole study in, checked before it is stored."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_safe

from labdb.registry import permissions
from labdb.registry.cells import detail_url
from labdb.registry.form_fields import Reading
from labdb.registry.forms import REASON
from labdb.registry.import_page import QUESTIONS, answer_of, asked_questions, sent_file
from labdb.registry.imports import ImportReport
from labdb.registry.long_work import Stopped
from labdb.registry.long_work_doors import long_work
from labdb.registry.page_context import study_named, visible_studies
from labdb.registry.text_tables import TableError
from labdb.registry.uploads import KeptFile, UploadError, forget
from labdb.registry.workbook_export import study_workbook, template_workbook
from labdb.registry.workbook_import import import_workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHOWN = 500


@require_safe
def workbook_template(request: HttpRequest) -> HttpResponse:
    """Answer the empty workbook."""
    return _file(template_workbook(), "labdb-template.xlsx")


@require_safe
def workbook_of_study(request: HttpRequest, code: str) -> HttpResponse:
    """Answer a study as a workbook: what the account may see of it."""
    study = study_named(code, visible_studies(request.user))
    try:
        return _file(study_workbook(study, request.user), f"{slugify(study.code) or 'study'}.xlsx")
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return redirect("workbook")


def _file(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def workbook_page(request: HttpRequest) -> HttpResponse:
    """Check a workbook without storing anything, then store it."""
    studies = visible_studies(request.user)
    code = request.POST.get("study", request.GET.get("study", "")).strip()
    words: dict[str, Any] = {"studies": studies, "code": code, "study": _of(studies, code)}
    if request.method != "POST":
        return render(request, "registry/workbook.html", words)
    _refuse_readers(request.user)
    kept = None
    try:
        if not code:
            raise UploadError("Say which study it is; a new one gets the code that its sheet studies has.")
        with long_work(request):
            kept = sent_file(request)
            report = _taken(request, kept, code)
    except (TableError, UploadError) as error:
        return render(request, "registry/workbook.html", {**words, "sentence": str(error)})
    except Stopped as stopped:
        words |= {"stopped": kept, "token": kept.token({}) if kept else "", "sentence": str(stopped)}
        return render(request, "registry/workbook.html", words)
    if report.is_stored and report.log is not None:
        forget(kept)
        counts = f"{report.created:,} new, {report.changed:,} changed, {report.unchanged:,} unchanged"
        messages.success(request, f"{kept.name} imported: {counts}.")
        return redirect(detail_url(report.log))
    return render(request, "registry/workbook.html", {**words, **_findings(request, kept, report)})


def _of(studies: list[Any], code: str) -> Any:
    return next((study for study in studies if study.code == code), None)


def _refuse_readers(user: Any) -> None:
    """Refuse who may add nothing anywhere before the file is read; the rows say the rest."""
    if not permissions.may_add_anything(user):
        raise PermissionDenied("Your role may not add records; ask a manager.")


def _taken(request: HttpRequest, kept: KeptFile, code: str) -> ImportReport:
    return import_workbook(
        kept.data, kept.name,
        study=code, user=request.user, reading=Reading(*(answer_of(request, name) for name in QUESTIONS)),
        reason=request.POST.get(REASON, "").replace("\0", ""), dry_run=request.POST.get("step") != "import",
        door="web import",
    )  # fmt: skip


def _findings(request: HttpRequest, kept: KeptFile, report: ImportReport) -> dict[str, Any]:
    return {
        "report": report,
        "file_name": kept.name,
        "token": kept.token({}),
        "errors": report.errors[:SHOWN],
        "more_errors": max(0, len(report.errors) - SHOWN),
        "warnings": report.warnings[:SHOWN],
        "more_warnings": max(0, len(report.warnings) - SHOWN),
        "changes": report.changes[:SHOWN],
        "more_changes": max(0, len(report.changes) - SHOWN),
        "questions": asked_questions(request, report),
        "reason": request.POST.get(REASON, ""),
        "with_sheets": True,
    }
