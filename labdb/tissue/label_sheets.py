"""Labels of tubes as a PDF: a code to scan, and the same in letters, on sheets of common label stock.

A label names study, tube, mouse, region and day, and never an arm.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import segno
from fpdf import FPDF

from labdb.registry.pdf_letters import choose_font, letters_of

SHEETS_MM = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}
INCH_MM = 25.4
POINT_MM = INCH_MM / 72
LINE = 1.15  # height of a line, in letters
EDGE_MM = 0.8  # ours: as far as a printer may pull a sheet aside
QUIET = 4  # modules of white around a code (ISO/IEC 18004)
LARGEST_PT, COMFORTABLE_PT, SMALLEST_PT, STEP_PT = 12.0, 5.0, 2.5, 0.25
LARGEST_QR_MM = 18.0


class LabelError(ValueError):
    """The labels cannot be printed so; the text is a sentence."""


@dataclass(frozen=True)
class Stock:
    """A sheet of labels, in a grid that stands in the middle of the paper.

    Attributes
    ----------
    gap_x_mm, gap_y_mm : float
        Between two labels, beside and below each other.
    source : str
        Where the sizes are from.
    """

    name: str
    sheet: str
    width_mm: float
    height_mm: float
    columns: int
    rows: int
    gap_x_mm: float = 0.0
    gap_y_mm: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a grid that the paper cannot hold."""
        if self.sheet not in SHEETS_MM:
            raise LabelError(f"{self.sheet[:20]} is no paper; choose {' or '.join(SHEETS_MM)}.")
        if not (1 <= self.columns <= 20 and 1 <= self.rows <= 60):
            raise LabelError(
                f"{self.columns} x {self.rows} labels are none that a sheet has; enter 1 to 20 columns and 1 to 60 rows."
            )
        if not (self.width_mm >= 8 and self.height_mm >= 6 and self.gap_x_mm >= 0 and self.gap_y_mm >= 0):
            raise LabelError(
                f"A label of {self.width_mm:g} x {self.height_mm:g} mm is too small to read; it has at least 8 x 6 mm."
            )
        for what, needed, there in zip(("wide", "high"), self._grid_mm, SHEETS_MM[self.sheet], strict=True):
            if needed > there + 0.1:
                raise LabelError(
                    f"These labels need {needed:.1f} mm and {self.sheet} is {there:g} mm {what}; correct size, number or gap."
                )

    @property
    def per_sheet(self) -> int:
        """How many labels a sheet has."""
        return self.columns * self.rows

    @property
    def words(self) -> str:
        """The stock as a choice names it."""
        return f"{self.name}: {self.width_mm:g} × {self.height_mm:g} mm, {self.per_sheet} on {self.sheet}"

    @property
    def _grid_mm(self) -> tuple[float, float]:
        return (
            self.columns * self.width_mm + (self.columns - 1) * self.gap_x_mm,
            self.rows * self.height_mm + (self.rows - 1) * self.gap_y_mm,
        )

    def corner_mm(self, place: int) -> tuple[float, float]:
        """Return the upper left corner of a label, counted from 0, row by row."""
        (width, height), (paper_width, paper_height) = self._grid_mm, SHEETS_MM[self.sheet]
        column, row = place % self.columns, place // self.columns
        return (
            (paper_width - width) / 2 + column * (self.width_mm + self.gap_x_mm),
            (paper_height - height) / 2 + row * (self.height_mm + self.gap_y_mm),
        )


