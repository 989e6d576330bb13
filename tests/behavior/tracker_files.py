"""Real files of trackers, and variants of them that nobody gave us, for the tests of their readers."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

EXPORTS = Path(__file__).parents[2].parent / "shared" / "data" / "tracker_exports"
RAW, STATISTICS = "ethovision_raw_309.txt", "ethovision_statistics_whole_session.csv"
ANYMAZE, DEEPLABCUT = "anymaze_track_482.csv", "deeplabcut_first_300_frames.csv"

needs_real_files = pytest.mark.skipif(
    not EXPORTS.exists(), reason="real files of trackers lie in ../shared/data/tracker_exports, which is absent"
)


def real(name: str) -> bytes:
    return (EXPORTS / name).read_bytes()


def cells_of(content: bytes, delimiter: str = ",") -> list[list[str]]:
    """Cells by the csv module: the independent truth."""
    return list(csv.reader(io.StringIO(content.decode(), newline=None), delimiter=delimiter))


def workbook(sheets: dict[str, Sequence[Sequence[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append([as_value(cell) for cell in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_value(cell: Any) -> Any:
    """A number where the text is one, as trackers write their workbooks."""
    try:
        return float(cell)
    except (TypeError, ValueError):
        return cell or None


def raw_text(
    samples: Iterable[Sequence[Any]] = ((0, 0, 1, 2, 0), (0.04, 0.04, 1.5, 2.5, 1), (0.08, 0.08, 2, 3, "-")),
    *,
    header: dict[str, str] | None = None,
    own: dict[str, str] | None = None,
    names: Sequence[str] = ("Trial time", "Recording time", "X center", "Y center", "In zone(IZ / center-point)"),
    units: Sequence[str] = ("s", "s", "cm", "cm", ""),
    write: Callable[[Any], str] = lambda cell: f'"{cell}"' if isinstance(cell, str) else str(cell),
    delimiter: str = ";",
) -> str:
    """A small raw export of EthoVision, line for line as the real one."""
    said = {"Trial name": "Trial     1", "Arena name": "Arena 1", "Subject name": "Subject 1", **(header or {})}
    lines = [
        ["Experiment", "made up"], ["System Independent Variable"], *said.items(),
        ["User-defined Independent Variable"], *(own or {}).items(), [" "], names, units,
    ]  # fmt: skip
    lines = [["Number of header lines:", str(len(lines) + 1)], *lines, *samples]
    return "".join(delimiter.join(map(write, line)) + delimiter + "\n" for line in lines)
