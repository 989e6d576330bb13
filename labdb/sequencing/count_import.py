"""From a count file to the expression store: check everything, then store everything."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePath
from typing import Any

import pandas as pd
from django.db import connection, transaction
from django.db.models import Max
from django.utils.text import slugify

from labdb.registry import permissions
from labdb.registry.forms import forbidden_sentence
from labdb.registry.history import copy_into
from labdb.registry.long_work import tick
from labdb.registry.text_streams import Source
from labdb.sequencing.column_matching import ColumnMatch, match_columns
from labdb.sequencing.count_cells import MAX_LISTED_ERRORS, CellError, CountFileError, quoted, refusal
from labdb.sequencing.count_files import CountTable, read_counts, sum_repeated_genes
from labdb.sequencing.count_originals import Original, original_of
from labdb.sequencing.expression_store import store_counts
from labdb.sequencing.gene_ids import KnownGene, ResolvedIds, resolve_gene_ids
from labdb.sequencing.kit_strands import refuse_other_kit
from labdb.sequencing.models import CountMatrix, Gene, Library
from labdb.sequencing.readers.estimates import TranscriptGenes

SHOWN = 5  # names listed in a sentence
WAIT_S = 0.2  # between two looks whether another import has ended
ONE_AT_A_TIME = 7_432_010  # key of the advisory lock; the tests hold another of this family


@dataclass(frozen=True)
class Quantification:
    """How the counts were made: what a matrix records beside its numbers."""

    annotation: str
    quantifier: str = ""
    genome_build: str = ""
    quantified_by: str = ""
    quantified_date: date | None = None
    notes: str = ""


@dataclass(frozen=True)
class CountImport:
    """What an import did, or would do."""

    matrix: CountMatrix | None
    n_genes: int
    n_libraries: int
    n_new_genes: int
    notes: tuple[str, ...]
    match: ColumnMatch
    format: str
    strandedness: str


class UnmatchedColumns(CountFileError):
    """Columns that are no library, or the library of another column; ``match`` says which, and what looks like them."""

    def __init__(self, match: ColumnMatch):
        self.match = match
        super().__init__([CellError(None, None, None, sentence) for sentence in match.sentences])


def import_counts(
    study: Any,
    content: Source,
    *,
    name: str,
    source: Quantification,
    user: Any,
    sample_map: Mapping[str, str] | None = None,
    round_estimates: bool = False,
    transpose: bool = False,
    add_genes: bool = False,
    format: str = "auto",
    strandedness: str = "",
    transcripts: TranscriptGenes | None = None,
    layer: str = "",
    accept_normalized: bool = False,
    map_symbols: bool = False,
    sum_duplicates: bool = False,
    dry_run: bool = False,
) -> CountImport:
    """Read a count file, match its columns to the study's libraries and store it.

    Parameters
    ----------
    study : Study
    content : path, binary file or bytes
        The file, or a folder.
    name : str
        Its name, for sentences and the record.
    source : Quantification
        Annotation and quantifier.
    user : User
        Needs the right to add count matrices in the study.
    sample_map : mapping, optional
        Column name -> library code.
    round_estimates : bool
        Round numbers that are not whole (salmon, kallisto); recorded.
    add_genes : bool
        Add genes that an annotation known here lacks; a new annotation is always filled from the file.
    strandedness : str
        The column of STAR's files, confirmed by a person.
    transcripts : TranscriptGenes, optional
        The gene of each transcript, where the file holds transcripts.
    layer : str
        Which matrix of an h5ad file.
    accept_normalized : bool
        Take columns for the library whose code is spelled a little differently.
    map_symbols : bool
        Take symbols and synonyms of the annotation for its genes.
    sum_duplicates : bool
        Add up the counts of a gene that stands several times.
    dry_run : bool
        Check all, store nothing.

    Raises
    ------
    CountFileError
        Every error found, each with place, value and remedy; nothing is stored.
    """
    if not permissions.may(user, "add", CountMatrix, study):
        raise refusal(forbidden_sentence("add", CountMatrix, study))
    libraries = {library.code: library for library in Library.objects.filter(study=study)}
    if not libraries:
        raise refusal(f"Study {study} has no libraries yet; enter them first, so that columns can be matched by code.")
    table = read_counts(
        content,
        name=name,
        round_estimates=round_estimates,
        transpose=transpose,
        format=format,
        known_samples=[*libraries, *(sample_map or {})],
        strandedness=strandedness,
        sum_duplicates=sum_duplicates,
        transcripts=transcripts,
        layer=layer,
    )
    _refuse_known_file(study, table)
    match = match_columns(table.column_names, list(libraries), sample_map, accept_normalized=accept_normalized)
    if match.sentences:
        raise UnmatchedColumns(match)
    refuse_other_kit(table.strandedness, [libraries[code] for code in match.library_of.values()])
    table, resolved = _with_genes_of(table, source.annotation, map_symbols, sum_duplicates)
    missing = _missing_genes(table, source.annotation, add_genes)
    notes = (*table.notes, *match.notes)
    report = CountImport(
        None,
        len(table.gene_ids),
        len(table.column_names),
        len(missing),
        notes,
        match,
        table.format,
        table.strandedness,
    )
    if dry_run:
        return report
    with original_of(content, name) as original, transaction.atomic():
        _wait_for_other_imports()
        _refuse_known_file(study, table)
        missing = _missing_genes(table, source.annotation, add_genes)
        tick(0, 0, "adding genes")
        _add_genes(missing, source.annotation)
        matrix = _make_matrix(study, table, name, source, user, round_estimates, match, resolved, original)
        store_counts(matrix, _by_keys(table, source.annotation, libraries, match.library_of))
        original.keep()
        tick(0, 0, "finishing")  # the last moment at which it can be stopped
    return replace(report, matrix=matrix, n_new_genes=len(missing))


def _wait_for_other_imports() -> None:
    """Store one file after the other: two of one annotation would both add its genes, a page sent twice its file."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
            if cursor.fetchone() == (True,):
                return
            tick(0, 0, "waiting for another import of counts to end")  # which can be stopped, unlike waiting in SQL
            time.sleep(WAIT_S)


