"""What is known of a mouse on the day of its dissection: its last dose and test, and whether it was dosed like the others."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max

from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Study
from labdb.registry.permissions import may
from labdb.treatment.adherence import Adherence, adherence_of
from labdb.treatment.models import Dose


@dataclass(frozen=True)
class LastFacts:
    """The last dose and SI test of a mouse, and what is odd about its doses."""

    dosed_at: datetime | None = None
    tested_at: datetime | None = None
    warning: str = ""


def last_facts(study: Study, mice: list[int], user: Any) -> dict[int, LastFacts]:
    """Return the facts of mice (primary keys), as far as this account may know them; three queries."""
    tested: dict[int, datetime] = {}
    if may(user, "view", SocialInteractionTest, study):
        tested = _last(SocialInteractionTest.objects.filter(mouse__in=mice), "test_at")
    if not may(user, "view", Dose, study):
        return {pk: LastFacts(None, tested.get(pk)) for pk in mice}
    doses = Dose.objects.filter(mouse__in=mice)
    dosed, given = _last(doses, "given_at"), adherence_of(doses)
    usual = most_common_n(given)
    return {pk: LastFacts(dosed.get(pk), tested.get(pk), dose_warning(given.get(pk), usual)) for pk in mice}


def _last(rows: Any, at: str) -> dict[int, datetime]:
    found = rows.exclude(**{at: None}).order_by().values_list("mouse").annotate(last=Max(at))
    return dict(found)


def most_common_n(given: dict[int, Adherence]) -> int | None:
    """Return how many doses most of the dosed mice got in full; of two numbers alike, the larger. None without doses."""
    counts = Counter(one.given for one in given.values() if one.due)
    return max(counts, key=lambda n: (counts[n], n)) if counts else None


def dose_warning(given: Adherence | None, usual: int | None) -> str:
    """Say that a mouse was dosed less or more than most; a mouse that was to have none is no exception.

    Examples
    --------
    >>> dose_warning(Adherence(given=12, missed=1, partial=1), 14)
    '12 doses in full where most mice had 14 (1 in part, 1 missed).'
    >>> dose_warning(Adherence(given=14), 14)
    ''
    """
    if given is None or not given.due or usual is None or given.given == usual:
        return ""
    parts = [
        f"{n} {words}"
        for n, words in ((given.partial, "in part"), (given.missed, "missed"), (given.open, "not said"))
        if n
    ]
    lacking = f" ({', '.join(parts)})" if parts else ""
    return f"{given.given} doses in full where most mice had {usual}{lacking}."
