"""How many animals came how far, and why the others left: the flow that a paper shows.

Each step is held against the one before it. Who is in the first and not in the second left, for one reason each; who
is in the second alone (sequenced without a re-test) joined. So the numbers of a step are those of the step before,
less who left, plus who joined.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from textwrap import shorten, wrap
from typing import Any, NamedTuple

from django.db.models import Max, QuerySet
from django.utils import timezone

from analysis.design_frame import read_libraries
from analysis.figures.theme import in_order, spoken
from analysis.models import AnalysisRun
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.excludable import marks_of_study
from labdb.colony.models import Mouse, Study
from labdb.sequencing.models import CountMatrix, LibraryCounts
from labdb.tissue.models import TissueSample
from labdb.treatment.models import Allocation

ADDS_UP = "Each n is that of the step before, less who left, plus who joined."
TESTED = "in the SI test"
LONGEST_LINE, LONGEST_REASON = 44, 62  # characters that a box of the figure holds
CALLED = ("control", "susceptible", "resilient")
Reason = Callable[[int], str]


@dataclass(frozen=True)
class Step:
    """Where animals came to.

    Attributes
    ----------
    name : str
        Such as ``SI test``.
    groups : dict of str to int
        Animals there, by group; from the calls on by phenotype.
    left, joined : dict of str to int
        Those of the step before that are not here, by reason, most first; those here alone.
    """

    name: str
    groups: dict[str, int]
    left: dict[str, int] = field(default_factory=dict)
    joined: dict[str, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Animals there."""
        return sum(self.groups.values())

    @property
    def n_left(self) -> int:
        """Animals that left on the way here."""
        return sum(self.left.values())

    @property
    def lines(self) -> tuple[list[str], list[str]]:
        """What the figure says in the box of the step, and beside the arrow that leads to it."""
        beside = [f"left, n = {self.n_left}"] if self.left else []
        beside += [_short(f"{n} {reason}") for reason, n in self.left.items()]
        beside += [f"joined {who}, n = {n}" for who, n in self.joined.items()]
        groups = ", ".join(f"{spoken(group)} {n}" for group, n in self.groups.items())
        return [f"{self.name}, n = {self.n}", *wrap(groups, LONGEST_LINE)], beside


class _Stage(NamedTuple):
    """Who came to a step, why another did not, and what is said of those who come without the step before."""

    name: str
    here: set[int]
    why_not: Reason
    joined: str = ""


def animal_flow(study: Study, run: AnalysisRun | None) -> list[Step]:
    """Return the steps of a study that any animal has reached, from its registration to expression.

    Parameters
    ----------
    run : AnalysisRun or None
        The current phenotype run.
    """
    return _Animals(study, run).steps()


