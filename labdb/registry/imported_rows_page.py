"""What an import made and changed, line by line, and the way back."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from labdb.registry import permissions
from labdb.registry.cells import detail_url
from labdb.registry.import_log import Import, ImportedRow
from labdb.registry.listing import page_number
from labdb.registry.page_context import PageContext
from labdb.registry.record import record_for
from labdb.registry.refused_imports import answered_by
from labdb.registry.undo import CannotUndo, undo_import

RESOURCE = "imports"
PAGE_ROWS = 100


@require_http_methods(["GET", "HEAD", "POST"])
def import_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the reason, saying what goes or what stands in the way; then take the import back."""
    context = PageContext.of(request, RESOURCE)
    log = context.row_or_404(pk)
    is_try = request.method != "POST"
    obstacles: list[str] = []
    try:
        undo_import(log, request.user, request.POST.get("reason", ""), dry_run=is_try)
    except CannotUndo as error:
        if error.is_forbidden:
            raise PermissionDenied(str(error)) from error
        obstacles = error.obstacles
    else:
        if not is_try:
            messages.success(request, f"{str(log).capitalize()} undone; the history keeps what it was.")
            return redirect("record-detail", RESOURCE, pk)
    words = {**context.for_template(log.study), "log": log, "obstacles": obstacles, "row_url": detail_url(log)}
    return render(request, "registry/undo.html", words, status=409 if obstacles and not is_try else 200)


@require_safe
def import_rows_table(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a page of the rows that an import wrote, each with the line that says so: a part of the import's page."""
    log = PageContext.of(request, RESOURCE).row_or_404(pk)
    if log.is_refused:
        return render(request, "registry/_import_refusal.html", {"log": log, **_refusal(log, request.user)})
    number = page_number(request.GET.get("page", ""))
    start = (number - 1) * PAGE_ROWS
    rows = list(log.rows.order_by("pk")[start : start + PAGE_ROWS + 1])
    words = {
        "log": log,
        "rows": _named(rows[:PAGE_ROWS], request.user),
        "previous": number - 1,
        "next": number + 1 if len(rows) > PAGE_ROWS else 0,
    }
    return render(request, "registry/_imported_rows.html", words)


def _refusal(log: Import, user: Any) -> dict[str, Any]:
    """Return the sentences kept of a refused import, None where they are not for this account, and how many are not kept."""
    if not Import.objects.filter(answered_by(user), pk=log.pk).exists():
        return {"sentences": None}
    sentences = log.refusal.splitlines()
    return {"sentences": sentences, "n_more": log.n_errors - len(sentences)}


def _named(rows: list[ImportedRow], user: Any) -> list[dict[str, Any]]:
    """Return the rows with the records they became, as far as the account may see them."""
    ids: dict[str, list[int]] = {}
    for row in rows:
        ids.setdefault(row.resource, []).append(row.record_id)
    stored: dict[str, dict[int, models.Model]] = {
        name: permissions.visible(record_for(name).model._default_manager.all(), user).in_bulk(of_record)
        for name, of_record in ids.items()
    }
    named = []
    for row in rows:
        now = stored[row.resource].get(row.record_id)
        what = record_for(row.resource).model._meta.verbose_name
        named.append(
            {"row": row, "what": what, "name": str(now or ""), "url": detail_url(now) if now is not None else ""}
        )
    return named
