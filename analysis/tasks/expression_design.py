"""From the words of a contrast to the numbers of a design, or to a sentence that says why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels.differential_expression import linear_dependencies
from analysis.models import Contrast
from labdb.registry.rules import plain_number
from labdb.treatment.arm_labels import named

MIN_MICE = 2  # a group of one shows nothing of how mice of it vary


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
        return cls(
            pk=contrast.pk,
            name=contrast.name,
            group_by=contrast.group_by,
            numerator=tuple(dict.fromkeys(Contrast.values_of(numerator))),
            denominator=tuple(dict.fromkeys(Contrast.values_of(denominator))),
            covariates=tuple(dict.fromkeys(Contrast.values_of(contrast.covariates))),
            region=contrast.region.code if contrast.region else "",
        )

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the design needs."""
        return (self.group_by, *self.covariates)

    @property
    def values(self) -> tuple[str, ...]:
        """Groups compared."""
        return (*self.numerator, *self.denominator)

    def weight(self, group: str) -> float:
        """Return the weight of a group: +1 shared by those of the numerator, -1 by those of the denominator."""
        above = 1 / len(self.numerator) if group in self.numerator else 0.0
        return above - (1 / len(self.denominator) if group in self.denominator else 0.0)


@dataclass
class RegionDesign:
    """What one region's fit needs.

    Attributes
    ----------
    groups : pandas.Series
        Group by library.
    matrix : pandas.DataFrame
        Libraries x coefficients: one column a group, then what the covariates add.
    contrasts : pandas.DataFrame
        Groups x names of the questions that can be answered.
    questions : list of Question
    refusals, notes : list of str
        Which questions cannot be answered and why; what was left out.
    """

    groups: pd.Series
    matrix: pd.DataFrame
    contrasts: pd.DataFrame = field(default_factory=pd.DataFrame)
    questions: list[Question] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def make_design(libraries: pd.DataFrame, region: str, questions: Sequence[Question]) -> RegionDesign:
    """Build ``~ 0 + group + covariates that vary`` for questions that share groups and covariates.

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
    group_by, covariates = questions[0].group_by, questions[0].covariates
    named = libraries[group_by].dropna().map(_as_written).astype(str)
    sizes = named.value_counts()
    small = sorted(sizes.index[sizes < MIN_MICE])
    groups = named[~named.isin(small)]
    design = RegionDesign(groups, _columns(libraries.loc[groups.index], region, groups, covariates))
    if len(groups) < len(libraries):
        n_out = len(libraries) - len(groups)
        what = "1 library" if n_out == 1 else f"{n_out} libraries"
        design.notes.append(f"{region}: {what} left out, {_why_left_out(group_by, small)}.")
    full = design.matrix
    dependent = linear_dependencies(full) if len(full) else {}
    design.matrix = full.drop(columns=list(dependent))
    confounded = "; ".join(f"{column} is confounded with {_and(others)}" for column, others in dependent.items())
    weights = {}
    for question in questions:
        refusal = _refusal(question, sizes, groups)
        if not refusal:
            weight = _weights(question, full.columns)
            if np.linalg.matrix_rank(np.vstack([full, weight])) > np.linalg.matrix_rank(full):
                refusal = f"the design is not of full rank and cannot separate the groups: {confounded}."
        if refusal:
            design.refusals.append(f"{region}, {question.name}: {refusal}")
            continue
        weights[question.name] = weight
        design.questions.append(question)
    if design.questions and confounded:
        design.notes.append(f"{region}: {confounded}; the contrasts that this leaves open are answered.")
    design.contrasts = pd.DataFrame(weights, index=full.columns).reindex(design.matrix.columns)
    return design


def group_sizes(libraries: pd.DataFrame, group_by: str) -> dict[str, int]:
    """Return the libraries of each group, called as contrasts call it."""
    counts = libraries[group_by].dropna().map(_as_written).astype(str).value_counts()
    return {str(group): int(n) for group, n in counts.sort_index().items()}


def _as_written(value: Any) -> str:
    """Return a group as a contrast names it; a column of whole numbers with gaps holds 2.0 for 2."""
    return plain_number(float(value)) if isinstance(value, float) else str(value)


def _columns(libraries: pd.DataFrame, region: str, groups: pd.Series, covariates: Sequence[str]) -> pd.DataFrame:
    parts = [pd.get_dummies(groups, dtype=float)]
    for name in covariates:
        values = libraries[name]
        if values.nunique() == 0:
            continue
        unknown = values.index[values.isna()]
        if len(unknown):
            raise ValueError(
                f"{region}: {name} is missing for {', '.join(unknown[:8])}; enter it, or take it out of the covariates."
            )
        if values.nunique() < 2:
            continue
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            parts.append((values.astype(float) - values.mean()).to_frame(name))
        else:
            parts.append(pd.get_dummies(values.astype(str), prefix=name, prefix_sep="=", drop_first=True, dtype=float))
    return pd.concat(parts, axis="columns")


def _weights(question: Question, columns: pd.Index) -> pd.Series:
    """+1 shared by the groups of the numerator, -1 by those of the denominator."""
    weight = pd.Series(0.0, index=columns)
    weight[list(question.numerator)] += 1 / len(question.numerator)
    weight[list(question.denominator)] -= 1 / len(question.denominator)
    return weight


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
