"""The rows of a run's results by what names them, to be told from those of another run of the same task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.input_digest import frame_digest
from analysis.models import (
    AnalysisRun,
    CalibrationRate,
    Confounding,
    GeneResult,
    LibraryQuality,
    MouseReversalScore,
    PhenotypeCall,
    QualityFinding,
    ResponseCall,
    Result,
    ReversedGene,
    SignatureReversal,
)
from labdb.registry.keys import key_path

OWN = {"id", "study", "run", "reversal"}  # what differs from run to run whatever was computed


@dataclass(frozen=True)
class ResultTable:
    """The rows of one kind of result.

    Attributes
    ----------
    key : tuple of str
        Paths, for the ORM, that together name a row within its run.
    """

    model: type[Result]
    key: tuple[str, ...]

    @property
    def name(self) -> str:
        """What its rows are called."""
        return str(self.model._meta.verbose_name_plural)

    def rows(self, run: AnalysisRun) -> pd.DataFrame:
        """Return the rows of a run that holds results, in the order of their names, which are the index."""
        fields = [field for field in self.model._meta.fields if field.name not in OWN]
        named = {path.partition("__")[0] for path in self.key}
        columns = {field.attname: field.attname for field in fields if field.name not in named}
        paths = [*self.key, *columns]
        rows = self.model._default_manager.filter(run=run).order_by(*self.key, "pk")
        frame = pd.DataFrame.from_records(list(rows.values_list(*paths)), columns=[*self.key, *columns])
        return frame.set_index(list(self.key))


def _named(model: type[Result], *fields: str) -> ResultTable:
    return ResultTable(model, tuple(_key(model, name) for name in fields))


def _key(model: type[Result], name: str) -> str:
    other: Any = model._meta.get_field(name).related_model
    return f"{name}__{key_path(other)}" if other else name


TABLES: Mapping[str, Sequence[ResultTable]] = {
    "phenotype": (_named(PhenotypeCall, "mouse"),),
    "response": (_named(ResponseCall, "mouse"),),
    "quality": (
        _named(QualityFinding, "kind", "subject", "sentence"),
        _named(LibraryQuality, "library"),
        _named(Confounding, "grouping", "factor", "region"),
    ),
    "differential_expression": (_named(GeneResult, "contrast", "region", "gene"),),
    "reversal": (
        _named(SignatureReversal, "region", "arm", "estimand", "response"),
        ResultTable(ReversedGene, ("reversal__region__code", "reversal__arm", "gene__gene_id")),
    ),
    "mouse_scores": (_named(MouseReversalScore, "library", "arm"),),
    "calibration": (_named(CalibrationRate, "region", "arm", "has_stress", "undone", "selection", "test"),),
    "reversal_power": (_named(CalibrationRate, "region", "arm", "n_per_arm", "undone"),),
}


@dataclass(frozen=True, eq=False)
class Differences:
    """What two tables of the same kind do not share.

    Attributes
    ----------
    gone, new : pandas.DataFrame
        Rows of the first alone, and of the second alone.
    changed : pandas.DataFrame
        One row for each value that is another: the key, ``column``, ``old``, ``new``.
    """

    n_old: int
    n_new: int
    digest_old: str
    digest_new: str
    gone: pd.DataFrame
    new: pd.DataFrame
    changed: pd.DataFrame

    @property
    def are_equal(self) -> bool:
        """Whether every row is the same to the bit."""
        return self.digest_old == self.digest_new

    def by_column(self) -> list[tuple[str, int, float | None]]:
        """Return the columns with other values, how many, and the largest difference of those that are numbers."""
        return [(str(name), len(rows), _largest(rows)) for name, rows in self.changed.groupby("column", sort=False)]


def differences(old: pd.DataFrame, new: pd.DataFrame) -> Differences:
    """Hold two tables of the same kind against each other, row by row and bit by bit."""
    both = old.index.intersection(new.index)
    one, other = old.loc[both], new.loc[both]
    parts = []
    for name in old.columns:
        is_other = _is_other(one[name], other[name])
        if is_other.any():
            at = np.flatnonzero(is_other)
            values = {
                "column": name,
                "old": one[name].iloc[at].astype(object),
                "new": other[name].iloc[at].astype(object),
            }
            parts.append(pd.DataFrame(values, index=both[at]))
    empty = pd.DataFrame({"column": [], "old": [], "new": []}, index=both[:0], dtype=object)
    return Differences(
        len(old), len(new), frame_digest(old), frame_digest(new), old.loc[old.index.difference(both)],
        new.loc[new.index.difference(both)], pd.concat(parts) if parts else empty,
    )  # fmt: skip


def _is_other(one: pd.Series, other: pd.Series) -> np.ndarray:
    left, right = one.to_numpy(dtype=object), other.to_numpy(dtype=object)
    is_missing = pd.isna(left) & pd.isna(right)
    found: np.ndarray = np.asarray(left != right, dtype=bool) & ~is_missing
    return found


def _largest(rows: pd.DataFrame) -> float | None:
    try:
        return float(np.nanmax(np.abs(rows["new"].astype(float) - rows["old"].astype(float))))
    except (TypeError, ValueError):
        return None


def key_text(key: Any) -> str:
    """Return the name of a row as people read it."""
    return ", ".join(str(part) for part in key if part not in (None, "")) if isinstance(key, tuple) else str(key)
