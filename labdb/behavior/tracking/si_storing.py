"""Trials of trackers' files into SI tests."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max

from labdb.behavior.models import PlannedSiTest, SocialInteractionTest, TrackedTrial
from labdb.behavior.second_scoring import another_scoring
from labdb.behavior.tracking.planned import planned_facts, planned_places
from labdb.behavior.tracking.storing import (
    Batch,
    Outcome,
    Remark,
    ScoredTrial,
    all_texts,
    collect,
    origin_of,
    store_together,
    warn_of_changes,
    write_rows,
    written_at,
)
from labdb.behavior.tracking.targets import ABSENT, PRESENT
from labdb.behavior.tracking.zone_names import joined
from labdb.colony.models import Mouse, Study
from labdb.registry.batch import CheckedRow, check_rows
from labdb.registry.forms import texts_of
from labdb.registry.record import record_for

MEASURES = {  # of a trial's score, the field of the SI test; %s is the target
    "zone_s": "iz_%s_s", "corner_s": "corner_%s_s", "distance_cm": "distance_%s_cm",
    "velocity_cm_per_s": "velocity_%s_cm_per_s",
}  # fmt: skip
MOST_GAP_MIN = 1440


@dataclass
class ScoredSiTrial(ScoredTrial):
    """One trial of an SI test: with or without the target, and at which wall it stood."""

    target: str
    target_side: str


@dataclass(frozen=True, kw_only=True)
class SiBatch(Batch):
    """Which test the trials are of, and whether they make another scoring of it."""

    test_number: int
    is_another_scoring: bool = False


@dataclass
class StoredTests:
    """The tests that trials were read into, and what storing said."""

    outcome: Outcome
    tests: list[SocialInteractionTest] = field(default_factory=list)
    n_new: int = 0


def stored_tests(study: Study, mice: Sequence[Mouse], test_number: int) -> dict[int, SocialInteractionTest]:
    """Return the test of this number that counts, by mouse."""
    found = SocialInteractionTest.objects.filter(study=study, mouse__in=mice, test_number=test_number, counts=True)
    return {test.mouse_id: test for test in found.select_related("mouse", "arena", "study")}


def store_si_trials(trials: Sequence[ScoredSiTrial], batch: SiBatch, *, dry_run: bool) -> StoredTests:
    """Store trials with their tests, files and mappings; a dry run does the same and takes it back."""
    stored = StoredTests(Outcome())

    def write(outcome: Outcome) -> list[tuple[ScoredTrial, SocialInteractionTest]]:
        stored.outcome = outcome
        return _write(trials, batch, stored)

    stored.outcome = store_together(TrackedTrial, trials, batch, write, dry_run=dry_run)
    return stored


def store_tracks(of_trial: Sequence[tuple[ScoredSiTrial, SocialInteractionTest]], batch: SiBatch) -> Outcome:
    """Store trials with their files and mappings beside tests that hold their numbers already, and stay as they are."""

    def write(outcome: Outcome) -> list[tuple[ScoredTrial, SocialInteractionTest]]:
        return _write_tracks(of_trial, batch, outcome)

    return store_together(TrackedTrial, [one for one, _test in of_trial], batch, write, dry_run=False)


def _write(
    trials: Sequence[ScoredSiTrial], batch: SiBatch, stored: StoredTests
) -> list[tuple[ScoredTrial, SocialInteractionTest]]:
    by_mouse: dict[int, list[ScoredSiTrial]] = defaultdict(list)
    for one in trials:
        by_mouse[one.mouse.pk].append(one)
    groups = list(by_mouse.values())
    _write_tests(groups, batch, stored)
    outcome = stored.outcome
    if outcome.errors:
        return []
    of_trial = [(one, test) for group, test in zip(groups, stored.tests, strict=True) for one in group]
    return _write_tracks(of_trial, batch, outcome)


def _write_tracks(
    of_trial: Sequence[tuple[ScoredSiTrial, SocialInteractionTest]], batch: SiBatch, outcome: Outcome
) -> list[tuple[ScoredTrial, SocialInteractionTest]]:
    record = record_for(TrackedTrial)
    rows = [(one.number, all_texts(record, _tracked_values(one, test, batch))) for one, test in of_trial]
    checked = check_rows(record, rows, user=batch.user, study=batch.study, word="trial")
    collect(outcome, checked, lambda row, _name: row.line)
    if outcome.errors:
        return []
    write_rows(record, checked, batch, outcome)
    return list(of_trial)


def _write_tests(groups: list[list[ScoredSiTrial]], batch: SiBatch, stored: StoredTests) -> None:
    """Write one test per mouse, in the order of the groups."""
    outcome, record = stored.outcome, record_for(SocialInteractionTest)
    mice = [group[0].mouse for group in groups]
    known = stored_tests(batch.study, mice, batch.test_number)
    places = planned_places(batch.study, mice, batch.test_number)
    scorings = _scoring_numbers(mice, batch) if batch.is_another_scoring else {}
    rows, changed = [], {}
    for group in groups:
        line, mouse = group[0].number, group[0].mouse
        test = known.get(mouse.pk)
        values = _test_values(group, batch, None if batch.is_another_scoring else test, places.get(mouse.pk))
        if refusal := _refusal(values, mouse, test, batch):
            outcome.errors.append(Remark(line, refusal))
        elif test is not None and batch.is_another_scoring:
            texts = {**another_scoring(test, scorings[mouse.pk], batch.user), "tracker_file": ""}
            own = {name: value for name, value in values.items() if name not in ("mouse", "test_number")}
            rows.append((line, {**texts, **texts_of(own, record)}))
        elif test is None:
            rows.append((line, all_texts(record, values)))
        else:
            changed[line] = test
            rows.append((line, texts_of(values, record)))
    checked = check_rows(record, rows, user=batch.user, study=batch.study, word="trial", stored=changed)
    by_line = {group[0].number: group for group in groups}

    def number_of(row: CheckedRow, name: str) -> int:
        return next((one.number for one in by_line[row.line] if f"_{one.target}" in name), row.line)

    collect(outcome, checked, number_of)
    warn_of_changes(outcome, checked, lambda row, _name: row.line)
    if outcome.errors:
        return
    stored.n_new = sum(row.is_new for row in checked)
    write_rows(record, checked, batch, outcome)
    stored.tests = [row.instance for row in checked]


def _refusal(values: dict[str, Any], mouse: Mouse, test: SocialInteractionTest | None, batch: SiBatch) -> str:
    """Say what a mouse lacks for its test; empty when nothing."""
    if batch.is_another_scoring and test is None:
        return (
            f"{mouse} has no SI test {batch.test_number} that could be scored again; choose another number of the test."
        )
    lacking = [target for target in (ABSENT, PRESENT) if f"iz_{target}_s" not in values]
    if not lacking or (test is not None and not batch.is_another_scoring):
        return ""
    if batch.is_another_scoring:
        return (
            f"Another scoring needs both trials, and there is none of {mouse} with target {lacking[0]}; add its file."
        )
    return (
        f"{mouse} has no SI test {batch.test_number} yet, and there is no trial with target {lacking[0]}; add the file of "
        "that trial, or choose another number of the test."
    )


def _scoring_numbers(mice: Sequence[Mouse], batch: SiBatch) -> dict[int, int]:
    """Return the next number of a scoring of each mouse's test."""
    tests = SocialInteractionTest.objects.filter(study=batch.study, mouse__in=mice, test_number=batch.test_number)
    last = tests.order_by().values_list("mouse").annotate(Max("scoring_number"))
    return {mouse: number + 1 for mouse, number in last}


