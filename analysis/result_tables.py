"""The rows of a run's results by what names them, to be told from those of another run of the same task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from django.db.models import BinaryField

from analysis.input_digest import frame_digest
from analysis.models import (
    AnalysisRun,
    CalibrationRate,
    Confounding,
    DrugGene,
    DrugGeneSet,
    GeneResult,
    LibraryQuality,
    MouseReversalScore,
    OutsideScore,
    OutsideTest,
    PhenotypeCall,
    PlaneGroup,
    PlaneMouse,
    QualityFinding,
    ResilienceInduction,
    ResponseCall,
    Result,
    ReversalDifference,
    ReversedGene,
    RrhoGene,
    RrhoMap,
    RrhoQuadrant,
    SignatureReversal,
    TargetGene,
)
from labdb.registry.keys import key_path

OWN = {"id", "study", "run", "reversal", "gene_set", "test"}  # what differs from run to run whatever was computed


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
        fields = [field for field in self.model._meta.fields if field.name not in OWN and not _is_packed(field)]
        named = {path.partition("__")[0] for path in self.key}
        columns = {field.attname: field.attname for field in fields if field.name not in named}
        paths = [*self.key, *columns]
        rows = self.model._default_manager.filter(run=run).order_by(*self.key, "pk")
        frame = pd.DataFrame.from_records(list(rows.values_list(*paths)), columns=[*self.key, *columns])
        return frame.set_index(list(self.key))


def _is_packed(field: Any) -> bool:
    """Whether a field holds many numbers in one value; a digest beside it tells two of them apart."""
    return isinstance(field, BinaryField)


def _named(model: type[Result], *fields: str) -> ResultTable:
    return ResultTable(model, tuple(_key(model, name) for name in fields))


def _key(model: type[Result], name: str) -> str:
    other: Any = model._meta.get_field(name).related_model
    return f"{name}__{key_path(other)}" if other else name


_MAP = ("region__code", "first", "second")
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
        _named(ReversalDifference, "region", "arm", "other_region", "other_arm"),
    ),
    "rrho": (
        _named(RrhoMap, "region", "first", "second"),
        ResultTable(RrhoQuadrant, (*(f"rrho_map__{path}" for path in _MAP), "quadrant")),
        ResultTable(
            RrhoGene,
            (*(f"rrho_quadrant__rrho_map__{path}" for path in _MAP), "rrho_quadrant__quadrant", "gene__gene_id"),
        ),
    ),
    "mouse_scores": (_named(MouseReversalScore, "library", "arm"),),
    "resilience": (
        _named(ResilienceInduction, "region", "arm"),
        _named(PlaneGroup, "region", "group"),
        _named(PlaneMouse, "library"),
    ),
    "drug_genes": (
        _named(DrugGeneSet, "region", "kind", "arm", "other_arm"),
        ResultTable(
            DrugGene,
            (
                "gene_set__region__code",
                "gene_set__kind",
                "gene_set__arm",
                "gene_set__other_arm",
                "gene__gene_id",
            ),
        ),
        _named(TargetGene, "gene"),
    ),
    "outside_signature": (
        _named(OutsideTest, "signature", "contrast", "region"),
        ResultTable(OutsideScore, ("test__signature__code", "test__contrast__name", "library__code")),
    ),
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
