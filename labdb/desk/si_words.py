"""What a person says of the zones in files of SI tests: which is the interaction zone, which are corners, where the target stood."""

from dataclasses import dataclass
from typing import Any

from labdb.behavior.models import TrackerMapping
from labdb.behavior.models.si_test import TargetSide
from labdb.behavior.models.zones import ZoneRole
from labdb.behavior.trackers import zone_times
from labdb.behavior.tracking.arenas import layout_of
from labdb.behavior.tracking.scoring import Scoring, si_areas
from labdb.behavior.tracking.targets import ABSENT, PRESENT
from labdb.behavior.tracking.zone_names import joined, parted
from labdb.desk.tracker_words import UNSAID, Answers, ArenaWords, FormatWords

TABLE_FORMAT = zone_times.FORMAT  # one line of it holds both trials
OF_TARGET = {ABSENT: ", target absent", PRESENT: ", target present"}
ROLES = (str(ZoneRole.INTERACTION), str(ZoneRole.CORNER))


@dataclass
class SiArenaWords(ArenaWords):
    """What the files of one tracker mean in an arena of SI tests."""

    target_side: str = ""

    @property
    def role_choices(self) -> list[tuple[str, str]]:
        """What a zone of the file can be; a column of a table also says of which trial."""
        roles = list(ROLES)
        if self.format == TABLE_FORMAT:
            roles = [f"{role}{suffix}" for role in roles for suffix in OF_TARGET.values()]
        return [(UNSAID, "not used"), *((role, role) for role in roles)]

    def scoring(self, target: str, target_side: str, trial_s: float) -> Scoring:
        """Return how a trial is scored."""
        layout = layout_of(self.arena, target_side) if self.is_by_track else None
        areas = None if self.is_by_track else si_areas(*(self.named(role, target) for role in ROLES))
        return self.scoring_by(areas, layout, trial_s)

    def named(self, role: str, target: str) -> tuple[str, ...]:
        """Return the zones of a role, in the trial with or without target."""
        wanted = (role, role + OF_TARGET[target])
        return tuple(name for name in self.zone_names if self.roles.get(name) in wanted)

    def to_mapping(self, words: FormatWords, frame_rate_hz: float | None) -> dict[str, Any]:
        """Return what is kept for the next time."""
        told = words.told
        return {
            **super().to_mapping(words, frame_rate_hz),
            "interaction_zones": self._kept(ROLES[0]), "corners": self._kept(ROLES[1]), "told_by": told.by,
            "told_variable": told.variable, "absent_says": told.absent_says, "present_says": told.present_says,
            "target_side": self.target_side,
        }  # fmt: skip

    def _kept(self, role: str) -> str:
        return joined([f"{name}{said[len(role) :]}" for name, said in self.zones if said.startswith(role)])

    def _take_more(self, ask: Answers, before: TrackerMapping | None) -> None:
        self.target_side = ask.one_of("target_side", before.target_side if before else "", TargetSide.values)

    def _remembered(self, before: TrackerMapping | None) -> dict[str, str]:
        remembered: dict[str, str] = {}
        texts = (before.interaction_zones, before.corners) if before else ("", "")
        for role, text in zip(ROLES, texts, strict=True):
            for name in parted(text):
                suffix = next((end for end in OF_TARGET.values() if name.endswith(end)), "")
                remembered[name.removesuffix(suffix)] = role + suffix
        return remembered
