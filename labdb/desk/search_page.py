"""The search: what opens under the box while one types, the page of all that was found, and where a label leads."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from labdb.desk.search import Found, Rank, find
from labdb.registry.form_fields import is_storable

LONGEST = 200  # characters of what is looked for
BELOW_THE_BOX, ON_THE_PAGE = 4, 25  # records of each kind
UNFINISHED = "Names that only hold this were not looked through, they are too many; type how a name begins."
PAGES_OF_LABELS = ("record-detail", "mouse-page", "study-page", "gene-page", "analysis-run")


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Answer what was found; a name that one record alone has, and the address on a label, lead to it at once."""
    text = request.GET.get("q", "").strip()
    if path := _path_of_label(text):
        return redirect(path)
    if sentence := _refusal(text):
        return _answer(request, {"found": Found(text[:LONGEST]), "sentence": sentence})
    found = find(text, request.user, most=BELOW_THE_BOX if request.headers.get("HX-Request") else ON_THE_PAGE)
    only = found.only
    if only is not None and not request.headers.get("HX-Request") and "all" not in request.GET:
        if only.rank == Rank.FORMER:
            messages.info(request, f"{found.text} is called {only.title} now.")
        return redirect(only.url)
    return _answer(request, {"found": found, "sentence": _sentence(found)})


def _answer(request: HttpRequest, words: dict[str, Any]) -> HttpResponse:
    is_part = bool(request.headers.get("HX-Request"))
    response = render(request, "desk/_found.html" if is_part else "desk/search.html", {**words, "is_part": is_part})
    patch_vary_headers(response, ["HX-Request"])
    return response


def _path_of_label(text: str) -> str:
    """Return the path where a label holds the address of a record; the host may be called otherwise by now."""
    if not text.startswith(("http://", "https://")):
        return ""
    try:
        path = urlsplit(text).path
        return path if resolve(path).url_name in PAGES_OF_LABELS else ""
    except (Resolver404, ValueError):
        return ""


def _refusal(text: str) -> str:
    if len(text) > LONGEST:
        return f"{len(text)} characters are too long for a name; enter at most {LONGEST}."
    return "" if is_storable(text) else "Text cannot hold NUL or half characters; type it anew."


def _sentence(found: Found) -> str:
    """Say that nothing was found, and what may have been meant; or that not everything was looked through."""
    if not found.text:
        return ""
    if found.groups:
        return UNFINISHED if found.is_cut else ""
    unknown = f"Nothing that you may see is or was called {found.text}."
    if found.nearest:
        return f"{unknown} The nearest names are listed below."
    if found.is_cut:
        return f"{unknown} {UNFINISHED}"
    return (
        f"{unknown} A code, an ear tag, a gene, a label such as STUDY-M001 or #12 is found, also by its first letters."
    )
