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
from labdb.registry.page_context import PageContext, study_named
from labdb.registry.uploads import KeptFile, UploadError, forget, keep, recall
from labdb.sequencing.column_matching import read_sample_map
from labdb.sequencing.count_cells import CountFileError
from labdb.sequencing.count_form import CountImportForm, max_file_bytes, unusable_sentence
from labdb.sequencing.count_import import CountImport, UnmatchedColumns
from labdb.sequencing.models import CountMatrix, Gene, Library
from labdb.sequencing.records import CountMatrixRecord

SHOWN_COLUMNS = 300  # unknown ones with a field each; a file for another study has thousands
OPTIONS = ("round", "transpose", "add_genes")


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
        self.kept: KeptFile | None = None
        self.sample_map: dict[str, str] = {}
        self.file_sentence = ""
        self.map_error: CountFileError | None = None

    def answer(self) -> HttpResponse:
        """Check what was sent, and store it if that was asked for."""
        self._receive()
        form = CountImportForm(self.request.POST, user=self.request.user)
        if not form.is_valid() or self.kept is None or self.file_sentence or self.map_error:
            return self.show(form)
        is_commit = self.request.POST.get("step") == "import"
        try:
            report = form.run(
                self.kept.data, self.kept.name, self.sample_map, dry_run=not is_commit, door="web import"
            )  # fmt: skip
        except CountFileError as error:
            return self.show(form, error=error)
        if report.matrix is None:
            return self.show(form, report=report)
        forget(self.kept)
        messages.success(self.request, _stored_sentence(report))
        return redirect("record-detail", CountMatrixRecord.resource, report.matrix.pk)

    def _receive(self) -> None:
        """Keep what was sent, beside what was sent before: neither file is chosen twice."""
        files, words = self.request.FILES, self.request.POST
        try:
            if token := words.get("token", ""):
                self.kept = recall(token, self.request.user)
                self.sample_map = {} if words.get("forget_map") else dict(self.kept.mapping)
            if upload := files.get("file"):
                self._keep(upload)
            elif self.kept is None:
                self.file_sentence = "Nothing was sent; choose the file of counts."
        except UploadError as error:
            self.file_sentence = str(error)
        try:
            if upload := files.get("sample_map"):
                self.sample_map |= read_sample_map(upload.read(), name=upload.name or "sample map")
        except CountFileError as error:
            self.map_error = error
        columns, codes = words.getlist("column"), words.getlist("library")
        self.sample_map |= {
            column: code.strip() for column, code in zip(columns, codes, strict=False) if code.strip()
        }  # fmt: skip

    def _keep(self, upload: Any) -> None:
        if sentence := unusable_sentence(upload):
            raise UploadError(sentence)
        self.kept = keep(upload.read(), upload.name, self.request.user)

    def show(
        self,
        form: CountImportForm | None = None,
        *,
        report: CountImport | None = None,
        error: CountFileError | None = None,
    ) -> HttpResponse:
        """Show the form as it was filled in, above it what the check found."""
        words = {
            **self.context.for_template(self.study),
            "form": form or CountImportForm(user=self.request.user),
            "options": [name for name in OPTIONS if self.request.POST.get(name)],
            "studies": self.studies,
            "chosen_study": self.study,
            "file_sentence": self.file_sentence,
            "map_error": self.map_error,
            "kept": self.kept,
            "sample_map": self.sample_map,
            "token": self.kept.token(self.sample_map) if self.kept else "",
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
    return {
        "report": report,
        "words_to_keep": [(name, said[name]) for name in CountImportForm.base_fields if said.get(name)],
        "n_genes": f"{report.n_genes:,}",
        "n_libraries": f"{report.n_libraries:,}",
        "n_new_genes": f"{report.n_new_genes:,}",
    }


def _findings(error: CountFileError, study: Any) -> dict[str, Any]:
    """Return the errors as a table, and each unknown column with the libraries that look like it."""
    words: dict[str, Any] = {
        "error": error,
        "n_errors": f"{error.n_errors:,}",
        "more_errors": f"{error.n_errors - len(error.errors):,}" if error.n_errors > len(error.errors) else "",
    }
    if isinstance(error, UnmatchedColumns):
        unknown = error.match.unknown
        sentences = {column.sentence for column in unknown}
        words |= {
            "match": error.match,
            "unknown": unknown[:SHOWN_COLUMNS],
            "more_unknown": max(0, len(unknown) - SHOWN_COLUMNS),
            "errors": [one for one in error.errors if one.sentence not in sentences],
            "library_codes": Library.objects.filter(study=study).values_list("code", flat=True),
            "libraries_url": f"{reverse('record-list', args=['libraries'])}?{urlencode({'study': study.code})}",
        }
    else:
        words["errors"] = error.errors
    return words


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