def _test_values(
    group: list[ScoredSiTrial], batch: SiBatch, test: SocialInteractionTest | None, place: PlannedSiTest | None
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


def _facts(group: list[ScoredSiTrial], batch: SiBatch, place: PlannedSiTest | None) -> dict[str, Any]:
    """Return what plan and files know beside the measures: when, where the target stood, the gap, which file."""
    starts = {one.target: one.trial.started_at for one in group if one.trial.started_at is not None}
    facts = {**planned_facts(place, starts.get(ABSENT)), "scorer": batch.user}
    if group[0].target_side:
        facts["target_side"] = group[0].target_side
    if ABSENT in starts:
        facts["test_at"] = written_at(starts[ABSENT])
        if PRESENT in starts:
            gap_min = (starts[PRESENT] - starts[ABSENT]).total_seconds() / 60 - batch.trial_s / 60
            if 0 <= gap_min <= MOST_GAP_MIN:
                facts["gap_between_trials_min"] = round(gap_min, 2)
    files = {(one.kept.name, one.kept.sha256) for one in group}
    if len(files) == 1:  # of two files each trial knows its own
        facts["tracker_file"], facts["tracker_sha256"] = files.pop()
    return facts


def _tracked_values(one: ScoredSiTrial, test: SocialInteractionTest, batch: SiBatch) -> dict[str, Any]:
    return {
        **origin_of(one, batch),
        "si_test": test.pk,
        "target": one.target,
        "interaction_zones": joined(one.how.interaction_zones),
        "corners": joined(one.how.corners),
        **{name: getattr(one.score, name) for name in ("zone_s", "corner_s", "entries", "latency_s")},
    }
