"""Which library each column of a count file is: by its exact code or by a given map, never by a guess."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePath

from labdb.registry.text_tables import TableError, read_content, read_table
from labdb.sequencing.count_cells import ErrorCollector, quoted, refusal

MAX_SUGGESTIONS = 3
MAX_COLUMNS_WITH_SUGGESTIONS = 50  # comparing all with all takes minutes for thousands
CLOSENESS = 0.8  # of difflib: one letter wrong in five
SHORTEST_CODE_TO_FIND_INSIDE = 4  # "S1" lies within S10 to S19
ALIGNMENT_SUFFIXES = re.compile(r"(\.(bam|sam|cram|sorted|fastq|fq|gz|txt|tsv|counts?))+$", re.IGNORECASE)


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
    code), ``unknown`` the others; ``duplicates`` are libraries that several columns claim (code -> columns).
    """

    exact: tuple[str, ...]
    mapped: dict[str, str]
    unknown: tuple[UnknownColumn, ...]
    duplicates: dict[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()

    @property
    def library_of(self) -> dict[str, str]:
        """Column name -> library code, of the columns that were matched."""
        return {**{name: name for name in self.exact}, **self.mapped}

    @property
    def sentences(self) -> tuple[str, ...]:
        """What keeps the file from being stored; empty if every column has a library of its own."""
        return (
            *(unknown.sentence for unknown in self.unknown),
            *(
                f"Columns {', '.join(map(quoted, names))} are all library {quoted(code)}; "
                "keep one, or give each a library of its own."
                for code, names in self.duplicates.items()
            ),
        )


def match_columns(
    column_names: Sequence[str],
    known_library_codes: Collection[str],
    sample_map: Mapping[str, str] | None = None,
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

    Returns
    -------
    ColumnMatch
    """
    known = set(known_library_codes)
    sample_map = sample_map or {}
    exact: list[str] = []
    mapped: dict[str, str] = {}
    unmatched: list[str] = []
    columns_of: dict[str, list[str]] = defaultdict(list)
    for name in column_names:
        code = sample_map.get(name, name)
        if code not in known:
            unmatched.append(name)
            continue
        columns_of[code].append(name)
        if name in sample_map:
            mapped[name] = code
        else:
            exact.append(name)
    spellings = _Spellings(known)
    unknown = [
        _unknown(name, sample_map, spellings if i < MAX_COLUMNS_WITH_SUGGESTIONS else None)
        for i, name in enumerate(unmatched)
    ]
    unused = [name for name in sample_map if name not in set(column_names)]
    notes = (f"The sample map also names columns that the file has not: {_some(unused)}.",) if unused else ()
    duplicates = {code: tuple(names) for code, names in columns_of.items() if len(names) > 1}
    return ColumnMatch(tuple(exact), mapped, tuple(unknown), duplicates, notes)


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
        for code in sorted(codes):
            self._codes[_plain(code)].append(code)

    def like(self, name: str) -> tuple[str, ...]:
        plain = _plain(ALIGNMENT_SUFFIXES.sub("", PurePath(name.replace("\\", "/")).name))
        keys = [plain] if plain in self._codes else []
        if not keys:
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
