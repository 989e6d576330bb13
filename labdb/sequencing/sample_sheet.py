"""The sample sheet of a run: what bcl-convert would refuse is said before, in words.

Pure. The sheet is that of Illumina's version 2: sections Header, Reads, BCLConvert_Settings and BCLConvert_Data.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

SEQUENCE = re.compile(r"[ACGTN]+")
UNUSABLE = re.compile(r"[^A-Za-z0-9_-]+")  # bcl-convert: letters, digits, dash and underscore
LONGEST_ID = 100  # bcl-convert's own limit
FEWEST_DIFFERENCES = 3  # below it one wrong base leaves a read between two libraries
MOST_SAID = 20
ANY = ord("N")
COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


@dataclass(frozen=True)
class SheetLibrary:
    """A library on one lane; the lane is empty where it lies on all."""

    code: str
    lane: str
    i7: str
    i5: str = ""
    study: str = ""
    pool: str = ""


@dataclass(frozen=True)
class SheetRun:
    """What the sheet says of the run."""

    code: str
    read_length_bp: int | None = None
    is_paired: bool = False


@dataclass
class Checked:
    """What was found.

    Attributes
    ----------
    refusals : list of str
        No sheet is written while there is one.
    warnings : list of str
        Worth knowing.
    ids : dict of (str, str) to str
        Sample_ID by study and code of the library.
    """

    refusals: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    ids: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def renamed(self) -> dict[str, str]:
        """Codes that bcl-convert would refuse, with what stands in their place."""
        return {code: made for (_study, code), made in self.ids.items() if made != code}


def check(libraries: Sequence[SheetLibrary]) -> Checked:
    """Return what keeps these libraries out of a sample sheet, and what should be known of it."""
    checked = Checked(ids=sample_ids(libraries))
    if not libraries:
        checked.refusals.append("No library is on this run; put them on its lanes first.")
        return checked
    checked.refusals += _first_of(_index_faults(libraries))
    if 0 < sum(not one.lane for one in libraries) < len(libraries):
        without = [one.code for one in libraries if not one.lane]
        checked.refusals.append(
            f"{_some(without)} ha{'s' if len(without) == 1 else 've'} no lane while others have; name the lane of each, or of none."
        )
    if checked.refusals:
        return checked
    by_lane: dict[str, list[SheetLibrary]] = defaultdict(list)
    for one in libraries:
        by_lane[one.lane].append(one)
    for lane, some in by_lane.items():
        where = f"on lane {lane}" if lane else "on this run"
        pairs = list(_close_pairs(some))
        checked.refusals += _first_of(
            f"{one} and {other} {where} cannot be told apart by their indexes; give one of them another."
            for one, other, n in pairs
            if n == 0
        )
        checked.warnings += _first_of(
            f"{one} and {other} {where} differ in {n} base{'s' if n > 1 else ''} of their indexes: a read with an error "
            "may go to the wrong one."
            for one, other, n in pairs
            if n > 0
        )
        lengths = sorted({(len(one.i7), len(one.i5)) for one in some})
        if len(lengths) > 1:
            said = ", ".join(f"{i7} + {i5}" if i5 else str(i7) for i7, i5 in lengths)
            checked.warnings.append(
                f"Indexes {where} have different lengths ({said} bases): the core must say which cycles it reads."
            )
    return checked


def _index_faults(libraries: Sequence[SheetLibrary]) -> Iterator[str]:
    said = set()
    for one in libraries:
        if one.code in said:
            continue
        said.add(one.code)
        if not one.i7:
            yield f"{one.code} has no index i7; enter its sequence."
        for name, index in (("i7", one.i7), ("i5", one.i5)):
            if index and not SEQUENCE.fullmatch(index.upper()):
                yield f"{one.code} has the index {name} {index}, which is no sequence of A, C, G and T; enter the sequence that the kit gives for it."


def _close_pairs(libraries: Sequence[SheetLibrary]) -> Iterator[tuple[str, str, int]]:
    """Yield the pairs whose indexes differ in few bases, as far as both are read; an N differs from nothing."""
    i7, i5 = _letters([one.i7 for one in libraries]), _letters([one.i5 for one in libraries])
    bases = np.hstack([i7, i5])
    for place, one in enumerate(libraries):
        mine, others = bases[place], bases[place + 1 :]
        n_bases = ((others != mine) & (others != ANY) & (mine != ANY)).sum(axis=1)
        for other in np.flatnonzero(n_bases < FEWEST_DIFFERENCES):
            yield one.code, libraries[place + 1 + int(other)].code, int(n_bases[other])


def _letters(indexes: Sequence[str]) -> np.ndarray:
    longest = max(1, max(map(len, indexes)))
    text = "".join(index.upper().ljust(longest, "N") for index in indexes)
    return np.frombuffer(text.encode(), dtype=np.uint8).reshape(len(indexes), longest)


def sample_ids(libraries: Sequence[SheetLibrary]) -> dict[tuple[str, str], str]:
    """Return a Sample_ID that bcl-convert takes for each library; equal ones of two libraries get a number."""
    ids: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for one in libraries:
        key = one.study, one.code
        if key in ids:
            continue
        plain = UNUSABLE.sub("-", one.code)[:LONGEST_ID] or "sample"
        made, number = plain, 2
        while made.casefold() in taken:
            made = f"{plain[: LONGEST_ID - 4]}-{number}"
            number += 1
        taken.add(made.casefold())
        ids[key] = made
    return ids


def sheet_v2(run: SheetRun, libraries: Sequence[SheetLibrary], *, turn_i5: bool = False) -> str:
    """Return the sheet as text; ValueError where `check` refuses it.

    Parameters
    ----------
    turn_i5 : bool
        Write the reverse complement of index i5, as some instruments and cores want it.
    """
    checked = check(libraries)
    if checked.refusals:
        raise ValueError(" ".join(checked.refusals))
    has_lanes = bool(libraries[0].lane)
    has_i5 = any(one.i5 for one in libraries)
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    for line in _head(run, libraries):
        write(line)
    write(["[BCLConvert_Data]"])
    write([*(["Lane"] if has_lanes else []), "Sample_ID", "index", *(["index2"] if has_i5 else [])])
    for one in libraries:
        i5 = one.i5.upper().translate(COMPLEMENT)[::-1] if turn_i5 else one.i5.upper()
        lane = [one.lane] if has_lanes else []
        write([*lane, checked.ids[one.study, one.code], one.i7.upper(), *([i5] if has_i5 else [])])
    return text.getvalue()


def _head(run: SheetRun, libraries: Sequence[SheetLibrary]) -> Iterator[list[object]]:
    yield ["[Header]"]
    yield ["FileFormatVersion", 2]
    yield ["RunName", UNUSABLE.sub("-", run.code)]
    yield []
    yield ["[Reads]"]
    if run.read_length_bp:
        yield ["Read1Cycles", run.read_length_bp]
        if run.is_paired:
            yield ["Read2Cycles", run.read_length_bp]
    yield ["Index1Cycles", max(len(one.i7) for one in libraries)]
    if any(one.i5 for one in libraries):
        yield ["Index2Cycles", max(len(one.i5) for one in libraries)]
    yield []
    yield ["[BCLConvert_Settings]"]
    yield ["FastqCompressionFormat", "gzip"]
    yield []


def _some(codes: Sequence[str]) -> str:
    return ", ".join(codes) if len(codes) <= 4 else f"{', '.join(codes[:3])} and {len(codes) - 3} more"


def _first_of(sentences: Iterator[str]) -> list[str]:
    """Return the first sentences and how many more there are."""
    found = list(sentences)
    more = len(found) - MOST_SAID
    return [*found[:MOST_SAID], *([f"{more} more of this kind."] if more > 0 else [])]
