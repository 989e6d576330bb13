"""The page that takes a file of counts: see what would be stored and every error, then store the same file."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from labdb.registry import permissions
from labdb.registry.forms import forbidden_sentence
from labdb.registry.long_work import Stopped
from labdb.registry.long_work_doors import long_work
from labdb.registry.page_context import PageContext, study_named
from labdb.registry.text_streams import chunks_of
from labdb.registry.uploads import KeptFile, LargeFile, UploadError, forget, keep, keep_large, recall, recall_large
from labdb.sequencing.column_matching import ColumnMatch, read_sample_map
from labdb.sequencing.count_cells import CellError, CountFileError, refusal
from labdb.sequencing.count_form import CONSENTS, CountImportForm, max_file_bytes, one_file, unusable_sentence
from labdb.sequencing.count_import import CountImport, UnmatchedColumns
from labdb.sequencing.kit_strands import Strandedness
from labdb.sequencing.models import CountMatrix, Gene, Library
from labdb.sequencing.readers.detect import FORMATS
from labdb.sequencing.readers.estimates import TranscriptGenes, read_transcript_genes
from labdb.sequencing.readers.star import StrandednessNeeded
from labdb.sequencing.records import CountMatrixRecord

SHOWN_COLUMNS = 300  # unknown ones with a field each; a file for another study has thousands
OPTIONS = ("round", *CONSENTS)
SHOWN_SAMPLES = 100  # of the sums that speak for a strandedness


@require_http_methods(["GET", "HEAD", "POST"])
def count_import(request: HttpRequest) -> HttpResponse:
    """Check a file of counts without storing anything, then store it."""
    context = PageContext.of(request, CountMatrixRecord.resource)
    named = study_named(request.POST.get("study", request.GET.get("study", "")), context.studies)
    if not permissions.may(request.user, "add", CountMatrix, named):
        raise PermissionDenied(forbidden_sentence("add", CountMatrix, named))
    page = CountPage(request, context, named)
    return page.answer() if request.method == "POST" else page.show()


class CountPage:
    """One request to the page: what was sent, and what is found in it."""

    def __init__(self, request: HttpRequest, context: PageContext, study: Any) -> None:
        self.request = request
        self.context = context
        self.studies = [
            one for one in context.studies if permissions.may(request.user, "add", CountMatrix, one)
        ]  # fmt: skip
        self.study = study or (self.studies[0] if len(self.studies) == 1 else None)
        self.kept: LargeFile | None = None
        self.sample_map: dict[str, str] = {}
        self.file_sentence = ""
        self.map_error: CountFileError | None = None
        self.kept_transcripts: KeptFile | None = None
        self.transcripts: TranscriptGenes | None = None
        self.transcripts_error: CountFileError | None = None

    def answer(self) -> HttpResponse:
        """Check what was sent, and store it if that was asked for."""
        try:
            with long_work(self.request):
                return self._answer()
        except Stopped as stopped:
            return self.show(CountImportForm(self.request.POST, user=self.request.user), stopped=str(stopped))

    def _answer(self) -> HttpResponse:
        self._receive()
        form = CountImportForm(self.request.POST, user=self.request.user)
        is_unusable = self.file_sentence or self.map_error or self.transcripts_error
        if not form.is_valid() or self.kept is None or is_unusable:
            return self.show(form)
        is_commit = self.request.POST.get("step") == "import"
        try:
            report = form.run(
                self.kept.path,
                self.kept.name,
                self.sample_map,
                dry_run=not is_commit,
                door="web import",
                transcripts=self.transcripts,
            )
        except CountFileError as error:
            return self.show(form, error=error)
        if report.matrix is None:
            return self.show(form, report=report)
        forget(self.kept)
        if self.kept_transcripts:
            forget(self.kept_transcripts)
        messages.success(self.request, _stored_sentence(report))
        return redirect("record-detail", CountMatrixRecord.resource, report.matrix.pk)

    def _receive(self) -> None:
        """Keep what was sent, beside what was sent before: neither file is chosen twice."""
        files, words = self.request.FILES, self.request.POST
        try:
            if token := words.get("token", ""):
                self.kept = recall_large(token, self.request.user)
                self.sample_map = {} if words.get("forget_map") else dict(self.kept.mapping)
            if uploads := files.getlist("file"):
                self._keep(uploads)
            elif self.kept is None:
                self.file_sentence = "Nothing was sent; choose the file of counts."
        except (UploadError, CountFileError) as error:
            self.file_sentence = str(error)
        self._receive_transcripts()
        try:
            if upload := files.get("sample_map"):
                self.sample_map |= read_sample_map(upload.read(), name=upload.name or "sample map")
        except CountFileError as error:
            self.map_error = error
        columns, codes = words.getlist("column"), words.getlist("library")
        self.sample_map |= {
            column: code.strip() for column, code in zip(columns, codes, strict=False) if code.strip()
        }  # fmt: skip

    def _receive_transcripts(self) -> None:
        upload, token = self.request.FILES.get("transcripts"), self.request.POST.get("transcripts_token", "")
        try:
            if upload:
                if sentence := unusable_sentence(upload):
                    raise UploadError(sentence)
                self.kept_transcripts = keep(upload.read(), upload.name or "transcripts", self.request.user)
            elif token:
                self.kept_transcripts = recall(token, self.request.user)
            if kept := self.kept_transcripts:
                self.transcripts = read_transcript_genes(kept.data, name=kept.name)
        except UploadError as error:
            self.transcripts_error = refusal(str(error))
        except CountFileError as error:
            self.transcripts_error = error
            if self.kept_transcripts:
                forget(self.kept_transcripts)
            self.kept_transcripts = None

    def _keep(self, uploads: list[Any]) -> None:
        for upload in uploads:
            if sentence := unusable_sentence(upload):
                raise UploadError(sentence)
        with one_file(uploads) as (file, name):
            file.seek(0)
            self.kept = keep_large(chunks_of(file), name, self.request.user)

    def show(
        self,
        form: CountImportForm | None = None,
        *,
        report: CountImport | None = None,
        error: CountFileError | None = None,
        stopped: str = "",
    ) -> HttpResponse:
        """Show the form as it was filled in, above it what the check found."""
        words = {
            **self.context.for_template(self.study),
            "form": form or CountImportForm(user=self.request.user),
            "options": [name for name in OPTIONS if self.request.POST.get(name)],
            "studies": self.studies,
            "chosen_study": self.study,
            "stopped": stopped,
            "file_sentence": self.file_sentence,
            "map_error": self.map_error,
            "kept": self.kept,
            "sample_map": self.sample_map,
            "token": self.kept.token(self.sample_map) if self.kept else "",
            "transcripts_error": self.transcripts_error,
            "kept_transcripts": self.kept_transcripts,
            "transcripts_token": self.kept_transcripts.token({}) if self.kept_transcripts else "",
            "formats": FORMATS,
            "strands": Strandedness.values,
            "max_mb": max_file_bytes() // 2**20,
            **_known_words(self.context),
        }
        if report:
            words |= _what_will_be_stored(report, self.request.POST)
        if error:
            words |= _findings(error, self.study)
        return render(self.request, "sequencing/count_import.html", words)


def _what_will_be_stored(report: CountImport, said: QueryDict) -> dict[str, Any]:
    """Return the report, and what was said beside the file: the second step stores exactly what was checked."""
    match = report.match
    return {
        "report": report,
        "words_to_keep": [(name, said[name]) for name in CountImportForm.base_fields if said.get(name)],
        "n_genes": f"{report.n_genes:,}",
        "n_libraries": f"{report.n_libraries:,}",
        "n_new_genes": f"{report.n_new_genes:,}",
        "matched": [
            *((column, code, "spelled differently") for column, code in match.normalized.items()),
            *((column, code, "named by you") for column, code in match.mapped.items()),
            *((code, code, "by its code") for code in match.exact),
        ],
    }


def _findings(error: CountFileError, study: Any) -> dict[str, Any]:
    """Return the errors as a table; columns to be named and the strand to be confirmed as what to do about them."""
    words: dict[str, Any] = {
        "error": error,
        "errors": error.errors,
        "n_errors": f"{error.n_errors:,}",
        "more_errors": f"{error.n_errors - len(error.errors):,}" if error.n_errors > len(error.errors) else "",
    }
    if isinstance(error, UnmatchedColumns):
        words |= _columns_to_name(error.match, study)
    if isinstance(error, StrandednessNeeded):
        samples = error.evidence.samples
        words |= {
            "strand_evidence": error.evidence,
            "strand_samples": [error.evidence.total, *samples[:SHOWN_SAMPLES]],
            "more_samples": max(0, len(samples) - SHOWN_SAMPLES),
        }
    return words


def _columns_to_name(match: ColumnMatch, study: Any) -> dict[str, Any]:
    """Return a row for each column that is no library's code: what it may be, and a field to say it."""
    rows = [
        *((column, code, match.proposal_sentence(column)) for column, code in match.proposals.items()),
        *((one.name, "", one.sentence) for one in match.unknown),
    ]
    return {
        "match": match,
        "unnamed": [
            {"column": column, "proposal": proposal, "sentence": sentence}
            for column, proposal, sentence in rows[:SHOWN_COLUMNS]
        ],
        "more_unnamed": max(0, len(rows) - SHOWN_COLUMNS),
        "errors": [CellError(None, None, None, sentence) for sentence in match.duplicate_sentences],
        "library_codes": Library.objects.filter(study=study).values_list("code", flat=True),
        "libraries_url": f"{reverse('record-list', args=['libraries'])}?{urlencode({'study': study.code})}",
    }


def _known_words(context: PageContext) -> dict[str, list[str]]:
    """Return what was entered before, to be chosen again rather than spelled anew."""
    matrices = context.rows().order_by()
    words = {
        name: sorted(filter(None, matrices.values_list(name, flat=True).distinct()))
        for name in ("quantifier", "genome_build", "quantified_by")
    }
    annotations = sorted(Gene.objects.order_by().values_list("annotation", flat=True).distinct())
    return {
        "known_annotations": annotations,
        "known_quantifiers": words["quantifier"],
        "known_genome_builds": words["genome_build"],
        "known_quantified_by": words["quantified_by"],
    }


def _stored_sentence(report: CountImport) -> str:
    new = f", {report.n_new_genes:,} genes new to the annotation" if report.n_new_genes else ""
    return f"{report.n_genes:,} genes x {report.n_libraries:,} libraries imported as {report.matrix}{new}."
