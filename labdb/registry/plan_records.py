"""What plans that are drawn by chance have in common: inputs that make them again, and storing all or nothing."""

import json
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from labdb.registry.import_report import ImportReport

LARGEST_SEED = 2**31 - 1


class PlanRefused(Exception):
    """A plan cannot be made or stored; the text is a sentence."""


class Repeatable:
    """A dataclass of all that decides a plan, by codes; its digest says whether two plans were made from the same."""

    @property
    def snapshot(self) -> str:
        """As JSON, always spelled alike."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)  # type: ignore[call-overload]

    @property
    def digest(self) -> str:
        """SHA-256 of the snapshot."""
        return sha256(self.snapshot.encode()).hexdigest()


def refuse_untrusted(plan: Any, drawn_by: str, version: str) -> None:
    """Raise PlanRefused unless a stored plan can be drawn again: seed, inputs of its digest, this version of the draw.

    Parameters
    ----------
    plan : model instance
        With ``seed``, ``input_snapshot`` and ``input_digest``.
    drawn_by, version : str
        The version of the algorithm that drew it, and the one that would draw it again.
    """
    if plan.seed is None:
        raise PlanRefused(f"{plan} has no seed, so that it cannot be drawn again.")
    if sha256(plan.input_snapshot.encode()).hexdigest() != plan.input_digest:
        raise PlanRefused(
            f"The inputs of {plan} do not have its digest: one of the two was changed since. "
            "The history of the record says when and by whom."
        )
    if drawn_by != version:
        raise PlanRefused(
            f"{plan} was drawn by version {drawn_by} of the algorithm, and this is version "
            f"{version}; repeat it with the labdb of its day."
        )


def stored_rows(report: ImportReport) -> Any:
    """Return the rows that were stored; PlanRefused with the first sentence when they were not."""
    if not report.is_stored:
        first = report.refusals()[0]
        raise PlanRefused(f"{first.column.replace('_', ' ')}: {first.sentence}" if first.column else first.sentence)
    return report.records
