"""What is asked of a row through its kin: comparisons, joined, as a condition of the database.

Comparisons with the same kin that must all hold speak of one row of theirs: `region=NAc&rin__gte=8` is RNA of the NAc with
a RIN of 8. A word that several kin share (`region`) speaks of the first of them that is asked for, RNA before a score, and
stands for its own kin (a sample) where none is. What the account may not see counts as not there, so that no count tells it; to ask for what a blinded study
keeps from the account is refused in words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Union

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import QueryDict

from labdb.registry import permissions
from labdb.registry.filters import (
    FilterError,
    Path,
    _checked,
    _condition,
    _crosses_many,
    _few_ids,
    _seen,
    resolve_in_kin,
)
from labdb.registry.kin import Kin, all_kin, own_kin
from labdb.registry.record import Record, record_for

MOST_ASKED = 60  # comparisons; each may be a table more in the statement


@dataclass(frozen=True)
class Asked:
    """One comparison: how it was named, the field, and the value as written."""

    said: str
    path: Path
    text: str
    is_not: bool = False

    @property
    def kin_key(self) -> tuple[str, str] | None:
        """Which kin of whom it is about; None for a field of the row itself."""
        return (self.path.orm, self.path.kin.name) if self.path.kin else None

    @property
    def is_absence(self) -> bool:
        """Whether it asks for rows of which nothing is known."""
        wants_none = self.text.casefold() in ("true", "1", "yes") and not self.is_not
        return self.path.kin is not None and self.path.lookup == "isnull" and wants_none


@dataclass(frozen=True)
class AnyOf:
    """Parts of which one must hold."""

    parts: tuple["Part", ...]


@dataclass(frozen=True)
class AllOf:
    """Parts that must all hold; ``is_apart`` where their kin need not be those of the parts around them."""

    parts: tuple["Part", ...]
    is_apart: bool = False


Part = Union[Asked, AnyOf, AllOf]  # noqa: UP007  (it names itself)


def leaves(part: Part) -> Iterable[Asked]:
    """Yield the comparisons of a part."""
    if isinstance(part, Asked):
        yield part
    else:
        for one in part.parts:
            yield from leaves(one)


@dataclass
class KinGroup:
    """What is asked of one row of kin: the kin, the path to whom they are about, and the parts that must hold."""

    kin: Kin
    prefix: str
    relations: tuple[tuple[str, Any], ...]
    parts: list[Part] = field(default_factory=list)


@dataclass
class Asker:
    """Who asks, and in which study (None: in all)."""

    user: Any
    study: Any = None

    def condition(self, record: type[Record], parts: Sequence[Part], shared: tuple[Part, ...] = ()) -> Q:
        """Return the condition that all parts hold of a row; `shared` are words of around it, such as a region."""
        parts = flat(parts)
        own = [part for part in parts if _shared_word(part)]
        shared = (*shared, *own)
        found = Q()
        for part in parts:
            if isinstance(part, AllOf):  # by ids, or a test that is asked of here would be the one of another part
                rows = record.model._default_manager.filter(self.condition(record, part.parts))
                found &= Q(pk__in=rows.order_by().values("pk"))
            elif isinstance(part, AnyOf) and sole_kin(part) is None and part not in own:
                found &= self._any(record, part, shared)
            elif isinstance(part, Asked) and part.is_absence:
                found &= self._absence(part, shared)
            elif isinstance(part, Asked) and part.path.kin is None:
                found &= self._own(record, part)
        for group in groups_of(parts, shared):
            found &= self._of_kin(group)
        return found

    def rows(self, group: KinGroup) -> QuerySet:
        """Return the rows of kin that a group asks for, as far as the account may see them."""
        counting = permissions.visible(group.kin.model._default_manager.all(), self.user)
        counting = counting.filter(group.kin.counting(self.user, self.study))
        return counting.filter(self.condition(group.kin.record, [within(part, group.kin) for part in group.parts]))

    def refuse(self, part: Asked) -> None:
        """Refuse in words what is kept from the account, before anything is looked at."""
        for model in {self._model_asked(part), *part.path.models}:
            if (sentence := self.kept(model)) is not None:
                raise ValidationError(sentence)
        if part.path.kin is not None and part.path.lookup in ("exact", "in"):
            _refuse_unknown_choice(part)

    def _model_asked(self, part: Asked) -> Any:
        return part.path.kin.model if part.path.kin else None

    def kept(self, model: Any) -> str | None:
        """Say why rows of a model are not told to the account; None where they are, or some of them."""
        secrecy = permissions.secrecy_of(model)
        if model is None or getattr(model, "key_field", None) is None:
            return None
        what = str(model._meta.verbose_name_plural)
        if secrecy is not None and secrecy.hides and not secrecy.used_by and (kept := self._keeping()):
            return (
                f"{what} are known to the allocators of {kept} alone while the study is blinded, and so is how many "
                f"there are; leave it out, or ask an allocator."
            )
        if _has_permissions(model) and not permissions.may(self.user, "view", model, self.study):
            return f"your role does not show you {what}; leave it out."
        return None

    def _keeping(self) -> str:
        """Return the names of the studies that keep treatments from the account, if no other one could answer."""
        if not hasattr(self, "_kept_by"):
            studies = [self.study] if self.study is not None else list(_visible_studies(self.user))
            kept = [one for one in studies if _keeps(self.user, one)]
            self._kept_by = ", ".join(str(one) for one in kept) if kept and len(kept) == len(studies) else ""
        return self._kept_by

    def _own(self, record: type[Record], part: Asked) -> Q:
        by_ids = self._by_first(record, part.path, part.text)
        if by_ids is not None:
            return ~by_ids if part.is_not else by_ids
        condition = _checked(record, _condition(record, part.path, part.text, self.user), part.text)
        if not part.is_not:
            return condition
        if _crosses_many(record, part.path.orm):  # the negation of one row, and not of each condition by itself
            return ~Q(pk__in=record.model._default_manager.filter(condition).order_by().values("pk"))
        return ~condition

    def _by_first(self, record: type[Record], path: Path, text: str) -> Q | None:
        """Return a condition on a record that the rows name (`arm__components__drug`) as the ids of those that meet it.

        So that the planner sees a few ids (the arms with a drug) and no join; None where it is no such condition, where
        many meet it, or where the account may not see all of the way.
        """
        first, _, rest = path.orm.partition("__")
        field = path.relations[0][1] if path.relations and path.relations[0][0] == first else None
        if not rest or field is None or not field.concrete or field.many_to_many or path.lookup == "isnull":
            return None
        passed = tuple((way.partition("__")[2], one) for way, one in path.relations[1:])
        inner = replace(path, orm=rest, relations=passed)
        inner_record = record_for(field.related_model)
        rows = permissions.visible(field.related_model._default_manager.all(), self.user)
        ids = _few_ids(rows.filter(_checked(inner_record, _condition(inner_record, inner, text, self.user), text)))
        return None if ids is None else Q(**{f"{first}__in": ids})

    def _any(self, record: type[Record], part: AnyOf, shared: tuple[Part, ...]) -> Q:
        found = Q()
        for one in part.parts:
            found |= self.condition(record, [one], shared)
        return found

    def _of_kin(self, group: KinGroup) -> Q:
        about = self.rows(group).order_by().values(group.kin.path)
        return Q(**{f"{group.prefix or 'pk'}__in": about}) & _seen(group.relations, self.user)

    def _absence(self, part: Asked, shared: tuple[Part, ...]) -> Q:
        known = Asked(part.said, part.path, "false")
        [group] = groups_of([known], shared)
        about = self.rows(group).order_by().values(group.kin.path)
        return ~Q(**{f"{group.prefix or 'pk'}__in": about.filter(**{f"{group.kin.path}__isnull": False})})


def flat(parts: Sequence[Part]) -> list[Part]:
    """Return parts without those that only join others by and."""
    found: list[Part] = []
    for part in parts:
        found += flat(part.parts) if isinstance(part, AllOf) and not part.is_apart else [part]
    return found


def groups_of(parts: Sequence[Part], shared: Sequence[Part] = ()) -> list[KinGroup]:
    """Return what is asked of each kin by parts that must all hold, the shared words with all that know them."""
    groups: dict[tuple[str, str], KinGroup] = {}
    for part in parts:
        key = None if isinstance(part, AllOf) else sole_kin(part)
        if key is not None and not _shared_word(part) and not (isinstance(part, Asked) and part.is_absence):
            _group_in(groups, part).parts.append(part)
    for part in shared:
        if word := _shared_word(part):
            group = _taker(groups.values(), word, next(iter(leaves(part))).path)
            if group is not None:
                group.parts.append(part)
            elif part in parts:
                _group_in(groups, part).parts.append(part)
    return list(groups.values())


def _taker(groups: Iterable[KinGroup], word: str, path: Path) -> KinGroup | None:
    """Return whom a shared word speaks of: the first kin, in the order of the experiment, that is asked for and knows it."""
    assert path.kin is not None
    in_order = [kin.name for kin in own_kin(path.kin.of)]
    takers = [group for group in groups if word in group.kin.shared and group.prefix == path.orm]
    return min(takers, key=lambda group: in_order.index(group.kin.name), default=None)


def _group_in(groups: dict[tuple[str, str], KinGroup], part: Part) -> KinGroup:
    path = next(iter(leaves(part))).path
    assert path.kin is not None
    return groups.setdefault((path.orm, path.kin.name), KinGroup(path.kin, path.orm, path.relations))


def within(part: Part, kin: Kin) -> Part:
    """Return a part as it is asked of the rows of kin themselves."""
    if not isinstance(part, Asked):
        return replace(part, parts=tuple(within(one, kin) for one in part.parts))
    same = part.path.kin is kin
    inner = part.path.inner if same else resolve_in_kin(kin, part.path.asked)
    assert inner is not None
    return Asked(part.said, inner, part.text, part.is_not)


def condition_of(record: type[Record], query: QueryDict, of_kin: Sequence[tuple[str, Path, str]], user: Any) -> Q:
    """Return the condition of an address's words for kin, and of its question; FilterError says what is wrong."""
    asker = Asker(user, study_of_query(query, user))
    parts = asked_of(record, query, of_kin, asker)
    try:
        return asker.condition(record, parts)
    except ValidationError as error:
        raise FilterError({"ask" if query.get("ask") else of_kin[0][0]: error.messages}) from None


