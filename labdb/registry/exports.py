"""All rows that the filters select, as a file of any format, at the speed of PostgreSQL's COPY.

An export has a connection of its own and one of a few places, so that ten at once starve no page; one that nobody
reads any more is stopped at once. Beside the rows stand the question and the runs behind them: in headers, and in the
file itself where its format has a place for that. A CSV holds the rows alone, and is imported again unchanged.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import OperationalError, connection, models, transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, QueryDict, StreamingHttpResponse
from django.utils import timezone

from labdb.registry import permissions
from labdb.registry.copy_out import ClientGone, CopyOut
from labdb.registry.export_columns import ExportColumn, ExportTable, record_columns
from labdb.registry.export_formats import FORMATS, TEXTS, Facts
from labdb.registry.filters import chosen_names
from labdb.registry.page_context import has_study
from labdb.registry.record import Record, names_shown
from labdb.registry.rest_answers import Refused
from labdb.registry.workbook_export import LONGEST_CELL

MAX_SHEET_ROWS = 100_000
RUNS_WITHIN_MS = 80  # a header is worth no more of the time until the first byte
LONGEST_HEADER = 4_000  # characters; servers and proxies refuse headers beyond 8,000
STALLED_S = 120  # a client that takes no piece of a file for as long has left
AGAIN_S = 10

_places = threading.BoundedSemaphore(settings.EXPORTS_AT_ONCE)


class ExportRefused(Refused):
    """An export that cannot be had as it was asked for; pages and REST say the sentence."""

    def __init__(self, sentence: str, status_code: int = 400, wait: int | None = None) -> None:
        super().__init__({"export": [sentence]}, status_code)
        self.sentence = sentence
        if wait is not None:
            self.wait = wait  # REST answers it as Retry-After


def copy_csv(
    queryset: models.QuerySet,
    record: type[Record],
    columns: Sequence[str] | None = None,
    *,
    user: Any,
    for_excel: bool = False,
) -> Iterator[bytes]:
    """Yield the rows of a queryset, in its order, as CSV with a header; for what is no answer to a request.

    Parameters
    ----------
    queryset : QuerySet
        Already narrowed to what the account may see.
    columns : sequence of str, optional
        Some of the record's columns; by default all.
    user : User
        Who reads it: the name of a related record that is kept from the account is left out.
    for_excel : bool
        Put an apostrophe before text that a spreadsheet would run as a formula.
    """
    table = ExportTable.of(queryset, record_columns(record, columns or record.columns(), user))
    yield from _Running(table, "csv", {}, for_excel=for_excel)


def export_response(
    queryset: models.QuerySet, record: type[Record], query: QueryDict, user: Any, request: HttpRequest | None = None
) -> StreamingHttpResponse:
    """Return the rows as a file; ``?fields=`` chooses columns, ``for=excel`` disarms formulas.

    Parameters
    ----------
    request : HttpRequest, optional
        Who waits, so that an export is stopped though nothing has been sent yet.
    """
    names = [name for name in chosen_names(query) if name in names_shown(record)] or record.columns()
    study = study_of_query(query, user) if has_study(record.model) else ""
    facts = {"records": record.resource, "study": study, "runs": runs_behind(queryset, record)}
    return table_response(
        queryset, record_columns(record, names, user), query, what=record.resource, facts=facts, request=request
    )


def table_response(
    queryset: models.QuerySet,
    columns: Sequence[ExportColumn],
    query: QueryDict,
    *,
    what: str,
    facts: Facts,
    request: HttpRequest | None = None,
) -> StreamingHttpResponse:
    """Return any rows as a file, in the format that ``?export=`` names.

    Parameters
    ----------
    queryset : QuerySet
        Already narrowed to what the account may see.
    what : str
        What the file is called by, beside the study among the facts and the time.
    facts : mapping of str to str
        What is said beside the rows, such as ``runs``; an empty one is left out.

    Raises
    ------
    ExportRefused
        There is no such format, too much for a sheet, or no place for another export now.
    """
    name = query.get("export", "csv")
    if name not in FORMATS:
        raise ExportRefused(f"{name} is not a format of exports; known are {', '.join(FORMATS)}.")
    if name == "xlsx":
        _require_fits(queryset, columns)
    told = {"query": _asked(query, request, what), **facts, "exported_at": timezone.now().isoformat(timespec="seconds")}
    told = {key: value for key, value in told.items() if value}
    if not _places.acquire(blocking=False):
        raise ExportRefused(
            f"{settings.EXPORTS_AT_ONCE} exports are being written already; try again in a few seconds.", 429, AGAIN_S
        )
    try:
        client = _patient_socket(request)
        table = ExportTable.of(queryset, columns)
        running = _Running(table, name, told, for_excel=query.get("for") == "excel", client=client, place=_places)
    except BaseException:
        _places.release()
        raise
    running.begin()
    response = StreamingHttpResponse(running, content_type=FORMATS[name].content_type)
    file_name = file_name_of([what, facts.get("study", "")], name)
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response["Cache-Control"] = "private, no-cache"
    response["X-Accel-Buffering"] = "no"  # a proxy hands on what comes, when it comes
    for key, value in told.items():
        response[f"X-Labdb-{key.replace('_', '-').title()}"] = _as_header(value)
    return response


class _Running:
    """A file while it is written: gives its pieces, and its place and connection back as soon as it is done with."""

    def __init__(
        self, table: ExportTable, name: str, facts: Facts, *, for_excel: bool, client: Any = None, place: Any = None
    ) -> None:
        written_as = FORMATS[name]
        self._place = place
        self._copy = CopyOut(written_as.statement(table, for_excel), client)
        self._pieces = written_as.pieces(table, self._copy, facts, for_excel)
        self._first: bytes | None = None

    def begin(self) -> None:
        """Write the first piece, so that the errors of its query can still be said."""
        self._first = next(self)

    def __iter__(self) -> "_Running":
        return self

    def __next__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        try:
            return next(self._pieces)
        except ClientGone:
            self.close()
            raise StopIteration from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop; safe to call again."""
        place, self._place = self._place, None
        try:
            self._copy.close()
            self._pieces.close()  # type: ignore[attr-defined]
        finally:
            if place is not None:
                place.release()

    def __del__(self) -> None:
        if hasattr(self, "_pieces"):
            self.close()