class _Animals:
    """What is known of the animals of a study, by primary key; a query a stage."""

    def __init__(self, study: Study, run: AnalysisRun | None) -> None:
        self.study = study
        mice = list(Mouse.objects.filter(study=study).order_by("code").values_list("pk", "group", "death_date"))
        self.group = {pk: group or "no group" for pk, group, _died in mice}
        self.died = {pk: died for pk, _group, died in mice}
        self.excluded = marks_of_study(study)
        calls = run.results_run.phenotypecalls.values_list("mouse_id", "phenotype", "reason") if run else ()
        self.call = {mouse: (phenotype, reason) for mouse, phenotype, reason in calls}
        self.tests = SocialInteractionTest.objects.filter(study=study, counts=True)

    def steps(self) -> list[Step]:
        """Return the steps that any animal has reached."""
        before = set(self.group)
        steps = [Step("entered", self._counted(before, by_phenotype=False))]
        for stage in self._stages():
            if not stage.here:
                continue
            n_new = len(stage.here - before)
            steps.append(
                Step(
                    stage.name,
                    self._counted(stage.here, by_phenotype=stage.name != TESTED),
                    _reasons(before - stage.here, stage.why_not),
                    {stage.joined or "others": n_new} if n_new else {},
                )
            )
            before = stage.here
        return steps

    def _stages(self) -> Iterator[_Stage]:
        first, later = self.tests.filter(test_number=1), self.tests.filter(test_number__gte=2)
        tested = _mice(first.filter(SocialInteractionTest.included()))
        yield _Stage(TESTED, tested, self._why_not_tested(first, "no SI test"))
        called = {mouse for mouse in tested if self.call.get(mouse, ("",))[0] in CALLED}
        yield _Stage("called by phenotype", called, self._why_not_called)
        allocated = _mice(Allocation.objects.filter(Allocation.holding(), study=self.study)) - set(self.excluded)
        yield _Stage("allocated to treatment", allocated, lambda _mouse: "not allocated", "without a call")
        retested = _mice(later.filter(SocialInteractionTest.included()))
        yield _Stage("re-tested", retested, self._why_not_tested(later, "not re-tested"), "not allocated")
        counted = LibraryCounts.objects.filter(library__study=self.study).values("library")
        samples = TissueSample.objects.filter(study=self.study)
        sequenced = samples.filter(extractions__libraries__in=counted)
        with_tissue = _mice(samples)
        yield _Stage(
            "sequenced",
            _mice(sequenced) - set(self.excluded),
            lambda mouse: "tissue taken, not sequenced" if mouse in with_tissue else "no tissue taken",
            "without a re-test",
        )
        yield self._analyzed(sequenced)

    def _analyzed(self, sequenced: QuerySet[TissueSample]) -> _Stage:
        matrix = CountMatrix.objects.filter(study=self.study).order_by("-pk").first()
        read = set(read_libraries(self.study, matrix, ()).frame["mouse"]) if matrix else set()
        criteria = _criteria(sequenced)
        return _Stage(
            "read by the analysis of expression",
            read,
            lambda mouse: (
                f"sample excluded: {criteria[mouse]}" if mouse in criteria else f"no library of its own in {matrix}"
            ),
        )

    def _why_not_tested(self, tests: QuerySet[SocialInteractionTest], otherwise: str) -> Reason:
        criteria = _criteria(tests)
        last = tests.aggregate(at=Max("test_at"))["at"]
        last_day = timezone.localdate(last) if last else None

        def why_not(mouse: int) -> str:
            if mouse in self.excluded:
                return f"mouse {self.excluded[mouse]}"
            if mouse in criteria:
                return f"test excluded: {criteria[mouse]}"
            died = self.died.get(mouse)
            return f"{otherwise}, died before" if died and last_day and died <= last_day else otherwise

        return why_not

    def _why_not_called(self, mouse: int) -> str:
        phenotype, reason = self.call.get(mouse, ("", ""))
        return f"{phenotype}: {reason}" if phenotype else "not in the current phenotype run"

    def _counted(self, mice: Iterable[int], *, by_phenotype: bool) -> dict[str, int]:
        calls = {mouse: call for mouse, (call, _reason) in self.call.items() if call in CALLED and by_phenotype}
        counts = Counter(calls.get(mouse, self.group[mouse]) for mouse in mice)
        return {name: counts[name] for name in in_order(counts)}


def _mice(rows: QuerySet[Any]) -> set[int]:
    return set(rows.order_by().values_list("mouse_id", flat=True))


def _criteria(rows: QuerySet[Any]) -> dict[int, str]:
    """Return the criterion by which a row of a mouse is excluded, by mouse."""
    return dict(rows.exclude(exclusion_criterion="").order_by("pk").values_list("mouse_id", "exclusion_criterion"))


def _short(reason: str) -> str:
    return shorten(reason, LONGEST_REASON, placeholder=" ...")


def _reasons(mice: Iterable[int], why_not: Reason) -> dict[str, int]:
    counts = Counter(why_not(mouse) for mouse in mice)
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))
