"""A gene over regions, groups and contrasts; and the box to find it."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from altair.utils.schemapi import debug_mode as altair_checks
from django.contrib import messages
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from analysis import figures
from analysis.figure_views import Drawn, FigureError, refuse_figure, require_format, send_figure
from analysis.gene_expression import expression_frame, matrices_with
from analysis.gene_results import current_results, estimates_of_gene, reversals_of_gene
from analysis.links import storable
from labdb.colony.models import Study
from labdb.desk.gene_names import genes_called, near_names, page_name, pages_meant
from labdb.sequencing.models import CountMatrix, Gene

FOUND_SHOWN = 50
ESTIMATES_SHOWN = 50  # of the table; the figure and the export have more
Named = tuple[tuple[str, ...], Drawn]  # what the name of a file begins with, and the figure
TITLES = {"expression": "Expression by region and group", "contrasts": "Every contrast"}


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Answer the genes that match a word; one that is meant exactly is opened."""
    word = storable(request.GET.get("q", "").strip())
    seen = Gene.objects.all().visible_to(request.user)
    if word and len(pages := _pages(seen, word)) == 1:
        return redirect("gene-page", pages[0])
    return _found(request, seen, word)


def _pages(seen: QuerySet[Gene], word: str) -> list[str]:
    return sorted({page_name(gene) for gene in genes_called(seen, word)}) or pages_meant(seen, word)


def _found(request: HttpRequest, seen: QuerySet[Gene], word: str, status: int = 200) -> HttpResponse:
    matching = Q(symbol__icontains=word) | Q(gene_id__icontains=word) | Q(synonyms__icontains=word)
    begins = Case(When(symbol__istartswith=word, then=Value(0)), default=Value(1), output_field=IntegerField())
    found = list(seen.filter(matching).order_by(begins, "symbol", "gene_id")[: FOUND_SHOWN + 1]) if word else []
    context = {
        "word": word,
        "genes": found[:FOUND_SHOWN],
        "more": len(found) > FOUND_SHOWN,
        "is_unknown": status == 404,
        "near": near_names(seen, word) if word and not found else [],
        "any": seen.exists(),
    }
    return render(request, "desk/genes.html", context, status=status)


@require_GET
def gene(request: HttpRequest, symbol: str) -> HttpResponse:
    """Answer the page of a gene; a synonym or a name of earlier days leads to the one that it has now."""
    seen, symbol = Gene.objects.all().visible_to(request.user), storable(symbol)
    genes = genes_called(seen, symbol)
    if not genes:
        if len(pages := pages_meant(seen, symbol)) == 1:
            messages.info(request, f"{symbol} is called {pages[0]} here.")
            return redirect("gene-page", pages[0])
        return _found(request, seen, symbol, status=404)
    studies = list(Study.objects.all().visible_to(request.user))
    matrices = matrices_with(genes, studies)
    try:
        matrix = _chosen(matrices, request.GET.get("matrix", ""))
    except FigureError as error:
        raise Http404(str(error)) from None
    shown = [(TITLES["expression"], _url(symbol, "expression") + f"?matrix={matrix.pk}")] if matrix else []
    context = {"genes": genes, "gene": genes[0], "symbol": symbol, "matrices": matrices, "matrix": matrix}
    context |= _results(genes, studies)
    if context["n_estimates"]:
        shown.append((TITLES["contrasts"], _url(symbol, "contrasts")))
    context["figures"] = [{"title": title, "url": url} for title, url in shown]
    return render(request, "desk/gene.html", context)


def _results(genes: list[Gene], studies: list[Study]) -> dict[str, Any]:
    """Return what current runs say of a gene, with the runs whose results these are."""
    runs = current_results(studies, "differential_expression")
    estimates = estimates_of_gene(genes, runs)
    reversal_runs = current_results(studies, "reversal")
    reversals = reversals_of_gene(genes, reversal_runs)
    return {
        "runs": [run for pk, run in runs.items() if pk in set(estimates["run"])],
        "estimates": estimates.head(ESTIMATES_SHOWN).to_dict("records"),
        "n_estimates": len(estimates),
        "reversals": reversals,
        "reversal_runs": [run for pk, run in reversal_runs.items() if pk in {test.run_id for test, _ in reversals}],
        "n_listed": sum(row is not None for _test, row in reversals),
    }