def _refuse_known_file(study: Any, table: CountTable) -> None:
    earlier = CountMatrix.objects.filter(study=study, sha256=table.sha256).first()
    if earlier:
        raise refusal(
            f"This file was already imported into study {study} as {earlier} on {earlier.created_at:%Y-%m-%d}."
        )


def _with_genes_of(
    table: CountTable, annotation: str, map_symbols: bool, sum_duplicates: bool
) -> tuple[CountTable, ResolvedIds]:
    """Return the table with the gene ids of the annotation, and what became of those of the file."""
    rows = Gene.objects.filter(annotation=annotation).values_list("gene_id", "symbol", "synonyms")
    known = [
        KnownGene(gene_id, symbol, tuple(filter(None, map(str.strip, synonyms.split(";")))))
        for gene_id, symbol, synonyms in rows
    ]
    resolved = resolve_gene_ids(
        table.gene_ids, annotation, known, map_symbols=map_symbols, sum_duplicates=sum_duplicates
    )
    if resolved.gene_ids == table.gene_ids:
        return table, resolved
    counts, n_summed = sum_repeated_genes(table.counts.set_axis(list(resolved.gene_ids), axis="index"))
    summed = (f"Added up the counts of {n_summed:,} genes that the file names twice.",) if n_summed else ()
    changed = replace(
        table,
        counts=counts,
        gene_ids=tuple(counts.index),
        notes=(*table.notes, *resolved.notes, *summed),
        n_summed_genes=table.n_summed_genes + n_summed,
    )
    return changed, resolved


def _missing_genes(table: CountTable, annotation: str, add_genes: bool) -> list[str]:
    known = set(Gene.objects.filter(annotation=annotation).values_list("gene_id", flat=True))
    missing = [gene for gene in table.gene_ids if gene not in known]
    if known and missing and not add_genes:
        some = ", ".join(missing[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
        raise refusal(
            f"{len(missing):,} of {len(table.gene_ids):,} genes are not in annotation {annotation} ({some}); "
            "name the annotation the counts were made with, or add the genes (--add-genes)."
        )
    _refuse_long_ids(missing)
    return missing


def _refuse_long_ids(gene_ids: list[str]) -> None:
    longest: int = Gene._meta.get_field("gene_id").max_length  # type: ignore[assignment]
    too_long = [gene for gene in gene_ids if len(gene) > longest]
    if too_long:
        raise CountFileError(
            [
                CellError(
                    None, None, gene,
                    f"Gene {quoted(gene)} has {len(gene):,} characters, more than {longest}; export by gene id alone.",
                )
                for gene in too_long[:MAX_LISTED_ERRORS]
            ],
            len(too_long),
        )  # fmt: skip


def _add_genes(gene_ids: list[str], annotation: str) -> None:
    # A matrix of symbols names genes by them; ids of a database (ENSMUSG...) have their symbols by import.
    rows = ((annotation, gene, "" if gene.upper().startswith("ENS") else gene, "", "") for gene in gene_ids)
    copy_into(Gene, ("annotation", "gene_id", "symbol", "synonyms", "notes"), rows)


def _make_matrix(
    study: Any,
    table: CountTable,
    name: str,
    source: Quantification,
    user: Any,
    is_rounded: bool,
    match: ColumnMatch,
    resolved: ResolvedIds,
    original: Original,
) -> CountMatrix:
    number = (CountMatrix.objects.filter(study=study).aggregate(last=Max("pk"))["last"] or 0) + 1
    code = slugify(PurePath(name).name.split(".")[0])[:40] or "counts"
    if CountMatrix.objects.filter(study=study, code=code).exists():
        code = f"{code}-{number}"
    matrix = CountMatrix(
        study=study,
        code=code,
        annotation=source.annotation,
        quantifier=source.quantifier,
        genome_build=source.genome_build,
        quantified_by=source.quantified_by,
        quantified_date=source.quantified_date,
        notes="\n".join(filter(None, [source.notes, *table.notes])),
        file_name=PurePath(name).name,
        sha256=table.sha256,
        original_sha256=original.sha256,
        n_genes=len(table.gene_ids),
        n_libraries=len(table.column_names),
        is_rounded=is_rounded,
        format=table.format,
        strandedness=table.strandedness,
        n_names_mapped=len(match.mapped),
        n_names_normalized=len(match.normalized),
        n_ids_unversioned=resolved.n_unversioned,
        n_ids_by_symbol=resolved.n_by_symbol,
        n_genes_summed=table.n_summed_genes,
        created_by=user,
    )
    matrix.full_clean()
    matrix.save()
    return matrix


def _by_keys(
    table: CountTable, annotation: str, libraries: Mapping[str, Library], library_of: Mapping[str, str]
) -> pd.DataFrame:
    """Return the counts with primary keys in place of names."""
    pks = dict(Gene.objects.filter(annotation=annotation).values_list("gene_id", "pk"))
    counts = table.counts.copy(deep=False)
    counts.index = pd.Index([pks[gene] for gene in table.gene_ids])
    counts.columns = pd.Index([libraries[library_of[column]].pk for column in table.column_names])
    return counts
