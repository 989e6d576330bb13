"""How often the reversal test errs, and how often it finds, in a study of just this shape.

Studies are simulated with the real one's numbers of mice, runs, gene variances and gene directions
shared by mice, and the real test is run on each. Means of bystander groups and effects of runs are
left at 0: the test takes them out exactly.
"""

import math
from collections.abc import Callable, Collection, Container, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from analysis.kernels.rates import wilson_interval
from analysis.kernels.reversal import ReversalTest, reversal_test
from analysis.kernels.reversal_inputs import FloatArray
from analysis.kernels.study_shape import StudyShape

Progress = Callable[[int, int], None]
Stop = Callable[[], bool]

STRESS_GENES = 0.06  # of all: the share in the simulations behind the test
N_REPLICATES = 400  # Monte Carlo error at 5 %: 1.1 points
N_RANDOM = 499  # relabelings where there are more: p moves in steps of .002
STATE_SD = 0.3  # of mice of one group: no drug and no stress works alike in all
RESPONDER_SHARE = 0.3  # of inert-drug mice that cross the cutoff; the published re-test
NOT_RESPONDED = "treated, not responded"

TESTS = ARM, RESPONDER, CHOSEN = "arm", "responder", "chosen"


@dataclass(frozen=True)
class Scenario:
    """One truth.

    Attributes
    ----------
    undone : float
        Share of the stress signature that the drug undoes in every treated mouse; 0: an inert drug.
    selection : float or None
        Correlation of the re-test with the stress state of the tissue, by which responders are
        chosen; None: nobody is chosen, and whole arms are compared.
    has_stress : bool
        False: no stress signature either.
    off_target : float
        Length of a signature of the drug's own, in lengths of the stress signature; in other genes.
    state_sd : float
        Of a mouse about its group along the stress signature; control 0, susceptible 1.
    """

    undone: float = 0.0
    selection: float | None = None
    has_stress: bool = True
    off_target: float = 0.0
    state_sd: float = STATE_SD

    @property
    def is_null(self) -> bool:
        """Whether every call of reversal is an error."""
        return self.undone <= 0


STANDARD = (
    Scenario(has_stress=False),
    Scenario(),
    *(Scenario(selection=r) for r in (0.0, 0.3, 0.5, 0.7)),
    Scenario(undone=0.3),
    Scenario(undone=0.5),
    Scenario(undone=1.0),
)


