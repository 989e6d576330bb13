"""Trials of trackers' files into results of an assay: one for each thing that it reads, and the trial beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labdb.behavior.models import Assay, AssayReading, AssayResult, TrackedAssayTrial
from labdb.behavior.tracking.readings import values_of
from labdb.behavior.tracking.storing import (
    Batch,
    Outcome,
    ScoredTrial,
    all_texts,
    collect,
    origin_of,
    store_together,
    warn_of_changes,
    write_rows,
    written_at,
)
from labdb.registry.batch import CheckedRow, check_rows
from labdb.registry.forms import texts_of
from labdb.registry.record import record_for


@dataclass
class ScoredAssayTrial(ScoredTrial):
    """One trial of an assay, and what the tracker's zones were taken for."""

    tracker_zones: str


@dataclass(frozen=True, kw_only=True)
class AssayBatch(Batch):
    """Which assay and session the trials are of, and what it reads from them."""

    assay: Assay
    session: str
    readings: tuple[AssayReading, ...]


def store_assay_trials(trials: Sequence[ScoredAssayTrial], batch: AssayBatch, *, dry_run: bool) -> Outcome:
    """Store trials with their results, files and mappings; a dry run does the same and takes it back."""

    def write(outcome: Outcome) -> list[tuple[ScoredTrial, TrackedAssayTrial]]:
        _write_results(trials, batch, outcome)
        record = record_for(TrackedAssayTrial)
        rows = [(one.number, all_texts(record, _trial_values(one, batch))) for one in trials]
        checked = check_rows(record, rows, user=batch.user, study=batch.study, word="trial")
        collect(outcome, checked, _number_of)
        if outcome.errors:
            return []
        write_rows(record, checked, batch, outcome)
        return [(one, row.instance) for one, row in zip(trials, checked, strict=True)]

    return store_together(TrackedAssayTrial, trials, batch, write, dry_run=dry_run)


def _write_results(trials: Sequence[ScoredAssayTrial], batch: AssayBatch, outcome: Outcome) -> None:
    """Write one result for each metric that has a value; a stored one is changed, and says so."""
    record = record_for(AssayResult)
    mice, metrics = [one.mouse for one in trials], [one.metric for one in batch.readings]
    known = AssayResult.objects.filter(mouse__in=mice, metric__in=metrics, session=batch.session)
    stored = {(one.mouse_id, one.metric_id): one for one in known.select_related("mouse", "metric", "study")}
    rows: list[tuple[int, dict[str, Any]]] = []
    changed: dict[int, Any] = {}
    trial_of: dict[int, int] = {}
    for one in trials:
        for metric, value in values_of(batch.readings, one.score).items():
            if value is None:
                continue
            line, before = len(rows) + 1, stored.get((one.mouse.pk, metric))
            trial_of[line] = one.number
            at = {"performed_at": written_at(one.trial.started_at)} if one.trial.started_at else {}
            if before is None:
                values = {"mouse": one.mouse, "metric": metric, "session": batch.session, "value": value, **at}
                rows.append((line, all_texts(record, values)))
            else:
                changed[line] = before
                facts = at if before.performed_at is None else {}
                rows.append((line, texts_of({"value": value, **facts}, record)))
    checked = check_rows(record, rows, user=batch.user, study=batch.study, word="result", stored=changed)

    def number_of(row: CheckedRow, _name: str) -> int:
        return trial_of[row.line]

    collect(outcome, checked, number_of)
    warn_of_changes(outcome, checked, number_of)
    if not outcome.errors:
        for row in checked:
            row.line = trial_of[row.line]  # the import names the trial that says so
        write_rows(record, checked, batch, outcome)


def _trial_values(one: ScoredAssayTrial, batch: AssayBatch) -> dict[str, Any]:
    return {
        **origin_of(one, batch),
        "mouse": one.mouse,
        "assay": batch.assay,
        "session": batch.session,
        "arena": one.arena,
        "trial_s": batch.trial_s,
        "tracker_zones": one.tracker_zones,
        "readings_as_scored": "\n".join(str(reading) for reading in batch.readings),
    }


def _number_of(row: CheckedRow, _name: str) -> int:
    return row.line
