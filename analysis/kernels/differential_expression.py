"""Differential expression of read counts by limma-voom.

``voom`` weighs the observations, ``fit_genes`` fits every gene once, ``contrast_tables`` answers any
number of contrasts from that fit; ``voom_limma`` is the three in a row. Definitions as in limma 3.54.

References
----------
.. [1] Law, Chen, Shi, Smyth, Genome Biol 15, R29 (2014).
.. [2] Smyth, Stat Appl Genet Mol Biol 3, 3 (2004).
"""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.kernels.counts import check_counts, log2_cpm_of, tmm_factors_of
from analysis.kernels.empirical_bayes import ModeratedVariances, squeeze_variances, two_sided_p
from analysis.kernels.lowess import LowessCurve, fit_lowess

FloatArray = NDArray[np.float64]

VOOM_SPAN = 0.5  # limma::voom
RANK_TOLERANCE = 1e-7  # of a column's length; R's qr
MIN_COMBINATION = 1e-6  # of the largest part: smaller parts of a linear combination are rounding
NO_SCATTER = 1e-10  # log2; identical counts leave rounding errors of 1e-15
GENES_AT_ONCE = 1024  # keeps the normal equations of a block in the processor's cache


@dataclass(frozen=True)
class VoomTransform:
    """Log2 CPM with the precision of each observation.

    Attributes
    ----------
    log2_cpm, weights : pandas.DataFrame, shape (n_genes, n_samples)
        Weights are inverse variances.
    design : pandas.DataFrame, shape (n_samples, n_coefficients)
        Rows in the order of the counts' columns.
    tmm_factors, effective_library_size : pandas.Series, shape (n_samples,)
    trend : LowessCurve
        Square root of the residual standard deviation over log2 of the count.
    """

    log2_cpm: pd.DataFrame
    weights: pd.DataFrame
    design: pd.DataFrame
    tmm_factors: pd.Series
    effective_library_size: pd.Series
    trend: LowessCurve


@dataclass(frozen=True)
class GeneFit:
    """Weighted least squares of every gene on one design.

    Attributes
    ----------
    coefficients, stdev_unscaled : pandas.DataFrame, shape (n_genes, n_coefficients)
        Log2; standard error = stdev_unscaled x residual standard deviation.
    average_expression : pandas.Series, shape (n_genes,)
        Mean log2 CPM.
    residual_variance : pandas.Series, shape (n_genes,)
    df_residual : int
    moderated : ModeratedVariances
        With the hyperparameters ``df_prior`` and ``prior``.
    correlation_root : numpy.ndarray, shape (n_coefficients, n_coefficients)
        F with F'F the correlation of the coefficients in the unweighted design.
    """

    coefficients: pd.DataFrame
    stdev_unscaled: pd.DataFrame
    average_expression: pd.Series
    residual_variance: pd.Series
    df_residual: int
    moderated: ModeratedVariances
    correlation_root: FloatArray


def voom_limma(counts: pd.DataFrame, design: pd.DataFrame, contrasts: pd.DataFrame) -> dict[Hashable, pd.DataFrame]:
    """Test contrasts for differential expression.

    Parameters
    ----------
    counts : pandas.DataFrame, shape (n_genes, n_samples)
        Raw read counts of the genes that passed `counts.filter_by_expression`.
    design : pandas.DataFrame, shape (n_samples, n_coefficients)
        Indexed by sample, in any order; of full rank.
    contrasts : pandas.DataFrame, shape (n_coefficients, n_contrasts)
        Indexed by coefficient; a coefficient left out counts as 0.

    Returns
    -------
    dict of pandas.DataFrame, shape (n_genes, 5)
        By contrast: ``log2_fold_change``, ``average_expression`` (log2 CPM), ``t`` (moderated),
        ``p_value`` (two-sided), ``adj_p_value`` (Benjamini-Hochberg over the genes).

    Raises
    ------
    ValueError
        If the counts are not raw, labels do not match, the design is not of full rank or leaves no
        residual degrees of freedom, or a contrast cannot be estimated; names what is at fault.
    """
    design = _checked_design(design, counts, contrasts)
    return contrast_tables(fit_genes(voom(counts, design)), contrasts)


