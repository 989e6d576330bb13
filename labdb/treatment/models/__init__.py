"""Drugs, arms, who is in which, and what was given."""

from labdb.treatment.models.allocation import Allocation, AllocationKey, Randomization
from labdb.treatment.models.arms import ArmLetter, Device, Route, TreatmentArm, TreatmentComponent
from labdb.treatment.models.doses import GIVEN, Dose, DoseStatus
from labdb.treatment.models.drugs import Drug, DrugForm, Solution, SolutionKey
from labdb.treatment.password_again import PasswordTries
from labdb.treatment.unblinding import Unblinding

__all__ = [
    "GIVEN", "Allocation", "AllocationKey", "ArmLetter", "Device", "Dose", "DoseStatus", "Drug", "DrugForm",
    "PasswordTries", "Randomization", "Route", "Solution", "SolutionKey", "TreatmentArm", "TreatmentComponent",
    "Unblinding",
]  # fmt: skip
