"""Where a grid is checked and saved: JSON in and out, and an answer in words for whatever comes."""

import json
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from labdb.registry.entry_receipts import KeyOfAnother
from labdb.registry.grid_entry import GridSheet, Malformed, check_grid, read_sheet, save_grid
from labdb.registry.json_doors import answered_in_json
from labdb.registry.page_context import PageContext

View = Callable[[HttpRequest, str], JsonResponse]


def _refusal(sentence: str, status: int) -> JsonResponse:
    state = "signed_out" if status == HTTPStatus.UNAUTHORIZED else "refused"
    return JsonResponse({"state": state, "sentences": [sentence]}, status=status)


def answered(view: View) -> View:
    """Answer in words who is signed out, and refuse in a sentence what is no grid."""

    @answered_in_json(_refusal)
    @require_POST
    @wraps(view)
    def answer(request: HttpRequest, resource: str) -> JsonResponse:
        try:
            return view(request, resource)
        except (Malformed, KeyOfAnother) as error:
            return _refusal(str(error), 400)

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
