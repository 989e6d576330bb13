"""The script that keeps pages of the bench for a reload without a network."""

from functools import cache

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

SCOPE = "/"  # each page asks for the part under which it lies: of its study, or of the boxes


@login_not_required  # a browser asks for it whenever it likes
@require_safe
def bench_worker(request: HttpRequest) -> HttpResponse:
    """Send the script, allowed for pages that lie above its own address; as a static file it could not be."""
    headers = {"Service-Worker-Allowed": SCOPE, "Cache-Control": "no-cache"}
    return HttpResponse(_script(), content_type="text/javascript; charset=utf-8", headers=headers)


@cache
def _script() -> bytes:
    return (settings.CHECKOUT / "static/labdb/bench-worker.js").read_bytes()
