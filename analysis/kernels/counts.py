"""Read counts before any model: checks, filter, library-size factors, log2 CPM."""

import math
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# edgeR 3.40 filterByExpr
MIN_COUNT = 10
MIN_TOTAL_COUNT = 15
LARGE_GROUP = 10
MIN_SHARE_BEYOND_LARGE_GROUP = 0.7
# edgeR 3.40 calcNormFactors, method "TMM"
LOG_RATIO_TRIM = 0.3
SUM_TRIM = 0.05
REFERENCE_QUANTILE = 0.75
SAME_COMPOSITION = 1e-6  # of the largest log2 ratio: two libraries are alike and the factor is 1
NO_QUANTILE = 1e-20  # of the median over libraries: their upper quartile is 0


def check_counts(counts: pd.DataFrame) -> FloatArray:
    """Refuse counts that are not raw: every value a non-negative whole number, each label once.

    Parameters
    ----------
    counts : pandas.DataFrame, shape (n_genes, n_samples)
        Raw read counts, genes in rows.

    Returns
    -------
    numpy.ndarray, shape (n_genes, n_samples)
        The same counts as floats.

    Raises
    ------
    ValueError
        Names the gene, the sample and the value.
    """
    if not isinstance(counts, pd.DataFrame):
        raise ValueError(f"counts must be a DataFrame with genes in rows; got {type(counts).__name__}")
    if counts.empty:
        raise ValueError(f"counts must have genes in rows and samples in columns; got shape {counts.shape}")
    _refuse_repeated(counts.index, "row per gene")
    _refuse_repeated(counts.columns, "column per sample")
    for sample, dtype in counts.dtypes.items():
        if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_complex_dtype(dtype):
            raise ValueError(f"counts must be non-negative integers; {sample} holds {dtype} values")
    values = counts.to_numpy(dtype=np.float64, na_value=np.nan)
    usable = (values >= 0) & (values == np.floor(values)) & (values < np.inf)
    if not usable.all():
        _refuse_first(counts, values, ~usable)
    empty = counts.columns[values.sum(axis=0) == 0]
    if len(empty):
        names = ", ".join(map(str, empty))
        raise ValueError(f"every sample must have reads; all counts are 0 in {names}")
    return values


def filter_by_expression(counts: pd.DataFrame, group: pd.Series | Sequence[Hashable]) -> pd.Series:
    """Tell which genes have enough reads to be tested, as edgeR's ``filterByExpr(counts, group=group)``.

    Kept is a gene that reaches, in as many samples as the smallest group has, the CPM that 10 reads
    make in the median library, and 15 reads in total.

    Parameters
    ----------
    counts : pandas.DataFrame, shape (n_genes, n_samples)
        Raw read counts.
    group : pandas.Series or sequence, length n_samples
        A Series is matched to the samples by its index, a sequence by position.

    Returns
    -------
    pandas.Series of bool, shape (n_genes,)

    Raises
    ------
    ValueError
        As `check_counts`; if a sample has no group.

    References
    ----------
    .. [1] Chen, Lun, Smyth, F1000Research 5, 1438 (2016).
    """
    values = check_counts(counts)
    smallest_group = int(_groups_of(counts, group).value_counts().min())
    min_samples: float = smallest_group
    if smallest_group > LARGE_GROUP:
        min_samples = LARGE_GROUP + (smallest_group - LARGE_GROUP) * MIN_SHARE_BEYOND_LARGE_GROUP
    library_size = values.sum(axis=0)
    cpm_cutoff = MIN_COUNT / np.median(library_size) * 1e6
    # A count at the cutoff is kept or not by its rounding: multiply in edgeR's order.
    cpm = values * (1e6 / library_size)
    tolerance = 1e-14  # edgeR's own
    enough_samples = np.sum(cpm >= cpm_cutoff, axis=1) >= min_samples - tolerance
    enough_reads = values.sum(axis=1) >= MIN_TOTAL_COUNT - tolerance
    return pd.Series(enough_samples & enough_reads, index=counts.index, name="keep")


def tmm_factors(counts: pd.DataFrame) -> pd.Series:
    """Library-size factors by the trimmed mean of M values, as edgeR's ``calcNormFactors``.

    Parameters
    ----------
    counts : pandas.DataFrame, shape (n_genes, n_samples)
        Raw read counts of the genes that passed the filter; their sums are the library sizes.

    Returns
    -------
    pandas.Series, shape (n_samples,)
        Factors with product 1; effective library size = library size x factor.

    Raises
    ------
    ValueError
        As `check_counts`.

    References
    ----------
    .. [1] Robinson and Oshlack, Genome Biol 11, R25 (2010).
    """
    return pd.Series(tmm_factors_of(check_counts(counts)), index=counts.columns, name="tmm_factor")


