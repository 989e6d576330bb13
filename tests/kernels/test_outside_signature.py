"""A signature of other animals against one's own: what is there is found, what is not keeps its 5 %."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, spearmanr

from analysis.kernels.outside_signature import (
    REFUSED_CONFOUNDED,
    REFUSED_NO_ORDER,
    REFUSED_TOO_FEW_GENES,
    REFUSED_TOO_FEW_MICE,
    TOO_FEW_RELABELINGS,
    normal_scores,
    outside_signature_test,
)

GENES = [f"g{number}" for number in range(400)]


def simulated(rng: np.random.Generator, n: int = 6, effect: float = 0.0) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Three groups of mice whose genes move together; `effect` moves the treated along a signature."""
    names = [f"{group}{number}" for group in "cts" for number in range(n)]
    groups = pd.Series(["control"] * n + ["treated"] * n + ["susceptible"] * n, index=names)
    loadings = rng.normal(size=(len(GENES), 2))
    signature = pd.Series(rng.normal(size=len(GENES)) + loadings[:, 0], index=GENES)  # as every real one has a share
    shared = loadings @ rng.normal(size=(2, len(names)))
    values = rng.normal(size=(len(GENES), len(names))) + 0.7 * shared
    values += np.outer(signature, effect * (groups == "treated"))
    return pd.DataFrame(values, index=GENES, columns=names), signature, groups


def answered(expression: pd.DataFrame, signature: pd.Series, groups: pd.Series, **options: object):
    return outside_signature_test(
        expression, signature, groups, numerator=["treated"], denominator=["control"], **options
    )  # type: ignore[arg-type]


def test_normal_scores_share_ranks_where_values_are_tied_and_are_nothing_where_all_are():
    scores = normal_scores(pd.Series([1.0, 5.0, 5.0, 9.0], index=list("abcd")))
    # ranks 1, 2.5, 2.5, 4 of 4: Phi^-1(.125), 0, 0, Phi^-1(.875)
    expected = np.array([norm.ppf(0.125), 0, 0, norm.ppf(0.875)])
    assert np.allclose(scores, expected / np.linalg.norm(expected))
    assert not normal_scores(pd.Series([2.0, 2.0, 2.0])).any()


def test_a_signature_that_the_mice_follow_is_found_and_the_same_upside_down_opposes():
    expression, signature, groups = simulated(np.random.default_rng(1), effect=0.5)
    along, against = answered(expression, signature, groups), answered(expression, -signature, groups)
    assert along.p_value == along.p_floor == against.p_value  # 924 relabelings, each with its mirror image
    assert along.n_relabelings == along.n_relabelings_available == 924  # 12 choose 6
    assert along.difference is not None and along.difference_interval is not None
    assert along.difference > along.difference_interval[0] > 0
    assert against.difference == pytest.approx(-along.difference)
    assert along.correlation is not None and along.correlation_null is not None
    assert along.correlation > along.correlation_null[1] > 0 > along.correlation_null[0]
    assert along.scores is not None
    assert along.scores.std() == pytest.approx(1)


def test_the_correlation_is_that_of_ranks_with_the_difference_of_means():
    expression, signature, groups = simulated(np.random.default_rng(2), effect=0.3)
    standard = expression.sub(expression.mean(axis=1), axis=0).div(expression.std(axis=1), axis=0)
    change = standard.loc[:, groups == "treated"].mean(axis=1) - standard.loc[:, groups == "control"].mean(axis=1)
    ranks = norm.ppf((signature.rank() - 0.5) / len(signature))
    found = answered(expression, signature, groups)
    assert found.correlation == pytest.approx(np.corrcoef(ranks, change)[0, 1])
    assert found.correlation == pytest.approx(spearmanr(signature, change)[0], abs=0.05)


def test_without_an_effect_five_percent_are_called_though_genes_move_together():
    rng = np.random.default_rng(3)
    n, called, naive = 80, 0, 0
    for _ in range(n):
        expression, signature, groups = simulated(rng, n=5)
        called += answered(expression, signature, groups).p_value <= 0.05
        means = expression.T.groupby(groups).mean()
        change = means.loc["treated"] - means.loc["control"]
        naive += spearmanr(signature, change)[1] <= 0.05
    assert called / n == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / n))
    assert naive / n > 0.1  # genes are no replicates


def test_labels_are_exchanged_within_runs_and_what_a_run_decides_is_refused():
    expression, signature, groups = simulated(np.random.default_rng(4), n=4)
    number = [int(name[1:]) for name in groups.index]
    runs = pd.Series([f"P{one % 2}" for one in number], index=groups.index)
    of_runs = pd.get_dummies(runs, drop_first=True, dtype=float)
    shifted = expression + 5.0 * (runs == "P1")
    found = answered(shifted, signature, groups, strata=runs, covariates=of_runs)
    assert found.n_relabelings_available == 36  # (4 choose 2) squared
    own = groups.where(groups != "susceptible", "control")
    confounded = answered(expression, signature, groups, strata=own, covariates=pd.get_dummies(own, dtype=float))
    assert confounded.messages == (REFUSED_CONFOUNDED,)
    assert confounded.p_value is None and confounded.difference is None


@pytest.mark.parametrize(
    ("n_mice", "n_genes", "value", "code"),
    [
        (2, 400, None, REFUSED_TOO_FEW_MICE),
        (6, 14, None, REFUSED_TOO_FEW_GENES),
        (6, 400, 1.0, REFUSED_NO_ORDER),
    ],
)
def test_what_cannot_be_known_is_refused_in_words(n_mice: int, n_genes: int, value: float | None, code: str):
    expression, signature, groups = simulated(np.random.default_rng(5), n=n_mice)
    signature = signature.head(n_genes) if value is None else signature * 0 + value
    found = answered(expression, signature, groups)
    assert found.messages == (code,)
    assert found.p_value is None
    assert "{" not in found.sentences[0]


def test_three_mice_a_side_have_just_relabelings_enough_and_runs_take_them_away():
    expression, signature, groups = simulated(np.random.default_rng(6), n=3)
    assert answered(expression, signature, groups).p_floor == 2 / 20  # and its mirror image
    runs = pd.Series([f"P{int(name[1:]) % 2}" for name in groups.index], index=groups.index)
    found = answered(expression, signature, groups, strata=runs)
    assert found.messages == (TOO_FEW_RELABELINGS,)  # (4 choose 2) x (2 choose 1) = 12
    assert found.p_value is None and found.difference is not None
    assert "Only 12 relabelings" in found.sentences[0]


def test_genes_that_are_constant_or_on_one_side_alone_take_no_part():
    expression, signature, groups = simulated(np.random.default_rng(7))
    expression.iloc[0] = 3.0
    assert answered(expression, signature.drop("g1"), groups).n_genes == len(GENES) - 2
    with pytest.raises(ValueError, match="g2 comes twice"):
        answered(expression, pd.concat([signature, signature[["g2"]]]), groups)
