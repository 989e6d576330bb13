"""What the quality of the libraries says in sentences: one finding for one cause, with its evidence in numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels import quality_identity as identity
from analysis.kernels.counts import log2_cpm_of
from analysis.kernels.quality import (
    QualityLimits,
    comparable_expression,
    library_correlations,
    library_metrics,
    likeness,
    principal_components,
    robust_z,
)

ERROR, WARNING, NOTE = "error", "warning", "note"
TELLS_REGIONS = 0.9  # of the libraries must look like their own region for one that does not to be an error; ours
HARDLY_TELLS_REGIONS = 0.75  # below, to look like another region says nothing; ours
MEASURES = [
    "library_size", "genes_detected", "top_50_share", "mitochondrial_share", "reads_z", "median_correlation", "outlier_z",
    "xist_cpm", "y_cpm", "sex_log2_ratio", "sex_called", "region_like", "own_correlation", "region_margin",
    "distance_from_mean", "pc1", "pc2", "pc3", "pc4",
]  # fmt: skip
SEXES = {"F": "female", "M": "male"}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or may be.

    Attributes
    ----------
    check : str
        Which question found it.
    severity : str
        ``error``: a mistake, or a library that must not be used as it is. ``warning``: look before it is used.
        ``note``: good to know.
    subject : str
        What it is about, as people call it; with the check, what it is recognized by in the next run.
    sentence : str
    evidence : str
        What a decision on it rests on: the same evidence, the same decision. Numbers that change with other libraries
        stand in the sentence alone.
    value, limit : float or None
    library, other_library, mouse, sample : str
        Codes of its records, where it has such.
    test_number : int, optional
        Of the mouse's SI test.
    """

    check: str
    severity: str
    subject: str
    sentence: str
    evidence: str
    value: float | None = None
    limit: float | None = None
    library: str = ""
    other_library: str = ""
    mouse: str = ""
    sample: str = ""
    test_number: int | None = None


@dataclass(frozen=True, eq=False)
class MeasuredLibraries:
    """What was measured of the libraries of a matrix.

    Attributes
    ----------
    frame : pandas.DataFrame
        Indexed by library: the columns of `library_metrics`, `likeness`, `call_sex` and `call_region`, ``reads_z``, and
        ``pc1`` ... with ``distance_from_mean`` (`Components`).
    pairs : list of (library, library, r)
        Which correlate above the limit.
    markers : pandas.DataFrame
        `marker_scores`; empty where no markers were given.
    notes : tuple of str
        What could not be asked.
    """

    frame: pd.DataFrame
    pairs: list[tuple[str, str, float]]
    markers: pd.DataFrame
    notes: tuple[str, ...]


def measure_libraries(
    counts: pd.DataFrame,
    symbols: pd.Series,
    region: pd.Series,
    limits: QualityLimits,
    markers: Mapping[str, Sequence[str]] | None = None,
) -> MeasuredLibraries:
    """Measure every library, by itself and beside the others.

    Parameters
    ----------
    counts : pandas.DataFrame, shape (n_genes, n_libraries)
        Raw read counts.
    symbols : pandas.Series of str, shape (n_genes,)
    region : pandas.Series
        As recorded, by library.
    markers : mapping of region to symbols, optional
        Genes that are higher in a region than in the others.
    """
    frame = library_metrics(counts, symbols)
    has_reads = frame.index[frame["library_size"] > 0]
    counts, region = counts[has_reads], region.reindex(has_reads)
    sizes = frame.loc[has_reads, "library_size"]
    sex = identity.call_sex(counts, symbols, limits)
    notes = []
    if sex["xist_cpm"].isna().all():
        notes.append("No sex check: the annotation has no Xist, or no gene on Y (Ddx3y, Uty, Eif2s3y, Kdm5d).")
    parts = [frame, robust_z(np.log(sizes)).rename("reads_z"), sex]
    pairs: list[tuple[str, str, float]] = []
    if len(has_reads) > 1:
        compared = identity.without_sex_genes(counts, symbols)
        expression = comparable_expression(compared, region, limits.n_variable_genes)
        of_regions = [
            likeness(library_correlations(compared[members], limits.n_variable_genes))
            for members in region.groupby(region).groups.values()
        ]
        components = principal_components(expression)
        pairs = identity.duplicates(expression, limits.duplicate_correlation)
        called = identity.call_region(expression, region)
        parts += [pd.concat(of_regions), called, components.scores, components.distance]
    measured = pd.concat(parts, axis=1).reindex(columns=MEASURES)
    for column in ("sex_called", "region_like"):
        measured[column] = measured[column].astype(object).where(measured[column].notna(), "")
    scored = _score_markers(counts, sizes, symbols, markers or {}, notes)
    return MeasuredLibraries(measured, pairs, scored, tuple(notes))


