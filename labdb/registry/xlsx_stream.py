"""A sheet of XLSX as it is written: openpyxl would take a minute, and give nothing away before its end.

Cells are what `labdb.registry.workbook_export` writes, so that the import reads both alike: what a workbook cannot hold
exactly is text, and text is never a formula.
"""

import datetime as dt
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape as xml_escape

from django.utils import timezone
from openpyxl.utils import get_column_letter

from labdb.registry.export_columns import Kind
from labdb.registry.workbook_export import EXACT_WHOLE, FIRST_SAFE_DAY

SHEET = "rows"
DAY_ZERO = dt.datetime(1899, 12, 30)
DAY, MINUTE, SECOND = 1, 2, 3  # styles
# What XML cannot hold is written as Excel writes it, and what only looks like that, too.
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_PARTS = {
    "[Content_Types].xml": """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/><Override PartName="/docProps/custom.xml" ContentType="application/vnd.openxmlformats-officedocument.custom-properties+xml"/></Types>""",
    "_rels/.rels": """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/custom-properties" Target="docProps/custom.xml"/></Relationships>""",
    "xl/workbook.xml": f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="{SHEET}" sheetId="1" r:id="rId1"/></sheets></workbook>""",
    "xl/_rels/workbook.xml.rels": """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>""",
    "xl/styles.xml": """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="3"><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/><numFmt numFmtId="165" formatCode="yyyy-mm-dd hh:mm"/><numFmt numFmtId="166" formatCode="yyyy-mm-dd hh:mm:ss"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="5"><xf/><xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="165" applyNumberFormat="1"/><xf numFmtId="166" applyNumberFormat="1"/><xf fontId="1" applyFont="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>""",
}
_SHEET_HEAD = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>"""


def xlsx_pieces(
    names: Sequence[str],
    kinds: Sequence[Kind],
    blocks: Iterable[list[list[str]]],
    facts: Mapping[str, str],
    pipe: Any,
) -> Iterator[bytes]:
    """Yield a workbook of one sheet as it is written.

    Parameters
    ----------
    blocks : iterable of lists of rows
        Cells as COPY writes them.
    facts : mapping of str to str
        The workbook's own properties.
    pipe : Pipe
        What a zip is written into and taken from.
    """
    letters = [get_column_letter(at) for at in range(1, len(names) + 1)]
    writers = [_WRITERS.get(kind, _text) for kind in kinds]
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as book:
        for path, part in {**_PARTS, "docProps/custom.xml": _properties(facts)}.items():
            book.writestr(path, part)
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            cells = [f'<c r="{letter}1" s="4"{_inline(name)}' for letter, name in zip(letters, names, strict=True)]
            sheet.write(f'{_SHEET_HEAD}<row r="1">{"".join(cells)}</row>'.encode())
            number = 1
            for block in blocks:
                lines = []
                for number, row in enumerate(block, start=number + 1):  # noqa: B020  # goes on where it was
                    filled = zip(letters, writers, row, strict=True)
                    cells = [f'<c r="{at}{number}"{write(cell)}' for at, write, cell in filled if cell]
                    lines.append(f'<row r="{number}">{"".join(cells)}</row>')
                sheet.write("".join(lines).encode())
                yield pipe.take()
            sheet.write(b"</sheetData></worksheet>")
    yield pipe.take()


def _properties(facts: Mapping[str, str]) -> str:
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006"
    properties = "".join(
        f'<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="{at}" name="labdb.{name}">'
        f"<vt:lpwstr>{_safe(value)}</vt:lpwstr></property>"
        for at, (name, value) in enumerate(facts.items(), start=2)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<Properties xmlns="{kinds}/custom-properties" xmlns:vt="{kinds}/docPropsVTypes">{properties}</Properties>'
    )


def _safe(text: str) -> str:
    return xml_escape(_ODD.sub(lambda found: f"_x{ord(found[0]):04X}_", text))


def _inline(text: str) -> str:
    return f' t="inlineStr"><is><t xml:space="preserve">{_safe(text)}</t></is></c>'


def _text(cell: str) -> str:
    return _inline(cell)


def _number(cell: str) -> str:
    return f"><v>{cell}</v></c>"


def _whole(cell: str) -> str:
    return _number(cell) if len(cell) < 16 or abs(int(cell)) <= EXACT_WHOLE else _inline(cell)


def _yes_no(cell: str) -> str:
    return _inline("yes" if cell == "true" else "no")


def _day(cell: str) -> str:
    try:
        day = dt.date.fromisoformat(cell)
    except ValueError:  # before Christ, or after the year 9999
        return _inline(cell)
    if day < FIRST_SAFE_DAY:
        return _inline(cell)
    return f' s="{DAY}"><v>{day.toordinal() - DAY_ZERO.toordinal()}</v></c>'


def _instant(cell: str) -> str:
    """Return an instant by the laboratory's clock; one that the clock does not tell exactly, with its offset."""
    try:
        local = timezone.localtime(dt.datetime.fromisoformat(cell))
    except (ValueError, OverflowError):
        return _inline(cell)
    naive = local.replace(tzinfo=None)
    is_plain = not local.microsecond and local.replace(fold=1 - local.fold).utcoffset() == local.utcoffset()
    if not is_plain or naive.date() < FIRST_SAFE_DAY:
        return _inline(local.isoformat(sep=" "))
    return f' s="{SECOND if local.second else MINUTE}"><v>{(naive - DAY_ZERO) / dt.timedelta(days=1)!r}</v></c>'


_WRITERS: dict[Kind, Callable[[str], str]] = {
    Kind.NUMBER: _number, Kind.WHOLE: _whole, Kind.YES_NO: _yes_no, Kind.DAY: _day, Kind.INSTANT: _instant,
}  # fmt: skip