def voom(counts: pd.DataFrame, design: pd.DataFrame) -> VoomTransform:
    """Turn counts into log2 CPM and give each observation its precision.

    Parameters and errors as `voom_limma`.
    """
    values = check_counts(counts)
    design = _checked_design(design, counts)
    factors = tmm_factors_of(values)
    library_size = values.sum(axis=0) * factors
    log2_cpm = log2_cpm_of(values, library_size)
    basis, _ = np.linalg.qr(design.to_numpy())
    fitted = (log2_cpm @ basis) @ basis.T
    df_residual = basis.shape[0] - basis.shape[1]
    residual_sd = np.sqrt(np.square(log2_cpm - fitted).sum(axis=1) / df_residual)
    per_read = np.log2(library_size + 1) - np.log2(1e6)  # log2 count = log2 CPM + this
    detected = values.any(axis=1)
    if np.count_nonzero(detected) < 2:
        raise ValueError("a mean-variance trend needs at least two genes with reads")
    if np.median(residual_sd[detected]) < NO_SCATTER:
        raise ValueError("the design explains the counts without remainder, so their precision is unknown")
    mean_log2_count = log2_cpm[detected].mean(axis=1) + per_read.mean()
    trend = fit_lowess(mean_log2_count, np.sqrt(residual_sd[detected]), span=VOOM_SPAN)
    weights = trend.evaluate(fitted + per_read) ** -4.0
    return VoomTransform(
        log2_cpm=pd.DataFrame(log2_cpm, index=counts.index, columns=counts.columns),
        weights=pd.DataFrame(weights, index=counts.index, columns=counts.columns),
        design=design,
        tmm_factors=pd.Series(factors, index=counts.columns),
        effective_library_size=pd.Series(library_size, index=counts.columns),
        trend=trend,
    )


def fit_genes(transform: VoomTransform) -> GeneFit:
    """Fit every gene by weighted least squares and moderate the residual variances.

    The design is made orthonormal first: the normal equations are then as well conditioned as the
    weights are even, whatever the scale of a covariate.
    """
    log2_cpm, weights = transform.log2_cpm.to_numpy(), transform.weights.to_numpy()
    basis, triangle = np.linalg.qr(transform.design.to_numpy())
    scores = log2_cpm @ basis
    residuals = log2_cpm - scores @ basis.T  # weighted fit of these: the same fit, without cancellation
    back = np.linalg.inv(triangle)
    n_genes, n_coefficients = scores.shape
    coefficients = back @ scores.T
    stdev_unscaled = np.empty((n_coefficients, n_genes))
    residual_ss = np.empty(n_genes)
    for start in range(0, n_genes, GENES_AT_ONCE):
        block = slice(start, start + GENES_AT_ONCE)
        step, stdev_unscaled[:, block], residual_ss[block] = _weighted_steps(
            residuals[block], weights[block], basis, back
        )
        coefficients[:, block] += step
    df_residual = basis.shape[0] - n_coefficients
    genes, names = transform.log2_cpm.index, transform.design.columns
    variance = residual_ss / df_residual
    return GeneFit(
        coefficients=pd.DataFrame(coefficients.T, index=genes, columns=names),
        stdev_unscaled=pd.DataFrame(stdev_unscaled.T, index=genes, columns=names),
        average_expression=pd.Series(log2_cpm.mean(axis=1), index=genes),
        residual_variance=pd.Series(variance, index=genes),
        df_residual=df_residual,
        moderated=squeeze_variances(variance, np.full(n_genes, float(df_residual))),
        correlation_root=back.T / np.linalg.norm(back, axis=1),
    )


