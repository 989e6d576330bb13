"""What every page needs to know about accounts."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from labdb.accounts.people import sees_people


def people_link(request: HttpRequest) -> dict[str, Any]:
    """Say whether the navigation leads to the list of people; asked only by pages that have one."""
    user = getattr(request, "user", None)
    return {"has_people_link": SimpleLazyObject(lambda: user is not None and sees_people(user))}
