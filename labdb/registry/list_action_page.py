"""The page of an action on chosen rows: what is asked, what it would do, and the button that does it."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from labdb.registry import permissions
from labdb.registry.entry_fields import EntryField, fields_of
from labdb.registry.entry_receipts import KeyOfAnother
from labdb.registry.form_fields import is_storable
from labdb.registry.forms import REASON, Conflict, forbidden_sentence, form_for
from labdb.registry.list_actions import ListAction, actions_of, carry_out, preview, was_carried_out
from labdb.registry.models import counted
from labdb.registry.page_context import PageContext
from labdb.registry.selection import Selection, SelectionError, selected

NAMED = 40  # chosen rows by name; the rest are counted
SHOWN = 200  # rows of a preview
CHANGED_SINCE = "Some of these rows were changed since this was shown; look at it as it is now, then do it."


@require_http_methods(["GET", "HEAD", "POST"])
def list_action(request: HttpRequest, resource: str, name: str) -> HttpResponse:
    """Ask, preview, do; everything is sent, so that an address never does anything."""
    context = PageContext.of(request, resource)
    context.require("view")
    action = _action_named(context, name)
    if request.method != "POST":
        messages.info(request, f"Tick {context.record.title()} first, then choose what is done.")
        return HttpResponseRedirect(context.address("list"))
    try:
        chosen = selected(context, request.POST)
    except SelectionError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(_back(request, context))
    if not action.needs_answers:
        return action.answer(request, context, chosen.rows)
    return _page(request, context, action, chosen)


def _action_named(context: PageContext, name: str) -> ListAction:
    found = next((action for action in actions_of(context) if action.name == name), None)
    if found is None:
        known = context.record.title()
        raise Http404(f"Nothing called {name} is done to {known} by your role.")
    return found


def _back(request: HttpRequest, context: PageContext) -> str:
    """Return the list as it was, where the page says how."""
    address = request.POST.get("back", "")
    meta = context.record.model._meta
    lists = (context.address("list").split("?")[0], reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"))
    is_ours = url_has_allowed_host_and_scheme(address, None) and address.startswith(lists)
    return address if is_ours else context.address("list")


def _page(request: HttpRequest, context: PageContext, action: ListAction, chosen: Selection) -> HttpResponse:
    names = action.asked(context, request.POST)
    answers = {name: request.POST[name] for name in names if name in request.POST}
    reason = request.POST.get(REASON, "").strip()
    step = request.POST.get("step", "")
    words: dict[str, Any] = {"reason": reason}
    if step == "do" and (written := was_carried_out(_key(request), request.user)) is not None:
        return _done(request, context, action, chosen, written)
    has_answers = bool(names) and len(answers) == len(names)
    if step in ("preview", "do") and not all(is_storable(text) for text in (*answers.values(), reason)):
        words["sentence"] = "Text cannot hold NUL or half characters; type it anew."
    elif step in ("preview", "do") and (
        lacking := [name for name in action.needed if not answers.get(name, "").strip()]
    ):
        words["sentence"] = f"Enter the {', the '.join(lacking)} first."
    elif step in ("preview", "do") and has_answers:
        shown = preview(action, context, chosen.rows, answers)
        words["shown"] = shown
        if step == "do" and shown.lines and not shown.errors and (reason or not shown.warnings):
            if chosen.versions == request.POST.get("seen"):
                try:
                    written = carry_out(shown, user=request.user, reason=reason, key=_key(request))
                    return _done(request, context, action, chosen, written)
                except (Conflict, KeyOfAnother) as error:
                    words["sentence"] = str(error)
            else:
                words["sentence"] = CHANGED_SINCE
    words |= _words(request, context, action, chosen, answers, names)
    return render(request, "registry/list_action.html", words)


def _done(
    request: HttpRequest, context: PageContext, action: ListAction, chosen: Selection, written: int
) -> HttpResponse:
    messages.success(
        request,
        f"{action.label}: done for {counted(context.record.model, len(chosen.rows))} ({written:,} records written).",
    )
    return HttpResponseRedirect(_back(request, context))


def _key(request: HttpRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        return uuid.uuid4()


def _words(
    request: HttpRequest, context: PageContext, action: ListAction, chosen: Selection, answers: Mapping[str, str],
    names: tuple[str, ...],
) -> dict[str, Any]:  # fmt: skip
    studies = {permissions.study_of(row) for row in chosen.rows}
    study = studies.pop() if len(studies) == 1 else None
    target = action.target(context)
    if not permissions.may(context.user, action.right, target.model, study):
        raise PermissionDenied(forbidden_sentence(action.right, target.model, study))
    return {
        **context.for_template(study),
        "action": action,
        "chosen": chosen,
        "n_chosen": counted(context.record.model, len(chosen.rows)),
        "named": chosen.rows[:NAMED],
        "more": max(0, len(chosen.rows) - NAMED),
        "most_shown": SHOWN,
        "choices": action.choices(context),
        "field": request.POST.get("field", ""),
        "fields": _fields(request, context, action, answers, names, study),
        "back": _back(request, context),
        "key": uuid.uuid4(),
    }


def _fields(
    request: HttpRequest, context: PageContext, action: ListAction, answers: Mapping[str, str], names: tuple[str, ...],
    study: Any,
) -> list[EntryField]:  # fmt: skip
    """Return the fields that are asked for; what they may say is decided row by row."""
    initial = {**action.initial(context), **answers}
    form = form_for(action.target(context))(user=request.user, study=study, initial=initial)
    return fields_of(form, names, request.user)