def contrast_tables(fit: GeneFit, contrasts: pd.DataFrame) -> dict[Hashable, pd.DataFrame]:
    """Test contrasts of a fit; see `voom_limma` for the tables.

    As limma's ``contrasts.fit``, the standard error of a contrast takes the correlation of the
    coefficients from the unweighted design, the same for every gene.
    """
    contrasts = _checked_contrasts(contrasts, fit.coefficients.columns)
    coefficients, stdev_unscaled = fit.coefficients.to_numpy().T, fit.stdev_unscaled.to_numpy().T
    moderated_sd = np.sqrt(fit.moderated.posterior)
    tables: dict[Hashable, pd.DataFrame] = {}
    for name, contrast in contrasts.items():
        multiples = contrast.to_numpy()
        used = np.flatnonzero(multiples)
        multiples = multiples[used]
        log2_fold_change = multiples @ coefficients[used]
        parts = fit.correlation_root[:, used] @ (stdev_unscaled[used] * multiples[:, None])
        t = log2_fold_change / (np.sqrt(np.einsum("ig,ig->g", parts, parts)) * moderated_sd)
        p_value = two_sided_p(t, fit.moderated.df_total)
        tables[name] = pd.DataFrame(
            {
                "log2_fold_change": log2_fold_change,
                "average_expression": fit.average_expression.to_numpy(),
                "t": t,
                "p_value": p_value,
                "adj_p_value": adjust_p_values(p_value),
            },
            index=fit.coefficients.index,
        )
    return tables


def adjust_p_values(p_values: FloatArray) -> FloatArray:
    """Benjamini-Hochberg false discovery rates of p-values, shape (n_tests,), none missing."""
    order = np.argsort(p_values)[::-1]
    ranks = np.arange(p_values.size, 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.minimum.accumulate(p_values[order] * (p_values.size / ranks)), 1.0)
    return adjusted


def linear_dependencies(design: pd.DataFrame) -> dict[Hashable, list[Hashable]]:
    """Columns of a design that follow from columns before them.

    Returns
    -------
    dict
        Dependent column -> the independent columns that it is a combination of (none: it is 0).
        Empty for a design of full rank.
    """
    columns = design.to_numpy(dtype=float)
    lengths = np.linalg.norm(columns, axis=0)
    independent: list[int] = []
    dependencies: dict[Hashable, list[Hashable]] = {}
    for j in range(columns.shape[1]):
        scaled = columns[:, independent] / lengths[independent]
        parts = np.linalg.lstsq(scaled, columns[:, j], rcond=None)[0]
        if np.linalg.norm(columns[:, j] - scaled @ parts) > RANK_TOLERANCE * lengths[j]:
            independent.append(j)
            continue
        sizes = np.abs(parts)
        involved = np.flatnonzero(sizes > MIN_COMBINATION * sizes.max(initial=0.0))
        dependencies[design.columns[j]] = [design.columns[independent[k]] for k in involved]
    return dependencies


