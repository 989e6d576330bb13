"""One run of a sequencer: which libraries lie on which lanes, reads planned against received, the sheet for the core."""

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from labdb.desk.library_crossings import Crossing, Libraries
from labdb.registry.forms import forbidden_sentence
from labdb.registry.natural_order import natural
from labdb.registry.permissions import may
from labdb.sequencing.library_facts import LANE, POOL
from labdb.sequencing.models import Library, LibraryRun, SequencingRun
from labdb.sequencing.sample_sheet import Checked, SheetLibrary, SheetRun, check, sheet_v2
from labdb.sequencing.sra import LibraryLayout

LOW = 0.8  # of the planned reads; a core's usual promise [K]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LISTED = ("study", "library", "sample_id", "pool", "lane", "index_i7", "index_i5", "kit", "planned_reads_million")


@dataclass(frozen=True)
class LaneLine:
    """One library on one lane, planned against received."""

    lane: LibraryRun
    share_of_lane: float | None

    @property
    def of_planned(self) -> float | None:
        """Received as a share of planned."""
        planned, received = self.lane.planned_reads_million, self.lane.received_reads_million
        return received / planned if planned and received is not None else None

    @property
    def is_low(self) -> bool:
        """Whether the core owes reads."""
        return self.of_planned is not None and self.of_planned < LOW


@dataclass(frozen=True)
class LaneTotal:
    """All libraries of one lane together."""

    lane: str
    n: int
    planned: float | None
    received: float | None
    n_low: int


class Run:
    """A run as one account sees it."""

    def __init__(self, request: HttpRequest, pk: int) -> None:
        if not may(request.user, "view", Library):
            raise PermissionDenied(forbidden_sentence("view", Library, None))
        self.run = get_object_or_404(SequencingRun.objects.all().visible_to(request.user), pk=pk)
        lanes = LibraryRun.objects.filter(run=self.run)
        seen = lanes.visible_to(request.user).select_related("library", "study")
        self.lanes = sorted(seen, key=lambda one: (natural(one.lane), one.study.code, natural(one.library.code)))
        self.n_hidden = lanes.count() - len(self.lanes)

    @cached_property
    def libraries(self) -> list[SheetLibrary]:
        """What the sheet is made of."""
        return [
            SheetLibrary(one.library.code, one.lane, one.library.index_i7, one.library.index_i5, one.study.code, one.library.pool)
            for one in self.lanes
        ]  # fmt: skip

    @cached_property
    def checked(self) -> Checked:
        """What keeps the libraries out of a sheet."""
        found = check(self.libraries)
        if self.n_hidden:
            found.warnings.insert(
                0,
                f"{self.n_hidden} more librar{'y lies' if self.n_hidden == 1 else 'ies lie'} on this run, of studies that "
                "you do not see; the sheet is without them.",
            )
        return found

    def sheet(self, *, turn_i5: bool) -> str:
        """Return the sample sheet as text."""
        layouts = {one.library.library_layout for one in self.lanes}
        run = SheetRun(self.run.code, self.run.read_length_bp, LibraryLayout.PAIRED in layouts)
        return sheet_v2(run, self.libraries, turn_i5=turn_i5)

    def lines(self) -> list[LaneLine]:
        """Return the libraries, each with its share of what its lane gave."""
        totals: dict[str, float] = defaultdict(float)
        for one in self.lanes:
            totals[one.lane] += one.received_reads_million or 0
        return [
            LaneLine(one, one.received_reads_million / totals[one.lane] if one.received_reads_million else None)
            for one in self.lanes
        ]

    def totals(self) -> list[LaneTotal]:
        """Return one row per lane."""
        found = []
        for lane in dict.fromkeys(one.lane for one in self.lanes):
            some = [line for line in self.lines() if line.lane.lane == lane]
            planned = [one.lane.planned_reads_million for one in some if one.lane.planned_reads_million is not None]
            received = [one.lane.received_reads_million for one in some if one.lane.received_reads_million is not None]
            found.append(
                LaneTotal(
                    lane, len(some), sum(planned) if planned else None, sum(received) if received else None,
                    sum(one.is_low for one in some),
                )
            )  # fmt: skip
        return found

    def crossings(self, user: Any) -> list[tuple[str, list[Crossing]]]:
        """Return by study how the groups of its libraries lie in the pools and lanes of this run."""
        found = []
        for study in {one.study.pk: one.study for one in self.lanes}.values():
            lanes: dict[int, list[str]] = defaultdict(list)
            rows = {}
            for one in self.lanes:
                if one.study_id == study.pk:
                    lanes[one.library_id] += [one.lane] if one.lane else []
                    rows[one.library_id] = one.library
            places = {
                POOL: {pk: library.pool for pk, library in rows.items()},
                LANE: {pk: " + ".join(some) for pk, some in lanes.items()},
            }
            if crossed := Libraries(study, user).crossings(list(rows.values()), places):
                found.append((study.code, crossed))
        return found

    def listing(self) -> list[list[Any]]:
        """Return what a core wants to know of each library, below its headings."""
        rows: list[list[Any]] = [list(LISTED)]
        for one in self.lanes:
            library = one.library
            sample_id = self.checked.ids[one.study.code, library.code]
            rows.append(
                [
                    one.study.code, library.code, sample_id, library.pool, one.lane, library.index_i7, library.index_i5,
                    library.kit, one.planned_reads_million,
                ]
            )  # fmt: skip
        return rows


@require_safe
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a run."""
    found = Run(request, pk)
    most = max((max(one.planned_reads_million or 0, one.received_reads_million or 0) for one in found.lanes), default=0)
    rights = may(request.user, "change", LibraryRun)
    grid = f"{reverse('record-grid', args=['library-lanes'])}?{urlencode({'rows': 'stored', 'run': found.run.code})}"
    words = {
        "run": found.run,
        "lines": found.lines(),
        "totals": found.totals(),
        "crossings": found.crossings(request.user),
        "checked": found.checked,
        "most": most,
        "low_percent": round(LOW * 100),
        "grid_url": grid if rights and found.lanes else "",
        "has_i5": any(one.i5 for one in found.libraries),
    }
    return render(request, "desk/run.html", words)


@require_safe
def run_file(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Answer the sample sheet, or the plain list of libraries, as a file."""
    found = Run(request, pk)
    if name == "sample-sheet.csv":
        if found.checked.refusals:
            return HttpResponse("\n".join(found.checked.refusals), content_type="text/plain; charset=utf-8", status=409)
        body: str | bytes = found.sheet(turn_i5=request.GET.get("i5") == "turned")
        return _file(body, "text/csv; charset=utf-8", f"SampleSheet_{found.run.code}.csv")
    if name == "libraries.csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(found.listing())
        return _file(text.getvalue(), "text/csv; charset=utf-8", f"{found.run.code}_libraries.csv")
    if name == "libraries.xlsx":
        return _file(_workbook(found.listing()), XLSX, f"{found.run.code}_libraries.xlsx")
    raise Http404("There is no such file of a run; it has sample-sheet.csv, libraries.csv and libraries.xlsx.")


def _workbook(rows: list[list[Any]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("libraries")
    for row in rows:
        cells = [WriteOnlyCell(sheet, value=value) for value in row]
        for cell in cells:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # a pool called =1+1 is a word here
        sheet.append(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _file(body: str | bytes, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
