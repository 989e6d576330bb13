"""What mice did in tests, and the rules that read it."""

from labdb.behavior.models.assays import Assay, AssayMetric, AssayReading, AssayResult, Statistic
from labdb.behavior.models.rules import PhenotypeRule, ResponseRule
from labdb.behavior.models.si_test import Arena, EstrousStage, SocialInteractionTest
from labdb.behavior.models.test_days import PlannedSiTest, PlannedState, SiTestPlan
from labdb.behavior.models.tracked_trial import Target, TrackedAssayTrial, TrackedTrial
from labdb.behavior.models.zones import ArenaZone, ScoredFrom, ToldBy, TrackerMapping

__all__ = [
    "Arena", "ArenaZone", "Assay", "AssayMetric", "AssayReading", "AssayResult", "EstrousStage", "PhenotypeRule",
    "PlannedSiTest", "PlannedState", "ResponseRule", "ScoredFrom", "SiTestPlan", "SocialInteractionTest", "Statistic",
    "Target", "ToldBy", "TrackedAssayTrial", "TrackedTrial", "TrackerMapping",
]  # fmt: skip
