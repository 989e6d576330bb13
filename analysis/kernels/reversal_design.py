"""Design algebra of the reversal test: least-squares contrasts, relabelings, left-out mice.

Letters are those of the equations in the docstrings: M0 residual maker with the two groups under
comparison merged, d indicator of the labeled group, M residual maker with them apart.
"""

import math
from dataclasses import dataclass
from itertools import combinations, islice, product

import numpy as np

from analysis.kernels.reversal_inputs import BoolArray, FloatArray, IntArray, RegionSamples

MAX_EXHAUSTIVE = 5_000  # relabelings that are all listed; more are drawn at random
N_RANDOM = 1_999  # with the true labeling 2,000: p moves in steps of .0005
SMALL = 1e-8  # a mouse with less leverage left over is fitted perfectly: leaving it out changes nothing


def indicator_columns(numbers: IntArray) -> FloatArray:
    """One 0/1 column per level; -1 belongs to none."""
    return (numbers[:, None] == np.arange(numbers.max(initial=-1) + 1)).astype(float)


def run_columns(pool: IntArray | None, n_samples: int) -> FloatArray:
    """One column per pool, one of them redundant beside groups; no column without pools."""
    return np.zeros((n_samples, 0)) if pool is None else indicator_columns(pool)


@dataclass(frozen=True)
class Projection:
    """The space that a design leaves to residuals.

    Attributes
    ----------
    basis : numpy.ndarray, shape (n_samples, df)
        Orthonormal basis of the residuals.
    rank : int
        Rank of the design.
    """

    basis: FloatArray
    rank: int

    @property
    def df(self) -> int:
        """Residual degrees of freedom."""
        return self.basis.shape[1]

    @property
    def residual_maker(self) -> FloatArray:
        """I - X X^+."""
        return self.basis @ self.basis.T


def project(design: FloatArray) -> Projection:
    """Split sample space into what the design fits and the residuals."""
    left, singular, _ = np.linalg.svd(design, full_matrices=True)
    tolerance = max(design.shape) * np.finfo(float).eps * singular.max(initial=0.0)
    rank = int((singular > tolerance).sum())
    return Projection(left[:, rank:], rank)


@dataclass(frozen=True)
class MergedDesign:
    """Design in which the two groups under comparison are one.

    X0 = [other group | the two groups merged | one column per bystander group | pools];
    M0 = I - X0 X0^+;  pa = (row of X0^+ for merged) - (row for other).

    Attributes
    ----------
    residuals : Projection
        Of X0.
    merged_contrast : numpy.ndarray, shape (n_samples,), or None
        pa: merged minus other group; None when the runs make it inestimable.
    is_merged, is_labeled : numpy.ndarray of bool, shape (n_samples,)
        Mice of the two groups; those that carry the label in truth.
    pool : numpy.ndarray of int or None
        Relabeling stays inside pools.
    """

    residuals: Projection
    merged_contrast: FloatArray | None
    is_merged: BoolArray
    is_labeled: BoolArray
    pool: IntArray | None

    def estimable_contrast(self) -> FloatArray:
        """pa, where it exists."""
        if self.merged_contrast is None:
            raise ValueError("the runs leave no contrast of the merged groups with the other")
        return self.merged_contrast

    def label_spread(self) -> float:
        """d'M0 d: what is left of the label after groups and runs. Equal for all relabelings."""
        return float(np.sum((self.residuals.basis.T @ self.is_labeled.astype(float)) ** 2))


def merge_groups(samples: RegionSamples, other: BoolArray, unlabeled: BoolArray, labeled: BoolArray) -> MergedDesign:
    """Build the design that merges `unlabeled` and `labeled` mice."""
    merged = unlabeled | labeled
    columns = [
        other[:, None].astype(float),
        merged[:, None].astype(float),
        indicator_columns(samples.bystander),
        run_columns(samples.pool, len(merged)),
    ]
    design = np.hstack(columns)
    inverse = np.linalg.pinv(design)
    contrast = inverse[1] - inverse[0]
    wanted = np.zeros(design.shape[1])
    wanted[:2] = -1.0, 1.0
    estimable = np.allclose(contrast @ design, wanted, atol=SMALL)
    return MergedDesign(project(design), contrast if estimable else None, merged, labeled, samples.pool)