def asked_of(
    record: type[Record], query: QueryDict, of_kin: Sequence[tuple[str, Path, str]], asker: Asker
) -> list[Part]:
    """Return the parts that an address asks for, each checked; FilterError names every one that cannot be answered."""
    from labdb.registry.questions import read_question  # it is made of the parts above

    errors: dict[str, list[str]] = {}
    parts: list[Part] = []
    for name, path, text in of_kin:
        part = Asked(name, path, text)
        try:
            asker.refuse(part)
            asker.condition(record, [part])  # a value that is none says so under its own name
            parts.append(part)
        except ValidationError as error:
            errors[name] = [f"{name}: {sentence}" for sentence in error.messages]
    if text := query.get("ask", "").strip():
        try:
            parts.append(read_question(record, text, asker))
        except ValidationError as error:
            errors["ask"] = error.messages
    if sum(1 for part in parts for _leaf in leaves(part)) > MOST_ASKED:
        errors["ask"] = [f"More than {MOST_ASKED} comparisons are asked at once; ask for fewer."]
    if errors:
        raise FilterError(errors)
    return parts


def study_of_query(query: QueryDict, user: Any) -> Any:
    """Return the study that an address names, if the account sees it."""
    text = query.get("study", "")
    if not text or len(text) > 100 or "\0" in text:
        return None
    return next(
        (study for study in _visible_studies(user) if text in (study.code, f"#{study.pk}", str(study.pk))), None
    )


