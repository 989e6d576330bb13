"""The line from a mouse to its counts, both ways: whatever is asked for, all that it comes from and all made of it.

A handful of queries, however many tubes there are.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from django.urls import reverse
from django.utils import timezone

from labdb.colony.models import Mouse
from labdb.registry.natural_order import natural
from labdb.sequencing.library_facts import lane_names
from labdb.sequencing.models import (
    ExtractionSample,
    Library,
    LibraryCounts,
    LibraryExtraction,
    LibraryRun,
    RnaExtraction,
)
from labdb.tissue.models import TissueSample

MOST_SHOWN = 200  # ways; a pool of hundreds is looked at in its list


@dataclass(frozen=True)
class Stop:
    """One record on the line: its name, where it leads, whether it is the one whose page this is."""

    name: str
    url: str = ""
    details: str = ""
    is_here: bool = False
    is_excluded: bool = False


@dataclass
class Way:
    """One way from a sample to counts; a stop that the way above has too is not said again."""

    mouse: Stop | None = None
    dissection: Stop | None = None
    sample: Stop | None = None
    extraction: Stop | None = None
    library: Stop | None = None
    lanes: list[Stop] = field(default_factory=list)
    matrices: list[Stop] = field(default_factory=list)


@dataclass(frozen=True)
class Line:
    """All ways, and what is worth a sentence."""

    ways: list[Way]
    n_more: int
    notes: list[str]


class _Rows:
    """The records of a line, as far as the account may see them."""

    def __init__(self, row: Any, user: Any) -> None:
        self.row, self.user = row, user
        samples = self._first_samples()
        inputs = self._seen(ExtractionSample).select_related("sample")
        extractions = {one.extraction_id for one in inputs.filter(sample__in=samples)}
        if isinstance(row, RnaExtraction):
            extractions.add(row.pk)
        if isinstance(row, Library):
            extractions |= {one.extraction_id for one in self._seen(LibraryExtraction).filter(library=row)}
        self.inputs = list(inputs.filter(extraction__in=extractions))
        samples |= {one.sample_id for one in self.inputs}
        found = self._seen(TissueSample).filter(pk__in=samples)
        self.samples = {
            one.pk: one for one in found.select_related("mouse__study", "region", "dissection", "box", "study")
        }
        self.extractions = self._seen(RnaExtraction).in_bulk(extractions)
        self.library_inputs = list(self._seen(LibraryExtraction).filter(extraction__in=extractions))
        libraries = {one.library_id for one in self.library_inputs} | ({row.pk} if isinstance(row, Library) else set())
        self.libraries = self._seen(Library).in_bulk(libraries)
        self.lanes: dict[int, list[LibraryRun]] = defaultdict(list)
        for lane in (
            self._seen(LibraryRun).filter(library__in=libraries).select_related("run").order_by("run__code", "lane")
        ):
            self.lanes[lane.library_id].append(lane)
        self.matrices: dict[int, list[tuple[int, str]]] = defaultdict(list)
        blocks = LibraryCounts.objects.filter(library__in=self.libraries).order_by("matrix")
        for library, pk, code in blocks.values_list("library_id", "matrix_id", "matrix__code"):
            self.matrices[library].append((pk, code))

    def _seen(self, model: Any) -> Any:
        return model.objects.filter(study=self.row.study_id).visible_to(self.user)

    def _first_samples(self) -> set[int]:
        """Return the samples that the record itself leads to."""
        row, path = self.row, {}
        if isinstance(row, TissueSample):
            path = {"pk": row.pk}
        elif isinstance(row, RnaExtraction):
            path = {"extractions": row.pk}
        elif isinstance(row, Library):
            path = {"extractions__libraries": row.pk}
        elif isinstance(row, Mouse):
            path = {"mouse": row.pk}
        return set(self._seen(TissueSample).filter(**path).values_list("pk", flat=True)) if path else set()


def line_of(row: Any, user: Any) -> Line:
    """Return the line of a mouse, a tissue sample, an extraction or a library."""
    rows = _Rows(row, user)
    ways = [
        (sample, extraction, library)
        for sample, extraction in _pairs(rows)
        for library in _libraries_of(rows, extraction)
    ]
    stops = [_way(rows, *way) for way in ways[:MOST_SHOWN]]
    return Line(_said_once(stops), max(0, len(ways) - MOST_SHOWN), list(_notes(rows)))


def _pairs(rows: _Rows) -> list[tuple[Any, Any]]:
    """Return sample and extraction in natural order; None where there is no such."""
    inputs: dict[int, list[int]] = defaultdict(list)
    for one in rows.inputs:
        inputs[one.sample_id].append(one.extraction_id)
    pairs: list[tuple[Any, Any]] = []
    for sample in sorted(rows.samples.values(), key=lambda one: (one.region.code, natural(one.code))):
        made = [rows.extractions[pk] for pk in inputs[sample.pk] if pk in rows.extractions]
        pairs += [(sample, one) for one in sorted(made, key=lambda one: natural(one.code))] or [(sample, None)]
    used = {pk for some in inputs.values() for pk in some}
    pairs += [(None, one) for pk, one in rows.extractions.items() if pk not in used]
    return pairs or ([(None, None)] if isinstance(rows.row, Library) else [])


def _libraries_of(rows: _Rows, extraction: Any) -> list[Any]:
    if extraction is None:
        return [rows.row] if isinstance(rows.row, Library) and not rows.extractions else [None]
    made = [rows.libraries.get(one.library_id) for one in rows.library_inputs if one.extraction_id == extraction.pk]
    return sorted(filter(None, made), key=lambda one: natural(one.code)) or [None]


def _way(rows: _Rows, sample: Any, extraction: Any, library: Any) -> Way:
    way = Way()
    if sample is not None:
        mouse = sample.mouse
        url = reverse("mouse-page", args=[mouse.study.code, mouse.code])
        way.mouse = Stop(mouse.code, url, is_here=mouse == rows.row)
        way.dissection = _dissected(sample)
        excluded = f"excluded: {sample.exclusion_criterion}" if sample.exclusion_criterion else ""
        details = ", ".join(filter(None, [sample.region.code, _left_of_sample(rows, sample), excluded]))
        way.sample = _stop(rows, sample, "tissue-samples", details, is_excluded=bool(excluded))
    if extraction is not None:
        way.extraction = _stop(rows, extraction, "rna-extractions", _of_extraction(rows, extraction))
    if library is not None:
        pool = f"pool {library.pool}" if library.pool else "no pool"
        way.library = _stop(rows, library, "libraries", pool)
        for run in dict.fromkeys(lane.run for lane in rows.lanes[library.pk]):
            lanes = [lane for lane in rows.lanes[library.pk] if lane.run_id == run.pk]
            name = lane_names((run.code, lane.lane) for lane in lanes)
            way.lanes.append(Stop(name, reverse("record-detail", args=["sequencing-runs", run.pk]), _reads(lanes)))
        way.matrices = [
            Stop(code, reverse("record-detail", args=["count-matrices", pk])) for pk, code in rows.matrices[library.pk]
        ]
    return way


def _stop(rows: _Rows, row: Any, resource: str, details: str, *, is_excluded: bool = False) -> Stop:
    is_here = type(row) is type(rows.row) and row.pk == rows.row.pk
    return Stop(row.code, reverse("record-detail", args=[resource, row.pk]), details, is_here, is_excluded)


def _dissected(sample: Any) -> Stop | None:
    if sample.dissection is None:
        return None
    at = sample.dissection.performed_at
    url = reverse("record-detail", args=["dissections", sample.dissection_id])
    return Stop(f"{timezone.localdate(at):%Y-%m-%d}" if at else "day not known", url)


def _left_of_sample(rows: _Rows, sample: Any) -> str:
    own = [one for one in rows.inputs if one.sample_id == sample.pk]
    if any(one.is_used_up for one in own):
        return "used up"
    place = f"box {sample.box.code} {sample.position}" if sample.box and sample.position else ""
    used = sum(one.amount_used_mg or 0 for one in own)
    return ", ".join(filter(None, [place, f"{used:g} mg used" if used else ""]))


def _of_extraction(rows: _Rows, extraction: Any) -> str:
    used = sum(one.volume_used_ul or 0 for one in rows.library_inputs if one.extraction_id == extraction.pk)
    left = (
        f"{max(0.0, extraction.volume_ul - used):g} of {extraction.volume_ul:g} ul left" if extraction.volume_ul else ""
    )
    rin = f"RIN {extraction.rin:g}" if extraction.rin is not None else ""
    return ", ".join(filter(None, [rin, left]))


def _reads(lanes: Iterable[LibraryRun]) -> str:
    received = [one.received_reads_million for one in lanes if one.received_reads_million is not None]
    return f"{sum(received):g} million reads" if received else ""


def _said_once(ways: list[Way]) -> list[Way]:
    """Empty what the way above says too, from the mouse on as far as they go together."""
    before = Way()
    said = []
    for way in ways:
        shown = replace(way)
        for name in ("mouse", "dissection", "sample", "extraction"):
            if getattr(way, name) != getattr(before, name):
                break
            setattr(shown, name, None)
        before = way
        said.append(shown)
    return said


def _notes(rows: _Rows) -> Iterable[str]:
    """Say where tubes were pooled or split."""
    samples: dict[int, list[str]] = defaultdict(list)
    for one in rows.inputs:
        samples[one.extraction_id].append(one.sample.code)
    for pk, codes in samples.items():
        if len(codes) > 1 and pk in rows.extractions:
            yield f"{rows.extractions[pk]} is pooled from {', '.join(sorted(codes, key=natural))}."
    libraries: dict[int, list[str]] = defaultdict(list)
    for one in rows.library_inputs:
        if one.library_id in rows.libraries:
            libraries[one.extraction_id].append(rows.libraries[one.library_id].code)
    for pk, codes in libraries.items():
        if len(codes) > 1:
            yield f"{rows.extractions[pk]} was split into {', '.join(sorted(codes, key=natural))}."
