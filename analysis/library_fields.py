"""How groups and covariates are named: a path of fields from a library or its mouse, or what the analysis says of it.

A field that the lab has defined is one like any other: ``mouse__coat_score``.
"""

from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from labdb.colony.models import Mouse
from labdb.registry.lab_fields import path_to
from labdb.registry.models import LabRecord
from labdb.registry.record import field_of, lab_fields_of
from labdb.sequencing.models import Library

PHENOTYPE, RESPONSE = "mouse__phenotype", "mouse__response"
ARM, IS_RANDOMIZED, OUTCOME = "mouse__arm", "mouse__is_randomized", "mouse__treatment_outcome"
TREATMENT = "mouse__treatment"  # the outcome without what became of it: whole arms
COMPUTED = (PHENOTYPE, RESPONSE, ARM, IS_RANDOMIZED, OUTCOME, TREATMENT)  # by runs and allocation, for each mouse
SOURCES: dict[str, type[LabRecord]] = {"library": Library, "mouse": Mouse}


def check_field(name: str) -> None:
    """Raise ValueError, with the names there are, if a name stands for nothing."""
    if name not in COMPUTED:
        lookup_of(name)


def lookup_of(name: str) -> tuple[type[LabRecord], str]:
    """Return the model a name starts from and Django's lookup; one that ends at a record goes on to its name.

    Raises
    ------
    ValueError
        There is no such field, or it has several values, or leads to an account.
    """
    source, _, path = name.partition("__")
    if source not in SOURCES or not path:
        raise ValueError(f"{name} is not a field of a library or its mouse; write library__... or mouse__...")
    steps: list[str] = []
    here: type[models.Model] = SOURCES[source]
    for step in path.split("__"):
        if not issubclass(here, LabRecord):
            raise ValueError(f"{name} goes too far: {steps[-1]} is a plain value.")
        field = _field(here, step)
        steps.append(path_to(field))
        here = field.related_model if field.is_relation else models.Model
    if issubclass(here, LabRecord):
        steps.append(here.key_field)
    return SOURCES[source], "__".join(steps)


def _field(model: type[LabRecord], name: str) -> Any:
    try:
        field: Any = field_of(model, name)
    except FieldDoesNotExist:
        field = None
    if field is None or not _is_single(field):
        fields: list[Any] = [*model._meta.get_fields(), *lab_fields_of(model)]
        known = ", ".join(one.name for one in fields if _is_single(one))
        raise ValueError(f"{name} is not a field of a {model._meta.verbose_name} with one value; there are: {known}.")
    return field


def _is_single(field: Any) -> bool:
    """Whether it is a value of the row's own, or one record of the laboratory (not an account)."""
    if not field.concrete or field.many_to_many or isinstance(field, models.JSONField):
        return False
    return not field.is_relation or issubclass(field.related_model, LabRecord)
