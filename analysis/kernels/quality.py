"""How good each library is: size, genes detected, shares, likeness to the others, and the axes that part them.

Who a library is of (its sex, its region, whether it is another's double) is asked in `quality_identity`, what follows
from the numbers in `quality_findings`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.kernels.confounding import CONFOUNDED_FROM
from analysis.kernels.counts import check_counts, filter_by_expression, log2_cpm_of

FloatArray = npt.NDArray[np.float64]

N_TOP_GENES = 50  # scater's and scran's usual number; McCarthy et al. 2017
MITOCHONDRIAL = r"mt-"  # mt-Co1 in mouse and rat, MT-CO1 in human
NORMAL_MAD = 1.4826  # MAD of a normal distribution x this = its SD
N_COMPONENTS = 4
FEWEST_FOR_CORRELATION = 3  # libraries of a region: with two, the median over the others is one number
FEWEST_FOR_Z = 6  # with fewer, their MAD is an accident; ours


@dataclass(frozen=True)
class QualityLimits:
    """From where on a number is a finding; all are parameters of the task.

    Attributes
    ----------
    n_variable_genes : int
        On which libraries are compared; lab policy, statistics.md section 5.
    min_reads_share : float
        Of the study's median library size, below which a library has too few reads; ours: half of what was paid for.
    min_reads_z : float
        A library that small is a finding only if it also lies so many robust SD below the others on the log scale: where
        sizes scatter by a factor of four anyway, half of the median is nothing special; ours.
    outlier_z : float
        Robust SD below the median correlation of its region; more than the 3 MAD that scater's ``isOutlier``
        takes, since libraries are many and the tail is heavy; ours.
    duplicate_correlation : float
        Of two libraries, above which they are one; statistics.md section 5.
    min_sex_reads : int
        Of Xist and genes on Y together, below which they say nothing; ours.
    sex_log2_ratio : float
        Of Xist to genes on Y (log2 CPM), beyond which the sex is called; 0 lies between; ours.
    region_margin : float
        By how much the correlation with another region's mean must exceed that with its own; ours.
    marker_margin_log2 : float
        By how much (log2) another region's markers must exceed those of its own; ours.
    max_mitochondrial_share : float
        Of all reads; ours. Whole-tissue RNA of brain has 2 to 20 %.
    min_rin : float
        RNA integrity; lab policy: Schroeder et al. 2006 call 7 good, most cores ask for it.
    max_cramers_v : float
        Of group with pool, run, cage ..., above which they are confounded; Cohen 1988 calls .5 large.
    max_mass_change_share : float
        Between two weighings of one mouse; 20 % is the usual humane endpoint, more is a slip of the pen; ours.
    """

    n_variable_genes: int = 2000
    min_reads_share: float = 0.5
    min_reads_z: float = 2.5
    outlier_z: float = 5.0
    duplicate_correlation: float = 0.999
    min_sex_reads: int = 10
    sex_log2_ratio: float = 1.0
    region_margin: float = 0.1
    marker_margin_log2: float = 1.0
    max_mitochondrial_share: float = 0.25
    min_rin: float = 7.0
    max_cramers_v: float = CONFOUNDED_FROM
    max_mass_change_share: float = 0.3


def library_metrics(counts: pd.DataFrame, symbols: pd.Series) -> pd.DataFrame:
    """Measure every library by itself.

    Parameters
    ----------
    counts : pandas.DataFrame, shape (n_genes, n_libraries)
        Raw read counts; a library without a read is measured too.
    symbols : pandas.Series of str, shape (n_genes,)
        Symbol of each gene, empty where it has none.

    Returns
    -------
    pandas.DataFrame, shape (n_libraries, 4)
        ``library_size`` (reads), ``genes_detected`` (with at least one read), ``top_50_share`` (of the reads, in the 50
        genes with most), ``mitochondrial_share`` (of the reads; missing where the annotation has no such gene). Shares
        are missing in a library without reads.

    References
    ----------
    .. [1] McCarthy et al., Bioinformatics 33, 1179-1186 (2017).
    """
    values = counts.to_numpy()
    size = values.sum(axis=0).astype(float)
    n_top = min(N_TOP_GENES, len(values))
    top = np.partition(values, len(values) - n_top, axis=0)[len(values) - n_top :].sum(axis=0)
    is_mitochondrial = symbols.reindex(counts.index).fillna("").str.match(MITOCHONDRIAL, case=False).to_numpy(bool)
    mitochondrial = values[is_mitochondrial].sum(axis=0) if is_mitochondrial.any() else np.full(len(size), np.nan)
    known = np.where(size > 0, size, np.nan)
    return pd.DataFrame(
        {
            "library_size": size,
            "genes_detected": np.count_nonzero(values, axis=0),
            "top_50_share": top / known,
            "mitochondrial_share": mitochondrial / known,
        },
        index=counts.columns,
    )


def comparable_expression(counts: pd.DataFrame, region: pd.Series, n_variable_genes: int) -> pd.DataFrame:
    """Return log2 CPM of the most variable of the genes that have reads enough.

    Parameters
    ----------
    counts : pandas.DataFrame, shape (n_genes, n_libraries)
        Raw read counts; every library with reads.
    region : pandas.Series
        By library; the smallest region says in how many libraries a gene must be seen.
    n_variable_genes : int
        By the variance of log2 CPM over all libraries.

    Returns
    -------
    pandas.DataFrame, shape (<= n_variable_genes, n_libraries)
    """
    values = check_counts(counts)
    kept = filter_by_expression(counts, region).to_numpy()
    logged = log2_cpm_of(values[kept], values.sum(axis=0))
    variances = logged.var(axis=1)
    n_chosen = min(n_variable_genes, len(variances))
    chosen = np.sort(np.argsort(-variances, kind="stable")[:n_chosen])
    return pd.DataFrame(logged[chosen], index=counts.index[kept][chosen], columns=counts.columns)


def library_correlations(counts: pd.DataFrame, n_variable_genes: int) -> pd.DataFrame:
    """Correlate the libraries of one region with one another.

    Parameters
    ----------
    counts : pandas.DataFrame, shape (n_genes, n_libraries)
        Raw read counts of the libraries of one region, each with reads.
    n_variable_genes : int
        The most variable among these libraries.

    Returns
    -------
    pandas.DataFrame, shape (n_libraries, n_libraries)
        Pearson's r of log2 CPM.
    """
    one_region = pd.Series("", index=counts.columns)
    expression = comparable_expression(counts, one_region, n_variable_genes)
    return correlations_of(expression)


def correlations_of(expression: pd.DataFrame) -> pd.DataFrame:
    """Pearson's r of every two columns; missing where a column is constant."""
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.corrcoef(expression.to_numpy(), rowvar=False).reshape(expression.shape[1], expression.shape[1])
    return pd.DataFrame(np.clip(r, -1, 1), index=expression.columns, columns=expression.columns)


