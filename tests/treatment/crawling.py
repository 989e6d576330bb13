"""Going through every address that a page leads to, and reading what is answered as one who looks for a secret would."""

import html
import io
import re
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

LINK = re.compile(r"""["'](/(?!/|static/|vendor/)[^"'<>\s\\]*)["']""")
ELSEWHERE = ("/accounts/logout/", "/admin/logout/", "/admin/jsi18n/")
EMPTY = re.compile(  # forms; and of the admin, which asks where all doors do, all but the records of treatment
    r"(record-import|record-add|list-views|list-action|attachment-add|record-grid-\w+|admin:(?!treatment)\S*|admin:\w+_add)$"
)
PICTURES = (".png", ".pdf", ".html")  # of a figure that is read as .svg and .json
OF_ONE_VISIT = (
    re.compile(  # what differs from one visit to the next, whatever is stored: tokens, numbers drawn, the time
        r'name="csrfmiddlewaretoken" value="[^"]*"|(?i:X-CSRFToken)[^}]*?[\n}]|data-csrf="[^"]*"|data-bench-now="[^"]*"'
        r"|[\d.]+\s[GM]B(?= free|</dd>)"
        r'|name="seed" value="\d+"|\?seed=\d+|\bclip\d+'
        r"|_\d{4}-\d\d-\d\d_\d{4}(?=\.)|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?|\b\d\d:\d\d(?::\d\d)?\b"
    )
)
OF_THE_CLOCK = ("Date", "Content-Length", "Expires", "Last-Modified")
ENOUGH = 1  # addresses of one kind: of a list with a question, of a page of one record


@dataclass(frozen=True)
class Answer:
    """What an address answered."""

    status: int
    text: str

    def tells(self, words: Any) -> list[str]:
        """Return the words that stand in it, however they are written."""
        said = self.text.casefold()
        return [word for word in words if word.casefold() in said]


def ask(client: Client, address: str, **headers: str) -> Answer:
    """Get an address: status, headers and body as one text, a workbook unpacked."""
    response: Any = client.get(address, headers=headers)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    if body[:2] == b"PK":
        book = zipfile.ZipFile(io.BytesIO(body))
        body = b"\n".join(book.read(name) for name in sorted(book.namelist()) if "docProps" not in name)
    said = {name: value for name, value in response.headers.items() if name not in OF_THE_CLOCK}
    text = f"{said}\n{body.decode('utf-8', 'replace')}"
    return Answer(response.status_code, OF_ONE_VISIT.sub("", text))


@dataclass
class Crawl:
    """A walk over the site, breadth first."""

    client: Client
    seen: dict[str, Answer] = field(default_factory=dict)
    _kinds: Counter[tuple[Any, ...]] = field(default_factory=Counter)

    def run(self, *starts: str, at_most: int = 2000) -> dict[str, Answer]:
        """Follow every link from these addresses, a few of each kind."""
        waiting = list(starts)
        for start in starts:
            self._is_new(start)
        while waiting and len(self.seen) < at_most:
            address = waiting.pop(0)
            answer = self.seen[address] = ask(self.client, address)
            waiting += [link for link in _links(answer.text) if self._is_new(link)]
        return self.seen

    def _is_new(self, address: str) -> bool:
        if address.startswith(ELSEWHERE) or urlsplit(address).path.endswith(PICTURES):
            return False
        kind = _kind_of(address)
        if kind is None or self._kinds[address,]:
            return False
        self._kinds[address,] += 1
        self._kinds[kind] += 1
        return self._kinds[kind] <= ENOUGH


def _links(text: str) -> list[str]:
    found = (html.unescape(link).partition("#")[0] for link in LINK.findall(html.unescape(text)))
    return list(dict.fromkeys(link for link in found if link))


def _kind_of(address: str) -> tuple[Any, ...] | None:
    """Return what an address is of: its view, the words in it that are no numbers, and whether it asks."""
    parts = urlsplit(address)
    try:
        found = resolve(unquote(parts.path))
    except Resolver404:
        return None
    if EMPTY.match(found.view_name):
        return None
    words = tuple(
        str(value) for name, value in sorted(found.kwargs.items()) if name in ("resource", "name", "file_format")
    )
    return found.view_name, words, bool(parts.query)
