"""What another rule would say: calls by a rule that is only tried, beside those that are current. Nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.current import current_run
from analysis.figures.theme import PHENOTYPES
from analysis.frames import read_frame
from analysis.kernels.phenotype import RESILIENT, SUSCEPTIBLE, UNCLASSIFIED, classify_phenotype, compare_phenotype_rules
from analysis.kernels.phenotype import PhenotypeRule as KernelRule
from analysis.links import mouse_urls, si_test_urls
from analysis.models import AnalysisRun, PhenotypeCall
from analysis.tasks import phenotype
from analysis.tasks.ratio_intervals import HIGH, LOW, newest_intervals, spans_cutoff
from analysis.tasks.si_tests import read_si_tests
from analysis.tasks.task import rows_of
from labdb.behavior.models import PhenotypeRule
from labdb.colony.models import Mouse, Study
from labdb.registry.natural_order import natural


def run_that_counts(study: Study, test_number: int) -> AnalysisRun | None:
    """Return the current phenotype run of the tests with this number."""
    return current_run(study, "phenotype", phenotype.TASK.scope({"test_number": test_number}))


def rule_of(run: AnalysisRun | None) -> PhenotypeRule | None:
    """Return the rule of a run; used rules cannot be renamed, so its name finds it."""
    return PhenotypeRule.objects.filter(name=run.parameters.get("rule", "")).first() if run else None


@dataclass(frozen=True)
class Tally:
    """How many mice are of one class under the rule that is tried, and by the calls that count (None: no such run)."""

    phenotype: str
    n: int
    n_before: int | None

    @property
    def change(self) -> int | None:
        """How many more."""
        return None if self.n_before is None else self.n - self.n_before


@dataclass(frozen=True)
class Comparison:
    """The calls of a study's mice under a rule that is tried.

    Attributes
    ----------
    frame : pandas.DataFrame
        Indexed by mouse (primary key), in the order of codes: what `classify_phenotype` returns and
        ``mouse``, ``cohort``, ``group``, ``si_test``, times (s), ``cutoff``, ``before`` (the call that counts, None
        without one), ``flips``, ``si_ratio_low``, ``si_ratio_high``, ``spans_cutoff``, ``url``, ``si_test_url``.
    run : AnalysisRun or None
        The run whose calls count.
    n_gone : int
        Mice that the run called and that have no such test (any more), or are excluded.
    """

    frame: pd.DataFrame
    run: AnalysisRun | None
    n_gone: int

    @property
    def flips(self) -> pd.DataFrame:
        """The mice that are called otherwise, those farthest from the cutoff first: they need the best reason."""
        flipping = self.frame[self.frame["flips"]]
        order = flipping["distance_to_cutoff"].abs().sort_values(ascending=False, na_position="first", kind="stable")
        return flipping.loc[order.index]

    @property
    def flip_rows(self) -> list[dict[str, Any]]:
        """What a page says of the mice that flip."""
        return list(rows_of(self.flips))

    @property
    def n_new(self) -> int:
        """Mice that no call counts for yet."""
        return int(self.frame["before"].isna().sum()) if self.run else 0

    @property
    def n_borderline(self) -> int:
        """Mice within the band around the cutoff."""
        return int(self.frame["borderline"].sum())

    @property
    def n_with_interval(self) -> int:
        """Mice that are called, and whose ratio has an interval."""
        return int(self.frame["spans_cutoff"].notna().sum())

    @property
    def n_spanning(self) -> int:
        """Mice whose interval holds the cutoff."""
        return int(self.frame["spans_cutoff"].eq(True).sum())

    def tallies(self) -> list[Tally]:
        """Return how many mice are of each class."""
        now, before = self.frame["phenotype"].value_counts(), self.frame["before"].value_counts()
        return [
            Tally(name, int(now.get(name, 0)), int(before.get(name, 0)) if self.run else None) for name in PHENOTYPES
        ]

    def cutoffs(self) -> dict[str, float]:
        """Return the cutoff of each cohort that has one."""
        known = self.frame.dropna(subset=["cutoff"])
        return {str(cohort): float(rows.iloc[0]) for cohort, rows in known.groupby("cohort")["cutoff"]}

    def reasons(self) -> list[tuple[str, int]]:
        """Return why mice are not classified, and how many each."""
        reasons = self.frame.loc[self.frame["phenotype"] == UNCLASSIFIED, "reason"].value_counts()
        return [(str(reason), int(n)) for reason, n in reasons.items()]


def compare(study: Study, test_number: int, rule: KernelRule, run: AnalysisRun | None) -> Comparison:
    """Call every mouse that has the test by a rule, and hold that against the calls of the run that counts."""
    tests = named_tests(study, test_number)
    called = _calls(run)
    calls = classify_phenotype(tests, rule)
    frame = pd.concat([tests, calls], axis=1)
    before = pd.Series([called.get(mouse) for mouse in frame.index], index=frame.index, dtype=object)
    frame = frame.assign(
        spans_cutoff=spans_cutoff(frame),
        cutoff=(frame["si_ratio"] - frame["distance_to_cutoff"]).round(6),
        before=before,
        flips=before.notna() & (before != frame["phenotype"]),
    )
    return Comparison(frame, run, len(set(called) - set(frame.index)))


def labels_under_rules(study: Study, test_number: int, rules: Sequence[KernelRule]) -> pd.DataFrame:
    """Return every mouse's label under every rule, those on which the rules contradict each other first.

    Returns
    -------
    pandas.DataFrame
        Indexed by mouse (primary key): what `named_tests` returns, ``si_ratio``, ``corner_ratio``, ``labels`` (a tuple,
        one a rule), ``flips`` (how many rules label the mouse otherwise than the first) and ``contradicts`` (whether
        one calls it susceptible and another resilient).
    """
    tests = named_tests(study, test_number)
    numbered = {str(number): rule for number, rule in enumerate(rules)}
    compared = compare_phenotype_rules(tests, numbered)
    labels = compared[list(numbered)]
    table = tests.assign(
        **classify_phenotype(tests)[["si_ratio", "corner_ratio"]],
        labels=pd.Series(list(labels.itertuples(index=False, name=None)), index=tests.index, dtype=object),
        flips=compared["flips"],
        contradicts=(labels == SUSCEPTIBLE).any(axis=1) & (labels == RESILIENT).any(axis=1),
    )
    return table.sort_values(["contradicts", "flips"], ascending=False, kind="stable")


def named_tests(study: Study, test_number: int) -> pd.DataFrame:
    """Return the tests as the task `phenotype` reads them, with intervals, codes and addresses, in the order of codes."""
    tests = read_si_tests(study, test_number)
    tests = tests.join(newest_intervals(tests))
    codes = pd.Series(dict(Mouse.objects.filter(pk__in=list(tests.index)).values_list("pk", "code")), dtype=object)
    order = sorted(tests.index, key=lambda mouse: natural(codes[mouse]))
    tests = tests.loc[order].assign(mouse=codes.reindex(order))
    return tests.assign(url=mouse_urls(study.code, tests["mouse"]), si_test_url=si_test_urls(tests["si_test"]))


def changed_calls(run: AnalysisRun) -> list[dict[str, Any]] | None:
    """Return the mice that a run calls otherwise than the one that counts; None where no other counts."""
    counts = current_run(run.study, "phenotype", phenotype.TASK.scope(run.parameters))
    if counts is None or counts.results_run == run.results_run:
        return None
    columns = {"mouse_id": "key", "mouse__code": "mouse", "si_test_id": "si_test"}
    shown = (
        "phenotype", "si_ratio", LOW, HIGH, "corner_ratio", "distance_to_cutoff", "borderline", "spans_cutoff", "reason",
    )  # fmt: skip
    columns |= {name: name for name in shown}
    calls = read_frame(run.results_run.phenotypecalls.order_by("mouse__code"), columns)
    calls["before"] = calls["key"].map(_calls(counts))
    changed = calls[calls["before"].notna() & (calls["before"] != calls["phenotype"])]
    urls = {"url": mouse_urls(run.study.code, changed["mouse"]), "si_test_url": si_test_urls(changed["si_test"])}
    return list(rows_of(changed.assign(**urls)))


def _calls(run: AnalysisRun | None) -> dict[int, str]:
    if run is None:
        return {}
    return dict(PhenotypeCall.objects.filter(run=run.results_run).values_list("mouse_id", "phenotype"))
