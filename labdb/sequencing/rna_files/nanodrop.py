"""Thermo NanoDrop (1000, 2000, 8000, One): one line per drop, tabs or commas, the ratio in a column or behind its formula."""

from labdb.sequencing.rna_files.cells import (
    CONCENTRATION,
    RATIO,
    Reading,
    RnaFile,
    Rows,
    cell,
    decimal_mark_of,
    factor_of,
    find_header,
    first_of,
    measure,
    unit_in,
    unit_note,
)

INSTRUMENT = "NanoDrop"
NAMES = ("sample id", "sample name", "sample")
RATIOS = ("260/280", "a260/a280", "260:280")
CONCENTRATIONS = ("nucleic acid", "nucleic acid conc.", "conc.", "concentration", "ng/ul")
FORMULA = "formula name 1"


def read(rows: Rows, name: str) -> RnaFile | None:
    """Return the readings; None where no line names a sample and a ratio."""
    found = find_header(rows, NAMES, (*RATIOS, FORMULA))
    if found is None:
        return None
    place, headings = found
    sample, ratio = first_of(headings, *NAMES), first_of(headings, *RATIOS)
    concentration = next((at for at, one in enumerate(headings) if _is_concentration(one)), None)
    unit_column = first_of(headings, "unit", "units")
    formula, formula_value = first_of(headings, FORMULA), first_of(headings, "formula value 1")
    body = rows[place + 1 :]
    mark = decimal_mark_of(cell(cells, column) for _line, cells in body for column in (ratio, concentration))
    readings, units = [], set()
    for line, cells in body:
        reading = Reading(cell(cells, sample), line)
        text = cell(cells, concentration)
        if text[:1].isdigit():
            unit = cell(cells, unit_column) or _unit(headings[concentration or 0])
            units.add(unit)
            measure(reading, CONCENTRATION, "concentration", text, mark, factor_of(unit, name))
        else:
            measure(reading, CONCENTRATION, "concentration", text, mark)
        said = cell(cells, ratio)
        if not said and cell(cells, formula) in RATIOS:
            said = cell(cells, formula_value)
        measure(reading, RATIO, "260/280", said, mark)
        readings.append(reading)
    return RnaFile(INSTRUMENT, tuple(readings), tuple(unit_note(units)))


def _is_concentration(heading: str) -> bool:
    return heading in CONCENTRATIONS or heading.partition("(")[0].strip() in CONCENTRATIONS


def _unit(heading: str) -> str:
    return heading if heading == "ng/ul" else unit_in(heading)
