"""Tables into records: a file, a pasted block or a list of dicts, all of it or nothing.

Each door brings a header and rows of text to `import_rows`; what a cell may say is decided by the record's one form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from labdb.registry.batch import CheckedRow, check_rows, store_rows
from labdb.registry.forms import Conflict, forbidden_sentence, form_for, model_texts, texts_of
from labdb.registry.keys import KeyRing
from labdb.registry.lab_fields import read_once
from labdb.registry.record import BOOKKEEPING, Record
from labdb.registry.text_tables import read_table

DATABASE_FILLS = ("id", *BOOKKEEPING, "created_by_id")
HEADER_LINE = 1
WHOLE_ROW = "__all__"
REST = "*"  # in a mapping: every column that is no field and that the mapping does not name


@dataclass(frozen=True)
class CellError:
    """What is wrong with one cell; ``column`` is the file's own name, empty for the row as a whole."""

    line: int
    column: str
    value: str
    sentence: str

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        value = f", value {self.value}" if self.value else ""
        return f"line {self.line}{column}{value}: {self.sentence}"


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or why it did nothing."""

    rows: int
    errors: tuple[CellError, ...] = ()
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    records: tuple[Any, ...] = field(default=(), repr=False)
    is_forbidden: bool = False
    is_conflict: bool = False  # somebody else wrote the same meanwhile

    @property
    def created(self) -> int:
        """The number of rows stored: all, or none."""
        return len(self.records)


def import_table(record: type[Record], data: bytes, name: str, **options: Any) -> ImportReport:
    """Import a text file; TableError when it is not a table. Options are those of `import_rows`."""
    table = read_table(data, name)
    return import_rows(record, table.header, table.rows, notes=table.notes, **options)


@read_once()
def import_rows(
    record: type[Record],
    header: Sequence[str],
    rows: Sequence[tuple[int, Sequence[str]]],
    *,
    user: Any,
    study: Any = None,
    mapping: Mapping[str, str] | None = None,
    dry_run: bool = False,
    door: str = "file",
    notes: Sequence[str] = (),
) -> ImportReport:
    """Import rows of text, or list every cell that is wrong.

    Parameters
    ----------
    rows : sequence of (int, sequence of str)
        Line number and one cell per column of the header.
    study : Study, optional
        Used by rows that name none.
    mapping : dict of str to str, optional
        Field by column, where a column has another name; an empty field leaves the column out, and ``{"*": ""}``
        every other column that is no field.
    """
    columns, header_errors, ignored = _read_header(record, header, mapping or {}, study)
    if not rows:
        header_errors.append(CellError(HEADER_LINE, "", "", "There is a header and no row below it; add the rows."))
    position_of = {name: position for position, name in columns.items()}
    defaults = {name: value for name, value in _defaults(record).items() if name not in position_of}
    data = [(line, {**defaults, **{name: cells[at] for at, name in columns.items()}}) for line, cells in rows]
    checked = check_rows(record, data, user=user, study=study)
    errors = header_errors + _cell_errors(
        checked,
        column_of={name: header[at] for name, at in position_of.items()},
        values=[row for _line, row in data],
        known_only=bool(header_errors),
    )
    return _finish(record, checked, errors, user, door, dry_run, tuple(ignored), tuple(notes))


@read_once()
def import_dicts(
    record: type[Record],
    dicts: Sequence[Mapping[str, Any]],
    *,
    user: Any,
    study: Any = None,
    dry_run: bool = False,
    door: str = "program",
) -> ImportReport:
    """Import rows given as dicts of values (numbers, dates, records or their names); rows are numbered from 1."""
    defaults = _defaults(record)
    data: list[tuple[int, dict[str, Any]]] = []
    errors: list[CellError] = []
    ignored: set[str] = set()
    for number, row in enumerate(dicts, start=1):
        try:
            texts, left_out = entered(record, row)
        except ValidationError as error:
            errors += [CellError(number, name, _shown(row.get(name)), said) for name, said in _flat(error)]
            continue
        ignored |= left_out
        data.append((number, {**defaults, **texts}))
    checked = check_rows(record, data, user=user, study=study, word="row")
    errors += _cell_errors(checked, column_of={}, values=[row for _number, row in data])
    errors.sort(key=lambda error: error.line)
    return _finish(record, checked, errors, user, door, dry_run, tuple(sorted(ignored)), ())


def entered(record: type[Record], row: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Return the texts of what may be entered, and the names left out because the database fills them.

    ``mouse_id`` stands for ``mouse`` where that is not given. ValidationError, by field, for any other name.
    """
    names = form_for(record).base_fields
    own: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for name, value in row.items():
        if name in names:
            own[name] = value
        elif name.removesuffix("_id") in names and name.endswith("_id"):
            if name.removesuffix("_id") not in row:
                own[name.removesuffix("_id")] = value
        elif name not in DATABASE_FILLS and name not in record.computed:
            unknown[name] = f"{name} is not a field of {record.resource}; known are {', '.join(names)}."
    if unknown:
        raise ValidationError(unknown)
    return texts_of(own, record), set(row) - set(own)


