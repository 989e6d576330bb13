"""How many requests of REST are answered in a minute: so that a script that runs wild leaves the pages some room.

Counted by each web process for itself, and by whole minutes: it need not be exact. A limit of 0 is none.
"""

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

WINDOW_S = 60


def _wait_s(scope: str, who: Any) -> int:
    """Count a request; return the seconds to wait if it is beyond the limit, else 0."""
    limit = settings.REST_REQUESTS_PER_MINUTE[scope]
    minute, elapsed_s = divmod(int(time.time()), WINDOW_S)
    if not limit:
        return 0
    key = f"rest-{scope}-{who}-{minute}"
    cache.add(key, 0, WINDOW_S)
    try:
        n_requests = cache.incr(key)
    except ValueError:  # dropped between the two: the cache holds so much and no more
        return 0
    return WINDOW_S - elapsed_s if n_requests > limit else 0


def count_anonymous(request: Any) -> None:
    """Count a request that nobody signed; Throttled beyond the limit.

    By the address that the connection comes from: what a request says of itself anybody can make up.
    """
    if wait_s := _wait_s("anonymous", request.META.get("REMOTE_ADDR", "")):
        raise Throttled(wait_s)


class AccountThrottle(BaseThrottle):
    """Counts the requests of an account, and its exports by a number of their own."""

    wait_s = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether the request is within the limits."""
        scopes = ["token"] if "export" not in request.query_params else ["token", "export"]
        self.wait_s = max(_wait_s(scope, request.user.pk) for scope in scopes)
        return not self.wait_s

    def wait(self) -> float | None:
        """Return for how long (s) to wait."""
        return self.wait_s or None