def _score_markers(
    counts: pd.DataFrame,
    sizes: pd.Series,
    symbols: pd.Series,
    markers: Mapping[str, Sequence[str]],
    notes: list[str],
) -> pd.DataFrame:
    named = symbols.reindex(counts.index).fillna("").str.casefold()
    absent = [gene for genes in markers.values() for gene in genes if gene.casefold() not in set(named)]
    if absent:
        notes.append(f"Markers that the annotation lacks: {', '.join(absent)}.")
    own = counts[named.isin([gene.casefold() for genes in markers.values() for gene in genes]).to_numpy()]
    logged = log2_cpm_of(own.to_numpy(dtype=float), sizes.to_numpy())
    expression = pd.DataFrame(logged, index=own.index, columns=own.columns)
    return identity.marker_scores(expression, markers, symbols)


def library_findings(measured: MeasuredLibraries, libraries: pd.DataFrame, limits: QualityLimits) -> Iterator[Finding]:
    """Yield what is wrong with libraries, errors first.

    Parameters
    ----------
    measured : MeasuredLibraries
    libraries : pandas.DataFrame
        Indexed by library: ``mouse`` (code), ``region``, ``pool``, ``sex`` (M, F, or anything else for not known).
    """
    frame = measured.frame.join(libraries[["mouse", "region", "pool", "sex"]])
    asked = frame[frame["region_like"] != ""]
    n_right = int((asked["region_like"] == asked["region"]).sum())
    if n_right < HARDLY_TELLS_REGIONS * len(asked):
        strangers = asked[:0]
        yield _regions_alike(n_right, len(asked))
    else:
        strangers = asked[asked["region_margin"] < -limits.region_margin]
        yield from _exchanged(strangers, n_right, len(asked), limits)
    usual = frame.drop(index=strangers.index)  # one cause is said once
    yield from _wrong_sex(frame)
    yield from _doubles(measured.pairs, frame, limits)
    yield from _few_reads(frame, limits)
    yield from _unlike_others(usual, limits)
    yield from _wrong_markers(measured.markers, usual, limits)
    yield from _mitochondrial(frame, limits)


def _regions_alike(n_right: int, n_asked: int) -> Finding:
    sentence = (
        f"Only {n_right} of {n_asked} libraries look like their own region, so regions cannot be told apart by their genes "
        "here: exchanged tubes would not be seen."
    )
    return Finding(
        "regions_alike", NOTE, "regions", sentence, f"{n_right} of {n_asked}", n_right / n_asked, HARDLY_TELLS_REGIONS
    )


