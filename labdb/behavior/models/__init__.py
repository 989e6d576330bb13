"""What mice did in tests, and the rules that read it."""

from labdb.behavior.models.assays import Assay, AssayMetric, AssayResult
from labdb.behavior.models.rules import PhenotypeRule, ResponseRule
from labdb.behavior.models.si_test import Arena, EstrousStage, SocialInteractionTest
from labdb.behavior.models.test_days import PlannedSiTest, PlannedState, SiTestPlan

__all__ = [
    "Arena", "Assay", "AssayMetric", "AssayResult", "EstrousStage", "PhenotypeRule", "PlannedSiTest", "PlannedState",
    "ResponseRule", "SiTestPlan", "SocialInteractionTest",
]  # fmt: skip