def _defaults(record: type[Record]) -> dict[str, Any]:
    return {name: "" if value is None else value for name, value in model_texts(record.model(), record).items()}


def _read_header(
    record: type[Record], header: Sequence[str], mapping: Mapping[str, str], study: Any
) -> tuple[dict[int, str], list[CellError], list[str]]:
    """Return field by position, what is wrong with the header, and the columns that are left out."""
    names = form_for(record).base_fields
    fillable = set(names)
    computed = {*record.computed, *DATABASE_FILLS, *(f"{name}_id" for name in names)} - fillable
    columns: dict[int, str] = {}
    errors: list[CellError] = []
    ignored: list[str] = []
    leaves_rest_out = mapping.get(REST) == ""
    for column in mapping:
        if column not in header and column != REST:
            errors.append(
                CellError(
                    HEADER_LINE,
                    column,
                    "",
                    f"A field was chosen for a column that the file lacks; it has {', '.join(header)}.",
                )
            )
    for position, column in enumerate(header):
        name = mapping.get(column, column.strip().casefold())
        is_of_the_rest = leaves_rest_out and column not in mapping and name not in fillable
        if name in computed or not name or is_of_the_rest:
            ignored.append(column)
        elif name not in fillable:
            errors.append(CellError(HEADER_LINE, column, "", _unknown_column(record, column, name, names)))
        elif name in columns.values():
            errors.append(
                CellError(
                    HEADER_LINE,
                    column,
                    "",
                    f"Two columns stand for {name}; choose one, and leave the other out (by command: --map '{column}=').",
                )
            )
        else:
            columns[position] = name
    for name in _missing(record, set(columns.values()), study):
        errors.append(
            CellError(
                HEADER_LINE,
                name,
                "",
                f"The column {name} is missing; add it, or choose the column that holds it (by command: --map COLUMN={name}).",
            )
        )
    return columns, errors, ignored


def _unknown_column(record: type[Record], column: str, name: str, names: Mapping[str, Any]) -> str:
    wrong = name if name != column.casefold() else column
    return (
        f"{wrong} is not a field of {record.resource}; known are {', '.join(names)}. "
        f"Rename the column, choose its field (by command: --map '{column}=FIELD'), or leave it out (--map '{column}=')."
    )


def _missing(record: type[Record], given: set[str], study: Any) -> list[str]:
    defaults = _defaults(record)
    return [
        name
        for name, form_field in form_for(record).base_fields.items()
        if form_field.required
        and name not in given
        and defaults.get(name) in ("", None)
        and not (name == "study" and study is not None)
    ]


def _cell_errors(
    checked: Sequence[CheckedRow],
    *,
    column_of: Mapping[str, str],
    values: Sequence[Mapping[str, Any]],
    known_only: bool = False,
) -> list[CellError]:
    """Return the errors of all rows, in their order; with ``known_only`` those of the file's own cells.

    A refusal that concerns no cell (what a role may not do) is said once, not in every row.
    """
    errors: list[CellError] = []
    said: set[str] = set()
    for row, texts in zip(checked, values, strict=True):
        for name, sentences in row.errors.items():
            for sentence in sentences:
                if (known_only and name not in column_of) or (name == WHOLE_ROW and sentence in said):
                    continue
                said.add(sentence)
                column = "" if name == WHOLE_ROW else column_of.get(name, name)
                errors.append(CellError(row.line, column, _shown(texts.get(name)), sentence))
    return errors


def _finish(
    record: type[Record],
    checked: Sequence[CheckedRow],
    errors: list[CellError],
    user: Any,
    door: str,
    dry_run: bool,
    ignored: tuple[str, ...],
    notes: tuple[str, ...],
) -> ImportReport:
    if not checked and not errors and not KeyRing(user).may("add", record.model):
        errors = [CellError(HEADER_LINE, "", "", forbidden_sentence("add", record.model))]
    is_forbidden = any(row.is_forbidden for row in checked)
    report = ImportReport(len(checked), tuple(errors), ignored, notes, is_forbidden=is_forbidden)
    if errors or dry_run:
        return report
    try:
        stored = store_rows(record, checked, user=user, door=door)
    except Conflict as conflict:
        error = CellError(HEADER_LINE, "", "", str(conflict))
        return ImportReport(len(checked), (error,), ignored, notes, is_conflict=True)
    return ImportReport(len(checked), (), ignored, notes, tuple(stored))


def _flat(error: ValidationError) -> list[tuple[str, str]]:
    return [(name, said) for name, sentences in error.message_dict.items() for said in sentences]


def _shown(value: Any) -> str:
    return "" if value is None else "; ".join(map(str, value)) if isinstance(value, list) else str(value)
