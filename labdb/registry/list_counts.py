"""How many rows of a list are in each group: by one or two of its words, under the filters of its address."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet, FieldDoesNotExist
from django.db import OperationalError, connection, models, transaction
from django.http import QueryDict

from labdb.registry.asked import Asker, KinGroup
from labdb.registry.cells import stored_as, value_part
from labdb.registry.export_columns import column_expression
from labdb.registry.filters import resolve_in_kin
from labdb.registry.keys import key_path
from labdb.registry.kin import Kin, kin_named, words_of
from labdb.registry.list_filters import changed
from labdb.registry.listing import selected_rows
from labdb.registry.page_context import PageContext
from labdb.registry.record import Record, field_of

MOST_GROUPS = 400  # cells; more are no table that anybody reads
LONGEST_MS = 3_000
QUERY_CANCELED = "57014"
UNKNOWN = "none known"
USUAL = (("phenotype", "arm"), ("phenotype", "response"), ("phenotype", ""))


class CountError(Exception):
    """The groups cannot be counted; the text is a sentence."""


@dataclass(frozen=True)
class CountTable:
    """Numbers of rows: down by the first word, across by the second (one column, if there is none)."""

    down: str
    across: str
    columns: list[str]
    lines: list[tuple[str, list[tuple[int, str]], int]]  # name, numbers with the addresses of their rows, sum
    several: str  # the word of which a row may have several values


def words_to_count_by(context: PageContext) -> list[str]:
    """Return the words by which rows of a list can be grouped: those with few values, known to the account."""
    asker = Asker(context.user, context.study if context.has_study else None)
    own = [name for name in context.record.columns() if _is_grouping(context.record, name)]
    kin = []
    for word in words_of(context.record.model):
        named = kin_named(context.record.model, word)
        if named and word in named[1].words and asker.kept(named[1].model) is None and _is_grouping_word(*named, word):
            kin.append(word)
    return [*kin, *(name for name in own if name not in kin)]


def counted(context: PageContext, down: str, across: str) -> CountTable:
    """Return the table; CountError where it is too large, or a word is none."""
    known = words_to_count_by(context)
    if wrong := [word for word in (down, across) if word and word not in known] or ([""] if not down else []):
        raise CountError(f"{wrong[0][:60] or 'Nothing'} is no word to count by; known are {', '.join(known)}.")
    words = [down, *([across] if across and across != down else [])]
    rows = _rows(context, words)
    if len(rows) > MOST_GROUPS:
        raise CountError(f"There are more than {MOST_GROUPS} groups; count by fewer words, or filter first.")
    return _table(context, words, rows)


def _is_grouping(record: type[Record], name: str) -> bool:
    try:
        field: Any = field_of(record.model, name)
    except FieldDoesNotExist:
        return False
    return _has_few_values(field)


def _is_grouping_word(prefix: str, kin: Kin, word: str) -> bool:
    return _has_few_values(resolve_in_kin(kin, word).field)


def _has_few_values(field: Any) -> bool:
    if field.many_to_many:
        return False
    stored = stored_as(field)
    is_text = isinstance(stored, models.CharField) and not isinstance(stored, models.UUIDField)
    is_name = is_text and (getattr(field, "unique", False) or field.name in ("code", "ear_tag", "sha256", "file_name"))
    return field.is_relation or isinstance(stored, models.BooleanField | models.SmallIntegerField) or (
        is_text and not is_name
    )  # fmt: skip


def _rows(context: PageContext, words: list[str]) -> list[tuple[Any, ...]]:
    """Return values and number of each group by one statement: rows, joined with what their kin say."""
    asker = Asker(context.user, context.study if context.has_study else None)
    base = selected_rows(context).order_by()
    columns: dict[str, Any] = {}
    joins: list[str] = []
    parameters: list[Any] = []
    shown: list[str] = []
    for at, word in enumerate(words):
        named = kin_named(context.record.model, word) if not _is_grouping(context.record, word) else None
        if named is None:
            columns[f"own_{at}"] = column_expression(context.record.model, word, user=context.user)
            shown.append(f"base.own_{at}")
            continue
        prefix, kin = named
        columns[f"about_{at}"] = models.F(prefix or "pk")
        try:
            sql, values = _values_of_kin(asker, prefix, kin, word).query.sql_with_params()
        except EmptyResultSet:
            shown.append("NULL")
            continue
        parameters += values
        joins.append(f"LEFT JOIN ({sql}) AS kin_{at} (about, value) ON kin_{at}.about = base.about_{at}")
        shown.append(f"kin_{at}.value")
    selected = base.annotate(**columns).values_list("pk", *columns)
    try:
        sql, values = selected.query.sql_with_params()
    except EmptyResultSet:
        return []
    names = ", ".join(["pk", *columns])
    groups = ", ".join(str(number) for number in range(1, len(words) + 1))
    statement = (
        f"SELECT {', '.join(f'{one}::text' for one in shown)}, count(*) FROM ({sql}) AS base ({names}) {' '.join(joins)}"  # noqa: S608
        f" GROUP BY {groups} ORDER BY {groups} LIMIT {MOST_GROUPS + 1}"
    )
    return _asked_in_time(statement, [*values, *parameters])


def _values_of_kin(asker: Asker, prefix: str, kin: Kin, word: str) -> models.QuerySet:
    path = resolve_in_kin(kin, word)
    orm = f"{path.orm}__{key_path(path.field.related_model)}" if path.field.is_relation else path.orm
    rows = asker.rows(KinGroup(kin, prefix, ())).order_by()
    return rows.filter(**{f"{orm}__isnull": False}).values_list(kin.path, orm).distinct()


def _asked_in_time(statement: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(LONGEST_MS)])
            cursor.execute(statement, parameters)
            rows = cursor.fetchall()
            cursor.execute("SET LOCAL statement_timeout = 0")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != QUERY_CANCELED:
            raise
        raise CountError(
            f"Counting these groups takes longer than {LONGEST_MS // 1000} s; filter for fewer rows."
        ) from None
    return rows


def _table(context: PageContext, words: list[str], rows: list[tuple[Any, ...]]) -> CountTable:
    numbers: dict[tuple[Any, Any], int] = {(row[0], row[1] if len(words) > 1 else ""): row[-1] for row in rows}
    across = sorted({key[1] for key in numbers}, key=_last_unknown)
    lines = []
    for down in sorted({key[0] for key in numbers}, key=_last_unknown):
        found = [(numbers.get((down, one), 0), _address(context, words, (down, one))) for one in across]
        lines.append((_said(context, words[0], down), found, sum(number for number, _url in found)))
    columns = [_said(context, words[1], one) for one in across] if len(words) > 1 else ["rows"]
    several = next((word for word in words if _may_be_several(context, word)), "")
    return CountTable(words[0], words[1] if len(words) > 1 else "", columns, lines, several)


def _may_be_several(context: PageContext, word: str) -> bool:
    named = kin_named(context.record.model, word)
    return named is not None and word not in named[1].choices and not _is_grouping(context.record, word)


def _last_unknown(value: Any) -> tuple[bool, str]:
    return value in (None, ""), str(value)


def _said(context: PageContext, word: str, value: Any) -> str:
    if value in (None, ""):
        return UNKNOWN
    try:
        field = stored_as(field_of(context.record.model, word))
    except FieldDoesNotExist:
        return str(value)
    return value_part(field, value).text if getattr(field, "choices", None) else str(value)


def _address(context: PageContext, words: list[str], values: tuple[Any, Any]) -> str:
    """Return the query of the rows of a group; they are what was counted, found by the same filters."""
    asked = QueryDict(mutable=True)
    asked.update({name: str(context.query[name]) for name in context.query if name not in ("by", "across")})
    for word, value in zip(words, values, strict=False):
        asked.pop(word, None)
        asked.update({word: str(value)} if value not in (None, "") else {f"{word}__isnull": "true"})
    return changed(asked)