def export_choices(
    address: str, query: str, csv_is: str = "as stored; can be imported again"
) -> list[tuple[str, str, str]]:
    """Return what a menu of exports offers: label, what it is for, address.

    Parameters
    ----------
    address : str
        Ends where the query begins.
    query : str
        What selects the rows.
    csv_is : str
        What a CSV of them is for.
    """
    rows = f"{address}{query}&" if query else address
    return [
        ("CSV", csv_is, f"{rows}export=csv"),
        ("XLSX", f"for a spreadsheet, up to {MAX_SHEET_ROWS:,} rows", f"{rows}export=xlsx"),
        ("CSV for a spreadsheet", "no cell is run as a formula", f"{rows}export=csv&for=excel"),
        ("Parquet", "for pandas, polars and R's arrow", f"{rows}export=parquet"),
        ("NDJSON", "a JSON object on each line", f"{rows}export=ndjson"),
    ]


def study_of_query(query: QueryDict, user: Any) -> str:
    """Return the code of the study that an address names, if the account sees it."""
    named = query.get("study", "")
    if not named:
        return ""
    seen = permissions.visible(permissions.study_model()._default_manager.all(), user)
    by_id = named.removeprefix("#")
    found = seen.filter(code=named).first()
    if found is None and by_id.isascii() and by_id.isdecimal() and len(by_id) < 19:
        found = seen.filter(pk=int(by_id)).first()
    return found.code if found is not None else ""


def runs_behind(queryset: models.QuerySet, record: type[Record]) -> str:
    """Return the runs that made the rows, by number; of records that no run makes, nothing."""
    made_by = record.left_out.made_by if record.left_out else ""
    if not made_by:
        return ""
    field: Any = record.model._meta.get_field(made_by)
    rows = queryset.order_by().filter(**{made_by: OuterRef("pk")})
    runs = field.related_model._default_manager.filter(Exists(rows)).order_by("pk").values_list("pk", flat=True)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {RUNS_WITHIN_MS}")
            found = list(runs)
            cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    except OperationalError:
        return f"in the column {made_by}"
    return ", ".join(map(str, found)) or "none"


def file_name_of(parts: Iterable[str], ending: str) -> str:
    """Return a file name that says what, of which study and when, in characters that every system takes."""
    safe = [re.sub(r"[^A-Za-z0-9.+-]+", "-", part).strip("-.") for part in parts]
    when = timezone.localtime().strftime("%Y-%m-%d_%H%M")
    return f"{'_'.join(part for part in [*safe, when] if part)}.{ending}"


def _asked(query: QueryDict, request: HttpRequest | None, what: str) -> str:
    path = request.path if request is not None else what
    return f"{path}?{query.urlencode()}"


def _as_header(text: str) -> str:
    """Return a text that a header can hold: one line, percent-encoded where it is not plain."""
    return quote(text, safe=" !#$%&'()*+,/:;=?@[]~|")[:LONGEST_HEADER]


def _patient_socket(request: HttpRequest | None) -> Any:
    """Return the socket of who waits, where the server tells; sending to it fails when nothing is taken for long."""
    client = request.META.get("gunicorn.socket") if request is not None else None
    if client is not None:
        with suppress(OSError):
            client.settimeout(STALLED_S)
    return client


def _require_fits(queryset: models.QuerySet, columns: Sequence[ExportColumn]) -> None:
    """Refuse rows that a sheet cannot hold, before any is sent."""
    table = ExportTable.of(queryset.order_by(), columns)
    texts = [at for at, column in enumerate(columns) if column.kind in TEXTS]
    looked = ", ".join(["count(*)", *(f"max(length(column_{at}::text))" for at in texts)])
    with connection.cursor() as cursor:
        some = f"(SELECT * FROM {table.sql} LIMIT {MAX_SHEET_ROWS + 1}) AS looked_at"  # noqa: S608
        cursor.execute(f"SELECT {looked} FROM {some}".replace("%", "%%"), [])  # noqa: S608
        n_rows, *lengths = cursor.fetchone()
    if n_rows > MAX_SHEET_ROWS:
        raise ExportRefused(
            f"A sheet of XLSX takes {MAX_SHEET_ROWS:,} rows here, and these filters select more; filter for fewer, or "
            "export csv, ndjson or parquet."
        )
    for at, length in zip(texts, lengths, strict=True):
        if length is not None and length > LONGEST_CELL:
            raise ExportRefused(
                f"{columns[at].name} has {length:,} characters somewhere and a cell of XLSX holds {LONGEST_CELL:,}; "
                "leave it out by fields, or export csv, ndjson or parquet."
            )
