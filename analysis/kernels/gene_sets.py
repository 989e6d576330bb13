"""Are the genes of a set among those that changed: over-representation and preranked enrichment.

References
----------
.. [1] Subramanian et al., PNAS 102, 15545-15550 (2005): the running sum and its leading edge.
.. [2] Boyle et al., Bioinformatics 20, 3710-3715 (2004): the hypergeometric test against tested genes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.kernels.differential_expression import adjust_p_values
from analysis.kernels.hypergeometric import FloatArray, log10_upper_tail, log_factorials

IntArray = NDArray[np.intp]

MIN_GENES, MAX_GENES = 15, 500  # of a set among the tested genes; GSEA's defaults
N_PERMUTATIONS = 1_000
PERMUTATIONS_AT_ONCE = 250
OVER_COLUMNS = ("n_set", "n_listed", "n_both", "expected", "fold", "p_value", "adj_p_value", "genes")
RANKED_COLUMNS = ("n_set", "score", "normalized_score", "p_value", "adj_p_value", "leading_edge")


@dataclass(frozen=True)
class GeneSets:
    """Sets read from a GMT file.

    Attributes
    ----------
    sets : dict of tuple of str
        Genes by name of the set, each once, in the order of the file.
    descriptions : dict of str
    messages : tuple of str
        What was not taken as it stood, in words.
    """

    sets: dict[str, tuple[str, ...]]
    descriptions: dict[str, str]
    messages: tuple[str, ...]


def read_gmt(text: str) -> GeneSets:
    """Read gene sets in Broad's GMT format: name, description and genes, separated by tabs.

    Line ends of any system, a byte order mark, empty lines and trailing tabs are no harm. A set named
    twice with the same genes is kept once; with other genes it is refused.

    Parameters
    ----------
    text : str
        Of the file.

    Returns
    -------
    GeneSets

    Raises
    ------
    ValueError
        If a line has no genes or no name, or two sets of one name differ; all such lines are listed.
    """
    sets: dict[str, tuple[str, ...]] = {}
    descriptions: dict[str, str] = {}
    first_line: dict[str, int] = {}
    errors, messages = [], []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if not line.strip():
            continue
        name, description, *fields = [field.strip() for field in line.split("\t")] + [""]
        genes = tuple(dict.fromkeys(gene for gene in fields if gene))
        if not name or not genes:
            errors.append(f"line {number}: {'the set has no name' if not name else f'{name!r} has no genes'}")
        elif name not in sets:
            sets[name], descriptions[name], first_line[name] = genes, description, number
        elif set(sets[name]) == set(genes):
            messages.append(f"{name} stands in lines {first_line[name]} and {number} with the same genes; kept once.")
        else:
            errors.append(f"lines {first_line[name]} and {number}: both are named {name!r}, with different genes")
    if errors:
        shown = "; ".join(errors[:10]) + (f"; and {len(errors) - 10} more" if len(errors) > 10 else "")
        raise ValueError(f"GMT needs a name, a description and genes in each line, separated by tabs; {shown}")
    if not sets:
        raise ValueError("the file holds no gene set")
    return GeneSets(sets, descriptions, tuple(messages))


def over_representation(
    listed: Iterable[Any],
    tested: Iterable[Any],
    sets: Mapping[str, Iterable[Any]],
    *,
    min_genes: int = MIN_GENES,
    max_genes: int = MAX_GENES,
) -> pd.DataFrame:
    """Test for each set whether more of its genes are on a list than a random list would hold.

    Parameters
    ----------
    listed : iterable of str
        Genes of the list; all must have been tested.
    tested : iterable of str
        Every gene that could have come onto the list: the background.
    sets : mapping of iterables of str
        By name. Genes that were not tested take no part.
    min_genes, max_genes : int
        Sets with fewer or more tested genes are left out.

    Returns
    -------
    pandas.DataFrame, indexed by set, the smallest p first
        ``n_set``, ``n_listed``, ``n_both``, ``expected``, ``fold``, ``p_value`` (hypergeometric, one-sided),
        ``adj_p_value`` (Benjamini-Hochberg over the sets kept), ``genes`` (tuple). The p-value takes
        genes as independent, which they are not: read it as a ranking of sets.

    Raises
    ------
    ValueError
        If a listed gene was not tested, or the bounds exclude each other.
    """
    background = pd.Index(dict.fromkeys(tested))
    chosen = pd.Index(dict.fromkeys(listed))
    strange = chosen.difference(background)
    if len(strange):
        raise ValueError(f"listed genes must be among those tested; {strange[0]} and {len(strange) - 1} others are not")
    members = _members(sets, background, min_genes, max_genes)
    is_listed = background.isin(chosen)
    n_tested, n_listed = len(background), len(chosen)
    rows = []
    table = log_factorials(n_tested)
    for name, at in members.items():
        found = at[is_listed[at]]
        expected = len(at) * n_listed / n_tested
        p_value = float(10 ** log10_upper_tail(len(found), len(at), n_listed, n_tested, table))
        fold = len(found) / expected if expected else np.nan
        rows.append((name, len(at), n_listed, len(found), expected, fold, p_value, tuple(background[found])))
    columns = ["set", *(column for column in OVER_COLUMNS if column != "adj_p_value")]
    frame = pd.DataFrame(rows, columns=columns).set_index("set")
    return _ranked_by_p(frame, OVER_COLUMNS)


def preranked(
    scores: pd.Series,
    sets: Mapping[str, Iterable[str]],
    *,
    weight: float = 1.0,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = 0,
    min_genes: int = MIN_GENES,
    max_genes: int = MAX_GENES,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Test for each set whether its genes crowd at one end of a ranked list.

    Parameters
    ----------
    scores : pandas.Series
        By gene, as a moderated t; missing ones are left out. Tied genes stand in the order of names.
    sets : mapping of iterables of str
        By name. Genes without a score take no part.
    weight : float
        Exponent of the scores in the running sum; 0: ranks alone.
    n_permutations : int
        Random sets of the same size that a score is compared with.
    seed : int
    min_genes, max_genes : int
        Sets with fewer or more ranked genes are left out.
    progress : callable, optional
        Told how many sets of how many are done.

    Returns
    -------
    pandas.DataFrame, indexed by set, the smallest p first
        ``n_set``, ``score`` (largest deviation of the running sum, negative at the bottom),
        ``normalized_score`` (over the mean of random sets with the same sign), ``p_value`` (share of
        random sets of the same sign at least as far out, the set itself counted), ``adj_p_value``
        (Benjamini-Hochberg), ``leading_edge`` (tuple of genes). Random sets of genes ignore that genes
        move together: read p as a ranking of sets.

    Raises
    ------
    ValueError
        If a gene comes twice, a score is infinite, nothing is left to rank, or an argument is out of range.
    """
    if n_permutations < 20 or not weight >= 0:
        raise ValueError(f"n_permutations must be 20 or more and weight at least 0; got {n_permutations}, {weight}")
    ranked = _ranked(scores)
    members = _members(sets, ranked.index, min_genes, max_genes)
    hits = np.abs(ranked.to_numpy()) ** weight
    largest = max(map(len, members.values()), default=0)
    random_genes = _random_genes(len(hits), largest, n_permutations, np.random.default_rng((seed, 0)))
    nulls: dict[int, FloatArray] = {}
    rows = []
    for number, (name, at) in enumerate(members.items()):
        if progress is not None:
            progress(number, len(members))
        if len(at) not in nulls:
            nulls[len(at)] = _random_scores(hits, random_genes[:, : len(at)])
        score, edge = _enrichment(hits, at)
        null = nulls[len(at)]
        same = null[null * score > 0]
        p_value = (1 + float(np.sum(np.abs(same) >= abs(score)))) / (1 + len(same))
        normalized = score / float(np.abs(same).mean()) if len(same) else np.nan
        rows.append((name, len(at), score, normalized, p_value, tuple(ranked.index[edge])))
    columns = ["set", *(column for column in RANKED_COLUMNS if column != "adj_p_value")]
    frame = pd.DataFrame(rows, columns=columns).set_index("set")
    # Many sets share the smallest p that so many permutations allow.
    furthest_first = frame["normalized_score"].abs().sort_values(ascending=False, kind="stable").index
    return _ranked_by_p(frame.loc[furthest_first], RANKED_COLUMNS)


