"""Files of trackers on their way to SI tests: which trial had the target, and which test it is of."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from labdb.behavior.models import PlannedSiTest, SocialInteractionTest, TrackedTrial
from labdb.behavior.trackers.result import Trial
from labdb.behavior.tracking.planned import planned_places
from labdb.behavior.tracking.scoring import score_trial
from labdb.behavior.tracking.si_storing import ScoredSiTrial, SiBatch, store_si_trials, stored_tests
from labdb.behavior.tracking.storing import Outcome
from labdb.behavior.tracking.targets import ABSENT, PRESENT, Said, target_said, targets_by_order
from labdb.colony.models import Mouse, Study
from labdb.desk.si_words import TABLE_FORMAT, SiArenaWords
from labdb.desk.tracker_drop import ReadFile, Row, TrackerDrop

ANOTHER = "another"  # scoring beside the one that counts


@dataclass
class SiRow(Row):
    """One trial of an SI test in the table."""

    fixed_target: str = ""
    target: str = ""
    target_by_file: str = ""
    said: Said | None = None
    stored: SocialInteractionTest | None = None
    planned: PlannedSiTest | None = None


class SiDrop(TrackerDrop):
    """The files of one request that are to be SI tests."""

    row_class = SiRow
    words_class = SiArenaWords
    trial_model = TrackedTrial

    def __init__(self, request: HttpRequest, study: Study) -> None:
        super().__init__(request, study)
        self.test_number = self.asked.test_number or 1
        self.is_another_scoring = self.said.get("scoring") == ANOTHER
        self.tests: list[SocialInteractionTest] = []
        self.n_new = 0

    @property
    def usual_trial_s(self) -> float:
        """Length of a trial as SI tests have it."""
        length: Any = SocialInteractionTest._meta.get_field("trial_s")
        return float(length.get_default())

    def _trials_of(self, file: ReadFile) -> Iterable[tuple[Trial, dict[str, Any]]]:
        """Yield the trials; a line of a table holds both."""
        targets = (ABSENT, PRESENT) if file.found and file.found.format == TABLE_FORMAT else ("",)
        for trial in file.found.trials if file.found else ():
            for target in targets:
                name = " ".join(filter(None, [trial.name, f"target {target}" if target else ""]))
                yield trial, {"trial_name": name, "fixed_target": target}

    def _find_known(self) -> None:
        mice = [row.match.mouse for row in self.wanted if row.match.mouse is not None]
        if self.asked.test_number is None:
            self.test_number = _next_number(self.study, mice)
        tests = stored_tests(self.study, mice, self.test_number)
        places = planned_places(self.study, mice, self.test_number)
        for row in self.rows:
            if row.match.mouse:
                row.stored, row.planned = tests.get(row.match.mouse.pk), places.get(row.match.mouse.pk)

    def _arenas_of(self, row: SiRow) -> tuple[int | None, int | None]:
        return (row.stored.arena_id if row.stored else None), (row.planned.arena_id if row.planned else None)

    def _find_more(self) -> None:
        by_order = self._targets_by_order()
        for row in self.rows:
            row.said = target_said(row.trial, self.formats[row.format].told)
            row.target_by_file = row.fixed_target or (row.said.target if row.said else by_order.get(row.number, ""))
            entered = self._entered("target", row)
            row.target = entered if entered in (ABSENT, PRESENT) and not row.fixed_target else row.target_by_file
            if row.is_left_out:
                continue
            if not row.target:
                row.errors.append("Was the target absent or present? The file does not say; choose.")
            elif row.said and row.said.target != row.target:
                row.warnings.append(
                    f"The file says target {row.said.target} ({row.said.where}), here stands {row.target}; exchange them, "
                    "or say why the file is wrong."
                )

    def _targets_by_order(self) -> dict[int, str]:
        by_mouse: dict[Any, list[SiRow]] = {}
        for row in self.wanted:
            by_mouse.setdefault((row.format, (row.match.mouse and row.match.mouse.pk) or row.subject), []).append(row)
        by_order: dict[int, str] = {}
        for rows in by_mouse.values():
            if self.formats[rows[0].format].told.by == "order":
                targets = targets_by_order([row.trial for row in rows])
                by_order |= {row.number: target for row, target in zip(rows, targets, strict=True)}
        return by_order

    def _is_refused_by(self, stored: TrackedTrial, row: SiRow) -> bool:
        """Whether it is stored already and not to be another scoring of the same test."""
        if not self.is_another_scoring or row.match.mouse is None:
            return True
        test = stored.si_test
        return (test.mouse_id, test.test_number) != (row.match.mouse.pk, self.test_number)

    def _is_ready(self, row: SiRow) -> bool:
        return bool(row.target)

    def _score_by(self, words: SiArenaWords, row: SiRow) -> None:
        stored, planned = row.stored, row.planned
        side = (stored and stored.target_side) or words.target_side or (planned and planned.plan.target_side) or ""
        how = words.scoring(row.target, side, self.asked.trial_s)
        row.score = score_trial(row.trial, how)
        if row.match.mouse is not None:
            row.scored = ScoredSiTrial(**self._scored_fields(row, how, row.score), target=row.target, target_side=side)

    def _place_of(self, row: SiRow) -> Any:
        return (row.match.mouse.pk, row.target) if row.match.mouse and row.target else None

    def _twice(self, row: SiRow, others: str) -> str:
        return (
            f"{row.match.mouse} has two trials with target {row.target} (also row {others}); correct the target or the "
            "mouse, or leave one out."
        )

    def batch(self) -> SiBatch:
        """Return what all trials share when they are stored."""
        return SiBatch(
            **self._shared_words(), test_number=self.test_number, is_another_scoring=self.is_another_scoring
        )  # fmt: skip

    def _store_trials(self, trials: Sequence[Any], *, dry_run: bool) -> Outcome:
        stored = store_si_trials(trials, self.batch(), dry_run=dry_run)
        self.tests, self.n_new = stored.tests, stored.n_new
        return stored.outcome


def _next_number(study: Study, mice: Sequence[Mouse]) -> int:
    """Return the first number of a test for which not all of the mice have tracks yet."""
    if not mice:
        return 1
    tests = SocialInteractionTest.objects.filter(study=study, mouse__in=mice, counts=True)
    tracked = Counter(
        tests.exclude(tracked_trials=None)
        .order_by()
        .values_list("test_number", "mouse")
        .distinct()
        .values_list("test_number", flat=True)
    )
    n_mice = len({mouse.pk for mouse in mice})
    return next(number for number in range(1, len(tracked) + 2) if tracked[number] < n_mice)
