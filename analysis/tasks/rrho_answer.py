"""What `rrho` answers of two signatures in one region."""

from dataclasses import dataclass, field

import pandas as pd

from analysis.kernels.rrho import Rrho
from analysis.kernels.rrho_relabeling import RrhoRelabeling
from analysis.rrho_results import RrhoKind


@dataclass(frozen=True)
class Answer:
    """One map.

    Attributes
    ----------
    x, y : pandas.Series
        t of both signatures by gene; empty when refused.
    sizes : dict of str to int
        Mice by group.
    relabelings : tuple of RrhoRelabeling
        One for each drug whose labels were exchanged; empty without any.
    """

    region: str
    region_id: int
    kind: RrhoKind
    names: tuple[str, str]
    sizes: dict[str, int]
    x: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    y: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    map: Rrho | None = None
    relabelings: tuple[RrhoRelabeling, ...] = ()
    correlation_null: float | None = None
    messages: tuple[str, ...] = ()
    refusal: str = ""
    contrasts: tuple[int | None, int | None] = (None, None)

    @property
    def genes(self) -> pd.Index:
        """Genes in both lists."""
        return self.x.index.intersection(self.y.index) if self.map and self.map.n_genes else self.x.index[:0]

    @property
    def direction(self) -> str:
        """What is asked of the pair: a drug opposes stress, two drugs do the same."""
        return {RrhoKind.STRESS_DRUG: "opposite", RrhoKind.DRUG_DRUG: "same"}.get(self.kind, "")

    @property
    def relabeling(self) -> RrhoRelabeling | None:
        """The relabeling that the map stands out from least: of two drugs both must do something."""
        return max(self.relabelings, key=lambda one: one.p_value[self.direction], default=None)

    def p_value(self, of: str) -> float | None:
        """Return the p of a quadrant or direction, the larger one where the labels of two drugs were exchanged."""
        return max((one.p_value[of] for one in self.relabelings), default=None)
