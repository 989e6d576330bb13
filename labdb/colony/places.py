"""Where mice are: the housing of a day, and its words."""

from collections.abc import Collection
from datetime import date

from django.db.models import Q

from labdb.colony.models import Housing


def housings_on(mice: Collection[int], day: date) -> dict[int, Housing]:
    """Return the housing of each mouse (primary keys) on a day; on the day of a move, the later one."""
    then = Housing.objects.filter(mouse__in=mice, housed_from__lte=day).filter(
        Q(housed_to=None) | Q(housed_to__gte=day)
    )
    return {housing.mouse_id: housing for housing in then.select_related("cage").order_by("housed_from")}


def place_words(housing: Housing | None) -> str:
    """Return cage, position and side; empty where no housing says it."""
    if housing is None or housing.cage is None:
        return ""
    cage = housing.cage
    return " ".join(
        filter(None, [cage.code, f"({cage.position})" if cage.position else "", housing.get_side_display()])
    )
