"""Labels of tubes: chosen in a list, of one tube, or of a day; the stock is asked for once and kept for the next time."""

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from labdb.registry.keys import is_id
from labdb.registry.list_actions import ListAction
from labdb.registry.page_context import PageContext
from labdb.registry.selection import MOST_ROWS
from labdb.tissue.label_form import LabelForm
from labdb.tissue.label_sheets import LabelError, TubeLabel, labels_pdf
from labdb.tissue.models import TissueSample

KEPT = "label_stock"  # in the session: what was asked for last
SHOWN = 60  # labels that the page names


class TubeLabels(ListAction):
    """Leads to the labels of the chosen tubes."""

    name = "labels"
    label = "Labels"
    right = "view"
    needs_answers = False

    def answer(self, request: HttpRequest, context: PageContext, rows: Sequence[Any]) -> HttpResponse:
        """Answer the page that asks for the stock."""
        return label_page(request, labels_of(rows), {"samples": " ".join(str(row.pk) for row in rows)})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def sample_labels(request: HttpRequest) -> HttpResponse:
    """Answer the labels of tubes by their ids (``?samples=1 2 3``): the page that asks for the stock, and the PDF."""
    sent = request.POST if request.method == "POST" else request.GET
    ids = [int(text) for text in sent.get("samples", "").split()[: MOST_ROWS + 1] if is_id(text) and text.isdecimal()]
    seen = TissueSample.objects.filter(pk__in=ids).visible_to(request.user)
    found = seen.select_related("study", "mouse", "region", "dissection").in_bulk()
    rows = [found[pk] for pk in dict.fromkeys(ids) if pk in found]
    if not rows:
        raise Http404("These tubes are not there, or not yours to see; choose them in the list of tissue samples.")
    return label_page(request, labels_of(rows), {"samples": " ".join(str(row.pk) for row in rows)})


def labels_of(samples: Sequence[Any]) -> list[TubeLabel]:
    """Return the label of each tube."""
    return [
        TubeLabel(one.study.code, one.code, one.mouse.code, one.region.code, _day_of(one))
        for one in samples
    ]  # fmt: skip


def _day_of(sample: TissueSample) -> str:
    at = sample.frozen_at or (sample.dissection.performed_at if sample.dissection else None)
    return label_day(timezone.localdate(at)) if at else ""


def label_day(day: Any) -> str:
    """Return a day as a label says it: 27 Nov 2026."""
    return date_format(day, "j M Y")


def label_page(
    request: HttpRequest, labels: Sequence[TubeLabel], kept: dict[str, str], action: str = ""
) -> HttpResponse:
    """Answer the PDF where a stock was asked for, else the page that asks.

    Parameters
    ----------
    kept : dict of str to str
        What the form sends on, so that the same labels are made.
    action : str
        Where the form goes; by default the page of tubes by their ids.
    """
    sent = request.POST if request.method == "POST" else request.GET
    if "stock" not in sent:
        form = LabelForm(initial={"start": 1, **request.session.get(KEPT, {})})
        return _ask(request, form, labels, kept, action)
    form = LabelForm(sent)
    if form.is_valid():
        try:
            pdf = labels_pdf(
                labels, form.cleaned_data["made"], start=form.cleaned_data["start"], shift_mm=form.shift_mm
            )
        except LabelError as error:
            form.add_error(None, str(error))
        else:
            request.session[KEPT] = {name: sent[name] for name in form.fields if name != "start" and name in sent}
            response = HttpResponse(pdf, content_type="application/pdf")
            response["Content-Disposition"] = 'inline; filename="tube-labels.pdf"'
            return response
    return _ask(request, form, labels, kept, action, status=400)


def _ask(
    request: HttpRequest, form: LabelForm, labels: Sequence[TubeLabel], kept: dict[str, str], action: str, *,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    words = {
        "form": form,
        "labels": labels[:SHOWN],
        "n_more": max(0, len(labels) - SHOWN),
        "n_labels": len(labels),
        "kept": kept,
        "action": action or reverse("sample-labels"),
        "sentences": form.sentences if form.is_bound else [],
        "own": [form[name] for name in LabelForm.OWN],
        "asked": [form[name] for name in ("start", "shift_x_mm", "shift_y_mm")],
    }
    return render(request, "tissue/labels.html", words, status=status)
