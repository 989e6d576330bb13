"""What a sheet of rows is told before it is saved."""

from collections.abc import Sequence
from typing import Any

from labdb.registry.findings import Grade


def said(rows: Sequence[Any], grade: Grade = Grade.ERROR) -> list[tuple[int, str, str]]:
    """Number, field and sentence of every finding of this grade, in the order of the rows."""
    found = [finding for finding in type(rows[0]).findings(rows) if finding.grade == grade]
    return sorted((one.number, one.field, one.sentence) for one in found)


def warned(rows: Sequence[Any]) -> list[tuple[int, str, str]]:
    return said(rows, Grade.WARNING)
