"""Which library each column of a count file is: by its exact code, by a given map, or by a spelling that a person accepted."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from labdb.registry.text_tables import TableError, read_content, read_table
from labdb.sequencing.count_cells import ErrorCollector, quoted, refusal
from labdb.sequencing.readers.samples import sample_stem

MAX_SUGGESTIONS = 3
MAX_COLUMNS_WITH_SUGGESTIONS = 50  # comparing all with all takes minutes for thousands
CLOSENESS = 0.8  # of difflib: one letter wrong in five
SHORTEST_CODE_TO_FIND_INSIDE = 4  # "S1" lies within S10 to S19
LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")


@dataclass(frozen=True)
class UnknownColumn:
    """A column that is no library; ``suggestions`` are codes that look like it, for a person to judge."""

    name: str
    suggestions: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class ColumnMatch:
    """The libraries of the columns.

    ``exact`` are columns named by a library's code, ``mapped`` those that the sample map names (column ->
    code), ``normalized`` those that are one library's code but for case, dashes, blanks, path, suffixes or
    leading zeros (column -> code), taken only where ``is_accepted``; ``unknown`` are the others.
    ``duplicates`` are libraries that several columns claim (code -> columns).
    """

    exact: tuple[str, ...]
    mapped: dict[str, str]
    unknown: tuple[UnknownColumn, ...]
    duplicates: dict[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()
    normalized: dict[str, str] = field(default_factory=dict)
    is_accepted: bool = False

    @property
    def library_of(self) -> dict[str, str]:
        """Column name -> library code, of the columns that were matched."""
        accepted = self.normalized if self.is_accepted else {}
        return {**{name: name for name in self.exact}, **self.mapped, **accepted}

    @property
    def proposals(self) -> dict[str, str]:
        """Column -> library that it is but for its spelling, as long as nobody accepted that."""
        return {} if self.is_accepted else self.normalized

    def proposal_sentence(self, column: str) -> str:
        """Say what a column may be, and how to say so."""
        return (
            f"Column {quoted(column)} is no library of this study; if it is {quoted(self.normalized[column])}, say so in a "
            "sample map (columns name, library), or accept such spellings with --accept-normalized."
        )

    @property
    def duplicate_sentences(self) -> tuple[str, ...]:
        """What is wrong with libraries that several columns claim."""
        return tuple(
            f"Columns {', '.join(map(quoted, names))} are all library {quoted(code)}; "
            "keep one, or give each a library of its own."
            for code, names in self.duplicates.items()
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What keeps the file from being stored; empty if every column has a library of its own."""
        return (
            *map(self.proposal_sentence, self.proposals),
            *(unknown.sentence for unknown in self.unknown),
            *self.duplicate_sentences,
        )


def match_columns(
    column_names: Sequence[str],
    known_library_codes: Collection[str],
    sample_map: Mapping[str, str] | None = None,
    *,
    accept_normalized: bool = False,
) -> ColumnMatch:
    """Match the columns of a count file to libraries.

    Parameters
    ----------
    column_names : sequence of str
        As the file has them.
    known_library_codes : collection of str
        The codes of the study's libraries.
    sample_map : mapping of str to str, optional
        Column name -> library code; it goes before a code of the same name.
    accept_normalized : bool
        Take a column for the one library whose code differs from its name in spelling alone; without it
        that is a proposal.

    Returns
    -------
    ColumnMatch
    """
    known = set(known_library_codes)
    sample_map = sample_map or {}
    spellings = _Spellings(known)
    exact: list[str] = []
    mapped: dict[str, str] = {}
    normalized: dict[str, str] = {}
    unmatched: list[str] = []
    columns_of: dict[str, list[str]] = defaultdict(list)
    for name in column_names:
        code = sample_map.get(name, name)
        if code in known:
            if name in sample_map:
                mapped[name] = code
            else:
                exact.append(name)
        elif name not in sample_map and (proposed := spellings.only_one_like(name)):
            normalized[name] = code = proposed
        else:
            unmatched.append(name)
            continue
        columns_of[code].append(name)
    unknown = [
        _unknown(name, sample_map, spellings if i < MAX_COLUMNS_WITH_SUGGESTIONS else None)
        for i, name in enumerate(unmatched)
    ]
    unused = [name for name in sample_map if name not in set(column_names)]
    notes = (f"The sample map also names columns that the file has not: {_some(unused)}.",) if unused else ()
    duplicates = {code: tuple(names) for code, names in columns_of.items() if len(names) > 1}
    return ColumnMatch(tuple(exact), mapped, tuple(unknown), duplicates, notes, normalized, accept_normalized)


