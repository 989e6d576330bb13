"""Codes to scan, drawn into a PDF."""

import segno
from fpdf import FPDF


def draw_qr(pdf: FPDF, text: str, left: float, top: float, side: float, *, quiet: int = 0) -> None:
    """Draw the QR code of a text into a square; ``quiet`` modules of white are left at its edges."""
    matrix = segno.make(text, error="m", micro=False).matrix
    module = side / (len(matrix) + 2 * quiet)
    start = quiet * module
    pdf.set_fill_color(0)
    for row, modules in enumerate(matrix):
        for column, is_dark in enumerate(modules):
            if is_dark:
                pdf.rect(left + start + column * module, top + start + row * module, module, module, style="F")
