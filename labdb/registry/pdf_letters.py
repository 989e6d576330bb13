"""The font of a PDF, and its letters: one of this machine that has Greek, else the one that every reader has."""

import unicodedata
from pathlib import Path

from fpdf import FPDF

FONT_FOLDERS = (Path("/usr/share/fonts/truetype/dejavu"), Path("/usr/share/fonts/dejavu"), Path("/Library/Fonts"))
LATIN_FONT = "Helvetica"  # no file of it is needed, and it has no Greek


def choose_font(pdf: FPDF) -> str:
    """Give a PDF a font, regular and bold, and return its name."""
    for folder in FONT_FOLDERS:
        regular, bold = folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf"
        if regular.is_file() and bold.is_file():
            pdf.add_font("DejaVu", "", regular)
            pdf.add_font("DejaVu", "B", bold)
            return "DejaVu"
    return LATIN_FONT


def letters_of(font: str, text: str) -> str:
    """Return a text in letters that the font has."""
    return in_latin_letters(text) if font == LATIN_FONT else text


def in_latin_letters(text: str) -> str:
    """Return a text in the letters of a PDF's own fonts: Greek ones by name, others as a question mark."""
    return "".join(letter if ord(letter) < 256 else _latin(letter) for letter in text)


def _latin(letter: str) -> str:
    name = unicodedata.name(letter, "")
    return name.rsplit(" ", 1)[-1].lower() if name.startswith("GREEK ") else "?"