def _url(symbol: str, name: str) -> str:
    return reverse("gene-figure", args=[symbol, name, "html"])


@require_GET
def gene_figure(request: HttpRequest, symbol: str, name: str, file_format: str) -> HttpResponse:
    """Answer a figure of a gene, as a part of a page or as a file."""
    seen, symbol = Gene.objects.all().visible_to(request.user), storable(symbol)
    try:
        require_format(file_format)
        if not (genes := genes_called(seen, symbol)):
            raise FigureError(f"No gene is called {symbol}.", 404)
        with altair_checks(False):
            origin, drawn = _draw(name)(request, symbol, genes)
    except FigureError as error:
        return refuse_figure(error)
    path = reverse("gene-figure", args=[symbol, name, file_format])
    return send_figure(request, TITLES[name], drawn, path, (*origin, symbol, name))


def _draw(name: str) -> Callable[[HttpRequest, str, list[Gene]], Named]:
    known = {"expression": _draw_expression, "contrasts": _draw_contrasts}
    if name not in known:
        raise FigureError(f"{name} is not a figure of a gene; there are: {', '.join(known)}.", 404)
    return known[name]


def _draw_expression(request: HttpRequest, symbol: str, genes: list[Gene]) -> Named:
    matrices = matrices_with(genes, list(Study.objects.all().visible_to(request.user)))
    matrix = _chosen(matrices, request.GET.get("matrix", ""))
    if matrix is None:
        raise FigureError(f"{symbol} has no counts in a study that you see; import a count matrix.", 404)
    one = next(one for one in genes if one.count_blocks.filter(matrix=matrix).exists())
    samples = expression_frame(matrix, one, request.user)
    caption = (
        f"n = {len(samples)} libraries of {samples['mouse'].nunique()} mice, {matrix.study.code}, {matrix}. "
        "log2 counts per million, library sizes by TMM within each region. A mouse that is pointed at stands out in "
        "every region; a click leads to it."
    )
    return (matrix.study.code,), Drawn(figures.gene_expression(samples, gene=symbol), caption)


def _draw_contrasts(request: HttpRequest, symbol: str, genes: list[Gene]) -> Named:
    runs = current_results(Study.objects.all().visible_to(request.user), "differential_expression")
    estimates = estimates_of_gene(genes, runs)
    if estimates["study"].nunique() > 1:
        estimates["contrast"] = estimates["study"] + ": " + estimates["contrast"]
    chart = figures.gene_forest(estimates.sort_values("region_id", kind="stable"))
    return (), Drawn(chart, _interval_caption(estimates))


def _interval_caption(estimates: pd.DataFrame) -> str:
    n_contrasts, n_without = estimates["contrast"].nunique(), int(estimates["low"].isna().sum())
    few = min(n_contrasts, figures.MOST_CONTRASTS)
    which = "" if few == n_contrasts else f" The {few} contrasts with the smallest p are drawn of {n_contrasts}."
    without = f" {n_without} have no interval: no t distribution leads from their t to their p." if n_without else ""
    return (
        f"n = {len(estimates)} estimates of current runs, limma-voom; 95 % interval: the standard error is log2 fold change / t, "
        "with the degrees of freedom that lead from t to p. Intervals are not adjusted for the number of genes or "
        f"contrasts.{which}{without}"
    )


def _chosen(matrices: list[CountMatrix], asked: str) -> CountMatrix | None:
    if not asked:
        return matrices[0] if matrices else None
    for matrix in matrices:
        if asked in (str(matrix.pk), matrix.code):
            return matrix
    known = ", ".join(f"{matrix.pk} ({matrix})" for matrix in matrices) or "none"
    raise FigureError(f"{asked} is not a count matrix with this gene; there are: {known}.")
