"""What a gene is called and was called: symbol, id, synonyms, and the names of earlier days."""

from difflib import get_close_matches

from django.db.models import Q, QuerySet
from django.db.models.functions import Upper

from labdb.desk.slips import slips
from labdb.registry.former_names import history_model, rows_formerly
from labdb.registry.name_search import folded
from labdb.sequencing.models import Gene

NEAREST, NEAR = 5, 200  # names that are offered, of so many that begin alike


def page_name(gene: Gene) -> str:
    """Return what its page is called by."""
    return gene.symbol or gene.gene_id


def genes_called(seen: QuerySet[Gene], name: str) -> list[Gene]:
    """Return the genes that are called exactly so, one for each annotation."""
    return list(seen.filter(symbol=name)) or list(seen.filter(gene_id=name))


def pages_meant(seen: QuerySet[Gene], name: str) -> list[str]:
    """Return the pages of the genes that are called so in other letters, that have it for a synonym, or once had it.

    The first way that leads anywhere counts: a gene's own name before a synonym of another.
    """
    for rows in (_in_other_letters(seen, name), _by_synonym(seen, name), _formerly(seen, name)):
        if pages := sorted({page_name(gene) for gene in rows}):
            return pages
    return []


def _in_other_letters(seen: QuerySet[Gene], name: str) -> list[Gene]:
    named = seen.annotate(as_symbol=folded("symbol"), as_id=folded("gene_id"))
    return list(named.filter(Q(as_symbol=name.upper()) | Q(as_id=name.upper())))


def _by_synonym(seen: QuerySet[Gene], name: str) -> list[Gene]:
    wanted = name.strip().upper()
    holding = seen.annotate(as_synonyms=Upper("synonyms")).filter(as_synonyms__contains=wanted) if wanted else []
    return [gene for gene in holding if wanted in (one.strip().upper() for one in gene.synonyms.split(";"))]


def _formerly(seen: QuerySet[Gene], name: str) -> list[Gene]:
    ids = history_model(Gene).objects.filter(symbol=name).values_list("pgh_obj_id", flat=True).distinct()
    return [*seen.filter(pk__in=list(ids)), *rows_formerly(seen, {name}).get(name, [])]


def near_names(seen: QuerySet[Gene], name: str) -> list[str]:
    """Return symbols that a slip of the finger may have meant, else those most like it of all that begin alike."""
    named = seen.exclude(symbol="").annotate(as_symbol=folded("symbol")).order_by("as_symbol")
    close = named.filter(as_symbol__in=slips(name.upper())).values_list("symbol", flat=True).distinct()
    if found := list(close[:NEAREST]):
        return found
    begins = named.filter(as_symbol__startswith=name[: max(len(name) // 2, 1)].upper())
    symbols = {symbol.upper(): symbol for symbol in begins.values_list("symbol", flat=True).distinct()[:NEAR]}
    alike = get_close_matches(name.upper(), symbols, n=NEAREST, cutoff=0.5)
    return [symbols[symbol] for symbol in alike]
