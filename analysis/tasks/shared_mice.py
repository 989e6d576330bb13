"""What two contrasts of a run share where nothing differs, by the designs that they are estimated with."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from analysis.contrasts import Contrast
from analysis.design_frame import read_libraries
from analysis.kernels.shared_mice import mouse_weights, shared_mice_null
from analysis.models import AnalysisRun
from analysis.tasks.expression_design import Question, known_questions, make_design
from analysis.tasks.matrices import chosen_matrix
from labdb.treatment.arm_labels import former_labels

Pair = tuple[Contrast, Contrast]


@dataclass(frozen=True)
class SharedNull:
    """Correlation of two estimates of a region without any effect; None where it is not known, and `reason` says why."""

    correlation: float | None
    reason: str = ""


def null_of_pair(run: AnalysisRun, pair: Pair, region: str) -> SharedNull:
    """Return what two contrasts of a run share in a region (its code)."""
    return nulls_of_pair(run, pair, [region])[region]


def nulls_of_pair(run: AnalysisRun, pair: Pair, regions: Iterable[str]) -> dict[str, SharedNull]:
    """Return what two contrasts share, by region, the records as they are now.

    Groups, covariates and formulas alike: both estimates are weighted sums of the region's libraries.

    Parameters
    ----------
    run : AnalysisRun
        Of differential expression; its parameters name the counts.
    regions : iterable of str
        Codes.
    """
    labels = former_labels(run.study)
    questions, refused = known_questions([Question.of(contrast, labels) for contrast in pair])
    try:
        if refused:
            raise ValueError(" ".join(refused.values()))
        matrix = chosen_matrix(run.study, run.parameters)
        frame = read_libraries(run.study, matrix, sorted({name for asked in questions for name in asked.fields})).frame
    except ValueError as error:
        return dict.fromkeys(regions, SharedNull(None, str(error)))
    return {region: _of_region(frame[frame["region"] == region], region, questions) for region in regions}


def _of_region(libraries: pd.DataFrame, region: str, questions: tuple[Question, ...]) -> SharedNull:
    weights = []
    try:
        for question in questions:
            design = make_design(libraries, region, [question])
            if design.refused:
                return SharedNull(None, design.refused[question.name])
            weights.append(mouse_weights(design.matrix, design.contrasts[question.name]))
        return SharedNull(shared_mice_null(*weights))
    except ValueError as error:
        return SharedNull(None, str(error))
