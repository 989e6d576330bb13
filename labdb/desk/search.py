"""One box that finds a record by any name that it has or had, and says why it was found."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import IntEnum
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet, Value

from labdb.desk.search_kinds import KIND_OF, KINDS, Kind, Name
from labdb.desk.slips import slips
from labdb.registry import permissions
from labdb.registry.former_names import history_model, rows_formerly
from labdb.registry.keys import LARGEST_ID
from labdb.registry.name_search import folded
from labdb.registry.page_context import visible_studies

FEW = 5  # records; where fewer are found, names that only hold the text are looked for too
SHORTEST_PART = 3  # letters that are looked for within names
NEAREST, NEAR = 3, 40  # names that are offered where nothing was found, of so many of each kind
LONGEST_LOOK_MS = 75  # at names that only hold the text: no index knows them
QUERY_CANCELED = "57014"
NUMBER = re.compile(r"(?:#|run\s+#?)(\d{1,19})", re.IGNORECASE)


class Rank(IntEnum):
    """How well a name fits what was typed."""

    EXACT = 0
    FORMER = 1
    BEGINS = 2
    HOLDS = 3


@dataclass(frozen=True)
class Hit:
    """A record by its kind and id, and why it was found."""

    kind: Kind
    pk: int
    rank: Rank
    why: str


@dataclass(frozen=True)
class Result:
    """What the page shows of a record that was found."""

    title: str
    url: str
    why: str
    rank: Rank
    study: str = ""
    about: str = ""


@dataclass
class Found:
    """All that was found, by kind; where nothing was, the nearest names."""

    text: str
    groups: list[tuple[str, list[Result]]] = field(default_factory=list)
    nearest: list[str] = field(default_factory=list)
    has_more: bool = False
    is_cut: bool = False  # what only holds the text was not looked for to the end

    @property
    def only(self) -> Result | None:
        """The one record that is called exactly so; None where there is none, or more than one."""
        called = [one for _title, results in self.groups for one in results if one.rank <= Rank.FORMER]
        return called[0] if len({one.url for one in called}) == 1 else None


def find(text: str, user: Any, *, most: int) -> Found:
    """Return what is called so, exactly or formerly, then what begins so, then, where that is little, what holds it.

    Parameters
    ----------
    most : int
        Records of each kind; one more is looked for, to say that there are more.
    """
    text = " ".join(text.split())
    if not text:
        return Found(text)
    found = Found(text)
    studies = visible_studies(user) if "-" in text else []
    hits = _best([*_by_number(text, user), *_by_name(text, user, studies, most)])
    if not text.startswith("#"):
        hits = _best([*hits, *_formerly(text, user, hits)])
    is_named = any(hit.rank <= Rank.FORMER for hit in hits)
    if not is_named and len(hits) < FEW and len(text) >= SHORTEST_PART:
        within = _within(text, user, most)
        found.is_cut = within is None
        hits = _best([*hits, *(within or [])])
    for kind in KINDS:
        of_kind = sorted((hit for hit in hits if hit.kind is kind), key=lambda hit: hit.rank)
        found.has_more = found.has_more or len(of_kind) > most
        if results := _results(kind, of_kind[:most], user):
            found.groups.append((kind.title, results))
    found.groups.sort(key=lambda group: min(one.rank for one in group[1]))
    if not found.groups:
        found.nearest = _nearest(text, user)
    return found


def _best(hits: Iterable[Hit]) -> list[Hit]:
    """Return each record once, for the best of its reasons."""
    best: dict[tuple[str, int], Hit] = {}
    for hit in hits:
        before = best.setdefault((hit.kind.key, hit.pk), hit)
        if hit.rank < before.rank:
            best[hit.kind.key, hit.pk] = hit
    return list(best.values())


def _by_number(text: str, user: Any) -> Iterator[Hit]:
    """Yield the run of a number, and what else has that number: a run has no other name."""
    written = NUMBER.fullmatch(text)
    pk = int(written[1]) if written else 0
    if not 0 < pk <= LARGEST_ID:
        return
    rows = [permissions.visible(kind.model._default_manager.all(), user).filter(pk=pk) for kind in KINDS]
    asked = [
        one.order_by().values_list(Value(kind.key), "pk")
        for kind, one in zip(KINDS, rows, strict=True)
        if text.startswith("#") or not kind.names
    ]
    for key, _pk in _union(asked):
        kind = KIND_OF[key]
        yield Hit(kind, pk, Rank.HOLDS if kind.names else Rank.EXACT, f"number {pk}")


def _by_name(text: str, user: Any, studies: list[Any], most: int) -> Iterator[Hit]:
    """Yield what is called so or begins so, also by its label ``STUDY-CODE``."""
    asked = list(_asked(user, Q(found_as__startswith=text.upper()), most))
    typed = {"": text}
    for study in studies:
        rest = text[len(study.code) + 1 :]
        if rest and text.upper().startswith(f"{study.code.upper()}-"):
            typed[study.code] = rest
            condition = Q(found_as__startswith=rest.upper(), study=study)
            asked += _asked(user, condition, most, label=study.code, only_in_study=True)
    for key, pk, what, name, label in _union(asked):
        where = f" of study {label}" if label else ""
        if name.upper() == typed[label].upper():
            yield Hit(KIND_OF[key], pk, Rank.EXACT, f"{what} {name}{where}")
        else:
            yield Hit(KIND_OF[key], pk, Rank.BEGINS, f"{what} begins with {typed[label]}{where}")


def _within(text: str, user: Any, most: int) -> list[Hit] | None:
    """Return what holds the text, as typed, in capitals or small letters; None where that takes long."""
    holds = Q()
    for written in sorted({text, text.upper(), text.lower()}):
        holds |= Q(found_name__contains=written)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(LONGEST_LOOK_MS)])
            rows = _union(_asked(user, holds, most, in_order=False))
            cursor.execute("SET LOCAL statement_timeout = 0")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != QUERY_CANCELED:
            raise
        return None
    return [Hit(KIND_OF[key], pk, Rank.HOLDS, f"{what} {name} holds {text}") for key, pk, what, name, _label in rows]


def _asked(
    user: Any, condition: Q, most: int, *, label: str = "", only_in_study: bool = False, in_order: bool = True
) -> Iterator[QuerySet]:
    """Yield one query for each name of each kind: kind, id, what it is called, the name, and the label's study."""
    for kind in KINDS:
        for name in (*kind.names, *(() if in_order else kind.lists)):
            if kind.in_study or not only_in_study:
                rows = _named(kind, name, user).annotate(found_label=Value(label)).filter(condition)
                yield _columns(rows.order_by("found_as") if in_order else rows.order_by())[: most + 1]


