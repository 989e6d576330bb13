"""Doors by which counts go to R and scverse: from a matrix, and from a run with the counts it read."""

import tempfile
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from analysis.analyst_export import AnalystExport, ExportError, make_export, matrix_of_run
from analysis.export_files import write_h5ad, zip_for_r
from analysis.figure_views import file_name
from analysis.links import storable
from analysis.models import AnalysisRun
from labdb.registry.file_store import drafts_folder
from labdb.registry.page_context import PageContext
from labdb.sequencing.expression_codec import CorruptBlock
from labdb.sequencing.models import CountMatrix

KINDS = ("zip", "h5ad")


@require_GET
def export_matrix(request: HttpRequest, pk: int, kind: str) -> HttpResponse | StreamingHttpResponse:
    """Send the counts of a matrix."""
    matrix: CountMatrix = PageContext.of(request, "count-matrices").row_or_404(pk)
    return _send(request, matrix, kind, None)


@require_GET
def export_run(request: HttpRequest, pk: int, kind: str) -> HttpResponse | StreamingHttpResponse:
    """Send the counts that a run read."""
    run = get_object_or_404(AnalysisRun.objects.visible_to(request.user).select_related("study", "same_as"), pk=pk)
    found = matrix_of_run(run)
    matrix = CountMatrix.objects.visible_to(request.user).filter(pk=found.pk).first() if found else None
    if matrix is None:
        raise Http404(f"There are no counts that run {pk} read.")
    return _send(request, matrix, kind, run)


def _send(request: HttpRequest, matrix: CountMatrix, kind: str, run: AnalysisRun | None) -> Any:
    if kind not in KINDS:
        raise Http404(f"Counts are not exported as {kind}; ask for {' or '.join(KINDS)}.")
    asked = {name: storable(request.GET.get(name, "")) for name in ("region", "contrast")}
    try:
        export = make_export(matrix, request.user, run=run, **asked)
    except ExportError as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    except CorruptBlock as error:
        return HttpResponse(str(error), status=500, content_type="text/plain; charset=utf-8")
    name = file_name(matrix.study.code, matrix.code, asked["region"], *([f"run-{run.pk}"] if run else []))
    if kind == "zip":
        return _attached(StreamingHttpResponse(zip_for_r(export), content_type="application/zip"), f"{name}.zip")
    return _attached(_h5ad(export), f"{name}.h5ad")


def _h5ad(export: AnalystExport) -> FileResponse:
    file = tempfile.TemporaryFile(dir=drafts_folder())  # noqa: SIM115  # closed by the answer
    write_h5ad(export, file)
    file.seek(0)
    return FileResponse(file, content_type="application/x-hdf5")


def _attached(answer: Any, name: str) -> Any:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-cache"
    return answer
