"""What a study is made of, as far as a simulation of its likes needs: learned from one region."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.kernels.reversal_inputs import FloatArray, RegionSamples, read_samples
from analysis.kernels.reversal_weights import n_directions, residuals_of, within_group_space

N_GENES = 2_000  # simulated: the rates do not depend on the number beyond a thousand, the time does


@dataclass(frozen=True)
class StudyShape:
    """What is simulated.

    Attributes
    ----------
    groups : pandas.Series
        By sample.
    pools : pandas.Series or None
    treated, stress, control : str
        The groups compared.
    noise_sd : numpy.ndarray, shape (n_genes,)
        Of a gene's own variation between mice of one group, log2.
    loadings : numpy.ndarray, shape (n_genes, n_directions)
        Gene directions shared by mice, in their length.
    signature_length : float
        Root of the summed squares of the stress signature, noise taken out; 0 when none is seen.
    """

    groups: pd.Series
    pools: pd.Series | None
    treated: str
    stress: str
    control: str
    noise_sd: FloatArray
    loadings: FloatArray
    signature_length: float

    @property
    def shared_share(self) -> float:
        """Share of the variance within groups that lies along the shared directions."""
        shared = float(np.sum(self.loadings**2))
        return shared / (shared + float(np.sum(self.noise_sd**2)))

    def resized(self, sizes: dict[str, int]) -> "StudyShape":
        """The same study with other numbers of mice in some groups, sequenced in one run."""
        counts: dict[str, int] = {str(group): int(n) for group, n in self.groups.value_counts(sort=False).items()}
        counts.update(sizes)
        names = [group for group, size in counts.items() for _ in range(size)]
        groups = pd.Series(names, index=[f"mouse {number:04d}" for number in range(len(names))])
        return replace(self, groups=groups, pools=None)


def learn_shape(
    expression: pd.DataFrame,
    groups: pd.Series,
    *,
    treated: str,
    stress: str = "susceptible",
    control: str = "control",
    pools: pd.Series | None = None,
    n_genes: int = N_GENES,
    seed: int = 0,
) -> StudyShape:
    """Learn from one region of a study what its simulated likes are made of.

    Parameters
    ----------
    expression, groups, treated, stress, control, pools
        As `reversal.reversal_test`.
    n_genes : int
        Genes simulated, drawn from those given.
    seed : int
        Of that draw.

    Raises
    ------
    ValueError
        If the input is malformed, or the groups leave fewer than 3 residual degrees of freedom.
    """
    samples = read_samples(expression, groups, pools, treated=treated, stress=stress, control=control)
    everyone = np.ones(len(samples.samples), dtype=bool)
    space = within_group_space(samples, everyone)
    if space.df < 3:
        raise ValueError(f"groups and runs leave {space.df} residual degrees of freedom; 3 are needed")
    noise = residuals_of(samples.expression, everyone, space)
    loadings = _shared_loadings(noise.values, noise.df)
    own = np.maximum(noise.variance - np.sum(loadings**2, axis=1), 0.05 * noise.variance)
    n_all = len(own)
    chosen = np.sort(np.random.default_rng(seed).permutation(n_all)[:n_genes])
    length = _signature_length(samples, noise.variance) * math.sqrt(len(chosen) / n_all)
    return StudyShape(
        groups=groups,
        pools=None if samples.pool is None else pools,
        treated=treated,
        stress=stress,
        control=control,
        noise_sd=np.sqrt(own[chosen]),
        loadings=loadings[chosen],
        signature_length=length,
    )


def _shared_loadings(residuals: FloatArray, df: int) -> FloatArray:
    """Leading gene directions in the length that is left when the noise in an eigenvalue is taken out."""
    values, vectors = np.linalg.eigh(residuals.T @ residuals / df)
    values, vectors = values[::-1], vectors[:, ::-1]
    k = n_directions(df)
    surplus = np.maximum(values[:k] - values[k:].mean(), 0.0)
    directions = residuals @ vectors[:, :k] / np.sqrt(np.maximum(values[:k] * df, np.finfo(float).tiny))
    return directions * np.sqrt(surplus)


def _signature_length(samples: RegionSamples, variance: FloatArray) -> float:
    """Root of |S - C|^2 less what the mice's own variation adds."""
    n_control, n_stress, _ = samples.group_sizes
    if min(n_control, n_stress) == 0:
        return 0.0
    means = [samples.expression[:, mice].mean(axis=1) for mice in (samples.is_control, samples.is_stress)]
    noise = float(variance.sum()) * (1 / n_control + 1 / n_stress)
    return math.sqrt(max(0.0, float(np.sum((means[1] - means[0]) ** 2)) - noise))
