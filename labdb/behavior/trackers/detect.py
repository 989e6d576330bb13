"""Which tracker wrote a file is found by what is in it; then its reader reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labdb.behavior.trackers import anymaze, deeplabcut, ethovision_raw, ethovision_statistics, zone_times
from labdb.behavior.trackers.cells import shown
from labdb.behavior.trackers.opening import open_sheets, tables_in_words
from labdb.behavior.trackers.options import PCUTOFF, Options
from labdb.behavior.trackers.result import TrackerError, TrackerFile, Trial
from labdb.behavior.trackers.sheets import EXPORT_AGAIN, Sheet
from labdb.registry.dates import DAY_FIRST, MONTH_FIRST

SHOWN_CELLS = 4


@dataclass(frozen=True)
class Reader:
    """What one module knows of one format."""

    format: str
    claims: Callable[[Sheet, Options], bool]
    read: Callable[[Sequence[Sheet], Options], tuple[list[Trial], list[str]]]


READERS = tuple(
    Reader(module.FORMAT, module.claims, module.read)
    for module in (ethovision_raw, ethovision_statistics, anymaze, deeplabcut, zone_times)
)  # fmt: skip
FORMATS = tuple(reader.format for reader in READERS)


def read_tracker_file(
    name: str,
    content: bytes,
    *,
    frame_rate_hz: float | None = None,
    likelihood_cutoff: float = PCUTOFF,
    date_order: str = "",
    subject_column: str = "",
    expected_format: str | None = None,
) -> TrackerFile:
    """Read a file of any tracker that is known here; its content says which.

    Parameters
    ----------
    name : str
        Of the file, for sentences; it decides nothing.
    frame_rate_hz : float, optional
        Of the video (1/s): needed for files that number frames and have no times (DeepLabCut).
    likelihood_cutoff : float
        Positions of a lower likelihood are missing.
    date_order : str
        ``day-first`` or ``month-first``, where the file's own dates leave it open.
    subject_column : str
        Column that names the mouse in a table of zone times, where its name does not say so.
    expected_format : str, optional
        One of `FORMATS`: what the person says that the file is.

    Raises
    ------
    TrackerError
        Whatever is wrong with the file.
    ValueError
        If `expected_format` is no known format, or `date_order` no known order.
    """
    if expected_format is not None and expected_format not in FORMATS:
        raise ValueError(f"expected_format must be one of {', '.join(FORMATS)}; got {expected_format}")
    if date_order not in ("", DAY_FIRST, MONTH_FIRST):
        raise ValueError(f"date_order must be {DAY_FIRST}, {MONTH_FIRST} or empty; got {date_order}")
    options = Options(frame_rate_hz, likelihood_cutoff, date_order, subject_column)
    options.check(name)
    with tables_in_words(name):
        sheets, notes = open_sheets(name, content)
        reader, claimed = _reader_of(sheets, options, expected_format)
        notes += _left_out(sheets, claimed, reader) + [note for sheet in claimed for note in sheet.check()]
        trials, said = reader.read(claimed, options)
    return TrackerFile(
        format=reader.format,
        file_name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        trials=tuple(trials),
        notes=tuple(dict.fromkeys(notes + said)),
    )


def _reader_of(sheets: Sequence[Sheet], options: Options, expected: str | None) -> tuple[Reader, list[Sheet]]:
    for reader in READERS:
        claimed = [sheet for sheet in sheets if reader.claims(sheet, options)]
        if not claimed:
            continue
        if expected is not None and reader.format != expected:
            raise TrackerError(
                sheets[0].file,
                f"The file looks like {reader.format}, not like {expected}.",
                f"Choose {reader.format}, or another file.",
                asks_for="expected_format",
            )
        return reader, claimed
    raise _unknown(sheets[0], expected)


def _unknown(sheet: Sheet, expected: str | None) -> TrackerError:
    line, cells = next(iter(sheet.head(1)), (1, []))
    first = ", ".join(shown(cell) for cell in cells[:SHOWN_CELLS])
    more = ", ..." if len(cells) > SHOWN_CELLS else ""
    what = f"like {expected}" if expected else "like the export of a tracker that is known here"
    return sheet.error(
        f"The file does not look {what}; it begins with {first}{more}.",
        f"Known are {', '.join(FORMATS[:-1])} and {FORMATS[-1]}. {EXPORT_AGAIN} In a table of zone times one column must "
        "name the mouse: call it mouse or animal ID, or say which it is.",
        line=line,
    )


def _left_out(sheets: Sequence[Sheet], claimed: Sequence[Sheet], reader: Reader) -> list[str]:
    others = [sheet.name for sheet in sheets if sheet not in claimed]
    if not others:
        return []
    word, verb = ("Sheet", "is") if len(others) == 1 else ("Sheets", "are")
    return [f"{word} {', '.join(others)} {verb} not {reader.format} and left out."]
