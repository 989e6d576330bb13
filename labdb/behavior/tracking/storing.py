"""Trials of trackers' files stored: all of them or none, through the one form of each record, as one import."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import models, transaction
from django.forms import model_to_dict

from labdb.behavior.models import Arena, TrackerMapping
from labdb.behavior.trackers.result import Trial
from labdb.behavior.tracking.geometry import layout_text
from labdb.behavior.tracking.scoring import TRACK, Scoring, TrialScore
from labdb.colony.models import Mouse, Study
from labdb.registry.attachments import attach, attachments_of
from labdb.registry.batch import CheckedRow, store_rows
from labdb.registry.forms import Conflict, complete, conflicts, form_for, texts_of
from labdb.registry.import_log import Import, Source, log_rows
from labdb.registry.import_storing import Storing
from labdb.registry.record import Record, record_for
from labdb.registry.uploads import KeptFile

DOOR = "tracker files"
WHOLE = (
    "distance_cm",
    "velocity_cm_per_s",
    "covered_s",
    "missing_share",
    "longest_gap_s",
)  # of a score, as of its trial


@dataclass
class ScoredTrial:
    """One trial of a file: whose it is, how it was scored, and what came out."""

    number: int
    kept: KeptFile
    tracker_format: str
    trial: Trial
    trial_name: str
    mouse: Mouse
    arena: Arena
    how: Scoring
    score: TrialScore


@dataclass(frozen=True)
class Remark:
    """A sentence about one trial, or about all where no number stands."""

    number: int | None
    sentence: str


@dataclass
class Outcome:
    """What storing did or, when nothing was stored, why not and what it would do."""

    errors: list[Remark] = field(default_factory=list)
    warnings: list[Remark] = field(default_factory=list)
    n_created: int = 0
    n_changed: int = 0
    is_stored: bool = False
    log: Import | None = None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What the trials of one page share."""

    study: Study
    user: Any
    trial_s: float
    likelihood_cutoff: float
    reason: str = ""
    mappings: tuple[dict[str, Any], ...] = ()


def store_together(
    model: type[models.Model],
    trials: Sequence[ScoredTrial],
    batch: Batch,
    write: Callable[[Outcome], Sequence[tuple[ScoredTrial, models.Model]]],
    *,
    dry_run: bool,
) -> Outcome:
    """Store what `write` writes, files and mappings with it, as one import; a dry run does the same and takes it back.

    Parameters
    ----------
    model : model
        Of the trials: the import is called by it.
    write : callable
        Writes the rows and returns each trial with the record that its file is attached to.
    """
    outcome = Outcome()
    storing = _storing(model, [one.kept for one in trials], batch, is_logged=not dry_run)
    try:
        with conflicts(model), transaction.atomic():
            outcome.log = storing.open_log([])
            with storing.history(outcome.log):
                attached_to = write(outcome)
                if not outcome.errors:
                    for values in batch.mappings:
                        _write_mapping(values, batch, outcome)
                if not dry_run and not outcome.errors and (batch.reason or not outcome.warnings):
                    _attach_files(attached_to, batch, outcome)
            lacks_reason = bool(outcome.warnings) and not batch.reason
            outcome.is_stored = not (outcome.errors or lacks_reason or dry_run)
            if outcome.is_stored:
                _close_log(outcome)
                storing.settle(storing.resource)
            else:
                transaction.set_rollback(True)
    except Conflict as conflict:
        outcome.errors.append(Remark(None, str(conflict)))
        outcome.is_stored = False
    return outcome


def refuse_together(model: type[models.Model], files: Sequence[KeptFile], batch: Batch, sentences: list[str]) -> None:
    """Remember that files were to be stored and were refused."""
    storing = _storing(model, files, batch, is_logged=bool(files))
    storing.refuse(sentences, storing.resource)


def _storing(model: type[models.Model], files: Sequence[KeptFile], batch: Batch, *, is_logged: bool) -> Storing:
    sources = {one.sha256: Source(one.name[:255], one.sha256, len(one.data)) for one in files}
    source = Source.of_several(list(sources.values())) if is_logged else None
    return Storing(batch.user, DOOR, batch.reason, batch.study, source, resource=record_for(model).resource)


def _close_log(outcome: Outcome) -> None:
    """Say in the import what it made: it stood first, so that the history of each row names it."""
    if outcome.log is not None:
        counts = {"n_created": outcome.n_created, "n_changed": outcome.n_changed, "n_warnings": len(outcome.warnings)}
        for name, count in counts.items():
            setattr(outcome.log, name, count)
        outcome.log.save(update_fields=list(counts))


