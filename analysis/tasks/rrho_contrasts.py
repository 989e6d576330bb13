"""Two contrasts of a study as `rrho` compares them: their t by region and gene, and what they share."""

from dataclasses import dataclass, field

import pandas as pd

from analysis.current import current_run_of_contrast
from analysis.design_frame import read_libraries
from analysis.models import AnalysisRun, Contrast, GeneResult
from analysis.tasks.expression_design import Question, group_sizes, without_pools
from analysis.tasks.matrices import chosen_matrix
from analysis.tasks.shared_mice import SharedNull, nulls_of_pair
from labdb.colony.models import Study
from labdb.treatment.arm_labels import former_labels


@dataclass(frozen=True)
class ContrastPair:
    """Results of two contrasts.

    Attributes
    ----------
    results : pandas.DataFrame
        ``region``, ``gene`` (primary key), ``first``, ``second`` (t; missing where one did not test the gene).
    regions : dict of str to int
        Primary keys of the regions that both were answered in.
    sizes : dict
        Mice by group, by region; nothing where the contrasts group mice by different fields.
    nulls : dict of str to float
        Correlation of both without any effect, by region.
    without_null : dict of str to str
        Why a region has none.
    """

    names: tuple[str, str]
    contrasts: tuple[int, int]
    results: pd.DataFrame
    regions: dict[str, int]
    questions: tuple[Question, ...]
    sizes: dict[str, dict[str, int]] = field(default_factory=dict)
    nulls: dict[str, float] = field(default_factory=dict)
    without_null: dict[str, str] = field(default_factory=dict)


def load_pair(study: Study, first: str, second: str) -> tuple[ContrastPair, tuple[AnalysisRun, ...]]:
    """Read the current results of two contrasts of a study.

    Raises
    ------
    ValueError
        They are the same, one has no current results, or no region was answered for both.
    """
    if first == second:
        raise ValueError(f"{first} is named twice; a contrast overlaps with itself by construction.")
    contrasts = [Contrast.objects.select_related("region").get(study=study, name=name) for name in (first, second)]
    runs = [_run(contrast) for contrast in contrasts]
    parts = [_results(contrast, run) for contrast, run in zip(contrasts, runs, strict=True)]
    regions = {name: key for name, key in _regions(parts[0]).items() if name in _regions(parts[1])}
    if not regions:
        raise ValueError(f"{first} and {second} were answered in no common region.")
    columns = ["region", "gene"]
    both = parts[0].rename(columns={"t": "first"}).merge(
        parts[1].rename(columns={"t": "second"}), on=columns, how="outer"
    )[[*columns, "first", "second"]]  # fmt: skip
    labels = former_labels(study)
    questions = tuple(Question.of(contrast, labels) for contrast in contrasts)
    sizes = _sizes(study, runs[0], questions)
    nulls = nulls_of_pair(runs[0], (contrasts[0], contrasts[1]), regions)
    pair = ContrastPair(
        (first, second), (contrasts[0].pk, contrasts[1].pk),
        both[both["region"].isin(regions)].sort_values(columns).reset_index(drop=True), regions, questions,
        {region: _compared(questions, sizes[region]) for region in regions if region in sizes},
        {region: null.correlation for region, null in nulls.items() if null.correlation is not None},
        {region: _why_unknown(null) for region, null in nulls.items() if null.correlation is None},
    )  # fmt: skip
    return pair, tuple(dict.fromkeys(runs))


def _run(contrast: Contrast) -> AnalysisRun:
    run = current_run_of_contrast(contrast)
    if run is None:
        raise ValueError(f"{contrast.name} has no current results; run differential_expression first.")
    return run


def _results(contrast: Contrast, run: AnalysisRun) -> pd.DataFrame:
    rows = GeneResult.objects.filter(run=run.results_run, contrast=contrast).order_by("region_id", "gene_id")
    found = rows.values_list("region__code", "region_id", "gene_id", "t")
    return pd.DataFrame.from_records(list(found), columns=["region", "region_id", "gene", "t"])


def _regions(results: pd.DataFrame) -> dict[str, int]:
    return dict(zip(results["region"], results["region_id"].tolist(), strict=True))


def _sizes(study: Study, run: AnalysisRun, questions: tuple[Question, ...]) -> dict[str, dict[str, int]]:
    """Return mice by group and region, as both contrasts make groups; nothing where they make them differently."""
    if len({question.group_by for question in questions}) > 1:
        return {}
    field_name = questions[0].group_by
    libraries = read_libraries(study, chosen_matrix(study, run.parameters), [field_name]).frame
    return {str(region): group_sizes(rows, field_name) for region, rows in libraries.groupby("region", sort=False)}


def _compared(questions: tuple[Question, ...], sizes: dict[str, int]) -> dict[str, int]:
    named = {value for question in questions for value in question.values}
    return {group: n for group, n in sizes.items() if group in named}


def _why_unknown(null: SharedNull) -> str:
    """Say it without naming pools: whoever sees the map reads it, also while the study is blinded."""
    return f"What the contrasts share is not known: {without_pools(null.reason)}"
