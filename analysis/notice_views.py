"""The bell, and the page behind it: which runs that one asked for have ended, and how."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_GET, require_POST

from analysis.notices import UNREAD, mark_read, notices_of

SHOWN = 50


def bell(request: HttpRequest) -> dict[str, Any]:
    """Count for the navigation what one has not looked at, as of the beginning of the request."""
    return {"unread_notices": SimpleLazyObject(lambda: getattr(getattr(request, "user", None), UNREAD, 0))}


@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """Answer the notices of the account; a run's own page marks its notice as read."""
    return render(request, "analysis/notices.html", {"notices": notices_of(request.user)[:SHOWN]})


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark all notices as read."""
    mark_read(request.user)
    return redirect("run-notices")
