"""The animals of the laboratory, from a study's question to the day each mouse was weighed."""

from labdb.colony.models.dates import overlapping, refuse_future, refuse_outside_life
from labdb.colony.models.events import BenchEvent, Weighing
from labdb.colony.models.housing import Cage, Housing
from labdb.colony.models.identity import Exclusion, MouseIdentification
from labdb.colony.models.mouse import Mouse, Sex
from labdb.colony.models.origins import Litter, Shipment
from labdb.colony.models.study import Cohort, Severity, Strain, Study, StudyMembership
from labdb.colony.models.welfare import WelfareAction, WelfareCheck, WelfareFinding

__all__ = [
    "BenchEvent", "Cage", "Cohort", "Exclusion", "Housing", "Litter", "Mouse", "MouseIdentification", "Severity", "Sex",
    "Shipment", "Strain", "Study", "StudyMembership", "Weighing", "WelfareAction", "WelfareCheck", "WelfareFinding",
    "overlapping", "refuse_future", "refuse_outside_life",
]  # fmt: skip
