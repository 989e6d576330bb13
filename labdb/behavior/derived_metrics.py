"""Metrics that follow from two others of the same mouse and session: computed, never typed beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from labdb.registry.findings import Finding

TOLERANCE = 1 + 1e-9  # a sum of weighings is not exact


@dataclass(frozen=True)
class Derived:
    """A share: one metric over another, times a factor."""

    name: str
    part: str
    whole: str
    factor: float

    @property
    def formula(self) -> str:
        """How it is computed, as pages say it."""
        return f"{self.part} / {self.whole} × {self.factor:g}"

    def of(self, part: float, whole: float) -> float | None:
        """Return the share; None where nothing of either was taken."""
        return part / whole * self.factor if whole > 0 else None


DERIVED = {
    one.name: one
    for one in (Derived("sucrose_preference_percent", "sucrose_intake_g", "sucrose_total_intake_g", 100.0),)
}


def parts_beyond_their_whole(rows: Sequence[Any], others: Any) -> Iterator[Finding]:
    """Refuse a part that is more than its whole, in the same mouse and session."""
    for one in DERIVED.values():
        mine = [(number, row) for number, row in enumerate(rows) if row.metric.name in (one.part, one.whole)]
        if not mine:
            continue
        mice = {row.mouse_id for _number, row in mine}
        stored = others.filter(mouse__in=mice, metric__name__in=(one.part, one.whole))
        values = {
            (mouse, session, name): value
            for mouse, session, name, value in stored.values_list("mouse_id", "session", "metric__name", "value")
        }
        values |= {(row.mouse_id, row.session, row.metric.name): row.value for _number, row in mine}
        for number, row in mine:
            part, whole = (values.get((row.mouse_id, row.session, name)) for name in (one.part, one.whole))
            if part is not None and whole is not None and part > whole * TOLERANCE:
                sentence = (
                    f"{one.part} of {row.mouse} is {part:g}, more than {one.whole} ({whole:g}); correct one of the two."
                )
                yield Finding(number, "value", sentence)
