"""The reader of count matrices: text to ids, column names and counts, or every error by its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from labdb.registry.text_streams import TextFile
from labdb.registry.text_tables import TableError
from labdb.sequencing.count_cells import (
    MAX_COUNTED_ERRORS,
    CountRow,
    ErrorCollector,
    UnreadableCell,
    parse_cell,
    parse_row,
    quoted,
    refusal,
)
from labdb.sequencing.count_lines import CountedRow, CountLines, IdRow
from labdb.sequencing.count_spool import Spool
from labdb.sequencing.excel_names import excel_complaint, is_made_by_excel

SUMMARY_PREFIX = "__"  # HTSeq: __no_feature, __ambiguous, ...
SUMMARY_ROWS_OF_STAR = frozenset({"N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous"})
INDEX_NAMES = frozenset(
    {"", "gene", "genes", "gene_id", "geneid", "gene_name", "symbol", "id", "feature", "name", "sample"}
)
SUFFIXES = re.compile(r"(\.(gz|csv|tsv|txt|tab|counts?|htseq))+$", re.IGNORECASE)

ENSEMBL_LIKE = re.compile(r"ENS[A-Z]*G\d{11}(\.\d+)?|FBgn\d{7}|WBGene\d{8}")
# expressed in every tissue, hence in every whole matrix of mouse, rat or human
COMMON_GENES = frozenset(
    {"actb", "gapdh", "malat1", "hprt", "hprt1", "eef1a1", "tubb5", "ubc", "b2m", "ppia", "pgk1", "ywhaz"}
)
MANY = 1000  # no study of ours has as many samples, no transcriptome as few genes


@dataclass(frozen=True)
class CountSource:
    """What a reader knows beside the text: the file's name and what the person chose."""

    name: str
    round_estimates: bool = False
    is_transposed: bool = False
    known_samples: frozenset[str] = frozenset()
    sums_duplicates: bool = False


@dataclass(frozen=True, eq=False)
class ParsedMatrix:
    """Ids, names and counts, rows and columns as they lie in the file; notes for the person."""

    row_ids: list[str]
    column_names: list[str]
    counts: npt.NDArray[np.int32]
    notes: list[str]
    genes_in_columns: bool = False


@dataclass(frozen=True)
class _Header:
    line: int
    column_names: list[str]  # without the column of row ids


def read_matrix(
    text: TextFile, source: CountSource, *, left_out: frozenset[str] = frozenset(), may_lack_header: bool = False
) -> ParsedMatrix:
    """Read a delimited matrix whose first column names the rows, line by line.

    Parameters
    ----------
    text : TextFile
    source : CountSource
        File name and choices.
    left_out : frozenset of str
        Columns that describe the gene.
    may_lack_header : bool
        Two columns without a header are one sample, named after the file.

    Raises
    ------
    CountFileError
        With all errors; at once where the layout itself cannot be understood.
    """
    errors = ErrorCollector(source.name)
    lines = CountLines(text)
    header, first_rows = _split_header(lines, source, may_lack_header)
    kept = [i for i, column in enumerate(header.column_names) if column not in left_out]
    column_names = [header.column_names[i] for i in kept]
    if not column_names:
        raise refusal(f"{source.name} has no column of counts; export it again with its samples.")
    with Spool(len(kept)) as spool:
        rows = chain(first_rows, lines.rows(len(header.column_names), kept))
        body = _Body(header, kept, source, errors)
        body.read(rows, spool)
        counts = spool.array()
    if not body.row_ids and not errors.n_errors:
        raise refusal(f"{source.name} has a header but no genes; export it again with its rows.")
    genes_in_columns = _check_orientation(body.row_ids, column_names, source, errors)
    may_repeat = {"gene"} if source.sums_duplicates else set()
    _check_row_ids(body, "sample" if genes_in_columns else "gene", errors, may_repeat)
    _check_column_names(column_names, header.line, "gene" if genes_in_columns else "sample", errors, may_repeat)
    errors.raise_if_any(len(body.row_ids))
    described = [column for column in header.column_names if column in left_out]
    notes = _notes(body, counts.size, described)
    if genes_in_columns:
        notes.append(
            f"Samples are in rows and genes in columns (columns such as {quoted(column_names[0])}, "
            f"lines such as {quoted(body.row_ids[0])}); the matrix was turned."
        )
    return ParsedMatrix(body.row_ids, column_names, counts, notes, genes_in_columns)


