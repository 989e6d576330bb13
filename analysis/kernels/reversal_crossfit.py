"""The cross-fitted statistic of the reversal test for every relabeling.

For one labeling with treated mice D* and stressed mice S*, and each mouse i in S*:

    m = M e_i;  c1(i) = c1 - (c1_i / M_ii) m;  M(i) = M - m m' / M_ii        (mouse i left out)
    f = nS c2 - (nS - 1) c2(i) = c2 + (nS - 1) (c2_i / M_ii) m               (pseudo-value)
    T_i = f'K0 c1(i) - sum_j (v_j'K0 f) (v_j'K0 c1(i)) / ev_j

with (ev_j, v_j) the k largest eigenpairs of M(i) K0 M(i). The statistic is the mean of T_i over S*.
Leaving mouse i out keeps its noise out of the product of the two contrasts, so nothing needs
correcting when the groups differ in spread.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.kernels.reversal_design import (
    SMALL,
    MergedDesign,
    full_residual_maker,
    label_contrasts,
    leave_out,
    stress_contrasts,
)
from analysis.kernels.reversal_inputs import BoolArray, FloatArray
from analysis.kernels.reversal_weights import n_directions
from analysis.kernels.secular import gaps_to_roots, is_well_separated

Progress = Callable[[int, int], None]

BLOCK_RELABELINGS = 64  # enough that calls cost little, few enough to stay in the processor's cache


def n_learned_directions(design: MergedDesign) -> int:
    """k = min(5, (N - rank(X0) - 2) // 3)."""
    return n_directions(design.residuals.df - 2)


def crossfitted_statistics(
    gram: FloatArray, design: MergedDesign, labels: FloatArray, progress: Progress | None = None
) -> FloatArray:
    """Compute the mean of T_i over S* for every relabeling.

    Every relabeling differs from the merged design by one direction, and every left-out mouse by
    one more: two rank-one projections of one fixed eigendecomposition. Where the secular equation
    would lose digits (fewer genes than mice, ties) the formula is evaluated as it stands.

    Parameters
    ----------
    gram : numpy.ndarray, shape (n_samples, n_samples)
        K0.
    design : MergedDesign
        With susceptible and treated mice merged.
    labels : numpy.ndarray, shape (n_relabelings, n_samples)
        1.0 for mice labeled treated.
    progress : callable, optional
        Called with the numbers of relabelings done and to do.

    Returns
    -------
    numpy.ndarray, shape (n_relabelings,)
    """
    merged = _decompose(gram, design)
    statistics = np.empty(len(labels))
    for start in range(0, len(labels), BLOCK_RELABELINGS):
        block = slice(start, start + BLOCK_RELABELINGS)
        statistics[block] = _block_statistics(gram, design, labels[block], merged)
        if progress is not None:
            progress(min(block.stop, len(labels)), len(labels))
    return statistics


def literal_statistic(gram: FloatArray, design: MergedDesign, label: FloatArray) -> float:
    """Evaluate the formula for one labeling as it stands: one eigendecomposition per left-out mouse."""
    c2 = label_contrasts(design, label)
    c1 = stress_contrasts(design, label, c2)
    residual_maker = full_residual_maker(design, c2)
    mice = np.flatnonzero(design.is_merged & (label == 0))
    n_directions = n_learned_directions(design)
    total = 0.0
    for mouse in map(int, mice):
        c1_left_out = leave_out(c1, residual_maker, mouse)
        pseudo = len(mice) * c2 - (len(mice) - 1) * leave_out(c2, residual_maker, mouse)
        left_out = leave_out(residual_maker, residual_maker, mouse)
        eigenvalues, vectors = np.linalg.eigh(left_out @ gram @ left_out)
        total += float(pseudo @ gram @ c1_left_out)
        for value, vector in zip(eigenvalues[::-1][:n_directions], vectors.T[::-1], strict=False):
            if value > SMALL * eigenvalues[-1]:
                along = left_out @ vector
                total -= float((along @ gram @ pseudo) * (along @ gram @ c1_left_out) / value)
    return total / len(mice)


@dataclass(frozen=True)
class _Decomposition:
    """M0 K0 M0 = V diag(x) V' within the residual space; x descending, V as columns over mice."""

    eigenvalues: FloatArray
    vectors: FloatArray


def _decompose(gram: FloatArray, design: MergedDesign) -> _Decomposition:
    basis = design.residuals.basis
    eigenvalues, vectors = np.linalg.eigh(basis.T @ gram @ basis)
    return _Decomposition(eigenvalues[::-1].copy(), basis @ vectors[:, ::-1])


def _block_statistics(gram: FloatArray, design: MergedDesign, labels: FloatArray, merged: _Decomposition) -> FloatArray:
    coordinates = labels @ merged.vectors / np.sqrt(design.label_spread())
    poles = np.broadcast_to(merged.eigenvalues, coordinates.shape)
    usable = np.zeros(len(labels), dtype=bool)
    statistics = np.empty(len(labels))
    if poles.shape[1] > n_learned_directions(design) + 2:
        usable = is_well_separated(poles, coordinates**2)
    if usable.any():
        labeled = _LabeledBlock(gram, design, labels[usable], merged, coordinates[usable])
        statistics[usable], exact = labeled.statistics()
        usable[np.flatnonzero(usable)[~exact]] = False
    for row in np.flatnonzero(~usable):
        statistics[row] = literal_statistic(gram, design, labels[row])
    return statistics


class _LabeledBlock:
    """Some relabelings at once. Axes: relabeling, mouse of S*, eigenvector of M K0 M."""

    def __init__(
        self,
        gram: FloatArray,
        design: MergedDesign,
        labels: FloatArray,
        merged: _Decomposition,
        coordinates: FloatArray,
    ):
        self.n_directions = n_learned_directions(design)
        self.eigenvalues, turn = _project_out_label(merged.eigenvalues, coordinates)
        self.c2 = label_contrasts(design, labels)
        self.c1 = stress_contrasts(design, labels, self.c2)
        self.gram_c1, self.gram_c2 = self.c1 @ gram, self.c2 @ gram
        # Coordinates of K0 c1 and K0 c2 along the eigenvectors of M K0 M.
        self.along_c1 = np.matmul((self.gram_c1 @ merged.vectors)[:, None, :], turn)[:, 0, :]
        self.along_c2 = np.matmul((self.gram_c2 @ merged.vectors)[:, None, :], turn)[:, 0, :]
        unlabeled = design.is_merged & (labels == 0)
        n_left = int(unlabeled[0].sum())
        self.mice = np.nonzero(unlabeled)[1].reshape(len(labels), n_left)
        self.vectors = np.matmul(merged.vectors[self.mice], turn)

    def statistics(self) -> tuple[FloatArray, BoolArray]:
        """Statistic of each relabeling, and whether it has full precision."""
        n_left = self.mice.shape[1]
        leverage_left = np.einsum("rij,rij->ri", self.vectors, self.vectors)  # M_ii
        is_fitted = leverage_left <= SMALL
        safe = np.where(is_fitted, 1.0, leverage_left)
        shift_c1 = np.where(is_fitted, 0.0, np.take_along_axis(self.c1, self.mice, axis=1) / safe)
        shift_c2 = np.where(is_fitted, 0.0, np.take_along_axis(self.c2, self.mice, axis=1) / safe)
        shift_c2 *= n_left - 1
        with_c1 = np.einsum("rij,rj->ri", self.vectors, self.along_c1)  # m'K0 c1
        with_c2 = np.einsum("rij,rj->ri", self.vectors, self.along_c2)
        with_self = np.einsum("rij,rij,rj->ri", self.vectors, self.vectors, self.eigenvalues)
        plain = np.einsum("rj,rj->r", self.gram_c1, self.c2)[:, None]
        plain = plain - shift_c1 * with_c2 + shift_c2 * (with_c1 - shift_c1 * with_self)
        learned, exact = self._learned(np.sqrt(safe), is_fitted, shift_c1, shift_c2)
        return (plain - learned).mean(axis=1), exact

    def _learned(
        self, length: FloatArray, is_fitted: BoolArray, shift_c1: FloatArray, shift_c2: FloatArray
    ) -> tuple[FloatArray, BoolArray]:
        """sum_j (v_j'K0 f) (v_j'K0 c1(i)) / ev_j over the directions learned without mouse i.

        With u the unit vector along m and r^2 = 1 / sum_j u_j^2 / (x_j - y)^2, the eigenvector is
        r u_j / (x_j - y) and, by the secular equation, its product with K0 m is r |m|.
        """
        n_relabelings, n_left, n_vectors = self.vectors.shape
        flat = (n_relabelings * n_left, n_vectors)
        unit = (self.vectors / length[..., None]).reshape(flat)
        unit[is_fitted.ravel()] = n_vectors**-0.5  # any vector: replaced below
        squares = unit**2
        poles = np.repeat(self.eigenvalues, n_left, axis=0)
        exact = is_well_separated(poles, squares).reshape(n_relabelings, n_left) | is_fitted
        learned = np.zeros((n_relabelings, n_left))
        all_gaps, all_roots = gaps_to_roots(poles, squares, self.n_directions)
        for gaps, roots in zip(all_gaps, all_roots, strict=True):
            direction = (unit / gaps).reshape(self.vectors.shape)
            norm = np.einsum("rij,rij->ri", direction, direction)
            to_c1 = np.einsum("rij,rj->ri", direction, self.along_c1) - shift_c1 * length
            to_c2 = np.einsum("rij,rj->ri", direction, self.along_c2) + shift_c2 * length
            learned += to_c1 * to_c2 / (norm * roots.reshape(norm.shape))
        top = slice(0, self.n_directions)
        whole = np.sum(self.along_c1[:, top] * self.along_c2[:, top] / self.eigenvalues[:, top], axis=1)
        return np.where(is_fitted, whole[:, None], learned), np.asarray(exact.all(axis=1))


def _project_out_label(eigenvalues: FloatArray, coordinates: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues of M K0 M (relabelings x n) and its eigenvectors in the basis of the merged design."""
    poles = np.broadcast_to(eigenvalues, coordinates.shape)
    squares = coordinates**2
    gaps, roots = gaps_to_roots(poles, squares, coordinates.shape[1] - 1)
    vectors = np.divide(coordinates, gaps, out=gaps)
    vectors /= np.sqrt(np.einsum("krj,krj->kr", vectors, vectors))[..., None]
    return roots.T, np.ascontiguousarray(vectors.transpose(1, 2, 0))
