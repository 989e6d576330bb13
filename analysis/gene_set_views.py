"""Pages of gene sets: upload a collection, test a list against it, take the table along."""

import csv
import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from analysis.figure_views import file_name
from analysis.gene_set_lists import (
    DIRECTIONS,
    METHODS,
    OVER,
    PRERANKED,
    Asked,
    SetAnswer,
    answer_for,
    read_collection,
    store_collection,
)
from analysis.kernels.gene_sets import MAX_GENES, MIN_GENES
from analysis.outside import GeneSetCollection
from analysis.outside_import import sentences_of
from analysis.outside_records import GeneSetCollectionRecord
from analysis.outside_views import send_original
from analysis.tested_lists import TestedList, lists_of, named_lists_of, tested_list
from labdb.registry.file_store import FileProblem
from labdb.registry.form_fields import form_field_for
from labdb.registry.forms import Conflict, conflicts, forbidden_sentence
from labdb.registry.long_work import Stopped, tick
from labdb.registry.long_work_doors import long_work
from labdb.registry.page_context import PageContext, study_named, visible_studies
from labdb.registry.permissions import may
from labdb.registry.text_streams import TableError
from labdb.registry.uploads import UploadError, forget, keep
from labdb.sequencing.count_form import unusable_sentence

SHOWN_SETS = 100
SHOWN_GENES = 12
MOST_GENES = 100_000
NUMBERS = {OVER: ("n_set", "n_listed", "n_both", "expected", "fold"), PRERANKED: ("n_set", "score", "normalized_score")}


class AskedForm(forms.Form):
    """How a list is tested; what is wrong is said at its field."""

    method = forms.ChoiceField(choices=list(METHODS.items()), initial=OVER)
    direction = forms.ChoiceField(choices=list(DIRECTIONS.items()), initial="both")
    max_q = forms.FloatField(
        initial=0.05, min_value=0, max_value=1,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "required"), "Enter an adjusted p from 0 to 1, such as 0.05."
        ),
    )  # fmt: skip
    min_genes = forms.IntegerField(
        initial=MIN_GENES, min_value=1, max_value=MOST_GENES,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "required"), "Enter a whole number from 1 on, such as 15."
        ),
    )  # fmt: skip
    max_genes = forms.IntegerField(
        initial=MAX_GENES, min_value=1, max_value=MOST_GENES,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "required"), "Enter a whole number from 1 on, such as 500."
        ),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Refuse bounds that exclude each other."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        low, high = said.get("min_genes"), said.get("max_genes")
        if low is not None and high is not None and low > high:
            self.add_error("min_genes", f"{low} is more than the largest set, {high}; enter less.")
        return said


class CollectionForm(forms.Form):
    """What is said beside a GMT file; its sentences are those of every record's form."""

    name = form_field_for(GeneSetCollection._meta.get_field("name"))
    source = form_field_for(GeneSetCollection._meta.get_field("source"))
    notes = form_field_for(GeneSetCollection._meta.get_field("notes"))


@require_http_methods(["GET", "HEAD", "POST"])
def gene_sets(request: HttpRequest) -> HttpResponse:
    """Answer what can be tested and, where a list and a collection are chosen, what comes of it."""
    sent = request.POST if request.method == "POST" else request.GET
    tested = tested_list(sent["list"], request.user) if sent.get("list") else None
    studies = visible_studies(request.user)
    study = tested.study if tested else study_named(sent.get("study", ""), studies) or next(iter(studies), None)
    collections = list(GeneSetCollection.objects.all().visible_to(request.user))
    collection = next((one for one in collections if str(one.pk) == sent.get("collection", "")), None)
    form = AskedForm({name: sent.get(name) or field.initial for name, field in AskedForm.base_fields.items()})
    lists = lists_of(study, request.user) if study else []
    named_lists = named_lists_of(study, request.user) if study else []
    context: dict[str, Any] = {
        "study": study,
        "studies": studies,
        "lists": lists,
        "named_lists": named_lists,
        "listed_keys": {key for key, _name in (*lists, *named_lists)},
        "tested": tested,
        "collections": collections,
        "collection": collection,
        "form": form,
        "may_upload": may(request.user, "add", GeneSetCollection),
    }
    if tested is None or collection is None or not form.is_valid():
        return render(request, "analysis/gene_sets.html", context, status=200 if form.is_valid() else 400)
    asked = Asked(**form.cleaned_data)
    try:
        with long_work(request):
            answer = answer_for(tested, collection, asked, lambda done, total: tick(done, total, "testing sets"))
    except Stopped:
        return render(request, "analysis/gene_sets.html", context | {"problem": "Stopped."})
    except FileProblem as problem:
        return render(request, "analysis/gene_sets.html", context | {"problem": str(problem)}, status=500)
    query = urlencode({"list": tested.key, "collection": collection.pk, **form.cleaned_data})
    if sent.get("format") == "csv":
        return _csv(tested, collection, asked, answer)
    context |= {
        "answer": answer,
        "asked": asked,
        "method": METHODS[asked.method],
        "rows": _shown(answer, asked.method),
        "is_over": asked.method == OVER,
        "csv_url": f"{reverse('gene-sets')}?{query}&format=csv",
        "more": max(0, len(answer.rows) - SHOWN_SETS),
        "n_significant": int((answer.rows["adj_p_value"] <= 0.05).sum()) if len(answer.rows) else 0,
    }
    return render(request, "analysis/gene_sets.html", context)


