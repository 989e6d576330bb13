"""A tube by what a scanner reads from it: its code, STUDY-CODE, a code that it had, or the address in a QR code."""

import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.db.models import Q, QuerySet

from labdb.registry.former_names import rows_formerly
from labdb.registry.keys import LARGEST_ID
from labdb.registry.name_search import folded
from labdb.registry.record import record_for
from labdb.tissue.models import TissueSample

LONGEST = 300  # characters; more is no code
MOST = 10  # tubes of one code, of as many studies
ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def read_code(text: str) -> tuple[str, int | None]:
    """Return the name that a scanner read, without blanks, and the id where it read the address of a record."""
    text = "".join(text.replace("\0", "").split())[:LONGEST]
    if not ADDRESS.match(text):
        return text, None
    try:
        address = urlsplit(text)
    except ValueError:
        return text, None
    of_record = re.search(rf"/{record_for(TissueSample).resource}/(\d{{1,19}})/?$", address.path)
    if of_record and int(of_record[1]) <= LARGEST_ID:
        return "", int(of_record[1])
    asked = parse_qs(address.query)
    for name in ("q", "search", "code"):
        if asked.get(name):
            return asked[name][0], None
    return unquote(address.path.rstrip("/").rpartition("/")[2]), None


def find_tubes(text: str, user: Any) -> list[TissueSample]:
    """Return the tubes that are called so, whatever the case, else those that once were; several where studies share a code."""
    name, pk = read_code(text)
    seen = TissueSample.objects.visible_to(user).select_related("study", "mouse", "region", "box")
    if pk is not None:
        return list(seen.filter(pk=pk))
    if not name:
        return []
    return _called(seen, name) or _once_called(seen, name)


def _called(seen: QuerySet, name: str) -> list[Any]:
    named = seen.annotate(found_as=folded("code"))
    condition = Q(found_as=name.upper())
    for study, code in _labels(name):
        condition |= Q(study__code__iexact=study, found_as=code.upper())
    return list(named.filter(condition).order_by("study__code", "code")[:MOST])


def _once_called(seen: QuerySet, name: str) -> list[Any]:
    found = dict.fromkeys(one for some in rows_formerly(seen, _cases(name)).values() for one in some)
    for study, code in _labels(name):
        of_study = rows_formerly(seen.filter(study__code__iexact=study), _cases(code))
        found |= dict.fromkeys(one for some in of_study.values() for one in some)
    return list(found)[:MOST]


def _cases(name: str) -> set[str]:
    return {name, name.upper(), name.lower()}


def _labels(name: str) -> list[tuple[str, str]]:
    """Return study and code wherever a hyphen may part them: either may hold hyphens itself."""
    return [(name[:at], name[at + 1 :]) for at, letter in enumerate(name) if letter == "-" and name[at + 1 :]]
