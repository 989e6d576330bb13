"""A table as people keep it, a column for each quantity, stored as one row a value: every wrong cell is named as it stands there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labdb.registry.batch import check_rows
from labdb.registry.form_fields import AS_WRITTEN, Reading
from labdb.registry.headers import HEADER_LINE, WHOLE_ROW, CellError, default_texts
from labdb.registry.import_log import Source, imported_before
from labdb.registry.import_report import CheckedSheet, ImportReport
from labdb.registry.import_storing import Storing
from labdb.registry.imports import finish_import
from labdb.registry.lab_fields import read_once
from labdb.registry.record import Record


@dataclass(frozen=True)
class LongRow:
    """One value of a wide table: the line and column in which it stands, and the texts of its fields."""

    line: int
    column: str
    texts: dict[str, str]


@read_once()
def import_long(
    record: type[Record],
    rows: Sequence[LongRow],
    *,
    shared: Mapping[str, str],
    of_column: Sequence[str],
    errors: Sequence[CellError] = (),
    storing: Storing,
    reading: Reading = AS_WRITTEN,
    dry_run: bool = False,
    notes: Sequence[str] = (),
) -> ImportReport:
    """Import the values of a wide table, or list every cell that is wrong.

    Parameters
    ----------
    shared : mapping of str to str
        Field by column, of those columns that hold for all values of a line.
    of_column : sequence of str
        The fields that the column of a value says, its value among them: their sentences stand at that column.
    errors : sequence of CellError
        What is wrong with the header.
    """
    defaults = default_texts(record)
    given = {name for row in rows for name in row.texts}
    texts = [(row.line, {**defaults, **row.texts}) for row in rows]
    checked = check_rows(record, texts, user=storing.user, study=storing.study, given=given, reading=reading)
    columns = {field: column for column, field in shared.items()}
    sheet = CheckedSheet(record, checked, list(errors))
    for row, one in zip(rows, checked, strict=True):
        column_of = {**columns, **dict.fromkeys(of_column, row.column), WHOLE_ROW: ""}
        found = [(name, said, sheet.errors) for name, some in one.errors.items() for said in some]
        found += [(name, said, sheet.warnings) for name, said in one.warnings]
        for name, said, where in found:
            line = row.line if name in column_of else HEADER_LINE  # what was said beside the table is wrong once
            error = CellError(line, column_of.get(name, name), row.texts.get(name, ""), said)
            if error not in where:  # a mouse that is not known is so once, not for each of its values
                where.append(error)
    before = _before(record, storing.source, storing.user)
    return finish_import([sheet], storing, (*notes, *before), dry_run=dry_run)


def _before(record: type[Record], source: Source | None, user: Any) -> list[str]:
    before = imported_before(source, record.resource, user) if source else None
    return [f"The same content was imported by {before.created_by} ({before})."] if before is not None else []