def _shown(answer: SetAnswer, method: str) -> list[dict[str, Any]]:
    rows = []
    for name, row in answer.rows.head(SHOWN_SETS).iterrows():
        genes = row["genes"]
        rows.append(
            {
                "name": name, "description": row["description"], "p_value": float(row["p_value"]),
                "adj_p_value": float(row["adj_p_value"]), "genes": genes[:SHOWN_GENES],
                "more_genes": max(0, len(genes) - SHOWN_GENES), "n_genes": len(genes),
                **{column: float(row[column]) for column in NUMBERS[method]},
            }
        )  # fmt: skip
    return rows


def _csv(tested: TestedList, collection: GeneSetCollection, asked: Asked, answer: SetAnswer) -> HttpResponse:
    """Answer every set; genes separated by semicolons, and what was tested in columns of its own."""
    file = io.StringIO()
    writer = csv.writer(file)
    columns = (*NUMBERS[asked.method], "p_value", "adj_p_value")
    edge = "genes" if asked.method == OVER else "leading_genes"
    writer.writerow(
        ["set", *columns, edge, "description", "list", "collection", "method", "genes_tested", "run", "rule"]
    )
    run = tested.run.pk if tested.run else ""
    for name, row in answer.rows.iterrows():
        genes = ";".join(row["genes"])
        origin = [tested.name, collection.name, asked.method, answer.n_tested, run, tested.rule]
        writer.writerow([name, *(row[column] for column in columns), genes, row["description"], *origin])
    response = HttpResponse(file.getvalue(), content_type="text/csv; charset=utf-8")
    name = file_name(tested.study.code, tested.name, collection.name, asked.method)
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Take a GMT file: checked and kept in one step, for nothing of it has to be decided."""
    if not may(request.user, "add", GeneSetCollection):
        raise PermissionDenied(forbidden_sentence("add", GeneSetCollection))
    context = PageContext.of(request, GeneSetCollectionRecord.resource).for_template()
    if request.method != "POST":
        return render(request, "analysis/gene_set_upload.html", context | {"form": CollectionForm()})
    form, sent, file_sentence = CollectionForm(request.POST), request.FILES.get("file"), ""
    try:
        collection = _kept(request, form, sent)
        if collection is not None:
            messages.success(request, f"{collection.n_sets:,} sets kept as {collection}.")
            for line in filter(None, collection.messages.splitlines()[:5]):
                messages.info(request, line)
            return redirect(f"{reverse('gene-sets')}?collection={collection.pk}")
    except (UploadError, TableError) as error:
        file_sentence = str(error)
    except Conflict as conflict:
        form.add_error(None, str(conflict))
    except ValidationError as error:
        for name, sentences in sentences_of(error).items():
            for sentence in sentences:
                if name in ("file_name", "sha256"):
                    file_sentence = sentence
                else:
                    form.add_error(name if name in form.fields else None, sentence)
    words = {"form": form, "file_sentence": file_sentence}
    return render(request, "analysis/gene_set_upload.html", context | words, status=400)


def _kept(request: HttpRequest, form: CollectionForm, sent: Any) -> GeneSetCollection | None:
    """Keep what was sent; None where what is said beside it is wrong."""
    if sent is None:
        raise UploadError("Nothing was sent; choose a GMT file.")
    if sentence := unusable_sentence(sent):
        raise UploadError(sentence)
    draft = keep(sent.read(), sent.name or "sets.gmt", request.user)
    sets = read_collection(draft.data, draft.name)
    if not form.is_valid():
        return None
    said: Mapping[str, Any] = form.cleaned_data
    with conflicts(GeneSetCollection):
        collection: GeneSetCollection = store_collection(draft.data, sets, said, draft.name, draft.sha256, request.user)
    forget(draft)
    return collection


@require_safe
def original(request: HttpRequest, pk: int) -> FileResponse:
    """Send the file as it was uploaded."""
    row: GeneSetCollection = PageContext.of(request, GeneSetCollectionRecord.resource).row_or_404(pk)
    return send_original(row.sha256, row.file_name)
