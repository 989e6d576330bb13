"""The page from which a study is taken away, and its wide tables to look at."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from analysis.links import storable
from analysis.wide_table_rest import file_of, rows_between, table_of
from analysis.wide_tables import TABLES
from labdb.colony.models import Study
from labdb.registry.cells import UNKNOWN, number_text
from labdb.registry.exports import export_choices
from labdb.registry.left_out import NO
from labdb.registry.rest_answers import Refused
from labdb.sequencing.models import CountMatrix

SHOWN_ROWS = 20
CSV_IS = "for any program"
COUNT_FILES = (
    ("for R", "tables with samples, designs and a script", "zip"),
    ("h5ad", "for scverse: counts, samples, genes and provenance", "h5ad"),
    ("Parquet", "genes x libraries", "parquet"),
    ("CSV.gz", "genes x libraries; can be imported again", "csv.gz"),
    ("MTX", "matrix, features and barcodes as 10x writes them", "mtx.zip"),
)


@dataclass(frozen=True)
class Shown:
    """A value as a page shows it."""

    text: str
    is_number: bool = False


@require_GET
def take_away(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page with all files of a study."""
    study = _study(request, code)
    matrices = CountMatrix.objects.visible_to(request.user).filter(study=study).order_by("-pk")
    tables = [
        {
            "title": title,
            "about": about,
            "url": (url := _url(study, name)),
            "exports": export_choices(f"{url}?", "", CSV_IS),
        }
        for name, (title, about, _make) in TABLES.items()
    ]
    files = [
        (
            matrix,
            [(label, about, reverse("matrix-export", args=[matrix.pk, kind])) for label, about, kind in COUNT_FILES],
        )
        for matrix in matrices
    ]
    return render(request, "analysis/take_away.html", {"study": study, "tables": tables, "matrices": files})


@require_GET
def wide_table(request: HttpRequest, code: str, name: str) -> HttpResponseBase:
    """Show the first rows of a wide table, or send all of them as a file."""
    study = _study(request, code)
    if name not in TABLES:
        raise Http404(f"There is no table {name}; there are {', '.join(TABLES)}.")
    title, about, _make = TABLES[name]
    context: dict[str, Any] = {"study": study, "title": title, "about": about}
    try:
        table = table_of(name, study, request.user, request.GET)
        if request.GET.get("export"):
            return file_of(name, table, study, request.GET, request)
    except Refused as refused:
        errors: Any = refused.detail
        context["sentences"] = [said for some in errors.values() for said in some]
        return render(request, "analysis/wide_table.html", context, status=refused.status_code)
    except ValidationError as error:
        context["sentences"] = error.messages
        return render(request, "analysis/wide_table.html", context, status=400)
    query = {key: value for key, value in request.GET.items() if key != "export" and value not in NO}
    context |= {
        "headings": [column.name for column in table.columns],
        "rows": [[_shown(value) for value in row.values()] for row in rows_between(table, 0, SHOWN_ROWS)],
        "count": f"{table.rows.count():,}",
        "runs": [(what.replace("_", " "), run) for what, run in table.runs.items()],
        "notes": table.notes,
        "exports": export_choices(f"{_url(study, name)}?", urlencode(query), CSV_IS),
    }
    return render(request, "analysis/wide_table.html", context)


def _shown(value: Any) -> Shown:
    if value in (None, ""):
        return Shown(UNKNOWN)
    if isinstance(value, bool):
        return Shown("yes" if value else "no")
    if isinstance(value, float):
        return Shown(number_text(value), is_number=True)
    return Shown(str(value), is_number=isinstance(value, int))


def _study(request: HttpRequest, code: str) -> Study:
    found: Study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    return found


def _url(study: Study, name: str) -> str:
    return reverse("wide-table", args=[study.code, name])
