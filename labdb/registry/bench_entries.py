"""`/bench/entries/`: what pages of the bench send, some entries at a time, each stored by itself and once."""

import json
import uuid
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from labdb.registry.bench_person import person_of
from labdb.registry.bench_writes import ACTS, ADD, CHANGE, UNDO, BenchEntry, answer_entry, refused
from labdb.registry.form_fields import is_storable
from labdb.registry.json_doors import answered_in_json, sentence
from labdb.registry.keys import LARGEST_ID
from labdb.registry.record import record_for

MOST_ENTRIES = 100
MOST_BYTES = 2 * 2**20
LONGEST_TIME = 40  # an instant with its offset has 32 signs
EXAMPLE = '{"entries": [{"key": "(a UUID)", "record": "weighings", "action": "add", "values": {}}]}'


class BadEntry(ValueError):
    """An entry that cannot be read; the text is a sentence."""


@answered_in_json()
@never_cache
@require_POST
def bench_entries(request: HttpRequest) -> JsonResponse:
    """Answer each entry; 200 whatever becomes of them, 401 when nobody is signed in: then they are kept and sent again."""
    user: Any = request.user
    try:
        entries = _entries(request)
    except BadEntry as error:
        return sentence(str(error), 400)
    answers = [_answer(one, user) for one in entries]
    return JsonResponse({"answers": answers, "now": timezone.now().isoformat()})


@login_not_required
@never_cache
@require_safe
def bench_clock(request: HttpRequest) -> JsonResponse:
    """Tell the time: the clocks of tablets are wrong."""
    return JsonResponse({"now": timezone.now().isoformat()})


def _entries(request: HttpRequest) -> list[Any]:
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise BadEntry(f"More than {MOST_BYTES // 2**20} MB in one request; send fewer entries at a time.")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise BadEntry(f"This is not JSON that can be read; send {EXAMPLE}.") from None
    entries = body.get("entries") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        raise BadEntry(f"There is no list of entries; send {EXAMPLE}.")
    if len(entries) > MOST_ENTRIES:
        raise BadEntry(f"{len(entries)} entries in one request; send at most {MOST_ENTRIES} at a time.")
    return entries


def _answer(sent: Any, user: Any) -> dict[str, Any]:
    try:
        entry = read_entry(sent, user)
    except BadEntry as error:
        return refused(sent.get("key") if isinstance(sent, dict) else None, str(error))
    return answer_entry(entry, user)


def read_entry(sent: Any, user: Any) -> BenchEntry:
    """Return an entry as it was sent; BadEntry with a sentence when it cannot be meant."""
    if not isinstance(sent, dict):
        raise BadEntry("An entry is an object of key, record, action and values.")
    key, action = _key(sent, "key"), sent.get("action")
    if key is None:
        raise BadEntry("The entry has no key; give it a random UUID, the same each time it is sent.")
    person = person_of(_text(sent, "person"), user)
    at = _text(sent, "at")[:LONGEST_TIME]
    if action == UNDO:
        return BenchEntry(key, action, at=at, person=person)
    if not isinstance(action, str) or action not in (ADD, CHANGE, *ACTS):
        raise BadEntry(f"{str(action)[:50]} is no action; send {ADD}, {CHANGE} or {UNDO}.")
    values = sent.get("values", {})
    if not isinstance(values, dict):
        raise BadEntry("The values are no object of fields; send them by name.")
    return BenchEntry(
        key, action, _record(sent), values, _whole(sent, "id"), _whole(sent, "version"), _key(sent, "of"),
        _text(sent, "reason").strip(), at, person,
    )  # fmt: skip


def _key(sent: dict[str, Any], name: str) -> uuid.UUID | None:
    text = _text(sent, name)
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise BadEntry(f"{text[:50]} is not a UUID; {name} is the random name of an entry.") from None


def _record(sent: dict[str, Any]) -> Any:
    name = _text(sent, "record")
    try:
        return record_for(name)
    except KeyError:
        raise BadEntry(
            f"No record is called {name[:50] or 'nothing'}; name one as in addresses, such as weighings."
        ) from None


def _whole(sent: dict[str, Any], name: str) -> int | None:
    value = sent.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST_ID:
        raise BadEntry(
            f"{str(value)[:50]} is not a whole number from 1; {name} is that of the row as the page shows it."
        )
    return value


def _text(sent: dict[str, Any], name: str) -> str:
    value = sent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not is_storable(value):
        raise BadEntry(f"{name} is not a text that can be stored.")
    return value
