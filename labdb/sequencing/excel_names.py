"""Gene symbols that Excel turned into dates and numbers: how to know one, and what it probably was."""

from __future__ import annotations

import re

_MONTH = {
    "jan": "", "feb": "", "mar": "mar", "apr": "apr", "may": "", "jun": "", "jul": "", "aug": "", "sep": "sep",
    "sept": "sep", "oct": "oct", "nov": "nov", "dec": "dec", "mrz": "mar", "mär": "mar", "mai": "", "okt": "oct",
    "dez": "dec",
}  # fmt: skip  # English and German Excel -> the month that genes are named like
_SYMBOLS = {  # month -> symbol, with the older name that Excel mistook, and the highest number there is
    "mar": (("Marchf{n} (March{n})", 11), ("Mtarc{n} (Marc{n})", 2)),
    "sep": (("Septin{n} (Sept{n})", 15),),
    "dec": (("Dec{n}", 2),),
    "oct": (("Oct{n}", 11),),
    "nov": (("Nov", 1),),
    "apr": (("Apr{n}", 3),),
}
_NAMES = "|".join(_MONTH)
_DAY_MONTH = re.compile(rf"(\d{{1,2}})[-. ]+({_NAMES})", re.IGNORECASE)
_MONTH_DAY = re.compile(rf"({_NAMES})-(\d{{1,2}})", re.IGNORECASE)
_ISO = re.compile(r"\d{4}-(\d\d)-(\d\d)( 00:00:00)?")
_SLASHES = re.compile(r"\d{1,2}/\d{1,2}/\d{2,4}")
_EXPONENT = re.compile(r"(\d)(?:\.(\d+))?E\+(\d+)", re.IGNORECASE)
_MONTH_NUMBERS = {"03": "mar", "04": "apr", "09": "sep", "10": "oct", "11": "nov", "12": "dec"}
RIKEN_DIGITS = 7  # 2310009E13Rik: seven digits, E, two digits


def is_made_by_excel(gene_id: str) -> bool:
    """Whether an id is a date or number that a symbol was turned into."""
    patterns = (_DAY_MONTH, _MONTH_DAY, _ISO, _SLASHES, _EXPONENT)
    return any(pattern.fullmatch(gene_id) for pattern in patterns)


def probable_symbols(gene_id: str) -> list[str]:
    """Return the symbols that Excel may have turned into this; empty if none is known."""
    day, month = _day_and_month(gene_id)
    if day and month:
        return [symbol.format(n=day) for symbol, highest in _SYMBOLS[month] if day <= highest]
    if found := _EXPONENT.fullmatch(gene_id):
        return _riken_clones(found[1], found[2] or "", int(found[3]))
    return []


def excel_complaint(shown: str, gene_id: str) -> str:
    """Say that an id is no gene, what it probably was, and what to do."""
    symbols = probable_symbols(gene_id)
    was = f", probably {' or '.join(symbols)}" if symbols else " (as March1 into 1-Mar, Sept2 into 2-Sep)"
    return f"{shown} is a gene that Excel turned into a date or number{was}; take the file as it was before Excel, or restore the symbol."


def _day_and_month(gene_id: str) -> tuple[int, str]:
    if found := _DAY_MONTH.fullmatch(gene_id):
        return int(found[1]), _MONTH[found[2].lower()]
    if found := _MONTH_DAY.fullmatch(gene_id):
        return int(found[2]), _MONTH[found[1].lower()]
    if found := _ISO.fullmatch(gene_id):
        return int(found[2]), _MONTH_NUMBERS.get(found[1], "")
    return 0, ""


def _riken_clones(first: str, rest: str, exponent: int) -> list[str]:
    """Undo 2310009E13 -> 2.31E+19: the exponent is that of the clone plus its six further digits."""
    plate = exponent - (RIKEN_DIGITS - 1)
    digits = (first + rest).ljust(3, "0")
    dots = "..." if len(digits) < RIKEN_DIGITS else ""
    return [f"{digits}{dots}E{plate:02d}Rik"] if 0 < plate < 25 else []
