"""Agilent TapeStation: the sample table that its analysis software exports (``..._sampleTable.csv``)."""

from labdb.sequencing.rna_files.cells import (
    CONCENTRATION,
    DV200,
    RIN,
    Reading,
    RnaFile,
    RnaFileError,
    Rows,
    cell,
    decimal_mark_of,
    factor_of,
    find_header,
    first_of,
    is_ladder,
    measure,
    unit_in,
    unit_note,
)

INSTRUMENT = "TapeStation"


def read(rows: Rows, name: str) -> RnaFile | None:
    """Return the readings; None where the rows are no sample table."""
    found = find_header(rows, ["sample description"], ["wellid", "well"])
    if found is None:
        return None
    place, headings = found
    sample, alert = first_of(headings, "sample description"), first_of(headings, "alert")
    observed = first_of(headings, "observations")
    rin, dv200 = first_of(headings, "rine", "rin"), first_of(headings, "dv200", "dv200 (%)", "% dv200")
    concentration = next((at for at, one in enumerate(headings) if one.startswith(("conc.", "concentration"))), None)
    if rin is None and concentration is None:
        raise RnaFileError(
            f"{name} is a table of a TapeStation without RINe or concentration; export the sample table."
        )
    unit = unit_in(headings[concentration]) if concentration is not None else ""
    factor = factor_of(unit, name) if concentration is not None else 1.0
    body = rows[place + 1 :]
    mark = decimal_mark_of(cell(cells, column) for _line, cells in body for column in (rin, concentration))
    readings, n_ladders = [], 0
    for line, cells in body:
        reading = Reading(cell(cells, sample), line)
        if is_ladder(reading.name) or is_ladder(cell(cells, observed)):
            n_ladders += 1
            continue
        measure(reading, RIN, "RIN", cell(cells, rin), mark)
        measure(reading, CONCENTRATION, "concentration", cell(cells, concentration), mark, factor)
        measure(reading, DV200, "DV200", cell(cells, dv200), mark)
        said = " ".join(filter(None, [cell(cells, alert), cell(cells, observed)]))
        if said:
            reading.notes.append(f"the instrument says: {said}")
        readings.append(reading)
    notes = [f"{n_ladders} line{'s' if n_ladders > 1 else ''} of the ladder left out."] if n_ladders else []
    return RnaFile(INSTRUMENT, tuple(readings), (*notes, *unit_note([unit])))