def _weighted_steps(
    residuals: FloatArray, weights: FloatArray, basis: FloatArray, back: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """From the unweighted to the weighted fit of a block of genes, all genes at once.

    With the normal equations L L' of the orthonormal design, one forward substitution of the right
    side and of the inverse triangle gives coefficients, their spread and the residual sum of squares.
    Genes run along the last axis.
    """
    n_coefficients = basis.shape[1]
    rows, columns = np.tril_indices(n_coefficients)
    packed = (basis[:, rows] * basis[:, columns]).T @ weights.T
    normal = np.empty((n_coefficients, n_coefficients, residuals.shape[0]))
    normal[rows, columns] = packed
    factor = _cholesky(normal)
    weighted = weights * residuals
    right_side = np.empty((n_coefficients, n_coefficients + 1, residuals.shape[0]))
    right_side[:, 0] = basis.T @ weighted.T
    right_side[:, 1:] = back.T[:, :, None]
    solved = _substitute_forward(factor, right_side)
    scores, spread = solved[:, 0], solved[:, 1:]
    step = np.einsum("ijg,ig->jg", spread, scores)
    stdev_unscaled = np.sqrt(np.einsum("ijg,ijg->jg", spread, spread))
    residual_ss = np.einsum("gn,gn->g", weighted, residuals) - np.einsum("ig,ig->g", scores, scores)
    return step, stdev_unscaled, np.maximum(residual_ss, 0.0)


def _cholesky(normal: FloatArray) -> FloatArray:
    """Lower Cholesky factors of matrices (p, p, n), in place; what is above the diagonal is not read."""
    for j in range(normal.shape[0]):
        if j:
            normal[j:, j] -= np.einsum("ikg,kg->ig", normal[j:, :j], normal[j, :j])
        np.sqrt(normal[j, j], out=normal[j, j])
        normal[j + 1 :, j] /= normal[j, j]
    return normal


def _substitute_forward(factor: FloatArray, right_side: FloatArray) -> FloatArray:
    """Solve L X = B for matrices (p, p, n) and (p, m, n), in place."""
    for i in range(factor.shape[0]):
        if i:
            right_side[i] -= np.einsum("kg,kmg->mg", factor[i, :i], right_side[:i])
        right_side[i] /= factor[i, i]
    return right_side


def _checked_design(design: pd.DataFrame, counts: pd.DataFrame, contrasts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the design as floats in the order of the samples, or say what is wrong with it."""
    if not isinstance(design, pd.DataFrame) or design.empty:
        raise ValueError("design must be a DataFrame with samples in rows and coefficients in columns")
    if not (design.index.is_unique and design.columns.is_unique):
        raise ValueError("design must have one row per sample and one column per coefficient")
    for side, missing in (
        ("design", counts.columns[~counts.columns.isin(design.index)]),
        ("counts", design.index[~design.index.isin(counts.columns)]),
    ):
        if len(missing):
            raise ValueError(f"{side} must hold every sample; it has no {_listed(missing)}")
    design = design.loc[counts.columns].astype(float)
    unknown = ~np.isfinite(design.to_numpy())
    if unknown.any():
        row, column = divmod(int(np.argmax(unknown)), unknown.shape[1])
        raise ValueError(f"design must be finite; {design.columns[column]} is not for {design.index[row]}")
    _refuse_dependencies(design, contrasts)
    if design.shape[0] <= design.shape[1]:
        raise ValueError(
            f"{design.shape[0]} samples and {design.shape[1]} coefficients leave no residual degrees of "
            "freedom; add replicates or drop covariates"
        )
    return design


def _refuse_dependencies(design: pd.DataFrame, contrasts: pd.DataFrame | None) -> None:
    dependencies = linear_dependencies(design)
    if not dependencies:
        return
    sentences = [
        f"{column} is confounded with {_listed(others)}" if others else f"{column} is 0 in every sample"
        for column, others in dependencies.items()
    ]
    lost: list[Hashable] = []
    if contrasts is not None:
        known = _checked_contrasts(contrasts, design.columns)
        lost = [name for name in known if not _is_estimable(design.to_numpy(), known[name].to_numpy())]
    remedy = f"cannot be estimated: {_listed(lost)}" if lost else "leave one column of each out"
    raise ValueError(f"design is not of full rank: {'; '.join(sentences)}; {remedy}")


def _is_estimable(design: FloatArray, contrast: FloatArray) -> bool:
    """Tell whether a contrast is a combination of the rows of a design."""
    lengths = np.linalg.norm(design, axis=0)
    scale = 1 / np.where(lengths > 0, lengths, 1.0)
    rows, contrast = (design * scale).T, contrast * scale
    combination = np.linalg.lstsq(rows, contrast, rcond=RANK_TOLERANCE)[0]
    return bool(np.linalg.norm(rows @ combination - contrast) <= RANK_TOLERANCE * np.linalg.norm(contrast))


def _checked_contrasts(contrasts: pd.DataFrame, coefficients: pd.Index) -> pd.DataFrame:
    if not isinstance(contrasts, pd.DataFrame) or contrasts.empty:
        raise ValueError("contrasts must be a DataFrame with coefficients in rows and names in columns")
    if not (contrasts.index.is_unique and contrasts.columns.is_unique):
        raise ValueError("contrasts must have one row per coefficient and one column per name")
    unknown = contrasts.index[~contrasts.index.isin(coefficients)]
    if len(unknown):
        raise ValueError(f"contrasts name {_listed(unknown)}; the design has {_listed(coefficients)}")
    contrasts = contrasts.astype(float)
    for name, contrast in contrasts.items():
        if not np.isfinite(contrast.to_numpy()).all():
            raise ValueError(f"contrast {name} must be finite")
        if not contrast.to_numpy().any():
            raise ValueError(f"contrast {name} compares nothing: every coefficient is 0")
    return contrasts.reindex(coefficients, fill_value=0.0)


def _listed(labels: pd.Index | list[Hashable]) -> str:
    shown = ", ".join(str(label) for label in labels[:8])
    return shown if len(labels) <= 8 else f"{shown} and {len(labels) - 8} more"
