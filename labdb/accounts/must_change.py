"""A one-time password opens one page: that on which its owner sets another."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

SENTENCE = "Your password was set by someone else; set one of your own at {url} first."


class MustChangePassword:
    """Lead an account with a one-time password to the page that changes it, from every other page.

    A script that signs in with a token has no password to change, and goes on.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Let the request go its way; the view is what is held back."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Return the answer in place of the view's, or None to let the view answer."""
        if not getattr(request.user, "must_change_password", False):
            return None
        own_page = reverse("own-password")
        if request.path.startswith("/api/"):
            return (
                None if _has_token(request) else JsonResponse({"__all__": [SENTENCE.format(url=own_page)]}, status=403)
            )
        if request.path in (own_page, reverse("logout")) or not getattr(view, "login_required", True):
            return None
        if request.headers.get("HX-Request"):
            return HttpResponse(headers={"HX-Redirect": own_page})
        wanted = f"?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else ""
        return redirect(own_page + wanted)


def _has_token(request: HttpRequest) -> bool:
    """Whether REST looks at a token, and so at no session."""
    return request.headers.get("Authorization", "").lower().startswith("token ")
