"""Invitrogen Qubit (3, 4 and Flex): one line per tube; the name of the sample may stand in a column of its own.

Qubit 3 and 4 have two columns that are called Units, each to the right of what it is the unit of; the Flex calls them
by what they are of. The test's name is the instrument's own, unless somebody typed one.
"""

from labdb.sequencing.rna_files.cells import (
    CONCENTRATION,
    Reading,
    RnaFile,
    Rows,
    cell,
    decimal_mark_of,
    factor_of,
    find_header,
    first_of,
    measure,
    unit_note,
)

INSTRUMENT = "Qubit"
ORIGINAL, NAMES = "original sample conc.", ("sample_id", "sample id", "sample name", "sample", "test name", "name")


def read(rows: Rows, name: str) -> RnaFile | None:
    """Return the readings; None where no line names the original concentration."""
    found = find_header(rows, [ORIGINAL], NAMES)
    if found is None:
        return None
    place, headings = found
    sample, concentration = first_of(headings, *NAMES), first_of(headings, ORIGINAL)
    assert concentration is not None
    unit_column = first_of(headings, "original sample conc. units")
    if unit_column is None:
        unit_column = concentration + 1
    assay = first_of(headings, "assay name")
    body = rows[place + 1 :]
    mark = decimal_mark_of(cell(cells, concentration) for _line, cells in body)
    readings, units = [], set()
    for line, cells in body:
        reading = Reading(cell(cells, sample), line)
        text, unit = cell(cells, concentration), cell(cells, unit_column)
        is_number = text[:1].isdigit()
        measure(reading, CONCENTRATION, "concentration", text, mark, factor_of(unit, name) if is_number else 1.0)
        if is_number:
            units.add(unit)
        if (said := cell(cells, assay)) and "rna" not in said.casefold():
            reading.notes.append(f"measured with the assay {said}")
        readings.append(reading)
    return RnaFile(INSTRUMENT, tuple(readings), tuple(unit_note(units)))
