"""Everything of a study that analyses leave out, on one page: mice, tests and samples, each with its criterion."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.text import capfirst
from django.views.decorators.http import require_GET

from analysis.figure_views import file_name
from analysis.links import storable
from labdb.colony.excludable import Excludable
from labdb.colony.models import Exclusion, Study
from labdb.registry.record import all_records, record_for

ANSWERS = {True: "yes", False: "no", None: "unknown"}
CSV_HEADER = ("kind", "what", "criterion", "set_a_priori", "decided_blind", "excluded_by", "excluded_at", "unblinded")


@dataclass(frozen=True)
class Excluded:
    """One thing that is left out."""

    kind: str
    what: str
    criterion: str
    is_a_priori: bool | None
    is_blind: bool | None
    who: str
    at: datetime | None
    url: str
    is_unblinded: bool = False  # entered when the study, or this mouse, was unblinded

    @property
    def a_priori(self) -> str:
        """Whether the criterion was set before any result was seen: yes, no or unknown."""
        return ANSWERS[self.is_a_priori]

    @property
    def blind(self) -> str:
        """Whether who decided knew neither group nor treatment: yes, no or unknown."""
        return ANSWERS[self.is_blind]

    @property
    def unblinded(self) -> str:
        """Whether it was entered after an unblinding: yes or no."""
        return ANSWERS[self.is_unblinded]

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of the CSV file."""
        at = self.at.isoformat(timespec="seconds") if self.at else ""
        return (self.kind, self.what, self.criterion, self.a_priori, self.blind, self.who, at, self.unblinded)


@dataclass(frozen=True)
class Filter:
    """One choice above the table."""

    name: str
    label: str
    chosen: str
    choices: tuple[str, ...]


@require_GET
def exclusions(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of a study's exclusions, those that ``?kind=&a_priori=&blind=`` select; ``?export=csv`` the file."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    rows = excluded_rows(study, request.user)
    filters = _filters(request, rows)
    shown = [row for row in rows if all(getattr(row, one.name) == one.chosen for one in filters if one.chosen)]
    if request.GET.get("export") == "csv":
        return _file(study, shown)
    chosen = {one.name: one.chosen for one in filters if one.chosen}
    words = {
        "study": study,
        "rows": shown,
        "n_all": len(rows),
        "filters": filters,
        "is_filtered": bool(chosen),
        "counts": _counts(shown),
        "export_url": f"?{urlencode({**chosen, 'export': 'csv'})}",
    }
    return render(request, "desk/exclusions.html", words)


def excluded_rows(study: Study, user: Any) -> list[Excluded]:
    """Return everything of a study that is left out."""
    return [*_mice(study, user), *_tests_and_samples(study, user)]


def _filters(request: HttpRequest, rows: list[Excluded]) -> list[Filter]:
    """Return the choices; one that the address names and nobody knows selects nothing and is shown."""
    kinds = tuple(dict.fromkeys(row.kind for row in rows))
    offered = (
        ("kind", "Kind", kinds),
        ("a_priori", "Criterion set a priori", tuple(ANSWERS.values())),
        ("blind", "Decided blind", tuple(ANSWERS.values())),
    )
    return [Filter(name, label, request.GET.get(name, ""), choices) for name, label, choices in offered]


def _counts(rows: list[Excluded]) -> list[tuple[str, str, int]]:
    """Return how many of each kind are left out by each criterion, most first."""
    counts = Counter((row.kind, row.criterion) for row in rows)
    return [(kind, criterion, n) for (kind, criterion), n in counts.most_common()]


def _file(study: Study, rows: list[Excluded]) -> HttpResponse:
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{file_name("exclusions", study.code)}.csv"'
    writer = csv.writer(answer)
    writer.writerow(CSV_HEADER)
    writer.writerows(row.cells for row in rows)
    return answer


def excluded_models() -> list[Any]:
    """Return the models whose rows say themselves that they are left out."""
    return [record.model for record in all_records() if issubclass(record.model, Excludable)]


def n_exclusions(study: Study, user: Any) -> int:
    """Return how many rows the page of exclusions has."""
    found = [Exclusion.objects.visible_to(user), *(_excluded(model, user) for model in excluded_models())]
    return sum(rows.filter(study=study).count() for rows in found)


def _excluded(model: Any, user: Any) -> Any:
    return model.objects.visible_to(user).exclude(exclusion_criterion="")


def _mice(study: Study, user: Any) -> Iterator[Excluded]:
    rows = Exclusion.objects.visible_to(user).filter(study=study).select_related("mouse", "decided_by")
    for row in rows.order_by("mouse__code", "criterion"):
        yield Excluded(
            "Mouse", str(row.mouse), row.criterion, row.is_a_priori, row.is_blind, _name(row.decided_by),
            row.decided_at or row.created_at, _url(Exclusion, row), _is_after(row.created_at, study, row.mouse),
        )  # fmt: skip


def _tests_and_samples(study: Study, user: Any) -> Iterator[Excluded]:
    for model in excluded_models():
        named_by = [field.name for field in model._meta.fields if field.many_to_one and not field.null]
        rows = list(_excluded(model, user).filter(study=study).select_related("excluded_by", *named_by))
        since = _since(model, rows)
        for row in rows:
            yield Excluded(
                str(capfirst(model._meta.verbose_name)),
                str(row),
                row.exclusion_criterion,
                row.is_exclusion_a_priori,
                row.is_exclusion_blind,
                _name(row.excluded_by),
                since.get(row.pk),
                _url(model, row),
                _is_after(since.get(row.pk), study, getattr(row, "mouse", None)),
            )


def _is_after(at: datetime | None, study: Study, mouse: Any) -> bool:
    """Whether an exclusion was entered when its study, or its mouse, had been unblinded."""
    lifted = [one for one in (study.unblinded_at, mouse.unblinded_at if mouse else None) if one]
    return at is not None and any(at > one for one in lifted)


def _since(model: Any, rows: list[Any]) -> dict[int, datetime]:
    """Return when each row was first excluded, by its history."""
    events = model._meta.get_field("events").related_model.objects.filter(pgh_obj__in=rows)
    excluded = events.exclude(exclusion_criterion="").order_by().values_list("pgh_obj_id")
    return dict(excluded.annotate(since=Min("pgh_created_at")))


def _name(account: Any) -> str:
    return str(account) if account else ""


def _url(model: Any, row: Any) -> str:
    return reverse("record-detail", args=[record_for(model).resource, row.pk])