def _ranked(scores: pd.Series) -> pd.Series:
    if not scores.index.is_unique:
        raise ValueError(f"scores must have each gene once; {scores.index[scores.index.duplicated()][0]} comes twice")
    known = scores.astype(float).dropna()
    if np.isinf(known).any():
        raise ValueError(f"scores must be finite; that of {known.index[np.isinf(known)][0]} is not")
    if len(known) < 2 or not known.to_numpy().any():
        raise ValueError(f"a ranking needs at least two genes with a score other than 0; got {len(known)}")
    return known.sort_index(key=lambda genes: genes.astype(str)).sort_values(ascending=False, kind="stable")


def _members(sets: Mapping[str, Iterable[Any]], genes: pd.Index, min_genes: int, max_genes: int) -> dict[str, IntArray]:
    """Places of each set's genes, sorted; sets of another size are left out."""
    if not 1 <= min_genes <= max_genes:
        raise ValueError(f"min_genes must be at least 1 and at most max_genes; got {min_genes} and {max_genes}")
    found = {name: np.unique(genes.get_indexer(pd.Index(dict.fromkeys(members)))) for name, members in sets.items()}
    known = {name: at[at >= 0] for name, at in found.items()}
    return {name: at for name, at in known.items() if min_genes <= len(at) <= max_genes and len(at) < len(genes)}