def _split_header(lines: CountLines, source: CountSource, may_lack_header: bool) -> tuple[_Header, list[CountedRow]]:
    """Find the column names: with or without a name above the row ids, or none at all; the rows read on the way follow."""
    first: list[IdRow] = list(islice(lines.cells(), 2))
    rows: list[CountedRow] = [(line, cells, None) for line, cells in first]
    if not first:
        raise refusal(f"{source.name} is empty.")
    line, cells = first[0]
    names = [cell.strip() for cell in cells]
    if may_lack_header and len(names) == 2 and _is_number(names[1]):
        return _Header(line, [SUFFIXES.sub("", source.name)]), rows
    if len(first) < 2:
        raise refusal(f"{source.name} has a header but no genes; export it again with its rows.")
    n_cells = len(first[1][1])
    if len(cells) == 1 and n_cells == 1:
        raise refusal(
            f"{source.name} has one column only, so its delimiter was not found; "
            "separate the columns with tabs, commas or semicolons."
        )
    ends_blank = not first[1][1][-1].strip()
    if n_cells != len(cells) + 1 or (ends_blank and names[0].casefold() in INDEX_NAMES):
        index_name, names = names[0], names[1:]
        _refuse_numbers_as_names(index_name, names, line, source)
    while names and not names[-1]:  # Excel writes the empty columns at the right of a sheet
        names.pop()
    if may_lack_header and [name.casefold() for name in names] in (["count"], ["counts"]):
        names = [SUFFIXES.sub("", source.name)]
    return _Header(line, names), rows[1:]


def _refuse_numbers_as_names(index_name: str, names: list[str], line: int, source: CountSource) -> None:
    """Refuse a file that begins with a gene; samples named 1, 2, 3 stand beside a name for the genes."""
    are_numbers = bool(names) and all(map(_is_number, names))
    if are_numbers and index_name.casefold() not in INDEX_NAMES and source.known_samples.isdisjoint(names):
        raise refusal(
            f"{source.name}, line {line} holds numbers ({quoted(names[0])}) where the names of the samples "
            "should be; add a line with the column names."
        )


@dataclass
class _Body:
    """The rows below the header, read into a spool; what is wrong with them goes to ``errors``."""

    header: _Header
    kept: list[int]
    source: CountSource
    errors: ErrorCollector
    row_ids: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    summary_rows: list[str] = field(default_factory=list)
    n_rounded: int = 0

    def read(self, rows: Iterable[CountedRow], spool: Spool) -> None:
        """Read all rows, or as far as they can be told apart."""
        try:
            for line, cells, counts in rows:
                row_id = cells[0].strip()
                if row_id.startswith(SUMMARY_PREFIX) or row_id in SUMMARY_ROWS_OF_STAR:
                    self.summary_rows.append(row_id)
                    continue
                self.row_ids.append(row_id)
                self.lines.append(line)
                if counts is None:
                    counts = self._parsed(line, cells)
                if counts is not None and not self.errors.n_errors:  # else nothing will be kept
                    spool.append(counts)
                if self.errors.n_errors > MAX_COUNTED_ERRORS:
                    sentence = f"{self.source.name} has so many errors that reading stopped at line {line}."
                    self.errors.add_sentence(sentence)
                    break
        except TableError as error:  # the rest cannot be told apart into cells; what was found so far still counts
            self.errors.add_sentence(str(error))

    def _parsed(self, line: int, cells: list[str]) -> CountRow | None:
        """Return the counts of a row; None if any is wrong, each of which is noted."""
        width = len(self.header.column_names) + 1
        if len(cells) < width or any(map(str.strip, cells[width:])):
            n_cells = f"{len(cells)} cell" if len(cells) == 1 else f"{len(cells)} cells"
            complaint = f"the line has {n_cells} where the header (line {self.header.line}) asks for {width}"
            self.errors.add(line, None, None, f"{complaint}; give each line one cell per column.")
            return None
        numbers = [cells[i + 1] for i in self.kept]
        parsed = parse_row(numbers, self.source.round_estimates)
        if parsed is None:
            self._note_bad_cells(line, numbers)
            return None
        counts, n_rounded = parsed
        self.n_rounded += n_rounded
        return counts

    def _note_bad_cells(self, line: int, numbers: list[str]) -> None:
        for position, cell in zip(self.kept, numbers, strict=True):
            try:
                parse_cell(cell, self.source.round_estimates)
            except UnreadableCell as problem:
                self.errors.add_cell(line, self.header.column_names[position], cell, problem)


