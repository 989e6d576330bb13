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


def stored_rows(report: ImportReport) -> Any:
    """Return the rows that were stored; PlanRefused with the first sentence when they were not."""
    if not report.is_stored:
        first = report.refusals()[0]
        raise PlanRefused(f"{first.column.replace('_', ' ')}: {first.sentence}" if first.column else first.sentence)
    return report.records
