"""Whether the intervals of the fraction undone hold the truth of the demo study, over many draws of it.

Each draw is a whole study at its real size, of another seed: counts through the filter, TMM, log2 CPM and the test, as the
task does it; four regions and two drugs a draw.
"""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.kernels.counts import filter_by_expression, log_cpm, tmm_factors
from analysis.kernels.reversal import reversal_test
from labdb.demo import parameters as p
from labdb.demo.simulate import SimulatedStudy, simulate_study

SEEDS = range(1, 26)
N_RANDOM = 199  # relabelings: intervals do not depend on them, but for whether there is a stress signature
ALLOWED_ERRORS = 2.6
STRESSED = "randomized susceptible"


def answers(study: SimulatedStudy) -> Iterator[dict[str, Any]]:
    """Yield truth, estimate and interval of every region and drug; without an estimate where there is no signature."""
    latent, arms = study.behavior.latent, study.behavior.allocations["arm"]
    truth = {(row["region"], row["arm"]): row["fraction_undone"] for row in study.truth_by_arm}
    for region in p.REGIONS:
        libraries = study.tissue.libraries[study.tissue.libraries["region"] == region]
        mice = libraries["mouse"]
        given = mice.map(arms)
        works = mice.map(latent["drug_works"]).map({True: "responder", False: "non-responder"})
        # Of susceptible mice by what they got, drug arms by outcome; the others by what they are.
        phenotype = mice.map(latent["phenotype"])
        outcome = (given + " " + works.where(given.isin(p.DRUGS), "")).where(phenotype == "susceptible", phenotype)
        is_stressed = phenotype == "susceptible"
        counts = study.counts[libraries.index]
        kept = counts[filter_by_expression(counts, outcome.mask(is_stressed, STRESSED))]
        expression = log_cpm(kept, tmm_factors(kept))
        for drug in p.DRUGS:
            groups = outcome.mask(is_stressed & ~given.isin(p.DRUGS), "susceptible")
            groups = groups.mask(is_stressed & (given == drug), "treated")
            test = reversal_test(
                expression,
                groups,
                treated="treated",
                pools=libraries["pool"],
                n_random=N_RANDOM,
                max_exhaustive=N_RANDOM,
            )
            low, high = test.fraction_undone_interval or (math.nan, math.nan)
            yield {
                "region": region, "arm": drug, "truth": truth[region, drug], "estimate": test.fraction_undone, "low": low,
                "high": high, "p": test.p_value,
            }  # fmt: skip


def measure() -> list[dict[str, Any]]:
    """One row for intervals that miss, one for the bias."""
    found = pd.DataFrame([row for seed in SEEDS for row in answers(simulate_study(seed))])
    return rows_of(found)


def rows_of(found: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what is measured of the answers to many draws."""
    shown = found[found["estimate"].notna()]
    missed = 100 * float(((shown["truth"] < shown["low"]) | (shown["truth"] > shown["high"])).mean())
    n = len(shown)
    what = f"{n} of {len(found)} comparisons of {len(found) // (len(p.REGIONS) * len(p.DRUGS))} demo studies"
    bias = float((shown["estimate"].astype(float) - shown["truth"]).mean())
    return [
        {
            "what": f"95 % intervals that miss the fraction undone, {what}", "measured": missed, "unit": "%",
            "reference": 5.0, "reference_what": "as stated", "target": 5.0 + ALLOWED_ERRORS * math.sqrt(5.0 * 95.0 / n),
        },
        {
            "what": f"mean error of the fraction undone, {what}", "measured": abs(bias), "unit": "of 1",
            "reference": None, "reference_what": "", "target": None,
        },
    ]  # fmt: skip


if __name__ == "__main__":
    for row in measure():
        print(row)
