"""Why a row stands in a list: what of it, and of which related records, meets each filter of the address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from labdb.registry.asked import (
    AllOf,
    Asked,
    Asker,
    KinGroup,
    Part,
    asked_of,
    flat,
    groups_of,
    leaves,
    sole_kin,
    study_of_query,
)
from labdb.registry.cells import Part as ShownPart
from labdb.registry.cells import detail_url, value_part, with_names
from labdb.registry.filters import LOOKUPS, RESERVED, Path, resolve, resolve_in_kin
from labdb.registry.keys import key_path
from labdb.registry.left_out import left_out_word
from labdb.registry.record import Record

FIRST = 5  # related records of each filter
SIGNS = {"exact": "=", "gte": "≥", "lte": "≤", "gt": ">", "lt": "<"}


@dataclass(frozen=True)
class Reason:
    """What was asked, in words, and the values that meet it, each with the address of its record."""

    asked: str
    found: list[ShownPart]
    has_more: bool = False


def reasons(record: type[Record], row: Any, query: QueryDict, user: Any) -> list[Reason]:
    """Return the reasons; FilterError where the address is not understood."""
    of_kin: list[tuple[str, Path, str]] = []
    own: list[Asked] = []
    for name in sorted(query):
        if name in RESERVED or name in ("study", left_out_word(record)):
            continue
        path = resolve(record, name)
        for text in filter(None, query.getlist(name)):
            if path.kin is not None:
                of_kin.append((name, path, text))
            else:
                own.append(Asked(name, path, text))
    asker = Asker(user, study_of_query(query, user))
    parts = asked_of(record, query, of_kin, asker)
    own += [leaf for part in parts for leaf in leaves(part) if leaf.path.kin is None]
    found = [_of_own(record, row, leaf, user) for leaf in own]
    found += [_of_group(row, group, asker) for group in _groups(parts)]
    return [reason for reason in found if reason.found]


def _groups(parts: Sequence[Part]) -> list[KinGroup]:
    """Return what is asked of kin anywhere: of a question that names either, each by itself."""
    joined = flat(parts)
    found = groups_of(joined, joined)
    for part in joined:
        if not isinstance(part, Asked) and (isinstance(part, AllOf) or sole_kin(part) is None):
            found += _groups(part.parts) if isinstance(part, AllOf) else _of_either(part.parts)
    return found


def _of_either(parts: Sequence[Part]) -> list[KinGroup]:
    return [group for one in parts for group in _groups([one])]


def _of_own(record: type[Record], row: Any, leaf: Asked, user: Any) -> Reason:
    """Return what the row itself, or a record that it names, says to a filter."""
    rows = record.model._default_manager.filter(pk=row.pk)
    rows = rows.filter(Asker(user).condition(record, [leaf]))
    orm = leaf.path.orm
    if leaf.path.field.is_relation:
        orm = f"{orm}__{key_path(leaf.path.field.related_model)}"
    last = leaf.path.relations[-1] if leaf.path.relations else None
    names = [orm, f"{last[0]}__pk"] if last else [orm]
    values = list(rows.order_by().values_list(*names).distinct()[: FIRST + 1])
    shown = [
        _value(leaf.path, value, last[1].related_model(pk=rest[0]) if last and rest else None)
        for value, *rest in values
    ]
    return Reason(_in_words(leaf), shown[:FIRST], len(shown) > FIRST)


def _value(path: Path, value: Any, related: Any) -> ShownPart:
    text = str(value) if path.field.is_relation else value_part(path.field, value).text
    return ShownPart(text, detail_url(related) if related is not None and related.pk is not None else "")


def _of_group(row: Any, group: KinGroup, asker: Asker) -> Reason:
    """Return the rows of kin that meet all that is asked of one of them."""
    about = type(row)._default_manager.filter(pk=row.pk).order_by().values(group.prefix or "pk")
    rows = asker.rows(group).filter(**{f"{group.kin.path}__in": about})
    said = " and ".join(_in_words(leaf) for part in group.parts for leaf in leaves(part))
    found = list(with_names(rows.order_by("pk"))[: FIRST + 1])
    values = _values_of(group, found)
    shown = [ShownPart(f"{_named(one)}: {values[one.pk]}", detail_url(one)) for one in found]
    return Reason(said, shown[:FIRST], len(found) > FIRST)


def _named(row: Any) -> str:
    """Return what a row is and is called; many are called by what they are."""
    what, name = str(row._meta.verbose_name), str(row)
    return name if name.startswith(what) else f"{what} {name}"


def _values_of(group: KinGroup, rows: list[Any]) -> dict[Any, str]:
    """Return what rows of kin hold in the fields that were asked for."""
    paths: dict[str, Path] = {}
    for part in group.parts:
        for leaf in leaves(part):
            word = leaf.path.asked.split("__")[0]
            path = resolve_in_kin(group.kin, word)
            if path.kin is not None:
                continue  # it is asked of kin of theirs, which the next page shows
            orm = f"{path.orm}__{key_path(path.field.related_model)}" if path.field.is_relation else path.orm
            paths[orm] = path
    found: dict[Any, list[str]] = {}
    values = group.kin.model._default_manager.filter(pk__in=[row.pk for row in rows]).order_by()
    for pk, *some in values.values_list("pk", *paths):
        texts = [
            str(value) if path.field.is_relation else value_part(path.field, value).text
            for value, path in zip(some, paths.values(), strict=True)
        ]
        found.setdefault(pk, []).append(", ".join(texts))
    return {pk: "; ".join(dict.fromkeys(texts)) for pk, texts in found.items()}


def _in_words(leaf: Asked) -> str:
    steps = leaf.said.replace(".", "__").split("__")
    name = " ".join(step.replace("_", " ") for step in steps if step not in LOOKUPS or len(steps) == 1)
    sign = SIGNS.get(leaf.path.lookup, leaf.path.lookup)
    return f"{name} {'not ' if leaf.is_not else ''}{sign} {leaf.text}"
