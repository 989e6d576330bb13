"""Defeat: courses, aggressors and their screening, the plan of who meets whom, and what happened."""

from labdb.defeat.models.aggressors import Aggressor, AggressorScreening
from labdb.defeat.models.bouts import BoutKind, ControlRotation, DefeatBout
from labdb.defeat.models.course import DefeatCourse, StressModel

__all__ = [
    "Aggressor", "AggressorScreening", "BoutKind", "ControlRotation", "DefeatBout", "DefeatCourse", "StressModel",
]  # fmt: skip
