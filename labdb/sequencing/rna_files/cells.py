"""What the readers share: headings and numbers as instruments write them, and concentrations in one unit."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from labdb.registry.numbers import COMMA, AmbiguousError, read_number
from labdb.registry.text_tables import TableError, csv_rows, sniff_delimiter

RIN, CONCENTRATION, RATIO, DV200 = "rin", "rna_conc_ng_per_ul", "ratio_260_280", "dv200_percent"
NG_PER_UL = {  # what one of the unit is in ng/ul
    "ng/ul": 1.0, "ug/ml": 1.0, "pg/ul": 1e-3, "ng/ml": 1e-3, "ug/ul": 1e3, "mg/ml": 1e3, "pg/ml": 1e-6,
}  # fmt: skip
NOT_MEASURED = {"", "-", "--", "/", "n/a", "na", "nan", "not available", "none", "null"}
OUT_OF_RANGE = re.compile(r"[<>].*|too (low|high)|tl|th|out of range|.*out of range.*|low|high", re.IGNORECASE)
LADDER = re.compile(r"\b(electronic )?ladder\b|^(std|standard) ?\d$", re.IGNORECASE)

Rows = list[tuple[int, list[str]]]


class RnaFileError(Exception):
    """A file that cannot be taken; its text is a sentence for the person who sent it."""


@dataclass
class Reading:
    """What an instrument says of one tube: values by field of an extraction, and what is worth knowing of them."""

    name: str
    line: int
    values: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RnaFile:
    """The readings of one file.

    Attributes
    ----------
    notes : tuple of str
        Of the file as a whole: units that were converted, lines that are no sample.
    """

    instrument: str
    readings: tuple[Reading, ...]
    notes: tuple[str, ...] = ()


def rows_of(text: str, name: str) -> Rows:
    """Return line numbers and cells without the blanks around them; RnaFileError for a broken quotation."""
    try:
        rows = csv_rows(text, sniff_delimiter(text), name)
        return [(line, [cell.strip() for cell in cells]) for line, cells in rows if any(cell.strip() for cell in cells)]
    except TableError as error:
        raise RnaFileError(str(error)) from None


def plain(heading: str) -> str:
    """Return a heading in small letters; whatever became of the Greek letter is u: ``Conc. [ng/µl]``, ``ng/?l``."""
    text = re.sub(r"[µμ�]|(?<=[/(\[])\?", "u", heading.strip().casefold())
    return re.sub(r"\s+", " ", re.sub(r"[®^]|(?<=qubit)\?", "", text)).strip()


def unit_in(heading: str) -> str:
    """Return the unit that a heading has in brackets; empty without one."""
    found = re.search(r"[\[(]([^\])]*)[\])]\s*$", plain(heading))
    return found[1].replace(" ", "") if found else ""


def find_header(rows: Rows, *wanted: Iterable[str]) -> tuple[int, list[str]] | None:
    """Return the place of the first row that has, of each group, one heading; and its headings in plain letters."""
    for place, (_line, cells) in enumerate(rows):
        headings = [plain(cell) for cell in cells]
        if all(any(heading in headings for heading in group) for group in wanted):
            return place, headings
    return None


def first_of(headings: Sequence[str], *names: str) -> int | None:
    """Return the column of the first name that is there."""
    return next((headings.index(name) for name in names if name in headings), None)


def decimal_mark_of(texts: Iterable[str]) -> str:
    """Return what the numbers of a file show of their decimals: a comma, or nothing."""
    for text in texts:
        if re.fullmatch(r"[<>]?\s*\d+,\d+", text) and not re.fullmatch(r"[<>]?\s*[1-9]\d{0,2},\d{3}", text):
            return COMMA
    return ""


def measure(reading: Reading, name: str, what: str, text: str, mark: str, factor: float = 1.0) -> None:
    """Put a number into a reading; what is no number stays missing, with a note that says why."""
    text = text.strip()
    if text.casefold() in NOT_MEASURED:
        if text:
            reading.notes.append(f"{what} is {text}: stays missing")
        return
    if OUT_OF_RANGE.fullmatch(text):
        reading.notes.append(f"{what} is out of range ({text}): stays missing")
        return
    try:
        reading.values[name] = float(f"{read_number(text, None, mark) * factor:.6g}")
    except AmbiguousError as error:
        reading.errors.append(f"{what}: {error.messages[0]}")
    except ValidationError:
        reading.errors.append(f"{what} is {text}, which is no number; correct the file, or leave this line out.")


def factor_of(unit: str, name: str) -> float:
    """Return what turns a concentration into ng/ul; RnaFileError for a unit that is none."""
    if plain(unit).replace(" ", "") not in NG_PER_UL:
        raise RnaFileError(
            f"{name} gives the concentration in {unit or 'no unit'}; export it in ng/ul, or enter it by hand."
        )
    return NG_PER_UL[plain(unit).replace(" ", "")]


def unit_note(units: Iterable[str]) -> list[str]:
    """Say which units were converted."""
    other = sorted({unit for unit in units if NG_PER_UL.get(plain(unit).replace(" ", ""), 1.0) != 1.0})
    return [f"Concentrations in {', '.join(other)} were converted to ng/ul."] if other else []


def cell(cells: Sequence[str], column: int | None) -> str:
    """Return a cell; empty where the row is too short or the file has no such column."""
    return cells[column] if column is not None and column < len(cells) else ""


def is_ladder(name: str) -> bool:
    """Whether a line is of the ladder or a standard."""
    return bool(LADDER.search(name))
