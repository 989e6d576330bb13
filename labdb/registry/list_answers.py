"""What a list answers beside its rows: how many are in each group, and why a row is among them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from labdb.registry import permissions
from labdb.registry.filters import FilterError
from labdb.registry.list_counts import USUAL, CountError, counted, words_to_count_by
from labdb.registry.list_filters import changed, chips_of, kin_inputs_of
from labdb.registry.page_context import PageContext
from labdb.registry.why_here import reasons


@require_safe
def list_counts(request: HttpRequest, resource: str) -> HttpResponse:
    """Show how many of the rows that an address selects are in each group of one or two words."""
    context = PageContext.of(request, resource)
    context.require("view")
    down, across = request.GET.get("by", ""), request.GET.get("across", "")
    for name in ("by", "across"):
        context.query.pop(name, None)
    known = words_to_count_by(context)
    if not down:
        usual = ((one, other) for one, other in USUAL if one in known and (not other or other in known))
        down, across = next(usual, (known[0] if known else "", ""))
    words = {
        **context.for_template(),
        "known": known,
        "down": down,
        "across": across,
        "kept": [(name, text) for name, texts in context.query.lists() for text in texts if text],
        "counts_url": reverse("list-counts", args=[resource]),
        "plain_url": reverse("record-list", args=[resource]),
    }
    sentences: list[str] = []
    try:
        words["table"] = counted(context, down, across)
    except CountError as error:
        sentences = [str(error)]
    except FilterError as error:
        sentences = [said for some in error.errors.values() for said in some]
    words["sentences"] = sentences
    is_part = request.htmx  # type: ignore[attr-defined]
    template = "registry/_list_counts.html" if is_part else "registry/list_counts.html"
    return render(request, template, words, status=400 if sentences else 200)


@require_safe
def kin_filters(request: HttpRequest, resource: str) -> HttpResponse:
    """Answer the inputs for what other records say of the rows, when somebody opens them."""
    context = PageContext.of(request, resource)
    context.require("view")
    return render(request, "registry/_kin_filters.html", {"kin_inputs": kin_inputs_of(context)})


@require_safe
def row_why(request: HttpRequest, resource: str, pk: int) -> HttpResponse:
    """Show which values of which related records met the filters that a row was found by."""
    context = PageContext.of(request, resource)
    row = context.row_or_404(pk)
    study = permissions.study_of(row)
    words = {**context.for_template(study), "row": row, "list_query": changed(context.query)}
    list_url = reverse("record-list", args=[resource])
    words["back_url"] = f"{list_url}?{words['list_query']}" if words["list_query"] else list_url
    try:
        words["reasons"] = reasons(context.record, row, context.query, request.user)
        words["asked"] = [chip.text for chip in chips_of(context, list_url)]
    except FilterError as error:
        words["sentences"] = [said for some in error.errors.values() for said in some]
    return render(request, "registry/why.html", words, status=400 if "sentences" in words else 200)
