"""Files of trackers on their way to SI tests: what was sent, what is said of it, what comes out, and all that is wrong."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from django.http import HttpRequest

from labdb.behavior.models import Arena, PlannedSiTest, SocialInteractionTest, TrackedTrial, TrackerMapping
from labdb.behavior.models.tracked_trial import STORED_ALREADY
from labdb.behavior.trackers import deeplabcut
from labdb.behavior.trackers.detect import read_tracker_file
from labdb.behavior.trackers.result import TrackerError, TrackerFile, Trial
from labdb.behavior.tracking.planned import planned_places
from labdb.behavior.tracking.scoring import ScoringError, TrialScore, score_trial
from labdb.behavior.tracking.storing import Batch, Outcome, ScoredTrial, store_trials, stored_tests
from labdb.behavior.tracking.subjects import Match, match_subjects
from labdb.behavior.tracking.targets import ABSENT, PRESENT, Said, target_said, targets_by_order
from labdb.colony.models import Mouse, Study
from labdb.desk.tracker_words import TABLE_FORMAT, ArenaWords, Asked, FormatWords
from labdb.registry.uploads import KeptFile, UploadError, keep, recall

MAX_FILE_MB = 50
MAX_FILES = 100  # as many as Django takes in one request
LENGTH_TOLERANCE_S = 1.0  # ours: trackers stop within a second of what they are told
NO_MOUSE = Match(None, "")


@dataclass
class ReadFile:
    """A file that was sent, and its trials or why there are none."""

    kept: KeptFile
    found: TrackerFile | None = None
    error: TrackerError | None = None


@dataclass
class Row:
    """One trial of a file in the table."""

    number: int
    key: str  # what its inputs are called: it stays when another file is taken away
    file: ReadFile
    trial: Trial
    trial_name: str
    fixed_target: str = ""
    subject: str = ""
    mouse_text: str = ""
    mouse_by_file: str = ""
    match: Match = NO_MOUSE
    target: str = ""
    target_by_file: str = ""
    said: Said | None = None
    arena: Arena | None = None
    arena_guessed: Arena | None = None
    is_left_out: bool = False
    is_stored: bool = False
    stored: SocialInteractionTest | None = None
    planned: PlannedSiTest | None = None
    score: TrialScore | None = None
    scored: ScoredTrial | None = None
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def format(self) -> str:
        """Which tracker wrote it."""
        return self.file.found.format if self.file.found else ""

    @property
    def where(self) -> str:
        """File and place in it, for sentences."""
        return ", ".join(filter(None, [self.file.kept.name, self.trial.where]))


class TrackerDrop:
    """The files of one request and everything that is known of them."""

    def __init__(self, request: HttpRequest, study: Study) -> None:
        self.user, self.study, self.said = request.user, study, request.POST
        self.problems: list[str] = []
        self.asked = Asked.of(self.said)
        self.problems += self.asked.problems
        self.files = self._receive(request)
        self.rows = self._make_rows()
        self.formats: dict[str, FormatWords] = {}
        self.arenas: dict[tuple[str, int], ArenaWords] = {}
        self.test_number = self.asked.test_number or 1
        self.outcome = Outcome()
        self.all_arenas = list(Arena.objects.prefetch_related("zones").order_by("name"))
        self.usual_arena = next((one for one in self.all_arenas if one.name == self.said.get("arena")), None)

    def _receive(self, request: HttpRequest) -> list[ReadFile]:
        """Keep new files beside those sent before, and read them all."""
        kept: dict[str, KeptFile] = {}
        dropped = set(self.said.getlist("drop"))
        for token in self.said.getlist("token")[:MAX_FILES]:
            try:
                one = recall(token, self.user)
            except UploadError as error:
                self.problems.append(str(error))
                continue
            if one.sha256 not in dropped:
                kept[one.sha256] = one
        uploads = [one for one in request.FILES.getlist("files") if one.name]
        if len(uploads) + len(kept) > MAX_FILES:
            self.problems.append(f"{len(uploads) + len(kept)} files are too many at once; send up to {MAX_FILES}.")
            uploads = []
        for upload in uploads:
            self._keep(upload, kept)
        return [self._read(one) for one in kept.values()]

    def _keep(self, upload: Any, kept: dict[str, KeptFile]) -> None:
        size_mb = (upload.size or 0) / 2**20
        if size_mb > MAX_FILE_MB:
            self.problems.append(f"{upload.name} has {size_mb:.0f} MB; a tracker's file has at most {MAX_FILE_MB}.")
            return
        try:
            one = keep(upload.read(), upload.name, self.user)
        except UploadError as error:
            self.problems.append(str(error))
            return
        if one.sha256 in kept and kept[one.sha256].name != one.name:
            self.problems.append(
                f"{one.name} holds the same as {kept[one.sha256].name}; it is one file twice, and one of them is enough."
            )
            return
        kept[one.sha256] = one

    def _read(self, kept: KeptFile) -> ReadFile:
        asked = self.asked
        try:
            found = read_tracker_file(
                kept.name, kept.data, frame_rate_hz=asked.frame_rate_hz, likelihood_cutoff=asked.likelihood_cutoff,
                date_order=asked.date_order, expected_format=asked.expected_format or None,
            )  # fmt: skip
        except TrackerError as error:
            return ReadFile(kept, error=error)
        return ReadFile(kept, found)

    def _make_rows(self) -> list[Row]:
        rows: list[Row] = []
        for file in self.files:
            trials = file.found.trials if file.found else ()
            targets = (ABSENT, PRESENT) if file.found and file.found.format == TABLE_FORMAT else ("",)
            for place, (trial, target) in enumerate(product(trials, targets)):
                name = " ".join(filter(None, [trial.name, f"target {target}" if target else ""]))
                key = f"{file.kept.sha256[:12]}-{place}"
                rows.append(Row(len(rows) + 1, key, file, trial, name[:200], target))
        return rows

    @property
    def lacks(self) -> set[str]:
        """What the files that could not be read ask for."""
        return {file.error.asks_for for file in self.files if file.error and file.error.asks_for}

    @property
    def wanted(self) -> list[Row]:
        """The trials that are not left out."""
        return [row for row in self.rows if not row.is_left_out]

    @property
    def n_errors(self) -> int:
        """How many things keep the files out."""
        unread = sum(file.error is not None for file in self.files)
        return len(self.problems) + unread + sum(len(row.errors) for row in self.wanted)

    @property
    def has_warnings(self) -> bool:
        """Whether something is stored only with a reason."""
        return any(row.warnings for row in self.wanted)

    def check(self, *, store: bool = False) -> None:
        """Find mice, targets and arenas, score every trial, and store them if that is asked for and nothing is wrong."""
        self._find_mice()
        self._find_arenas()
        self._find_targets()
        self._refuse_stored()
        for row in self.wanted:
            self._score(row)
        self._refuse_twice()
        may_store = store and not self.n_errors and (not self.has_warnings or bool(self.asked.reason))
        trials = [row.scored for row in self.wanted if row.scored is not None and not row.errors]
        if trials and (store or not self.problems):
            self._store(trials, dry_run=not may_store)

    def _find_mice(self) -> None:
        by_format: dict[str, list[Row]] = {}
        for row in self.rows:
            row.is_left_out = f"leave-{row.key}" in self.said
            by_format.setdefault(row.format, []).append(row)
        for name, rows in by_format.items():
            words = self.formats[name] = FormatWords.of(name, [row.trial for row in rows], self.said)
            for row in rows:
                row.subject = words.subject_of(row.trial)
        found = match_subjects({row.subject for row in self.rows}, self.study, self.user)
        entered = [self._entered("mouse", row) for row in self.rows]
        by_hand = match_subjects(set(entered), self.study, self.user)
        for row, typed in zip(self.rows, entered, strict=True):
            by_file = found.get(row.subject, NO_MOUSE)
            row.match = by_hand.get(typed, NO_MOUSE) if typed else by_file
            if row.match.mouse == by_file.mouse:
                row.match = by_file
            row.mouse_by_file = by_file.mouse.code if by_file.mouse else ""
            row.mouse_text = row.match.mouse.code if row.match.mouse else typed
            if row.match.mouse is None and not row.is_left_out:
                row.errors.append(self._unknown(row, typed))
        self._find_tests()

    def _entered(self, name: str, row: Row) -> str:
        """Return what a person entered in a row; empty where it is only what the page had put there before.

        What the page puts there stands beside it in a hidden input, so that a mapping that is said later still counts.
        """
        text = self.said.get(f"{name}-{row.key}", "").replace("\0", "").strip()
        return text if text != self.said.get(f"{name}-guess-{row.key}", "") else ""

    def _unknown(self, row: Row, typed: str) -> str:
        if typed:
            return (
                f"There is no mouse {typed[:50]} in study {self.study}; choose one of its mice, or leave the trial out."
            )
        if row.subject:
            return f"No mouse of study {self.study} is called {row.subject[:50]}; choose the mouse, or leave the trial out."
        return "The file names no subject; choose the mouse, or leave the trial out."

    def _find_tests(self) -> None:
        mice = [row.match.mouse for row in self.wanted if row.match.mouse is not None]
        if self.asked.test_number is None:
            self.test_number = _next_number(self.study, mice)
        tests = stored_tests(self.study, mice, self.test_number)
        places = planned_places(self.study, mice, self.test_number)
        for row in self.rows:
            if row.match.mouse:
                row.stored, row.planned = tests.get(row.match.mouse.pk), places.get(row.match.mouse.pk)

    def _find_arenas(self) -> None:
        arenas, usual = self.all_arenas, self.usual_arena
        by_name, by_pk = {one.name: one for one in arenas}, {one.pk: one for one in arenas}
        mapped = TrackerMapping.objects.order_by("modified_at").values_list("tracker_format", "arena")
        last = dict(mapped)  # the newest of each format
        only = arenas[0] if len(arenas) == 1 else None
        for row in self.rows:
            known = row.stored.arena_id if row.stored else None
            named = by_name.get(row.trial.header.get("Arena name", ""))
            planned = by_pk.get(row.planned.arena_id or 0) if row.planned else None
            mapped_last = by_pk.get(last.get(row.format, 0))
            row.arena_guessed = by_pk.get(known or 0) or usual or named or planned or mapped_last or only
            said = self._entered("arena", row)
            row.arena = by_name.get(said) if said else row.arena_guessed
            if row.arena is None and not row.is_left_out:
                row.errors.append("Nobody said in which arena this was; choose it." if arenas else NO_ARENA)
        for row in self.rows:
            if row.arena is not None and (row.format, row.arena.pk) not in self.arenas:
                trials = [one.trial for one in self.rows if (one.format, one.arena) == (row.format, row.arena)]
                self.arenas[row.format, row.arena.pk] = ArenaWords.of(row.format, row.arena, trials, self.said)
        for words in self.arenas.values():
            self.problems += [f"{words.format} in {words.arena}: {said}" for said in words.problems]

    def _find_targets(self) -> None:
        by_mouse: dict[Any, list[Row]] = {}
        for row in self.wanted:
            by_mouse.setdefault((row.format, (row.match.mouse and row.match.mouse.pk) or row.subject), []).append(row)
        by_order: dict[int, str] = {}
        for rows in by_mouse.values():
            if self.formats[rows[0].format].told.by == "order":
                targets = targets_by_order([row.trial for row in rows])
                by_order |= {row.number: target for row, target in zip(rows, targets, strict=True)}
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

    def _refuse_stored(self) -> None:
        """Say of a trial that is stored already only that: nothing else of it matters."""
        digests = {row.file.kept.sha256 for row in self.wanted}
        stored = set(TrackedTrial.objects.filter(sha256__in=digests).values_list("sha256", "trial_name", "subject"))
        for row in self.wanted:
            sha256, subject = row.file.kept.sha256, row.trial.subject
            if (sha256, row.trial_name, subject) in stored:
                same = TrackedTrial(
                    study=self.study, file_name=row.file.kept.name, sha256=sha256, trial_name=row.trial_name,
                    subject=subject,
                )  # fmt: skip
                row.errors, row.warnings, row.is_stored = [STORED_ALREADY.format(row=same)], [], True

    def _score(self, row: Row) -> None:
        if row.arena is None or not row.target or row.is_stored:
            return
        words = self.arenas[row.format, row.arena.pk]
        stored, planned = row.stored, row.planned
        side = (stored and stored.target_side) or words.target_side or (planned and planned.plan.target_side) or ""
        length = row.trial.length_s
        trial_s = self.asked.trial_s
        if length is not None and length > trial_s + LENGTH_TOLERANCE_S and not self.asked.takes_first:
            row.errors.append(
                f"The trial lasts {length:g} s, the protocol's {trial_s:g} s; take the first {trial_s:g} s, or correct the "
                "length of a trial."
            )
        if length is not None and length < trial_s - LENGTH_TOLERANCE_S:
            row.warnings.append(f"The trial lasts {length:g} s, shorter than the protocol's {trial_s:g} s.")
        try:
            how = words.scoring(row.target, side, trial_s)
            row.score = score_trial(row.trial, how)
        except ScoringError as error:
            row.errors.append(str(error))
            return
        if row.match.mouse is not None:
            row.scored = ScoredTrial(
                row.number, row.file.kept, row.format, row.trial, row.trial_name, row.match.mouse, row.target, row.arena,
                side, how, row.score,
            )  # fmt: skip

    def _refuse_twice(self) -> None:
        pairs = Counter((row.match.mouse.pk, row.target) for row in self.wanted if row.match.mouse and row.target)
        for row in self.wanted:
            if row.match.mouse and pairs[row.match.mouse.pk, row.target] > 1:
                others = [
                    str(one.number) for one in self.wanted
                    if one is not row and one.match.mouse == row.match.mouse and one.target == row.target
                ]  # fmt: skip
                row.errors.append(
                    f"{row.match.mouse} has two trials with target {row.target} (also row {', '.join(others)}); correct "
                    "the target or the mouse, or leave one out."
                )

    def _store(self, trials: Sequence[ScoredTrial], *, dry_run: bool) -> None:
        words = [
            one.to_mapping(
                self.formats[one.format], self.asked.frame_rate_hz if one.format == deeplabcut.FORMAT else None
            )
            for key, one in self.arenas.items()
            if any((trial.tracker_format, trial.arena.pk) == key for trial in trials)
        ]
        batch = Batch(
            self.study, self.user, self.test_number, self.asked.trial_s, self.asked.likelihood_cutoff,
            self.asked.reason, tuple(words),
        )  # fmt: skip
        self.outcome = store_trials(trials, batch, dry_run=dry_run)
        by_number = {row.number: row for row in self.rows}
        for remark in self.outcome.errors:
            into = by_number[remark.number].errors if remark.number else self.problems
            into.append(remark.sentence)
        for remark in self.outcome.warnings:
            (by_number[remark.number] if remark.number else self.wanted[0]).warnings.append(remark.sentence)


NO_ARENA = "There is no arena yet; enter it with its sizes first."


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
