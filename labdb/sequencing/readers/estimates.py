"""salmon, kallisto and RSEM: estimates of one sample, by gene, or by transcript with the gene of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labdb.registry.text_tables import TableError, read_table, split_lines
from labdb.sequencing.count_cells import CellError, CountFileError, refusal
from labdb.sequencing.readers.columns import Layout, listed, read_columns, shown_path
from labdb.sequencing.readers.detect import KALLISTO, RSEM, SALMON
from labdb.sequencing.readers.samples import SampleFile, whole_counts

COLUMNS = {  # format -> column of ids, column of estimates
    SALMON: ("Name", "NumReads"),
    KALLISTO: ("target_id", "est_counts"),
    RSEM: ("gene_id", "expected_count"),
}
TRANSCRIPT_LIKE = re.compile(r"(ENS[A-Z]*T\d+|[NX][MR]_\d+|FBtr\d{7})(\.\d+)?")
VERSION = re.compile(r"\.\d+$")
TRANSCRIPT_NAMES = (
    "transcript",
    "transcript_id",
    "target_id",
    "txname",
    "tx",
    "tx_id",
    "enst",
    "ensembl_transcript_id",
)
GENE_NAMES = ("gene", "gene_id", "geneid", "ens_gene", "ensg", "ensembl_gene_id")


@dataclass(frozen=True)
class TranscriptGenes:
    """The gene of every transcript, from a table that a person gave; ``name`` is its file."""

    name: str
    gene_of: Mapping[str, str]


class Summing:
    """Sums the estimates of transcripts to genes; the transcripts of all files are looked up once."""

    def __init__(self, transcripts: TranscriptGenes | None):
        self._transcripts = transcripts
        self._ids: tuple[str, ...] = ()
        self._genes: tuple[str, ...] = ()
        self._row_of: npt.NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self.n_transcripts = 0

    def genes_of(
        self, ids: tuple[str, ...], estimates: npt.NDArray[np.float64], path: str
    ) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
        """Return ids and estimates by gene: as they are, or summed over the transcripts of each."""
        if self._transcripts is None:
            refuse_transcripts(ids, path)
            return ids, estimates
        if ids != self._ids:
            self._look_up(ids, self._transcripts, path)
        self.n_transcripts = len(ids)
        sums = np.zeros((len(self._genes), estimates.shape[1]))
        np.add.at(sums, self._row_of, estimates)
        return self._genes, sums

    def _look_up(self, ids: tuple[str, ...], transcripts: TranscriptGenes, path: str) -> None:
        gene_of = transcripts.gene_of
        unversioned = {VERSION.sub("", transcript): gene for transcript, gene in gene_of.items()}
        genes = [gene_of.get(one) or unversioned.get(VERSION.sub("", one.split("|")[0])) for one in ids]
        unknown = [one for one, gene in zip(ids, genes, strict=True) if gene is None]
        if unknown:
            raise refusal(
                f"{len(unknown):,} of {len(ids):,} transcripts of {path} are not in {transcripts.name} ({listed(unknown)}); "
                "give the table of the annotation that the reads were quantified with."
            )
        row_of: dict[str, int] = {}
        rows = [row_of.setdefault(str(gene), len(row_of)) for gene in genes]
        self._ids, self._genes, self._row_of = ids, tuple(row_of), np.array(rows, dtype=np.intp)


def refuse_transcripts(ids: tuple[str, ...], path: str) -> None:
    """Refuse transcripts where genes are asked for."""
    looked_at = [one.split("|")[0] for one in ids[:1000]]
    if 2 * sum(TRANSCRIPT_LIKE.fullmatch(one) is not None for one in looked_at) > len(looked_at):
        raise refusal(
            f"{path} holds transcripts (such as {looked_at[0]}), not genes; give the table of transcript and gene "
            "with --transcripts, or sum them to genes by tximport."
        )


def read_estimates(
    text: str, path: str, name: str, format: str, summing: Summing, *, bundle_name: str, round_estimates: bool
) -> SampleFile:
    """Read the estimates of one sample, rounded if that was asked for."""
    shown = shown_path(path, bundle_name)
    id_name, count_name = COLUMNS[format]
    first_line = next(split_lines(text)).rstrip("\r\n")
    header = [cell.strip(' "') for cell in first_line.split("\t")]
    layout = Layout("\t", 2, header.index(id_name), (header.index(count_name),), (count_name,), len(header))
    columns = read_columns(text, shown, layout, are_estimates=True)
    if not columns.ids:
        raise refusal(f"{shown} has a header but no lines; copy the file again.")
    genes, estimates = summing.genes_of(columns.ids, columns.numbers, shown)
    counts, n_rounded = whole_counts(estimates, shown)
    if n_rounded and not round_estimates:
        row = int(np.flatnonzero(counts[:, 0] != estimates[:, 0])[0])
        sentence = (
            f"{shown} holds estimates that are not whole ({estimates[row, 0]:g} for {genes[row]}, and {n_rounded - 1:,} more); "
            "round them with --round, which is recorded."
        )
        raise CountFileError([CellError(None, count_name, f"{estimates[row, 0]:g}", sentence)])
    return SampleFile(path, genes, counts, (name,), (), n_rounded)


def read_transcript_genes(content: bytes, *, name: str) -> TranscriptGenes:
    """Read a table with a column of transcripts and one of their genes.

    Raises
    ------
    CountFileError
        A column missing, an empty cell, or a transcript of two genes.
    """
    try:
        table = read_table(content, name)
    except TableError as error:
        raise refusal(str(error)) from None
    header = [column.casefold() for column in table.header]
    of_transcript = next((header.index(one) for one in TRANSCRIPT_NAMES if one in header), None)
    of_gene = next((header.index(one) for one in GENE_NAMES if one in header), None)
    if of_transcript is None or of_gene is None:
        raise refusal(f"{name} needs the columns 'transcript' and 'gene', it has {listed(table.header)}; name them so.")
    gene_of: dict[str, str] = {}
    for line, cells in table.rows:
        transcript, gene = cells[of_transcript].strip(), cells[of_gene].strip()
        if not transcript or not gene:
            raise refusal(f"{name}, line {line}: transcript or gene is empty; fill it in or delete the line.")
        if gene_of.setdefault(transcript, gene) != gene:
            raise refusal(
                f"{name}, line {line}: {transcript} is of {gene_of[transcript]} and of {gene}; keep one of the lines."
            )
    if not gene_of:
        raise refusal(f"{name} has a header but no lines; give a transcript and its gene on each.")
    return TranscriptGenes(name, gene_of)