def _exchanged(strangers: pd.DataFrame, n_right: int, n_asked: int, limits: QualityLimits) -> Iterator[Finding]:
    is_clear = n_right >= TELLS_REGIONS * n_asked
    doubt = "" if is_clear else f" Only {n_right} of {n_asked} libraries look like their own region, so this is weak."
    severity = ERROR if is_clear else WARNING
    pairs, alone = identity.exchanged_pairs(
        strangers["region"], strangers["region_like"], (strangers["mouse"], strangers["pool"])
    )
    for one, other in pairs:
        a: Any = strangers.loc[one]
        b: Any = strangers.loc[other]
        shared = f"mouse {a['mouse']}" if a["mouse"] == b["mouse"] else f"pool {a['pool']}"
        yield Finding(
            "swapped_pair", severity, f"{one} and {other}",
            f"{one} is recorded as {a['region']} but its genes are those of {b['region']}, and {other} the other way "
            f"round; both are of {shared}, so they were probably exchanged. Correlation with their recorded regions "
            f"{_r(a['own_correlation'])} and {_r(b['own_correlation'])}, with each other's "
            f"{_r(a['own_correlation'] - a['region_margin'])} and {_r(b['own_correlation'] - b['region_margin'])}.{doubt}",
            f"{one} {a['region']} like {b['region']}; {other} {b['region']} like {a['region']}",
            float(max(a["region_margin"], b["region_margin"])), -limits.region_margin,
            library=one, other_library=other, mouse=a["mouse"] if a["mouse"] == b["mouse"] else "",
        )  # fmt: skip
    for library in alone:
        row: Any = strangers.loc[library]
        yield Finding(
            "other_region", severity, library,
            f"{library} is recorded as {row['region']} but its genes are those of {row['region_like']}: correlation "
            f"{_r(row['own_correlation'])} with the former, {_r(row['own_correlation'] - row['region_margin'])} with the "
            f"latter. No library of its mouse or pool looks exchanged with it.{doubt}",
            f"{row['region']} like {row['region_like']}", float(row["region_margin"]), -limits.region_margin,
            library=library, mouse=row["mouse"],
        )  # fmt: skip


def _wrong_sex(frame: pd.DataFrame) -> Iterator[Finding]:
    """One finding for a mouse whose libraries all say another sex, else one for each library that does."""
    known = frame[frame["sex_called"].isin(list(SEXES)) & frame["sex"].isin(list(SEXES))]
    for mouse, rows in known.groupby("mouse", sort=True):
        wrong = rows[rows["sex_called"] != rows["sex"]]
        if wrong.empty:
            continue
        recorded, called = SEXES[wrong["sex"].iloc[0]], SEXES[wrong["sex_called"].iloc[0]]
        levels = f"Xist {wrong['xist_cpm'].median():,.1f}, genes on Y {wrong['y_cpm'].median():,.1f} counts per million"
        if len(wrong) == len(rows):
            which = f"its library {wrong.index[0]} is" if len(rows) == 1 else f"all of its {len(rows)} libraries are"
            yield Finding(
                "sex_of_mouse", ERROR, str(mouse),
                f"{mouse} is recorded as {recorded}, but {which} {called} ({levels}). The record of the mouse is wrong, or "
                "its tissue is of another mouse.",
                f"recorded {recorded}, {called} in {', '.join(wrong.index)}",
                float(wrong["sex_log2_ratio"].median()), 0.0, mouse=str(mouse),
                library=wrong.index[0] if len(rows) == 1 else "",
            )  # fmt: skip
            continue
        for library, row in wrong.iterrows():
            yield Finding(
                "sex_of_library", ERROR, str(library),
                f"{library} is {SEXES[row['sex_called']]} (Xist {row['xist_cpm']:,.1f}, genes on Y {row['y_cpm']:,.1f} counts "
                f"per million), but {mouse} is {recorded}, as its other libraries are: this one is of another mouse.",
                f"recorded {recorded}, {SEXES[row['sex_called']]} in {library} alone",
                float(row["sex_log2_ratio"]), 0.0, library=str(library), mouse=str(mouse),
            )  # fmt: skip


def _doubles(pairs: list[tuple[str, str, float]], frame: pd.DataFrame, limits: QualityLimits) -> Iterator[Finding]:
    for one, other, r in pairs:
        of = [f"{frame.at[name, 'mouse']} {frame.at[name, 'region']}" for name in (one, other)]
        yield Finding(
            "duplicate", ERROR, f"{one} and {other}",
            f"{one} ({of[0]}) and {other} ({of[1]}) correlate {r:.4f}, above {limits.duplicate_correlation:g}: one sample "
            "under two names.",
            f"{one}, {other}", r, limits.duplicate_correlation, library=one, other_library=other,
        )  # fmt: skip


