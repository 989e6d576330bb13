"""Results of an assay as people keep them: a row for each mouse, a column for each metric, into one row a value."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labdb.behavior.derived_metrics import DERIVED
from labdb.behavior.models import Assay, AssayMetric, AssayResult
from labdb.registry.batch import check_rows
from labdb.registry.form_fields import AS_WRITTEN, Reading
from labdb.registry.headers import HEADER_LINE, WHOLE_ROW, CellError, default_texts, field_called
from labdb.registry.import_log import Source, imported_before
from labdb.registry.import_report import CheckedSheet, ImportReport
from labdb.registry.import_storing import Storing
from labdb.registry.imports import finish_import
from labdb.registry.lab_fields import read_once
from labdb.registry.record import record_for

SHARED = ("mouse", "session", "performed_at", "performed_by")  # of all values of a row


def metrics_by_column(assay: Assay) -> dict[str, AssayMetric]:
    """Return the metrics that have a column: those that are not computed from others, by name."""
    return {metric.name: metric for metric in assay.metrics.order_by("pk") if metric.name not in DERIVED}


@read_once()
def import_wide(
    assay: Assay,
    header: Sequence[str],
    rows: Sequence[tuple[int, Sequence[str]]],
    *,
    user: Any,
    study: Any,
    session: str = "",
    reading: Reading = AS_WRITTEN,
    reason: str = "",
    dry_run: bool = False,
    source: Source | None = None,
    notes: Sequence[str] = (),
    door: str = "web import",
) -> ImportReport:
    """Import a wide table of one assay, or list every cell that is wrong.

    A cell that is empty is no result. Errors name the line and column of the table as it is.

    Parameters
    ----------
    header : sequence of str
        ``mouse``, if wanted ``session``, ``performed_at``, ``performed_by``, and names of metrics of the assay.
    session : str
        Of rows whose table has no such column.
    """
    shared, metrics, errors = _columns(assay, header)
    record = record_for(AssayResult)
    cells = [] if errors else list(_cells(header, rows, shared, metrics, session))
    if not errors and not cells:
        errors.append(CellError(HEADER_LINE, "", "", "No value stands below the names of the metrics; enter one."))
    defaults, given = default_texts(record), {"mouse", "metric", "session", "value", *shared.values()}
    texts = [(line, {**defaults, **row}) for line, row in cells]
    checked = check_rows(record, texts, user=user, study=study, given=given, reading=reading)
    columns = {field: column for column, field in shared.items()}
    sheet = CheckedSheet(record, checked, errors)
    for (line, row), one in zip(cells, checked, strict=True):
        column_of = {**columns, "value": row["metric"], WHOLE_ROW: ""}
        found = [(name, said, sheet.errors) for name, some in one.errors.items() for said in some]
        found += [(name, said, sheet.warnings) for name, said in one.warnings]
        for name, said, where in found:
            error = CellError(line, column_of.get(name, name), row.get(name, ""), said)
            if error not in where:  # a mouse that is not known is so once, not for each of its values
                where.append(error)
    before = imported_before(source, record.resource, user) if source else None
    if before is not None:
        notes = [*notes, f"The same content was imported by {before.created_by} ({before})."]
    return finish_import([sheet], Storing(user, door, reason, study, source), tuple(notes), dry_run=dry_run)


def _cells(
    header: Sequence[str],
    rows: Sequence[tuple[int, Sequence[str]]],
    shared: Mapping[str, str],
    metrics: Mapping[str, int],
    session: str,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield a long row for each filled cell: its line, and the texts of its fields."""
    for line, cells in rows:
        of_row = {"session": session, **{field: cells[header.index(column)] for column, field in shared.items()}}
        for metric, position in metrics.items():
            if cells[position].strip():
                yield line, {**of_row, "metric": metric, "value": cells[position]}


def _columns(assay: Assay, header: Sequence[str]) -> tuple[dict[str, str], dict[str, int], list[CellError]]:
    """Return the shared columns with their fields, the metrics with their positions, and what is neither."""
    record = record_for(AssayResult)
    known = metrics_by_column(assay)
    shared: dict[str, str] = {}
    metrics: dict[str, int] = {}
    errors = []
    for position, column in enumerate(header):
        name = field_called(record, column)
        if column in known:
            metrics[column] = position
        elif name in SHARED:
            shared[column] = name
        elif column in DERIVED:
            errors.append(_error(column, f"{column} is computed ({DERIVED[column].formula}); leave this column out."))
        else:
            names = ", ".join([*SHARED, *known])
            errors.append(_error(column, f"{column} is no metric of {assay}; known are {names}."))
    if "mouse" not in shared.values():
        errors.insert(0, _error("mouse", "The column mouse is missing; add it with the codes of the mice."))
    if not metrics and not errors:
        errors.append(_error("", f"There is no column of a metric; the metrics of {assay} are {', '.join(known)}."))
    return shared, metrics, errors


def _error(column: str, sentence: str) -> CellError:
    return CellError(HEADER_LINE, column, "", sentence)
