"""What is said of reversal beside its numbers: the answer first, and why the plain comparison is no evidence."""

from collections.abc import Iterable

import pandas as pd

from analysis.kernels.overlap import opposite_share
from analysis.kernels.phenotype import CONTROL, SUSCEPTIBLE
from analysis.kernels.shared_mice import shared_group_null
from analysis.models import SignatureReversal
from analysis.signature_pairs import P_CUTOFF
from analysis.summaries import ALPHA, percent, probability, signed

TREATED = "treated"


def answers(tests: Iterable[SignatureReversal]) -> list[str]:
    """Say of each arm where it undoes the stress signature, where that is not shown, and where there is no answer."""
    by_arm: dict[str, list[SignatureReversal]] = {}
    for test in tests:
        by_arm.setdefault(test.arm, []).append(test)
    return [_answer(arm, of_arm) for arm, of_arm in by_arm.items()]


def _answer(arm: str, tests: list[SignatureReversal]) -> str:
    shown = [test for test in tests if test.adj_p_value is not None and test.adj_p_value <= ALPHA]
    silent = [test for test in tests if test.adj_p_value is None]
    others = [test for test in tests if test not in shown and test not in silent]
    parts = []
    if shown:
        parts.append(f"{arm} undoes the stress signature in {_listed([_with_effect(test) for test in shown])}")
    if others:
        where = _listed([_with_effect(test) for test in others])
        parts.append(f"no reversal is shown in {where}" if shown else f"{arm}: no reversal is shown in {where}")
    if silent:
        where = _listed([str(test.region) for test in silent])
        parts.append(f"{'' if parts else f'{arm}: '}there is no p-value in {where}")
    return "; ".join(parts) + "."


def _with_effect(test: SignatureReversal) -> str:
    if test.fraction_undone is None or test.fraction_undone_low is None:
        return str(test.region)
    interval = f"{percent(test.fraction_undone_low)} to {percent(test.fraction_undone_high)}"
    return f"{test.region} ({percent(test.fraction_undone)}; {interval})"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def how_it_is_judged(tests: list[SignatureReversal]) -> str:
    """Say what the answers rest on."""
    n_tests = sum(test.p_value is not None for test in tests)
    return (
        f"In brackets the fraction undone with its 95 % interval. Shown: p ≤ {ALPHA:g}, adjusted over the {n_tests} "
        f"{'test' if n_tests == 1 else 'tests'} of whole arms and regions (Benjamini-Hochberg). Not shown is not absent: "
        "the interval says what the data leave open."
    )


def most_telling(tests: Iterable[SignatureReversal]) -> SignatureReversal | None:
    """Return the test whose plain cosine looks most like a reversal; any that has mice where none has a cosine."""
    able = [test for test in tests if min(test.n_control, test.n_stress, test.n_treated) > 0]
    return min(able, key=lambda test: (test.cosine is None, test.cosine or 0.0), default=None)


def why_not_the_plain_cosine(test: SignatureReversal) -> list[str]:
    """Say in four sentences why the plain comparison of two signatures is no evidence, with this test's own numbers.

    Nothing where a group has no mouse: then there is nothing to compare.
    """
    if min(test.n_control, test.n_stress, test.n_treated) < 1:
        return []
    null = shared_mice_null(test)
    sizes = f"{test.n_stress} susceptible and {test.n_treated} treated mice"
    return [
        f"Stress (susceptible − control) and drug ({test.arm} − susceptible) are both measured against the same "
        f"{test.n_stress} susceptible mice, so what is peculiar to these mice alone turns the two against each other: "
        f"with {test.n_control} / {test.n_stress} / {test.n_treated} mice a correlation of {signed(null)} is expected "
        "where neither stress nor drug does anything.",
        _on_cosine(test),
        f"Lists of genes repeat the mistake: of genes with p < {P_CUTOFF:g} in both, "
        f"{percent(opposite_share(null, P_CUTOFF))} would go in opposite directions by those shared mice alone.",
        f"Genes move together, so thousands of genes are no thousands of replicates: p asks how often exchanging the "
        f"labels of the {sizes} within sequencing runs gives as much, {_on_relabelings(test)}.",
    ]


def shared_mice_null(test: SignatureReversal) -> float:
    """Return the correlation of stress and drug where neither does anything, by the mice that they share."""
    sizes = pd.Series({CONTROL: test.n_control, SUSCEPTIBLE: test.n_stress, TREATED: test.n_treated}, dtype=float)
    stress = pd.Series({CONTROL: -1.0, SUSCEPTIBLE: 1.0, TREATED: 0.0})
    drug = pd.Series({CONTROL: 0.0, SUSCEPTIBLE: -1.0, TREATED: 1.0})
    return shared_group_null(stress, drug, sizes)


def _on_cosine(test: SignatureReversal) -> str:
    if test.cosine is None or test.cosine_null_mean is None:
        return (
            f"In {test.region} no plain cosine of the two is given, since none could be held against what is expected "
            "without any reversal; 0 is not it."
        )
    return (
        f"In {test.region} the two have a plain cosine of {signed(test.cosine)}, but {signed(test.cosine_null_mean)} is "
        "expected without any reversal; only the difference could mean something."
    )


def _on_relabelings(test: SignatureReversal) -> str:
    if not test.n_relabelings:
        return "of which there are too few here for any p-value"
    if test.p_value is None or test.p_floor is None:
        return f"and {test.n_relabelings:,} relabelings are too few for a p-value"
    return f"and with {test.n_relabelings:,} relabelings no p can be smaller than {probability(test.p_floor)}"
