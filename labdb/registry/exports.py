"""All rows that the filters select, as CSV, straight from PostgreSQL's COPY.

A column is an SQL expression, never a Python property, so that a million rows cost no Python. What was exported can
be imported again unchanged: related records stand by name, several of them as ``A; B``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db import connection, models
from django.db.models import Case, F, OuterRef, Subquery, TextField, Value, When
from django.db.models.functions import Cast, Concat
from django.db.models.lookups import Regex
from django.http import QueryDict, StreamingHttpResponse

from labdb.registry import permissions
from labdb.registry.filters import chosen_names
from labdb.registry.keys import key_path
from labdb.registry.lab_fields import path_to
from labdb.registry.record import Record, field_of

CHUNK_BYTES = 2**16
FORMULA = r"^[=+\-@\t\r]"  # what a spreadsheet would run


def copy_csv(
    queryset: models.QuerySet,
    record: type[Record],
    columns: Sequence[str] | None = None,
    *,
    user: Any,
    for_excel: bool = False,
) -> Iterator[bytes]:
    """Yield the rows of a queryset, in its order, as CSV with a header.

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
    names = list(columns or record.columns())
    selected = queryset.annotate(
        **{
            f"column_{at}": column_expression(record.model, name, user=user, for_excel=for_excel)
            for at, name in enumerate(names)
        }
    ).values_list(*(f"column_{at}" for at in range(len(names))))
    compiler = selected.query.get_compiler(connection.alias, elide_empty=False)  # who sees no row gets the header
    sql, parameters = compiler.as_sql()
    with connection.cursor() as cursor:
        header = ", ".join(f'column_{at} AS "{name}"' for at, name in enumerate(names))
        aliases = ", ".join(f"column_{at}" for at in range(len(names)))
        statement = f"COPY (SELECT {header} FROM ({sql}) AS found ({aliases})) TO STDOUT WITH (FORMAT csv, HEADER)"  # noqa: S608
        with cursor.copy(cursor.mogrify(statement, parameters)) as copy:  # COPY itself takes no parameters
            yield from _chunks(copy)


def export_response(
    queryset: models.QuerySet, record: type[Record], query: QueryDict, user: Any
) -> StreamingHttpResponse:
    """Return the rows as a file; ``?fields=`` chooses columns, ``for=excel`` disarms formulas."""
    columns = [name for name in chosen_names(query) if name in record.columns()]
    chunks = copy_csv(queryset, record, columns or None, user=user, for_excel=query.get("for") == "excel")
    return csv_response(chunks, f"{record.resource}.csv")


def csv_response(chunks: Iterator[bytes], file_name: str) -> StreamingHttpResponse:
    """Return an answer that streams; the query runs before it begins, so that its errors can still be said."""
    first = next(chunks, b"")
    response = StreamingHttpResponse(_again(first, chunks), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _chunks(copy: Any) -> Iterator[bytes]:
    """Yield rows gathered to blocks; COPY gives them one by one."""
    block = bytearray()
    for row in copy:
        block += row
        if len(block) >= CHUNK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def column_expression(model: type[models.Model], name: str, *, user: Any, for_excel: bool = False) -> Any:
    """Return a column as SQL that gives what the import reads, as far as the account may know it."""
    field: Any = field_of(model, name)
    if isinstance(field, models.ManyToManyField):
        expression: Any = _names_of(field)
    elif field.is_relation:
        expression = F(f"{name}__{key_path(field.related_model)}")
        if (seen := permissions.known_at(user, model, name)) is not None:
            expression = Case(When(seen, then=expression))
    elif isinstance(field, models.BooleanField):
        return Cast(F(path_to(field)), TextField())  # true and false; COPY alone writes t and f
    else:
        expression = F(path_to(field))
    is_text = field.is_relation or isinstance(field, models.CharField | models.TextField)
    return _without_formula(expression) if for_excel and is_text else expression


def _names_of(field: models.ManyToManyField) -> Subquery:
    """Return the names of the related records, in their order, separated as the import reads them."""
    through: Any = field.remote_field.through
    source = field.m2m_field_name()
    name = Cast(F(f"{field.m2m_reverse_field_name()}__{key_path(field.related_model)}"), TextField())
    links = through._default_manager.filter(**{source: OuterRef("pk")}).order_by()
    return Subquery(
        links.values(source).annotate(names=StringAgg(name, "; ", order_by=name)).values("names"),
        output_field=TextField(),
    )


def _without_formula(expression: Any) -> Case:
    """Return text that no spreadsheet runs."""
    text = Cast(expression, TextField())
    return Case(When(Regex(text, FORMULA), then=Concat(Value("'"), text)), default=text, output_field=TextField())
