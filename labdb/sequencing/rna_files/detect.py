"""Which instrument a file is of: its content says it, never its name."""

from labdb.registry.text_tables import TableError, decode_text, unpack
from labdb.sequencing.rna_files import bioanalyzer, nanodrop, qubit, tapestation
from labdb.sequencing.rna_files.cells import RnaFile, RnaFileError, rows_of

READERS = (tapestation, bioanalyzer, qubit, nanodrop)
INSTRUMENTS = tuple(reader.INSTRUMENT for reader in READERS)
MOST_READINGS = 5_000


def read_rna_file(data: bytes, name: str) -> RnaFile:
    """Read a file of any of the instruments.

    Raises
    ------
    RnaFileError
        It is none of them, holds no sample, or a unit is none that can be converted.
    """
    try:
        text, note = decode_text(unpack(data, name), name)
    except TableError as error:
        raise RnaFileError(str(error)) from None
    rows = rows_of(text, name)
    for reader in READERS:
        found = reader.read(rows, name)
        if found is None:
            continue
        if not found.readings:
            raise RnaFileError(f"{name} is of a {found.instrument} and holds no sample; export it again.")
        if len(found.readings) > MOST_READINGS:
            raise RnaFileError(f"{name} has {len(found.readings):,} samples, more than {MOST_READINGS:,}; split it.")
        return RnaFile(found.instrument, found.readings, (*([note] if note else []), *found.notes))
    raise RnaFileError(
        f"{name} is no file of {', '.join(INSTRUMENTS[:-1])} or {INSTRUMENTS[-1]}: no line names a sample and RIN, "
        "concentration or 260/280. Export the table of samples as CSV, or import it as a sheet of RNA extractions."
    )