def _enrichment(hits: FloatArray, at: IntArray) -> tuple[float, IntArray]:
    """Largest deviation of the running sum, and the genes of the set up to it."""
    score, peak = _deviations(hits, at[None, :])
    edge = at[: peak[0] + 1] if score[0] > 0 else at[peak[0] :]
    return float(score[0]), edge


def _deviations(hits: FloatArray, places: IntArray) -> tuple[FloatArray, IntArray]:
    """Largest deviation for each row of sorted places, and which gene of the set it is at.

    The running sum rises at the genes of the set and falls between them: its peaks are at the genes,
    its troughs just before them.
    """
    n_genes, size = len(hits), places.shape[1]
    steps = hits[places]
    totals = steps.sum(axis=1, keepdims=True)
    # Genes of score 0 throughout: every hit counts alike.
    steps = np.where(totals > 0, steps / np.where(totals > 0, totals, 1.0), 1.0 / size)
    risen = steps.cumsum(axis=1)
    fallen = (places - np.arange(size)) / (n_genes - size)
    peaks, troughs = risen - fallen, risen - steps - fallen
    top, bottom = peaks.argmax(axis=1), troughs.argmin(axis=1)
    rows = np.arange(len(places))
    highest, lowest = peaks[rows, top], troughs[rows, bottom]
    is_up = highest >= -lowest
    return np.where(is_up, highest, lowest), np.where(is_up, top, bottom)


def _random_genes(n_genes: int, size: int, n_permutations: int, rng: np.random.Generator) -> IntArray:
    """Places of the first genes of random orders: any number of them from the left is a random set of that size.

    Drawing each set by itself takes as long as ordering all genes, once for every size.
    """
    drawn = [np.zeros((0, size), dtype=np.intp)]
    for start in range(0, n_permutations, PERMUTATIONS_AT_ONCE):
        n = min(PERMUTATIONS_AT_ONCE, n_permutations - start)
        drawn.append(rng.permuted(np.tile(np.arange(n_genes), (n, 1)), axis=1)[:, :size])
    return np.concatenate(drawn)


def _random_scores(hits: FloatArray, random_genes: IntArray) -> FloatArray:
    return _deviations(hits, np.sort(random_genes, axis=1))[0]


def _ranked_by_p(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    p_values = frame["p_value"].to_numpy(dtype=float)
    frame = frame.copy()
    frame["adj_p_value"] = adjust_p_values(p_values) if len(p_values) else p_values
    return frame[list(columns)].sort_values("p_value", kind="stable")
