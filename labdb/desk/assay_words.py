"""What a person says of the zones in files of an assay: which of them are which of the arena's, in the assay's own words."""

from dataclasses import dataclass, field
from typing import Any

from labdb.behavior.models import TrackerMapping
from labdb.behavior.tracking.arenas import assay_layout
from labdb.behavior.tracking.readings import areas_in_file, zones_of
from labdb.behavior.tracking.scoring import Scoring
from labdb.behavior.tracking.zone_names import joined, paired, parted, unpaired
from labdb.desk.tracker_words import UNSAID, ArenaWords, FormatWords


@dataclass
class AssayArenaWords(ArenaWords):
    """What the files of one tracker mean in an arena of an assay."""

    areas: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of the assay's readings

    @property
    def role_choices(self) -> list[tuple[str, str]]:
        """What a zone of the file can be: one of the assay's zones, or several that count together."""
        names = dict.fromkeys([*zones_of(self.areas), *self.areas])
        return [(UNSAID, "not used"), *((name, " or ".join(parted(name))) for name in names)]

    @property
    def tracker_zones(self) -> dict[str, tuple[str, ...]]:
        """The zones of the assay by the tracker's names."""
        return {name: parted(role) for name, role in self.zones if role}

    def scoring(self, trial_s: float) -> Scoring:
        """Return how a trial is scored."""
        if self.is_by_track:
            return self.scoring_by(self.areas, assay_layout(self.arena, zones_of(self.areas)), trial_s)
        return self.scoring_by(areas_in_file(self.areas, self.tracker_zones), None, trial_s)

    def to_mapping(self, words: FormatWords, frame_rate_hz: float | None) -> dict[str, Any]:
        """Return what is kept for the next time; what other assays call zones of the same names stays."""
        mapping = super().to_mapping(words, frame_rate_hz)
        known = TrackerMapping.objects.filter(arena=self.arena, tracker_format=self.format).first()
        ours = set(zones_of(self.areas))
        before = unpaired(known.assay_zones) if known else {}
        others = {name: tuple(one for one in zones if one not in ours) for name, zones in before.items()}
        both = {
            name: (*others.get(name, ()), *self.tracker_zones.get(name, ()))
            for name in {**others, **self.tracker_zones}
        }
        return {**mapping, "assay_zones": paired(both)}

    def _remembered(self, before: TrackerMapping | None) -> dict[str, str]:
        ours = zones_of(self.areas)
        by_name = {name.casefold(): name for name in ours}
        same = {name: by_name.get(name.partition(" / ")[0].casefold(), UNSAID) for name in self.zone_names}
        said = unpaired(before.assay_zones) if before else {}
        return same | {name: joined(one for one in zones if one in ours) for name, zones in said.items()}
