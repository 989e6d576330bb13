"""Results of an assay as people keep them: a row for each mouse, a column for each metric, into one row a value."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labdb.behavior.derived_metrics import DERIVED
from labdb.behavior.models import Assay, AssayMetric, AssayResult
from labdb.registry.form_fields import AS_WRITTEN, Reading
from labdb.registry.headers import HEADER_LINE, CellError, field_called
from labdb.registry.import_log import Source
from labdb.registry.import_report import ImportReport
from labdb.registry.import_storing import Storing
from labdb.registry.long_rows import LongRow, import_long
from labdb.registry.record import record_for

SHARED = ("mouse", "session", "performed_at", "performed_by")  # of all values of a row


def metrics_by_column(assay: Assay) -> dict[str, AssayMetric]:
    """Return the metrics that have a column: those that are not computed from others, by name."""
    return {metric.name: metric for metric in assay.metrics.order_by("pk") if metric.name not in DERIVED}


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
    cells = [] if errors else list(_cells(header, rows, shared, metrics, session))
    if not errors and not cells:
        errors.append(CellError(HEADER_LINE, "", "", "No value stands below the names of the metrics; enter one."))
    return import_long(
        record_for(AssayResult), cells, shared=shared, of_column=("metric", "value"), errors=errors,
        storing=Storing(user, door, reason, study, source), reading=reading, dry_run=dry_run, notes=notes,
    )  # fmt: skip


def _cells(
    header: Sequence[str],
    rows: Sequence[tuple[int, Sequence[str]]],
    shared: Mapping[str, str],
    metrics: Mapping[str, int],
    session: str,
) -> Iterator[LongRow]:
    """Yield a long row for each filled cell."""
    for line, cells in rows:
        of_row = {"session": session, **{field: cells[header.index(column)] for column, field in shared.items()}}
        for metric, position in metrics.items():
            if cells[position].strip():
                yield LongRow(line, metric, {**of_row, "metric": metric, "value": cells[position]})


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
