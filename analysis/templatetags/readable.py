"""Numbers as papers print them."""

import math
from typing import Any

from django import template

from analysis import run_story, summaries

register = template.Library()
MOST_PLACES = 8


@register.filter
def p(value: Any) -> str:
    """Return a p-value; a dash where there is none."""
    return "–" if value is None or value == "" else summaries.probability(value)


@register.filter
def percent(value: float | None) -> str:
    """Return a fraction in percent; a dash where there is none."""
    return "–" if value is None else summaries.percent(value)


@register.filter
def places(value: Any, digits: int = 2) -> str:
    """Return a number to so many places with a true minus sign; a dash where there is none."""
    if value is None or value == "":
        return "–"
    rounded = round(float(value), digits) + 0.0  # no "−0.00"
    return f"{rounded:.{digits}f}".replace("-", "−")


@register.filter
def precise(value: Any, scale: float | None) -> str:
    """Return a number to so many places as show four digits of its scale, such as the mean that it differs from."""
    places_of_scale = 2 if not scale else 3 - math.floor(math.log10(abs(scale)))
    return places(value, min(max(places_of_scale, 0), MOST_PLACES))


@register.filter
def interval(low: float | None, high: float | None) -> str:
    """Return both ends of an interval; without an upper end what it sets no bound to, and nothing where there is none."""
    if low is None:
        return ""
    return f"{places(low)} or more" if high is None else f"{places(low)} to {places(high)}"


@register.filter
def signed(value: int) -> str:
    """Return a whole number with its sign, a true minus."""
    return f"{value:+d}".replace("-", "−")


@register.filter
def words(value: str) -> str:
    """Return a stored name as people write it: ``non_responder`` as non-responder, tasks with spaces."""
    return str(value).replace("non_responder", "non-responder").replace("_", " ") if value != "rrho" else "RRHO"


@register.filter
def silence(run: Any) -> str:
    """Return that a working run gives no sign of life, and what will come of it; nothing while it does."""
    return run_story.silence(run)
