"""`/api/v1/count-matrices/`: matrices, and how a script sends the file of one."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from labdb.registry import permissions
from labdb.registry.forms import forbidden_sentence
from labdb.registry.imports import WHOLE_ROW
from labdb.registry.representation import serializer_for
from labdb.registry.rest import Sentences, view_for
from labdb.registry.rest_answers import Refused
from labdb.registry.rest_schema import refusals
from labdb.sequencing.column_matching import read_sample_map
from labdb.sequencing.count_cells import CountFileError
from labdb.sequencing.count_form import BEYOND_LIMIT, CountImportForm, max_file_bytes, one_file, unusable_sentence
from labdb.sequencing.count_import import CountImport
from labdb.sequencing.kit_strands import Strandedness
from labdb.sequencing.models import CountMatrix
from labdb.sequencing.readers.estimates import read_transcript_genes
from labdb.sequencing.records import CountMatrixRecord

FILES = ("file", "sample_map", "transcripts")
KNOWN = (*FILES, *CountImportForm.base_fields)


@extend_schema_field(OpenApiTypes.BINARY)
class _SentFile(serializers.FileField):
    """A file on its way in; the schema would take it for an address."""


class CountUpload(serializers.Serializer):
    """What a script sends, as multipart/form-data."""

    file = _SentFile(
        help_text="A matrix, or an archive (zip, tar) of files for one sample each; or send several parts of this name."
    )
    study = serializers.CharField(help_text="Code, or # and id.")
    annotation = serializers.CharField(max_length=50, help_text="Name and release, such as GENCODE-M25.")
    quantifier = serializers.CharField(max_length=50, required=False, help_text="Such as kallisto 0.43.")
    genome_build = serializers.CharField(max_length=50, required=False, help_text="Such as GRCm38.")
    quantified_by = serializers.CharField(max_length=100, required=False, help_text="Person or core.")
    quantified_date = serializers.DateField(required=False, help_text="Such as 2026-03-14.")
    sample_map = _SentFile(required=False, help_text="Table with the columns name and library.")
    transcripts = _SentFile(required=False, help_text="Table with the columns transcript and gene.")
    format = serializers.CharField(
        required=False, help_text="Which program wrote the file; by default found by content."
    )
    strandedness = serializers.ChoiceField(
        Strandedness.choices, required=False, help_text="Column to take of STAR's files, after looking at the sums."
    )
    layer = serializers.CharField(
        max_length=100, required=False, help_text="Which matrix of an h5ad file: X (by default), raw or a layer."
    )
    round = serializers.BooleanField(default=False, help_text="Round estimates to whole counts; recorded.")
    transpose = serializers.BooleanField(default=False, help_text="The file has samples in rows.")
    accept_normalized = serializers.BooleanField(
        default=False, help_text="Match names that differ from a code in spelling alone; recorded."
    )
    add_genes = serializers.BooleanField(default=False, help_text="Add genes that the annotation lacks.")
    map_symbols = serializers.BooleanField(
        default=False, help_text="Take symbols of the annotation for its genes; recorded."
    )
    sum_duplicates = serializers.BooleanField(
        default=False, help_text="Add up counts of a gene on several lines; recorded."
    )
    dry_run = serializers.BooleanField(default=False, help_text="Check all, store nothing.")


class CountReport(serializers.Serializer):
    """What was stored, or would be."""

    genes = serializers.IntegerField()
    libraries = serializers.IntegerField()
    new_genes = serializers.IntegerField(help_text="Added to the annotation.")
    format = serializers.CharField(help_text="Which program wrote the file.")
    strandedness = serializers.CharField(help_text="The column taken of STAR's files; else empty.")
    mapped: Any = serializers.DictField(child=serializers.CharField(), help_text="Libraries by the sample map.")
    normalized: Any = serializers.DictField(
        child=serializers.CharField(), help_text="Libraries by a code that is spelled differently."
    )
    notes = serializers.ListField(child=serializers.CharField())


class CheckedCounts(serializers.Serializer):
    """The answer to a dry run."""

    report = CountReport()


class StoredCounts(serializer_for(CountMatrixRecord)):  # type: ignore[misc]
    """A matrix as it was stored, and what its import has to say."""

    report = CountReport()


class CountMatrixView(view_for(CountMatrixRecord)):  # type: ignore[misc]
    """Count matrices: read as any record, and imported by a POST of their file."""

    parser_classes = [MultiPartParser]
    if_too_large = BEYOND_LIMIT

    @property
    def max_body_bytes(self) -> int:
        """A file may be larger than a list of rows."""
        return max_file_bytes()

    @extend_schema(
        request=CountUpload,
        responses={
            200: CheckedCounts,
            201: StoredCounts,
            **refusals(400, 403, 413, 415),
        },
        tags=[CountMatrixRecord.resource],
    )
    def create(self, request: Request) -> Response:
        """Import a file of counts, or with `dry_run` check it; every error at once, and nothing stored if there is one."""
        if not permissions.may(request.user, "add", CountMatrix):
            raise Refused({WHOLE_ROW: [forbidden_sentence("add", CountMatrix)]}, 403)
        form = CountImportForm(request.data, user=request.user)
        of_form: Sentences = {name: list(map(str, said)) for name, said in form.errors.items()}
        if errors := {**of_form, **_wrong_parts(request)}:
            raise Refused(errors)
        study = form.cleaned_data["study"]
        if not permissions.may(request.user, "add", CountMatrix, study):
            raise Refused({WHOLE_ROW: [forbidden_sentence("add", CountMatrix, study)]}, 403)
        is_dry_run = bool(form.cleaned_data["dry_run"])
        sample_map: dict[str, str] = _side_table(request, "sample_map", read_sample_map) or {}
        transcripts = _side_table(request, "transcripts", read_transcript_genes)
        try:
            with one_file(request.FILES.getlist("file")) as (file, name):
                report = form.run(file, name, sample_map, dry_run=is_dry_run, door="REST", transcripts=transcripts)
        except CountFileError as error:
            raise Refused({"file": str(error).splitlines()}) from None
        if report.matrix is None:
            return Response({"report": _said(report)})
        answer = self._answer(self.get_queryset().get(pk=report.matrix.pk), status.HTTP_201_CREATED)
        answer.data["report"] = _said(report)
        return answer


def _wrong_parts(request: Request) -> Sentences:
    """Return what is wrong with the parts themselves: a file left out or sent as text, a name that means nothing."""
    known = ", ".join(KNOWN)
    wrong = {
        name: [f"{name} is not a part of this form; known are {known}."]
        for name in (*request.data, *request.query_params)
        if name not in KNOWN or name in request.query_params  # a dry_run in the address must not store
    }
    for name in FILES:
        uploads = request.FILES.getlist(name)
        if sentences := [sentence for upload in uploads if (sentence := unusable_sentence(upload))]:
            wrong[name] = sentences
        elif not uploads and (name == "file" or name in request.data):
            wrong[name] = [f"Send {name} as a file (multipart/form-data; curl -F {name}=@FILE)."]
    return wrong


def _side_table(request: Request, part: str, read: Callable[..., Any]) -> Any:
    """Return what a table beside the counts says; None where none was sent."""
    upload = request.FILES.get(part)
    try:
        return read(upload.read(), name=upload.name) if upload is not None else None
    except CountFileError as error:
        raise Refused({part: str(error).splitlines()}) from None


def _said(report: CountImport) -> dict[str, Any]:
    return {
        "genes": report.n_genes,
        "libraries": report.n_libraries,
        "new_genes": report.n_new_genes,
        "format": report.format,
        "strandedness": report.strandedness,
        "mapped": report.match.mapped,
        "normalized": report.match.normalized,
        "notes": list(report.notes),
    }
