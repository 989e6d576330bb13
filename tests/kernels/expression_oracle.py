"""Counts, designs and R's own results for the tests of the expression kernels.

sim2k is kept beside the tests; the real data sets are read from the folder ``shared`` next to the
checkout, and their tests are skipped where it is absent.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from analysis.kernels.counts import filter_by_expression

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
SIM2K = ROOT / "tests" / "reference" / "sim2k"
INTEGRATIVE = SHARED / "data" / "integrative_wt2015"


@dataclass(frozen=True)
class ExpressionCase:
    """One data set as R saw it, with R's table for each contrast."""

    counts: pd.DataFrame
    group: pd.Series
    design: pd.DataFrame
    contrasts: pd.DataFrame
    tables: dict[str, pd.DataFrame]

    @property
    def kept_counts(self) -> pd.DataFrame:
        return self.counts[filter_by_expression(self.counts, self.group)]


def read_oracle(name: str) -> pd.DataFrame:
    """Read one of R's files by its name without the suffix."""
    folder = SIM2K if name.startswith("sim2k") else SHARED / "oracle"
    for path in (folder / f"{name}.csv.gz", folder / f"{name}.csv"):
        if path.exists():
            return pd.read_csv(path, index_col=0, float_precision="round_trip")
    pytest.skip(f"../shared/oracle/{name}.csv.gz is not here")


def case(name: str) -> ExpressionCase:
    """Load a data set: sim2k, pasilla, integrative_DG or integrative_region."""
    return INTEGRATIVE_CASES[name]() if name in INTEGRATIVE_CASES else _batch_case(name)


def contrast_matrix(pairs: dict[str, tuple[str, str]]) -> pd.DataFrame:
    return pd.DataFrame({name: {a: 1.0, b: -1.0} for name, (a, b) in pairs.items()}).fillna(0.0)


def _batch_case(name: str) -> ExpressionCase:
    """~ 0 + group + batch, the batches after the first as R's treatment contrasts."""
    counts, samples = read_oracle(f"{name}_counts"), read_oracle(f"{name}_meta")
    batches = pd.get_dummies(samples.batch, dtype=float, drop_first=True)
    names = {
        "sim2k": ("sus_vs_ctrl", "drug_vs_ctrl", "drug_vs_sus"),
        "pasilla": ("treated_vs_untreated",),
    }[name]
    pairs = {contrast: (contrast.split("_vs_")[0], contrast.split("_vs_")[1]) for contrast in names}
    return ExpressionCase(
        counts,
        samples.group,
        pd.get_dummies(samples.group, dtype=float).join(batches),
        contrast_matrix(pairs),
        {contrast: read_oracle(f"{name}_{contrast}_limma_voom") for contrast in names},
    )


def _integrative_counts() -> tuple[pd.DataFrame, pd.DataFrame]:
    if not INTEGRATIVE.exists():
        pytest.skip("../shared/data/integrative_wt2015 is not here")
    counts = pd.read_csv(INTEGRATIVE / "00_countData.csv", index_col=0)
    return counts, pd.read_csv(INTEGRATIVE / "00_colData.csv", index_col=0)


def _dentate_gyrus() -> ExpressionCase:
    """The 16 DG samples, ~ 0 + treatment."""
    counts, samples = _integrative_counts()
    samples = samples[samples.subfield == "DG"]
    pairs = {
        "conflict_trained_conflict_yoked": ("conflict.trained", "conflict.yoked"),
        "standard_trained_standard_yoked": ("standard.trained", "standard.yoked"),
    }
    return ExpressionCase(
        counts[samples.index],
        samples.treatment,
        pd.get_dummies(samples.treatment, dtype=float),
        contrast_matrix(pairs),
        {name: read_oracle(f"integrative_DG_limma_voom_{name}") for name in pairs},
    )


def _region() -> ExpressionCase:
    """All 44 samples, ~ 0 + subfield."""
    counts, samples = _integrative_counts()
    return ExpressionCase(
        counts[samples.index],
        samples.subfield,
        pd.get_dummies(samples.subfield, dtype=float),
        contrast_matrix({"CA1_DG": ("CA1", "DG")}),
        {"CA1_DG": read_oracle("integrative_region_limma_voom_CA1_DG")},
    )


INTEGRATIVE_CASES = {"integrative_DG": _dentate_gyrus, "integrative_region": _region}