def write_rows(record: type[Record], checked: Sequence[CheckedRow], batch: Batch, outcome: Outcome) -> None:
    """Write checked rows and their part of the import."""
    written = [(row, row.is_new) for row in checked if row.is_written]
    outcome.n_created += sum(is_new for _row, is_new in written)
    outcome.n_changed += sum(not is_new for _row, is_new in written)
    store_rows(record, checked, user=batch.user)
    if outcome.log is not None and written:
        log_rows(outcome.log, record.resource, written)


def origin_of(one: ScoredTrial, batch: Batch) -> dict[str, Any]:
    """Return what any trial of a file knows of it, and how it was scored."""
    samples = one.trial.samples
    has_likelihood = samples is not None and any(point.likelihood is not None for point in samples.points.values())
    layout = one.how.layout if one.how.scored_from == TRACK else None
    return {
        "file_name": one.kept.name[:200],
        "sha256": one.kept.sha256,
        "tracker_format": one.tracker_format,
        "trial_name": one.trial_name,
        "subject": one.trial.subject,
        "started_at": written_at(one.trial.started_at) if one.trial.started_at else None,
        "scored_from": one.how.scored_from,
        "body_point": one.how.body_point,
        "position_unit": (samples.unit or one.how.unit) if samples else "",
        "origin_x_cm": one.how.origin_cm[0],
        "origin_y_cm": one.how.origin_cm[1],
        "frame_rate_hz": samples.frame_rate_hz if samples else None,
        "likelihood_cutoff": batch.likelihood_cutoff if has_likelihood else None,
        "max_gap_s": one.how.max_gap_s if samples else None,
        "zones_as_scored": layout_text(layout) if layout else "",
        **{name: getattr(one.score, name) for name in WHOLE},
    }


def written_at(moment: datetime) -> str:
    """Return the start of a trial as a form reads it; it knows what an hour that came twice asks for."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def all_texts(record: type[Record], values: dict[str, Any]) -> dict[str, Any]:
    """Return a new row as form data."""
    return complete(texts_of(values, record), record)


def collect(outcome: Outcome, checked: Sequence[CheckedRow], number_of: Callable[[CheckedRow, str], int]) -> None:
    """Take over what the forms say, each sentence beside the trial that it concerns."""
    for row in checked:
        for name, sentences in row.errors.items():
            outcome.errors += [Remark(number_of(row, name), sentence) for sentence in sentences]
        outcome.warnings += [Remark(number_of(row, name), said) for name, said in row.warnings]


def warn_of_changes(
    outcome: Outcome, checked: Sequence[CheckedRow], number_of: Callable[[CheckedRow, str], int]
) -> None:
    """Warn of each stored value that a file would replace."""
    for row in checked:
        for one in row.differences:
            if one.old:
                label = row.instance._meta.get_field(one.field).verbose_name
                sentence = f"{row.instance}: {label} {one.old} is stored; {one.new or 'nothing'} would replace it."
                outcome.warnings.append(Remark(number_of(row, one.field), sentence))


def _write_mapping(values: dict[str, Any], batch: Batch, outcome: Outcome) -> None:
    """Keep what was said of a tracker in an arena, in place of what was said before; it outlives an undone import."""
    record = record_for(TrackerMapping)
    before = TrackerMapping.objects.filter(arena=values["arena"], tracker_format=values["tracker_format"]).first()
    known = model_to_dict(before) if before else None
    data = complete(texts_of(values, record), record, before)
    form = form_for(record)(data, user=batch.user, instance=before, reason=batch.reason)
    if form.is_valid():
        if model_to_dict(form.instance) != known:
            form.save()
        return
    sentences = [str(said) for some in form.errors.values() for said in some]
    outcome.errors += [Remark(None, f"{values['tracker_format']}: {sentence}") for sentence in sentences]


def _attach_files(attached_to: Sequence[tuple[ScoredTrial, models.Model]], batch: Batch, outcome: Outcome) -> None:
    """Attach each file to the records that it was read into, once."""
    seen: set[tuple[int, str]] = set()
    for one, row in attached_to:
        place = row.pk, one.kept.sha256
        if place in seen or attachments_of(row).filter(sha256=one.kept.sha256).exists():
            continue
        seen.add(place)
        upload = ContentFile(one.kept.data, name=one.kept.name)
        try:
            attach(row, upload, f"{one.tracker_format} file", user=batch.user)
        except ValidationError as error:  # its name, or the disk
            outcome.errors += [Remark(one.number, sentence) for sentence in error.messages]