# Numbers and sizes are those that the makers print on the box. Where they publish no gap, it follows from their template.
STOCKS: dict[str, Stock] = {
    "L4731": Stock("Avery L4731", "A4", 25.4, 10.0, 7, 27, 2.5, 0, "Avery Zweckform template L4731REV"),
    "L4732": Stock("Avery L4732", "A4", 35.6, 16.9, 5, 16, 2.5, 0, "Avery Zweckform template L4732REV"),
    "L7651": Stock("Avery L7651", "A4", 38.1, 21.2, 5, 13, 2.5, 0, "Avery template L7651: margins 4.75 and 10.7 mm"),
    "LCRY-1700": Stock(
        "Cryo-Babies LCRY-1700", "Letter", 1.28 * INCH_MM, 0.5 * INCH_MM, 5, 17, 3.57, 3.2,
        "Diversified Biotech: 1.28 x 0.50 in, 5 x 17; side margin 0.77 in and top margin 0.24 in of its template",
    ),
    "5167": Stock(
        "Avery 5167", "Letter", 1.75 * INCH_MM, 0.5 * INCH_MM, 4, 20, 0.3 * INCH_MM, 0,
        "Avery template 5167: margins 0.3 and 0.5 in",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class TubeLabel:
    """What one label says: ``code`` with its study is what is scanned."""

    study: str
    code: str
    mouse: str
    region: str
    day: str = ""

    @property
    def scanned(self) -> str:
        """What the code to scan holds; the search and a scan of a box know it."""
        return f"{self.study}-{self.code}"

    @property
    def lines(self) -> tuple[tuple[str, bool], ...]:
        """What stands beside the code to scan, and whether it is bold."""
        lines = (self.study, False), (self.code, True), (f"{self.mouse} {self.region}", False), (self.day, False)
        return tuple((text, is_bold) for text, is_bold in lines if text)


@dataclass(frozen=True)
class Line:
    """One line of letters where it stands."""

    text: str
    x_mm: float
    y_mm: float
    width_mm: float
    size_pt: float
    is_bold: bool

    @property
    def height_mm(self) -> float:
        """How high the line is."""
        return self.size_pt * POINT_MM * LINE


def labels_pdf(
    labels: Sequence[TubeLabel], stock: Stock, *, start: int = 1, shift_mm: tuple[float, float] = (0, 0),
    compress: bool = True,
) -> bytes:  # fmt: skip
    """Return the sheets with all labels in their order.

    Parameters
    ----------
    start : int
        The first label of the first sheet that is still there, counted from 1, row by row.
    shift_mm : tuple of float
        Right and down, for a printer that pulls its paper aside.
    """
    check_start(stock, start)
    pdf = FPDF(unit="mm", format=SHEETS_MM[stock.sheet])
    pdf.set_compression(compress)
    pdf.set_auto_page_break(False)
    pdf.set_title("Tube labels")
    family = choose_font(pdf)
    for number, label in enumerate(labels, start=start - 1):
        if number % stock.per_sheet == 0 or pdf.page == 0:
            pdf.add_page()
        left, top = stock.corner_mm(number % stock.per_sheet)
        _draw(pdf, family, label, stock, left + shift_mm[0], top + shift_mm[1])
    return bytes(pdf.output())


def check_start(stock: Stock, start: int) -> None:
    """Refuse a first label that the sheet does not have."""
    if not 1 <= start <= stock.per_sheet:
        raise LabelError(f"{start} is no label of this sheet; it has 1 to {stock.per_sheet}, row by row.")


def _draw(pdf: FPDF, family: str, label: TubeLabel, stock: Stock, left: float, top: float) -> None:
    matrix = segno.make(label.scanned, error="m", micro=False).matrix
    qr_mm = qr_size_mm(stock)
    module = qr_mm / (len(matrix) + 2 * QUIET)
    start_x, start_y = left + module * QUIET, top + (stock.height_mm - qr_mm) / 2 + module * QUIET
    pdf.set_fill_color(0)
    for row, modules in enumerate(matrix):
        for column, is_dark in enumerate(modules):
            if is_dark:
                pdf.rect(start_x + column * module, start_y + row * module, module, module, style="F")
    for line in lay_out(pdf, family, label, stock):
        pdf.set_font(family, "B" if line.is_bold else "", line.size_pt)
        pdf.set_xy(left + line.x_mm, top + line.y_mm)
        pdf.c_margin = 0
        pdf.cell(line.width_mm, line.height_mm, line.text)


def qr_size_mm(stock: Stock) -> float:
    """Return the side of the square that a code to scan has with its white border: as high as the label, half as wide at most."""
    return min(stock.height_mm - EDGE_MM / 2, stock.width_mm / 2, LARGEST_QR_MM)


def lay_out(pdf: FPDF, family: str, label: TubeLabel, stock: Stock) -> list[Line]:
    """Return the lines beside the code: as large as they fit, made smaller first, then broken, and never over the edge."""
    left = qr_size_mm(stock)
    room = stock.width_mm - left - EDGE_MM
    height = stock.height_mm - 2 * EDGE_MM
    texts = [(letters_of(family, text), is_bold) for text, is_bold in label.lines]
    for size, may_break in _sizes():
        lines = list(_broken(pdf, family, texts, size, room, may_break=may_break))
        if all(width <= room for _text, _bold, width in lines) and len(lines) * size * POINT_MM * LINE <= height:
            break
    else:
        raise LabelError(
            f"{label.scanned} is too long for a label of {stock.width_mm:g} x {stock.height_mm:g} mm; choose larger labels."
        )
    line_mm = size * POINT_MM * LINE
    top = (stock.height_mm - len(lines) * line_mm) / 2
    return [
        Line(text, left, top + number * line_mm, width, size, is_bold)
        for number, (text, is_bold, width) in enumerate(lines)
    ]


def _sizes() -> Iterator[tuple[float, bool]]:
    """Yield sizes of letters from the largest: whole lines as long as they are comfortable to read, then broken ones."""
    n_steps = int((LARGEST_PT - SMALLEST_PT) / STEP_PT)
    sizes = [LARGEST_PT - step * STEP_PT for step in range(n_steps + 1)]
    yield from ((size, False) for size in sizes if size >= COMFORTABLE_PT)
    yield from ((size, True) for size in sizes if size <= COMFORTABLE_PT + 1)


def _broken(
    pdf: FPDF, family: str, texts: Sequence[tuple[str, bool]], size: float, room: float, *, may_break: bool
) -> Iterator[tuple[str, bool, float]]:
    """Yield each line with whether it is bold and its width."""
    for text, is_bold in texts:
        pdf.set_font(family, "B" if is_bold else "", size)
        rest = text
        while rest:
            part = _fitting(pdf, rest, room) if may_break else rest
            yield part, is_bold, pdf.get_string_width(part)
            rest = rest[len(part) :].lstrip()


def _fitting(pdf: FPDF, text: str, room: float) -> str:
    """Return how much of a text fits in a line, up to a hyphen or blank where there is one; one letter at least."""
    most = next((n for n in range(len(text), 1, -1) if pdf.get_string_width(text[:n]) <= room), 1)
    if most == len(text):
        return text
    joint = max(text.rfind("-", 0, most), text.rfind(" ", 0, most))
    return text[: joint + 1] if joint > 0 else text[:most]
