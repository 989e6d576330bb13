"""Moderation of variances: closed forms, hand arithmetic and limma's definitions.

limma's own hyperparameters (df.prior, s2.prior) are compared in test_differential_expression.
"""

import numpy as np
import pytest

from analysis.kernels.empirical_bayes import (
    fit_f_dist,
    invert_trigamma,
    squeeze_variances,
    trigamma,
    two_sided_p,
)

CATALAN = 0.915965594177219015


@pytest.mark.parametrize(
    ("x", "value"),
    [
        (1.0, np.pi**2 / 6),
        (0.5, np.pi**2 / 2),
        (0.25, np.pi**2 + 8 * CATALAN),
        (3.0, np.pi**2 / 6 - 1 - 1 / 4),  # trigamma(x + 1) = trigamma(x) - 1 / x^2
    ],
)
def test_the_inverse_of_trigamma_meets_closed_forms(x, value):
    assert invert_trigamma(value) == pytest.approx(x, rel=1e-12)


@pytest.mark.parametrize("y", [1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e7, 1e12])
def test_the_inverse_of_trigamma_covers_its_range(y):
    # Beyond 1e7 and below 1e-6 limma uses the leading term, whose relative error is below 2e-6.
    assert float(trigamma(invert_trigamma(y))) == pytest.approx(y, rel=2e-6)


def test_trigamma_has_no_inverse_at_or_below_zero():
    with pytest.raises(ValueError, match="positive"):
        invert_trigamma(0.0)


def test_p_of_t_with_one_and_two_degrees_of_freedom_is_exact_to_the_far_tail():
    t = np.array([1e-12, 1e-3, 0.3, 0.999999, 1.0, 1.7, 25.0, 1e6, 1e12])
    # df 1 is Cauchy: p = (2 / pi) atan(1 / t).
    # df 2: p = 1 - t / r with r = sqrt(2 + t^2), which is 2 / (r (r + t)).
    root = np.sqrt(2 + t**2)
    np.testing.assert_allclose(two_sided_p(t, 1), 2 / np.pi * np.arctan(1 / t), rtol=1e-13)
    np.testing.assert_allclose(two_sided_p(-t, 2), 2 / (root * (root + t)), rtol=1e-13)


def test_p_of_t_with_infinite_degrees_of_freedom_is_normal():
    # The familiar two-sided p of 5 % and of five standard deviations (1 in 1,744,278).
    np.testing.assert_allclose(two_sided_p([1.959963984540054, 5], np.inf), [0.05, 5.733031437583878e-07], rtol=1e-12)


def test_p_of_an_infinite_t_is_zero_and_of_a_missing_one_missing():
    np.testing.assert_array_equal(two_sided_p([np.inf, -np.inf, 1e200], 10), 0)
    assert np.isnan(two_sided_p(np.nan, 10)) and np.isnan(two_sided_p(1.0, 0))


def test_variances_alike_beyond_chance_give_an_infinite_prior_at_their_mean():
    # log spread of 1, 1.01, 1.02 is ~1e-4, far below trigamma(2) = 0.645 that chance alone makes at df 4.
    df_prior, prior = fit_f_dist([1.0, 1.01, 1.02], 4)
    assert np.isinf(df_prior)
    assert prior == pytest.approx(1.01)
    moderated = squeeze_variances([1.0, 1.01, 1.02], 4)
    np.testing.assert_allclose(moderated.posterior, 1.01)
    np.testing.assert_array_equal(moderated.df_total, 12)  # at most the sum over genes, 3 x 4


def test_the_moments_of_log_variances_give_the_prior_by_hand():
    # Two variances e^(m - d), e^(m + d), df 2: digamma(1) = -g (Euler), trigamma(1) = pi^2 / 6.
    # The variance of the logs is 2 d^2. With 2 d^2 = pi^2 / 3 the excess is pi^2 / 6 = trigamma(1):
    # half of df_prior is 1, df_prior 2. Scale: exp(m + g + digamma(1) - log 1) = exp(m).
    d = np.pi / np.sqrt(6)
    df_prior, prior = fit_f_dist(np.exp([0.7 - d, 0.7 + d]), 2)
    assert df_prior == pytest.approx(2, rel=1e-10)
    assert prior == pytest.approx(np.exp(0.7), rel=1e-10)


def test_the_posterior_is_the_mean_weighted_by_degrees_of_freedom():
    d = np.pi / np.sqrt(6)
    variances = np.exp([-d, d])
    moderated = squeeze_variances(variances, 2)  # by hand above: df_prior 2, prior 1
    np.testing.assert_allclose(moderated.posterior, (2 * variances + 2 * 1) / 4, rtol=1e-10)
    np.testing.assert_allclose(moderated.df_total, 4)


def test_a_known_prior_is_recovered_from_many_genes():
    rng = np.random.default_rng(20)
    variances = 2.0 * rng.f(4, 7, size=400_000)
    df_prior, prior = fit_f_dist(variances, 4)
    # Standard errors over 400,000 genes, from 100 such draws: 0.06 and 0.006.
    assert df_prior == pytest.approx(7, abs=0.25)
    assert prior == pytest.approx(2, abs=0.025)


def test_a_zero_variance_is_floored_at_a_fraction_of_the_median():
    # limma: max(x, 1e-5 median); the median of 0, 1, 2, 3, 4 is 2.
    assert fit_f_dist([0.0, 1, 2, 3, 4], 5) == fit_f_dist([2e-5, 1, 2, 3, 4], 5)


def test_a_gene_without_degrees_of_freedom_gets_the_prior():
    df = np.array([4.0, 4, 4, 4, 0])
    moderated = squeeze_variances([0.1, 1.0, 3.0, 40.0, np.nan], df)
    assert moderated.posterior[4] == pytest.approx(moderated.prior)
    assert fit_f_dist([0.1, 1.0, 3.0, 40.0], 4) == (moderated.df_prior, moderated.prior)


def test_a_single_gene_is_left_as_it_is():
    moderated = squeeze_variances([3.0], 5)
    assert (moderated.df_prior, moderated.posterior[0], moderated.df_total[0]) == (0.0, 3.0, 5.0)


def test_variances_mostly_zero_are_warned_about():
    with pytest.warns(RuntimeWarning, match="more than half"):
        fit_f_dist([0.0, 0.0, 0.0, 1.0], 3)


@pytest.mark.parametrize(
    ("variances", "df", "words"),
    [
        ([], 3, "one value per gene"),
        ([[1.0, 2.0]], 3, "one value per gene"),
        ([1.0, 2.0], [3, 4, 5], "one number or one per gene"),
        ([1.0, 2.0], 0, "no variance"),
        ([np.nan, np.inf], 3, "no variance"),
    ],
)
def test_unusable_variances_are_refused(variances, df, words):
    with pytest.raises(ValueError, match=words):
        fit_f_dist(variances, df)
