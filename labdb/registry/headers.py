"""Which column of a sheet is which field: by name, by label, by what somebody says, or by what was said before."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labdb.registry.forms import form_for, model_texts
from labdb.registry.record import BOOKKEEPING, Record

DATABASE_FILLS = ("id", *BOOKKEEPING, "created_by_id")
REST = "*"  # in a mapping: every column that is no field and that the mapping does not name
HEADER_LINE = 1
WHOLE_ROW = "__all__"  # the column of a sentence that concerns no cell


@dataclass(frozen=True)
class CellError:
    """What is wrong with one cell; ``column`` is the file's own name, empty for the row as a whole."""

    line: int
    column: str
    value: str
    sentence: str
    sheet: str = ""

    def __str__(self) -> str:
        sheet = f"sheet {self.sheet}, " if self.sheet else ""
        column = f", column {self.column}" if self.column else ""
        value = f", value {self.value}" if self.value else ""
        return f"{sheet}line {self.line}{column}{value}: {self.sentence}"


@dataclass
class Header:
    """What the columns of a sheet stand for.

    Attributes
    ----------
    columns : dict of int to str
        Field by position.
    errors : list of CellError
        What is wrong with the header itself.
    missing : list of CellError
        Needed columns that the sheet lacks: an error where a row is new, none where rows are only changed.
    ignored : list of str
        Columns that are left out.
    """

    columns: dict[int, str] = field(default_factory=dict)
    errors: list[CellError] = field(default_factory=list)
    missing: list[CellError] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def add_error(self, column: str, sentence: str) -> None:
        """Add what is wrong with one column."""
        self.errors.append(CellError(HEADER_LINE, column, "", sentence))


def read_header(record: type[Record], names: Sequence[str], mapping: Mapping[str, str], study: Any) -> Header:
    """Return what the columns of a sheet stand for; ``mapping`` is field by column, as `import_rows` takes it."""
    fillable = form_for(record).base_fields
    computed = {*record.computed, *DATABASE_FILLS, *(f"{name}_id" for name in fillable)} - set(fillable)
    header = Header()
    leaves_rest_out = mapping.get(REST) == ""
    for column in mapping:
        if column not in names and column != REST:
            header.add_error(column, f"A field was chosen for a column that the file lacks; it has {', '.join(names)}.")
    for position, column in enumerate(names):
        name = mapping[column] if column in mapping else field_called(record, column)
        is_of_the_rest = leaves_rest_out and column not in mapping and name not in fillable
        if name in computed or not name or is_of_the_rest:
            header.ignored.append(column)
        elif name not in fillable:
            header.add_error(column, _unknown_column(record, column, name, fillable))
        elif name in header.columns.values():
            header.add_error(
                column,
                f"Two columns stand for {name}; choose one, and leave the other out (by command: --map '{column}=').",
            )
        else:
            header.columns[position] = name
    for name in _missing(record, set(header.columns.values()), study):
        sentence = f"The column {name} is missing; add it, or choose the column that holds it (by command: --map COLUMN={name})."
        header.missing.append(CellError(HEADER_LINE, name, "", sentence))
    return header


def field_called(record: type[Record], column: str) -> str:
    """Return the field that a column names, by its name or its label ("Body mass (g)"); else the name as it is."""
    fillable = form_for(record).base_fields
    plain = column.strip().casefold()
    if plain in fillable:
        return plain
    wanted = _letters(column)
    return next((name for name, form_field in fillable.items() if wanted in names_of(name, form_field)), plain)


def names_of(name: str, form_field: Any) -> set[str]:
    """Return what a column may be called that stands for a field, in small letters, digits and blanks."""
    label = str(form_field.label)
    return {_letters(name), _letters(label), _letters(label.partition("(")[0])}


def default_texts(record: type[Record]) -> dict[str, Any]:
    """Return what a cell of each field means when the sheet has no such column."""
    return {name: "" if value is None else value for name, value in model_texts(record.model(), record).items()}


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


def _unknown_column(record: type[Record], column: str, name: str, names: Mapping[str, Any]) -> str:
    wrong = name if name != column.casefold() else column
    return (
        f"{wrong} is not a field of {record.resource}; known are {', '.join(names)}. "
        f"Rename the column, choose its field (by command: --map '{column}=FIELD'), or leave it out (--map '{column}=')."
    )


def _missing(record: type[Record], given: set[str], study: Any) -> list[str]:
    defaults = default_texts(record)
    return [
        name
        for name, form_field in form_for(record).base_fields.items()
        if form_field.required
        and name not in given
        and defaults.get(name) in ("", None)
        and not (name == "study" and study is not None)
    ]