def _named(kind: Kind, name: Name, user: Any) -> QuerySet:
    rows = permissions.visible(name.model._default_manager.all(), user)
    return rows.annotate(
        found_kind=Value(kind.key), found_pk=F(name.owner), found_what=name.what, found_name=F(name.path),
        found_as=folded(name.path),
    )  # fmt: skip


def _columns(rows: QuerySet) -> QuerySet:
    return rows.values_list("found_kind", "found_pk", "found_what", "found_name", "found_label")


def _union(asked: Iterable[QuerySet]) -> list[tuple[Any, ...]]:
    """Return the rows of several queries by one statement."""
    queries = list(asked)
    if not queries:
        return []
    return list(queries[0].union(*queries[1:], all=True)) if len(queries) > 1 else list(queries[0])


def _formerly(text: str, user: Any, hits: list[Hit]) -> Iterator[Hit]:
    """Yield what was once called so, as typed or in capitals, or small letters; the history has no other index."""
    names = {text, text.upper(), text.lower()}
    known = {(hit.kind.key, hit.pk) for hit in hits if hit.rank == Rank.EXACT}
    asked = []
    for kind in KINDS:
        events = history_model(kind.model)
        if events is not None:
            rows = events.objects.filter(**{f"{kind.model.key_field}__in": names}).order_by()
            asked.append(rows.values_list(Value(kind.key), "pgh_obj_id").distinct())
    kinds = {key for key, pk in _union(asked) if (key, pk) not in known}
    for key in kinds:
        rows = permissions.visible(KIND_OF[key].model._default_manager.all(), user)
        for name, found in rows_formerly(rows, names).items():
            for row in found:
                yield Hit(KIND_OF[key], row.pk, Rank.FORMER, f"formerly {name}")


def _results(kind: Kind, hits: list[Hit], user: Any) -> list[Result]:
    """Return the records themselves, in the order of the hits; two annotations of a gene are one page."""
    if not hits:
        return []
    rows = permissions.visible(kind.model._default_manager.all(), user).select_related(*kind.joined)
    stored = rows.in_bulk([hit.pk for hit in hits])
    results: dict[str, Result] = {}
    for hit in hits:
        if (row := stored.get(hit.pk)) is not None:
            about = ", ".join(str(one) for one in kind.about(row) if one)
            study = row.study.code if kind.in_study else ""
            url = kind.address(row)
            results.setdefault(url, Result(str(row), url, hit.why, hit.rank, study, about))
    return list(results.values())


def _nearest(text: str, user: Any) -> list[str]:
    """Return the names that a slip of the finger may have meant, else names that begin like the one typed."""
    alike = Q(found_as__in=slips(text.upper()))
    names = _names(alike, user)
    close = sorted(names)[:NEAREST]
    if not close:
        begins = text[: max(len(text) // 2, 1)].upper()
        names = _names(Q(found_as__startswith=begins), user)
        close = get_close_matches(text.upper(), names, n=NEAREST, cutoff=0.6)
    return [names[name] for name in close]


def _names(condition: Q, user: Any) -> dict[str, str]:
    """Return names that meet a condition, by how the search compares them."""
    asked = [
        _named(kind, name, user).filter(condition).order_by("found_as").values_list("found_name")[:NEAR]
        for kind in KINDS
        for name in kind.names
    ]
    return {name.upper(): name for (name,) in _union(asked)}