def drug_design(samples: RegionSamples) -> MergedDesign:
    """Susceptible and treated mice merged: relabeling asks what the drug did."""
    return merge_groups(samples, samples.is_control, samples.is_stress, samples.is_treated)


def stress_design(samples: RegionSamples) -> MergedDesign:
    """Control and susceptible mice merged: relabeling asks whether there is a stress signature."""
    return merge_groups(samples, samples.is_treated, samples.is_control, samples.is_stress)


def label_contrasts(design: MergedDesign, labels: FloatArray) -> FloatArray:
    """c2 = M0 d / (d'M0 d) for each row d of `labels`: labeled minus unlabeled mice.

    Returns an array of the shape of `labels`.
    """
    basis = design.residuals.basis
    return (labels @ basis) @ basis.T / design.label_spread()


def stress_contrasts(design: MergedDesign, labels: FloatArray, label_contrast: FloatArray) -> FloatArray:
    """c1 = pa - (pa.d) c2: the stress signature S - C under each labeling of the treated mice."""
    merged = design.estimable_contrast()
    return merged - (labels @ merged)[..., None] * label_contrast


def full_residual_maker(design: MergedDesign, label_contrast: FloatArray) -> FloatArray:
    """M = M0 - q q' with q = c2 / |c2|: residual maker with all groups apart."""
    q = label_contrast / np.linalg.norm(label_contrast)
    return design.residuals.residual_maker - np.outer(q, q)


def leave_out(estimator: FloatArray, residual_maker: FloatArray, mouse: int) -> FloatArray:
    """c - (c_i / M_ii) M e_i: the least-squares estimator (last axis: mice) without one mouse.

    A mouse that is fitted perfectly leaves the estimator as it is.
    """
    leverage_left = residual_maker[mouse, mouse]
    if leverage_left <= SMALL:
        return estimator
    return estimator - estimator[..., mouse, None] * (residual_maker[mouse] / leverage_left)


def _pool_members(design: MergedDesign) -> list[IntArray]:
    pool = np.zeros(len(design.is_merged), dtype=np.intp) if design.pool is None else design.pool
    members = [np.flatnonzero(design.is_merged & (pool == number)) for number in np.unique(pool)]
    return [mice for mice in members if len(mice)]


def count_relabelings(design: MergedDesign) -> int:
    """R = prod_h C(m_h, s_h): re-assignments inside pools with the numbers per pool kept."""
    return math.prod(math.comb(len(mice), int(design.is_labeled[mice].sum())) for mice in _pool_members(design))


def make_relabelings(
    design: MergedDesign, rng: np.random.Generator, *, max_exhaustive: int, n_random: int
) -> FloatArray:
    """Labels under each relabeling, the identity first.

    Parameters
    ----------
    max_exhaustive : int
        All relabelings are listed when there are no more than this.
    n_random : int
        Otherwise so many are drawn, beside the identity.

    Returns
    -------
    numpy.ndarray, shape (n_relabelings, n_samples)
        1.0 for labeled mice.
    """
    if count_relabelings(design) > max_exhaustive:
        return _drawn_relabelings(design, rng, n_random)
    choices = [
        [np.array(chosen, dtype=np.intp) for chosen in combinations(mice, int(design.is_labeled[mice].sum()))]
        for mice in _pool_members(design)
    ]
    every = list(islice(product(*choices), max_exhaustive))
    labels = np.zeros((len(every), len(design.is_merged)))
    for row, chosen in zip(labels, every, strict=True):
        row[np.concatenate(chosen)] = 1.0
    is_identity = (labels == design.is_labeled).all(axis=1)
    return np.vstack([labels[is_identity], labels[~is_identity]])


def _drawn_relabelings(design: MergedDesign, rng: np.random.Generator, n_random: int) -> FloatArray:
    labels = np.tile(design.is_labeled.astype(float), (n_random + 1, 1))
    for mice in _pool_members(design):
        labels[1:, mice] = rng.permuted(labels[1:, mice], axis=1)
    return labels
