"""Stress and drug signature of one region under every relabeling of the treated animals.

What is computed from two signatures (an overlap, a map, a correlation) has no p-value of its own;
computed from each of these pairs it has.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.kernels.empirical_bayes import squeeze_variances
from analysis.kernels.reversal_design import (
    MAX_EXHAUSTIVE,
    MergedDesign,
    count_relabelings,
    drug_design,
    label_contrasts,
    make_relabelings,
    stress_contrasts,
)
from analysis.kernels.reversal_inputs import FloatArray, read_samples
from analysis.kernels.reversal_messages import MIN_RELABELINGS, TOO_FEW_RELABELINGS, refuse_design, refuse_groups

N_RANDOM = 499  # whole signatures cost more than one number each; p moves in steps of .002


@dataclass(frozen=True)
class RelabeledSignatures:
    """Pairs of signatures (S - C, D - S), the true labeling first; made one at a time.

    Attributes
    ----------
    genes : pandas.Index
    n_relabelings : int
        The true labeling included; 0 when refused.
    messages : tuple of str
        Codes of `reversal.MESSAGES`.
    n_available : int or None
        Relabelings that exist, of which some may have been drawn; None when refused.
    """

    genes: pd.Index
    n_relabelings: int
    messages: tuple[str, ...]
    _expression: FloatArray
    _design: MergedDesign | None
    _labels: FloatArray
    n_available: int | None = None

    def __len__(self) -> int:
        return self.n_relabelings

    def __iter__(self) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Moderated t of every gene in both contrasts, for one labeling after another."""
        return self._signatures_of(self._labels[: self.n_relabelings])

    def observed(self) -> tuple[FloatArray, FloatArray] | None:
        """Return the pair of the true labeling; also where there are too few relabelings, None where it is refused."""
        return next(self._signatures_of(self._labels[:1]), None)

    def _signatures_of(self, labels: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        if self._design is None:
            return
        basis = self._design.residuals.basis
        merged_ss = np.square(self._expression @ basis).sum(axis=1)
        for label in labels:
            drug = label_contrasts(self._design, label)
            stress = stress_contrasts(self._design, label, drug)
            yield _moderated_t(self._expression, stress, drug, merged_ss, basis.shape[1] - 1)


def relabeled_signatures(
    expression: pd.DataFrame,
    groups: pd.Series,
    *,
    treated: str,
    stress: str = "susceptible",
    control: str = "control",
    pools: pd.Series | None = None,
    seed: int = 0,
    max_exhaustive: int = MAX_EXHAUSTIVE,
    n_random: int = N_RANDOM,
) -> RelabeledSignatures:
    """Make the signatures of all relabelings of susceptible and treated mice.

    Parameters, errors and refusals as `reversal.reversal_test`.

    Returns
    -------
    RelabeledSignatures
        Without relabelings, with a message, where the test would be refused or give no p-value.
    """
    samples = read_samples(expression, groups, pools, treated=treated, stress=stress, control=control)
    code = refuse_groups(samples)
    design = None if code else drug_design(samples)
    if design is not None:
        code = refuse_design(samples, design)
    empty = np.empty((0, len(samples.samples)))
    if code is not None or design is None:
        return RelabeledSignatures(samples.genes, 0, (code,) if code else (), samples.expression, None, empty)
    labels = make_relabelings(
        design, np.random.default_rng((seed, 0)), max_exhaustive=max_exhaustive, n_random=n_random
    )
    if len(labels) < MIN_RELABELINGS:
        return RelabeledSignatures(
            samples.genes, 0, (TOO_FEW_RELABELINGS,), samples.expression, design, labels, len(labels)
        )
    return RelabeledSignatures(
        samples.genes, len(labels), (), samples.expression, design, labels, count_relabelings(design)
    )


def _moderated_t(
    expression: FloatArray, stress: FloatArray, drug: FloatArray, merged_ss: FloatArray, df: int
) -> tuple[FloatArray, FloatArray]:
    """t of both contrasts; the residuals are those of the merged design less their part along the label."""
    along = expression @ np.column_stack([stress, drug])
    lengths = np.linalg.norm(stress), np.linalg.norm(drug)
    residual_ss = np.maximum(merged_ss - (along[:, 1] / lengths[1]) ** 2, 0.0)
    moderated = squeeze_variances(residual_ss / df, np.full(len(expression), float(df)))
    sd = np.sqrt(moderated.posterior)
    first, second = (np.divide(along[:, at], lengths[at] * sd, out=np.zeros(len(sd)), where=sd > 0) for at in (0, 1))
    return first, second
