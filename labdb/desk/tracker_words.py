"""What a person says of trackers' files, whichever test they are of: of all, of each tracker, and of it in each arena."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from django.conf import settings

from analysis.kernels.zones import ArenaLayout
from labdb.behavior.models import Arena, TrackerMapping
from labdb.behavior.models.zones import PositionUnit, ScoredFrom, ToldBy
from labdb.behavior.trackers.detect import FORMATS
from labdb.behavior.trackers.options import PCUTOFF
from labdb.behavior.trackers.result import Trial
from labdb.behavior.tracking import scoring
from labdb.behavior.tracking.scoring import Scoring
from labdb.behavior.tracking.targets import Told
from labdb.registry.dates import DAY_FIRST, MONTH_FIRST

UNSAID = ""
SHORTEST_TRIAL_S = 10
TAKE_FIRST = "first"  # of a trial that is longer than the protocol's


@dataclass
class Asked:
    """What is said of all files together."""

    test_number: int | None
    trial_s: float
    takes_first: bool
    expected_format: str
    frame_rate_hz: float | None
    likelihood_cutoff: float
    date_order: str
    reason: str
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, said: Mapping[str, str], usual_trial_s: float, longest_trial_s: float) -> "Asked":
        """Return what the page says; what is no number is said, and the usual taken."""
        rate = TrackerMapping.objects.exclude(frame_rate_hz=None).order_by("-modified_at").first()
        problems: list[str] = []

        def number(name: str, usual: float | None, what: str) -> float | None:
            text = said.get(name, "" if usual is None else f"{usual:g}").strip()
            value = number_of(text)
            if text and value is None:
                problems.append(f"{text[:30]} is no {what}; enter a number.")
            return usual if value is None else value

        test_number = number("test_number", None, "number of a test")
        if test_number is not None and not (test_number == int(test_number) and 1 <= test_number <= 1000):
            problems.append(f"{said['test_number'][:30]} is no number of a test; the first test is 1.")
            test_number = None
        trial_s = number("trial_s", usual_trial_s, "length of a trial in seconds")
        if trial_s is None or not SHORTEST_TRIAL_S <= trial_s <= longest_trial_s:
            problems.append(f"A trial lasts {SHORTEST_TRIAL_S} to {longest_trial_s:g} s; correct its length.")
            trial_s = usual_trial_s
        expected, order = said.get("expected_format", ""), said.get("date_order", "")
        return cls(
            int(test_number) if test_number else None,
            trial_s,
            said.get("long") == TAKE_FIRST,
            expected if expected in FORMATS else "",
            number("frame_rate_hz", rate.frame_rate_hz if rate else None, "frame rate in Hz"),
            number("likelihood_cutoff", PCUTOFF, "likelihood") or 0.0,
            order if order in (DAY_FIRST, MONTH_FIRST) else "",
            said.get("reason", "").replace("\0", "").strip()[:500],
            problems,
        )


@dataclass(frozen=True)
class FormatWords:
    """How the files of one tracker name the mouse and the target."""

    format: str
    variables: tuple[str, ...]
    subject_variable: str = ""
    told: Told = field(default_factory=Told)

    @property
    def prefix(self) -> str:
        """What its inputs are called."""
        return f"{slug(self.format)}-"

    def subject_of(self, trial: Trial) -> str:
        """Return what names the mouse."""
        return trial.header.get(self.subject_variable, "").strip() if self.subject_variable else trial.subject

    @classmethod
    def of(cls, format_name: str, trials: Sequence[Trial], said: Mapping[str, str]) -> "FormatWords":
        """Return what was said now, else what was said last."""
        variables = tuple(dict.fromkeys(name for trial in trials for name in trial.header))
        before = TrackerMapping.objects.filter(tracker_format=format_name).order_by("-modified_at").first()
        ask = Answers(said, f"{slug(format_name)}-")
        told = Told(
            ask.one_of("told_by", before.told_by if before else "", ToldBy.values),
            ask.text("told_variable", before.told_variable if before else ""),
            ask.text("absent_says", before.absent_says if before else ""),
            ask.text("present_says", before.present_says if before else ""),
        )
        variable = ask.one_of("subject_variable", before.subject_variable if before else "", variables)
        return cls(format_name, variables, variable, told)


@dataclass
class ArenaWords:
    """What the files of one tracker mean in one arena, whichever test they are of."""

    format: str
    arena: Arena
    zone_names: tuple[str, ...]
    body_points: tuple[str, ...]
    has_track: bool
    unit_in_file: str
    scored_from: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    body_point: str = ""
    unit: str = ""
    origin_cm: tuple[float, float] = (0.0, 0.0)
    is_origin_suggested: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        """What its inputs are called."""
        return f"{slug(self.format)}-{self.arena.pk}-"

    @property
    def role_choices(self) -> list[tuple[str, str]]:
        """What a zone of the file can be."""
        raise NotImplementedError

    def _remembered(self, before: TrackerMapping | None) -> dict[str, str]:
        """Return what each zone of the file was the last time, or is by its name."""
        raise NotImplementedError

    @property
    def zones(self) -> list[tuple[str, str]]:
        """Each zone of the files with its role."""
        return [(name, self.roles.get(name, UNSAID)) for name in self.zone_names]

    @property
    def sources(self) -> list[tuple[str, str]]:
        """What times can be taken from."""
        if not self.has_track:
            return [(ScoredFrom.STATISTICS.value, ScoredFrom.STATISTICS.label)]
        tracks = [ScoredFrom.TRACK, ScoredFrom.TRACKER_ZONES] if self.zone_names else [ScoredFrom.TRACK]
        return [(one.value, str(one.label)) for one in tracks]

    @property
    def units(self) -> list[tuple[str, str]]:
        """Units to choose from, where the file does not say."""
        return [] if self.unit_in_file or not self.has_track else [(UNSAID, "choose"), *PositionUnit.choices]

    @property
    def is_by_track(self) -> bool:
        """Whether zones are the arena's."""
        return self.scored_from == scoring.TRACK

    @property
    def asks_origin(self) -> bool:
        """Whether positions are in cm or mm and zones are the arena's."""
        return self.is_by_track and (self.unit_in_file or self.unit) in ("cm", "mm")

    def scoring_by(
        self, areas: Mapping[str, tuple[str, ...]] | None, layout: ArenaLayout | None, trial_s: float
    ) -> Scoring:
        """Return how a trial is scored."""
        return Scoring(
            scored_from=self.scored_from,
            areas=areas,
            body_point=self.body_point,
            layout=layout,
            unit=self.unit,
            origin_cm=self.origin_cm,
            px_per_cm=self.arena.px_per_cm,
            origin_px=self.arena.origin_px,
            length_s=trial_s,
            max_gap_s=settings.TRACK_GAP_LIMIT_MS / 1000,
        )

    def to_mapping(self, words: FormatWords, frame_rate_hz: float | None) -> dict[str, Any]:
        """Return what is kept for the next time."""
        return {
            "arena": self.arena, "tracker_format": self.format, "scored_from": self.scored_from,
            "body_point": self.body_point, "position_unit": self.unit, "origin_x_cm": self.origin_cm[0],
            "origin_y_cm": self.origin_cm[1], "frame_rate_hz": frame_rate_hz,
            "subject_variable": words.subject_variable,
        }  # fmt: skip

    @classmethod
    def of(cls, format_name: str, arena: Arena, trials: Sequence[Trial], said: Mapping[str, str], **more: Any) -> Self:
        """Return what was said now, else what was said of these files in this arena, else in another."""
        names = tuple(dict.fromkeys(name for trial in trials for name in scoring.zone_names(trial)))
        points = tuple(dict.fromkeys(name for trial in trials for name in scoring.body_points(trial)))
        units = {trial.samples.unit for trial in trials if trial.samples is not None}
        unit_in_file = units.pop() if len(units) == 1 else ""
        has_track = any(trial.samples is not None for trial in trials)
        words = cls(format_name, arena, names, points, has_track, unit_in_file, **more)
        known = TrackerMapping.objects.filter(tracker_format=format_name).order_by("-modified_at")
        before = known.filter(arena=arena).first()
        ask = Answers(said, words.prefix)
        words._take_zones(ask, before or known.first())
        point = before.body_point if before else next((one for one in points if "cent" in one.casefold()), "")
        words.body_point = ask.one_of("body_point", point or (points[0] if len(points) == 1 else ""), points)
        words.unit = ask.one_of("unit", before.position_unit if before else "", PositionUnit.values)
        words._take_origin(ask, before, trials)
        words._take_more(ask, before)
        return words

    def _take_more(self, ask: "Answers", before: TrackerMapping | None) -> None:
        """Take what only one kind of test asks for."""

    def _take_zones(self, ask: "Answers", before: TrackerMapping | None) -> None:
        remembered = self._remembered(before)
        known = [value for value, _words in self.role_choices]
        self.roles = {name: ask.one_of(f"role-{name}", remembered.get(name, UNSAID), known) for name in self.zone_names}
        sources = [value for value, _words in self.sources]
        usual = before.scored_from if before else sources[-1 if any(self.roles.values()) else 0]
        self.scored_from = ask.one_of("scored_from", usual if usual in sources else sources[0], sources)

    def _take_origin(self, ask: "Answers", before: TrackerMapping | None, trials: Sequence[Trial]) -> None:
        if before is not None:
            usual = (before.origin_x_cm, before.origin_y_cm)
        else:
            usual = self._suggested_origin(trials)
            self.is_origin_suggested = usual != (0.0, 0.0) and not ask.was_said("origin_x_cm")
        x, y = (ask.number(f"origin_{axis}_cm", value) for axis, value in zip("xy", usual, strict=True))
        if x is None or y is None:
            self.problems.append("The origin is no number of cm; enter where the floor's lower left corner lies.")
        self.origin_cm = (usual[0] if x is None else x, usual[1] if y is None else y)

    def _suggested_origin(self, trials: Sequence[Trial]) -> tuple[float, float]:
        """Return half the floor below zero where positions are negative: trackers put their origin in its middle."""
        width, length = self.arena.width_cm, self.arena.length_cm
        tracks = [trial.samples for trial in trials if trial.samples is not None]
        is_negative = any((point.x < 0).mean() > 0.1 for track in tracks for point in track.points.values())
        return (-width / 2, -length / 2) if is_negative and width and length else (0.0, 0.0)


@dataclass(frozen=True)
class Answers:
    """What the page says, by its inputs' names; what was not asked yet has a usual answer."""

    said: Mapping[str, str]
    prefix: str

    def was_said(self, name: str) -> bool:
        """Whether the page asked for it."""
        return f"{self.prefix}{name}" in self.said

    def text(self, name: str, usual: str) -> str:
        """Return a text."""
        return self.said.get(f"{self.prefix}{name}", usual).replace("\0", "").strip()[:100]

    def one_of(self, name: str, usual: str, known: Sequence[str]) -> str:
        """Return one of the known answers; empty for anything else."""
        said = self.said.get(f"{self.prefix}{name}")
        if said is None:
            return usual if usual in known else UNSAID
        return said if said in known else UNSAID

    def number(self, name: str, usual: float) -> float | None:
        """Return a number; None for anything else."""
        return number_of(self.said.get(f"{self.prefix}{name}", f"{usual:g}"))


def number_of(text: str) -> float | None:
    """Return the finite number that a text says, a comma before its decimals or a point; None for anything else."""
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def slug(text: str) -> str:
    """Return a text as part of an input's name."""
    return re.sub(r"[^a-z0-9]+", "_", text.casefold())
