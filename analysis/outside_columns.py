"""Which column of somebody's table of results is what: those of DESeq2, edgeR, limma, Seurat, and lists without names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.outside import RankedBy
from labdb.registry.text_streams import TableError
from labdb.registry.text_tables import (
    LINE,
    TextTable,
    csv_rows,
    decode_text,
    is_separator_line,
    read_table,
    sniff_delimiter,
    unpack,
)

GENE, CHANGE, STATISTIC, P, ADJUSTED = "gene", "log2 fold change", "statistic", "p", "adjusted p"
# Letters and digits only, the best first: a table may hold gene ids and symbols both, and ids are sure.
NAMES: dict[str, tuple[str, ...]] = {
    GENE: (
        "ensemblgeneid", "ensembl", "ensemblid", "ensgene", "geneid", "gene", "genes", "genesymbol", "symbol",
        "mgisymbol", "externalgenename", "genename", "rownames", "rowname", "feature", "name", "id",
    ),
    CHANGE: ("log2foldchange", "logfc", "log2fc", "avglog2fc", "avglogfc", "lfc"),
    STATISTIC: ("stat", "t", "tstatistic", "tvalue", "z", "zscore", "statistic", "score", "metric", "signedlogp"),
    P: ("pvalue", "pval", "p", "pvalues", "rawp", "nominalp"),
    ADJUSTED: ("padj", "adjpval", "adjpvalue", "fdr", "qvalue", "qval", "pvaladj", "adjustedp", "adjustedpvalue"),
}  # fmt: skip
SOFTWARE = {  # columns that only its tables have together
    "DESeq2": {"basemean", "log2foldchange", "padj"},
    "edgeR": {"logfc", "logcpm", "fdr"},
    "limma": {"logfc", "aveexpr", "adjpval"},
    "Seurat": {"avglog2fc", "pct1", "pct2"},
}
MISSING = {"", "na", "nan", "n/a", "null", "none", "-", "."}
ROW_NAMES = "rownames"  # as R leaves their column without a name
ENSEMBL = re.compile(r"ENS[A-Z]*G\d{11}")
LISTED_ERRORS = 8
LEAST_P = float(np.finfo(float).tiny)  # programs print smaller ones as 0


@dataclass(frozen=True)
class OutsideTable:
    """A table of results as its file says it.

    Attributes
    ----------
    rows : pandas.DataFrame
        ``written_as`` (gene), ``value`` (ranks it; NaN where the file has no number), ``log2_fold_change``,
        ``p_value``, ``adj_p_value`` (NaN where absent).
    columns : dict of str to str
        What was found, by the name of the column.
    software : str
        Program whose columns these are; empty where none is recognized.
    ranked_by : str
        One of `RankedBy`.
    notes : tuple of str
    """

    rows: pd.DataFrame
    columns: dict[str, str]
    software: str
    ranked_by: str
    notes: tuple[str, ...]


def read_outside_table(data: bytes, name: str) -> OutsideTable:
    """Read a ranked list or a table of differential expression.

    Raises
    ------
    TableError
        No table, no column of genes or of a number with a sign, or cells that are no such number; all are listed.
    """
    text, lines_before = _with_header(data, name)
    table = read_table(text, name)
    columns = recognized(table.header)
    if ROW_NAMES in table.header and table.rows and ENSEMBL.match(table.rows[0][1][table.header.index(ROW_NAMES)]):
        columns[GENE] = ROW_NAMES  # beside a column of symbols, ids are sure
    numbers = {
        what: _numbers(table, columns[what], what, f"{name}, line", lines_before)
        for what in (CHANGE, STATISTIC, P, ADJUSTED)
        if what in columns
    }
    rows = pd.DataFrame({"written_as": [cells[table.header.index(columns[GENE])].strip() for _, cells in table.rows]})
    empty = pd.Series(np.nan, index=rows.index)
    for column, what in (("log2_fold_change", CHANGE), ("p_value", P), ("adj_p_value", ADJUSTED)):
        rows[column] = numbers.get(what, empty)
    if STATISTIC in numbers:
        ranked_by, value = RankedBy.STATISTIC, numbers[STATISTIC]
    elif P in numbers:
        ranked_by = RankedBy.SIGNED_P
        value = np.sign(numbers[CHANGE]) * norm.isf(numbers[P].clip(lower=LEAST_P) / 2)
    else:
        ranked_by, value = RankedBy.LOG2_FOLD_CHANGE, numbers[CHANGE]
    rows["value"] = value
    return OutsideTable(rows, columns, _software(table.header), ranked_by, (*table.notes, *_notes(rows)))


def recognized(header: Sequence[str]) -> dict[str, str]:
    """Return which column is what.

    Raises
    ------
    TableError
        None names genes, or none ranks them with a sign.
    """
    plain = {_plain(name): name for name in reversed(header)}
    found = {
        what: plain[known[0]] for what, names in NAMES.items() if (known := [name for name in names if name in plain])
    }
    there_are = ", ".join(header[:12]) + (", ..." if len(header) > 12 else "")
    if GENE not in found:
        raise TableError(f"No column is known to name genes; call it gene, symbol or gene_id. There are: {there_are}.")
    if CHANGE not in found and STATISTIC not in found:
        raise TableError(
            "No column ranks the genes by a number with a sign; one is to be called log2FoldChange or logFC, or stat or "
            f"t. There are: {there_are}."
        )
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _software(header: Sequence[str]) -> str:
    plain = {_plain(name) for name in header}
    return next((program for program, columns in SOFTWARE.items() if columns <= plain), "")


def _with_header(data: bytes, name: str) -> tuple[bytes, int]:
    """Give the gene column a name where R left it out, and a list of two columns its header.

    Returns
    -------
    text : bytes
    lines_before : int
        By which a line of the file stands further down than in the text.
    """
    whole, _note = decode_text(unpack(data, name), name)
    text = re.sub(r"\A(?:#[^\r\n]*(?:\r\n|\r|\n))+", "", whole)
    n_comments = len(LINE.findall(whole[: len(whole) - len(text)]))
    delimiter = sniff_delimiter(text)
    first: list[list[str]] = []
    for _line, cells in csv_rows(text, delimiter, name):
        if any(cell.strip() for cell in cells) and not (not first and is_separator_line(cells)):
            first.append([cell.strip() for cell in cells])
        if len(first) == 2:
            break
    if not first:
        raise TableError(f"{name} is empty; send a table of genes with a number for each.")
    if len(first) < 2 or max(map(len, first)) < 2:
        raise TableError(
            f"{name} has one line or one column only; send genes and, beside each, a number that ranks it."
        )
    if len(first[0]) == 2 and _is_value(first[0][1]) and _plain(first[0][0]) not in NAMES[GENE]:
        return f"gene{delimiter}score\n{text}".encode(), n_comments - 1
    if len(first[1]) == len(first[0]) + 1:  # R's write.table
        return f"{ROW_NAMES}{delimiter}{text.lstrip()}".encode(), n_comments
    if not first[0][0] and not _is_number(first[1][0]):  # R's write.csv
        return re.sub(r'\A[ \r\n]*(?:"")?', ROW_NAMES, text, count=1).encode(), n_comments
    return text.encode(), n_comments


def _is_value(cell: str) -> bool:
    """Whether a cell is a number, or says that there is none, which no name of a column does."""
    return _is_number(cell) or (cell != "" and cell.casefold() in MISSING)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(table: TextTable, column: str, what: str, place: str, lines_before: int) -> pd.Series:
    """Read a column; what is missing is NaN."""
    at = table.header.index(column)
    values: list[float] = []
    wrong: list[str] = []
    for line, cells in table.rows:
        cell = cells[at].strip()
        value = np.nan
        if cell.casefold() not in MISSING:
            complaint = ""
            try:
                value = float(cell)
            except ValueError:
                complaint = "is no number; write numbers with a point, and NA where there is none"
            if not complaint and not np.isfinite(value):
                complaint = "is infinite; write NA, or the largest number there is"
            if not complaint and what in (P, ADJUSTED) and not 0 <= value <= 1:
                complaint = "is no probability; it is to be from 0 to 1"
            if complaint:
                wrong.append(f"{place} {line + lines_before}, {column}: '{cell[:40]}' {complaint}.")
        values.append(value)
    if wrong:
        more = f" And {len(wrong) - LISTED_ERRORS:,} more such cells." if len(wrong) > LISTED_ERRORS else ""
        raise TableError(" ".join(wrong[:LISTED_ERRORS]) + more)
    return pd.Series(values, dtype=float)


def _notes(rows: pd.DataFrame) -> list[str]:
    notes = []
    known = rows["value"].dropna()
    n_tied = int(known.duplicated(keep=False).sum())
    if n_tied:
        notes.append(f"{n_tied:,} genes share their value with another; tied genes share their mean rank.")
    if len(known) and (known >= 0).all():
        notes.append(
            "No value is negative: all genes seem to go one way. An unsigned statistic (F, chi-squared, -log10 p) "
            "cannot say which."
        )
    return notes
