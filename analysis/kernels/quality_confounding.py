"""The confounding table: does the group of a mouse go along with where, when or with whom it was handled."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.kernels.confounding import LabelAssociation, cramers_v
from analysis.kernels.quality import QualityLimits
from analysis.kernels.quality_findings import NOTE, WARNING, Finding

MOST_LEVELS = 0.5  # a factor with more levels than half of the samples tells them apart one by one; ours
OF_HOUSING = frozenset({"cage", "litter"})  # mice are housed by group in many designs: known, and not to be mended


@dataclass(frozen=True)
class Confounding:
    """Group against one factor, in one region or over mice.

    Attributes
    ----------
    grouping : str
        The field that makes the groups.
    factor : str
    region : str
        Empty: mice, each once.
    n, n_levels : int
        Samples with both labels; levels of the factor.
    v, v_corrected, p_value : float or None
    is_confounded : bool
    sentence : str
    """

    grouping: str
    factor: str
    region: str
    n: int
    n_levels: int
    v: float | None
    v_corrected: float | None
    p_value: float | None
    is_confounded: bool
    sentence: str


def confounding_table(
    libraries: pd.DataFrame,
    groupings: Mapping[str, str],
    of_libraries: Sequence[str],
    of_mice: Sequence[str],
    limits: QualityLimits,
) -> list[Confounding]:
    """Measure each grouping against each factor.

    Parameters
    ----------
    libraries : pandas.DataFrame
        One row per library: ``mouse``, ``region``, and the columns named below; missing where not known.
    groupings : mapping of column to name
        Columns that make groups, and what sentences call them.
    of_libraries : sequence of str
        Factors of libraries (pool, run, batch): within each region, since contrasts are fitted there.
    of_mice : sequence of str
        Factors of mice (cage, cohort, litter): over the sequenced mice, each once.

    Returns
    -------
    list of Confounding
        In the order of grouping, factor, region; factors with one level are left out.
    """
    mice = libraries.drop_duplicates("mouse")
    rows: list[Confounding] = []
    for grouping, name in groupings.items():
        for factor in of_libraries:
            for region, members in libraries.groupby("region", sort=True):
                rows += _measured(members, grouping, name, factor, str(region), limits)
        for factor in of_mice:
            rows += _measured(mice, grouping, name, factor, "", limits)
    return rows


def _measured(
    samples: pd.DataFrame, grouping: str, name: str, factor: str, region: str, limits: QualityLimits
) -> Iterator[Confounding]:
    group, levels = (samples[column].astype(object) for column in (grouping, factor))
    both = group.notna() & levels.notna()
    n, n_levels = int(both.sum()), int(levels[both].nunique())
    if n_levels < 2 or group[both].nunique() < 2:
        return
    where = f"In {region}, " if region else ""
    if n_levels > MOST_LEVELS * n:
        sentence = f"{where}{name} by {factor} cannot be judged: {n_levels} levels for {n} samples, nearly one each."
        yield Confounding(grouping, factor, region, n, n_levels, None, None, None, False, _capital(sentence))
        return
    found = cramers_v(list(group), list(levels))
    is_confounded = bool(found.parted) or (found.v_corrected or 0.0) >= limits.max_cramers_v
    sentence = where + _sentence(found, name, factor, is_confounded)
    yield Confounding(
        grouping, factor, region, n, n_levels, found.v, found.v_corrected, found.p_value, is_confounded, _capital(sentence)
    )  # fmt: skip


def _sentence(found: LabelAssociation, name: str, factor: str, is_confounded: bool) -> str:
    v = f"V = {found.v_corrected:.2f}, n = {found.n}"
    if found.parted:
        sets = " | ".join(", ".join(levels) for levels in found.parted)
        return f"{name} is confounded with {factor} ({v}): these share no {factor}, so no model can part them: {sets}."
    if is_confounded:
        return f"{name} goes strongly along with {factor} ({v}): adjusting for it costs much of the power, not adjusting biases."
    return f"{name} is spread over {factor} ({v})."


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def confounding_findings(rows: Sequence[Confounding], limits: QualityLimits) -> Iterator[Finding]:
    """Yield a finding for everything that is confounded; one for a factor that is so in several regions."""
    confounded: dict[tuple[str, str], list[Confounding]] = {}
    for row in rows:
        if row.is_confounded:
            confounded.setdefault((row.grouping, row.factor), []).append(row)
    for (grouping, factor), of_regions in confounded.items():
        strongest = max(row.v_corrected or 0.0 for row in of_regions)
        yield Finding(
            "confounded", NOTE if factor in OF_HOUSING else WARNING, f"{grouping} and {factor}",
            " ".join(row.sentence for row in of_regions),
            "; ".join(f"{row.region or 'mice'} {row.v_corrected or 0.0:.2f}" for row in of_regions),
            strongest, limits.max_cramers_v,
        )  # fmt: skip
