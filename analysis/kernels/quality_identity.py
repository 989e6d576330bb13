"""Whose library is it: the sex and the region that its genes tell, and libraries that are one and the same."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.kernels.quality import QualityLimits, correlations_of

XIST = "xist"  # transcribed from the inactive X: of females alone
Y_GENES = ("ddx3y", "uty", "eif2s3y", "kdm5d")  # expressed in every tissue of males
FEMALE, MALE, UNCLEAR = "F", "M", ""
FEWEST_OF_A_REGION = 3  # libraries, without which its mean is mostly one of them


def without_sex_genes(counts: pd.DataFrame, symbols: pd.Series) -> pd.DataFrame:
    """Leave out the genes that tell the sex: a lone female among males is no outlier for them."""
    named = symbols.reindex(counts.index).fillna("").str.casefold()
    return counts[~named.isin([XIST, "tsix", *Y_GENES]).to_numpy()]


def call_sex(counts: pd.DataFrame, symbols: pd.Series, limits: QualityLimits) -> pd.DataFrame:
    """Call the sex of every library by Xist against genes on Y.

    Parameters
    ----------
    counts : pandas.DataFrame, shape (n_genes, n_libraries)
        Raw read counts.
    symbols : pandas.Series of str, shape (n_genes,)
    limits : QualityLimits

    Returns
    -------
    pandas.DataFrame, shape (n_libraries, 4)
        ``xist_cpm``, ``y_cpm`` (counts per million; of all genes on Y together), ``sex_log2_ratio`` (Xist over Y, with
        half a read added to each), ``sex_called`` (F, M, or empty where reads are too few or the ratio is between).
        All missing where the annotation has neither.

    References
    ----------
    .. [1] Staedtler et al., BMC Genomics 14, 823 (2013): sex by Xist and genes on Y, as a check on samples.
    """
    named = symbols.reindex(counts.index).fillna("").str.casefold()
    is_xist, is_y = (named == XIST).to_numpy(), named.isin(Y_GENES).to_numpy()
    values, size = counts.to_numpy(), counts.to_numpy().sum(axis=0)
    if not is_xist.any() or not is_y.any():
        nothing = np.full(len(size), np.nan)
        told = {"xist_cpm": nothing, "y_cpm": nothing, "sex_log2_ratio": nothing, "sex_called": UNCLEAR}
        return pd.DataFrame(told, index=counts.columns)
    xist, y = values[is_xist].sum(axis=0), values[is_y].sum(axis=0)
    ratio = np.log2((xist + 0.5) / (y + 0.5))
    is_enough = xist + y >= limits.min_sex_reads
    called = np.select(
        [is_enough & (ratio > limits.sex_log2_ratio), is_enough & (ratio < -limits.sex_log2_ratio)],
        [FEMALE, MALE],
        UNCLEAR,
    )
    per_million = np.where(size > 0, 1e6 / np.maximum(size, 1), np.nan)
    return pd.DataFrame(
        {"xist_cpm": xist * per_million, "y_cpm": y * per_million, "sex_log2_ratio": ratio, "sex_called": called},
        index=counts.columns,
    )


def call_region(expression: pd.DataFrame, region: pd.Series) -> pd.DataFrame:
    """Say which region each library is most like, by the mean of the other libraries of each.

    Parameters
    ----------
    expression : pandas.DataFrame, shape (n_genes, n_libraries)
        Log2 CPM of the most variable genes over all regions.
    region : pandas.Series
        As recorded, by library.

    Returns
    -------
    pandas.DataFrame, shape (n_libraries, 3)
        ``region_like`` (the nearest), ``own_correlation`` (with its recorded region, itself left out), ``region_margin``
        (own correlation less that with the nearest other region; below 0 it looks like another). Correlations are of
        the differences from the mean over regions. Missing for libraries of regions with fewer than three, and where
        fewer than two regions have three.
    """
    recorded = region.reindex(expression.columns)
    sizes = recorded.value_counts()
    regions = sorted(sizes.index[sizes >= FEWEST_OF_A_REGION])
    found = pd.DataFrame(
        {"region_like": "", "own_correlation": np.nan, "region_margin": np.nan}, index=expression.columns
    )
    if len(regions) < 2:
        return found
    values, labels = expression.to_numpy(), recorded.to_numpy()
    sums = {name: values[:, labels == name].sum(axis=1) for name in regions}
    means = {name: sums[name] / sizes[name] for name in regions}
    middle = np.mean([means[name] for name in regions], axis=0)
    for place, library in enumerate(expression.columns):
        own = labels[place]
        if own not in means:
            continue
        sample = values[:, place] - middle
        without = (sums[own] - values[:, place]) / (sizes[own] - 1) - middle
        r = {name: _r(sample, without if name == own else means[name] - middle) for name in regions}
        nearest_other = max(value for name, value in r.items() if name != own)
        found.loc[library] = [max(r, key=lambda name: r[name]), r[own], r[own] - nearest_other]
    return found


def _r(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    length = np.linalg.norm(x) * np.linalg.norm(y)
    return float(x @ y / length) if length > 0 else 0.0


def exchanged_pairs(
    region: pd.Series, region_like: pd.Series, together: Sequence[pd.Series]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Pair libraries that each look like the other's region, and return those that look like another without a partner.

    Parameters
    ----------
    region, region_like : pandas.Series
        Recorded, and as the genes tell; of misfits alone.
    together : sequence of pandas.Series
        What two exchanged tubes are likely to share, most telling first: mouse, then pool.

    Returns
    -------
    pairs : list of (library, library)
    alone : list of library
    """
    left = sorted(region.index)
    pairs: list[tuple[str, str]] = []
    for shared in together:
        for one, other in combinations(sorted(left), 2):
            fits = region[one] == region_like[other] and region[other] == region_like[one]
            is_together = bool(shared[one]) and shared[one] == shared[other]
            if fits and is_together and one in left and other in left:
                pairs.append((one, other))
                left = [library for library in left if library not in (one, other)]
    return pairs, left


def marker_scores(expression: pd.DataFrame, markers: Mapping[str, Sequence[str]], symbols: pd.Series) -> pd.DataFrame:
    """Score every library for every region by the region's markers.

    Parameters
    ----------
    expression : pandas.DataFrame, shape (n_markers, n_libraries)
        Log2 CPM of the genes that are markers.
    markers : mapping of region to symbols
    symbols : pandas.Series of str

    Returns
    -------
    pandas.DataFrame, shape (n_libraries, n_regions)
        Mean over the region's markers of log2 CPM less the gene's median over libraries.
    """
    named = symbols.reindex(expression.index).fillna("").str.casefold()
    from_median = expression.sub(expression.median(axis=1), axis=0)
    scores = {}
    for region, genes in markers.items():
        chosen = named.isin([gene.casefold() for gene in genes]).to_numpy()
        if chosen.any():
            scores[region] = from_median[chosen].mean(axis=0)
    return pd.DataFrame(scores, index=expression.columns)


def duplicates(expression: pd.DataFrame, min_correlation: float) -> list[tuple[str, str, float]]:
    """Return every two libraries that correlate above the limit, with r; the first of a pair comes first by name."""
    r = correlations_of(expression)
    values, names = r.to_numpy(), list(r.index)
    found = []
    for i, j in np.argwhere(np.triu(values > min_correlation, k=1)):
        one, other = sorted((names[i], names[j]))
        found.append((one, other, float(values[i, j])))
    return sorted(found)
