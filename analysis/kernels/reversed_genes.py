"""Which genes a drug moves back: two lists, one that rests on the region's p-value and a strict one.

The merged signature a0 (susceptible and treated together, less control) is independent of the drug
signature b, so genes may be picked by a0 without biasing b. "Differential in S - C and in D - S with
opposite sign" may not: the shared mice alone make a hundred such genes in ten thousand.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from analysis.kernels.empirical_bayes import squeeze_variances, two_sided_p
from analysis.kernels.reversal_design import drug_design, label_contrasts, stress_contrasts
from analysis.kernels.reversal_inputs import BoolArray, FloatArray, read_samples
from analysis.kernels.reversal_messages import refuse_design, refuse_groups

MAX_MERGED_P = 0.01  # picks the genes of the list; simulated
MAX_Q = 0.05
MAX_REGION_P = 0.05  # the list is shown only where the region's signature is reversed


def reversed_genes(
    expression: pd.DataFrame,
    groups: pd.Series,
    *,
    treated: str,
    stress: str = "susceptible",
    control: str = "control",
    pools: pd.Series | None = None,
    region_p_value: float | None = None,
    weights: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """List the genes whose stress effect a drug moves back, in one region.

    Parameters
    ----------
    expression : pandas.DataFrame, shape (n_genes, n_samples)
        log2 counts per million.
    groups : pandas.Series, shape (n_samples,)
        Group by sample; every group adds to the residual variance.
    treated, stress, control : str
        The groups compared.
    pools : pandas.Series, shape (n_samples,), optional
        Sequencing run by sample.
    region_p_value : float, optional
        p of `reversal_test` in this region. Without it, or above .05, nothing is ``listed``.
    weights : pandas.DataFrame, shape (n_genes, n_samples), optional
        Precision weights, as voom gives; without them plain least squares.

    Returns
    -------
    pandas.DataFrame, shape (n_genes, 9)
        ``t_stress``, ``t_merged``, ``t_drug`` moderated t of a, a0 and b; ``p_merged`` two-sided;
        ``p_drug`` one-sided, b opposite to a0; ``q_value`` of p_drug among genes with p_merged at
        most .01, else NaN; ``listed``; ``q_strict`` over all genes of max(two-sided p of a, one-sided
        p of b opposite to a); ``listed_strict``. Where the groups or runs allow no contrast all are
        NaN and False, and ``attrs["messages"]`` holds the code of the refusal.

    Raises
    ------
    ValueError
        If the input is malformed.
    """
    if region_p_value is not None and not 0 <= region_p_value <= 1:
        raise ValueError(f"region_p_value must be between 0 and 1; got {region_p_value}")
    samples = read_samples(expression, groups, pools, treated=treated, stress=stress, control=control)
    precision = None if weights is None else _checked_weights(weights, samples.genes, samples.samples)
    code = refuse_groups(samples)
    if code is not None:
        return _refused(samples.genes, code)
    design = drug_design(samples)
    code = refuse_design(samples, design)
    if code is not None:
        return _refused(samples.genes, code)
    label = design.is_labeled.astype(float)
    drug = label_contrasts(design, label)
    stress_contrast = stress_contrasts(design, label, drug)
    contrasts = np.column_stack([stress_contrast, design.estimable_contrast(), drug])
    fit = _fit(samples.expression, contrasts, _fitted_space(design.residuals.basis, drug), precision)
    return _frame(samples.genes, fit, region_p_value is not None and region_p_value <= MAX_REGION_P)


def _checked_weights(weights: pd.DataFrame, genes: pd.Index, samples: pd.Index) -> FloatArray:
    if (
        set(weights.index) != set(genes)
        or set(weights.columns) != set(samples)
        or weights.shape
        != (
            len(genes),
            len(samples),
        )
    ):
        raise ValueError("weights must have the genes and samples of expression, each once")
    aligned = weights.loc[genes, samples]
    values = aligned.to_numpy(dtype=float)
    bad = ~(np.isfinite(values) & (values > 0))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(f"weights must be positive; got {values[row, column]} for {genes[row]} in {samples[column]}")
    return values


def _fitted_space(merged_residuals: FloatArray, drug: FloatArray) -> FloatArray:
    """Orthonormal basis of what the full model fits: all that the merged design fits, and the drug."""
    left, _, _ = np.linalg.svd(merged_residuals, full_matrices=True)
    return np.column_stack([left[:, merged_residuals.shape[1] :], drug / np.linalg.norm(drug)])


@dataclass(frozen=True)
class _ModeratedFit:
    """t of stress, merged and drug contrast (columns) per gene, and their degrees of freedom."""

    t: FloatArray
    df: FloatArray


def _fit(expression: FloatArray, contrasts: FloatArray, space: FloatArray, weights: FloatArray | None) -> _ModeratedFit:
    """Least squares per gene. A contrast c'y of the fitted space is c'Q g, g the coefficients on Q."""
    n_samples, rank = space.shape
    along = space.T @ contrasts
    if weights is None:
        coefficients = expression @ space
        unscaled = np.broadcast_to(np.sum(along**2, axis=0), (len(expression), contrasts.shape[1]))
        residuals = expression - coefficients @ space.T
        sum_of_squares = np.einsum("gi,gi->g", residuals, residuals)
    else:
        products = np.einsum("ij,ik->ijk", space, space).reshape(n_samples, rank * rank)
        normal = (weights @ products).reshape(-1, rank, rank)
        coefficients = np.linalg.solve(normal, ((weights * expression) @ space)[..., None])[..., 0]
        solved = np.linalg.solve(normal, np.broadcast_to(along, (len(normal), *along.shape)))
        unscaled = np.einsum("jc,gjc->gc", along, solved)
        residuals = expression - coefficients @ space.T
        sum_of_squares = np.einsum("gi,gi,gi->g", weights, residuals, residuals)
    df = n_samples - rank
    moderated = squeeze_variances(sum_of_squares / df, np.full(len(expression), float(df)))
    error = np.sqrt(unscaled * moderated.posterior[:, None])
    t = np.divide(coefficients @ along, error, out=np.full(error.shape, np.nan), where=error > 0)
    return _ModeratedFit(t, moderated.df_total)


def _frame(genes: pd.Index, fit: _ModeratedFit, is_gate_open: bool) -> pd.DataFrame:
    stress, merged, drug = fit.t.T
    p_merged = two_sided_p(merged, fit.df)
    p_drug = _p_opposite(drug, merged, fit.df)
    q_value = _adjusted(p_drug, p_merged <= MAX_MERGED_P)
    strict = np.maximum(two_sided_p(stress, fit.df), _p_opposite(drug, stress, fit.df))
    q_strict = _adjusted(strict, np.isfinite(strict))
    return pd.DataFrame(
        {
            "t_stress": stress,
            "t_merged": merged,
            "t_drug": drug,
            "p_merged": p_merged,
            "p_drug": p_drug,
            "q_value": q_value,
            "listed": (q_value <= MAX_Q) & is_gate_open,
            "q_strict": q_strict,
            "listed_strict": q_strict <= MAX_Q,
        },
        index=genes,
    )


def _p_opposite(t: FloatArray, reference: FloatArray, df: FloatArray) -> FloatArray:
    """One-sided p of t in the direction opposite to that of the reference."""
    half = two_sided_p(t, df) / 2
    return np.where(t * np.sign(reference) < 0, half, 1 - half)


def _adjusted(p: FloatArray, chosen: BoolArray) -> FloatArray:
    """Benjamini-Hochberg within the chosen genes; NaN elsewhere."""
    q = np.full(len(p), np.nan)
    if chosen.any():
        q[chosen] = false_discovery_control(p[chosen], method="bh")
    return q


def _refused(genes: pd.Index, code: str) -> pd.DataFrame:
    numbers = ["t_stress", "t_merged", "t_drug", "p_merged", "p_drug", "q_value"]
    frame = pd.DataFrame(np.nan, index=genes, columns=[*numbers, "listed", "q_strict", "listed_strict"])
    frame = frame.astype({"listed": bool, "listed_strict": bool})
    frame[["listed", "listed_strict"]] = False
    frame.attrs["messages"] = (code,)
    return frame
