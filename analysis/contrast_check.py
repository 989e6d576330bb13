"""What could be estimated, said before a run: every contrast in every region, with its mice, or why not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.contrasts import Contrast
from analysis.design_frame import read_libraries
from analysis.kernels.reversal_design import MAX_EXHAUSTIVE, N_RANDOM
from analysis.tasks.expression_design import (
    Question,
    RegionDesign,
    by_model,
    known_questions,
    make_design,
    without_pools,
)
from analysis.tasks.matrices import refuse_repeated_mice
from labdb.colony.models import Study
from labdb.registry.permissions import may
from labdb.sequencing.models import CountMatrix
from labdb.tissue.models import BrainRegion
from labdb.treatment.arm_labels import former_labels
from labdb.treatment.models import AllocationKey

POOL = "library__pool"


@dataclass(frozen=True)
class Cell:
    """One contrast in one region.

    Attributes
    ----------
    n_numerator, n_denominator : int or None
        Mice on either side; None for coefficients of a formula.
    n_libraries : int
        Of the whole fit.
    refusal : str
        Why it cannot be estimated; empty if it can.
    floor : float or None
        Smallest p that exchanging these mice within pools can give, as for reversal and RRHO.
    """

    n_numerator: int | None = None
    n_denominator: int | None = None
    n_libraries: int = 0
    refusal: str = ""
    floor: float | None = None


@dataclass(frozen=True)
class CheckedContrast:
    """A contrast with a cell for each region; None where it is not asked."""

    contrast: Contrast
    cells: tuple[Cell | None, ...]

    @property
    def can_be_estimated(self) -> bool:
        """Whether it can in some region."""
        return any(cell is not None and not cell.refusal for cell in self.cells)


@dataclass(frozen=True)
class CheckedContrasts:
    """All contrasts, the regions that they are checked in, and what was left out."""

    regions: tuple[str, ...]
    rows: tuple[CheckedContrast, ...]
    notes: tuple[str, ...]


def check_contrasts(study: Study, matrix: CountMatrix, contrasts: Sequence[Contrast], user: Any) -> CheckedContrasts:
    """Return what a run would answer of these contrasts, and why it would refuse the others."""
    labels = former_labels(study)
    questions = [Question.of(contrast, labels) for contrast in contrasts]
    known, refused = known_questions(questions)
    libraries = read_libraries(study, matrix, sorted({POOL, *(field for one in known for field in one.fields)}))
    sequenced = BrainRegion.objects.filter(code__in=set(libraries.frame["region"]))
    regions = tuple(sequenced.order_by("pk").values_list("code", flat=True))  # as on every page
    cells: dict[tuple[str, str], Cell] = {
        (name, region): Cell(refusal=why) for name, why in refused.items() for region in regions
    }
    for region in regions:
        frame = libraries.frame[libraries.frame["region"] == region]
        for shared in by_model(known, region):
            cells |= {(name, region): cell for name, cell in _cells(frame, region, shared).items()}
    if hides_arms(study, user):
        cells = {key: _without_pools(cell) for key, cell in cells.items()}
    rows = [
        CheckedContrast(contrast, tuple(cells.get((contrast.name, region)) for region in regions))
        for contrast in contrasts
    ]
    return CheckedContrasts(regions, tuple(rows), libraries.notes)


def _cells(libraries: pd.DataFrame, region: str, questions: list[Question]) -> dict[str, Cell]:
    try:
        refuse_repeated_mice(libraries, region)
        design = make_design(libraries, region, questions)
    except ValueError as error:
        why = str(error).removeprefix(f"{region}: ")
        return {question.name: Cell(refusal=why) for question in questions}
    return {question.name: _cell(question, design, libraries[POOL]) for question in questions}


def _cell(question: Question, design: RegionDesign, pools: pd.Series) -> Cell:
    refusal, n_libraries = design.refused.get(question.name, ""), len(design.matrix)
    if not question.is_of_groups:
        return Cell(n_libraries=n_libraries, refusal=refusal)
    sides = (question.numerator, question.denominator)
    n_over, n_under = (int(design.sizes[design.sizes.index.isin(side)].sum()) for side in sides)
    if refusal:
        return Cell(n_over, n_under, n_libraries, refusal)
    over, under = (design.groups.isin(side) for side in sides)
    compared = design.groups.index[over | under]
    return Cell(n_over, n_under, n_libraries, "", smallest_p(over[compared], pools[compared]))


def smallest_p(is_over: pd.Series, pools: pd.Series) -> float:
    """Return the floor of a p-value from exchanging two groups of mice within pools.

    Parameters
    ----------
    is_over : pandas.Series of bool, shape (n_mice,)
        Which of the mice belong to the first group.
    pools : pandas.Series, shape (n_mice,)
        Mice without one count as one pool.
    """
    by_pool = is_over.groupby(pools.fillna("").astype(str))
    n_relabelings = math.prod(math.comb(len(mice), int(mice.sum())) for _, mice in by_pool)
    return 1 / n_relabelings if n_relabelings <= MAX_EXHAUSTIVE else 1 / (N_RANDOM + 1)


def hides_arms(study: Study, user: Any) -> bool:
    """Whether an account may not know which letter is the vehicle's, nor which group goes along with which pool."""
    return study.is_blinded and not may(user, "view", AllocationKey, study)


def _without_pools(cell: Cell) -> Cell:
    return replace(cell, refusal=without_pools(cell.refusal))
