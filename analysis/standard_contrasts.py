"""The contrasts that a study of this design asks first; proposed where nobody has defined any."""

from django.db import transaction

from analysis.design_frame import OUTCOME, read_libraries
from analysis.kernels.phenotype import CONTROL, RESILIENT, SUSCEPTIBLE
from analysis.models import Contrast
from labdb.colony.models import Study
from labdb.registry.history import writing
from labdb.sequencing.models import CountMatrix
from labdb.treatment.arm_labels import arm_labels
from labdb.treatment.models import TreatmentArm

MIN_MICE = 2  # of a group that is compared


def propose(study: Study, matrix: CountMatrix) -> list[Contrast]:
    """Make the standard contrasts that the sequenced groups allow, and return them; none if there are contrasts."""
    if Contrast.objects.filter(study=study).exists():
        return []
    frame = read_libraries(study, matrix, [OUTCOME]).frame
    mice = frame.groupby(OUTCOME)["mouse"].nunique()
    groups = set(mice.index[mice >= MIN_MICE])
    with transaction.atomic(), writing(door="analysis", reason="The study had no contrasts."):
        return [
            Contrast.objects.create(
                study=study, name=name, group_by=OUTCOME, numerator=numerator, denominator=denominator,
                notes="Proposed: the study had no contrasts.",
            )
            for name, numerator, denominator in _standard(study, groups)
            if numerator in groups and denominator in groups
        ]  # fmt: skip


def _standard(study: Study, groups: set[str]) -> list[tuple[str, str, str]]:
    """Return name, numerator and denominator of every contrast that could be asked."""
    called = arm_labels(study)
    vehicles = set(TreatmentArm.objects.filter(study=study, is_vehicle=True).values_list("pk", flat=True))
    on_vehicle = [SUSCEPTIBLE, *(f"{SUSCEPTIBLE} {label}" for arm, label in called.items() if arm in vehicles)]
    stressed = [group for group in on_vehicle if group in groups]
    # One such group is the usual case, and then "susceptible" alone says it.
    short = {group: SUSCEPTIBLE if len(stressed) == 1 else group for group in stressed}
    contrasts = [(f"{short[group]} - {CONTROL}", group, CONTROL) for group in stressed]
    contrasts.append((f"{RESILIENT} - {CONTROL}", RESILIENT, CONTROL))
    for arm, label in called.items():
        if arm in vehicles:
            continue
        for outcome in ("responder", "non-responder", "treated"):
            numerator = f"{label} {outcome}"
            contrasts += [(f"{numerator} - {group}", numerator, group) for group in stressed]
    return contrasts
