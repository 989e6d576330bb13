"""An assay of the lab's own, with all that it measures, on one page."""

from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from labdb.behavior.models import Assay, AssayMetric
from labdb.colony.models import Study
from labdb.registry.forms import Conflict, forbidden_sentence
from labdb.registry.history import writing
from labdb.registry.imports import import_dicts
from labdb.registry.permissions import may
from labdb.registry.record import record_for

METRIC_FIELDS = {"name": "Name", "unit": "Unit", "minimum": "Least value", "maximum": "Greatest value"}
N_METRICS = 8


@dataclass
class Typed:
    """A row of the form: the assay or one of its metrics, by field, and what is wrong with it."""

    values: dict[str, str]
    number: int = 0
    errors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def cells(self) -> list[tuple[str, str, str, list[str]]]:
        """The inputs: name, label, what was typed, what is wrong."""
        return [
            (f"{name}-{self.number}", METRIC_FIELDS[name], text, self.errors.get(name, []))
            for name, text in self.values.items()
        ]


@require_http_methods(["GET", "HEAD", "POST"])
def assay_form(request: HttpRequest, code: str) -> HttpResponse:
    """Ask for an assay and its metrics, and store all of them or none."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    for model in (Assay, AssayMetric):
        if not may(request.user, "add", model):
            raise PermissionDenied(forbidden_sentence("add", model))
    sent = request.POST
    assay = Typed({name: sent.get(name, "").strip() for name in ("name", "description")})
    metrics = [
        Typed({name: sent.get(f"{name}-{number}", "").strip() for name in METRIC_FIELDS}, number)
        for number in range(1, N_METRICS + 1)
    ]
    others: list[str] = []
    if request.method == "POST":
        stored, others = _store(request.user, assay, metrics)
        if stored is not None:
            messages.success(request, f"Assay {stored} saved with its metrics.")
            return redirect("assay-entry", study.code, stored.pk)
    words = {
        "study": study,
        "assay": assay,
        "metrics": metrics,
        "labels": list(METRIC_FIELDS.values()),
        "others": others,
    }
    return render(request, "desk/assay_form.html", words, status=400 if request.method == "POST" else 200)


def _store(user: Any, assay: Typed, metrics: list[Typed]) -> tuple[Assay | None, list[str]]:
    """Store the assay, then its metrics; return it, or None and what is wrong with none of the cells."""
    typed = [one for one in metrics if any(one.values.values())]
    if not typed:
        return None, ["An assay needs something that it measures; enter a metric."]
    try:
        with transaction.atomic(), writing(user=user, door="web"):
            made = import_dicts(record_for(Assay), [assay.values], user=user, door="web")
            others = _show(made.errors, [assay])
            if not made.is_stored:
                transaction.set_rollback(True)
                return None, others
            rows = [{**one.values, "assay": made.records[0]} for one in typed]
            report = import_dicts(record_for(AssayMetric), rows, user=user, door="web")
            others += _show(report.errors, typed)
            if not report.is_stored:
                transaction.set_rollback(True)
                return None, others
    except Conflict as conflict:
        return None, [str(conflict)]
    return made.records[0], []


def _show(errors: Any, rows: list[Typed]) -> list[str]:
    """Put sentences beside their cells, and return those that have none."""
    others = []
    for error in errors:
        row = rows[error.line - 1] if 0 < error.line <= len(rows) else None
        if row is not None and error.column in row.values:
            row.errors.setdefault(error.column, []).append(error.sentence)
        else:
            others.append(error.sentence)
    return others
