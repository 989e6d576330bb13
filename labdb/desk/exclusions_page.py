"""Everything of a study that analyses leave out, on one page: mice, tests and samples."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.text import capfirst
from django.views.decorators.http import require_GET

from analysis.links import storable
from labdb.colony.excludable import Excludable
from labdb.colony.models import Exclusion, Study
from labdb.registry.record import all_records, record_for


@dataclass(frozen=True)
class Excluded:
    """One thing that is left out."""

    kind: str
    what: str
    criterion: str
    is_a_priori: bool | None
    who: str
    at: datetime | None
    url: str


@require_GET
def exclusions(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of a study's exclusions."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    rows = [*_mice(study, request.user), *_tests_and_samples(study, request.user)]
    return render(request, "desk/exclusions.html", {"study": study, "rows": rows})


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
        at = row.decided_at or row.created_at
        yield Excluded(
            "Mouse", str(row.mouse), row.criterion, row.is_a_priori, _name(row.decided_by), at, _url(Exclusion, row)
        )


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
                _name(row.excluded_by),
                since.get(row.pk),
                _url(model, row),
            )


def _since(model: Any, rows: list[Any]) -> dict[int, datetime]:
    """Return when each row was first excluded, by its history."""
    events = model._meta.get_field("events").related_model.objects.filter(pgh_obj__in=rows)
    excluded = events.exclude(exclusion_criterion="").order_by().values_list("pgh_obj_id")
    return dict(excluded.annotate(since=Min("pgh_created_at")))


def _name(account: Any) -> str:
    return str(account) if account else ""


def _url(model: Any, row: Any) -> str:
    return reverse("record-detail", args=[record_for(model).resource, row.pk])