def likeness(correlations: pd.DataFrame) -> pd.DataFrame:
    """Say of every library of a region how like the others it is.

    Returns
    -------
    pandas.DataFrame, shape (n_libraries, 2)
        ``median_correlation`` with the others; ``outlier_z``, its robust z among them, below 0 for less like. Both are
        missing for fewer than three libraries, the z for fewer than six.
    """
    n = len(correlations)
    if n < FEWEST_FOR_CORRELATION:
        return pd.DataFrame({"median_correlation": np.nan, "outlier_z": np.nan}, index=correlations.index)
    others = correlations.to_numpy().copy()
    np.fill_diagonal(others, np.nan)
    median = pd.Series(np.nanmedian(others, axis=1), index=correlations.index)
    fisher_z = pd.Series(np.arctanh(median.clip(upper=1 - 1e-12).to_numpy()), index=median.index)
    return pd.DataFrame({"median_correlation": median, "outlier_z": robust_z(fisher_z)})


def robust_z(values: pd.Series) -> pd.Series:
    """Distance from the median in robust SD (MAD x 1.4826).

    0 throughout where half of the values are equal; missing throughout for fewer than six values.
    """
    if values.count() < FEWEST_FOR_Z:
        return values * np.nan
    from_median = values - values.median()
    spread = float(from_median.abs().median()) * NORMAL_MAD
    return from_median / spread if spread > 0 else from_median * 0.0


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components.

    Attributes
    ----------
    scores : pandas.DataFrame, shape (n_libraries, n_components)
        ``pc1``, ``pc2``, ...; as many as there are.
    distance : pandas.Series
        Of each library from the mean of all (log2); the sum of its squares is the total that components share.
    """

    scores: pd.DataFrame
    distance: pd.Series


def principal_components(expression: pd.DataFrame, n_components: int = N_COMPONENTS) -> Components:
    """Find the axes along which libraries differ most.

    The sign of an axis means nothing; it is set so that the library farthest from 0 lies on the positive side.

    Parameters
    ----------
    expression : pandas.DataFrame, shape (n_genes, n_libraries)
        Log2 CPM of the most variable genes; centered here, not scaled.
    """
    centered = expression.to_numpy() - expression.to_numpy().mean(axis=1, keepdims=True)
    gram = centered.T @ centered  # libraries are fewer than genes
    variances, vectors = np.linalg.eigh(gram)
    variances, vectors = np.clip(variances[::-1], 0, None), vectors[:, ::-1]
    total = float(variances.sum())
    n_kept = min(n_components, int(np.count_nonzero(variances > total * 1e-12)))
    scores = vectors[:, :n_kept] * np.sqrt(variances[:n_kept])
    farthest = np.abs(scores).argmax(axis=0) if n_kept else np.array([], dtype=int)
    scores *= np.sign(scores[farthest, np.arange(n_kept)])
    names = [f"pc{number + 1}" for number in range(n_kept)]
    distance = pd.Series(np.sqrt(np.diag(gram)), index=expression.columns, name="distance_from_mean")
    return Components(pd.DataFrame(scores, index=expression.columns, columns=names), distance)
