"""Attaching, showing and removing a file on the page of a record."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from labdb.registry import permissions
from labdb.registry.attachments import Attachment, attach
from labdb.registry.file_store import FileProblem, open_file
from labdb.registry.forms import Conflict, conflicts, forbidden_sentence
from labdb.registry.page_context import PageContext
from labdb.registry.record import record_for


@require_POST
def attachment_add(request: HttpRequest, resource: str, pk: int) -> HttpResponse:
    """Attach a file to a record that the account may change."""
    row = PageContext.of(request, resource).row_or_404(pk)
    require_change(request.user, row)
    upload = next((one for one in request.FILES.getlist("file") if one.name), None)
    try:
        with conflicts(Attachment):
            made = attach(row, upload, request.POST.get("description", ""), user=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except Conflict as conflict:
        messages.error(request, str(conflict))
    else:
        messages.success(request, f"{made} attached.")
    return redirect("record-detail", resource, pk)


@require_safe
def attachment_file(request: HttpRequest, pk: int) -> Any:
    """Send a file to whoever may see its record."""
    found, _row = attachment_or_404(pk, request.user)
    return send_file(found)


@require_POST
def attachment_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a file from a record; its bytes stay, for the history names them."""
    found, row = attachment_or_404(pk, request.user)
    require_change(request.user, row)
    try:
        with conflicts(Attachment):
            found.delete()
    except Conflict as conflict:
        messages.error(request, str(conflict))
    else:
        messages.success(request, f"{found} removed; the history keeps that it was there.")
    return redirect("record-detail", found.resource, found.record_id)


def attachment_or_404(pk: int, user: Any) -> tuple[Attachment, Any]:
    """Return an attachment and its record; one of a record that the account does not see is as good as none."""
    found = Attachment.objects.filter(pk=pk).first()
    row = None
    if found is not None:
        rows = permissions.visible(record_for(found.resource).model._default_manager.all(), user)
        row = rows.filter(pk=found.record_id).first()
    if found is None or row is None:
        raise Http404(f"There is no attachment {pk}.")
    return found, row


def require_change(user: Any, row: Any) -> None:
    """Refuse, in a sentence, to change what is attached to a record that the account may not change."""
    if sentence := refusal(user, row):
        raise PermissionDenied(sentence)


def refusal(user: Any, row: Any) -> str:
    """Say why an account may not attach files to a record; empty where it may."""
    place = permissions.place_of(row)
    if permissions.is_closed_to("change", Attachment, place):
        return permissions.closed_sentence(place)  # a closed study itself could still be changed: opened
    if permissions.may(user, "change", type(row), place):
        return ""
    return forbidden_sentence("change", type(row), place)


def send_file(found: Attachment) -> FileResponse:
    """Answer the bytes; pictures and PDFs to be shown, all else to be stored, so that none of it runs as a page."""
    try:
        content = open_file(found.sha256)
    except FileProblem as problem:
        raise Http404(str(problem)) from None
    kind = found.media_type if found.is_shown_inline else "application/octet-stream"
    answer = FileResponse(content, as_attachment=not found.is_shown_inline, filename=found.file_name, content_type=kind)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-cache"
    return answer
