"""From the words of a contrast to the numbers of a design, or to a sentence that says why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels.differential_expression import linear_dependencies
from analysis.kernels.formula import model_matrix, parse_combination, parse_formula, weights_of
from analysis.library_fields import check_field
from analysis.models import Contrast
from labdb.registry.rules import plain_number
from labdb.treatment.arm_labels import named

MIN_MICE = 2  # a group of one shows nothing of how mice of it vary
CONFOUNDED_UNSAID = (
    "the design cannot separate the groups from what is adjusted for; which from which is said to the allocators, "
    "because it would say whose letter is whose."
)


@dataclass(frozen=True)
class Question:
    """A contrast in plain values."""

    pk: int
    name: str
    group_by: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    covariates: tuple[str, ...]
    region: str  # code; empty: each

    @classmethod
    def of(cls, contrast: Contrast, labels: Mapping[str, str] | None = None) -> "Question":
        """Return the question that a contrast asks.

        Parameters
        ----------
        labels : mapping of str to str, optional
            Names of arms by the letters that they had when the contrast was written.
        """
        numerator, denominator = (named(text, labels or {}) for text in (contrast.numerator, contrast.denominator))
        of_all: dict[str, Any] = {
            "pk": contrast.pk or 0, "name": contrast.name, "group_by": contrast.group_by,
            "region": contrast.region.code if contrast.region else "",
        }  # fmt: skip
        if contrast.formula:
            combined: dict[str, Any] = {"numerator": (numerator,), "denominator": (denominator,) if denominator else ()}
            return FormulaQuestion(**of_all, **combined, covariates=(), formula=contrast.formula)
        return cls(
            **of_all,
            numerator=tuple(dict.fromkeys(Contrast.values_of(numerator))),
            denominator=tuple(dict.fromkeys(Contrast.values_of(denominator))),
            covariates=tuple(dict.fromkeys(Contrast.values_of(contrast.covariates))),
        )

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the design needs."""
        return (self.group_by, *self.covariates)

    @property
    def model(self) -> tuple[str, ...]:
        """What questions that are answered by one fit share."""
        return self.fields

    @property
    def is_of_groups(self) -> bool:
        """Whether it compares groups, each with its mice, and not the coefficients of a formula."""
        return True

    @property
    def values(self) -> tuple[str, ...]:
        """Groups compared."""
        return (*self.numerator, *self.denominator)

    def columns(self, libraries: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
        """Return one column a group, then what the covariates add."""
        return _columns(libraries, groups, self.covariates)

    def refusal(self, sizes: pd.Series, groups: pd.Series) -> str:
        """Say why its groups cannot be compared; empty if they can."""
        return _refusal(self, sizes, groups)

    def weights(self, columns: pd.Index) -> pd.Series:
        """Return +1 shared by the groups of the numerator, -1 by those of the denominator."""
        weight = pd.Series(0.0, index=columns)
        weight[list(self.numerator)] += 1 / len(self.numerator)
        weight[list(self.denominator)] -= 1 / len(self.denominator)
        return weight


@dataclass(frozen=True)
class FormulaQuestion(Question):
    """A contrast of the coefficients of a formula; its groups are what the filter of genes counts."""

    formula: str

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the design needs."""
        return (self.group_by, *parse_formula(self.formula).fields)

    @property
    def model(self) -> tuple[str, ...]:
        """What questions that are answered by one fit share."""
        return (self.group_by, self.formula)

    @property
    def is_of_groups(self) -> bool:
        """Whether it compares groups, each with its mice, and not the coefficients of a formula."""
        return False

    def columns(self, libraries: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
        """Return the columns that the formula makes."""
        used = {name: libraries[name].map(_as_category) for name in parse_formula(self.formula).fields}
        if self.group_by in used:
            used[self.group_by] = groups
        return model_matrix(parse_formula(self.formula), pd.DataFrame(used, index=libraries.index))

    def refusal(self, sizes: pd.Series, groups: pd.Series) -> str:
        """Say that there are no mice, if so; whether there are such coefficients shows when they are weighed."""
        return "" if len(groups) else f"no group of {self.group_by} has {MIN_MICE} mice here."

    def weights(self, columns: pd.Index) -> pd.Series:
        """Return the coefficients of the numerator less those of the denominator."""
        weight = pd.Series(0.0, index=columns)
        for sign, texts in ((1, self.numerator), (-1, self.denominator)):
            for text in texts:
                weight += sign * weights_of(parse_combination(text), columns)
        return weight


def known_questions(questions: Sequence[Question]) -> tuple[tuple[Question, ...], dict[str, str]]:
    """Return the questions whose fields exist, and by name what is wrong with the others."""
    known, refused = [], {}
    for question in questions:
        try:
            for name in question.fields:
                check_field(name)
        except ValueError as error:
            refused[question.name] = str(error)
        else:
            known.append(question)
    return tuple(known), refused


def answerable(questions: Sequence[Question]) -> tuple[tuple[Question, ...], list[str]]:
    """Return the questions whose fields exist, and words on the others; ValueError where none is left."""
    known, refused = known_questions(questions)
    refusals = [f"Refused. {name}: {why}" for name, why in refused.items()]
    if not known:
        raise ValueError(" ".join(refusals))
    return known, refusals


def by_model(questions: Sequence[Question], region: str) -> list[list[Question]]:
    """Return the questions that are asked in a region, those together that one fit answers."""
    models: dict[tuple[str, ...], list[Question]] = {}
    for question in questions:
        if question.region in ("", region):
            models.setdefault(question.model, []).append(question)
    return list(models.values())


@dataclass
class RegionDesign:
    """What one region's fit needs.

    Attributes
    ----------
    region : str
    sizes : pandas.Series
        Libraries by group, also of groups that are too small to take part.
    groups : pandas.Series
        Group by library that takes part.
    matrix : pandas.DataFrame
        Libraries x coefficients: one column a group, then what the covariates add; or those of a formula.
    contrasts : pandas.DataFrame
        Coefficients x names of the questions that can be answered.
    questions : list of Question
    refused : dict of str to str
        By name of a question, why it cannot be answered.
    notes : list of str
        What was left out.
    """

    region: str
    sizes: pd.Series
    groups: pd.Series
    matrix: pd.DataFrame
    contrasts: pd.DataFrame = field(default_factory=pd.DataFrame)
    questions: list[Question] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def refusals(self) -> list[str]:
        """What a log says of the questions that cannot be answered."""
        return [f"{self.region}, {name}: {why}" for name, why in self.refused.items()]


def make_design(libraries: pd.DataFrame, region: str, questions: Sequence[Question]) -> RegionDesign:
    """Build ``~ 0 + group + covariates that vary``, or what a formula says, for questions that share a model.

    Every group of the field takes part, also those that no question compares: they tell how mice vary.

    Parameters
    ----------
    libraries : pandas.DataFrame
        The region's libraries by code, with the columns that the questions name.

    Raises
    ------
    ValueError
        A covariate is missing for some libraries.
    """
    group_by = questions[0].group_by
    named = libraries[group_by].dropna().map(_as_written).astype(str)
    sizes = named.value_counts()
    small = sorted(sizes.index[sizes < MIN_MICE])
    groups = named[~named.isin(small)]
    try:
        full = questions[0].columns(libraries.loc[groups.index], groups)
    except ValueError as error:
        raise ValueError(f"{region}: {error}") from None
    design = RegionDesign(region, sizes, groups, full)
    if len(groups) < len(libraries):
        n_out = len(libraries) - len(groups)
        what = "1 library" if n_out == 1 else f"{n_out} libraries"
        design.notes.append(f"{region}: {what} left out, {_why_left_out(group_by, small)}.")
    dependent = linear_dependencies(full) if len(full) else {}
    design.matrix = full.drop(columns=list(dependent))
    confounded = "; ".join(_in_words(column, others) for column, others in dependent.items())
    weights = {}
    for question in questions:
        try:
            weights[question.name] = _weights(question, design, full, confounded)
        except ValueError as error:
            design.refused[question.name] = str(error)
        else:
            design.questions.append(question)
    if design.questions and confounded:
        design.notes.append(f"{region}: {confounded}; the contrasts that this leaves open are answered.")
    design.contrasts = pd.DataFrame(weights, index=full.columns).reindex(design.matrix.columns)
    return design


def _weights(question: Question, design: RegionDesign, full: pd.DataFrame, confounded: str) -> pd.Series:
    """Return what a question makes of the coefficients; ValueError says why it cannot be answered."""
    if refusal := question.refusal(design.sizes, design.groups):
        raise ValueError(refusal)
    weight = question.weights(full.columns)
    if not weight.any():
        raise ValueError("it compares nothing: every coefficient cancels.")
    if np.linalg.matrix_rank(np.vstack([full, weight])) > np.linalg.matrix_rank(full):
        raise ValueError(f"the design is not of full rank and cannot separate the groups: {confounded}.")
    n_libraries, n_coefficients = design.matrix.shape
    if n_libraries <= n_coefficients:
        raise ValueError(
            f"{n_libraries} libraries and {n_coefficients} coefficients leave nothing to tell how mice vary; "
            "sequence more mice or leave out a covariate."
        )
    return weight


def _in_words(column: object, others: Sequence[object]) -> str:
    return f"{column} is confounded with {_and(others)}" if others else f"{column} is 0 in every library"


def without_pools(refusal: str) -> str:
    """Return why a contrast cannot be estimated in words that name no pool."""
    return CONFOUNDED_UNSAID if " confounded with " in refusal else refusal


def _as_category(value: Any) -> Any:
    """Return a value as a formula takes it: a truth value is a category, a decimal number is a number."""
    return float(value) if isinstance(value, Decimal) else value


def group_sizes(libraries: pd.DataFrame, group_by: str) -> dict[str, int]:
    """Return the libraries of each group, called as contrasts call it."""
    counts = libraries[group_by].dropna().map(_as_written).astype(str).value_counts()
    return {str(group): int(n) for group, n in counts.sort_index().items()}


def _as_written(value: Any) -> str:
    """Return a group as a contrast names it; a column of whole numbers with gaps holds 2.0 for 2."""
    return plain_number(float(value)) if isinstance(value, float) else str(value)


def _columns(libraries: pd.DataFrame, groups: pd.Series, covariates: Sequence[str]) -> pd.DataFrame:
    parts = [pd.get_dummies(groups, dtype=float)]
    for name in covariates:
        values = libraries[name]
        if values.nunique() == 0:
            continue
        unknown = values.index[values.isna()]
        if len(unknown):
            raise ValueError(
                f"{name} is missing for {', '.join(unknown[:8])}; enter it, or take it out of the covariates."
            )
        if values.nunique() < 2:
            continue
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            parts.append((values.astype(float) - values.mean()).to_frame(name))
        else:
            parts.append(pd.get_dummies(values.astype(str), prefix=name, prefix_sep="=", drop_first=True, dtype=float))
    return pd.concat(parts, axis="columns")


def _refusal(question: Question, sizes: pd.Series, groups: pd.Series) -> str:
    if not question.numerator or not question.denominator:
        return "numerator and denominator must each name a group."
    if set(question.numerator) & set(question.denominator):
        return f"{_and(sorted(set(question.numerator) & set(question.denominator)))} stands on both sides."
    absent = [value for value in question.values if value not in sizes.index]
    if absent:
        known = ", ".join(sorted(sizes.index)) or "none"
        return f"no library here has {question.group_by} {_and(absent)}; there are: {known}."
    single = [value for value in question.values if value not in set(groups)]
    if single:
        return f"{_and(single)} has one mouse; a group needs {MIN_MICE} or more."
    return ""


def _why_left_out(group_by: str, small: list[str]) -> str:
    alone = f"or alone in their group ({', '.join(small)})" if small else ""
    return f"without a value of {group_by} {alone}".strip()


def _and(names: Sequence[object]) -> str:
    return " and ".join(map(str, names)) if len(names) < 3 else f"{', '.join(map(str, names))} together"
