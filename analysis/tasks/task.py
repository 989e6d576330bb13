"""What a task is: a kernel with its way in (load) and its way out (store)."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from django.core.exceptions import ValidationError

from analysis.models import AnalysisRun
from analysis.progress import Progress
from labdb.colony.models import Study
from labdb.registry.versioned_rule import Rule

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Parameter:
    """What a person may set.

    Attributes
    ----------
    default : object
        Recorded with the run when nothing is given.
    read : callable
        (study, value as typed or as JSON) -> the value to record; ValueError says what would be right.
    help : str
    asks_another_question : bool
        Runs that differ in it answer different questions, so each value has a current run of its own.
    rule : type of Rule, optional
        The record whose name it is.
    """

    default: Any
    read: Callable[[Study, Any], Any]
    help: str
    asks_another_question: bool = False
    rule: type[Rule] | None = None


@dataclass(frozen=True)
class Loaded:
    """What a task read.

    Attributes
    ----------
    inputs : frozen dataclass
        Frames and plain values; the digest is made from them, so nothing else may reach compute.
    reads : tuple of AnalysisRun
        Runs whose results are among the inputs.
    notes : tuple of str
        What a person should know of the inputs, such as what was left out.
    """

    inputs: Any
    reads: tuple[AnalysisRun, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One analysis.

    Attributes
    ----------
    missing : callable
        (study, parameters) -> why it cannot be done yet, a sentence, or an empty text.
    load, compute, store : callable
        (study, parameters) -> Loaded; (inputs, progress) -> result; (run, inputs, result) writes rows.
    is_composite : bool
        Consists of other runs and has no results of its own.
    is_on_request : bool
        Takes long and is done when it is asked for: bringing a study up to date leaves it out of date.
    """

    name: str
    parameters: Mapping[str, Parameter]
    missing: Callable[[Study, Parameters], str]
    load: Callable[[Study, Parameters], Loaded]
    compute: Callable[[Any, Progress], Any]
    store: Callable[[AnalysisRun, Any, Any], None]
    is_composite: bool = False
    is_on_request: bool = False

    def resolve(self, study: Study, given: Parameters) -> dict[str, Any]:
        """Return all parameters, those given and the defaults of the rest, or say what is wrong with them."""
        unknown = [name for name in given if name not in self.parameters]
        if unknown:
            known = f"its parameters are {', '.join(self.parameters)}" if self.parameters else "it has none"
            raise ValidationError({"parameters": f"{self.name} has no parameter {', '.join(unknown)}; {known}."})
        resolved, wrong = {}, []
        for name, parameter in self.parameters.items():
            try:
                resolved[name] = parameter.read(study, given.get(name, parameter.default))
            except ValueError as error:
                wrong.append(f"{name}: {error}")
        if wrong:
            raise ValidationError({"parameters": wrong})
        return resolved

    def scope(self, parameters: Parameters) -> str:
        """Return the question asked, where it is not the usual one: ``contrast=NAME``."""
        return "; ".join(
            f"{name}={parameters[name]}"
            for name, parameter in self.parameters.items()
            if parameter.asks_another_question and parameters[name] != parameter.default
        )


def whole_number(minimum: int) -> Callable[[Study, Any], int]:
    """Accept a whole number from `minimum` on, as a number or as text."""

    def read(study: Study, value: Any) -> int:
        try:
            number = int(str(value))
        except ValueError:
            number = None
        if number is None or isinstance(value, bool) or number < minimum:
            raise ValueError(f"{value} is not a whole number from {minimum} on.")
        return number

    return read


def number(low: float, high: float) -> Callable[[Study, Any], float]:
    """Accept a number from `low` to `high`, as a number or as text."""

    def read(study: Study, value: Any) -> float:
        try:
            found = float(str(value))
        except ValueError:
            found = math.nan
        if isinstance(value, bool) or not low <= found <= high:
            raise ValueError(f"{value} is not a number from {low:g} to {high:g}.")
        return found

    return read


def rule_parameter(model: type[Rule], default: str) -> Parameter:
    """Return the parameter that names the rule which a task goes by."""
    return Parameter(default, _rule_name(model), f"Name of a {model._meta.verbose_name}.", rule=model)


def _rule_name(model: type[Rule]) -> Callable[[Study, Any], str]:

    def read(study: Study, value: Any) -> str:
        names = list(model.objects.values_list("name", flat=True))
        if value not in names:
            known = "; ".join(names) or "none yet"
            raise ValueError(f"there is no {model._meta.verbose_name} {value}; there are: {known}.")
        return value

    return read


def name_in_study(queryset: Any, field: str, what: str) -> Callable[[Study, Any], str]:
    """Accept the name of one of the study's records, or nothing."""

    def read(study: Study, value: Any) -> str:
        if value in ("", None):
            return ""
        names = list(queryset.filter(study=study).values_list(field, flat=True))
        if value not in names:
            raise ValueError(f"{value} is not a {what} of {study}; there are: {'; '.join(names) or 'none yet'}.")
        return value

    return read


def rows_of(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows as plain Python values, with None for what is missing."""
    columns = [[None if pd.isna(value) else value for value in frame[name].tolist()] for name in frame]
    for values in zip(*columns, strict=True):
        yield dict(zip(frame.columns, values, strict=True))
