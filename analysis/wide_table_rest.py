"""`/api/v1/studies/{code}/animal-table/` and its like: a page of rows as JSON, or all of them as a file."""

import json
from typing import Any, ClassVar

from django.db import connection
from django.http import HttpRequest, HttpResponseBase, QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from analysis.links import storable
from analysis.stale_rows import STALE
from analysis.wide_tables import TABLES, TableError, WideTable
from labdb.colony.models import Mouse, Study
from labdb.registry.export_columns import ExportTable
from labdb.registry.export_formats import json_of_row
from labdb.registry.exports import table_response
from labdb.registry.filters import chosen_names
from labdb.registry.forms import forbidden_sentence
from labdb.registry.headers import WHOLE_ROW
from labdb.registry.permissions import may
from labdb.registry.rest_answers import Paging, Refused

KNOWN = ("limit", "offset", "fields", "export", "for", "include_stale")
OF_GENES = ("contrast", "region")


def table_of(name: str, study: Study, user: Any, query: QueryDict) -> WideTable:
    """Return a wide table as an address asks for it; Refused, in sentences, where it is not understood."""
    known = (*KNOWN, *(OF_GENES if name == "gene-table" else ()))
    if unknown := [word for word in query if word not in known]:
        raise Refused({word: [f"{word} is not a filter of {name}; known are {', '.join(known)}."] for word in unknown})
    if not may(user, "view", Mouse, study):
        raise Refused({WHOLE_ROW: [forbidden_sentence("view", Mouse, study)]}, 403)
    given = {word: storable(str(query[word])) for word in OF_GENES if query.get(word)}
    try:
        table = TABLES[name][2](study, user, with_stale=STALE.asked(query), **given)
    except TableError as error:
        raise Refused({"export" if "export" in query else WHOLE_ROW: [str(error)]}) from None
    chosen = chosen_names(query)
    by_name = {column.name: column for column in table.columns}
    if unknown := [one for one in chosen if one not in by_name]:
        some = ", ".join(list(by_name)[:60])
        raise Refused({"fields": [f"{', '.join(unknown)[:200]}: not a column; known are {some}."]})
    return table if not chosen else WideTable(table.rows, [by_name[one] for one in chosen], table.runs, table.notes)


def file_of(name: str, table: WideTable, study: Study, query: QueryDict, request: HttpRequest) -> HttpResponseBase:
    """Return a wide table as a file."""
    facts = {"study": study.code, "runs": table.runs_text, "notes": " ".join(table.notes)}
    return table_response(table.rows, table.columns, query, what=name, facts=facts, request=request)


def rows_between(table: WideTable, start: int, stop: int) -> list[dict[str, Any]]:
    """Return some rows as JSON has them."""
    found = ExportTable.of(table.rows[start:stop], table.columns)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {json_of_row(found)} FROM {found.sql}".replace("%", "%%"), [])  # noqa: S608
        return [json.loads(line) for (line,) in cursor.fetchall()]


class _Pages(Paging):
    """Pages of a table; no row of it is an object of a model."""

    def __init__(self, table: WideTable) -> None:
        super().__init__()
        self.table = table

    def page(self, request: Request) -> list[dict[str, Any]]:
        self.request: Any = request
        self.limit = self.get_limit(request)
        self.offset = self.get_offset(request)
        self.count = self.table.rows.count()
        return rows_between(self.table, self.offset, self.offset + self.limit)


class WideTableView(APIView):
    """One wide table of a study."""

    name: ClassVar[str] = ""

    @extend_schema(
        parameters=[
            OpenApiParameter("code", OpenApiTypes.STR, "path", description="Code or id of the study."),
            *(
                OpenApiParameter(word, OpenApiTypes.STR, description=said)
                for word, said in (
                    ("limit", "Rows of a page."), ("offset", "Rows before it."),
                    ("fields", "Columns to show, separated by commas."),
                    ("export", "csv, parquet, ndjson or xlsx: all rows as a file."),
                    ("for", "excel: a CSV whose cells no spreadsheet runs as formulas."),
                    ("include_stale", "1: also results that are out of date."),
                )
            ),
        ],
        responses={
            200: OpenApiTypes.OBJECT,
            **dict.fromkeys((400, 401, 403, 404, 429), OpenApiTypes.OBJECT),
        },
        tags=["studies"],
    )  # fmt: skip
    def get(self, request: Request, code: str) -> HttpResponseBase:
        """Return a page of rows, with the runs behind them, or all rows as a file."""
        study = _study(request.user, code)
        table = table_of(self.name, study, request.user, request.query_params)
        if "export" in request.query_params:
            return file_of(self.name, table, study, request.query_params, request._request)
        paging = _Pages(table)
        answer = paging.get_paginated_response(paging.page(request))
        answer.data |= {"runs": table.runs, "notes": list(table.notes)}
        return answer


class AnimalTableView(WideTableView):
    """One row for each mouse, with everything known and computed, each derived value beside its run."""

    name = "animal-table"


class SampleTableView(WideTableView):
    """One row for each tissue sample: its mouse, RNA, library, and their quality."""

    name = "sample-table"


class GeneTableView(WideTableView):
    """One row for each gene: change, p and adjusted p of every contrast in every region."""

    name = "gene-table"


def _study(user: Any, named: str) -> Study:
    seen = Study.objects.all().visible_to(user)
    found = seen.filter(code=storable(named)).first()
    if found is None and named.isascii() and named.isdecimal() and len(named) < 19:
        found = seen.filter(pk=int(named)).first()
    if found is None:
        raise NotFound(f"There is no study {named[:50]} among yours.")
    return found
