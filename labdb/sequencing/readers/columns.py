"""Id and number columns of one text file: at once where the file is clean, else cell by cell with every error."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from labdb.registry.text_tables import TableError, csv_rows, split_lines
from labdb.sequencing.count_cells import MAX_COUNT, ErrorCollector, UnreadableCell, parse_cell, quoted


@dataclass(frozen=True)
class Layout:
    """Where the columns of a file lie; ``first_line`` is the number of the first line that is no header."""

    delimiter: str
    first_line: int
    id_column: int
    number_columns: tuple[int, ...]
    names: tuple[str, ...]  # of the number columns, for the sentences
    n_cells: int  # of every line


@dataclass(frozen=True, eq=False)
class Columns:
    """Ids as written, and numbers, shape (n_ids, n_columns)."""

    ids: tuple[str, ...]
    numbers: npt.NDArray[np.float64]


def read_columns(text: str, name: str, layout: Layout, *, are_estimates: bool) -> Columns:
    """Read the columns of a layout.

    Parameters
    ----------
    text : str
        The decoded file.
    name : str
        Of the file, for the sentences.
    layout : Layout
    are_estimates : bool
        Numbers may have fractions.

    Raises
    ------
    CountFileError
        With every error by line and column.
    """
    body = _below(text, layout.first_line)
    found = _read_at_once(body, layout, are_estimates)
    return found if found is not None else _read_by_cell(body, name, layout, are_estimates)


def _below(text: str, first_line: int) -> str:
    offset = 0
    for number, line in enumerate(split_lines(text), start=1):
        if number == first_line:
            break
        offset += len(line)
    return text[offset:]


def _read_at_once(body: str, layout: Layout, are_estimates: bool) -> Columns | None:
    """Read a clean file; None if any cell needs a closer look."""
    if '"' in body:
        return None
    columns = [layout.id_column, *layout.number_columns]
    try:
        frame = pd.read_csv(
            io.StringIO(body),
            sep=layout.delimiter,
            header=None,
            usecols=columns,
            dtype=dict.fromkeys(layout.number_columns, np.float64 if are_estimates else np.int64)
            | {layout.id_column: str},
            na_filter=False,
            quoting=3,
            engine="c",
        )
    except (ValueError, OverflowError, pd.errors.ParserError):
        return None
    if body.count(layout.delimiter) != len(frame) * (layout.n_cells - 1):
        return None  # a line is longer or shorter than the others
    ids = tuple(frame[layout.id_column].str.strip())
    numbers = frame[list(layout.number_columns)].to_numpy(dtype=np.float64)
    is_clean = np.isfinite(numbers).all() and (numbers >= 0).all() and (numbers <= MAX_COUNT).all() and all(ids)
    return Columns(ids, numbers) if is_clean else None


def _read_by_cell(body: str, name: str, layout: Layout, are_estimates: bool) -> Columns:
    errors = ErrorCollector(name)
    ids: list[str] = []
    rows: list[list[float]] = []
    try:
        for line, cells in csv_rows(body, layout.delimiter, name, layout.first_line):
            if not any(map(str.strip, cells)):
                continue
            if len(cells) != layout.n_cells:
                errors.add(
                    line,
                    None,
                    None,
                    f"the line has {len(cells)} cells, the others {layout.n_cells}; copy the file again.",
                )
                continue
            ids.append(cells[layout.id_column].strip())
            if not ids[-1]:
                errors.add(line, None, "", "the gene has no name; name it or delete the line.")
            rows.append(_numbers_of(cells, line, layout, are_estimates, errors))
    except TableError as error:
        errors.add_sentence(str(error))
    errors.raise_if_any(len(ids))
    numbers = np.array(rows, dtype=np.float64).reshape(len(rows), len(layout.number_columns))
    return Columns(tuple(ids), numbers)


def _numbers_of(
    cells: Sequence[str], line: int, layout: Layout, are_estimates: bool, errors: ErrorCollector
) -> list[float]:
    numbers = []
    for column, name in zip(layout.number_columns, layout.names, strict=True):
        try:
            parse_cell(cells[column], are_estimates)
        except UnreadableCell as problem:
            errors.add_cell(line, name, cells[column], problem)
        else:
            numbers.append(float(cells[column]))
    return numbers


def shown_path(path: str, bundle_name: str) -> str:
    """Name a file of a bundle in a sentence."""
    return path if path == bundle_name or path.startswith(f"{bundle_name}/") else f"{path} in {bundle_name}"


def listed(names: Sequence[str], n_shown: int = 5) -> str:
    """List the first names, and how many more there are."""
    some = ", ".join(map(quoted, names[:n_shown]))
    return f"{some} and {len(names) - n_shown:,} more" if len(names) > n_shown else some
