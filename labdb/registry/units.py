"""Units of fields: the suffix of a name (`body_mass_g`) says the unit, the label repeats it ("body mass (g)").

The one table of both, and of the ways in which people write a unit in a cell ("20.5 g", "3 secs").
"""

import re
from dataclasses import dataclass
from typing import Any

from django.db import models

# suffix: the symbol in labels, then what else people write; case, spaces and full stops do not matter, nor µ or u
_BASE = {
    "g": "g gr gram grams gramme grammes",
    "kg": "kg kgs kilogram kilograms",
    "mg": "mg mgs milligram milligrams",
    "ug": "ug mcg microgram micrograms",
    "ng": "ng nanogram nanograms",
    "l": "l liter liters litre litres",
    "ml": "ml mls milliliter milliliters millilitre millilitres",
    "ul": "ul mcl microliter microliters microlitre microlitres",
    "m": "m meter meters metre metres",
    "cm": "cm cms centimeter centimeters centimetre centimetres",
    "mm": "mm mms millimeter millimeters millimetre millimetres",
    "um": "um micron microns micrometer micrometers micrometre micrometres",
    "mm2": "mm2 mm^2 mm²",
    "cm2": "cm2 cm^2 cm²",
    "mm3": "mm3 mm^3 mm³",
    "us": "us microsec microsecs microsecond microseconds",
    "ms": "ms msec msecs millisecond milliseconds",
    "s": "s sec secs second seconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "days": "days d day",
    "weeks": "weeks wk wks w week",
    "hz": "Hz hertz",
    "khz": "kHz kilohertz",
    "ua": "uA microamp microamps microampere microamperes",
    "ma": "mA milliamp milliamps milliampere milliamperes",
    "mv": "mV millivolt millivolts",
    "v": "V volt volts",
    "c": "°C C degC celsius",
    "lux": "lux lx",
    "percent": "% percent pct",
    "bp": "bp",
    "px": "px pixel pixels",
    "nmol": "nmol nmols nanomole nanomoles",
}
_FIRST_WORDS = {"seconds": "s", "minutes": "min", "hours": "h", "days": "days", "weeks": "weeks"}  # minutes_to_freeze


@dataclass(frozen=True)
class Unit:
    """A unit as names, labels and people write it."""

    suffix: str  # mg_per_kg
    symbol: str  # mg/kg

    def is_written(self, text: str) -> bool:
        """Whether this text is a way of writing this unit ("g", "grams", "G.")."""
        return unit_written(text) == self

    def __str__(self) -> str:
        return self.symbol


def unit_named(suffix: str) -> Unit | None:
    """Return the unit of a suffix, such as ``g`` or ``mg_per_kg``; None for what is no unit."""
    dividend, is_rate, divisor = suffix.partition("_per_")
    if dividend not in _BASE or (is_rate and divisor not in _BASE and divisor != "day"):
        return None
    return Unit(suffix, f"{_symbol(dividend)}/{_symbol(divisor)}" if is_rate else _symbol(dividend))


def unit_written(text: str) -> Unit | None:
    """Return the unit that a text from a cell means; None for a text that is none ("20500 mg" in a field of grams)."""
    suffixes = [_WRITTEN.get(_normal(part), "") for part in re.split(r"/|\bper\b", text)]
    if len(suffixes) > 2:
        return None
    if suffixes[1:] == ["days"]:
        suffixes[1] = "day"
    return unit_named("_per_".join(suffixes))


def unit_of(field: Any) -> Unit | None:
    """Return the unit of a model field by its name; None for what has none (ratios, counts, text)."""
    if not isinstance(getattr(field, "output_field", field), models.FloatField | models.IntegerField):
        return None
    return unit_of_name(field.name) if field.name else None  # the output of a generated column has no name


def unit_of_name(name: str) -> Unit | None:
    """Return the unit that the name of a number says; None for what has none."""
    first, *rest = name.split("_")
    words = [_FIRST_WORDS.get(first, first), *rest]  # hours_per_day, minutes_to_freeze
    by_name = unit_named("_".join(words[-3:])) or unit_named(words[-1])
    return by_name or unit_named(_FIRST_WORDS.get(first, ""))


def unit_problem(field: Any) -> str | None:
    """Return what is wrong with the unit in a field's label, in a sentence; None when name and label agree."""
    unit = unit_of(field)
    label = str(field.verbose_name)
    in_label = [found for inside in re.findall(r"\(([^()]*)\)", label) if (found := unit_written(inside))]
    if unit is None:
        if not in_label:
            return None
        return f"{field.name}: its label says ({in_label[0]}), its name does not; end the name in _{in_label[0].suffix}"
    if f"({unit})" in label:
        return None
    if not in_label and any(len(word) > 2 and unit.is_written(word) for word in label.split()):
        return None  # "days of defeat" needs no "(days)" behind it
    return f"{field.name}: its name says {unit}, its label is {label!r}; let the label end in ({unit})"


def _symbol(suffix: str) -> str:
    return _BASE[suffix].split()[0] if suffix in _BASE else suffix


def _normal(text: str) -> str:
    return re.sub(r"[\s.]", "", text.replace("µ", "u").replace("μ", "u")).casefold()


_WRITTEN = {_normal(way): suffix for suffix, ways in _BASE.items() for way in ways.split()}
