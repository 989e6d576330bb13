"""Which records each task reads: a change of any of them asks whether its results still follow from them."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from django.db import models

from analysis.kernels.formula import parse_formula
from analysis.library_fields import ARM, COMPUTED, IS_RANDOMIZED, OUTCOME, SOURCES, TREATMENT, lookup_of
from analysis.models import Contrast
from analysis.outside import OutsideSignature
from analysis.watermark import EVERY_FIELD
from labdb.behavior.models import Arena, ArenaZone, PhenotypeRule, ResponseRule, SocialInteractionTest, TrackedTrial
from labdb.colony.models import Cage, Cohort, Exclusion, Housing, Litter, Mouse, Study, Weighing
from labdb.registry.lab_values import COLUMN as LAB_VALUES
from labdb.registry.models import LabRecord
from labdb.registry.record import field_of
from labdb.sequencing.models import (
    CountMatrix,
    ExtractionSample,
    Gene,
    Library,
    LibraryExtraction,
    LibraryRun,
    RnaExtraction,
    SelectionMouse,
    SequencingRun,
    SequencingSelection,
)
from labdb.tissue.models import BrainRegion, TissueSample
from labdb.treatment.models import Allocation, AllocationKey, TreatmentArm

Models = frozenset[type[models.Model]]
Fields = dict[type[models.Model], set[str]]

SHOWN_BY: dict[
    type[models.Model], set[str]
] = {  # parts of inputs that a change of these records shows in, and no other
    Contrast: {"questions", "groupings"},
}
EXCLUDED = {"exclusion_criterion"}
_SI_TEST = {
    "mouse", "test_number", "counts", "trial_s", "iz_absent_s", "iz_present_s", "corner_absent_s", "corner_present_s",
    *EXCLUDED,
}  # fmt: skip
_TESTS: Fields = {
    SocialInteractionTest: _SI_TEST,
    Mouse: {"group", "cohort"},
    Cohort: {"code"},
    Exclusion: {"mouse"},
}
_TRACKS: Fields = {
    SocialInteractionTest: {"arena", "target_side"},
    TrackedTrial: {EVERY_FIELD},
    Arena: {EVERY_FIELD},
    ArenaZone: {EVERY_FIELD},
}
_LIBRARIES: Fields = {
    CountMatrix: {"code", "annotation", "sha256"},
    Library: {"code"},
    LibraryExtraction: {"library", "extraction"},
    ExtractionSample: {"extraction", "sample"},
    RnaExtraction: {"code"},
    TissueSample: {"mouse", "region", *EXCLUDED},
    Exclusion: {"mouse"},
    BrainRegion: {"code"},
    Mouse: {"group"},
}
_ARMS: Fields = {
    Allocation: {"mouse", "randomization", "superseded_by"},
    AllocationKey: {"allocation", "arm"},
    TreatmentArm: {"name", "is_vehicle"},
}
_FORMER_NAMES: Fields = {TreatmentArm: {"name"}}  # of arms that a contrast may name by their letters
_CONTRAST = {"name", "group_by", "numerator", "denominator", "covariates", "region", "formula"}
_FIXED: dict[str, tuple[Fields, ...]] = {
    "phenotype": (_TESTS, _TRACKS, {PhenotypeRule: {EVERY_FIELD}}),
    "response": (_TESTS, {ResponseRule: {EVERY_FIELD}}),
    "quality": (
        _TESTS, _LIBRARIES, {TissueSample: {"code"}, RnaExtraction: {"rin", "batch"}, Library: {"pool"}, Gene: {"symbol", "annotation"}},
        {LibraryRun: {"library", "run"}, SequencingRun: {"code"}, Housing: {"mouse", "cage", "housed_from"}},
        {Cage: {"code"}, Mouse: {"code", "sex", "litter"}, Litter: {"code"}, Weighing: {"mouse", "performed_at", "body_mass_g"}},
        {Contrast: {"name", "group_by"}},
    ),
    "differential_expression": (
        _LIBRARIES, _FORMER_NAMES,
        {Contrast: _CONTRAST},
    ),
    "reversal": (
        _LIBRARIES, _ARMS,
        {Library: {"pool"}, SequencingSelection: {"decided"}, SelectionMouse: {"selection", "mouse"}},
        {SocialInteractionTest: _SI_TEST},
    ),
    "rrho": (_LIBRARIES, _ARMS, {Library: {"pool"}}, {Contrast: _CONTRAST}),
    "mouse_scores": (_LIBRARIES, _ARMS, {Library: {"pool"}}),
    "resilience": (_LIBRARIES, _ARMS, {Library: {"pool"}}),
    "drug_genes": (_LIBRARIES, _ARMS, {Library: {"pool"}}),
    "outside_signature": (
        _LIBRARIES, _FORMER_NAMES,
        {Contrast: _CONTRAST},
        {OutsideSignature: {"code", "annotation"}},
    ),
    "calibration": (_LIBRARIES, _ARMS, {Library: {"pool"}}),
    "reversal_power": (_LIBRARIES, _ARMS, {Library: {"pool"}}),
}  # fmt: skip
_BY_CONTRASTS = {
    "differential_expression",
    "outside_signature",
    "quality",
    "rrho",
}  # whose groups and covariates are any field of a library or mouse


@cache
def models_read(task: str) -> Models:
    """Return every model that a task may read: those it names, and for contrasts all that a dotted field can reach."""
    named = {model for fields in _FIXED.get(task, ()) for model in fields}
    return frozenset(named | _reachable() | set(_ARMS) if task in _BY_CONTRASTS else named)


@cache
def all_models_read() -> Models:
    """Return the models that some task reads."""
    return frozenset().union(*map(models_read, _FIXED))


def fields_read(task: str, study: Study) -> Fields:
    """Return the fields whose change can change the inputs of a task; those of contrasts as the study has them now."""
    read: Fields = {}
    for fields in _FIXED.get(task, ()):
        for model, names in fields.items():
            read.setdefault(model, set()).update(names)
    if task in _BY_CONTRASTS:
        for name in _fields_of_contrasts(study):
            for model, field in _steps(name):
                read.setdefault(model, set()).add(field)
    return read


def _fields_of_contrasts(study: Study) -> Iterator[str]:
    asked = list(Contrast.objects.filter(study=study).order_by().values_list("group_by", "covariates", "formula"))
    for group_by, covariates, formula in asked or [(OUTCOME, "", "")]:  # by which quality groups without any
        yield from (group_by, *(_fields_of_formula(formula) if formula else Contrast.values_of(covariates)))


def _fields_of_formula(formula: str) -> tuple[str, ...]:
    try:
        return parse_formula(formula).fields
    except ValueError:  # the contrast itself is refused where it is asked
        return ()


def _steps(name: str) -> Iterator[tuple[type[models.Model], str]]:
    """Yield each model with its field on the way of a dotted name; nothing for one that does not exist any more."""
    if name in COMPUTED:
        if name in (ARM, IS_RANDOMIZED, OUTCOME, TREATMENT):
            yield from ((model, field) for model, fields in _ARMS.items() for field in fields)
        return
    try:
        lookup_of(name)
    except ValueError:
        return
    here: Any = SOURCES[name.partition("__")[0]]
    for step in name.split("__")[1:]:
        field: Any = field_of(here, step)
        yield here, field.name if field in here._meta.fields else LAB_VALUES
        if not field.is_relation:
            return
        here = field.related_model
    yield here, here.key_field


def _reachable() -> set[type[models.Model]]:
    """Return the records that forward relations of libraries and mice lead to."""
    found: set[type[models.Model]] = set()
    waiting: list[Any] = list(SOURCES.values())
    while waiting:
        model = waiting.pop()
        if model in found:
            continue
        found.add(model)
        related = [field.related_model for field in model._meta.fields if field.is_relation]
        waiting += [one for one in related if issubclass(one, LabRecord) and one is not Study]
    return found
