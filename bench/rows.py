"""One row of the table that `make bench` prints."""

from typing import Any


def row(
    what: str, measured: float, unit: str, reference: float | None, reference_what: str, target: float | None
) -> dict[str, Any]:
    """Return a row; lower is better, and without a target nothing is held to it."""
    return {
        "what": what, "measured": measured, "unit": unit, "reference": reference, "reference_what": reference_what,
        "target": target,
    }  # fmt: skip
