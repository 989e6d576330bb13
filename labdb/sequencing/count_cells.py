"""One number cell of a count file: a count, or a sentence that says what is wrong with it and what to do."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

MAX_COUNT = int(np.iinfo(np.int32).max)  # the expression store keeps int32
MAX_LISTED_ERRORS = 50
MAX_COUNTED_ERRORS = 100_000  # a large matrix of estimates given as counts would be looked at for a minute
MAX_SHOWN_CHARACTERS = 40
MISSING = frozenset({"", "na", "nan", "n/a", "#n/a", "null", "none", "missing", "-", ".", "?"})

CountRow = npt.NDArray[np.int32]


@dataclass(frozen=True)
class CellError:
    """What is wrong at one place; ``row`` is the line number from 1, None where it is the whole file."""

    row: int | None
    column: str | None
    value: str | None
    sentence: str


class CountFileError(Exception):
    """A refused count file or sample map: ``errors`` lists the first places, ``n_errors`` counts all."""

    def __init__(self, errors: list[CellError], n_errors: int | None = None):
        self.errors = errors
        self.n_errors = len(errors) if n_errors is None else n_errors
        sentences = [error.sentence for error in errors]
        if self.n_errors > len(errors):
            sentences.append(f"... and {self.n_errors - len(errors):,} more.")
        super().__init__("\n".join(sentences))


def refusal(sentence: str) -> CountFileError:
    """Refuse a whole file for one reason."""
    return CountFileError([CellError(None, None, None, sentence)])


class UnreadableCell(Exception):
    """A cell that holds no count; carries what is wrong and the remedy, and if it is text at all."""

    def __init__(self, complaint: str, is_text: bool = False):
        super().__init__(complaint)
        self.is_text = is_text


@dataclass
class ErrorCollector:
    """Gathers the errors of a file by column, so that a column of text does not hide the errors of others."""

    file_name: str
    n_errors: int = 0
    # column -> (running number, error), which keeps the order within a line
    _of_column: dict[str | None, list[tuple[int, CellError]]] = field(default_factory=lambda: defaultdict(list))
    _n_of_column: dict[str | None, int] = field(default_factory=lambda: defaultdict(int))
    _n_text: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, row: int | None, column: str | None, value: str | None, complaint: str) -> None:
        """Note an error; the sentence begins with the place."""
        place = self.file_name
        place += f", line {row}" if row is not None else ""
        place += f", column '{column}'" if column is not None else ""
        self.n_errors += 1
        self._n_of_column[column] += 1
        if len(self._of_column[column]) < MAX_LISTED_ERRORS:
            error = CellError(row, column, value, f"{place}: {complaint}")
            self._of_column[column].append((self.n_errors, error))

    def add_sentence(self, sentence: str) -> None:
        """Note an error of the file as a whole."""
        self.n_errors += 1
        self._of_column[None].append((self.n_errors, CellError(None, None, None, sentence)))

    def add_cell(self, row: int, column: str, value: str, problem: UnreadableCell) -> None:
        """Note a number cell that holds no count."""
        self._n_text[column] += problem.is_text
        self.add(row, column, value, str(problem))

    def raise_if_any(self, n_rows: int) -> None:
        """Raise all that was found, a column that is text from top to bottom as one error."""
        for column, n_text in self._n_text.items():
            if n_text == n_rows > 1:
                _, first = self._of_column[column][0]
                self.n_errors -= self._n_of_column[column]
                self._of_column[column].clear()
                what = f"{quoted(first.value or '')} and all below it are not numbers"
                self.add(first.row, column, first.value, f"{what}; this is no sample, delete the column.")
        if self.n_errors:
            found = [error for of_column in self._of_column.values() for error in of_column]
            errors = [error for _, error in sorted(found, key=lambda numbered: (numbered[1].row or 0, numbered[0]))]
            raise CountFileError(errors[:MAX_LISTED_ERRORS], self.n_errors)


def quoted(value: str) -> str:
    """Show a value in a sentence, a long one cut."""
    shown = value if len(value) <= MAX_SHOWN_CHARACTERS else value[:MAX_SHOWN_CHARACTERS] + "..."
    return f"'{shown}'"


def parse_row(cells: list[str], round_estimates: bool) -> tuple[CountRow, int] | None:
    """Parse the number cells of a line at once: counts, how many were rounded; None if any is wrong."""
    joined = "".join(cells)
    try:
        if joined.isascii() and joined.isdigit() and all(cells):
            return np.fromiter(map(int, cells), dtype=np.int32, count=len(cells)), 0
        if "_" in joined:  # Python reads 1_000 as a thousand
            return None
        estimates = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
    except (ValueError, OverflowError):
        return None
    rounded = np.rint(estimates)
    if not (np.isfinite(estimates).all() and (estimates >= 0).all() and (rounded <= MAX_COUNT).all()):
        return None
    n_rounded = int(np.count_nonzero(rounded != estimates))
    if n_rounded and not round_estimates:
        return None
    return rounded.astype(np.int32), n_rounded


def parse_cell(cell: str, round_estimates: bool) -> int:
    """Parse one number cell.

    Raises
    ------
    UnreadableCell
        With the complaint and the remedy.
    """
    value = cell.strip()
    shown = quoted(value)
    number = math.nan if value.casefold() in MISSING else _number(value)
    if math.isnan(number):
        what = f"{shown} is no count" if value else "the count is missing"
        raise UnreadableCell(f"{what}; enter 0 if no read was counted, or leave the gene out.", is_text=not value)
    if math.isinf(number):
        raise UnreadableCell(f"{shown} is infinite; export the raw counts.")
    if number < 0:
        raise UnreadableCell(f"{shown} is negative; counts are 0 or more. Export raw counts, not log or scaled values.")
    if number != round(number) and not round_estimates:
        raise UnreadableCell(
            f"{shown} is not a whole number; export raw counts, or round with --round "
            "if these are estimates (kallisto, salmon, RSEM)."
        )
    if round(number) > MAX_COUNT:
        raise UnreadableCell(f"{shown} is more than {MAX_COUNT:,}, the largest count; correct it in the export.")
    return round(number)


def _number(value: str) -> float:
    try:
        if "_" not in value:
            return float(value)
    except ValueError:
        if value.count(",") and value.replace(",", "").replace(".", "").isdigit():
            raise UnreadableCell(
                f"{quoted(value)} is not a number; write no thousands separators, and a decimal point.",
                is_text=True,
            ) from None
    raise UnreadableCell(f"{quoted(value)} is not a number; enter the count in digits.", is_text=True)
