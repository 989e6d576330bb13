"""A box as it stands open on the bench: each tube in its position, moved by a click or a scan."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from analysis.links import storable
from labdb.desk.box_facts import box_state, may_move_anything, tubes_for_script
from labdb.desk.tube_codes import find_tubes, read_code
from labdb.registry.cells import detail_url
from labdb.registry.entry_receipts import KeyOfAnother, once
from labdb.registry.headers import WHOLE_ROW
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import import_dicts
from labdb.registry.json_doors import answered_in_json, sentence
from labdb.registry.permissions import may
from labdb.registry.record import record_for
from labdb.tissue.models import BrainRegion, StorageBox, TissueSample, TubeEvent

DOOR = "box page"
MOST_EVENTS = 500
MOST_BYTES = 2**20
SENT_FIELDS = ("kind", "box", "position", "amount_used_mg", "punches_used", "notes")
NEEDS_REASON = "needs_reason"


class BadBody(ValueError):
    """What was sent cannot be read; the text is a sentence."""


def box_or_404(user: Any, code: str) -> StorageBox:
    """Return the box of this code; 404 for who may see none."""
    boxes = StorageBox.objects.visible_to(user)
    if not may(user, "view", TissueSample):
        boxes = boxes.none()
    found = boxes.filter(code=storable(code)).first()
    if found is None:
        raise Http404(f"There is no box {code[:64]}.")
    return found


@require_safe
@never_cache
@ensure_csrf_cookie
def box(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of a box."""
    found = box_or_404(request.user, code)
    boxes = StorageBox.objects.visible_to(request.user)
    words = {
        "box": found,
        "state": box_state(found, request.user),
        "box_url": detail_url(found),
        "regions": BrainRegion.objects.all(),
        "boxes": boxes.exclude(pk=found.pk).order_by("code"),
        "may_move": may_move_anything(request.user),
        "checks": found.checks.select_related("performed_by")[:3],
    }
    return render(request, "desk/box.html", words)


@answered_in_json()
@require_safe
@never_cache
def stored_box(request: HttpRequest, code: str) -> JsonResponse:
    """Tell what is in a box now."""
    return JsonResponse(box_state(box_or_404(request.user, code), request.user))


@answered_in_json()
@require_safe
@never_cache
def found_tube(request: HttpRequest) -> JsonResponse:
    """Tell which tubes go by what was scanned, wherever they are."""
    text = request.GET.get("code", "")
    tubes = find_tubes(text, request.user)
    name = read_code(text)[0] or text.strip()[:100]
    said = "" if tubes else f"No tube of yours is called {name}."
    return JsonResponse({"tubes": tubes_for_script(tubes, request.user), "sentence": said})


@answered_in_json()
@require_POST
@never_cache
def tube_events(request: HttpRequest) -> JsonResponse:
    """Store what was done with tubes, all or none; sent again it is answered as the first time."""
    user: Any = request.user
    try:
        body = read_body(request)
        rows = event_rows(body.get("events"), user)
        with once(read_key(body), user=user, door=DOOR, resource=record_for(TubeEvent).resource) as entry:
            if entry.receipt is None:
                report = import_dicts(
                    record_for(TubeEvent), rows, user=user, reason=read_text(body, "reason"), door=DOOR
                )
                if not report.is_stored:
                    return refusal_of(report)
                entry.keep({"status": "stored", "n": len(rows)})
    except BadBody as error:
        return sentence(str(error), 400)
    except KeyOfAnother as error:
        return sentence(str(error), 409)
    shown = [one for one in body.get("show", []) if isinstance(one, str)][:2]
    boxes = {code: box_state(box_or_404(user, code), user) for code in shown}
    return JsonResponse({"status": "stored", "boxes": boxes})


def refusal_of(report: ImportReport) -> JsonResponse:
    """Answer why nothing was stored: the sentences, each once; by a status of its own where a reason would do."""
    sentences = list(dict.fromkeys(one.sentence for one in report.refusals()))
    status = "refused" if report.errors else NEEDS_REASON
    return JsonResponse({"status": status, WHOLE_ROW: sentences}, status=422)


def event_rows(sent: Any, user: Any) -> list[dict[str, Any]]:
    """Return rows of the record as a page sent them; BadBody where they are none."""
    if not isinstance(sent, list) or not sent:
        raise BadBody("Nothing was sent; choose a tube first.")
    if len(sent) > MOST_EVENTS:
        raise BadBody(f"{len(sent)} at once; send at most {MOST_EVENTS}.")
    return [_row(one, user) for one in sent]


def _row(sent: Any, user: Any) -> dict[str, Any]:
    pk = sent.get("sample") if isinstance(sent, dict) else None
    if not isinstance(pk, int) or isinstance(pk, bool):
        raise BadBody("A tube is sent by its id; reload the page.")
    given = {name: sent[name] for name in SENT_FIELDS if sent.get(name) not in (None, "")}
    return {**given, "sample": pk, "performed_by": user.get_username()}


def read_body(request: HttpRequest) -> Mapping[str, Any]:
    """Return the object that a page sent; BadBody with a sentence where it is none."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise BadBody(f"More than {MOST_BYTES // 2**20} MB in one request; send less at a time.")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise BadBody("This is not JSON that can be read; reload the page.") from None
    if not isinstance(body, dict):
        raise BadBody("This is no object of JSON; reload the page.")
    return body


def read_key(body: Mapping[str, Any]) -> uuid.UUID:
    """Return the name that the page gave to what it sent."""
    try:
        return uuid.UUID(str(body.get("key", "")))
    except ValueError:
        raise BadBody("What was sent has no key; give it a random UUID, the same each time it is sent.") from None


def read_text(body: Mapping[str, Any], name: str) -> str:
    """Return a text of the body; BadBody where it is none that can be stored."""
    value = body.get(name, "")
    if not isinstance(value, str) or "\0" in value:
        raise BadBody(f"{name} is not a text that can be stored.")
    return value.strip()


def texts_in(value: Any) -> Sequence[str]:
    """Return a list of texts; BadBody for anything else."""
    if not isinstance(value, list) or not all(isinstance(one, str) and "\0" not in one for one in value):
        raise BadBody("A list of texts was expected; reload the page.")
    return value