def write_sample_map(match: ColumnMatch) -> str:
    """Return a sample map to be completed: what is known or proposed, and an empty library beside what is not."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(("name", "library"))
    writer.writerows({**{name: name for name in match.exact}, **match.mapped, **match.normalized}.items())
    writer.writerows((column.name, "") for column in match.unknown)
    return written.getvalue()


def read_sample_map(path_or_bytes: str | Path | bytes, *, name: str = "") -> dict[str, str]:
    """Read a table with the columns ``name`` (in the count file) and ``library`` (code); others are ignored.

    Raises
    ------
    CountFileError
        With every error: a column missing, a cell empty, a name given twice.
    """
    try:
        content, name = read_content(path_or_bytes, name)
        table = read_table(content, name)
    except TableError as error:
        raise refusal(str(error)) from None
    header = [column.casefold() for column in table.header]
    missing = [column for column in ("name", "library") if column not in header]
    if missing:
        raise refusal(
            f"{name} has no column {' and '.join(map(quoted, missing))}, only {_some(table.header)}; "
            "a sample map has the columns 'name' (as in the count file) and 'library' (its code)."
        )
    errors = ErrorCollector(name)
    library_of: dict[str, str] = {}
    line_of: dict[str, int] = {}
    for line, cells in table.rows:
        column, library = (cells[header.index(key)].strip() for key in ("name", "library"))
        for key, value in (("name", column), ("library", library)):
            if not value:
                errors.add(line, key, value, "the cell is empty; fill it in or delete the line.")
        if column and column in line_of:
            errors.add(line, "name", column, f"{quoted(column)} is on line {line_of[column]} already; delete one.")
        library_of[column] = library
        line_of.setdefault(column, line)
    errors.raise_if_any(len(table.rows))
    if not library_of:
        raise refusal(f"{name} has a header but no lines; give a name and a library on each.")
    return library_of


class _Spellings:
    """Finds codes that differ from a name by their spelling."""

    def __init__(self, codes: Collection[str]):
        self._codes: dict[str, list[str]] = defaultdict(list)
        self._without_zeros: dict[str, list[str]] = defaultdict(list)
        for code in sorted(codes):
            self._codes[_plain(code)].append(code)
            self._without_zeros[_plain(LEADING_ZEROS.sub("", code))].append(code)

    def only_one_like(self, name: str) -> str:
        """Return the one code that a name is but for its spelling; empty if there is none, or several."""
        stem = sample_stem(name)
        for spelled in (name, stem):
            if len(found := self._codes.get(_plain(spelled), [])) == 1:
                return found[0]
            if found:
                return ""
        found = self._without_zeros.get(_plain(LEADING_ZEROS.sub("", stem)), [])
        return found[0] if len(found) == 1 else ""

    def like(self, name: str) -> tuple[str, ...]:
        """Return codes that look like a name, for a person to judge."""
        stem = sample_stem(name)
        plain = _plain(stem)
        if same := self._codes.get(plain) or self._without_zeros.get(_plain(LEADING_ZEROS.sub("", stem))):
            return tuple(same)[:MAX_SUGGESTIONS]
        inside = [key for key in self._codes if len(key) >= SHORTEST_CODE_TO_FIND_INSIDE and key in plain]
        keys = sorted(inside, key=len, reverse=True)
        keys = keys or get_close_matches(plain, self._codes, MAX_SUGGESTIONS, CLOSENESS)
        return tuple(code for key in keys for code in self._codes[key])[:MAX_SUGGESTIONS]


def _plain(code: str) -> str:
    return re.sub(r"[-_. ]", "", code).casefold()


def _unknown(name: str, sample_map: Mapping[str, str], spellings: _Spellings | None) -> UnknownColumn:
    code = sample_map.get(name, name)
    suggestions = spellings.like(code) if spellings else ()
    what = f"Column {quoted(name)} is no library of this study"
    if name in sample_map:
        what = f"The sample map makes column {quoted(name)} library {quoted(code)}, which this study has not"
    hint = "enter the library first, or name it in a sample map (columns name, library)."
    if suggestions:
        likely = " or ".join(map(quoted, suggestions))
        hint = f"if it is {likely}, say so in a sample map (columns name, library)."
    return UnknownColumn(name, suggestions, f"{what}; {hint}")


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(map(quoted, names[:5]))
    return f"{shown} and {len(names) - 5:,} more" if len(names) > 5 else shown
