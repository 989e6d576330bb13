"""When an allocation can no longer be replaced: its mouse was dosed, or doses are planned by it."""

from collections.abc import Iterator, Sequence
from typing import Any

from labdb.registry.findings import Finding

PLANNED, GIVEN = "planned", ("given", "partial")


def superseded(rows: Sequence[Any], dose_model: type[Any]) -> Iterator[Finding]:
    """Refuse that a stored allocation ceases to hold while its mouse has doses by it.

    New rows are history that comes in from elsewhere, and are taken as they are.
    """
    ids = [row.pk for row in rows if row.pk is not None and row.superseded_by_id is not None]
    if not ids:
        return
    held = set(type(rows[0])._default_manager.filter(pk__in=ids, superseded_by=None).values_list("pk", flat=True))
    ended = [(number, row) for number, row in enumerate(rows) if row.pk in held]
    doses = dose_model._default_manager.filter(mouse__in={row.mouse_id for _number, row in ended})
    status_of: dict[int, set[str]] = {}
    for mouse, status in doses.order_by().values_list("mouse_id", "status").distinct():
        status_of.setdefault(mouse, set()).add(status)
    for number, row in ended:
        known = status_of.get(row.mouse_id, set())
        if known.intersection(GIVEN):
            yield Finding(
                number, "superseded_by",
                f"{row.mouse} was dosed as {row.code} already, so that its allocation stays; leave it as it is.",
            )  # fmt: skip
        elif PLANNED in known:
            yield Finding(
                number, "superseded_by",
                f"Doses of {row.mouse} are planned by {row.code}; delete the planned doses first.",
            )  # fmt: skip
