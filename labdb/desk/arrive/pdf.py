"""The report as a PDF: headings, sentences, tables, the flow of animals, and what is missing."""

from io import BytesIO
from typing import Any

from fpdf import FPDF, FontFace
from fpdf.enums import TableCellFillMode

from labdb.desk.arrive.report import Item, Report, Section, Table
from labdb.registry.pdf_letters import choose_font, letters_of

MARGIN_MM = 18.0
LINE_MM = 5.0
BODY_PT, TABLE_PT, SMALL_PT = 9.5, 8.0, 7.5
GRAY, SHADE = 110, (238, 240, 243)
FLOW_MM = 150.0  # width of the figure


class _Pages(FPDF):
    """Pages of A4 with their number and what they are of."""

    def __init__(self, running: str) -> None:
        super().__init__(unit="mm", format="A4")
        self.running = running
        self.family = choose_font(self)
        self.set_margins(MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(True, MARGIN_MM + 4)

    def footer(self) -> None:
        """Write the running line."""
        self.set_y(-MARGIN_MM + 2)
        self.set_font(self.family, "", SMALL_PT)
        self.set_text_color(GRAY)
        self.cell(0, 4, self.letters(f"{self.running} · page {self.page_no()} of {{nb}}"), align="C")
        self.set_text_color(0)

    def letters(self, text: str) -> str:
        """Return a text in letters that the font has."""
        return letters_of(self.family, text)

    def write_text(
        self, text: str, size: float = BODY_PT, style: str = "", *, color: int = 0, indent: float = 0
    ) -> None:
        """Write a paragraph."""
        self.set_font(self.family, style, size)
        self.set_text_color(color)
        self.set_x(MARGIN_MM + indent)
        self.multi_cell(0, LINE_MM * size / BODY_PT, self.letters(text), align="L", new_x="LMARGIN", new_y="NEXT")
        self.set_text_color(0)

    def write_heading(self, text: str, size: float, keep_mm: float) -> None:
        """Write a heading, on a new page where what follows would be torn from it."""
        if self.will_page_break(keep_mm):
            self.add_page()
        self.ln(2)
        self.start_section(self.letters(text), level=0 if size > BODY_PT + 2 else 1)
        self.write_text(text, size, "B")


def report_pdf(report: Report, made: str, flow_png: bytes | None, *, compress: bool = True) -> bytes:
    """Return the report.

    Parameters
    ----------
    made : str
        When it was made, in words.
    flow_png : bytes or None
        The figure of the flow of animals.
    """
    study = report.study
    pages = _Pages(f"ARRIVE 2.0 report of {study.code}, {made}")
    pages.set_compression(compress)
    pages.set_title(f"ARRIVE 2.0 report of {study.code}")
    pages.add_page()
    pages.write_text(f"ARRIVE 2.0 report of {study.code}", 16, "B")
    pages.write_text(study.title, 11)
    pages.write_text(
        f"Made from the records on {made}. Checklist: Percie du Sert et al., PLoS Biol 18:e3000410 (2020).",
        SMALL_PT,
        color=GRAY,
    )
    _write_gaps(pages, report)
    for title, sections in (("The Essential 10", report.essential), ("Recommended set", report.recommended)):
        pages.write_heading(title, 14, 40)
        for section in sections:
            _write_section(pages, section, flow_png)
    return bytes(pages.output())


def _write_gaps(pages: _Pages, report: Report) -> None:
    gaps = report.gaps
    pages.write_heading(f"Missing in the records: {len(gaps)}", 12, 30)
    for place, gap in gaps:
        pages.write_text(f"{place}  {gap.sentence}", TABLE_PT, indent=2)
    left = ", ".join(item.number for item in report.for_authors)
    pages.write_text(f"For the authors to write: {left}.", TABLE_PT)


def _write_section(pages: _Pages, section: Section, flow_png: bytes | None) -> None:
    pages.write_heading(f"{section.number}  {section.title}", 12, 30)
    for item in section.items:
        _write_item(pages, item, flow_png)


def _write_item(pages: _Pages, item: Item, flow_png: bytes | None) -> None:
    pages.write_heading(f"{item.number}  {item.title}", BODY_PT, 20)
    for sentence in item.sentences:
        pages.write_text(sentence)
    for gap in item.gaps:
        pages.write_text(f"Missing: {gap.sentence}", BODY_PT, color=GRAY)
    for table in item.tables:
        _write_table(pages, table)
    if item.has_flow and flow_png is not None:
        pages.ln(2)
        pages.image(BytesIO(flow_png), w=FLOW_MM, h=0, keep_aspect_ratio=True)


def _write_table(pages: _Pages, table: Table) -> None:
    pages.ln(1)
    if pages.will_page_break(25):
        pages.add_page()
    pages.write_text(table.title, TABLE_PT, "B")
    pages.set_font(pages.family, "", TABLE_PT)
    heading: Any = FontFace(emphasis="BOLD", fill_color=SHADE)
    with pages.table(
        col_widths=_widths(table),
        line_height=LINE_MM * TABLE_PT / BODY_PT,
        text_align="LEFT",
        headings_style=heading,
        borders_layout="HORIZONTAL_LINES",
        cell_fill_mode=TableCellFillMode.NONE,
        padding=(0.4, 1),
    ) as drawn:
        for cells in (table.header, *table.rows):
            row = drawn.row()
            for cell in cells:
                row.cell(pages.letters(cell))
    pages.ln(1)


def _widths(table: Table) -> tuple[int, ...]:
    """Return relative widths: by the longest text of a column, within what a page can show."""
    columns = zip(table.header, *table.rows, strict=True)
    return tuple(min(max(6, *(len(cell) for cell in column)), 40) for column in columns)
