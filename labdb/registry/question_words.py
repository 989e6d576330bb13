"""What a question may say, for its completion: names, kinds and values, as far as the account may know them."""

from collections import deque
from typing import Any

from django.db import models
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labdb.registry import permissions
from labdb.registry.asked import Asker
from labdb.registry.cells import stored_as
from labdb.registry.filters import _field, known, resolve_in_kin
from labdb.registry.keys import key_path
from labdb.registry.kin import Kin, own_kin
from labdb.registry.page_context import PageContext
from labdb.registry.questions import OPERATORS
from labdb.registry.record import Record, record_for

DEEPEST = 3  # relations that completion follows; a question may go further
MOST_NAMES = 200  # of records that are offered as values
KINDS: tuple[tuple[Any, str], ...] = (
    (models.BooleanField, "bool"), (models.DateTimeField, "datetime"), (models.DateField, "date"),
    (models.IntegerField, "int"), (models.AutoField, "int"), (models.FloatField, "float"),
)  # fmt: skip


@require_safe
def question_words(request: HttpRequest, resource: str) -> JsonResponse:
    """Answer what a question about a record may say."""
    context = PageContext.of(request, resource)
    context.require("view")
    return JsonResponse(words_for(context.record, Asker(request.user, context.study)))


@require_safe
def question_help(request: HttpRequest) -> HttpResponse:
    """Show how a question is written, with examples."""
    return render(request, "registry/how_to_ask.html", {"operators": OPERATORS})


def words_for(record: type[Record], asker: Asker) -> dict[str, Any]:
    """Return names by record, in the form that djangoql's completion reads."""
    found: dict[str, dict[str, Any]] = {}
    waiting = deque([(record, 0)])
    while waiting:
        one, depth = waiting.popleft()
        if one.resource in found or asker.kept(one.model) is not None:
            continue
        fields = _fields(one, asker, with_values=one is record)
        found[one.resource] = fields
        if depth < DEEPEST:
            related = [described["relation"] for described in fields.values() if "relation" in described]
            waiting += [(record_for(name), depth + 1) for name in related if name not in found]
    for fields in found.values():
        for name in [name for name, one in fields.items() if one.get("relation", record.resource) not in found]:
            del fields[name]
    return {"current_model": record.resource, "models": found, "suggestions_api_url": ""}


def _fields(record: type[Record], asker: Asker, *, with_values: bool) -> dict[str, Any]:
    described: dict[str, Any] = {}
    for kin in own_kin(record.model):
        if asker.kept(kin.model) is None:
            described |= {word: _word(kin, word, asker, with_values=with_values) for word in kin.words}
            described[kin.name] = _relation(kin.record)
    several = [one.name for one in record.model._meta.get_fields() if one.auto_created and not one.concrete]
    for name in [*known(record), *several]:
        if name in described or (field := _field(record.model, name)) is None:
            continue
        related = field.related_model if field.is_relation else None
        if related is None or not _is_record(related):
            described[name] = _plain(field)
        else:
            described[name] = _relation(record_for(related))
    return described


def _is_record(model: Any) -> bool:
    try:
        record_for(model)
    except KeyError:
        return False
    return True


def _relation(record: type[Record]) -> dict[str, Any]:
    return {"type": "relation", "nullable": True, "options": None, "relation": record.resource}


def _plain(field: Any, options: list[str] | None = None) -> dict[str, Any]:
    if field.is_relation:  # an account or a role, by its name
        return {"type": "str", "nullable": True, "options": options or None}
    stored = stored_as(field)
    kind = next((name for of, name in KINDS if isinstance(stored, of)), "str")
    choices = [str(value) for value, _label in getattr(stored, "flatchoices", None) or [] if value not in ("", None)]
    return {"type": kind, "nullable": bool(field.null), "options": options or choices or None}


def _word(kin: Kin, word: str, asker: Asker, *, with_values: bool) -> dict[str, Any]:
    field = resolve_in_kin(kin, word).field
    options = [value for value, _label in kin.choices.get(word, [])]
    if field.is_relation and with_values:
        options = names_of(field.related_model, asker)
    return _plain(field, options) | {"nullable": True}


def names_of(model: Any, asker: Asker) -> list[str]:
    """Return the names of the records of a model that the account may see; none where there are many."""
    rows = permissions.visible(model._default_manager.all(), asker.user)
    if asker.study is not None and permissions.study_path(model) == "study":
        rows = rows.filter(study=asker.study)
    names = rows.order_by(key_path(model)).values_list(key_path(model), flat=True)[: MOST_NAMES + 1]
    found = list(dict.fromkeys(str(name) for name in names))
    return found if len(found) <= MOST_NAMES else []
