"""Filters in the address: one reading of `?rin__gte=8&mouse__cohort__code=C1` for lists, exports and REST."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldDoesNotExist, FieldError, ValidationError
from django.db import models
from django.db.models import Case, F, Q, QuerySet, When
from django.http import QueryDict

from labdb.registry import permissions
from labdb.registry.form_fields import DayField, YesNoField, form_field_for, is_storable
from labdb.registry.former_names import former_ids
from labdb.registry.keys import is_id, key_path
from labdb.registry.kin import Kin, kin_named, words_of
from labdb.registry.lab_fields import path_to
from labdb.registry.left_out import left_out_word
from labdb.registry.long_lists import COUNTED, is_indexed, is_long
from labdb.registry.record import Record, field_of, names_shown, record_for
from labdb.registry.table_sizes import LONG_TABLE, rows_about

LOOKUPS = (
    "exact", "in", "gte", "lte", "gt", "lt", "isnull", "contains", "icontains", "startswith", "endswith", "range", "date",
)  # fmt: skip
PARTS = (
    "contains",
    "icontains",
    "startswith",
    "endswith",
)  # of texts: the collation of the database lets no index help
MAX_STEPS = 6
FEW = 1_000  # ids that stand in a query for a join
EXPORTS = ("csv", "parquet", "ndjson", "xlsx")
RESERVED = {"limit", "offset", "page", "search", "ask", "ordering", "fields", "export", "for", "format"}


class FilterError(Exception):
    """Some filters are not understood.

    Attributes
    ----------
    errors : dict of str to list of str
        Sentences by parameter.
    """

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(sentence for sentences in errors.values() for sentence in sentences))
        self.errors = errors


@dataclass(frozen=True)
class Path:
    """A field that may be filtered: its path for the ORM, its last model field, the lookup, and the relations passed.

    Of a field of kin, the path leads to whom they are about (empty: the row itself), and ``inner`` on from the kin.
    """

    orm: str
    field: Any
    lookup: str = "exact"
    relations: tuple[tuple[str, Any], ...] = ()  # path so far, relation
    kin: Kin | None = None
    inner: "Path | None" = None
    asked: str = ""  # of kin: the field and lookup as they were named

    @property
    def models(self) -> set[Any]:
        """The models of all rows that it passes."""
        passed = {relation.related_model for _path, relation in self.relations}
        return passed | ({self.kin.model} | self.inner.models if self.kin and self.inner else set())


@dataclass
class Filters:
    """What an address asks of a list."""

    conditions: Q = field(default_factory=Q)
    search: str = ""
    ordering: tuple[str, ...] = ()
    unindexed: tuple[str, ...] = ()  # of what is sorted by
    kept: dict[str, Q] = field(default_factory=dict)  # by path that is sorted by, where its value may be known
    has_many: bool = False
    left_out: Q | None = None  # rows that nobody asked for
    is_one_study: bool = False


def read_filters(record: type[Record], query: QueryDict, user: Any) -> Filters:
    """Return the filters of an address; FilterError names every parameter that is not understood.

    A filter on related records looks only at those that the account may see: a strain is shared by studies, and
    `?mice__code=M001` must not tell who else has such a mouse.
    """
    filters = Filters(search=query.get("search", "").strip())
    errors: dict[str, list[str]] = {}
    errors |= _unknown_words(record, query)
    if not is_storable(filters.search):
        errors["search"] = ["Text cannot hold NUL or half characters; type it anew."]
    study = Q()
    of_kin: list[tuple[str, Path, str]] = []
    for name in sorted(query, key=lambda name: name != "study"):
        if name in RESERVED or name == left_out_word(record):
            continue
        try:
            path = resolve(record, name)
            if path.kin is not None:
                of_kin += [(name, path, text) for text in query.getlist(name) if text != ""]
                filters.has_many = filters.has_many or bool(path.orm and _crosses_many(record, path.orm))
                continue
            for text in query.getlist(name):
                if text != "":
                    condition = _by_parents(record, name, text, user, study) or _condition(record, path, text, user)
                    filters.conditions &= _checked(record, condition, text)
            study = filters.conditions if name == "study" else study
            filters.is_one_study = filters.is_one_study or (name == "study" and query.get(name) != "")
            filters.has_many = filters.has_many or _crosses_many(record, path.orm)
        except ValidationError as error:
            errors[name] = error.messages
    if of_kin or query.get("ask"):
        from labdb.registry.asked import condition_of  # it is made of the parts below

        try:
            filters.conditions &= condition_of(record, query, of_kin, user)
        except FilterError as error:
            errors |= error.errors
    errors |= slow_lookups(record, query) if not errors else {}
    if record.left_out is not None:
        try:
            filters.left_out = None if record.left_out.asked(query) else record.left_out.rows(user, None)
        except ValidationError as error:
            errors[record.left_out.word] = error.messages
    try:
        filters.ordering, filters.kept = read_ordering(record, query.get("ordering", ""), user)
        filters.unindexed = tuple(name for name in _sorted_by(query) if not is_indexed(record.model, name))
    except ValidationError as error:
        errors["ordering"] = error.messages
    if errors:
        raise FilterError(errors)
    return filters


def chosen_names(query: QueryDict) -> list[str]:
    """Return the columns that ``?fields=`` names, by commas or once for each."""
    return _names_in(",".join(query.getlist("fields")))


def _unknown_words(record: type[Record], query: QueryDict) -> dict[str, list[str]]:
    """Return what is wrong with the words that every list knows."""
    errors = {}
    known_names = names_shown(record)
    unknown = [name for name in chosen_names(query) if name not in known_names]
    if unknown:
        errors["fields"] = [f"{', '.join(unknown)}: not a field; known are {', '.join(known_names)}."]
    if "export" in query and query["export"] not in EXPORTS:
        errors["export"] = [f"{query['export']} is not a format of exports; known are {', '.join(EXPORTS)}."]
    return errors


def apply(queryset: QuerySet, record: type[Record], filters: Filters) -> QuerySet:
    """Return the rows that the filters select, in their order; FilterError where that order would take long."""
    queryset = queryset.filter(filters.conditions)
    if filters.left_out is not None:
        queryset = queryset.exclude(filters.left_out)
    if filters.search:
        queryset = searched(queryset, record, filters.search)
    if filters.has_many:
        queryset = record.model._default_manager.filter(pk__in=queryset.order_by().values("pk"))
    if filters.unindexed and is_long(queryset):
        raise FilterError({"ordering": [_long_sentence(record, filters.unindexed)]})
    if filters.ordering:
        last = "-pk" if filters.ordering[-1].startswith("-") else "pk"  # so that an index can be read backwards
        queryset = queryset.order_by(*(_sorting(name, filters.kept) for name in filters.ordering), last)
    elif (usual := list(record.model._meta.ordering or ()))[:1] == ["study"] and usual[1:]:
        # As an index gives them: studies in the order in which they were made, for their names are in another table.
        queryset = queryset.order_by(*(usual[1:] if filters.is_one_study else ["study_id", *usual[1:]]))
    return queryset


def _long_sentence(record: type[Record], unindexed: Sequence[str]) -> str:
    indexed = ", ".join(name for name in sorted(_sortable(record)) if is_indexed(record.model, name))
    return (
        f"More than {COUNTED:,} rows are not sorted by {', '.join(unindexed)}, which has no index; "
        f"filter for fewer, or sort by {indexed}."
    )


def searched(queryset: QuerySet, record: type[Record], text: str, *, also: Q | None = None) -> QuerySet:
    """Return the rows where a search field holds the text, and those that are wanted also.

    What is found is fixed by its ids, related records first: they are few beside the rows that refer to them, and a
    text within a name has no index, so it is looked for once, not anew for rows, page and count.
    """
    found = also or Q()
    for name in record.search_fields:
        found |= _holding(record, name, text)
    if former := former_ids(record.model, {text})[text]:
        found |= Q(pk__in=former)
    if all("__" in name for name in record.search_fields):
        return queryset.filter(found)
    rows = queryset.filter(found)
    ids = _few_ids(rows)
    return rows if ids is None else queryset.filter(pk__in=ids)


def _holding(record: type[Record], name: str, text: str) -> Q:
    """Return the condition that a search field holds the text; through a relation, by ids."""
    relation, _, last = name.rpartition("__")
    related = _related_model(record.model, relation) if relation else None
    if related is None:
        return Q(**{f"{name}__icontains": text})
    if _crosses_many(record, relation):
        rows = record.model._default_manager.filter(**{f"{name}__icontains": text})
        return Q(pk__in=rows.order_by().values("pk"))
    ids = _few_ids(related._default_manager.filter(**{f"{last}__icontains": text}))
    return Q(**{f"{name}__icontains": text}) if ids is None else Q(**{f"{relation}__in": ids})


def _related_model(model: Any, path: str) -> Any:
    """Return the model at the end of a path of relations; None where the path ends in a value."""
    for step in path.split("__"):
        model = model._meta.get_field(step).related_model if model is not None else None
    return model


def _few_ids(queryset: QuerySet) -> list[Any] | None:
    """Return the ids of these rows, None where there are many: then they are no help to find others."""
    ids = list(queryset.order_by().values_list("pk", flat=True)[: FEW + 1])
    return ids if len(ids) <= FEW else None


def resolve(record: type[Record], name: str) -> Path:
    """Return the path that a parameter names; ValidationError naming the known ones when there is none."""
    steps = name.split("__")
    lookup = "exact"
    if len(steps) > 1 and steps[-1] in LOOKUPS:
        lookup = steps.pop()
    if steps[0] in record.relations:
        steps = [*record.relations[steps[0]].split("__"), *steps[1:]]
    model: Any = record.model
    found: Any = None
    relations: list[tuple[str, Any]] = []
    for position, step in enumerate(steps, start=1):
        found = _field(model, step) if model is not None else None
        if found is None and model is not None and (kin := kin_named(model, step)) is not None:
            return _path_of_kin(record, steps[: position - 1], kin, steps[position - 1 :], lookup, name)
        if found is None or len(steps) > MAX_STEPS:
            raise ValidationError(f"{name} is not a filter of {record.resource}; known are {', '.join(known(record))}.")
        model = None
        if found.is_relation and _is_registered(found.related_model):
            model = found.related_model
            relations.append(("__".join(steps[:position]), found))
    if found.is_relation and found.concrete and steps[-1] == found.attname:  # mouse_id=12: the row's own column
        orm = "__".join([*steps[:-1], found.name, "pk"])
        return Path(orm, found.target_field, lookup, _passed(relations))
    steps[-1] = path_to(found)
    return Path("__".join(steps), found, lookup, tuple(relations))


def _path_of_kin(
    record: type[Record], before: list[str], named: tuple[str, Kin], steps: list[str], lookup: str, name: str
) -> Path:
    """Return the path of a field of kin; `steps` begin with their name or with one of their words."""
    prefix, kin = named
    if len(before) + len(steps) > MAX_STEPS:
        raise ValidationError(f"{name} goes through more than {MAX_STEPS} records; ask more directly.")
    leads = "__".join(filter(None, ["__".join(before), prefix]))
    outer = resolve(record, leads) if leads else None
    fields = steps if steps[0] in kin.words else steps[1:]
    if not fields:
        if lookup != "isnull":
            known = ", ".join(f"{kin.name}__{word}" for word in kin.words)
            raise ValidationError(f"{name} are records ({kin.about}); compare one of their fields, such as {known}.")
        fields = ["id"]
    asked = "__".join(fields if lookup == "exact" else [*fields, lookup])
    inner = resolve_in_kin(kin, asked)
    return Path(outer.orm if outer else "", inner.field, lookup, outer.relations if outer else (), kin, inner, asked)


def resolve_in_kin(kin: Kin, asked: str) -> Path:
    """Return the path from kin of a field that is named by one of their words, or as in their own list."""
    first, _, rest = asked.partition("__")
    return resolve(kin.record, "__".join(filter(None, [kin.words.get(first, first), rest])))


def _passed(relations: Sequence[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
    """Return the relations that must be seen for a column to be known that names the last of them.

    A row's own column tells an id, and nothing of the row over there; but of one that may be kept secret even that.
    """
    last = relations[-1:] if relations and permissions.secrecy_of(relations[-1][1].related_model) else ()
    return (*relations[:-1], *last)


def known(record: type[Record]) -> list[str]:
    """Return the filters of a record itself; each may go on into a related record and end in a lookup."""
    fields = [*record.model._meta.fields, *record.model._meta.many_to_many, *record.lab_fields()]
    own = [field.name for field in fields if _field(record.model, field.name) is not None]
    named = sorted({*own, *record.relations})
    return [*named, *(word for word in words_of(record.model) if word not in named)]


def is_kin(record: type[Record], name: str) -> bool:
    """Whether a filter names rows of another record that say something of these, not one of their fields."""
    named = kin_named(record.model, name) if _field(record.model, name) is None else None
    return named is not None and name == named[1].name


def read_ordering(record: type[Record], text: str, user: Any) -> tuple[tuple[str, ...], dict[str, Q]]:
    """Return the columns of ``?ordering=``, and by path the conditions under which the account may know the values."""
    names = _names_in(text)
    paths = []
    kept = {}
    for name in names:
        sign, bare = ("-", name[1:]) if name.startswith("-") else ("", name)
        sortable = _sortable(record)
        if bare not in sortable:
            raise ValidationError(f"{bare} cannot be sorted by; sortable are {', '.join(sorted(sortable))}.")
        path = resolve(record, bare)
        key = getattr(path.field.related_model, "key_field", "pk") if path.field.is_relation else ""
        orm = f"{path.orm}{'__' + key if key else ''}"
        paths.append(f"{sign}{orm}")
        if secret := [one for one in path.relations if permissions.secrecy_of(one[1].related_model)]:
            kept[orm] = _seen(secret, user)
    return tuple(paths), kept


def _sorting(name: str, kept: dict[str, Q]) -> Any:
    """Return what to sort by; a value that the account may not know counts as none, or the order would tell it."""
    path = name.removeprefix("-")
    if not kept.get(path):
        return name
    value = Case(When(kept[path], then=F(path)))
    return value.desc() if name.startswith("-") else value.asc()


def _sorted_by(query: QueryDict) -> list[str]:
    return [name.removeprefix("-") for name in _names_in(query.get("ordering", ""))]


def slow_lookups(record: type[Record], query: QueryDict) -> dict[str, list[str]]:
    """Return why parts of texts are not looked for: in a long table, where nothing else says which rows to look at.

    No index knows a part of a text, so every row would be read.
    """
    if not any(name.endswith(PARTS) for name in query):
        return {}
    paths = {name: resolve(record, name) for name in query if _is_filter(record, name) and query.get(name)}
    if any(narrows(record, name, path) for name, path in paths.items()):
        return {}
    errors = {}
    for name, path in paths.items():
        model = last_model(record, path)
        if path.lookup in PARTS and (about := rows_about(model)) > LONG_TABLE:
            errors[name] = [slow_sentence(name, model, about)]
    return errors


def slow_sentence(name: str, model: Any, about: int) -> str:
    """Say why parts of a text are not looked for, and what would be."""
    return (
        f"{name}: parts of a text are not looked for in about {about:,} {model._meta.verbose_name_plural}, because no "
        f"index knows them and every row would be read; give the whole value, or filter by a record, such as a mouse, too."
    )


def _is_filter(record: type[Record], name: str) -> bool:
    return name not in RESERVED and name != left_out_word(record)


def narrows(record: type[Record], name: str, path: Path) -> bool:
    """Whether a filter leads to few rows along an index: one value, and not the study of so many."""
    column = name.split("__")[0]
    if path.lookup not in ("exact", "in") or column == "study" or path.kin is not None:
        return False
    field = _field(record.model, column)
    is_own = field is not None and field.concrete and not field.many_to_many
    return is_own and (bool(field.is_relation and field.db_index) or is_indexed(record.model, column))


def last_model(record: type[Record], path: Path) -> Any:
    """Return the model of the table that a filter looks at."""
    if path.kin is not None and path.inner is not None:
        return last_model(path.kin.record, path.inner)
    return path.relations[-1][1].related_model if path.relations else record.model


def _names_in(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _sortable(record: type[Record]) -> set[str]:
    """Return the columns of the table itself, one value each, and what the declaration shows or filters by."""
    fields = [*record.model._meta.fields, *record.lab_fields()]
    own = {field.name for field in fields if _field(record.model, field.name) is not None}
    declared = {*record.list_display, *record.list_filter, *record.relations}
    several = {name for name in declared if _crosses_many(record, record.relations.get(name, name))}
    return (own | declared) - several


def _field(model: Any, name: str) -> Any:
    """Return a model field if it may be asked for: of records, and of what people call an account or a role."""
    if name == "pk":
        name = "id"
    try:
        found = field_of(model, name)
    except FieldDoesNotExist:
        return None
    if found.is_relation:
        return found if hasattr(found.related_model, "key_field") else None
    return None if isinstance(found, models.BinaryField | models.JSONField | ArrayField) else found


def _is_registered(model: Any) -> bool:
    try:
        record_for(model)
    except KeyError:
        return False
    return True


def _checked(record: type[Record], condition: Q, text: str) -> Q:
    """Return the condition if the ORM can read it; it would say no only when the rows are asked for."""
    try:
        record.model._default_manager.filter(condition)
    except (FieldError, ValueError, TypeError) as error:
        raise ValidationError(f"{text}: {error}") from None
    return condition


def _by_parents(record: type[Record], name: str, text: str, user: Any, study: Q) -> Q | None:
    """Return a condition on the parent of a row (`mouse__cohort`) as the ids of the parents that meet it.

    So that few rows are read along their parents, and not looked for along the time of all. None where it is no such
    condition, or many parents meet it. A row's study is its parent's, so that the one narrows the other.
    """
    parent = getattr(record.model, "study_from", None)
    if not parent or not name.startswith(f"{parent}__"):
        return None
    model: Any = record.model._meta.get_field(parent).related_model
    try:
        inner = record_for(model)
        path = resolve(inner, name.removeprefix(f"{parent}__"))
    except (KeyError, ValidationError):
        return None  # a lookup of the parent itself
    if _crosses_many(inner, path.orm):
        return None
    rows = permissions.visible(model._default_manager.filter(study), user)
    ids = _few_ids(rows.filter(_checked(inner, _condition(inner, path, text, user), text)))
    return None if ids is None else Q(**{f"{parent}__in": ids})


def _condition(record: type[Record], path: Path, text: str, user: Any) -> Q:
    if not is_storable(text):
        raise ValidationError("Text cannot hold NUL or half characters; type it anew.")
    if path.lookup == "isnull":
        return _null_condition(record, path, user, is_wanted=bool(YesNoField().to_python(text)))
    return _value_condition(path, text) & _seen(path.relations, user)


def _value_condition(path: Path, text: str) -> Q:
    if path.field.is_relation:
        return _relation_condition(path, text)
    if path.lookup in ("in", "range"):
        values = [_value(path, part) for part in text.split(",")]
        if path.lookup == "range" and len(values) != 2:
            raise ValidationError(f"{text} is not a range; enter two values such as 1,5.")
        return Q(**{f"{path.orm}__{path.lookup}": values})
    if path.lookup == "date":
        return Q(**{f"{path.orm}__date": DayField().to_python(text)})
    value = text if path.lookup in PARTS else _value(path, text)
    return Q(**{f"{path.orm}__{path.lookup}": value})


def _seen(relations: Sequence[tuple[str, Any]], user: Any) -> Q:
    """Return the condition that the related records passed on the way are ones that the account may see."""
    seen = Q()
    for path, relation in relations:
        seen &= permissions.seen_at(user, relation.related_model, path)
    return seen


def _null_condition(record: type[Record], path: Path, user: Any, *, is_wanted: bool) -> Q:
    """Return the condition that something is unknown, or known: what is hidden counts as not there."""
    if path.field.is_relation and path.field.concrete and not path.field.many_to_many:  # the row's own column
        known = Q(**{f"{path.orm}__isnull": False}) & _seen(_passed(path.relations), user)
    else:
        known = Q(**{f"{path.orm}__isnull": False}) & _seen(path.relations, user)
    if not is_wanted:
        return known
    return ~Q(pk__in=record.model._default_manager.filter(known).order_by().values("pk"))


def _relation_condition(path: Path, text: str) -> Q:
    names = text.split(",") if path.lookup == "in" else [text]
    if path.lookup not in ("exact", "in"):
        raise ValidationError(f"{path.orm} is a record; compare one of its fields, such as {path.orm}__code.")
    key = key_path(path.field.related_model)
    condition = Q()
    for name in names:
        if is_id(name) and (name.startswith("#") or key == "pk"):
            condition |= Q(**{f"{path.orm}__pk": int(name.removeprefix("#"))})
        elif key == "pk":
            raise ValidationError(f"{name} is not an id; enter digits.")
        else:
            ids = _few_ids(path.field.related_model._default_manager.filter(**{key: name}))
            # ids, and no join: so that the planner sees which part of an index it needs
            condition |= Q(**{f"{path.orm}__{key}": name}) if ids is None else Q(**{f"{path.orm}__in": ids})
    return condition


def _value(path: Path, text: str) -> Any:
    """Return a filter's value, checked by the same form field that would enter it."""
    if isinstance(path.field, models.AutoField):
        return _whole(text)
    source = path.field
    if source.generated:  # its own field has the type, and no name by which a unit is known
        source = copy(source.output_field)
        source.name = source.attname = path.field.name
    form_field = form_field_for(source) if source.editable or path.field.generated else source.formfield(required=False)
    if form_field is None:
        return source.to_python(text)
    form_field.required = False
    if source.choices or isinstance(source, models.CharField | models.TextField):
        return text
    return form_field.to_python(text)


def _whole(text: str) -> int:
    if not is_id(text) or text.startswith("#"):
        raise ValidationError(f"{text} is not an id; enter digits.")
    return int(text)


def _crosses_many(record: type[Record], orm: str) -> bool:
    model: Any = record.model
    for step in orm.split("__"):
        found = model._meta.get_field("id" if step == "pk" else step)
        if found.is_relation:
            if found.many_to_many or found.one_to_many:
                return True
            model = found.related_model
        else:
            break  # what follows reads the value
    return False