def log_cpm(counts: pd.DataFrame, factors: pd.Series) -> pd.DataFrame:
    """Log2 counts per million as voom has them: log2((count + 0.5) / (effective library size + 1) x 1e6).

    Parameters
    ----------
    counts : pandas.DataFrame, shape (n_genes, n_samples)
        Raw read counts.
    factors : pandas.Series, shape (n_samples,)
        From `tmm_factors`, indexed by sample.

    Returns
    -------
    pandas.DataFrame, shape (n_genes, n_samples)

    Raises
    ------
    ValueError
        As `check_counts`; if a sample has no factor or one that is not positive.
    """
    values = check_counts(counts)
    aligned = factors.reindex(counts.columns).to_numpy(dtype=float)
    wrong = ~(np.isfinite(aligned) & (aligned > 0))
    if wrong.any():
        sample = counts.columns[int(np.argmax(wrong))]
        raise ValueError(f"factors must be positive, one per sample; got {factors.get(sample)} for {sample}")
    effective_size = values.sum(axis=0) * aligned
    return pd.DataFrame(log2_cpm_of(values, effective_size), index=counts.index, columns=counts.columns)


def log2_cpm_of(values: FloatArray, effective_library_size: FloatArray) -> FloatArray:
    """`log_cpm` on bare arrays, for callers that have checked the counts."""
    per_read = (values + 0.5) / (effective_library_size + 1)
    return np.log2(per_read * 1e6)


def tmm_factors_of(values: FloatArray) -> FloatArray:
    """`tmm_factors` on bare arrays, for callers that have checked the counts."""
    library_size = values.sum(axis=0)
    if library_size.size == 1:
        return np.ones(1)
    samples = np.ascontiguousarray(values[values.any(axis=1)].T)
    reference = _reference_sample(samples, library_size)
    shares = samples / library_size[:, None]
    with np.errstate(divide="ignore"):
        variances = (library_size[:, None] - samples) / library_size[:, None] / samples
        log_shares = np.log2(shares)
    factors = np.empty_like(library_size)
    for k in range(library_size.size):
        shared = (samples[k] > 0) & (samples[reference] > 0)
        factors[k] = _trimmed_mean_factor(
            # One log of a ratio: the difference of two logs would break ties.
            np.log2(shares[k, shared] / shares[reference, shared]),
            (log_shares[k, shared] + log_shares[reference, shared]) / 2,
            variances[k, shared] + variances[reference, shared],
        )
    return factors / np.exp(np.mean(np.log(factors)))


def _reference_sample(samples: FloatArray, library_size: FloatArray) -> int:
    upper_quartile = np.quantile(samples, REFERENCE_QUANTILE, axis=1) / library_size
    if np.median(upper_quartile) < NO_QUANTILE:
        return int(np.argmax(np.sqrt(samples).sum(axis=1)))
    mean = float(np.mean(upper_quartile.astype(np.longdouble)))  # R's mean is exact; near-ties depend on it
    return int(np.argmin(np.abs(upper_quartile - mean)))


def _trimmed_mean_factor(log_ratio: FloatArray, abundance: FloatArray, variance: FloatArray) -> float:
    if log_ratio.size == 0 or np.abs(log_ratio).max() < SAME_COMPOSITION:
        return 1.0
    keep = _within_trim(log_ratio, LOG_RATIO_TRIM) & _within_trim(abundance, SUM_TRIM)
    with np.errstate(divide="ignore", invalid="ignore"):  # a library of one gene has no variance
        mean = np.sum(log_ratio[keep] / variance[keep]) / np.sum(1 / variance[keep])
    return float(2**mean) if math.isfinite(mean) else 1.0


def _within_trim(values: FloatArray, trim: float) -> NDArray[np.bool_]:
    """Mark values whose rank, averaged over ties, is within the trim.

    Only the two order statistics at the trim and their ties need ranks, so nothing is sorted.
    """
    low = math.floor(values.size * trim) + 1
    high = values.size + 1 - low
    low_value, high_value = np.partition(values, (low - 1, high - 1))[[low - 1, high - 1]]
    within = (values > low_value) & (values < high_value)
    for edge in {low_value, high_value}:
        tied = values == edge
        mean_rank = np.count_nonzero(values < edge) + (np.count_nonzero(tied) + 1) / 2
        if low <= mean_rank <= high:
            within |= tied
    return within


def _groups_of(counts: pd.DataFrame, group: pd.Series | Sequence[Hashable]) -> pd.Series:
    if isinstance(group, pd.Series):
        _refuse_repeated(group.index, "group per sample")
        groups = group.reindex(counts.columns)
    else:
        if len(group) != counts.shape[1]:
            raise ValueError(f"group must name one group per sample; got {len(group)} for {counts.shape[1]}")
        groups = pd.Series(list(group), index=counts.columns)
    if groups.isna().any():
        raise ValueError(f"every sample must have a group; {groups.index[groups.isna()][0]} has none")
    return groups.astype(object)  # categories that no sample has are no groups


def _refuse_repeated(labels: pd.Index, what: str) -> None:
    if not labels.is_unique:
        repeated = labels[labels.duplicated()].unique()
        more = f" (and {len(repeated) - 1} more)" if len(repeated) > 1 else ""
        raise ValueError(f"there must be one {what}; {repeated[0]} appears more than once{more}")


def _refuse_first(counts: pd.DataFrame, values: FloatArray, wrong: NDArray[np.bool_]) -> None:
    gene, sample = divmod(int(np.argmax(wrong)), wrong.shape[1])
    n_more = np.count_nonzero(wrong) - 1
    more = f" (and {n_more} more)" if n_more else ""
    raise ValueError(
        f"counts must be non-negative integers; got {values[gene, sample]:g} "
        f"for {counts.index[gene]} in {counts.columns[sample]}{more}"
    )
