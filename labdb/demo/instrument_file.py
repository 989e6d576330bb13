"""The file of a TapeStation for one batch of extractions, read in as the page for such files does."""

from typing import Any

import pandas as pd

from labdb.colony.models import Study
from labdb.demo import parameters as p
from labdb.registry.import_log import Source
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import import_rows
from labdb.registry.record import record_for
from labdb.sequencing.models import RnaExtraction
from labdb.sequencing.rna_files.detect import read_rna_file
from labdb.sequencing.rna_matching import match_tubes

MEASURED = ["rin", "rna_conc_ng_per_ul"]
HEADER = "FileName,WellId,Sample Description,Alert,Observations,RINe,28S/18S (Area),Conc. [ng/µl]"
WELLS = "ABCDEFGH"


def sample_table(extractions: pd.DataFrame) -> tuple[str, bytes]:
    """Return name and content of the sample table of the batch that the instrument measured; the file is latin-1.

    Parameters
    ----------
    extractions : pandas.DataFrame, indexed by extraction
        ``rin``, ``rna_conc_ng_per_ul``, ``batch``, ``extraction_date``.
    """
    batch = of_instrument(extractions)
    day = batch["extraction_date"].iloc[0]
    lines = [HEADER, f"{day}.RNA,EL1,Electronic Ladder,,Ladder,-,-,-"]
    for place, (code, row) in enumerate(batch.iterrows()):
        well = f"{WELLS[place % len(WELLS)]}{1 + place // len(WELLS)}"
        lines.append(f"{day}.RNA,{well},{code},,,{row['rin']:.1f},,{row['rna_conc_ng_per_ul']:.1f}")
    return f"{day}_{p.INSTRUMENT_BATCH}_sampleTable.csv", "\r\n".join([*lines, ""]).encode("latin-1")


def of_instrument(extractions: pd.DataFrame) -> pd.DataFrame:
    """Return the extractions whose numbers come from the instrument's file."""
    return extractions[extractions["batch"] == p.INSTRUMENT_BATCH]


def without_measured(extractions: pd.DataFrame) -> pd.DataFrame:
    """Return the extractions as they are before the file: without the numbers that it brings."""
    known = extractions.copy()
    known.loc[of_instrument(extractions).index, MEASURED] = None
    return known


def import_sample_table(extractions: pd.DataFrame, study: Study, user: Any, door: str) -> ImportReport:
    """Read the table, find its extractions, and store its numbers through the engine of every import."""
    name, data = sample_table(extractions)
    readings = read_rna_file(data, name).readings
    matches = match_tubes([one.name for one in readings], study, user)
    rows = [
        (one.line, [str(matches[one.name].extraction), *(f"{one.values[field]:g}" for field in MEASURED)])
        for one in readings
    ]
    return import_rows(
        record_for(RnaExtraction), ["code", *MEASURED], rows, user=user, study=study, door=door,
        source=Source.of(data, name),
    )  # fmt: skip
