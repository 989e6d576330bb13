"""Errors as laboratories make them, planted in a copy of the study for the quality checks to find.

All lie where they harm no estimate of a drug: in resilient mice, which the reversal does not use.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from labdb.demo import parameters as p

if TYPE_CHECKING:
    from labdb.demo.simulate import SimulatedStudy


@dataclass(frozen=True)
class PlantedError:
    """One error.

    Attributes
    ----------
    kind : str
        ``swapped_pair``, ``wrong_sex``, ``half_the_reads`` or ``zero_absent_time``.
    where : tuple of str
        Libraries or mice.
    says : str
        What was done, in words.
    """

    kind: str
    where: tuple[str, ...]
    says: str


def choose_errors(
    mice: pd.DataFrame, phenotype: pd.Series, library_sizes: pd.Series, rng: np.random.Generator
) -> list[PlantedError]:
    """Choose where the errors lie, without changing anything.

    The library that loses half of its reads had fewer than is usual: half of a large one is enough, and no error.

    Parameters
    ----------
    mice : pandas.DataFrame, indexed by mouse
        ``is_sequenced``, ``is_humane_endpoint``.
    phenotype : pandas.Series
        By mouse.
    library_sizes : pandas.Series
        Reads by library.
    rng : numpy.random.Generator
        The only source of randomness.
    """
    is_resilient = phenotype == "resilient"
    sequenced = mice.index[is_resilient & mice["is_sequenced"]]
    swapped, wrong_sex, poor = rng.choice(sequenced, 3, replace=False)
    rest = list(sequenced.difference([swapped, wrong_sex, poor]))
    unseen = rng.choice(mice.index[is_resilient & ~mice["is_sequenced"] & ~mice["is_humane_endpoint"]])
    pair = tuple(f"{swapped}-{region}-LIB" for region in p.SWAPPED_REGIONS)
    poor_library = _poor_library(poor, rng.choice(p.REGIONS), rest, library_sizes)
    return [
        PlantedError("swapped_pair", pair, f"The counts of {pair[0]} and {pair[1]} are exchanged."),
        PlantedError("wrong_sex", (wrong_sex,), f"{wrong_sex} is recorded as female; its genes are male."),
        PlantedError("half_the_reads", (poor_library,), f"{poor_library} has half of its reads."),
        PlantedError("zero_absent_time", (unseen,), f"SI test 1 of {unseen} has 0 s in the zone without target."),
    ]


def _poor_library(poor: str, region: str, others: list[str], library_sizes: pd.Series) -> str:
    """Return the library drawn, or else the next that has no more reads than such a library may have had."""
    regions = [region, *(one for one in p.REGIONS if one != region)]
    candidates = [f"{mouse}-{one}-LIB" for mouse in (poor, *others) for one in regions]
    at_most = p.POOR_LIBRARY_WAS_AT_MOST * library_sizes.median()
    return next((one for one in candidates if library_sizes[one] <= at_most), str(library_sizes[candidates].idxmin()))


def plant(study: "SimulatedStudy", errors: list[PlantedError], rng: np.random.Generator) -> "SimulatedStudy":
    """Return a copy of the study that contains the errors; the truth and the records of the draw stay as they are.

    Parameters
    ----------
    study : SimulatedStudy
        Free of errors.
    errors : list of PlantedError
        From `choose_errors`.
    rng : numpy.random.Generator
        Decides which reads are lost.
    """
    where = {error.kind: error.where for error in errors}
    counts = study.counts.copy()
    one, other = where["swapped_pair"]
    counts[one], counts[other] = study.counts[other], study.counts[one]
    (poor,) = where["half_the_reads"]
    counts[poor] = rng.binomial(counts[poor], p.POOR_LIBRARY_READ_SHARE).astype(np.int32)

    mice = study.bench.mice.copy()
    mice.loc[list(where["wrong_sex"]), "sex"] = "F"
    si_tests = study.bench.si_tests.copy()
    is_zero = si_tests["mouse"].isin(where["zero_absent_time"]) & (si_tests["test_number"] == 1)
    si_tests.loc[is_zero, "iz_absent_s"] = 0.0
    bench = replace(study.bench, mice=mice, si_tests=si_tests)
    return replace(study, counts=counts, bench=bench, planted=errors)
