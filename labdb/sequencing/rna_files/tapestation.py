"""Agilent TapeStation: the tables that its analysis software exports, ``..._sampleTable`` and ``..._compactRegionTable``.

A table of regions has a line for each region of each sample: ``FileName``, ``WellId``, ``Sample Description``,
``From [nt]``, ``To [nt]``, ``Average Size [nt]``, ``Conc. [ng/ul]``, ``Region Molarity [nmol/l]``, ``% of Total``,
``Region Comment``; comma or semicolon, the Greek letter in UTF-8 or latin-1, sizes in bp for DNA (the tests of a public
parser, mll-lab/php-utils). Its concentration is that of the region: of it, the share of a region called DV200 is taken.
The file name ends with the assay, such as ``.D1000``.
"""

import re

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
OF_DNA = re.compile(r"\.(hs|cell-free )?(d1000|d5000|gdna|cfdna)$", re.IGNORECASE)
SHARE = "% of total"


def read(rows: Rows, name: str) -> RnaFile | None:
    """Return the readings; None where the rows are no sample table."""
    found = find_header(rows, ["sample description"], ["wellid", "well"])
    if found is None:
        return None
    place, headings = found
    _refuse_dna(rows[place + 1 :], headings, name)
    if SHARE in headings:
        return _regions(rows[place + 1 :], headings, name)
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


def _refuse_dna(body: Rows, headings: list[str], name: str) -> None:
    file = first_of(headings, "filename")
    assays = {found[0] for _line, cells in body if (found := OF_DNA.search(cell(cells, file)))}
    if assays or "din" in headings or any(one.endswith("[bp]") for one in headings):
        said = f" ({', '.join(sorted(assays))[1:]})" if assays else ""
        raise RnaFileError(f"{name} is of a TapeStation, but of a DNA assay{said}; export the table of the RNA assay.")


def _regions(body: Rows, headings: list[str], name: str) -> RnaFile:
    """Return the share of the region DV200 of each sample; other regions say nothing that an extraction holds."""
    sample, share = first_of(headings, "sample description"), first_of(headings, SHARE)
    comment = first_of(headings, "region comment")
    of_dv200 = [(line, cells) for line, cells in body if "dv200" in cell(cells, comment).casefold()]
    if body and not of_dv200:
        raise RnaFileError(
            f"{name} is a table of regions, and none is called DV200; call the region from 200 nt so, or export the sample table."
        )
    mark = decimal_mark_of(cell(cells, share) for _line, cells in of_dv200)
    readings = []
    for line, cells in of_dv200:
        readings.append(Reading(cell(cells, sample), line))
        measure(readings[-1], DV200, "DV200", cell(cells, share), mark)
    n_others = len(body) - len(of_dv200)
    notes = [f"{n_others} line{'s' if n_others > 1 else ''} of other regions left out."] if n_others else []
    return RnaFile(INSTRUMENT, tuple(readings), tuple(notes))
