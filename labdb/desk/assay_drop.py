"""Files of trackers on their way to results of an assay: which session they are, and what is read from them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from labdb.behavior.models import Assay, AssayMetric, TrackedAssayTrial
from labdb.behavior.tracking.assay_storing import AssayBatch, ScoredAssayTrial, store_assay_trials
from labdb.behavior.tracking.readings import areas_of, readings_of, values_of, without_value
from labdb.behavior.tracking.scoring import score_trial
from labdb.behavior.tracking.storing import Outcome
from labdb.behavior.tracking.zone_names import paired
from labdb.colony.models import Study
from labdb.desk.assay_words import AssayArenaWords
from labdb.desk.tracker_drop import Row, TrackerDrop

NO_READINGS = (
    "Nobody has said what {assay} reads from a track; enter it for its metrics under Records > Assay readings."
)
USUAL_TRIAL_S = 300.0  # where the assay says none [K]
LONGEST_SESSION = 50


@dataclass
class AssayRow(Row):
    """One trial of an assay in the table."""

    values: list[tuple[float | None, int]] = field(default_factory=list)  # of each metric, with the decimals shown


class AssayDrop(TrackerDrop):
    """The files of one request that are to be results of an assay."""

    row_class = AssayRow
    words_class = AssayArenaWords
    trial_model = TrackedAssayTrial
    longest_trial_s = 86_400.0

    def __init__(self, request: HttpRequest, study: Study, assay: Assay) -> None:
        self.assay = assay
        super().__init__(request, study)
        self.readings = readings_of(assay)
        self.areas = areas_of(self.readings)
        self.session = self.said.get("session", "").replace("\0", "").strip()
        if len(self.session) > LONGEST_SESSION:
            self.problems.append(
                f"The name of the session has {len(self.session)} characters; use {LONGEST_SESSION} or less."
            )
        if not self.readings:
            self.problems.append(NO_READINGS.format(assay=assay))

    @property
    def usual_trial_s(self) -> float:
        """Length of a trial as the assay has it."""
        return self.assay.trial_s or USUAL_TRIAL_S

    @property
    def metrics(self) -> list[AssayMetric]:
        """What gets values."""
        return [one.metric for one in self.readings]

    def _of_arena(self) -> dict[str, Any]:
        return {"areas": self.areas}

    def _is_refused_by(self, stored: TrackedAssayTrial, row: AssayRow) -> bool:
        """Whether it is stored already; another assay may read the same trial."""
        return stored.assay_id == self.assay.pk

    def _is_ready(self, row: AssayRow) -> bool:
        return bool(self.readings)

    def _score_by(self, words: AssayArenaWords, row: AssayRow) -> None:
        how = words.scoring(self.asked.trial_s)
        row.score = score_trial(row.trial, how)
        values = values_of(self.readings, row.score)
        row.values = [(values[one.metric_id], 0 if one.is_count else 1) for one in self.readings]
        row.notes = without_value(self.readings, row.score)
        if all(value is None for value in values.values()):
            row.errors.append(f"The file says nothing of what {self.assay} reads; choose other zones or another file.")
        if row.match.mouse is not None:
            zones = "" if words.is_by_track else paired(words.tracker_zones)
            row.scored = ScoredAssayTrial(**self._scored_fields(row, how, row.score), tracker_zones=zones)

    def _twice(self, row: AssayRow, others: str) -> str:
        return (
            f"{row.match.mouse} has two trials in one session (also row {others}); correct the mouse, leave one out, or "
            "send the other as another session."
        )

    def batch(self) -> AssayBatch:
        """Return what all trials share when they are stored."""
        return AssayBatch(
            **self._shared_words(), assay=self.assay, session=self.session, readings=tuple(self.readings)
        )  # fmt: skip

    def _store_trials(self, trials: Sequence[Any], *, dry_run: bool) -> Outcome:
        return store_assay_trials(trials, self.batch(), dry_run=dry_run)
