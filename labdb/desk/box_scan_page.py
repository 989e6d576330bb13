"""A box gone through with a scanner, on one page: what is in its place, elsewhere, missing, foreign; and what to do."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from labdb.desk.box_check import BadCheck, Found, compare
from labdb.desk.box_facts import box_state, may_move_anything
from labdb.desk.box_page import BadBody, box_or_404, read_body, read_key, read_text, refusal_of, texts_in
from labdb.registry.cells import detail_url
from labdb.registry.entry_receipts import KeyOfAnother, once
from labdb.registry.forms import forbidden_sentence
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import import_dicts
from labdb.registry.json_doors import answered_in_json, sentence
from labdb.registry.permissions import may
from labdb.registry.record import record_for
from labdb.tissue.models import BoxCheck, CheckDecision, CheckedTube, StorageBox, TubeAct, TubeEvent

DOOR = "box check"
MOVED_MEANWHILE = "Somebody moved tubes of this box meanwhile; the page shows them now. Look at the differences again."
MOST_UNKNOWN = 500


class _NotStored(Exception):
    """One of the records was refused, and with it the whole check."""

    def __init__(self, report: ImportReport) -> None:
        super().__init__()
        self.report = report


@require_safe
@never_cache
@ensure_csrf_cookie
def scan(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of a scan session."""
    found = box_or_404(request.user, code)
    if not may_move_anything(request.user) or not may(request.user, "add", BoxCheck):
        raise PermissionDenied(forbidden_sentence("add", BoxCheck))
    words = {"box": found, "state": box_state(found, request.user), "checks": found.checks.all()[:1]}
    return render(request, "desk/box_scan.html", words)


@answered_in_json()
@require_POST
@never_cache
def store_check(request: HttpRequest, code: str) -> JsonResponse:
    """Store a check with what was decided of each tube, all or nothing; sent again it is answered as the first time."""
    user: Any = request.user
    box = box_or_404(user, code)
    try:
        body = read_body(request)
        with once(read_key(body), user=user, door=DOOR, resource=record_for(BoxCheck).resource) as entry:
            if entry.receipt is not None:
                return JsonResponse({**entry.receipt.answer, "state": box_state(box, user)})
            state = box_state(box, user)
            if body.get("digest") != state["digest"]:
                return JsonResponse({"status": "outdated", "__all__": [MOVED_MEANWHILE], "state": state}, status=409)
            found = compare(box, body.get("scanned"), body.get("decisions"), user)
            unknown = list(texts_in(body.get("unknown", [])))[:MOST_UNKNOWN]
            check = _store(box, found, unknown, read_text(body, "notes"), read_text(body, "reason"), user)
            answer = {"status": "stored", "check": check.code, "url": detail_url(check)}
            entry.keep(answer, check.pk)
    except (BadBody, BadCheck) as error:
        return sentence(str(error), 400)
    except KeyOfAnother as error:
        return sentence(str(error), 409)
    except _NotStored as error:
        return refusal_of(error.report)
    return JsonResponse({**answer, "state": box_state(box, user)})


@transaction.atomic
def _store(box: StorageBox, found: list[Found], unknown: list[str], notes: str, reason: str, user: Any) -> BoxCheck:
    """Write the check, its tubes, and what follows from the decisions."""
    who, now = user.get_username(), timezone.now()
    [check] = _written(
        BoxCheck,
        [
            {
                "code": _code_of(box), "box": box.pk, "performed_at": now, "performed_by": who,
                "unknown_codes": "\n".join(unknown), "notes": notes,
            }
        ],
        reason, user,
    )  # fmt: skip
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
        said = {"performed_at": now, "performed_by": who, "notes": f"check {check.code}"}
        _written(TubeEvent, [{**event, **said} for event in events], reason, user)
    return check


def _event(box: StorageBox, one: Found) -> dict[str, Any]:
    if one.decision == CheckDecision.MISSING:
        return {"sample": one.tube.pk, "kind": TubeAct.MISSING}
    return {"sample": one.tube.pk, "kind": TubeAct.PLACED, "box": box.pk, "position": one.position_found}


def _written(model: Any, rows: list[dict[str, Any]], reason: str, user: Any) -> Any:
    report = import_dicts(record_for(model), rows, user=user, reason=reason, door=DOOR)
    if not report.is_stored:
        raise _NotStored(report)
    return report.records


def _code_of(box: StorageBox) -> str:
    """Return a code that no check has yet: box and day, then a number."""
    first = f"{box.code[:48]}-{timezone.localdate()}"
    taken = set(BoxCheck.objects.filter(code__startswith=first).values_list("code", flat=True))
    number = 2
    code = first
    while code in taken:
        code, number = f"{first}-{number}", number + 1
    return code
