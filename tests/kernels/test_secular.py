"""Roots of the secular equation against LAPACK's eigenvalues of the projected matrix."""

import numpy as np
import pytest

from analysis.kernels.secular import gaps_to_roots, is_well_separated


def projected_eigenvalues(poles, unit):
    projector = np.eye(len(unit)) - np.outer(unit, unit)
    values = np.linalg.eigvalsh(projector @ np.diag(poles) @ projector)[::-1]
    zero = np.argmin(np.abs(values))  # the direction taken out
    return np.delete(values, zero)


@pytest.mark.parametrize("n_poles", [2, 3, 10, 60])
def test_roots_are_the_eigenvalues_of_the_projected_matrix(n_poles):
    rng = np.random.default_rng(n_poles)
    poles = np.sort(rng.gamma(1.0, 100.0, (20, n_poles)))[:, ::-1] + 1.0
    unit = rng.normal(size=(20, n_poles))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    expected = np.array([projected_eigenvalues(p, u) for p, u in zip(poles, unit, strict=True)])
    gaps, roots = gaps_to_roots(poles, unit**2, n_poles - 1)
    np.testing.assert_allclose(roots.T, expected, rtol=1e-11)
    np.testing.assert_allclose(gaps, poles - roots[..., None], rtol=1e-6, atol=1e-10)
    _, largest = gaps_to_roots(poles, unit**2, 1)
    np.testing.assert_array_equal(largest[0], roots[0])


def test_a_root_beside_a_pole_keeps_its_relative_distance():
    # Two poles 1 and 0 with squares s and 1 - s: s / (1 - y) = (1 - s) / y, so y = 1 - s and 1 - y = s.
    s = np.array([1e-20, 1e-12, 0.3, 1 - 1e-9])
    gaps, _ = gaps_to_roots(np.tile([1.0, 0.0], (4, 1)), np.column_stack([s, 1 - s]), 1)
    np.testing.assert_allclose(gaps[0, :, 0], s, rtol=1e-14)


def test_ties_and_missing_coordinates_are_told():
    poles = np.array([[3.0, 2.0, 1.0], [3.0, 3.0, 1.0], [3.0, 2.0, 1.0]])
    squares = np.array([[0.4, 0.3, 0.3], [0.4, 0.3, 0.3], [0.5, 0.5, 0.0]])
    assert list(is_well_separated(poles, squares)) == [True, False, False]