def _few_reads(frame: pd.DataFrame, limits: QualityLimits) -> Iterator[Finding]:
    for library in frame.index[frame["library_size"] == 0]:
        sentence = f"{library} has no read at all in this matrix; it is left out of everything below."
        yield Finding("no_reads", ERROR, library, sentence, "0 reads", 0.0, None, library=library)
    sized = frame[frame["library_size"] > 0]
    median = sized["library_size"].median()
    share = sized["library_size"] / median
    is_few = (share < limits.min_reads_share) & (sized["reads_z"] < -limits.min_reads_z)
    for library, row in sized[is_few].sort_values("library_size").iterrows():
        yield Finding(
            "low_reads", ERROR, str(library),
            f"{library} has {_millions(row['library_size'])} reads, {100 * share[str(library)]:.1f} % of the study's median "
            f"({_millions(median)}) and {-row['reads_z']:.1f} robust SD below it. Sequence it again, or leave it out.",
            f"{row['library_size']:.0f} reads", float(share[str(library)]), limits.min_reads_share,
            library=str(library), mouse=row["mouse"],
        )  # fmt: skip


def _unlike_others(frame: pd.DataFrame, limits: QualityLimits) -> Iterator[Finding]:
    outliers = frame[frame["outlier_z"] < -limits.outlier_z].sort_values("outlier_z")
    for library, row in outliers.iterrows():
        yield Finding(
            "outlier", WARNING, str(library),
            f"{library} is unlike the other libraries of {row['region']}: median correlation {row['median_correlation']:.3f}, "
            f"{-row['outlier_z']:.1f} robust SD below theirs ({_millions(row['library_size'])} reads).",
            f"{row['region']}, {row['library_size']:.0f} reads", float(row["outlier_z"]), -limits.outlier_z,
            library=str(library), mouse=row["mouse"],
        )  # fmt: skip


def _wrong_markers(markers: pd.DataFrame, frame: pd.DataFrame, limits: QualityLimits) -> Iterator[Finding]:
    if markers.shape[1] < 2:
        return
    for library, row in frame[frame["region"].isin(markers.columns) & frame.index.isin(markers.index)].iterrows():
        scores: Any = markers.loc[str(library)]
        highest, own = scores.idxmax(), scores[row["region"]]
        if highest != row["region"] and scores[highest] - own > limits.marker_margin_log2:
            yield Finding(
                "region_markers", WARNING, str(library),
                f"{library} is recorded as {row['region']}, but the markers of {highest} are higher in it: "
                f"{_r(scores[highest])} against {_r(own)} (log2 above the median library).",
                f"{row['region']}, markers of {highest}", float(own - scores[highest]), -limits.marker_margin_log2,
                library=str(library), mouse=row["mouse"],
            )  # fmt: skip


def _mitochondrial(frame: pd.DataFrame, limits: QualityLimits) -> Iterator[Finding]:
    for library, row in frame[frame["mitochondrial_share"] > limits.max_mitochondrial_share].iterrows():
        yield Finding(
            "mitochondrial", WARNING, str(library),
            f"{100 * row['mitochondrial_share']:.1f} % of the reads of {library} are mitochondrial, above "
            f"{100 * limits.max_mitochondrial_share:g} %: a sign of dying tissue or degraded RNA.",
            f"{row['library_size']:.0f} reads", float(row["mitochondrial_share"]), limits.max_mitochondrial_share,
            library=str(library), mouse=row["mouse"],
        )  # fmt: skip


def _r(number: float) -> str:
    return f"{number:.2f}".replace("-", "−")


def _millions(reads: float) -> str:
    return f"{reads / 1e6:.1f} million" if reads >= 1e5 else f"{reads:,.0f}"
