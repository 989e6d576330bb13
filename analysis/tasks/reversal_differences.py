"""Where an arm undoes more, and which arm does: paired differences, the same mice relabeled on both sides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from analysis.kernels.phenotype import CONTROL, SUSCEPTIBLE
from analysis.kernels.reversal_regions import RegionReversal, compare_regions
from analysis.kernels.signature_test import SignatureTest, signature_test
from analysis.tasks.arm_comparisons import TREATED, ArmComparisons

N_RANDOM_TOGETHER = 499  # relabelings of all regions at once, each as dear as one of every region; p moves in .002
NO_FRACTION = "No fraction undone is known in {regions}; there is no difference to estimate."
REFUSED = "REFUSED"  # what the codes of refusals begin with

Expression = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Difference:
    """Fraction undone by `arm` in `region` less that by the same in `other_region`, or by `other_arm` in the same."""

    region: str
    arm: str
    other_region: str = ""
    other_arm: str = ""
    difference: float | None = None
    se: float | None = None
    interval: tuple[float, float] | None = None
    p_value: float | None = None
    p_floor: float | None = None
    n_relabelings: int | None = None
    refusal: str = ""
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Differences:
    """All of them; ``max_t``: p of every arm and region, adjusted over the regions by one relabeling of mice."""

    between: list[Difference]
    max_t: dict[tuple[str, str], float]


def regions_of(
    comparisons: ArmComparisons, expression: Expression, arm: str, *, seed: int, n_random: int,
    tell: Callable[[int, int], None],
) -> Differences:  # fmt: skip
    """Compare the regions of one arm."""
    of_mouse = {region: _by_mouse(comparisons, region, frame.columns) for region, frame in expression.items()}
    groups: dict[str, str] = {}
    pools: dict[str, pd.Series] = {}
    for region, mice in of_mouse.items():
        groups |= dict(zip(mice, comparisons.groups(region, arm).reindex(mice.index), strict=True))
        if (pool := comparisons.pools(region)) is not None:
            pools[region] = pool.set_axis(mice.loc[pool.index])
    found = compare_regions(
        {region: frame.set_axis(of_mouse[region], axis="columns") for region, frame in expression.items()}, pd.Series(groups),
        treated=TREATED, pools=pools, seed=seed, n_random=min(n_random, N_RANDOM_TOGETHER), progress=tell,
    )  # fmt: skip
    adjusted = found.regions["adj_p_value"].dropna()
    return Differences(
        _between_regions(found, arm), {(str(region), arm): float(p_value) for region, p_value in adjusted.items()}
    )


def _by_mouse(comparisons: ArmComparisons, region: str, libraries: pd.Index) -> pd.Series:
    """Name the mice by number, as text: the order of relabelings follows the names."""
    return comparisons.libraries.loc[libraries, "mouse"].map("{:09d}".format)


def _between_regions(found: RegionReversal, arm: str) -> list[Difference]:
    known = found.differences.set_index(["first", "second"])
    rows = []
    for pair in combinations(found.regions.index, 2):
        if pair not in known.index:
            without = [region for region in pair if pd.isna(found.regions.loc[region, "fraction_undone"])]
            refusals = [text for region in without if (text := found.regions.loc[region, "refusal"])]
            words = (NO_FRACTION.format(regions=" and ".join(without)), *dict.fromkeys(refusals))
            rows.append(Difference(pair[0], arm, other_region=pair[1], refusal="NO_FRACTION", sentences=words))
            continue
        row = known.loc[pair]
        has_p = bool(pd.notna(row["p_value"]))
        rows.append(
            Difference(
                pair[0], arm, other_region=pair[1], difference=row["difference"], se=row["se"],
                interval=(row["low"], row["high"]), p_value=row["p_value"] if has_p else None,
                p_floor=1 / found.n_relabelings if has_p else None, n_relabelings=found.n_relabelings,
            )
        )  # fmt: skip
    return rows


def arms_of(
    comparisons: ArmComparisons, expression: pd.DataFrame, region: str, *, seed: int, n_random: int
) -> list[Difference]:
    """Compare every two drug arms in one region: S - C against one drug less the other, which share no mouse."""
    rows = []
    for first, second in combinations(comparisons.arms, 2):
        names = {first: f"{first} mice", second: f"{second} mice"}  # no group of bystanders is called so
        groups = comparisons.outcomes(region)
        for arm, name in names.items():
            groups = groups.mask(comparisons.is_of(region, arm), name)
        test = signature_test(
            expression, groups, signature=(SUSCEPTIBLE, CONTROL), between=(names[second], names[first]),
            alternative="two-sided", pools=comparisons.pools(region), seed=seed, n_random=n_random,
        )  # fmt: skip
        rows.append(_between_arms(test, region, first, second))
    return rows


def _between_arms(test: SignatureTest, region: str, first: str, second: str) -> Difference:
    return Difference(
        region, first, other_arm=second, difference=test.share, se=test.share_se, interval=test.share_interval,
        p_value=test.p_value if test.share is not None else None, p_floor=test.p_floor,
        n_relabelings=test.n_relabelings, refusal=next((code for code in test.messages if code.startswith(REFUSED)), ""),
        sentences=test.sentences,
    )  # fmt: skip
