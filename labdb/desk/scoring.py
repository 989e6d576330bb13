"""SI tests that were scored twice: how far the scorers agree, and which labels hang on who scored."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels.agreement import MIN_PAIRS, BlandAltman, ScorerAgreement, bland_altman, scorer_agreement
from analysis.kernels.phenotype import classify_phenotype
from analysis.tasks.si_tests import TIMES, read_si_tests
from labdb.behavior.models import PhenotypeRule, SocialInteractionTest
from labdb.colony.models import Study
from labdb.registry.natural_order import natural

UNKNOWN_SCORER = "not recorded"


@dataclass(frozen=True)
class Scored:
    """One SI test of one mouse with its scorings, by number."""

    scorings: tuple[SocialInteractionTest, ...]

    @property
    def mouse(self) -> Any:
        """Whose test it is."""
        return self.scorings[0].mouse

    @property
    def test_number(self) -> int:
        """Which test of the mouse."""
        return self.scorings[0].test_number

    @property
    def counting(self) -> SocialInteractionTest | None:
        """The scoring that analyses read; None where none counts."""
        return next((one for one in self.scorings if one.counts), None)

    @property
    def is_excluded(self) -> bool:
        """Whether analyses leave the test out."""
        return any(one.exclusion_criterion for one in self.scorings) or bool(self.mouse.exclusions.all())


@dataclass(frozen=True)
class Labeled:
    """A test that was scored twice with the label that each scoring gives its mouse."""

    scored: Scored
    labels: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the label hangs on who scored."""
        return len(set(self.labels)) > 1

    @property
    def lines(self) -> list[tuple[SocialInteractionTest, str]]:
        """The scorings, each with its label."""
        return list(zip(self.scored.scorings, self.labels, strict=True))


@dataclass(frozen=True)
class Measure:
    """What both scorers measured, and how far they agree."""

    name: str
    unit: str
    first: list[float]
    second: list[float]
    agreement: ScorerAgreement
    limits: BlandAltman | None  # None for fewer than three tests


def scored_tests(study: Study, user: Any) -> list[Scored]:
    """Return the tests of a study as this account sees them, by mouse and number."""
    rows = SocialInteractionTest.objects.visible_to(user).filter(study=study)
    rows = rows.select_related("mouse", "scorer", "study").prefetch_related("mouse__exclusions")
    by_test: dict[tuple[int, int], list[SocialInteractionTest]] = defaultdict(list)
    for row in rows.order_by("scoring_number"):
        by_test[row.mouse_id, row.test_number].append(row)
    tests = [Scored(tuple(some)) for some in by_test.values()]
    return sorted(tests, key=lambda test: (natural(test.mouse.code), test.test_number))


def compared(tests: Sequence[Scored]) -> list[Scored]:
    """Return the tests that agreement is read from: scored twice or more, not excluded."""
    return [test for test in tests if len(test.scorings) > 1 and not test.is_excluded]


@dataclass(frozen=True)
class Pair:
    """Two scorings of one test, the earlier one first."""

    scored: Scored
    first: SocialInteractionTest
    second: SocialInteractionTest


def pairs(tests: Sequence[Scored]) -> list[Pair]:
    """Return the scoring that counts beside each other one of its test, the first one where none counts.

    A test with two scorings is one pair. The earlier scoring stands first whichever counts: else what one scorer sees
    longer than the other would cancel out over tests.
    """
    found = []
    for test in tests:
        held = test.counting or test.scorings[0]
        for other in test.scorings:
            if other is not held:
                first, second = sorted((held, other), key=lambda one: one.scoring_number)
                found.append(Pair(test, first, second))
    return found


def scorers_of(pairs: Sequence[Pair]) -> list[tuple[str, str, int]]:
    """Return who scored first, who second, and how many pairs, most first."""
    counts = Counter((_scorer(pair.first), _scorer(pair.second)) for pair in pairs)
    return [(first, second, n) for (first, second), n in counts.most_common()]


def _scorer(scoring: SocialInteractionTest) -> str:
    return str(scoring.scorer) if scoring.scorer else UNKNOWN_SCORER


def measures(pairs: Sequence[Pair]) -> list[Measure]:
    """Return the agreement of pairs of scorings: both zone times, and the log ratio where both have one above 0."""
    found = []
    for what, unit, read in (
        ("time in IZ, target absent", "s", lambda one: one.iz_absent_s),
        ("time in IZ, target present", "s", lambda one: one.iz_present_s),
        ("log SI ratio", "", _log_ratio),
    ):
        first, second = (_values((getattr(pair, name) for pair in pairs), read) for name in ("first", "second"))
        agreement = scorer_agreement(np.column_stack([first, second]))
        limits = bland_altman(first, second) if agreement.n_tests >= MIN_PAIRS else None
        found.append(Measure(what, unit, first, second, agreement, limits))
    return found


def _values(
    scorings: Iterable[SocialInteractionTest], read: Callable[[SocialInteractionTest], float | None]
) -> list[float]:
    values = (read(scoring) for scoring in scorings)
    return [float("nan") if value is None else float(value) for value in values]


def _log_ratio(scoring: SocialInteractionTest) -> float | None:
    return float(np.log(scoring.si_ratio)) if scoring.si_ratio else None


def labeled(study: Study, tests: Sequence[Scored], rule: PhenotypeRule) -> list[Labeled]:
    """Return the label that each scoring gives, those that differ first; the other mice stay as they count."""
    by_number: dict[int, list[Scored]] = defaultdict(list)
    for test in tests:
        by_number[test.test_number].append(test)
    found = [one for number, some in by_number.items() for one in _labeled(study, number, some, rule)]
    return sorted(found, key=lambda one: not one.differs)


def _labeled(study: Study, number: int, tests: Sequence[Scored], rule: PhenotypeRule) -> Iterator[Labeled]:
    counting = read_si_tests(study, number)
    missing = [test.mouse for test in tests if test.mouse.pk not in counting.index]
    others = pd.DataFrame(
        {"group": [mouse.group for mouse in missing], "cohort": None}, index=[mouse.pk for mouse in missing]
    )
    frame = pd.concat([counting, others]) if missing else counting
    most = max(len(test.scorings) for test in tests)
    labels = []
    for at in range(most):
        scored = frame.copy()
        for test in tests:
            scoring = test.scorings[min(at, len(test.scorings) - 1)]
            scored.loc[test.mouse.pk, TIMES] = [getattr(scoring, name) for name in TIMES]
        labels.append(classify_phenotype(scored.astype(dict.fromkeys(TIMES, float)), rule.to_kernel())["phenotype"])
    for test in tests:
        yield Labeled(test, tuple(str(labels[at][test.mouse.pk]) for at in range(len(test.scorings))))
