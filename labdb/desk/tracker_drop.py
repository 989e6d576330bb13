"""Files of trackers on their way into records: what was sent, what is said of it, what comes out, and all that is wrong."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from labdb.behavior.models import Arena, TrackerMapping
from labdb.behavior.models.tracked_trial import TrialOfFile
from labdb.behavior.trackers import deeplabcut
from labdb.behavior.trackers.detect import read_tracker_file
from labdb.behavior.trackers.result import TrackerError, TrackerFile, Trial
from labdb.behavior.tracking.scoring import Scoring, ScoringError, TrialScore
from labdb.behavior.tracking.storing import Outcome, ScoredTrial, refuse_together
from labdb.behavior.tracking.subjects import Match, match_subjects
from labdb.colony.models import Study
from labdb.desk.tracker_words import ArenaWords, Asked, FormatWords
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
    subject: str = ""
    mouse_text: str = ""
    mouse_by_file: str = ""
    match: Match = NO_MOUSE
    arena: Arena | None = None
    arena_guessed: Arena | None = None
    is_left_out: bool = False
    is_stored: bool = False
    score: TrialScore | None = None
    scored: ScoredTrial | None = None
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def format(self) -> str:
        """Which tracker wrote it."""
        return self.file.found.format if self.file.found else ""

    @property
    def where(self) -> str:
        """File and place in it, for sentences."""
        return ", ".join(filter(None, [self.file.kept.name, self.trial.where]))


class TrackerDrop:
    """The files of one request and everything that is known of them; what only one kind of test knows, its own class says."""

    row_class: type[Row] = Row
    words_class: type[ArenaWords] = ArenaWords
    trial_model: type[TrialOfFile]
    longest_trial_s = 3600.0

    def __init__(self, request: HttpRequest, study: Study) -> None:
        self.user, self.study, self.said = request.user, study, request.POST
        self.problems: list[str] = []
        self.asked = Asked.of(self.said, self.usual_trial_s, self.longest_trial_s)
        self.problems += self.asked.problems
        self.files = self._receive(request)
        self.rows: list[Any] = self._make_rows()
        self.formats: dict[str, FormatWords] = {}
        self.arenas: dict[tuple[str, int], Any] = {}
        self.outcome = Outcome()
        self.all_arenas = list(Arena.objects.prefetch_related("zones").order_by("name"))
        self.usual_arena = next((one for one in self.all_arenas if one.name == self.said.get("arena")), None)

    @property
    def usual_trial_s(self) -> float:
        """Length of the protocol's trial where nobody says another (s)."""
        raise NotImplementedError

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

    def _make_rows(self) -> list[Any]:
        rows: list[Row] = []
        for file in self.files:
            for place, (trial, more) in enumerate(self._trials_of(file)):
                key = f"{file.kept.sha256[:12]}-{place}"
                name = more.pop("trial_name", trial.name)[:200]
                rows.append(self.row_class(len(rows) + 1, key, file, trial, name, **more))
        return rows

    def _trials_of(self, file: ReadFile) -> Iterable[tuple[Trial, dict[str, Any]]]:
        """Return the trials of a file, with what a row of them knows from the start."""
        return [(trial, {}) for trial in (file.found.trials if file.found else ())]

    @property
    def lacks(self) -> set[str]:
        """What the files that could not be read ask for."""
        return {file.error.asks_for for file in self.files if file.error and file.error.asks_for}

    @property
    def wanted(self) -> list[Any]:
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

    @property
    def sentences(self) -> list[str]:
        """Everything that keeps the files out."""
        unread = [str(file.error) for file in self.files if file.error]
        of_rows = [f"{row.where}: {said}" for row in self.wanted for said in (*row.errors, *row.warnings)]
        return [*self.problems, *unread, *of_rows]

    def check(self, *, store: bool = False) -> None:
        """Find mice and arenas, score every trial, and store them if that is asked for and nothing is wrong."""
        self._find_mice()
        self._find_arenas()
        self._find_more()
        self._refuse_stored()
        for row in self.wanted:
            self._score(row)
        self._refuse_twice()
        may_store = store and not self.n_errors and (not self.has_warnings or bool(self.asked.reason))
        trials = [row.scored for row in self.wanted if row.scored is not None and not row.errors]
        if trials and (store or not self.problems):
            self._store(trials, dry_run=not may_store)
        if store and self.files and not self.outcome.is_stored:
            files = [file.kept for file in self.files]
            refuse_together(
                self.trial_model, files, self.batch(), self.sentences or ["No trial was left to be stored."]
            )

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
        self._find_known()

    def _find_known(self) -> None:
        """Find what is stored or planned of the mice."""

    def _find_more(self) -> None:
        """Find what only one kind of test asks for."""

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

    def _find_arenas(self) -> None:
        arenas, usual = self.all_arenas, self.usual_arena
        by_name, by_pk = {one.name: one for one in arenas}, {one.pk: one for one in arenas}
        mapped = TrackerMapping.objects.order_by("modified_at").values_list("tracker_format", "arena")
        last = dict(mapped)  # the newest of each format
        only = arenas[0] if len(arenas) == 1 else None
        for row in self.rows:
            known, planned = (by_pk.get(pk or 0) for pk in self._arenas_of(row))
            named = by_name.get(row.trial.header.get("Arena name", ""))
            mapped_last = by_pk.get(last.get(row.format, 0))
            row.arena_guessed = known or usual or named or planned or mapped_last or only
            said = self._entered("arena", row)
            row.arena = by_name.get(said) if said else row.arena_guessed
            if row.arena is None and not row.is_left_out:
                row.errors.append("Nobody said in which arena this was; choose it." if arenas else NO_ARENA)
        for row in self.rows:
            if row.arena is not None and (row.format, row.arena.pk) not in self.arenas:
                trials = [one.trial for one in self.rows if (one.format, one.arena) == (row.format, row.arena)]
                words = self.words_class.of(row.format, row.arena, trials, self.said, **self._of_arena())
                self.arenas[row.format, row.arena.pk] = words
        for words in self.arenas.values():
            self.problems += [f"{words.format} in {words.arena}: {said}" for said in words.problems]

    def _arenas_of(self, row: Any) -> tuple[int | None, int | None]:
        """Return the arena that is stored of a row's test, and the one that is planned."""
        return None, None

    def _of_arena(self) -> dict[str, Any]:
        """Return what the words of an arena need beside its files."""
        return {}

    def _refuse_stored(self) -> None:
        """Say of a trial that is stored already only that: nothing else of it matters."""
        stored = self.trial_model.stored_trials(row.file.kept.sha256 for row in self.wanted)
        for row in self.wanted:
            sha256, subject = row.file.kept.sha256, row.trial.subject
            for other in stored.get((sha256, row.trial_name, subject), []):
                if self._is_refused_by(other, row):
                    same = self.trial_model(study=self.study, file_name=row.file.kept.name)
                    row.errors, row.warnings, row.is_stored = [same.already(other)], [], True

    def _is_refused_by(self, stored: Any, row: Any) -> bool:
        """Whether a stored trial of the same file keeps a row out."""
        return True

    def _score(self, row: Any) -> None:
        """Score the trial of a row, or say why it cannot be."""
        if row.arena is None or row.is_stored or not self._is_ready(row):
            return
        self._hold_against_protocol(row)
        try:
            self._score_by(self.arenas[row.format, row.arena.pk], row)
        except ScoringError as error:
            row.errors.append(str(error))

    def _is_ready(self, row: Any) -> bool:
        """Whether everything is said that a score needs."""
        return True

    def _hold_against_protocol(self, row: Row) -> None:
        length, trial_s = row.trial.length_s, self.asked.trial_s
        if length is not None and length > trial_s + LENGTH_TOLERANCE_S and not self.asked.takes_first:
            row.errors.append(
                f"The trial lasts {length:g} s, the protocol's {trial_s:g} s; take the first {trial_s:g} s, or correct the "
                "length of a trial."
            )
        if length is not None and length < trial_s - LENGTH_TOLERANCE_S:
            row.warnings.append(f"The trial lasts {length:g} s, shorter than the protocol's {trial_s:g} s.")

    def _score_by(self, words: Any, row: Any) -> None:
        """Score a row by what is said of its arena, and put into it what is to be stored."""
        raise NotImplementedError

    def _scored_fields(self, row: Row, how: Scoring, score: TrialScore) -> dict[str, Any]:
        """Return the fields that every scored trial has."""
        return {
            "number": row.number, "kept": row.file.kept, "tracker_format": row.format, "trial": row.trial,
            "trial_name": row.trial_name, "mouse": row.match.mouse, "arena": row.arena, "how": how, "score": score,
        }  # fmt: skip

    def _refuse_twice(self) -> None:
        """Refuse two trials where one belongs."""
        pairs = Counter(self._place_of(row) for row in self.wanted if row.match.mouse)
        for row in self.wanted:
            if row.match.mouse and self._place_of(row) and pairs[self._place_of(row)] > 1:
                same = [one for one in self.wanted if one is not row and self._place_of(one) == self._place_of(row)]
                row.errors.append(self._twice(row, ", ".join(str(one.number) for one in same)))

    def _place_of(self, row: Any) -> Any:
        """Return where a row's trial belongs; None where nobody said it."""
        return row.match.mouse and row.match.mouse.pk

    def _twice(self, row: Any, others: str) -> str:
        """Say that other rows belong to the same place."""
        raise NotImplementedError

    def batch(self) -> Any:
        """Return what all trials share when they are stored."""
        raise NotImplementedError

    def _store_trials(self, trials: Sequence[Any], *, dry_run: bool) -> Outcome:
        raise NotImplementedError

    def _shared_words(self) -> dict[str, Any]:
        """Return what a batch of any kind has."""
        used = {(row.format, row.arena.pk) for row in self.wanted if row.arena and row.scored and not row.errors}
        rate_hz = self.asked.frame_rate_hz
        mappings = [
            one.to_mapping(self.formats[one.format], rate_hz if one.format == deeplabcut.FORMAT else None)
            for key, one in self.arenas.items()
            if key in used
        ]
        return {
            "study": self.study, "user": self.user, "trial_s": self.asked.trial_s, "mappings": tuple(mappings),
            "likelihood_cutoff": self.asked.likelihood_cutoff, "reason": self.asked.reason,
        }  # fmt: skip

    def _store(self, trials: Sequence[ScoredTrial], *, dry_run: bool) -> None:
        self.outcome = self._store_trials(trials, dry_run=dry_run)
        by_number = {row.number: row for row in self.rows}
        for remark in self.outcome.errors:
            add_once(by_number[remark.number].errors if remark.number else self.problems, remark.sentence)
        for remark in self.outcome.warnings:
            row = by_number[remark.number] if remark.number else self.wanted[0]
            add_once(row.warnings, remark.sentence)


def add_once(sentences: list[str], sentence: str) -> None:
    """Add a sentence unless it was said."""
    if sentence not in sentences:
        sentences.append(sentence)


NO_ARENA = "There is no arena yet; enter it with its sizes first."
