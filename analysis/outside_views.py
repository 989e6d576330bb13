"""Pages of outside signatures: upload one, look at it, hold it against the study's contrasts and mice."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from analysis import figures
from analysis.figure_types import Drawn
from analysis.figure_views import FigureError, refuse_figure, require_format, send_figure
from analysis.links import gene_urls
from analysis.models import AnalysisRun
from analysis.outside import OutsideSignature
from analysis.outside_comparison import compare_lists
from analysis.outside_import import (
    OutsideReport,
    annotations_of,
    check_outside,
    described,
    problems_of,
    sentences_of,
    store_outside,
)
from analysis.outside_records import OutsideSignatureRecord
from analysis.outside_results import NULL_OF_ANIMALS, test_sentence
from analysis.summaries import current_runs
from analysis.tested_lists import lists_of, tested_list
from labdb.registry.file_store import FileProblem, open_file
from labdb.registry.form_fields import form_field_for
from labdb.registry.forms import Conflict, conflicts, forbidden_sentence
from labdb.registry.page_context import PageContext, study_named
from labdb.registry.permissions import may
from labdb.registry.text_streams import TableError
from labdb.registry.uploads import KeptFile, UploadError, forget, keep, recall
from labdb.sequencing.count_form import unusable_sentence

TOP_GENES = 50
SAID = ("code", "title", "up_means", "origin", "source", "software", "computed_by", "annotation", "notes")


class OutsideForm(forms.Form):
    """What is said beside the file; its sentences are those of every record's form."""

    code = form_field_for(OutsideSignature._meta.get_field("code"))
    title = form_field_for(OutsideSignature._meta.get_field("title"))
    up_means = form_field_for(OutsideSignature._meta.get_field("up_means"))
    origin = form_field_for(OutsideSignature._meta.get_field("origin"))
    source = form_field_for(OutsideSignature._meta.get_field("source"))
    software = form_field_for(OutsideSignature._meta.get_field("software"))
    computed_by = form_field_for(OutsideSignature._meta.get_field("computed_by"))
    annotation = form_field_for(OutsideSignature._meta.get_field("annotation"))
    notes = form_field_for(OutsideSignature._meta.get_field("notes"))


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Check a file and show what of it would be kept; then keep it."""
    context = PageContext.of(request, OutsideSignatureRecord.resource)
    named = study_named(request.POST.get("study", request.GET.get("study", "")), context.studies)
    if not may(request.user, "add", OutsideSignature, named):
        raise PermissionDenied(forbidden_sentence("add", OutsideSignature, named))
    page = _UploadPage(request, context, named)
    return page.answer() if request.method == "POST" else page.show()


class _UploadPage:
    """One request to the page: what was sent, and what is found in it."""

    def __init__(self, request: HttpRequest, context: PageContext, study: Any) -> None:
        self.request, self.context = request, context
        self.studies = [one for one in context.studies if may(request.user, "add", OutsideSignature, one)]
        self.study = study or (self.studies[0] if len(self.studies) == 1 else None)
        self.kept: KeptFile | None = None
        self.file_sentence = ""

    def answer(self) -> HttpResponse:
        """Check what was sent, and store it if that was asked for."""
        self._receive()
        form = OutsideForm(self.request.POST)
        form.full_clean()
        if self.study is None:
            form.add_error(None, "Choose the study that it belongs to.")
        if self.kept is None or self.study is None or "annotation" not in form.cleaned_data:
            return self.show(form)
        try:
            report = check_outside(self.kept.data, self.kept.name, form.cleaned_data["annotation"])
        except TableError as error:
            self.file_sentence = str(error)
            return self.show(form)
        if problems := problems_of(report):
            self.file_sentence = " ".join(problems)
            return self.show(form)
        said = {name: form.cleaned_data.get(name, "") for name in SAID}
        signature = described(self.study, self.kept.data, self.kept.name, report, said, self.request.user)
        try:
            signature.full_clean(exclude=set(form.errors))
        except ValidationError as error:
            _add_errors(form, error)
        if form.errors or self.request.POST.get("step") != "store":
            return self.show(form, report)
        try:
            with conflicts(OutsideSignature):
                store_outside(signature, self.kept.data, report, self.request.user)
        except Conflict as conflict:
            form.add_error(None, str(conflict))
            return self.show(form, report)
        forget(self.kept)
        messages.success(self.request, f"{signature.n_genes:,} genes of {signature.file_name} kept as {signature}.")
        return redirect("outside-signature", signature.pk)

    def _receive(self) -> None:
        sent, token = self.request.FILES.get("file"), self.request.POST.get("token", "")
        try:
            if sent is not None:
                if sentence := unusable_sentence(sent):
                    raise UploadError(sentence)
                self.kept = keep(sent.read(), sent.name or "list", self.request.user)
            elif token:
                self.kept = recall(token, self.request.user)
            else:
                self.file_sentence = "Nothing was sent; choose a file."
        except UploadError as error:
            self.file_sentence = str(error)

    def show(self, form: OutsideForm | None = None, report: OutsideReport | None = None) -> HttpResponse:
        """Show the form as it was filled in, above it what the file holds."""
        annotations = annotations_of(self.study) if self.study else []
        form = form or OutsideForm(initial={"annotation": annotations[0] if annotations else "", "origin": "own"})
        words = {
            **self.context.for_template(self.study),
            "form": form,
            "studies": self.studies,
            "chosen_study": self.study,
            "file_sentence": self.file_sentence,
            "kept": self.kept,
            "token": self.kept.token({}) if self.kept else "",
            "report": report,
            "may_store": report is not None and not form.errors,
            "said": [(name, form.data.get(name, "")) for name in SAID] if report is not None else [],
            "annotations": annotations,
            "origins": OutsideSignature._meta.get_field("origin").choices,
        }
        status = 400 if self.file_sentence or form.errors else 200
        return render(self.request, "analysis/outside_upload.html", words, status=status)


def _add_errors(form: OutsideForm, error: ValidationError) -> None:
    """Say what the record's own rules refuse at the field of the page, or above all of them."""
    for name, sentences in sentences_of(error).items():
        for sentence in sentences:
            form.add_error(name if name in form.fields else None, sentence)


