"""What a task is: a kernel with its way in (load) and its way out (store)."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from django.core.exceptions import ValidationError

from analysis.models import AnalysisRun
from analysis.progress import STEP_PARTS, PartProgress, Progress
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
class Parts:
    """Work in parts of which none needs another's result, so that every free worker can compute one.

    Attributes
    ----------
    keys : callable
        inputs -> what tells the parts apart, texts, in the order in which results are wanted.
    compute : callable
        (inputs, key, progress of the part) -> its result, which goes from process to process by pickle.
    join : callable, optional
        (inputs, results in order) -> the result of the whole; by default their list.
    """

    keys: Callable[[Any], Sequence[tuple[str, ...]]]
    compute: Callable[[Any, tuple[str, ...], PartProgress], Any]
    join: Callable[[Any, list[Any]], Any] = lambda inputs, results: results

    def in_order(self, inputs: Any, progress: Progress) -> Any:
        """Compute one part after another, in this process: the `compute` of a task in parts."""
        keys = self.keys(inputs)
        results = []
        for number, key in enumerate(keys):
            part = PartProgress(_tell_whole(progress, number, len(keys), name_of(key)), progress.note)
            part.show(0, 1, "")
            results.append(self.compute(inputs, key, part))
        return self.join(inputs, results)


def _tell_whole(progress: Progress, number: int, n_parts: int, name: str) -> Callable[[int, str], None]:
    def tell(share: int, doing: str) -> None:
        progress.show(number * STEP_PARTS + share, n_parts * STEP_PARTS, f"{name}: {doing}" if doing else name)

    return tell


def name_of(key: tuple[str, ...]) -> str:
    """Return what a part is called."""
    return ", ".join(key)


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
    parts : Parts, optional
        Where several workers may compute it; ``compute`` is then ``parts.in_order``.
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
    parts: Parts | None = None
    is_on_request: bool = False

    def resolve(self, study: Study, given: Parameters) -> dict[str, Any]:
        """Return all parameters, those given and the defaults of the rest, or say what is wrong with them."""
        unknown = [name for name in given if name not in self.parameters]
        if unknown:
            known = f"its parameters are {', '.join(self.parameters)}" if self.parameters else "it has none"
            raise ValidationError({"parameters": f"{self.name} has no parameter {', '.join(unknown)}; {known}."})
        resolved, wrong = self.read(study, given)
        if wrong:
            raise ValidationError({"parameters": [f"{name}: {sentence}" for name, sentence in wrong.items()]})
        return resolved

    def read(self, study: Study, given: Parameters) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the parameters that can be read, the rest by default, and of those that cannot what is wrong."""
        resolved, wrong = {}, {}
        for name, parameter in self.parameters.items():
            try:
                resolved[name] = parameter.read(study, given.get(name, parameter.default))
            except ValueError as error:
                wrong[name] = str(error)
        return resolved, wrong

    def scope(self, parameters: Parameters) -> str:
        """Return the question asked, where it is not the usual one: ``contrast=NAME``."""
        return "; ".join(
            f"{name}={parameters[name]}"
            for name, parameter in self.parameters.items()
            if parameter.asks_another_question and parameters.get(name, parameter.default) != parameter.default
        )


LARGEST = 2**31 - 1  # that a column of the database, and a seed, may hold


def whole_number(minimum: int, maximum: int = LARGEST) -> Callable[[Study, Any], int]:
    """Accept a whole number from `minimum` to `maximum`, as a number or as text."""

    def read(study: Study, value: Any) -> int:
        try:
            number = int(str(value))
        except ValueError:
            number = None
        if number is None or isinstance(value, bool) or number < minimum:
            raise ValueError(f"{value} is not a whole number from {minimum} on.")
        if number > maximum:
            raise ValueError(f"{value} is too large; enter a whole number from {minimum} to {maximum}.")
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
