"""The page of aggressors: sessions of screening entered as a table, the rule's verdict, rest and retirement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from labdb.defeat.aggressor_facts import AggressorFacts, all_facts, newest_rule
from labdb.defeat.models import Aggressor, AggressorScreening, ScreeningRule
from labdb.defeat.screening import Verdict
from labdb.registry.entry import reason_of
from labdb.registry.forms import Conflict, complete, forbidden_sentence, form_for
from labdb.registry.history import writing
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import import_rows
from labdb.registry.permissions import may
from labdb.registry.record import record_for

HEADER = ("aggressor", "series", "day", "performed_at", "latency_s", "attacks")
NO_ATTACK = ("-", "–", "no", "none")  # typed in place of a latency


@dataclass
class Cell:
    """One session in the table: what is shown, and what is wrong with it."""

    aggressor: Aggressor
    series: int
    day: int
    stored: AggressorScreening | None
    latency: str
    attacks: str
    does_count: bool = False
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shown_latency, self.shown_attacks = self.latency, self.attacks

    @property
    def name(self) -> str:
        """What its fields are called in the form."""
        return f"{self.aggressor.pk}-{self.day}"


@dataclass
class Row:
    """One aggressor with its sessions."""

    facts: AggressorFacts
    series: int
    cells: list[Cell]


@require_http_methods(["GET", "HEAD", "POST"])
def screening(request: HttpRequest) -> HttpResponse:
    """Show the table, and store the sessions that were entered or changed in it, all or none."""
    if not may(request.user, "view", Aggressor):
        raise PermissionDenied(forbidden_sentence("view", Aggressor))
    rule = _rule(request)
    rows = _rows(request, rule)
    report = None
    if request.method == "POST":
        if "accept" in request.POST:
            return _accept(request, rows, rule)
        typed = list(_typed(request, rows))
        if not typed:
            messages.info(request, "No session was entered or changed.")
            return redirect(request.get_full_path())
        report = _store(request, typed)
        if report.is_stored:
            messages.success(request, f"{len(typed)} session{'s' if len(typed) > 1 else ''} saved.")
            return redirect(request.get_full_path())
        for error in report.errors:
            typed[error.line - 1].errors.append(error.sentence)
    return render(request, "defeat/screening.html", _words(request, rule, rows, report))


def _rule(request: HttpRequest) -> ScreeningRule | None:
    asked = request.GET.get("rule", "")
    found = ScreeningRule.objects.filter(pk=asked).first() if asked.isdecimal() and len(asked) < 10 else None
    return found or newest_rule()


def _rows(request: HttpRequest, rule: ScreeningRule | None) -> list[Row]:
    facts = [one for one in all_facts(rule) if "retired" in request.GET or not _is_retired(one.aggressor)]
    n_days = max([rule.sessions if rule else 3, *(day for one in facts for day in one.sessions)])
    again = set(request.GET.getlist("again"))
    rows = []
    for one in facts:
        is_anew = one.code in again and bool(one.sessions)
        series, sessions = (one.series + 1, {}) if is_anew else (one.series, one.sessions)
        counting = one.judgment.counting
        cells = [_cell(one.aggressor, series, day, sessions.get(day), counting) for day in range(1, n_days + 1)]
        rows.append(Row(one, series, cells))
    return rows


def _is_retired(aggressor: Aggressor) -> bool:
    return aggressor.retired_date is not None and aggressor.retired_date <= timezone.localdate()


def _cell(
    aggressor: Aggressor, series: int, day: int, stored: AggressorScreening | None, counting: frozenset[int]
) -> Cell:
    if stored is None:
        return Cell(aggressor, series, day, None, "", "")
    latency = f"{stored.latency_s:g}" if stored.latency_s is not None else ("-" if stored.attacks == 0 else "")
    attacks = "" if stored.attacks is None else str(stored.attacks)
    return Cell(aggressor, series, day, stored, latency, attacks, does_count=day in counting)


def _typed(request: HttpRequest, rows: Sequence[Row]) -> Iterator[Cell]:
    """Yield the sessions in which something else stands than was shown, and put it into the table."""
    for row in rows:
        for cell in row.cells:
            now = [request.POST.get(f"{what}-{cell.name}", "").strip() for what in ("latency", "attacks")]
            shown = [request.POST.get(f"was-{what}-{cell.name}", "") for what in ("latency", "attacks")]
            if now != shown:
                cell.latency, cell.attacks = now
                yield cell


def _store(request: HttpRequest, typed: Sequence[Cell]) -> ImportReport:
    lines = [(number, _texts(request, cell)) for number, cell in enumerate(typed, start=1)]
    return import_rows(
        record_for(AggressorScreening), HEADER, lines, user=request.user, reason=reason_of(request), door="web"
    )


def _texts(request: HttpRequest, cell: Cell) -> list[str]:
    if cell.stored is not None:
        at = cell.stored.performed_at.isoformat() if cell.stored.performed_at else ""
    else:
        at = request.POST.get(f"at-{cell.day}", "").strip()
    latency, attacks = cell.latency, cell.attacks
    if latency.casefold() in NO_ATTACK:
        latency, attacks = "", attacks or "0"
    return [cell.aggressor.code, str(cell.series), str(cell.day), at, latency, attacks]


def _accept(request: HttpRequest, rows: Sequence[Row], rule: ScreeningRule | None) -> HttpResponse:
    """Write what the rule says of each session of a series that it has decided."""
    lines: list[tuple[int, list[str]]] = []
    for row in rows:
        if row.facts.judgment.verdict == Verdict.OPEN or row.series != row.facts.series:
            continue
        for day, session in row.facts.sessions.items():
            says = day in row.facts.judgment.counting
            if session.passed is not says:
                lines.append((len(lines) + 1, [row.facts.code, str(row.series), str(day), "yes" if says else "no"]))
    if not lines:
        messages.info(request, "Every decided session says already what the rule says.")
        return redirect(request.get_full_path())
    record, header = record_for(AggressorScreening), ("aggressor", "series", "day", "passed")
    report = import_rows(record, header, lines, user=request.user, reason=f"by the rule: {rule}", door="web")
    if report.is_stored:
        messages.success(request, f"{len(lines)} sessions judged by the rule: {rule}.")
    else:
        messages.error(request, report.refusals()[0].sentence)
    return redirect(request.get_full_path())


def _words(
    request: HttpRequest, rule: ScreeningRule | None, rows: list[Row], report: ImportReport | None
) -> dict[str, Any]:
    n_days = len(rows[0].cells) if rows else 0
    verdicts = [row.facts.judgment.verdict for row in rows]
    now = timezone.localtime().strftime("%Y-%m-%dT%H:%M")
    return {
        "rows": rows,
        "days": [(day, request.POST.get(f"at-{day}", now)) for day in range(1, n_days + 1)],
        "rule": rule,
        "rules": ScreeningRule.objects.order_by("-pk"),
        "counts": [(verdict, verdicts.count(verdict)) for verdict in Verdict],
        "errors": [(cell, said) for row in rows for cell in row.cells for said in cell.errors],
        "warnings": report.warnings if report and report.lacks_reason else (),
        "reason": reason_of(request),
        "with_retired": "retired" in request.GET,
        "may_enter": may(request.user, "add", AggressorScreening) and may(request.user, "change", AggressorScreening),
        "may_change": may(request.user, "change", Aggressor),
        "may_add": may(request.user, "add", Aggressor),
    }


@require_POST
def aggressor_state(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an aggressor rest, retire it, or bring it back."""
    row = get_object_or_404(Aggressor.objects.all().visible_to(request.user), pk=pk)
    today = timezone.localdate()
    in_use = {"is_resting": "no", "resting_from": "", "resting_until": "", "retired_date": ""}
    states = {
        "rest": {**in_use, "is_resting": "yes", "resting_from": str(today)},
        "retire": {**in_use, "retired_date": str(today)},
        "back": in_use,
    }
    asked, version = request.POST.get("state", ""), request.POST.get("version", "")
    if asked not in states or not (version.isdecimal() and len(version) < 10):
        messages.error(request, "The page did not say what to do; reload it and tap again.")
        return redirect("defeat-screening")
    record = record_for(Aggressor)
    form = form_for(record)(
        complete(states[asked], record, row), user=request.user, instance=row, reason=reason_of(request)
    )
    words = {"rest": "rests from today", "retire": "is retired from today", "back": "is in use again"}
    if not form.is_valid():
        messages.error(request, str(next(said for some in form.errors.values() for said in some)))
    else:
        try:
            with writing(user=request.user, door="web", reason=reason_of(request) or words[asked]):
                form.save(expected_version=int(version))
            messages.success(request, f"{row} {words[asked]}.")
        except Conflict as conflict:
            messages.error(request, str(conflict))
    return redirect(f"{reverse('defeat-screening')}{_kept_query(request)}#aggressor-{pk}")


def _kept_query(request: HttpRequest) -> str:
    return "?retired=yes" if request.POST.get("retired") else ""
