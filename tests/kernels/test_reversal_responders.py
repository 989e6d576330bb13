"""Responders against all saline mice, the arm relabeled and the response rule applied anew."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.reversal import reversal_test
from analysis.kernels.reversal_design import make_relabelings
from analysis.kernels.reversal_inputs import read_samples
from analysis.kernels.reversal_responders import arm_design, arm_grams, effect_of, read_arms, responder_statistics

from .reversal_cases import ARMS, simulate

SIZES = ["C"] * 4 + ["S"] * 5 + ["D"] * 5
BYSTANDERS = ["B1"] * 6 + ["B2"] * 6


def study(groups=None, *, undone=0.5, stress=0.6, seed=2, pools=None, responders=(0, 2, 3, 4), saline=(1, 3)):
    """Arms as randomized; the mice of either arm that are named respond."""
    expression, groups, pools = simulate(list(groups or SIZES), pools, undone=undone, stress=stress, seed=seed)
    arm = groups.map({"S": "saline", "D": "imipramine"})
    responded = pd.Series(None, index=groups.index, dtype=object)
    on_saline, drug = groups.index[groups == "S"], groups.index[groups == "D"]
    responded[on_saline] = np.isin(np.arange(len(on_saline)), saline)
    responded[drug] = np.isin(np.arange(len(drug)), responders)
    return {"expression": expression, "groups": groups, "arm": arm, "responded": responded, "pools": pools}


def gene_space_effect(values, control, stressed, treated):
    """Minus lambda by plain means; the noise of a mean is its sum of squares over n (n - 1)."""
    means = [values[:, mice].mean(axis=1) for mice in (control, stressed, treated)]
    noise = [np.sum(values[:, mice].var(axis=1, ddof=1)) / len(mice) for mice in (control, stressed)]
    stress, drug = means[1] - means[0], means[2] - means[1]
    u = stress @ drug + noise[1]
    a = stress @ stress - noise[0] - noise[1]
    return u / a if a > 0 else u


def test_the_statistic_and_its_p_are_those_of_plain_means():
    parts = study()
    answer = reversal_test(**parts, **ARMS)
    values = parts["expression"].to_numpy()
    # Weights from the controls: df 3, pulled to the geometric mean with 4 pseudo degrees of freedom.
    variance = values[:, :4].var(axis=1, ddof=1)
    variance = np.maximum(variance, 1e-5 * np.median(variance))
    weighted = values / np.sqrt((3 * variance + 4 * np.exp(np.log(variance).mean())) / 7)[:, None]
    did_respond = (parts["responded"] == True).to_numpy()  # noqa: E712
    statistics = []
    for chosen in combinations(range(4, 14), 5):
        treated = [mouse for mouse in chosen if did_respond[mouse]]
        saline = [mouse for mouse in range(4, 14) if mouse not in chosen]
        enough = len(treated) >= 3
        statistics.append(gene_space_effect(weighted, [0, 1, 2, 3], saline, treated) if enough else np.inf)
    observed = gene_space_effect(weighted, [0, 1, 2, 3], range(4, 9), [9, 11, 12, 13])
    assert answer.n_relabelings == answer.n_relabelings_available == 252
    assert answer.statistic == pytest.approx(observed, rel=1e-9)
    assert answer.p_value == np.mean(np.array(statistics) <= observed + 1e-9)
    assert np.isinf(statistics).sum() > 0
    assert answer.messages[0] == "NO_BYSTANDERS"


def test_a_reversal_in_responders_is_found_beside_bystanders_and_pools():
    groups = ["C"] * 8 + ["S"] * 8 + ["D"] * 8 + BYSTANDERS
    parts = study(
        groups, undone=1.0, stress=1.5, pools=["P1", "P2"] * 18, responders=(0, 3, 4, 5, 6), saline=(1, 2, 4, 6)
    )
    calls = []
    answer = reversal_test(
        **parts, max_exhaustive=1_000, n_random=199, progress=lambda *call: calls.append(call), **ARMS
    )
    assert (answer.n_relabelings, answer.n_relabelings_available) == (200, 4_900)  # C(8, 4) squared
    assert calls == [(100, 200), (200, 200)]
    assert answer.p_value <= 0.05
    low, high = answer.fraction_undone_interval
    assert low < 1 < high
    assert answer.cosine < answer.cosine_null_mean < 0
    # Mice that did not respond are bystanders and have no score.
    assert answer.mouse_scores.shape[0] == 8 + 8 + 5
    assert answer.mouse_scores["score"][parts["groups"].loc[answer.mouse_scores.index] == "S"].mean() == pytest.approx(
        1
    )


def test_responders_may_be_given_as_the_treated_group_or_with_their_whole_arm():
    parts = study()
    whole = reversal_test(**parts, **ARMS)
    apart = parts["groups"].mask((parts["groups"] == "D") & (parts["responded"] == False), "D, no")  # noqa: E712
    assert reversal_test(**{**parts, "groups": apart}, **ARMS).p_value == whole.p_value


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"chosen_by_outcome": True}, "REFUSED_CHOSEN_BY_OUTCOME"),
        ({"responded": lambda r: r.where(r.index != "m05")}, "REFUSED_SALINE_NOT_RETESTED"),
        ({"responded": lambda r: r.where(r.index != "m10")}, "REFUSED_NOT_RETESTED"),
        ({"responded": lambda r: r.mask(r.index >= "m11", False)}, "REFUSED_TOO_FEW"),
    ],
)
def test_what_cannot_be_known_is_refused_in_words(change, code):
    parts = study()
    for name, value in change.items():
        parts[name] = value(parts[name]) if callable(value) else value
    answer = reversal_test(**parts, **ARMS)
    assert answer.messages == (code,)
    assert answer.sentences[0].endswith(".")
    assert (answer.p_value, answer.fraction_undone, answer.mouse_scores) == (None, None, None)


def test_runs_of_one_arm_are_refused():
    parts = study(pools=["P1", "P2"] * 2 + ["P1"] * 5 + ["P2"] * 5)
    assert reversal_test(**parts, **ARMS).messages == ("REFUSED_POOL_TREATMENT",)


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("responded", lambda r: None, "arm and responded go together"),
        ("arm", lambda a: a.where(a.index != "m06"), "every mouse of the stress group; m06 has none"),
        ("arm", lambda a: a.where(a.index != "m06", "ketamine"), "must be of one arm; got saline, ketamine"),
        ("arm", lambda a: a.where(a != "imipramine", "saline"), "must tell saline from drug"),
        ("arm", lambda a: a.where(a.index != "m01", "imipramine"), "m01 is a control and in arm 'imipramine'"),
        ("arm", lambda a: a.where(a.index != "m01", "saline"), "must be in the stress group; m01 is not"),
    ],
)
def test_arms_that_contradict_the_groups_are_refused(name, change, sentence):
    parts = study()
    parts[name] = change(parts[name])
    with pytest.raises(ValueError, match=sentence):
        reversal_test(**parts, **ARMS)


def test_relabelings_in_blocks_give_what_each_gives_alone_beside_runs_and_bystanders():
    groups = ["C"] * 6 + ["S"] * 6 + ["D"] * 6 + BYSTANDERS
    parts = study(groups, pools=["P1", "P2"] * 15, responders=(0, 1, 2, 4), saline=(1, 2, 3))
    samples = read_samples(parts["expression"], parts["groups"], parts["pools"], **ARMS)
    arms, _ = read_arms(samples, parts["arm"], parts["responded"], chosen_by_outcome=False)
    labels = make_relabelings(arm_design(arms), np.random.default_rng(1), max_exhaustive=1_000, n_random=0)
    grams = arm_grams(arms)
    found = responder_statistics(arms, grams, labels)
    # A mouse more or less is a design of its own: least squares of all groups apart, label by label.
    for row, label in enumerate(labels):
        alone = effect_of(arms, label > 0, grams.effect)
        if alone is None:
            assert np.isinf(found.statistics[row])
            continue
        expected = -alone.fraction_undone if alone.a > 0 else alone.u
        assert found.statistics[row] == pytest.approx(expected, rel=1e-9)
    assert np.isinf(found.statistics).sum() < len(labels) == 400
