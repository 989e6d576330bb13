"""Where a grid is checked and saved: JSON in and out, and an answer in words for whatever comes."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from labdb.registry.entry_receipts import KeyOfAnother
from labdb.registry.grid_entry import GridSheet, Malformed, check_grid, read_sheet, save_grid
from labdb.registry.page_context import PageContext

SIGNED_OUT = "You are signed out; sign in again. What was typed is kept on this device."
MUST_CHANGE = "Your password was set by someone else; set one of your own first, then save."
View = Callable[[HttpRequest, str], JsonResponse]


def answered(view: View) -> View:
    """Answer 401 instead of leading to the sign-in page, and refuse in a sentence what is no grid."""

    @login_not_required
    @require_POST
    @wraps(view)
    def answer(request: HttpRequest, resource: str) -> JsonResponse:
        if not request.user.is_authenticated:
            return JsonResponse({"state": "signed_out", "sentences": [SIGNED_OUT]}, status=401)
        if getattr(request.user, "must_change_password", False):  # its middleware leaves open views alone
            return JsonResponse({"state": "refused", "sentences": [MUST_CHANGE]}, status=403)
        try:
            return view(request, resource)
        except (Malformed, KeyOfAnother) as error:
            return JsonResponse({"state": "refused", "sentences": [str(error)]}, status=400)

    return answer


@answered
def grid_check(request: HttpRequest, resource: str) -> JsonResponse:
    """Say what is wrong with the rows of a grid; nothing is stored."""
    context, _sent, sheet = _read(request, resource)
    check = check_grid(context.record, sheet, user=request.user, study=context.entry_study)
    return JsonResponse({**check.as_json(), "state": check.state})


@answered
def grid_save(request: HttpRequest, resource: str) -> JsonResponse:
    """Store the rows of a grid, all or none, once for each key that the page makes."""
    context, sent, sheet = _read(request, resource)
    try:
        key = UUID(str(sent.get("key", "")))
    except ValueError:
        raise Malformed("A save needs a key of its own, a random UUID; reload the page.") from None
    if not sheet.rows:
        raise Malformed("There is no row to save; type one.")
    return JsonResponse(save_grid(context.record, sheet, key, user=request.user, study=context.entry_study))


def _read(request: HttpRequest, resource: str) -> tuple[PageContext, dict[str, Any], GridSheet]:
    context = PageContext.of(request, resource)
    if context.record.read_only:
        context.require("add")
    try:
        sent = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Malformed("This is not JSON; reload the page.") from None
    return context, sent, read_sheet(context.record, sent)