def _check_row_ids(body: _Body, what: str, errors: ErrorCollector, may_repeat: Set[str]) -> None:
    line_of: dict[str, int] = {}
    for line, row_id in zip(body.lines, body.row_ids, strict=True):
        if not row_id:
            errors.add(line, None, row_id, f"the {what} has no name; name it or delete the line.")
        elif row_id in line_of and what not in may_repeat:
            remedy = (
                "export by gene id, delete one, or add them up with --sum-duplicates"
                if what == "gene"
                else "rename one"
            )
            errors.add(line, None, row_id, f"{what} {quoted(row_id)} is on line {line_of[row_id]} already; {remedy}.")
        elif what == "gene" and is_made_by_excel(row_id):
            errors.add(line, None, row_id, excel_complaint(quoted(row_id), row_id))
        line_of.setdefault(row_id, line)


def _check_column_names(names: list[str], line: int, what: str, errors: ErrorCollector, may_repeat: Set[str]) -> None:
    position_of: dict[str, int] = {}
    for position, name in enumerate(names, start=2):  # the row ids are column 1
        if not name:
            errors.add(line, None, name, f"column {position} has no name; name it after its {what}.")
        elif name in position_of and what not in may_repeat:
            complaint = f"columns {position_of[name]} and {position} are both named {quoted(name)}"
            errors.add(line, name, name, f"{complaint}; rename or delete one.")
        elif what == "gene" and is_made_by_excel(name):
            errors.add(line, name, name, excel_complaint(quoted(name), name))
        position_of.setdefault(name, position)


def _check_orientation(
    row_ids: list[str], column_names: list[str], source: CountSource, errors: ErrorCollector
) -> bool:
    """Return whether genes lie in columns, as is plain or as was asked for; both at odds are an error."""
    genes_in_columns = _genes_in_columns(row_ids, column_names, source.known_samples)
    if genes_in_columns is None:
        return source.is_transposed
    if source.is_transposed and not genes_in_columns:
        seen = f"(columns such as {quoted(column_names[0])}, lines such as {quoted(row_ids[0])})"
        errors.add_sentence(f"{source.name} has samples in columns already {seen}; leave --transpose out.")
    return genes_in_columns


def _genes_in_columns(row_ids: list[str], column_names: list[str], known: frozenset[str]) -> bool | None:
    """Judge by what is plain: known samples, ids that are surely genes, then sheer numbers; else None."""
    if not row_ids or not column_names:
        return None
    rows_known, columns_known = not known.isdisjoint(row_ids), not known.isdisjoint(column_names)
    if rows_known != columns_known:
        return rows_known
    rows_are_genes, columns_are_genes = _are_genes(row_ids), _are_genes(column_names)
    if rows_are_genes != columns_are_genes:
        return columns_are_genes
    n_rows, n_columns = len(row_ids), len(column_names)
    if max(n_rows, n_columns) >= MANY and max(n_rows, n_columns) >= 10 * min(n_rows, n_columns):
        return n_columns > n_rows
    return None


def _are_genes(names: list[str]) -> bool:
    if len(COMMON_GENES.intersection(map(str.casefold, names))) >= 2:
        return True
    n_ensembl = sum(ENSEMBL_LIKE.fullmatch(name) is not None for name in names[:MANY])
    return 2 * n_ensembl > len(names[:MANY])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _notes(body: _Body, n_counts: int, described: list[str]) -> list[str]:
    notes = []
    if described:
        notes.append(f"Left out columns that describe the gene: {', '.join(described)}.")
    if body.summary_rows:
        notes.append(f"Left out summary lines that are no genes: {', '.join(body.summary_rows)}.")
    if body.n_rounded:
        notes.append(f"Rounded {body.n_rounded:,} of {n_counts:,} estimates to whole counts.")
    return notes
