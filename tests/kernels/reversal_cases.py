"""The simulated cases of tests/reference/reversal, and small studies made on the spot."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parents[1] / "reference" / "reversal"
NAMES = (
    "01_reversal50",
    "02_inert",
    "04_no_bystanders",
    "05_pools_135",
    "06_pools_too_few",
    "07_pool_confounded",
    "08_no_stress",
)
ARMS: dict[str, Any] = {"treated": "D", "stress": "S", "control": "C"}


@dataclass(frozen=True)
class Case:
    expression: pd.DataFrame
    groups: pd.Series
    pools: pd.Series
    expected: dict[str, Any]
    genes: pd.DataFrame | None

    @property
    def messages(self) -> tuple[str, ...]:
        return tuple(code.replace("RELABELLINGS", "RELABELINGS") for code in self.expected["messages"])


def load_case(name: str) -> Case:
    mice = pd.read_csv(FOLDER / f"{name}.mice.csv", index_col="mouse")
    genes = FOLDER / f"{name}.genes.csv"
    return Case(
        expression=pd.read_csv(FOLDER / f"{name}.expr.csv.gz", index_col="gene"),
        groups=mice["group"],
        pools=mice["pool"],
        expected=json.loads((FOLDER / f"{name}.expected.json").read_text()),
        genes=pd.read_csv(genes, index_col="gene") if genes.exists() else None,
    )


def simulate(
    groups: list[str],
    pools: list[str] | None = None,
    *,
    n_genes: int = 300,
    stress: float = 0.6,
    undone: float = 0.5,
    seed: int = 1,
) -> tuple[pd.DataFrame, pd.Series, pd.Series | None]:
    """Log2 values of mice in groups C, S, D and any other, with gene directions shared by mice."""
    rng = np.random.default_rng(seed)
    names = [f"m{number:02d}" for number in range(len(groups))]
    state = np.array([{"C": 0.0, "S": 1.0, "D": 1.0 - undone}.get(group, 0.3) for group in groups])
    signature = np.where(rng.random((n_genes, 1)) < 0.2, rng.normal(0, stress, (n_genes, 1)), 0.0)
    shared = rng.normal(0, 0.25, (n_genes, 3)) @ rng.normal(size=(3, len(groups)))
    spread = np.exp(rng.normal(-1, 0.3, (n_genes, 1)))
    noise = spread * rng.normal(size=(n_genes, len(groups)))
    values = rng.normal(6, 1, (n_genes, 1)) + signature * state + shared + noise
    if pools is not None:
        levels = sorted(set(pools))
        values += rng.normal(0, 0.5, (n_genes, len(levels)))[:, [levels.index(pool) for pool in pools]]
    expression = pd.DataFrame(values, index=[f"g{number}" for number in range(n_genes)], columns=names)
    return (
        expression,
        pd.Series(groups, index=names),
        None if pools is None else pd.Series(pools, index=names),
    )
