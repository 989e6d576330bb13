"""A gene over regions, groups and contrasts; and the box to find it."""

from altair.utils.schemapi import debug_mode as altair_checks
from django.db.models import Case, IntegerField, Q, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from analysis import figures
from analysis.figure_views import Drawn, FigureError, refuse_figure, require_format, send_figure
from analysis.gene_expression import expression_frame, matrices_with, results_of_gene
from analysis.links import storable
from labdb.colony.models import Study
from labdb.sequencing.models import CountMatrix, Gene

FOUND_SHOWN = 50


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Answer the genes that match a word; one that is meant exactly is opened."""
    word = storable(request.GET.get("q", "").strip())
    seen = Gene.objects.all().visible_to(request.user)
    if word:
        exact = list(seen.filter(Q(symbol__iexact=word) | Q(gene_id__iexact=word))[:2])
        if len({gene.symbol or gene.gene_id for gene in exact}) == 1:
            return redirect("gene-page", exact[0].symbol or exact[0].gene_id)
    matching = Q(symbol__icontains=word) | Q(gene_id__icontains=word) | Q(synonyms__icontains=word)
    begins = Case(When(symbol__istartswith=word, then=Value(0)), default=Value(1), output_field=IntegerField())
    found = list(seen.filter(matching).order_by(begins, "symbol", "gene_id")[: FOUND_SHOWN + 1]) if word else []
    context = {"word": word, "genes": found[:FOUND_SHOWN], "more": len(found) > FOUND_SHOWN, "any": seen.exists()}
    return render(request, "desk/genes.html", context)


@require_GET
def gene(request: HttpRequest, symbol: str) -> HttpResponse:
    """Answer the page of a gene."""
    genes = _genes_or_404(request, symbol)
    studies = list(Study.objects.all().visible_to(request.user))
    matrices = matrices_with(genes, studies)
    try:
        matrix = _chosen(matrices, request.GET.get("matrix", ""))
    except FigureError as error:
        raise Http404(str(error)) from None
    context = {
        "genes": genes,
        "gene": genes[0],
        "symbol": symbol,
        "matrices": matrices,
        "matrix": matrix,
        "results": results_of_gene(genes, studies),
        "figure": {"title": "Expression by region and group", "url": _figure_url(symbol, matrix)} if matrix else None,
    }
    return render(request, "desk/gene.html", context)


def _figure_url(symbol: str, matrix: CountMatrix) -> str:
    return reverse("gene-figure", args=[symbol, "html"]) + f"?matrix={matrix.pk}"


@require_GET
def expression_figure(request: HttpRequest, symbol: str, file_format: str) -> HttpResponse:
    """Answer the expression of a gene, as a part of a page or as a file."""
    genes = _genes_or_404(request, symbol)
    matrices = matrices_with(genes, list(Study.objects.all().visible_to(request.user)))
    try:
        require_format(file_format)
        matrix = _chosen(matrices, request.GET.get("matrix", ""))
        if matrix is None:
            raise FigureError(f"{symbol} has no counts in a study that you see; import a count matrix.", 404)
    except FigureError as error:
        return refuse_figure(error)
    one = next(one for one in genes if one.count_blocks.filter(matrix=matrix).exists())
    samples = expression_frame(matrix, one, request.user)
    caption = (
        f"n = {len(samples)} libraries of {samples['mouse'].nunique()} mice, {matrix.study.code}, {matrix}. "
        "log2 counts per million, library sizes by TMM within each region."
    )
    with altair_checks(False):
        drawn = Drawn(figures.gene_expression(samples, gene=symbol), caption)
    path = reverse("gene-figure", args=[symbol, file_format])
    return send_figure(
        request, "Expression by region and group", drawn, path, (matrix.study.code, symbol, "expression")
    )


def _genes_or_404(request: HttpRequest, symbol: str) -> list[Gene]:
    seen = Gene.objects.all().visible_to(request.user)
    symbol = storable(symbol)
    genes = list(seen.filter(symbol=symbol)) or list(seen.filter(gene_id=symbol))
    if not genes:
        raise Http404(f"No gene is called {symbol}.")
    return genes


def _chosen(matrices: list[CountMatrix], asked: str) -> CountMatrix | None:
    if not asked:
        return matrices[0] if matrices else None
    for matrix in matrices:
        if asked in (str(matrix.pk), matrix.code):
            return matrix
    known = ", ".join(f"{matrix.pk} ({matrix})" for matrix in matrices) or "none"
    raise FigureError(f"{asked} is not a count matrix with this gene; there are: {known}.")
