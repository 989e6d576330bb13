"""Doors by which counts go to R and scverse: from a matrix, and from a run with the counts it read."""

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from analysis.analyst_export import AnalystExport, ExportError, make_export, matrix_of_run
from analysis.count_files_out import csv_gz_of_counts, mtx_of_counts, parquet_of_counts
from analysis.export_files import write_h5ad, zip_for_r
from analysis.figure_views import file_name
from analysis.links import storable
from analysis.models import AnalysisRun
from labdb.registry.file_store import drafts_folder
from labdb.registry.form_fields import is_storable
from labdb.registry.headers import WHOLE_ROW
from labdb.registry.keys import KeyRing, is_id
from labdb.registry.page_context import PageContext
from labdb.registry.rest_answers import Refused
from labdb.sequencing.expression_codec import CorruptBlock
from labdb.sequencing.models import CountMatrix

STREAMED: dict[str, tuple[str, Callable[[AnalystExport], Iterator[bytes]]]] = {
    "zip": ("application/zip", zip_for_r),
    "parquet": ("application/vnd.apache.parquet", parquet_of_counts),
    "csv.gz": ("application/gzip", csv_gz_of_counts),
    "mtx.zip": ("application/zip", mtx_of_counts),
}
KINDS = (*STREAMED, "h5ad")
OF_COUNTS = ("region", "contrast")  # what can be asked for


@require_GET
def export_matrix(request: HttpRequest, pk: int, kind: str) -> HttpResponse | StreamingHttpResponse:
    """Send the counts of a matrix."""
    matrix: CountMatrix = PageContext.of(request, "count-matrices").row_or_404(pk)
    return _send(request, matrix, kind, None)


class CountsView(APIView):
    """The counts of a matrix, for a script."""

    @extend_schema(
        parameters=[
            OpenApiParameter("name", OpenApiTypes.STR, "path", description="Id or code of the matrix."),
            OpenApiParameter("kind", OpenApiTypes.STR, "path", description=f"One of {', '.join(KINDS)}."),
            OpenApiParameter("region", OpenApiTypes.STR, description="Only the libraries of a region."),
            OpenApiParameter("contrast", OpenApiTypes.STR, description="Whose groups make the designs."),
        ],
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            **dict.fromkeys((400, 401, 404), OpenApiTypes.OBJECT),
        },
        tags=["count-matrices"],
    )
    def get(self, request: Request, name: str, kind: str) -> Any:
        """Return the counts as a file."""
        if kind not in KINDS:
            raise NotFound(f"Counts are not exported as {kind[:20]}; ask for {', '.join(KINDS)}.")
        if not is_storable(name):
            raise NotFound("There is no count matrix of that name.")
        is_code = CountMatrix.objects.visible_to(request.user).filter(code=name).exists()
        try:
            found = KeyRing(request.user).find(CountMatrix, f"#{name}" if is_id(name) and not is_code else name)
        except ValidationError as error:
            raise NotFound(error.messages[0]) from None
        if unknown := [word for word in request.query_params if word not in OF_COUNTS]:
            said = f"is not a filter of counts; known are {', '.join(OF_COUNTS)}."
            raise Refused({word: [f"{word} {said}"] for word in unknown})
        answer = _send(request, found, kind, None)
        if answer.status_code == 400:
            raise Refused({WHOLE_ROW: [answer.content.decode()]})
        return answer


@require_GET
def export_run(request: HttpRequest, pk: int, kind: str) -> HttpResponse | StreamingHttpResponse:
    """Send the counts that a run read."""
    run = get_object_or_404(AnalysisRun.objects.visible_to(request.user).select_related("study", "same_as"), pk=pk)
    found = matrix_of_run(run)
    matrix = CountMatrix.objects.visible_to(request.user).filter(pk=found.pk).first() if found else None
    if matrix is None:
        raise Http404(f"There are no counts that run {pk} read.")
    return _send(request, matrix, kind, run)


def _send(request: Any, matrix: CountMatrix, kind: str, run: AnalysisRun | None) -> Any:
    if kind not in KINDS:
        raise Http404(f"Counts are not exported as {kind}; ask for {', '.join(KINDS)}.")
    asked = {name: storable(request.GET.get(name, "")) for name in OF_COUNTS}
    try:
        export = make_export(matrix, request.user, run=run, **asked)
    except ExportError as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    except CorruptBlock as error:
        return HttpResponse(str(error), status=500, content_type="text/plain; charset=utf-8")
    name = file_name(matrix.study.code, matrix.code, asked["region"], *([f"run-{run.pk}"] if run else []))
    if kind not in STREAMED:
        return _attached(_h5ad(export), f"{name}.{kind}")
    content_type, pieces = STREAMED[kind]
    return _attached(StreamingHttpResponse(pieces(export), content_type=content_type), f"{name}.{kind}")


def _h5ad(export: AnalystExport) -> FileResponse:
    file = tempfile.TemporaryFile(dir=drafts_folder())  # noqa: SIM115  # closed by the answer
    write_h5ad(export, file)
    file.seek(0)
    return FileResponse(file, content_type="application/x-hdf5")


def _attached(answer: Any, name: str) -> Any:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-cache"
    return answer
