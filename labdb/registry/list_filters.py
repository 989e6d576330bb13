"""The filters of a list as a person sees them: inputs to choose from, and chips for what is chosen."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.http import QueryDict
from django.utils.text import capfirst

from labdb.registry import permissions
from labdb.registry.asked import Asker
from labdb.registry.cells import stored_as, with_names
from labdb.registry.filters import LOOKUPS, RESERVED, Path, resolve
from labdb.registry.form_fields import written_key
from labdb.registry.kin import own_kin
from labdb.registry.left_out import left_out_word
from labdb.registry.page_context import PageContext, has_study

MOST_OPTIONS = 200  # records in one select; more are typed
MOST_WORDS = 30  # different words of a free-text field in one select
SAMPLED_ROWS = 5_000  # rows looked through for those words
WORDS = {
    "exact": "is", "in": "is one of", "gte": "≥", "lte": "≤", "gt": ">", "lt": "<", "contains": "contains",
    "icontains": "contains", "startswith": "starts with", "endswith": "ends with",
    "range": "is within", "date": "is on",
}  # fmt: skip


@dataclass(frozen=True)
class FilterInput:
    """One input beside the list; with options it is a select."""

    name: str
    label: str
    value: str
    kind: str = "text"
    options: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Chip:
    """A filter that is on, in words, and the address without it."""

    text: str
    url: str


def inputs_of(context: PageContext) -> list[FilterInput]:
    """Return the inputs that the declaration offers."""
    own = (field.name for field in context.record.lab_fields() if not field.is_retired)
    return _inputs(context, (*context.record.list_filter, *own))


def kin_inputs_of(context: PageContext) -> list[FilterInput]:
    """Return the inputs for what other records and current results say of the rows, as far as the account may know it."""
    asker = Asker(context.user, context.study if context.has_study else None)
    kin = [one for one in own_kin(context.record.model) if asker.kept(one.model) is None]
    return _inputs(context, [word for one in kin for word in one.words])


def asks_kin(context: PageContext) -> bool:
    """Whether an address filters by one of these."""
    words = {word for kin in own_kin(context.record.model) for word in kin.words}
    return any(name.split("__")[0] in words and context.query.get(name) for name in context.query)


def _inputs(context: PageContext, names: Iterable[str]) -> list[FilterInput]:
    inputs: list[FilterInput] = []
    for name in names:
        path = resolve(context.record, name)
        label = _label(name, path)
        if bounds := _bounds(stored_as(path.field)):
            kind, words = bounds
            for lookup, word in words:
                value = context.query.get(f"{name}__{lookup}", "")
                inputs.append(FilterInput(f"{name}__{lookup}", f"{label} {word}", value, kind))
            continue
        value = context.query.get(name, "")
        options = _options(context, path)
        if options and value and value not in [stored for stored, _label in options]:
            options.append((value, value))
        inputs.append(FilterInput(name, label, value, "select" if options else "text", options))
    return inputs


def _label(name: str, path: Path) -> str:
    """Return the label of a field; of "RNA integrity number (RIN)" what is asked by."""
    said = str(path.field.verbose_name)
    short = said.partition("(")[2].rstrip(")")
    return short if path.kin is not None and short.casefold() == name else str(capfirst(said))


def _bounds(field: Any) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """Return the kind of input and the two ends by which a field is narrowed that nobody filters by one value."""
    if isinstance(field, models.DateField):
        return "date", (("gte", "from"), ("lt", "before"))
    if isinstance(field, models.FloatField):
        return "text", (("gte", "from"), ("lte", "to"))
    return None


def _options(context: PageContext, path: Path) -> list[tuple[str, str]]:
    source = stored_as(path.field)
    if path.kin is not None and (choices := path.kin.choices.get(path.asked)):
        return list(choices)
    if path.field.is_relation:
        return _records(context, path.field.related_model)
    if source.choices:
        return [(str(stored), str(label)) for stored, label in source.flatchoices if stored != ""]
    if isinstance(source, models.BooleanField):
        return [("true", "yes"), ("false", "no")]
    if isinstance(source, models.CharField) and path.kin is None:
        return [(word, word) for word in _words(context, path.orm)]
    return []


def _records(context: PageContext, model: Any) -> list[tuple[str, str]]:
    rows = permissions.visible(model._default_manager.all(), context.user)
    if has_study(model) and context.study is not None:
        rows = rows.filter(study=context.study)
    found = list(with_names(rows)[: MOST_OPTIONS + 1])
    if len(found) > MOST_OPTIONS:
        return []
    return list({written_key(row): (written_key(row), str(row)) for row in found}.values())


def _words(context: PageContext, orm: str) -> list[str]:
    """Return the words that rows use, by a look at some of them: a full one of a large table takes seconds."""
    rows = context.rows()
    if context.study is not None and context.has_study:
        rows = rows.filter(study=context.study)
    words = sorted(set(rows.order_by().values_list(orm, flat=True)[:SAMPLED_ROWS]) - {"", None})
    return words if len(words) <= MOST_WORDS else []


def chips_of(context: PageContext, list_url: str) -> list[Chip]:
    """Return what is filtered by, each with the address that takes it away; the study has its own place."""
    chips = []
    for name, texts in context.query.lists():
        if (name in RESERVED and name not in ("search", "ask")) or name in ("study", left_out_word(context.record)):
            continue
        for text in texts:
            if text:
                without = changed(context.query, remove=(name, text))
                chips.append(Chip(_in_words(context, name, text), f"{list_url}?{without}" if without else list_url))
    return chips


def _in_words(context: PageContext, name: str, text: str) -> str:
    if name == "search":
        return f"holds “{text}”"
    if name == "ask":
        return text
    try:
        path = resolve(context.record, name)
    except ValidationError:
        return f"{name} {text}"
    steps = name.split("__")
    if steps[-1] in LOOKUPS and len(steps) > 1:
        steps.pop()
    label = " ".join(step.replace("_", " ") for step in steps)
    if path.lookup == "isnull":
        return f"{label} {'unknown' if text.casefold() in ('true', '1', 'yes') else 'known'}"
    choices = dict(getattr(stored_as(path.field), "flatchoices", None) or [])
    return f"{label} {WORDS[path.lookup]} {choices.get(text, text)}"


def changed(query: QueryDict, *, remove: tuple[str, str] | None = None, **values: str) -> str:
    """Return the query with some values set, one taken away, empty ones left out, on the first page."""
    new = QueryDict(mutable=True)
    for name, texts in query.lists():
        if name in values or name in ("page", "export"):
            continue
        new.setlist(name, [text for text in texts if text and (name, text) != remove])
    for name, value in values.items():
        if value:
            new[name] = value
    return new.urlencode(safe=",:")


def kept_inputs(query: QueryDict, shown: set[str]) -> list[tuple[str, str]]:
    """Return what the filter form carries along without showing it: other filters."""
    left_out = {*shown, "page", "export", "search", "ask", "study", "ordering", "fields"}
    return [(name, text) for name, texts in query.lists() if name not in left_out for text in texts if text]
