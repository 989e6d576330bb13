"""Files of TapeStation, Bioanalyzer, Qubit and NanoDrop: what they say of which extraction, old beside new, then stored."""

from collections import defaultdict
from dataclasses import dataclass, field

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from labdb.colony.models import Study
from labdb.registry.forms import forbidden_sentence
from labdb.registry.import_log import Source
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import import_rows
from labdb.registry.keys import KeyRing
from labdb.registry.permissions import may
from labdb.registry.record import record_for
from labdb.registry.rules import plain_number
from labdb.registry.uploads import KeptFile, UploadError, forget, keep, recall
from labdb.sequencing.models import RnaExtraction
from labdb.sequencing.rna_files.cells import Reading, RnaFile, RnaFileError
from labdb.sequencing.rna_files.detect import INSTRUMENTS, read_rna_file
from labdb.sequencing.rna_matching import match_tubes

LABELS = {
    "rin": "RIN", "rna_conc_ng_per_ul": "Concentration (ng/ul)", "ratio_260_280": "260/280", "dv200_percent": "DV200 (%)",
}  # fmt: skip
MOST_OFFERED = 5_000  # extractions in the list that completes what is typed


@dataclass
class TubeRow:
    """One line of the file: which extraction it is, and what would change."""

    reading: Reading
    typed: str
    extraction: RnaExtraction | None = None
    by: str = ""
    is_left_out: bool = False
    errors: list[str] = field(default_factory=list)

    def change_of(self, name: str) -> tuple[str, str]:
        """Return the stored value and the new one, as texts; the new one is empty where the file has none."""
        old = getattr(self.extraction, name) if self.extraction else None
        new = self.reading.values.get(name)
        return tuple("" if one is None else plain_number(one) for one in (old, new))  # type: ignore[return-value]


