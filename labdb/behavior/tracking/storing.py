"""Trials of trackers' files into SI tests: all of them or none, through the one form of each record."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from django.forms import model_to_dict

from labdb.behavior.models import (
    Arena,
    PlannedSiTest,
    SocialInteractionTest,
    TrackedTrial,
    TrackerMapping,
)
from labdb.behavior.trackers.result import Trial
from labdb.behavior.tracking.planned import planned_facts, planned_places
from labdb.behavior.tracking.scoring import Scoring, TrialScore
from labdb.behavior.tracking.targets import ABSENT, PRESENT
from labdb.colony.models import Mouse, Study
from labdb.registry.attachments import attach, attachments_of
from labdb.registry.batch import CheckedRow, check_rows, store_rows
from labdb.registry.forms import Conflict, complete, conflicts, form_for, texts_of
from labdb.registry.history import writing
from labdb.registry.record import Record, record_for
from labdb.registry.uploads import KeptFile

DOOR = "tracker files"
MEASURES = {  # of a trial's score, the field of the SI test; %s is the target
    "zone_s": "iz_%s_s", "corner_s": "corner_%s_s", "distance_cm": "distance_%s_cm",
    "velocity_cm_per_s": "velocity_%s_cm_per_s",
}  # fmt: skip
MOST_GAP_MIN = 1440


@dataclass
class ScoredTrial:
    """One trial of a file: whose it is, how it was scored, and what came out."""

    number: int
    kept: KeptFile
    tracker_format: str
    trial: Trial
    trial_name: str
    mouse: Mouse
    target: str
    arena: Arena
    target_side: str
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
    tests: list[SocialInteractionTest] = field(default_factory=list)
    n_new: int = 0
    is_stored: bool = False


@dataclass(frozen=True)
class Batch:
    """What the trials of one page share."""

    study: Study
    user: Any
    test_number: int
    trial_s: float
    likelihood_cutoff: float
    reason: str = ""
    mappings: tuple[dict[str, Any], ...] = ()


def stored_tests(study: Study, mice: Sequence[Mouse], test_number: int) -> dict[int, SocialInteractionTest]:
    """Return the test of this number that counts, by mouse."""
    found = SocialInteractionTest.objects.filter(study=study, mouse__in=mice, test_number=test_number, counts=True)
    return {test.mouse_id: test for test in found.select_related("mouse", "arena", "study")}


def store_trials(trials: Sequence[ScoredTrial], batch: Batch, *, dry_run: bool) -> Outcome:
    """Store trials with their tests, files and mappings; a dry run does the same and takes it back."""
    outcome = Outcome()
    try:
        with (
            conflicts(SocialInteractionTest),
            transaction.atomic(),
            writing(user=batch.user, door=DOOR, reason=batch.reason),
        ):
            _write(trials, batch, outcome, dry_run=dry_run)
            lacks_reason = bool(outcome.warnings) and not batch.reason
            outcome.is_stored = not (outcome.errors or lacks_reason or dry_run)
            if not outcome.is_stored:
                transaction.set_rollback(True)
    except Conflict as conflict:
        outcome.errors.append(Remark(None, str(conflict)))
        outcome.is_stored = False
    return outcome


def _write(trials: Sequence[ScoredTrial], batch: Batch, outcome: Outcome, *, dry_run: bool) -> None:
    by_mouse: dict[int, list[ScoredTrial]] = defaultdict(list)
    for one in trials:
        by_mouse[one.mouse.pk].append(one)
    groups = list(by_mouse.values())
    tests = _write_tests(groups, batch, outcome)
    if outcome.errors:
        return
    of_trial = [(one, test) for group, test in zip(groups, tests, strict=True) for one in group]
    _write_tracks(of_trial, batch, outcome)
    if outcome.errors:
        return
    for values in batch.mappings:
        _write_mapping(values, batch, outcome)
    if not dry_run and not outcome.errors and (batch.reason or not outcome.warnings):
        _attach_files(of_trial, batch, outcome)


def store_tracks(of_trial: Sequence[tuple[ScoredTrial, SocialInteractionTest]], batch: Batch) -> Outcome:
    """Store trials and their files beside tests that hold their numbers already and stay as they are.

    To be called inside `writing` and a transaction, which the caller takes back where there are errors.
    """
    outcome = Outcome()
    _write_tracks(of_trial, batch, outcome)
    if not outcome.errors:
        _attach_files(of_trial, batch, outcome)
    outcome.is_stored = not outcome.errors
    return outcome


def _write_tracks(
    of_trial: Sequence[tuple[ScoredTrial, SocialInteractionTest]], batch: Batch, outcome: Outcome
) -> None:
    record = record_for(TrackedTrial)
    rows = [(one.number, _texts(record, _tracked_values(one, test, batch))) for one, test in of_trial]
    checked = check_rows(record, rows, user=batch.user, study=batch.study, word="trial")
    _collect(outcome, checked, {one.number: [one] for one, _test in of_trial})
    if not outcome.errors:
        store_rows(record, checked, user=batch.user)


def _write_tests(groups: list[list[ScoredTrial]], batch: Batch, outcome: Outcome) -> list[SocialInteractionTest]:
    """Write one test per mouse, and return them in the order of the groups."""
    record = record_for(SocialInteractionTest)
    mice = [group[0].mouse for group in groups]
    known = stored_tests(batch.study, mice, batch.test_number)
    places = planned_places(batch.study, mice, batch.test_number)
    by_line = {group[0].number: group for group in groups}
    rows, stored = [], {}
    for group in groups:
        line, test = group[0].number, known.get(group[0].mouse.pk)
        values = _test_values(group, batch, test, places.get(group[0].mouse.pk))
        if test is None:
            lacking = [target for target in (ABSENT, PRESENT) if f"iz_{target}_s" not in values]
            if lacking:
                sentence = (
                    f"{group[0].mouse} has no SI test {batch.test_number} yet, and there is no trial with target "
                    f"{lacking[0]}; add the file of that trial, or choose another number of the test."
                )
                outcome.errors.append(Remark(line, sentence))
                continue
            rows.append((line, _texts(record, values)))
        else:
            stored[line] = test
            rows.append((line, texts_of(values, record)))
    checked = check_rows(record, rows, user=batch.user, study=batch.study, word="trial", stored=stored)
    _collect(outcome, checked, by_line)
    _warn_of_changes(outcome, checked)
    if outcome.errors:
        return []
    outcome.n_new = sum(row.is_new for row in checked)
    store_rows(record, checked, user=batch.user)
    outcome.tests = [row.instance for row in checked]
    return outcome.tests


def _test_values(
    group: list[ScoredTrial], batch: Batch, test: SocialInteractionTest | None, place: PlannedSiTest | None
) -> dict[str, Any]:
    """Return what the trials of a mouse, and the plan of the day, say of its test; what is known of a stored test stays."""
    values: dict[str, Any] = {"trial_s": batch.trial_s, "arena": group[0].arena}
    for one in group:
        for name, field_name in MEASURES.items():
            measured = getattr(one.score, name)
            if measured is not None:
                values[field_name % one.target] = measured
    facts = _facts(group, batch, place)
    if test is None:
        return {**facts, **values, "mouse": group[0].mouse, "test_number": batch.test_number}
    return {**{name: value for name, value in facts.items() if getattr(test, name) in (None, "")}, **values}


def _facts(group: list[ScoredTrial], batch: Batch, place: PlannedSiTest | None) -> dict[str, Any]:
    """Return what plan and files know beside the measures: when, where the target stood, the gap, which file."""
    starts = {one.target: one.trial.started_at for one in group if one.trial.started_at is not None}
    facts = {**planned_facts(place, starts.get(ABSENT)), "scorer": batch.user}
    if group[0].target_side:
        facts["target_side"] = group[0].target_side
    if ABSENT in starts:
        facts["test_at"] = _written(starts[ABSENT])
        if PRESENT in starts:
            gap_min = (starts[PRESENT] - starts[ABSENT]).total_seconds() / 60 - batch.trial_s / 60
            if 0 <= gap_min <= MOST_GAP_MIN:
                facts["gap_between_trials_min"] = round(gap_min, 2)
    files = {(one.kept.name, one.kept.sha256) for one in group}
    if len(files) == 1:  # of two files each trial knows its own
        facts["tracker_file"], facts["tracker_sha256"] = files.pop()
    return facts


def _tracked_values(one: ScoredTrial, test: SocialInteractionTest, batch: Batch) -> dict[str, Any]:
    is_track = one.trial.samples is not None
    samples = one.trial.samples
    return {
        "si_test": test.pk,
        "target": one.target,
        "file_name": one.kept.name[:200],
        "sha256": one.kept.sha256,
        "tracker_format": one.tracker_format,
        "trial_name": one.trial_name,
        "subject": one.trial.subject,
        "started_at": _written(one.trial.started_at) if one.trial.started_at else None,
        "scored_from": one.how.scored_from,
        "interaction_zones": joined(one.how.interaction_zones),
        "corners": joined(one.how.corners),
        "body_point": one.how.body_point,
        "position_unit": (samples.unit or one.how.unit) if samples else "",
        "origin_x_cm": one.how.origin_cm[0],
        "origin_y_cm": one.how.origin_cm[1],
        "frame_rate_hz": samples.frame_rate_hz if samples else None,
        "likelihood_cutoff": batch.likelihood_cutoff if is_track and _has_likelihood(one.trial) else None,
        "max_gap_s": one.how.max_gap_s if is_track else None,
        **{
            name: getattr(one.score, name)
            for name in (
                "zone_s", "corner_s", "entries", "latency_s", "distance_cm", "velocity_cm_per_s", "covered_s",
                "missing_share", "longest_gap_s",
            )
        },
    }  # fmt: skip


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"  # the form knows what an hour that came twice asks for


def _has_likelihood(trial: Trial) -> bool:
    return trial.samples is not None and any(p.likelihood is not None for p in trial.samples.points.values())


def _texts(record: type[Record], values: dict[str, Any]) -> dict[str, Any]:
    return complete(texts_of(values, record), record)


def _collect(outcome: Outcome, checked: Sequence[CheckedRow], by_line: dict[int, list[ScoredTrial]]) -> None:
    """Take over what the forms say, each sentence beside the trial that it concerns."""
    for row in checked:
        for name, sentences in row.errors.items():
            number = _number_of(name, by_line[row.line])
            outcome.errors += [Remark(number, sentence) for sentence in sentences]
        outcome.warnings += [Remark(_number_of(name, by_line[row.line]), said) for name, said in row.warnings]


def _number_of(name: str, group: list[ScoredTrial]) -> int:
    return next((one.number for one in group if f"_{one.target}" in name), group[0].number)


def _warn_of_changes(outcome: Outcome, checked: Sequence[CheckedRow]) -> None:
    for row in checked:
        for one in row.differences:
            if one.old:
                label = row.instance._meta.get_field(one.field).verbose_name
                sentence = f"{row.instance}: {label} {one.old} is stored; {one.new or 'nothing'} would replace it."
                outcome.warnings.append(Remark(row.line, sentence))


def _write_mapping(values: dict[str, Any], batch: Batch, outcome: Outcome) -> None:
    """Keep what was said of a tracker in an arena, in place of what was said before."""
    record = record_for(TrackerMapping)
    before = TrackerMapping.objects.filter(
        arena=values["arena"], tracker_format=values["tracker_format"]
    ).first()  # fmt: skip
    known = model_to_dict(before) if before else None
    data = complete(texts_of(values, record), record, before)
    form = form_for(record)(data, user=batch.user, instance=before, reason=batch.reason)
    if form.is_valid():
        if model_to_dict(form.instance) != known:
            form.save()
        return
    sentences = [str(said) for some in form.errors.values() for said in some]
    outcome.errors += [Remark(None, f"{values['tracker_format']}: {sentence}") for sentence in sentences]


def _attach_files(
    of_trial: Sequence[tuple[ScoredTrial, SocialInteractionTest]], batch: Batch, outcome: Outcome
) -> None:
    """Attach each file to the tests that it was read into, once."""
    seen: set[tuple[int, str]] = set()
    for one, test in of_trial:
        place = test.pk, one.kept.sha256
        if place in seen or attachments_of(test).filter(sha256=one.kept.sha256).exists():
            continue
        seen.add(place)
        upload = ContentFile(one.kept.data, name=one.kept.name)
        try:
            attach(test, upload, f"{one.tracker_format} file", user=batch.user)
        except ValidationError as error:  # its name, or the disk
            outcome.errors += [Remark(one.number, sentence) for sentence in error.messages]


def joined(names: Sequence[str]) -> str:
    """Return names of zones as one text."""
    return " | ".join(names)


def parted(text: str) -> tuple[str, ...]:
    """Return the names that a text joins."""
    return tuple(name for name in (part.strip() for part in text.split("|")) if name)
