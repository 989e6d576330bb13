"""The contrasts that a study of this design asks first: which there are, which are missing, and making them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from django.db import transaction

from analysis.contrasts import Contrast
from analysis.design_frame import read_libraries
from analysis.kernels.phenotype import CONTROL, RESILIENT, SUSCEPTIBLE
from analysis.library_fields import OUTCOME, TREATMENT
from labdb.colony.models import Study
from labdb.registry.history import writing
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import import_dicts
from labdb.registry.record import record_for
from labdb.sequencing.models import CountMatrix
from labdb.treatment.arm_labels import arm_labels, former_labels, named
from labdb.treatment.models import TreatmentArm

MIN_MICE = 2  # of a group that is compared
RESPONDER, NON_RESPONDER, WHOLE_ARM = "responder", "non-responder", "treated"
FIELDS_OF = {RESPONDER: OUTCOME, NON_RESPONDER: OUTCOME, WHOLE_ARM: TREATMENT}

ASSOCIATION = "An association, never an effect: responders were chosen after treatment."
CHOSEN = "Responders were chosen after treatment; the whole arm against the vehicle is the effect of the drug."
NOT_INDEPENDENT = (
    "For the plane of control, susceptible and resilient. It shares the controls with other contrasts, "
    "so it shares no independent null with them: never test one against the other as if they were independent."
)


@dataclass(frozen=True)
class Proposal:
    """A contrast that could be asked."""

    name: str
    group_by: str
    numerator: str
    denominator: str
    notes: str = ""

    def contrast(self, study: Study) -> Contrast:
        """Return it as a record that is not stored."""
        return Contrast(study=study, **asdict(self))


def propose(study: Study, matrix: CountMatrix) -> list[Contrast]:
    """Make the standard contrasts that the sequenced groups allow, and return them; none if there are contrasts."""
    if Contrast.objects.filter(study=study).exists():
        return []
    with transaction.atomic(), writing(door="analysis", reason="The study had no contrasts."):
        made = [one.contrast(study) for one in missing_contrasts(study, matrix)]
        for contrast in made:
            contrast.save()
        return made


def add_missing(study: Study, matrix: CountMatrix, user: Any) -> ImportReport:
    """Make those of the standard contrasts that the study does not have, by the form of every contrast."""
    rows = [asdict(one) for one in missing_contrasts(study, matrix)]
    reason = "The standard set, as far as it was missing."
    return import_dicts(record_for(Contrast), rows, user=user, study=study, door="web", reason=reason)


def missing_contrasts(study: Study, matrix: CountMatrix) -> list[Proposal]:
    """Return the standard contrasts that the sequenced groups allow and that the study does not have.

    A contrast is there by its name, or by comparing the same groups; one that was written with the letters of arms
    counts as what the letters stood for.
    """
    libraries = read_libraries(study, matrix, [OUTCOME, TREATMENT]).frame
    groups = set()
    for field in (OUTCOME, TREATMENT):
        mice = libraries.groupby(field)["mouse"].nunique()
        groups |= {(field, group) for group in mice.index[mice >= MIN_MICE]}
    labels = former_labels(study)
    has = Contrast.objects.filter(study=study).values_list("name", "group_by", "numerator", "denominator", "formula")
    names = {named(name, labels) for name, *_ in has}
    asked = {
        (field, named(over, labels), named(under, labels)) for _, field, over, under, formula in has if not formula
    }
    return [
        one
        for one in _standard(study, groups)
        if {(one.group_by, one.numerator), (one.group_by, one.denominator)} <= groups
        and one.name not in names
        and (one.group_by, one.numerator, one.denominator) not in asked
    ]


def _standard(study: Study, groups: set[tuple[str, str]]) -> Iterator[Proposal]:
    """Yield every contrast that could be asked, the phenotypes first."""
    called = arm_labels(study)
    vehicles = set(TreatmentArm.objects.filter(study=study, is_vehicle=True).values_list("pk", flat=True))
    on_vehicle = [SUSCEPTIBLE, *(f"{SUSCEPTIBLE} {label}" for arm, label in called.items() if arm in vehicles)]
    stressed = [group for group in on_vehicle if (OUTCOME, group) in groups]
    # One such group is the usual case, and then "susceptible" alone says it.
    short = {group: SUSCEPTIBLE if len(stressed) == 1 else group for group in stressed}
    for group in stressed:
        yield Proposal(f"{short[group]} - {CONTROL}", OUTCOME, group, CONTROL)
    yield Proposal(f"{RESILIENT} - {CONTROL}", OUTCOME, RESILIENT, CONTROL)
    for group in stressed:
        yield Proposal(f"{short[group]} - {RESILIENT}", OUTCOME, group, RESILIENT)
    drugs = [label for arm, label in called.items() if arm not in vehicles]
    for label in drugs:
        yield from _of_drug(label, stressed)
    for one, other in combinations(drugs, 2):
        for outcome, field in FIELDS_OF.items():
            numerator, denominator = f"{one} {outcome}", f"{other} {outcome}"
            notes = CHOSEN if outcome != WHOLE_ARM else ""
            yield Proposal(f"{numerator} - {denominator}", field, numerator, denominator, notes)


def _of_drug(label: str, stressed: list[str]) -> Iterator[Proposal]:
    for outcome, field in FIELDS_OF.items():
        numerator, notes = f"{label} {outcome}", CHOSEN if outcome != WHOLE_ARM else ""
        for group in stressed:
            yield Proposal(f"{numerator} - {group}", field, numerator, group, notes)
    responder, non_responder = f"{label} {RESPONDER}", f"{label} {NON_RESPONDER}"
    yield Proposal(f"{responder} - {non_responder}", OUTCOME, responder, non_responder, ASSOCIATION)
    whole = f"{label} {WHOLE_ARM}"
    yield Proposal(f"{whole} - {CONTROL}", TREATMENT, whole, CONTROL, NOT_INDEPENDENT)
