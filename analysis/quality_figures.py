"""The figures of a quality run: from its results to a chart and the sentence below it."""

import pandas as pd

from analysis import quality_frames
from analysis.figure_types import Asked, Drawn, Figure, FigureError
from analysis.figures import quality as charts
from analysis.figures.theme import no_data

MOST_IN_HEAT_MAP = 160  # libraries: beyond, cells are smaller than a pixel of the page


def draw_library_sizes(asked: Asked) -> Drawn:
    """Reads of every library, by region and group."""
    libraries = _libraries(asked)
    low = set(asked.run.qualityfindings.filter(kind="low_reads").values_list("library__code", flat=True))
    chart = charts.library_sizes(libraries.assign(is_low=libraries["library"].isin(low)))
    median = libraries["reads_million"].median()
    return Drawn(
        chart, f"n = {len(libraries)} libraries, median {median:.1f} million reads. Ringed: a finding of too few reads."
    )


def draw_pca_region(asked: Asked) -> Drawn:
    """The first two components, colored by region."""
    return _pca(asked, "region")


def draw_pca_group(asked: Asked) -> Drawn:
    """The components after those that part the regions, colored by group."""
    return _pca(asked, "group")


def _pca(asked: Asked, color: str) -> Drawn:
    libraries = _libraries(asked)
    shares = quality_frames.explained_shares(libraries)
    axes = list(shares)[:2]
    if len(axes) < 2:
        return Drawn(no_data("no data: fewer than three libraries have reads"), "")
    titles = [f"component {axis[2:]} ({100 * shares[axis]:.0f} % of the variance)" for axis in axes]
    chart = charts.pca(libraries, color=color, axes=(axes[0], axes[1]), titles=(titles[0], titles[1]))
    genes = asked.run.parameters.get("n_variable_genes", 2000)
    caption = f"n = {len(libraries)} libraries; log2 CPM of the {genes:,} most variable genes. The sign of an axis means nothing."
    return Drawn(chart, caption)


def draw_sex(asked: Asked) -> Drawn:
    """Xist against the genes on Y, by the recorded sex."""
    libraries = _libraries(asked)
    caption = (
        f"n = {len(libraries)} libraries. A female has Xist and no gene on Y, a male the reverse; color is the sex as "
        "recorded. Counts of 0 are drawn at the edge."
    )
    return Drawn(charts.sex_genes(libraries), caption)


def draw_correlations(asked: Asked) -> Drawn:
    """Correlations of the libraries of one region; the address names it."""
    libraries = _libraries(asked)
    regions = list(dict.fromkeys(libraries["region"]))
    region = asked.parameters.get("region") or regions[0]
    if region not in regions:
        raise FigureError(f"{region} is not a region of this run; there are: {', '.join(regions)}.")
    own = libraries[libraries["region"] == region].sort_values(["group", "library"], kind="stable")
    if len(own) > MOST_IN_HEAT_MAP:
        sentence = f"{len(own)} libraries are too many for a heat map; the table of library qualities has their medians"
        return Drawn(no_data(sentence), "", (region,))
    n_genes = int(asked.run.parameters.get("n_variable_genes", 2000))
    chart = charts.correlations(quality_frames.correlation_frame(own, n_genes), list(own["library"]))
    caption = (
        f"{region}, n = {len(own)} libraries, by group; Pearson’s r of log2 CPM of the {n_genes:,} most variable genes."
    )
    return Drawn(chart, caption, (region,))


def _libraries(asked: Asked) -> pd.DataFrame:
    libraries = quality_frames.library_frame(asked.run, asked.user)
    if libraries.empty:
        raise FigureError("This run measured no library: there were no counts.", 404)
    return libraries


FIGURES = (
    Figure("library-sizes", "Library size by region and group", "quality", draw_library_sizes, is_wide=True),
    Figure("pca-region", "Principal components by region", "quality", draw_pca_region),
    Figure("pca-group", "Principal components by group", "quality", draw_pca_group),
    Figure("sex-genes", "Sex by its genes", "quality", draw_sex),
    Figure("correlations", "Correlation of libraries", "quality", draw_correlations),
)
