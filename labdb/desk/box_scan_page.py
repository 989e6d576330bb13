"""A box gone through with a scanner, on one page of the bench: what is in its place, elsewhere, missing, foreign.

What was found is one entry of the page's outbox: kept on the tablet until it is answered, stored once, all or nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from labdb.accounts.bench_shell import bench_words
from labdb.desk.box_check import BadCheck, Found, compare
from labdb.desk.box_facts import box_digest, box_state, may_move_anything
from labdb.desk.box_page import BadBody, box_or_404, read_text, texts_in
from labdb.registry.bench_writes import (
    CONFLICT,
    NEEDS_REASON,
    PERFORMED_BY,
    REFUSED,
    BenchEntry,
    NotDone,
    bench_act,
    stored_answer,
)
from labdb.registry.forms import forbidden_sentence
from labdb.registry.headers import WHOLE_ROW
from labdb.registry.imports import import_dicts
from labdb.registry.permissions import may
from labdb.registry.record import record_for
from labdb.tissue.models import BoxCheck, CheckDecision, CheckedTube, StorageBox, TubeAct, TubeEvent

ACT = "check a box"
DOOR = "box check"
MOVED_MEANWHILE = "Somebody moved tubes of this box meanwhile; the page shows them now. Look at the differences again."
MOST_UNKNOWN = 500


@require_safe
@never_cache
@ensure_csrf_cookie
def scan(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of a scan session."""
    found = box_or_404(request.user, code)
    if not may_move_anything(request.user) or not may(request.user, "add", BoxCheck):
        raise PermissionDenied(forbidden_sentence("add", BoxCheck))
    words = {
        "box": found,
        "state": box_state(found, request.user),
        "act": ACT,
        "record": record_for(BoxCheck).resource,
        "bench": bench_words(request, None, BoxCheck, back=found.code, back_url=reverse("box-page", args=[found.code])),
    }
    return render(request, "desk/box_scan.html", words)


@bench_act(ACT)
def store_check(entry: BenchEntry, user: Any) -> dict[str, Any]:
    """Store a check with what was decided of each tube, all or nothing."""
    said = entry.values
    try:
        box = box_or_404(user, read_text(said, "box"))
        if read_text(said, "digest") != box_digest(box, user):
            raise NotDone(CONFLICT, MOVED_MEANWHILE)
        found = compare(box, said.get("scanned"), said.get("decisions"), user)
        unknown = list(texts_in(said.get("unknown", [])))[:MOST_UNKNOWN]
        check = {
            "box": box.pk, "performed_at": said.get("performed_at"), PERFORMED_BY: entry.person or user.get_username(),
            "unknown_codes": "\n".join(unknown), "notes": read_text(said, "notes"),
        }  # fmt: skip
    except (BadBody, BadCheck, Http404) as error:
        raise NotDone(REFUSED, str(error)) from error
    return stored_answer(entry, _store(box, found, check, entry.reason, user))


def _store(box: StorageBox, found: list[Found], said: Mapping[str, Any], reason: str, user: Any) -> BoxCheck:
    """Write the check, its tubes, and what follows from the decisions."""
    check: BoxCheck
    [check] = _written(BoxCheck, [{"code": _code_of(box, said["performed_at"]), **said}], reason, user)
    rows = [
        {
            "box_check": check.pk, "sample": one.tube.pk, "result": one.result,
            "position_recorded": one.position_recorded, "position_found": one.position_found, "decision": one.decision,
        }
        for one in found
    ]  # fmt: skip
    if rows:
        _written(CheckedTube, rows, reason, user)
    events = [_event(box, one) for one in found if one.decision != CheckDecision.LEFT]
    if events:
        same = {"performed_at": check.performed_at, PERFORMED_BY: said[PERFORMED_BY], "notes": f"check {check.code}"}
        _written(TubeEvent, [{**event, **same} for event in events], reason, user)
    return check


def _event(box: StorageBox, one: Found) -> dict[str, Any]:
    if one.decision == CheckDecision.MISSING:
        return {"sample": one.tube.pk, "kind": TubeAct.MISSING}
    return {"sample": one.tube.pk, "kind": TubeAct.PLACED, "box": box.pk, "position": one.position_found}


def _written(model: Any, rows: list[dict[str, Any]], reason: str, user: Any) -> Any:
    report = import_dicts(record_for(model), rows, user=user, reason=reason, door=DOOR)
    if not report.is_stored:
        sentences = list(dict.fromkeys(one.sentence for one in report.refusals()))
        raise NotDone(REFUSED if report.errors else NEEDS_REASON, {WHOLE_ROW: sentences})
    return report.records


def _code_of(box: StorageBox, performed_at: Any) -> str:
    """Return a code that no check has yet: box and day, then a number."""
    first = f"{box.code[:48]}-{timezone.localdate(_instant(performed_at))}"
    taken = set(BoxCheck.objects.filter(code__startswith=first).values_list("code", flat=True))
    number = 2
    code = first
    while code in taken:
        code, number = f"{first}-{number}", number + 1
    return code


def _instant(text: Any) -> datetime | None:
    """Return when the check was made; None (now) where that cannot be read: the form of a check says so."""
    try:
        found = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and timezone.is_aware(found) else None
