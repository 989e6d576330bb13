"""Agilent 2100 Bioanalyzer: the results that 2100 Expert exports as CSV, a block of lines for each sample.

The number of a concentration stands alone in its cell, and its unit in the next or nowhere: then the assay says it, Nano
in ng/ul and Pico in pg/ul (a public R package reads such files, and its number, with nothing behind it). Behind the RIN
stands the version of the algorithm, with a comma and without quotation marks where somebody moved a threshold.
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
    is_ladder,
    measure,
    plain,
    unit_note,
)

INSTRUMENT = "Bioanalyzer"
SAMPLE, RNA, INTEGRITY = "sample name", "rna concentration:", "rna integrity number (rin):"
QUANTITY = re.compile(r"([<>]?\s*[\d.,]+)\s*(\S+)?")
VERSION = re.compile(r"\s*\([A-Z]\.\d\d.*$")  # of the algorithm, behind the number: 8.2 (B.02.08)
ADAPTED = "anomaly threshold(s) manually adapted"
UNIT_OF_ASSAY = {"nano": "ng/ul", "pico": "pg/ul"}


def read(rows: Rows, name: str) -> RnaFile | None:
    """Return the readings; None where no block of a sample tells of RNA."""
    labels = [plain(cells[0]) for _line, cells in rows]
    if SAMPLE not in labels or not {RNA, INTEGRITY} & set(labels):
        if SAMPLE in labels and "peak table" in labels:
            raise RnaFileError(
                f"{name} is of a Bioanalyzer, but of a DNA chip: it has neither RIN nor RNA concentration."
            )
        return None
    mark = decimal_mark_of(found[1] for _line, cells in rows for text in cells[1:2] if (found := QUANTITY.match(text)))
    readings: list[Reading] = []
    units: set[str] = set()
    assay = next(
        (cell(cells, 1) for (_line, cells), label in zip(rows, labels, strict=True) if label == "assay name"), ""
    )
    usual = next((unit for word, unit in UNIT_OF_ASSAY.items() if word in assay.casefold()), "")
    for (line, cells), label in zip(rows, labels, strict=True):
        value = cell(cells, 1)
        if label == SAMPLE:
            readings.append(Reading(value, line))
        elif not readings:
            continue  # what the file says of the chip
        elif label == INTEGRITY:
            measure(readings[-1], RIN, "RIN", VERSION.sub("", value), mark)
            if ADAPTED in plain(" ".join(cells)):
                readings[-1].notes.append("the instrument says: anomaly thresholds manually adapted")
        elif label == RNA:
            units |= _concentration(readings[-1], value, cell(cells, 2) or usual, mark, name)
        elif label.startswith("dv200"):
            measure(readings[-1], DV200, "DV200", value.rstrip("% "), mark)
    samples = [one for one in readings if not is_ladder(one.name)]
    n_ladders = len(readings) - len(samples)
    notes = [f"{n_ladders} block of the ladder left out."] if n_ladders else []
    return RnaFile(INSTRUMENT, tuple(samples), (*notes, *unit_note(units)))


def _concentration(reading: Reading, value: str, unit: str, mark: str, name: str) -> set[str]:
    """Put the concentration into a reading and return its unit: that behind the number, else the one given."""
    found = QUANTITY.fullmatch(value)
    if found is None:
        measure(reading, CONCENTRATION, "concentration", value, mark)
        return set()
    unit = found[2] or unit
    measure(reading, CONCENTRATION, "concentration", found[1], mark, factor_of(unit, name))
    return {unit}
