"""How far an SI ratio can be trusted: what controls tested twice say, and which ratios cannot be told from the cutoff."""

import math
from dataclasses import dataclass

from analysis.kernels.phenotype import CONTROL_GROUP, DEFEATED_GROUP
from analysis.kernels.response import RELIABLE_CHANGE_Z
from analysis.kernels.retest import RetestError, retest_error
from analysis.tasks.si_tests import included_tests
from labdb.behavior.models import PhenotypeRule
from labdb.colony.models import Study

FIRST, SECOND = 1, 2  # numbers of the SI tests that are held against each other


@dataclass(frozen=True)
class Retest:
    """The error of one SI test, and what it means for the calls of a study.

    Attributes
    ----------
    cutoff : float or None
        SI ratio of the rule; None where it follows from each cohort's controls.
    low, high : float or None
        Ratios between them cannot be told from the cutoff by one test (95 %).
    n_defeated, n_unsure : int
        Defeated mice with a first ratio, and those whose ratio lies between.
    """

    error: RetestError
    cutoff: float | None = None
    low: float | None = None
    high: float | None = None
    n_defeated: int = 0
    n_unsure: int = 0


def retest(study: Study, rule: PhenotypeRule | None) -> Retest:
    """Return what the controls of a study that were tested twice say."""
    tests = included_tests(study).filter(test_number__in=(FIRST, SECOND)).order_by("mouse_id")
    rows = list(tests.values_list("mouse_id", "mouse__group", "test_number", "si_ratio"))
    ratios = {(mouse, number): math.nan if ratio is None else ratio for mouse, _group, number, ratio in rows}
    controls = {mouse for mouse, group, _number, _ratio in rows if group == CONTROL_GROUP}
    twice = sorted(mouse for mouse in controls if (mouse, FIRST) in ratios and (mouse, SECOND) in ratios)
    error = retest_error([ratios[mouse, FIRST] for mouse in twice], [ratios[mouse, SECOND] for mouse in twice])
    if error.sem is None or rule is None or rule.control_sd is not None:
        return Retest(error)
    factor = math.exp(RELIABLE_CHANGE_Z * error.sem)
    low, high = rule.cutoff / factor, rule.cutoff * factor
    first = [
        ratio
        for _mouse, group, number, ratio in rows
        if group == DEFEATED_GROUP and number == FIRST and ratio is not None
    ]
    return Retest(error, rule.cutoff, low, high, len(first), sum(low < ratio < high for ratio in first))
