"""What must hold for every record there is, and every one to come."""

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register
from django.db import models

from labdb.registry.fields import FiniteFloatField
from labdb.registry.models import LabRecord, StudyRecord
from labdb.registry.permissions import hidden_relations, secrecy_of
from labdb.registry.record import all_records
from labdb.registry.rules import RowRule, UniqueRule
from labdb.registry.units import unit_problem


def _problems(model: type[LabRecord]) -> list[str]:
    """Say what a record's model lacks."""
    problems = []
    if not getattr(model, "_is_tracked", False):
        problems.append("has no history; decorate it with @tracked")
    for field in model._meta.local_fields:
        if isinstance(field, models.FloatField) and not isinstance(field, FiniteFloatField):
            problems.append(f"{field.name}: a float that may be NaN; use FiniteFloatField")
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueRule) and (constraint.condition or constraint.expressions):
            problems.append(f"{constraint.name}: a batch is checked by plain fields; drop the condition")
        if not isinstance(constraint, RowRule | UniqueRule):
            problems.append(f"{constraint.name}: a rule without field and sentence; use RowRule or UniqueRule")
    if issubclass(model, StudyRecord) and any(field.name == "code" for field in model._meta.local_fields):
        unique = [c.fields for c in model._meta.constraints if isinstance(c, UniqueRule)]
        if ("study", "code") not in unique:
            problems.append("its code is not unique in its study; add unique_code()")
    for field in model._meta.local_fields:
        rules = [c.fields for c in model._meta.constraints if isinstance(c, UniqueRule)]
        if field.unique and not field.primary_key and (field.name,) not in rules:
            problems.append(f"{field.name}: unique without a sentence; add one_per({field.name!r})")
    for field in hidden_relations(model):
        if secrecy_of(model) is None:
            problems.append(f"{field.name}: may be kept from who changes the row, and be lost; declare its secrecy")
    if not model._meta.ordering:
        problems.append("has no ordering")
    return problems


@register()
def check_records(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Check every model that is a record, and every declaration."""
    errors: list[CheckMessage] = [
        Error(problem, obj=model, id="labdb.E001")
        for model in apps.get_models()
        if issubclass(model, LabRecord)
        for problem in _problems(model)
    ]
    for record in all_records():
        for field in record.model._meta.local_fields:
            if problem := unit_problem(field):
                errors.append(Error(problem, obj=record.model, id="labdb.E003"))
        known = {field.name for field in record.model._meta.get_fields()}
        for name in record.fields:
            if name not in known:
                errors.append(Error(f"{record.__name__}.fields names {name}, which the model lacks", id="labdb.E002"))
    return errors
