"""Workbooks for tests: made by openpyxl, and by hand where openpyxl would not make them."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

from openpyxl import Workbook, load_workbook


def workbook(**sheets: list[list[Any]]) -> bytes:
    """A workbook with these rows; underscores in a name stand for hyphens."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name.replace("_", "-"))
        for row in rows:
            sheet.append(row)
    return saved(book)


def saved(book: Any) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def edited(data: bytes, change: Callable[[Any], None]) -> bytes:
    """The workbook after a person changed it."""
    book = load_workbook(io.BytesIO(data))
    change(book)
    return saved(book)


def cells_of(data: bytes) -> dict[str, list[list[Any]]]:
    """All cells by sheet, without the explaining ones."""
    book = load_workbook(io.BytesIO(data))
    return {
        sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows()]
        for sheet in book.worksheets
        if sheet.title not in ("about", "columns")
    }


def with_member(data: bytes, name: str, content: bytes) -> bytes:
    """The workbook with one more member, or with one replaced."""
    old, file = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        new.writestr(name, content)
    return file.getvalue()