def calibrate(
    shape: StudyShape,
    scenarios: Iterable[Scenario] = STANDARD,
    *,
    n_replicates: int = N_REPLICATES,
    alpha: float = 0.05,
    seed: int = 0,
    n_random: int = N_RANDOM,
    tests: Collection[str] = TESTS,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> pd.DataFrame:
    """Simulate studies of this shape and count how often the test calls reversal.

    Parameters
    ----------
    shape : StudyShape
        Of `learn_shape`.
    scenarios : iterable of Scenario
        Truths; every one is simulated anew from its own random numbers.
    n_replicates : int
        Studies per truth, at least 10.
    alpha : float
        Level.
    seed : int
        The same seed gives the same table.
    n_random : int
        Relabelings, beside the true one, where there are more.
    tests : collection of str
        Of ``arm``, ``responder``, ``chosen``: which are made of each study.
    progress : callable, optional
        Called with the numbers of studies done and to do.
    stop : callable, optional
        Asked after every study; once it says yes, the answer is the table of those done so far.

    Returns
    -------
    pandas.DataFrame
        One row per truth and test: ``undone``, ``selection``, ``has_stress``, ``test`` (``arm``: whole
        arm; with a selection also ``responder``: the arm relabeled, and ``chosen``: responders against
        all saline, the plain way), ``n_replicates`` (done), ``n_answered`` (that gave a p), ``n_called``
        (p at most alpha), ``rate`` (their share of all; missing where none gave a p), ``mc_error`` (its standard error),
        ``low``, ``high`` (95 %),
        ``mean_fraction_undone`` and ``coverage`` (share of the intervals that hold the truth, where an
        effect is shown; of whole arms), ``n_shown``.

    Raises
    ------
    ValueError
        If there are fewer than 10 replicates or alpha is no probability.
    """
    if n_replicates < 10:
        raise ValueError(f"n_replicates must be at least 10; got {n_replicates}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1; got {alpha}")
    truths = list(scenarios)
    rows: list[dict[str, object]] = []
    for number, scenario in enumerate(truths):
        answers: dict[str, list[ReversalTest]] = {}
        for replicate in range(n_replicates):
            rng = np.random.default_rng((seed, number, replicate))
            for name, answer in _tested(shape, scenario, rng, n_random, tests).items():
                answers.setdefault(name, []).append(answer)
            if progress is not None:
                progress(number * n_replicates + replicate + 1, len(truths) * n_replicates)
            if is_stopped := stop is not None and stop():
                break
        rows.extend(_row(scenario, name, tests, alpha) for name, tests in answers.items())
        if is_stopped:
            break
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class SimulatedStudy:
    """One simulated study.

    Attributes
    ----------
    expression : pandas.DataFrame, shape (n_genes, n_samples)
    responded : pandas.Series or None
        By sample, of saline and treated mice; None without a selection.
    """

    expression: pd.DataFrame
    responded: pd.Series | None


def simulate_study(shape: StudyShape, scenario: Scenario, rng: np.random.Generator) -> SimulatedStudy:
    """Draw one study of this shape in which the scenario is true."""
    groups = shape.groups
    is_stress, is_treated = (groups == shape.stress).to_numpy(), (groups == shape.treated).to_numpy()
    deviation = scenario.state_sd * rng.normal(size=len(groups))
    state = np.where(is_stress, 1.0 + deviation, 0.0)
    state = np.where(is_treated, 1.0 - scenario.undone + deviation, state)
    n_genes = len(shape.noise_sd)
    is_signature = rng.random(n_genes) < STRESS_GENES
    signature = np.where(is_signature, rng.normal(size=n_genes), 0.0)
    length = float(np.linalg.norm(signature))
    signature *= shape.signature_length / length if scenario.has_stress and length > 0 else 0.0
    shared = shape.loadings @ rng.normal(size=(shape.loadings.shape[1], len(groups)))
    own = shape.noise_sd[:, None] * rng.normal(size=(n_genes, len(groups)))
    values = np.outer(signature, state) + shared + own
    if scenario.off_target:
        values += scenario.off_target * np.outer(_off_target(signature, shape, rng), is_treated)
    responded = None
    if scenario.selection is not None:
        r = scenario.selection
        re_test = r * (1.0 - state) / scenario.state_sd + math.sqrt(1 - r**2) * rng.normal(size=len(groups))
        crosses = re_test > ndtri(1 - RESPONDER_SHARE)
        responded = pd.Series(crosses, index=groups.index).astype(object).where(is_stress | is_treated)
    return SimulatedStudy(pd.DataFrame(values, columns=groups.index), responded)


def _off_target(signature: FloatArray, shape: StudyShape, rng: np.random.Generator) -> FloatArray:
    """Return what the drug does to genes that stress leaves alone, as long as the stress signature of the study."""
    is_moved = (signature == 0) & (rng.random(len(signature)) < STRESS_GENES)
    moved = np.where(is_moved, rng.normal(size=len(signature)), 0.0)
    length = float(np.linalg.norm(moved))
    return moved * (shape.signature_length / length) if length > 0 else moved


def _tested(
    shape: StudyShape, scenario: Scenario, rng: np.random.Generator, n_random: int, tests: Container[str]
) -> dict[str, ReversalTest]:
    study = simulate_study(shape, scenario, rng)
    common: dict[str, Any] = {
        "treated": shape.treated,
        "stress": shape.stress,
        "control": shape.control,
        "pools": shape.pools,
        "seed": int(rng.integers(2**31)),
        "n_random": n_random,
        "max_exhaustive": n_random + 1,  # as valid as all of them, and as fast as so many
    }
    answers = {}
    if ARM in tests:
        answers[ARM] = reversal_test(study.expression, shape.groups, **common)
    if study.responded is None:
        return answers
    is_treated = shape.groups == shape.treated
    if RESPONDER in tests:
        arm = shape.groups.where(is_treated | (shape.groups == shape.stress))
        answers[RESPONDER] = reversal_test(study.expression, shape.groups, arm=arm, responded=study.responded, **common)
    if CHOSEN in tests:
        left = is_treated & (study.responded != True)  # noqa: E712  # NaN: not randomized
        answers[CHOSEN] = reversal_test(study.expression, shape.groups.mask(left, NOT_RESPONDED), **common)
    return answers


def _row(scenario: Scenario, test: str, answers: list[ReversalTest], alpha: float) -> dict[str, object]:
    p_values = [answer.p_value for answer in answers if answer.p_value is not None]
    called = sum(p <= alpha + 1e-12 for p in p_values)
    # Of all studies: a labeling with too few responders counts in every p, so those with enough have smaller ones.
    rate = called / len(answers) if p_values else math.nan
    low, high = wilson_interval(called, len(answers)) if p_values else (math.nan, math.nan)
    shown = [answer for answer in answers if answer.fraction_undone is not None]
    holds = [
        interval[0] <= scenario.undone <= interval[1]
        for interval in (answer.fraction_undone_interval for answer in shown)
        if interval is not None
    ]
    is_arm = test == ARM and scenario.has_stress and bool(shown)
    return {
        "undone": scenario.undone,
        "selection": math.nan if scenario.selection is None else scenario.selection,
        "has_stress": scenario.has_stress,
        "test": test,
        "n_replicates": len(answers),
        "n_answered": len(p_values),
        "n_called": called,
        "rate": rate,
        "mc_error": math.sqrt(rate * (1 - rate) / len(answers)) if p_values else math.nan,
        "low": low,
        "high": high,
        "n_shown": len(shown),
        "mean_fraction_undone": float(np.mean([a.fraction_undone for a in shown])) if is_arm else math.nan,
        "coverage": float(np.mean(holds)) if is_arm else math.nan,
    }


def reversal_power(
    shape: StudyShape,
    n_per_arm: Iterable[int],
    undone: Iterable[float] = (0.3, 0.5, 1.0),
    *,
    n_replicates: int = N_REPLICATES,
    alpha: float = 0.05,
    seed: int = 0,
    n_random: int = N_RANDOM,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> pd.DataFrame:
    """Power of the reversal test with other numbers of control, susceptible and treated mice.

    Parameters
    ----------
    shape : StudyShape
        Of the study; its bystander groups keep their size.
    n_per_arm : iterable of int
        Mice in each of the three groups, at least 3.
    undone : iterable of float
        Share of the signature that the drug undoes.
    n_replicates, alpha, seed, n_random, progress, stop
        As `calibrate`.

    Returns
    -------
    pandas.DataFrame
        As `calibrate`, with ``n_per_arm`` first.

    Raises
    ------
    ValueError
        If a group would hold fewer than 3 mice.
    """
    sizes, shares = list(n_per_arm), list(undone)
    if not sizes or min(sizes) < 3:
        raise ValueError(f"n_per_arm must be at least 3; got {sizes}")
    tables = []
    for at, n in enumerate(sizes):
        planned = shape.resized(dict.fromkeys((shape.control, shape.stress, shape.treated), n))
        tables.append(
            calibrate(
                planned,
                [Scenario(undone=share) for share in shares],
                n_replicates=n_replicates,
                alpha=alpha,
                seed=seed,
                n_random=n_random,
                progress=_part_of(progress, at, len(sizes)),
                stop=stop,
            )
        )
        tables[-1].insert(0, "n_per_arm", n)
        if stop is not None and stop():
            break
    return pd.concat(tables, ignore_index=True)


def _part_of(progress: Progress | None, at: int, n_parts: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, total: progress(at * total + done, n_parts * total)
