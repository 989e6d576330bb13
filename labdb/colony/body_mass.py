"""What weighings of one mouse say against each other: a change that no mouse makes in a day is asked about."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from labdb.colony.models.dates import spell
from labdb.registry.findings import Finding, Grade, stored_beside

# Ours: mice lose a few percent a day of stress and regain it; more is mostly another mouse, or a slip of a finger.
JUMP_PERCENT = 15.0  # in a day, or in less
MOST_PERCENT = 50.0  # however long ago the mouse was weighed before
DAY_S = 86_400.0

Weighed = tuple[datetime, float]  # when, and the body mass (g)


def sudden_changes(rows: Sequence[Any]) -> Iterator[Finding]:
    """Warn of a mass that is far from the one before it; of the mouse's first one, from the one after it."""
    if not rows:
        return
    known = _by_mouse(rows)
    for number, row in enumerate(rows):
        others = known[row.mouse_id]
        at = bisect_left(others, (row.performed_at, 0.0))
        near = others[at - 1] if at else next((one for one in others if one[0] > row.performed_at), None)
        if near is not None and (sentence := _sudden(row, near)):
            yield Finding(number, "body_mass_g", sentence, Grade.WARNING)


def allowed_percent(days: float) -> float:
    """Return the change (%) that is not asked about, so many days after the weighing before."""
    return min(JUMP_PERCENT * max(days, 1.0), MOST_PERCENT)


def _by_mouse(rows: Sequence[Any]) -> dict[int, list[Weighed]]:
    """Return every weighing of the rows' mice, stored or in the sheet, by time."""
    known: dict[int, list[Weighed]] = defaultdict(list)
    for row in rows:
        known[row.mouse_id].append((row.performed_at, row.body_mass_g))
    stored = stored_beside(type(rows[0]), rows).filter(mouse__in=list(known)).order_by()
    for mouse_id, at, mass_g in stored.values_list("mouse_id", "performed_at", "body_mass_g"):
        known[mouse_id].append((at, mass_g))
    for some in known.values():
        some.sort()
    return known


def _sudden(row: Any, near: Weighed) -> str:
    at, before_g = near
    days = abs((row.performed_at - at).total_seconds()) / DAY_S
    percent = 100 * (row.body_mass_g - before_g) / before_g
    if abs(percent) <= allowed_percent(days):
        return ""
    much = f"{abs(percent):.0f} % {'more' if percent > 0 else 'less'}"
    return (
        f"{row.mouse} weighed {before_g:g} g on {spell(at)}; {row.body_mass_g:g} g is {much}. "
        "Check the mouse, the balance and the decimal point."
    )
