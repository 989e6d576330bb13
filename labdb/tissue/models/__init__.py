"""The death of a mouse, its tissue and where that is kept, and what was measured in it."""

from labdb.tissue.models.dissections import BrainRegion, DeathMethod, Dissection
from labdb.tissue.models.measurements import Modality, TissueMeasurement
from labdb.tissue.models.region_not_taken import RegionNotTaken
from labdb.tissue.models.samples import Hemisphere, StorageBox, TissueSample, named_places
from labdb.tissue.models.tubes import (
    ENDS,
    BoxCheck,
    CheckDecision,
    CheckedTube,
    CheckResult,
    TubeAct,
    TubeEvent,
    outside,
    place_words,
)

__all__ = [
    "ENDS", "BoxCheck", "BrainRegion", "CheckDecision", "CheckResult", "CheckedTube", "DeathMethod", "Dissection",
    "Hemisphere", "Modality", "RegionNotTaken", "StorageBox", "TissueMeasurement", "TissueSample", "TubeAct",
    "TubeEvent", "named_places", "outside", "place_words",
]  # fmt: skip
