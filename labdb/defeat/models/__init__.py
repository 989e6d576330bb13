"""Defeat: courses, aggressors and their screening, the plan of who meets whom, and what happened."""

from labdb.defeat.models.aggressors import Aggressor, AggressorScreening, ScreeningRule
from labdb.defeat.models.bouts import BoutKind, ControlRotation, DefeatBout
from labdb.defeat.models.course import DefeatCourse, StressModel
from labdb.defeat.models.plans import PlannedBout, RotationPlan

__all__ = [
    "Aggressor", "AggressorScreening", "BoutKind", "ControlRotation", "DefeatBout", "DefeatCourse", "PlannedBout",
    "RotationPlan", "ScreeningRule", "StressModel",
]  # fmt: skip
