"""The ARRIVE 2.0 report of a study: on a page, and as a PDF."""

from altair.utils.schemapi import debug_mode as altair_checks
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from analysis.figure_views import file_name
from analysis.figures.theme import save_figure
from analysis.links import storable
from labdb.colony.models import Study
from labdb.desk.arrive import conduct, design, outcome
from labdb.desk.arrive.pdf import report_pdf
from labdb.desk.arrive.report import Asked, Report
from labdb.desk.study_figures import FLOW, FLOW_TITLE, draw_flow


@require_safe
def arrive(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page; ``?export=pdf`` the file."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    report = make_report(Asked(study, request.user))
    if request.GET.get("export") == "pdf":
        return _file(request, report)
    flow = {"title": FLOW_TITLE, "url": f"/studies/{study.code}/figures/{FLOW}.html"}
    return render(request, "desk/arrive.html", {"study": study, "report": report, "flow_figure": flow})


def make_report(asked: Asked) -> Report:
    """Return the report of a study, from what this account may see."""
    essential = (*design.sections(asked), *conduct.sections(asked), outcome.results(asked))
    return Report(asked.study, essential, tuple(outcome.recommended(asked)))


def _file(request: HttpRequest, report: Report) -> HttpResponse:
    with altair_checks(False):
        flow = save_figure(draw_flow(report.study, request.user).chart, "png")
    content = report_pdf(report, f"{timezone.localtime():%Y-%m-%d %H:%M}", flow)
    answer = HttpResponse(content, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="{file_name("arrive", report.study.code)}.pdf"'
    return answer