def _visible_studies(user: Any) -> QuerySet:
    return permissions.visible(permissions.study_model()._default_manager.all(), user)


def _keeps(user: Any, study: Any) -> bool:
    """Whether a study keeps from the account which mouse got which treatment."""
    return any(permissions.is_kept_from(user, "view", kin.model, study) for kin in all_kin())


def _has_permissions(model: Any) -> bool:
    return hasattr(model, "visible_to") or hasattr(model._default_manager, "visible_to")


def _refuse_unknown_choice(part: Asked) -> None:
    assert part.path.kin is not None
    known = dict(part.path.kin.choices.get(part.path.asked.removesuffix("__in"), []))
    texts = part.text.split(",") if part.path.lookup == "in" else [part.text]
    if known and (wrong := [text for text in texts if text not in known]):
        raise ValidationError(f"{wrong[0][:60]} is none of {', '.join(known)}.")


def _shared_word(part: Part) -> str:
    """Return the word that a part compares, where several kin share it and it was asked by itself; else nothing."""
    if isinstance(part, AllOf):
        return ""
    words = {_shared_word_of(leaf) for leaf in leaves(part)}
    return words.pop() if len(words) == 1 else ""


def _shared_word_of(leaf: Asked) -> str:
    kin = leaf.path.kin
    if kin is None or leaf.is_absence:
        return ""
    word = leaf.path.asked.split("__")[0]
    is_bare = word in kin.words and kin.name not in leaf.said.replace(".", "__").split("__")
    return word if is_bare and any(word in other.shared for other in own_kin(kin.of)) else ""


def sole_kin(part: Part) -> tuple[str, str] | None:
    """Return the kin that all comparisons of a part are about; None where there is more than one, or none."""
    keys = {leaf.kin_key for leaf in leaves(part)}
    has_absence = any(leaf.is_absence for leaf in leaves(part))
    return keys.pop() if len(keys) == 1 and not has_absence else None
