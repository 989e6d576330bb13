"""Views that the scripts of our pages ask: an answer in JSON, also to who is signed out."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse

from labdb.registry.headers import WHOLE_ROW

SIGNED_OUT = "You are signed out; sign in again. What was entered is kept on this device."
MUST_CHANGE = "Your password was set by someone else; set one of your own first."
Words = Callable[[str, int], JsonResponse]
View = Callable[..., JsonResponse]


def sentence(text: str, status: int) -> JsonResponse:
    """Answer one sentence about all that was sent."""
    return JsonResponse({WHOLE_ROW: [text]}, status=status)


def answered_in_json(words: Words = sentence) -> Callable[[View], View]:
    """Decorate a view: 401 in words instead of the page to sign in, 403 while a password must be changed.

    Parameters
    ----------
    words : callable
        Makes the answer of a sentence and a status.
    """

    def decorate(view: View) -> View:
        @login_not_required
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
            if not request.user.is_authenticated:
                return words(SIGNED_OUT, 401)
            if getattr(request.user, "must_change_password", False):  # its middleware leaves open views alone
                return words(MUST_CHANGE, 403)
            return view(request, *args, **kwargs)

        return answer

    return decorate
