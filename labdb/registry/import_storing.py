"""Checked sheets written, with the record of the import and the words of the history."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from labdb.registry.batch import store_rows
from labdb.registry.history import writing
from labdb.registry.import_log import Import, Source, log_rows
from labdb.registry.import_report import CheckedSheet, counts_of
from labdb.registry.refused_imports import remember_refusal, settle_refusals


@dataclass(frozen=True)
class Storing:
    """Who stores, through which door, from which file, and why."""

    user: Any
    door: str
    reason: str = ""
    study: Any = None
    source: Source | None = None
    mapping: dict[str, str] = field(default_factory=dict)
    resource: str = ""  # what the log calls it, where it is not the one record

    def history(self, log: Import | None) -> AbstractContextManager[None]:
        """Return the context in which all rows are written."""
        words = {"import": log.pk} if log is not None else {}
        return writing(user=self.user, door=self.door, reason=self.reason, **words)

    def open_log(self, sheets: Sequence[CheckedSheet]) -> Import | None:
        """Record the import itself; None where no file is behind it."""
        if self.source is None:
            return None
        counts = counts_of(sheets)
        return Import.objects.create(
            resource=self.resource or sheets[0].record.resource, study=self.study, file_name=self.source.file_name,
            sha256=self.source.sha256, size_bytes=self.source.size_bytes, door=self.door, mapping=self.mapping,
            n_created=counts["created"], n_changed=counts["changed"], n_unchanged=counts["unchanged"],
            n_warnings=sum(len(sheet.warnings) for sheet in sheets), reason=self.reason, created_by=self.user,
        )  # fmt: skip

    def refuse(self, sentences: list[str], resource: str) -> None:
        """Remember that it was refused, where a file is behind it."""
        if self.source is not None:
            remember_refusal(
                sentences, resource=resource, source=self.source, user=self.user, study=self.study, door=self.door,
                reason=self.reason,
            )  # fmt: skip

    def settle(self, resource: str) -> None:
        """Say that what was refused before has succeeded, inside the transaction that stores it."""
        if self.source is not None:
            settle_refusals(resource, self.user)


def store_sheet(sheet: CheckedSheet, storing: Storing, log: Import | None) -> list[Any]:
    """Write a sheet and its part of the log, inside a transaction and `Storing.history`."""
    written = [(row, row.is_new) for row in sheet.checked if row.is_written]
    stored = store_rows(sheet.record, sheet.checked, user=storing.user)
    if log is not None and written:
        log_rows(log, sheet.record.resource, written, sheet.name)
    return stored