@require_http_methods(["GET", "HEAD", "POST"])
def rna_quality(request: HttpRequest, code: str) -> HttpResponse:
    """Check a file without storing anything, then store it."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    if not may(request.user, "change", RnaExtraction, study):
        raise PermissionDenied(forbidden_sentence("change", RnaExtraction, study))
    page = RnaQualityPage(request, study)
    return page.answer() if request.method == "POST" else page.show()


class RnaQualityPage:
    """One request to the page: the file, its lines, and what storing them would do."""

    def __init__(self, request: HttpRequest, study: Study) -> None:
        self.request, self.study = request, study
        self.kept: KeptFile | None = None
        self.found: RnaFile | None = None
        self.rows: list[TubeRow] = []
        self.sentences: list[str] = []
        self.report: ImportReport | None = None

    @property
    def reason(self) -> str:
        """Why values are replaced."""
        return self.request.POST.get("reason", "").replace("\0", "").strip()[:500]

    @property
    def wanted(self) -> list[TubeRow]:
        """The lines that are to be stored."""
        return [row for row in self.rows if not row.is_left_out]

    @property
    def fields(self) -> list[str]:
        """The fields that the file has values of."""
        return [name for name in LABELS if any(name in row.reading.values for row in self.rows)]

    def answer(self) -> HttpResponse:
        """Check what was sent, and store it if that was asked for."""
        try:
            self._receive()
            assert self.kept is not None
            self.found = read_rna_file(self.kept.data, self.kept.name)
        except (UploadError, RnaFileError) as error:
            self.sentences.append(str(error))
            return self.show(status=400)
        self._match()
        n_errors = sum(bool(row.errors) for row in self.wanted)
        if n_errors or not self.wanted:
            return self.show()
        self.report = self._store(dry_run=self.request.POST.get("step") != "save")
        if not self.report.is_stored:
            self._say_refusals(self.report)
            return self.show()
        forget(self.kept)
        messages.success(self.request, _stored_sentence(self.report, self.found.instrument))
        return redirect("rna-quality", self.study.code)

    def _receive(self) -> None:
        if upload := self.request.FILES.get("file"):
            self.kept = keep(upload.read(), (upload.name or "file").replace("\0", ""), self.request.user)
        elif token := self.request.POST.get("token", ""):
            self.kept = recall(token, self.request.user)
        else:
            raise UploadError("Nothing was sent; choose the file of an instrument.")

    def _match(self) -> None:
        """Find the extraction of each line: by what was typed beside it, else by its own name."""
        assert self.found is not None
        is_new = "file" in self.request.FILES
        matches = match_tubes([one.name for one in self.found.readings], self.study, self.request.user)
        ring = KeyRing(self.request.user)
        for reading in self.found.readings:
            typed = "" if is_new else self.request.POST.get(f"extraction-{reading.line}", "").strip()
            row = TubeRow(
                reading, typed, is_left_out=bool(self.request.POST.get(f"leave-{reading.line}")) and not is_new
            )
            match = matches.get(reading.name)
            if match is not None and match.extraction is not None and typed in ("", match.extraction.code):
                row.extraction, row.by = match.extraction, match.by
            elif typed:
                self._find_typed(row, ring)
            else:
                row.errors.append(
                    f"No extraction is called {reading.name}, or more than one; enter which it is, or leave the line out."
                    if reading.name
                    else "The line names no sample; enter which extraction it is, or leave the line out."
                )
            row.errors += reading.errors
            if not reading.values and not row.errors:
                row.is_left_out = True
            self.rows.append(row)
        self._refuse_twice()

    def _find_typed(self, row: TubeRow, ring: KeyRing) -> None:
        try:
            row.extraction, row.by = ring.find(RnaExtraction, row.typed, self.study), "by hand"
        except ValidationError as error:
            row.errors.append(error.messages[0])

    def _refuse_twice(self) -> None:
        lines: dict[int, list[int]] = defaultdict(list)
        for row in self.wanted:
            if row.extraction is not None:
                lines[row.extraction.pk].append(row.reading.line)
        for row in self.wanted:
            others = [line for line in lines[row.extraction.pk] if line != row.reading.line] if row.extraction else []
            if others:
                row.errors.append(
                    f"{row.extraction} has another line ({', '.join(map(str, others))}); leave one of them out."
                )

    def _store(self, *, dry_run: bool) -> ImportReport:
        """Store through the import engine; where the file has no value the stored one is sent, so that it stays."""
        assert self.kept is not None
        names = self.fields
        rows = []
        for row in self.wanted:
            assert row.extraction is not None
            changes = [row.change_of(name) for name in names]
            rows.append((row.reading.line, [row.extraction.code, *(new or old for old, new in changes)]))
        return import_rows(
            record_for(RnaExtraction), ["code", *names], rows, user=self.request.user, study=self.study,
            reason=self.reason, dry_run=dry_run, door="web import", source=Source.of(self.kept.data, self.kept.name),
        )  # fmt: skip

    def _say_refusals(self, report: ImportReport) -> None:
        by_line = {row.reading.line: row for row in self.rows}
        for error in report.errors:
            row = by_line.get(error.line)
            (row.errors if row is not None else self.sentences).append(error.sentence)

    def show(self, *, status: int = 200) -> HttpResponse:
        """Show the form, and below it each line of the file."""
        codes = (
            RnaExtraction.objects.filter(study=self.study).visible_to(self.request.user).values_list("code", flat=True)
        )
        names = self.fields
        has_errors = any(row.errors for row in self.wanted) or bool(self.report and self.report.errors)
        words = {
            "study": self.study,
            "instruments": INSTRUMENTS,
            "sentences": self.sentences,
            "token": self.kept.token({}) if self.kept and self.found else "",
            "kept": self.kept,
            "found": self.found,
            "labels": [LABELS[name] for name in names],
            "rows": [(row, [row.change_of(name) for name in names]) for row in self.rows],
            "codes": list(codes.order_by("code")[:MOST_OFFERED]) if self.rows else [],
            "may_store": bool(self.report) and not has_errors and bool(self.report and self.report.changed),
            "report": self.report,
            "reason": self.reason,
            "n_errors": sum(bool(row.errors) for row in self.wanted),
            "n_columns": len(names) + 4,
        }
        return render(self.request, "desk/rna_quality.html", words, status=status)


def _stored_sentence(report: ImportReport, instrument: str) -> str:
    log = f" Import {report.log.pk} in Records > Imports can be undone." if report.log else ""
    n = report.changed
    return f"{n} extraction{'s' if n != 1 else ''} changed by the {instrument} file, {report.unchanged} as before.{log}"
