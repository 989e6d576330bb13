"""Numbers as people write them in cells: 20.5, 20,5, 1.234,5, 20.5 g; understood, or refused with a sentence."""

import math
import re

from django.core.exceptions import ValidationError

from labdb.registry.units import Unit, unit_written

COMMA, POINT = "comma", "point"  # what may stand before the decimals
PARTS = re.compile(r"([+-]?[\d.,]*\d[.,]?(?:[eE][+-]?\d+)?)\s*(\S.*)?", re.DOTALL)
GROUPED = {COMMA: re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?"), POINT: re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")}


class AmbiguousError(ValidationError):
    """A cell that can be read in two ways; what decides is named by `question`."""

    def __init__(self, sentence: str, question: str) -> None:
        super().__init__(sentence, code="ambiguous")
        self.question = question


def read_number(text: str, unit: Unit | None = None, decimal_mark: str = "") -> float:
    """Return the finite number that a cell means.

    Parameters
    ----------
    unit : Unit, optional
        Of the field; a cell may repeat it, and no other.
    decimal_mark : str
        ``comma`` or ``point`` where somebody said what stands before the decimals of this file.
    """
    number_text, written_unit = _parts(text)
    if written_unit:
        _refuse_other_unit(text, number_text, written_unit, unit)
    number = _value(number_text, text, decimal_mark)
    if not math.isfinite(number):
        raise ValidationError(f"{text} is not a finite number; leave it empty when it is not known.")
    return number


def _parts(text: str) -> tuple[str, str]:
    match = PARTS.fullmatch(text)
    return (match[1], match[2] or "") if match else (text, "")


def _refuse_other_unit(text: str, number_text: str, written: str, unit: Unit | None) -> None:
    if unit is not None and unit.is_written(written):
        return
    if unit_written(written) is None and not (unit is not None and re.fullmatch(r"[A-Za-zµμ°%/^ .]+", written)):
        raise ValidationError(f"{text} is not a number; enter digits, such as 12.5.")
    expected = f"is in {unit}" if unit is not None else "has no unit"
    raise ValidationError(f"{text} is in {written}, and this field {expected}; convert it and enter the number alone.")


def _value(number_text: str, text: str, decimal_mark: str) -> float:
    if decimal_mark == COMMA or (decimal_mark == "" and _is_decimal_comma(number_text, text)):
        plain = _ungrouped(number_text, COMMA).replace(",", ".")
    else:
        plain = _ungrouped(number_text, POINT)
    try:
        return float(plain) if "_" not in plain else math.nan
    except ValueError:
        raise ValidationError(f"{text} is not a number; enter digits, such as 12.5.") from None


def _ungrouped(number_text: str, decimal_mark: str) -> str:
    """Return the number without the marks between its thousands."""
    if GROUPED[decimal_mark].fullmatch(number_text):
        return number_text.replace("." if decimal_mark == COMMA else ",", "")
    return number_text


def _is_decimal_comma(number_text: str, text: str) -> bool:
    """Tell 20,5 and 1.234,5 from 1,234.5; one comma before three digits can be either."""
    if "," not in number_text:
        return False
    if "." in number_text:
        return number_text.rindex(",") > number_text.rindex(".")
    if number_text.count(",") > 1:
        return False
    before, after = number_text.lstrip("+-").split(",")
    if re.fullmatch(r"\d{3}", after) and re.fullmatch(r"[1-9]\d{0,2}", before):
        raise AmbiguousError(
            f"{text} can be {before}.{after} or {before}{after}; write it without the comma, or say what the comma means.",
            "decimal_mark",
        )
    return True