@require_GET
def signature_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer one outside signature: where it comes from, its genes, and what it says against the study."""
    shown = tested_list(f"signature-{pk}", request.user)
    signature, study = shown.signature, shown.study
    assert signature is not None
    others = [one for one in lists_of(study, request.user) if one[0] != shown.key]
    context = {
        "signature": signature,
        "study": study,
        "up": _top(shown.genes, ascending=False),
        "down": _top(shown.genes, ascending=True),
        "has_p": shown.is_called,
        "others": others,
        "chosen": request.GET.get("with", ""),
        "list_key": shown.key,
        "figure": _volcano_link(pk) if shown.is_called else None,
        "null": NULL_OF_ANIMALS,
        "tests": _tests(signature, request.user),
        "may_run": may(request.user, "add", AnalysisRun, study),
    }
    if asked := request.GET.get("with", ""):
        other = tested_list(asked, request.user)
        if other.study != study:
            raise Http404(f"{other.name} is no list of {study}.")
        context["comparison"] = compare_lists(shown, other)
    return render(request, "analysis/outside_signature.html", context)


def _top(genes: Any, *, ascending: bool) -> list[dict[str, Any]]:
    chosen = genes[genes["value"] < 0] if ascending else genes[genes["value"] > 0]
    ordered = chosen.sort_values("value", ascending=ascending, kind="stable").head(TOP_GENES)
    rows = ordered.astype(object).where(ordered.notna(), None).to_dict("records")
    return [row | {"url": url} for row, url in zip(rows, gene_urls(ordered["symbol"]), strict=True)]


def _volcano_link(pk: int) -> dict[str, str]:
    return {"title": "Volcano", "url": reverse("outside-volcano", args=[pk, "html"])}


def _tests(signature: OutsideSignature, user: Any) -> list[tuple[Any, str]]:
    """Return what the current runs say of a signature, the one of all signatures first."""
    run = current_runs(signature.study).get("outside_signature")
    rows = signature.tests.visible_to(user).select_related("contrast", "region", "signature", "run")
    if run is not None and rows.filter(run=run.results_run).exists():
        rows = rows.filter(run=run.results_run)
    else:
        latest = rows.order_by("-run").values_list("run", flat=True).first()
        rows = rows.filter(run=latest)
    return [(test, test_sentence(test)) for test in rows.order_by("contrast__name", "region_id")]


@require_GET
def volcano(request: HttpRequest, pk: int, file_format: str) -> HttpResponse:
    """Answer the volcano of an outside signature."""
    shown = tested_list(f"signature-{pk}", request.user)
    try:
        require_format(file_format)
        if not shown.is_called:
            raise FigureError(f"{shown.name} has no p-values and fold changes, so no volcano.", 404)
    except FigureError as error:
        return refuse_figure(error)
    genes = shown.genes.rename(columns={"symbol": "gene"})
    if genes["adj_p_value"].isna().all():
        genes["adj_p_value"] = 1.0  # nothing is called by a p that the file does not adjust
    genes["url"] = gene_urls(genes["gene"])
    n = len(genes.dropna(subset=["p_value", "log2_fold_change", "adj_p_value"]))
    assert shown.signature is not None
    caption = (
        f"{shown.name}: n = {n:,} genes as their file says them; a positive value means {shown.signature.up_means}."
    )
    drawn = Drawn(figures.volcano(genes.reset_index(drop=True)), caption)
    path = reverse("outside-volcano", args=[pk, file_format])
    return send_figure(request, "Volcano", drawn, path, (shown.study.code, shown.name, "volcano"))


@require_safe
def original(request: HttpRequest, pk: int) -> FileResponse:
    """Send the file as it was uploaded to whoever may see its signature."""
    row: OutsideSignature = PageContext.of(request, OutsideSignatureRecord.resource).row_or_404(pk)
    return send_original(row.sha256, row.file_name)


def send_original(sha256: str, file_name: str) -> FileResponse:
    """Send a kept file, its bytes verified."""
    try:
        content = open_file(sha256)
    except FileProblem as problem:
        raise Http404(str(problem)) from None
    answer = FileResponse(content, as_attachment=True, filename=file_name, content_type="application/octet-stream")
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-cache"
    return answer
