"""What mice did in tests, and the rules that read it."""

from labdb.behavior.models.assays import Assay, AssayMetric, AssayResult
from labdb.behavior.models.rules import PhenotypeRule, ResponseRule
from labdb.behavior.models.si_test import Arena, SocialInteractionTest

__all__ = [
    "Arena", "Assay", "AssayMetric", "AssayResult", "PhenotypeRule", "ResponseRule", "SocialInteractionTest",
]  # fmt: skip
