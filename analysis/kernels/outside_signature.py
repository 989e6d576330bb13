"""Does a signature from elsewhere show in the study's own mice?

The signature was learnt from other animals, so nothing of it is shared with the comparison: without an
effect their correlation is 0, and animals whose labels are exchanged say how far chance takes it. Genes
move together and are no replicates: animals are.

References
----------
.. [1] van der Waerden, Indag Math 14, 453-458 (1952): normal scores of ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata
from scipy.stats import t as student

from analysis.kernels.reversal_design import (
    MAX_EXHAUSTIVE,
    N_RANDOM,
    SMALL,
    MergedDesign,
    count_relabelings,
    make_relabelings,
    project,
)
from analysis.kernels.reversal_inputs import BoolArray, FloatArray, IntArray
from analysis.kernels.reversal_messages import MIN_GROUP_SIZE, MIN_RELABELINGS

MIN_GENES = 15  # as of a gene set: fewer make no signature
NULL_SHARE = 0.95
TIE = 1e-10
REFUSED_TOO_FEW_MICE = "REFUSED_TOO_FEW_MICE"
REFUSED_TOO_FEW_GENES = "REFUSED_TOO_FEW_GENES"
REFUSED_NO_ORDER = "REFUSED_NO_ORDER"
REFUSED_CONFOUNDED = "REFUSED_CONFOUNDED"
TOO_FEW_RELABELINGS = "TOO_FEW_RELABELINGS"
MESSAGES = {
    REFUSED_TOO_FEW_MICE: "Needs at least {min_mice} mice on each side; there are {n_numerator} and {n_denominator}.",
    REFUSED_TOO_FEW_GENES: "Only {n_genes} genes of the signature are measured here; at least {min_genes} are needed.",
    REFUSED_NO_ORDER: "All genes of the signature that are measured here have one value; it orders nothing.",
    REFUSED_CONFOUNDED: "The two sides never share a stratum (sequencing run); run and group cannot be separated.",
    TOO_FEW_RELABELINGS: (
        "Only {n_relabelings} relabelings exist within strata, too few for a p-value; none is given."
    ),
}


@dataclass(frozen=True)
class OutsideSignatureTest:
    """Answer of `outside_signature_test`; what cannot be known is None, and `messages` says why.

    Attributes
    ----------
    scores : pandas.Series or None
        By sample: place along the signature, mean 0 and SD 1 over all mice given.
    difference : float or None
        Of the adjusted mean scores, numerator - denominator (SD of mice).
    difference_interval : tuple of float or None
        95 %, as of a linear model of the scores.
    correlation : float or None
        Between the signature (normal scores) and the comparison, over genes.
    correlation_null : tuple of float or None
        Range that holds 95 % of the relabelings.
    p_value, p_floor : float or None
        Two-sided, of the difference; the smallest it could be.
    n_relabelings, n_relabelings_available : int or None
        Used, the true labeling included; in existence.
    n_genes, n_numerator, n_denominator : int
    messages, sentences : tuple of str
        Codes of `MESSAGES`; the same in words.
    """

    scores: pd.Series | None
    difference: float | None = None
    difference_interval: tuple[float, float] | None = None
    correlation: float | None = None
    correlation_null: tuple[float, float] | None = None
    p_value: float | None = None
    p_floor: float | None = None
    n_relabelings: int | None = None
    n_relabelings_available: int | None = None
    n_genes: int = 0
    n_numerator: int = 0
    n_denominator: int = 0
    messages: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()


def normal_scores(values: pd.Series) -> pd.Series:
    """Return the normal scores of ranks, centered and of length 1; tied values share their mean rank.

    Values that are all equal give zeros.
    """
    scores = norm.ppf((rankdata(values) - 0.5) / len(values))
    scores = scores - scores.mean()
    length = float(np.linalg.norm(scores))
    return pd.Series(scores / length if length > SMALL else np.zeros(len(values)), index=values.index)


def outside_signature_test(
    expression: pd.DataFrame,
    signature: pd.Series,
    groups: pd.Series,
    *,
    numerator: Sequence[str],
    denominator: Sequence[str],
    strata: pd.Series | None = None,
    covariates: pd.DataFrame | None = None,
    seed: int = 0,
    max_exhaustive: int = MAX_EXHAUSTIVE,
    n_random: int = N_RANDOM,
) -> OutsideSignatureTest:
    """Test whether one comparison of the study moves mice along a signature from other animals.

    Parameters
    ----------
    expression : pandas.DataFrame, shape (n_genes, n_samples)
        log2 counts per million; finite.
    signature : pandas.Series
        By gene, large where it is up; only its order counts. Genes that either side lacks, and those
        that are constant here, take no part.
    groups : pandas.Series, shape (n_samples,)
        Groups beside those compared are bystanders.
    numerator, denominator : sequence of str
        Groups of either side; each mouse of a side counts alike.
    strata : pandas.Series, optional
        Labels are exchanged within them (sequencing runs).
    covariates : pandas.DataFrame, optional
        Numbers by sample that the comparison is adjusted for; those of the strata are to be among them.
    seed, max_exhaustive, n_random : int
        Of the relabelings, as in `reversal.reversal_test`.

    Returns
    -------
    OutsideSignatureTest

    Raises
    ------
    ValueError
        If genes, samples or groups repeat or do not match, or a value is missing.
    """
    _check(expression, signature, groups, numerator, denominator)
    genes, standardized = _standardized(expression, signature)
    ordered = groups.reindex(expression.columns).astype(str)
    labeled = ordered.isin(numerator).to_numpy()
    merged = labeled | ordered.isin(denominator).to_numpy()
    sizes: dict[str, Any] = {
        "n_genes": len(genes), "n_numerator": int(labeled.sum()), "n_denominator": int((merged & ~labeled).sum()),
    }  # fmt: skip
    answer = OutsideSignatureTest(scores=None, **sizes)
    if len(genes) < MIN_GENES:
        return _with_words(answer, REFUSED_TOO_FEW_GENES)
    weights = normal_scores(signature[genes]).to_numpy()
    if not weights.any():
        return _with_words(answer, REFUSED_NO_ORDER)
    raw = standardized.T @ weights
    spread = float(raw.std(ddof=1))
    scores = (raw - raw.mean()) / (spread if spread > SMALL else 1.0)
    answer = replace(answer, scores=pd.Series(scores, index=expression.columns, name="score"))
    if min(sizes["n_numerator"], sizes["n_denominator"]) < MIN_GROUP_SIZE:
        return _with_words(answer, REFUSED_TOO_FEW_MICE)
    design = _design(ordered, merged, labeled, strata, covariates)
    if design.label_spread() < SMALL or count_relabelings(design) < 2:
        return _with_words(answer, REFUSED_CONFOUNDED)
    labels = make_relabelings(
        design, np.random.default_rng((seed, 0)), max_exhaustive=max_exhaustive, n_random=n_random
    )
    return _tested(answer, design, labels, standardized, raw, scores)


def _check(
    expression: pd.DataFrame,
    signature: pd.Series,
    groups: pd.Series,
    numerator: Sequence[str],
    denominator: Sequence[str],
) -> None:
    for what, index in (("expression", expression.index), ("signature", signature.index)):
        if not index.is_unique:
            raise ValueError(f"{what} must have each gene once; {index[index.duplicated()][0]} comes twice")
    if not expression.columns.is_unique or not groups.index.is_unique:
        raise ValueError("each sample must come once")
    missing = expression.columns.difference(groups.index)
    if len(missing):
        raise ValueError(f"groups has no value for {missing[0]}")
    if not np.isfinite(expression.to_numpy(dtype=float)).all() or not np.isfinite(signature.to_numpy(float)).all():
        raise ValueError("expression and signature must be finite")
    if set(numerator) & set(denominator):
        raise ValueError(f"{sorted(set(numerator) & set(denominator))[0]} stands on both sides")


def _standardized(expression: pd.DataFrame, signature: pd.Series) -> tuple[pd.Index, FloatArray]:
    """Genes of both that vary, each with mean 0 and SD 1 over all mice: no label enters."""
    genes = expression.index.intersection(signature.index)
    values = expression.loc[genes].to_numpy(dtype=float)
    centered = values - values.mean(axis=1, keepdims=True)
    spread = centered.std(axis=1, ddof=1) if values.shape[1] > 1 else np.zeros(len(values))
    varies = spread > SMALL
    return genes[varies], centered[varies] / spread[varies, None]


def _design(
    groups: pd.Series, merged: BoolArray, labeled: BoolArray, strata: pd.Series | None, covariates: pd.DataFrame | None
) -> MergedDesign:
    columns = [merged[:, None].astype(float)]
    others = pd.get_dummies(groups.mask(merged), dtype=float).to_numpy()
    columns.append(others.reshape(len(groups), -1))
    if covariates is not None and covariates.shape[1]:
        columns.append(covariates.reindex(groups.index).to_numpy(dtype=float))
    pool: IntArray | None = None
    if strata is not None:
        pool = pd.factorize(strata.reindex(groups.index).astype(str), sort=True)[0].astype(np.intp)
    return MergedDesign(project(np.hstack(columns)), None, merged, labeled, pool)


def _tested(
    answer: OutsideSignatureTest,
    design: MergedDesign,
    labels: FloatArray,
    standardized: FloatArray,
    raw: FloatArray,
    scores: FloatArray,
) -> OutsideSignatureTest:
    left = labels @ design.residuals.basis
    spread = np.sum(left**2, axis=1)
    known = spread > SMALL  # a covariate that is no stratum can take a labeling's place
    contrasts = left[known] @ design.residuals.basis.T / spread[known, None]
    differences = contrasts @ scores
    lengths = np.einsum("ri,ij,rj->r", contrasts, standardized.T @ standardized, contrasts, optimize=True)
    lengths -= len(standardized) * (contrasts @ standardized.mean(axis=0)) ** 2
    correlations = (contrasts @ raw) / np.sqrt(np.maximum(lengths, SMALL))
    n_available = count_relabelings(design)
    has_p = n_available >= MIN_RELABELINGS and len(differences) > 1
    extreme = np.abs(differences) >= abs(differences[0]) - TIE * np.abs(differences).max()
    low, high = np.quantile(correlations[1:], [(1 - NULL_SHARE) / 2, (1 + NULL_SHARE) / 2])
    found = replace(
        answer,
        difference=float(differences[0]),
        difference_interval=_interval(design, contrasts[0], scores, float(differences[0])),
        correlation=float(correlations[0]),
        correlation_null=(float(low), float(high)) if has_p else None,
        p_value=float(np.mean(extreme)) if has_p else None,
        p_floor=_floor(design, len(differences), n_available) if has_p else None,
        n_relabelings=len(differences),
        n_relabelings_available=n_available,
    )
    return found if has_p else _with_words(found, TOO_FEW_RELABELINGS)


def _floor(design: MergedDesign, n_used: int, n_available: int) -> float:
    """The smallest p: where both sides have equally many in each stratum, a labeling comes with its mirror image."""
    pool = np.zeros(len(design.is_merged), dtype=np.intp) if design.pool is None else design.pool
    sides = [pool[design.is_labeled], pool[design.is_merged & ~design.is_labeled]]
    first, second = (np.bincount(side, minlength=int(pool.max()) + 1) for side in sides)
    is_mirrored = n_used == n_available and bool((first == second).all())
    return (2 if is_mirrored else 1) / n_used


def _interval(
    design: MergedDesign, contrast: FloatArray, scores: FloatArray, difference: float
) -> tuple[float, float] | None:
    """Of the linear model with the labels as they are."""
    df = design.residuals.df - 1
    if df < 1:
        return None
    residuals = design.residuals.residual_maker @ scores
    direction = contrast / np.linalg.norm(contrast)
    residuals = residuals - direction * (direction @ residuals)
    se = float(np.sqrt(residuals @ residuals / df) * np.linalg.norm(contrast))
    reach = float(student.isf((1 - NULL_SHARE) / 2, df)) * se
    return difference - reach, difference + reach


def _with_words(answer: OutsideSignatureTest, code: str) -> OutsideSignatureTest:
    numbers = {
        "n_genes": answer.n_genes, "min_genes": MIN_GENES, "min_mice": MIN_GROUP_SIZE,
        "n_numerator": answer.n_numerator, "n_denominator": answer.n_denominator,
        "n_relabelings": answer.n_relabelings_available,
    }  # fmt: skip
    return replace(
        answer, messages=(*answer.messages, code), sentences=(*answer.sentences, MESSAGES[code].format(**numbers))
    )
