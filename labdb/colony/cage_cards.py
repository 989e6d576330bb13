"""Cage cards as a PDF to print and cut: what a cage holds, and a code that leads back to it.

A card never says an arm. Eight fit on a sheet of A4 and of Letter alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fpdf import FPDF

from labdb.registry.pdf_codes import draw_qr
from labdb.registry.pdf_letters import choose_font, letters_of

CARD_MM = (99.0, 67.0)  # fits the usual holders of 3 x 5 inches once cut
COLUMNS, ROWS = 2, 4
MARGIN_MM = 4.0
QR_MM = 22.0
QUIET_MM = 4.0  # white around the code: four of its modules, as scanners expect (ISO/IEC 18004)
LINE_MM = 4.4
MOST_MICE = 6  # of a card; the rest are counted
SHEETS = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}
WIDTHS_MM = (17.0, 13.0, 9.0, 18.0, 17.0, 17.0)  # of the table's columns
HEADINGS = ("mouse", "ear tag", "sex", "born", "group", "since")


@dataclass(frozen=True)
class CardMouse:
    """One line of a card."""

    code: str
    ear_tag: str = ""
    sex: str = ""
    born: str = ""
    group: str = ""
    since: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as the table has it."""
        return self.code, self.ear_tag, self.sex, self.born, self.group, self.since


@dataclass(frozen=True)
class Card:
    """What one card says; ``address`` is what its code leads to."""

    title: str
    study: str
    address: str
    place: str = ""
    cohorts: str = ""
    mice: tuple[CardMouse, ...] = ()


def cards_pdf(cards: Sequence[Card], sheet: str, printed: str, *, compress: bool = True) -> bytes:
    """Return the sheets with all cards, in their order."""
    width, height = SHEETS[sheet]
    pdf = FPDF(unit="mm", format=(width, height))
    pdf.set_compression(compress)
    pdf.set_auto_page_break(False)
    pdf.set_title("Cage cards")
    writer = _Writer(pdf, printed)
    left, top = (width - COLUMNS * CARD_MM[0]) / 2, (height - ROWS * CARD_MM[1]) / 2
    for number, card in enumerate(cards):
        place = number % (COLUMNS * ROWS)
        if place == 0:
            pdf.add_page()
        writer.draw(card, left + place % COLUMNS * CARD_MM[0], top + place // COLUMNS * CARD_MM[1])
    return bytes(pdf.output())


class _Writer:
    """Draws cards with a font of this machine that has Greek letters, else with the one that every reader has."""

    def __init__(self, pdf: FPDF, printed: str) -> None:
        self.pdf = pdf
        self.printed = printed
        self.family = choose_font(pdf)

    def draw(self, card: Card, left: float, top: float) -> None:
        """Draw one card with its edges to cut along."""
        self.pdf.set_draw_color(160)
        self.pdf.set_line_width(0.1)
        self.pdf.rect(left, top, *CARD_MM)
        x, y = left + MARGIN_MM, top + MARGIN_MM
        room = CARD_MM[0] - 2 * MARGIN_MM
        draw_qr(self.pdf, card.address, left + CARD_MM[0] - MARGIN_MM - QR_MM, y, QR_MM)
        beside = room - QR_MM - QUIET_MM
        self._write(card.title, x, y, beside, 20, "B")
        self._write(card.study, x, y + 9, beside, 10)
        self._write(card.place, x, y + 14, beside, 8)
        self._write(card.cohorts, x, y + 18.5, beside, 8)
        line = y + QR_MM + QUIET_MM
        self._table_line(HEADINGS, x, line, "B")
        for mouse in card.mice[:MOST_MICE]:
            line += LINE_MM
            self._table_line(mouse.cells, x, line)
        more = f"and {len(card.mice) - MOST_MICE} more" if len(card.mice) > MOST_MICE else ""
        bottom = top + CARD_MM[1] - MARGIN_MM - 2
        self._write(more, x, bottom, room / 2, 7)
        self._write(f"printed {self.printed}", x + room / 2, bottom, room / 2, 6, align="R")

    def _table_line(self, cells: Sequence[str], x: float, y: float, style: str = "") -> None:
        for cell, width in zip(cells, WIDTHS_MM, strict=True):
            self._write(cell, x, y, width, 8 if not style else 6.5, style)
            x += width

    def _write(
        self, text: str, x: float, y: float, width: float, size: float, style: str = "", align: str = "L"
    ) -> None:
        """Write one line, made smaller until it fits."""
        text = letters_of(self.family, text)
        self.pdf.set_font(self.family, style, size)
        while size > 4 and self.pdf.get_string_width(text) > width - 1:
            size -= 0.5
            self.pdf.set_font_size(size)
        self.pdf.set_xy(x, y)
        self.pdf.cell(width, LINE_MM * size / 8 if size > 8 else 4, text, align=align)
