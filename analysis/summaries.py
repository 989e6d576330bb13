"""What is said beside the numbers: current runs of a study, counts of genes, response rates with what saline did."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import pandas as pd
from django.db.models import Count, F, Q, QuerySet

from analysis.current import current_run
from analysis.figures.reversal import compared_arm
from analysis.kernels.phenotype import RESILIENT
from analysis.kernels.rates import RateDifference, compare_rates, wilson_interval
from analysis.kernels.response import NON_RESPONDER, RESPONDER
from analysis.kernels.retest import RegressionToMean
from analysis.models import Adoption, AnalysisRun, GeneResult, RunStatus, SignatureReversal
from analysis.runs import task_named
from labdb.colony.models import Study

ALPHA = 0.05
ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING)


def current_runs(study: Study) -> dict[str, AnalysisRun]:
    """Return the current run of every task whose usual question has been answered, in one query."""
    latest = Adoption.objects.filter(study=study, scope="").order_by("task", "-pk").distinct("task")
    adoptions = latest.select_related("run__same_as__study", "run__study")
    return {adoption.task: adoption.run for adoption in adoptions}


def is_current(run: AnalysisRun) -> bool:
    """Whether a run's results are the current ones of the question it asked."""
    current = current_run(run.study, run.task, task_named(run.task).scope(run.parameters))
    return current is not None and current.results_run == run.results_run


def is_active(run: AnalysisRun) -> bool:
    """Whether a run waits or works, so that a page should look again."""
    return run.status in ACTIVE


def percent_done(run: AnalysisRun) -> int:
    """Return how far a run is, in percent."""
    return min(100 * run.done // run.total, 100) if run.total else 0


@dataclass(frozen=True)
class GeneCounts:
    """How many genes one contrast moves in one region."""

    contrast: str
    region: str
    tested: int
    up: int
    down: int


@dataclass(frozen=True)
class GeneCountTable:
    """Contrasts in rows, regions in columns; None where a contrast was not answered."""

    regions: list[str]
    rows: list[tuple[str, list[GeneCounts | None]]]


def gene_counts(run: AnalysisRun) -> GeneCountTable:
    """Count genes up and down by contrast and region; the results of a run never change, so once."""
    cells = {(one.contrast, one.region): one for one in _gene_counts(run.pk, str(run.finished_at))}
    contrasts = dict.fromkeys(contrast for contrast, _region in cells)
    regions = list(dict.fromkeys(region for _contrast, region in cells))
    return GeneCountTable(regions, [(name, [cells.get((name, region)) for region in regions]) for name in contrasts])


@lru_cache(maxsize=64)
def _gene_counts(run_id: int, finished_at: str) -> list[GeneCounts]:
    found = Q(adj_p_value__lt=ALPHA)
    rows = (
        GeneResult.objects.filter(run=run_id)
        .order_by("region_id", "contrast_id")
        .values_list("contrast__name", "region__code")
        .annotate(
            tested=Count("pk"),
            up=Count("pk", filter=found & Q(log2_fold_change__gt=0)),
            down=Count("pk", filter=found & Q(log2_fold_change__lt=0)),
        )
    )
    return [GeneCounts(*row) for row in rows]


_compared = lru_cache(maxsize=512)(compare_rates)  # Barnard's test takes 20 ms, and pages repeat it


@dataclass(frozen=True)
class ArmRate:
    """How many re-tested susceptible mice of an arm responded, with Wilson's interval, and against the vehicle."""

    arm: str
    is_vehicle: bool
    responders: int
    called: int
    unclassified: int
    crossed: int
    low: float
    high: float
    against_vehicle: RateDifference | None = None

    @property
    def rate(self) -> float:
        """Responders among those called."""
        return self.responders / self.called


def response_rates(calls: pd.DataFrame, cutoff: float) -> list[ArmRate]:
    """Return the response rate of every arm by its label, the vehicle first where it is told.

    Parameters
    ----------
    calls : pandas.DataFrame
        As `frames.response_frame`.
    cutoff : float
        Of the response rule, for how many merely crossed it.
    """
    randomized = calls[(calls["phenotype"] == "susceptible") & calls["is_randomized"]]
    rates = [_arm_rate(str(arm), mice, cutoff) for arm, mice in randomized.groupby("label")]
    known = sorted((rate for rate in rates if rate), key=lambda rate: (not rate.is_vehicle, rate.arm))
    vehicle = next((rate for rate in known if rate.is_vehicle), None)
    if vehicle is None:
        return known
    return [rate if rate.is_vehicle else _against(rate, vehicle) for rate in known]


def _arm_rate(arm: str, mice: pd.DataFrame, cutoff: float) -> ArmRate | None:
    responders = int((mice["response"] == RESPONDER).sum())
    called = int(mice["response"].isin([RESPONDER, NON_RESPONDER]).sum())
    if called == 0:
        return None
    low, high = wilson_interval(responders, called)
    crossed = int((mice["si_ratio_after"].astype(float) >= cutoff).sum())
    is_vehicle = bool(mice["is_vehicle"].iloc[0])
    return ArmRate(arm, is_vehicle, responders, called, len(mice) - called, crossed, low, high)


def _against(rate: ArmRate, vehicle: ArmRate) -> ArmRate:
    difference = _compared(rate.responders, rate.called, vehicle.responders, vehicle.called)
    return ArmRate(**{**rate.__dict__, "against_vehicle": difference})


def compare_drugs(rates: list[ArmRate]) -> list[tuple[ArmRate, ArmRate, RateDifference]]:
    """Compare every two drug arms."""
    drugs = [rate for rate in rates if not rate.is_vehicle]
    return [
        (one, other, _compared(one.responders, one.called, other.responders, other.called))
        for one, other in combinations(drugs, 2)
    ]


@dataclass(frozen=True)
class ArmRelapse:
    """How many re-tested resilient mice of an arm relapsed, with Wilson's interval, and how many merely fell below."""

    arm: str
    relapsed: int
    retested: int
    fell: int
    low: float
    high: float


def relapses(calls: pd.DataFrame, cutoff: float) -> list[ArmRelapse]:
    """Return the relapses of resilient mice by arm; parameters as for `response_rates`.

    Mice without a ratio in the re-test do not count.
    """
    resilient = calls[(calls["phenotype"] == RESILIENT) & calls["si_ratio_after"].notna()]
    found = []
    for arm, mice in resilient.groupby("arm"):
        relapsed, fell = int(mice["relapse"].sum()), int((mice["si_ratio_after"] < cutoff).sum())
        found.append(ArmRelapse(str(arm), relapsed, len(mice), fell, *wilson_interval(relapsed, len(mice))))
    return found


def regression_sentence(regression: RegressionToMean) -> str:
    """Say what a second ratio is expected to be where nothing is done, or why that is not known."""
    if regression.reason:
        return f"What is expected without treatment is not known: {regression.reason}."
    return (
        "Line and band: the second ratio expected of a defeated mouse to which nothing is done, and 95 % of such mice. It "
        f"lies nearer to {regression.mean_ratio:.2f}, the geometric mean of the {regression.n_mice} defeated mice, by "
        f"{percent(1 - regression.slope)} of the way on the log scale, and {regression.shift_factor:.2f}-fold for what a "
        f"second test does by itself (from {regression.n_controls} controls tested twice)."
    )


def rates_frame(rates: list[ArmRate]) -> pd.DataFrame:
    """Return the rates as `figures.response_rates` draws them."""
    return pd.DataFrame([_rate_row(rate) for rate in rates], columns=RATE_COLUMNS)


def _rate_row(rate: ArmRate) -> tuple[Any, ...]:
    own = (rate.arm, rate.responders, rate.called, rate.rate, rate.low, rate.high)
    against = rate.against_vehicle
    if against is None:
        return (*own, None, None, None, "")
    return (*own, against.difference, against.low, against.high, probability(against.p_value))


RATE_COLUMNS = [
    "arm", "responders", "called", "rate", "low", "high", "difference", "difference_low", "difference_high", "p_text",
]  # fmt: skip


def responder_warning(rates: list[ArmRate]) -> str:
    """Say what comparing responders would mistake for an effect, with this study's own saline mice."""
    vehicle = next((rate for rate in rates if rate.is_vehicle), None)
    if vehicle is None:
        return (
            "Responders were chosen after treatment, and no arm with re-tests is known here as the vehicle, whose mice "
            "would show how many cross the cutoff without a drug. Nothing here tells that choice from an effect."
        )
    tested = vehicle.called + vehicle.unclassified
    return (
        f"Responders were chosen after treatment. With no drug, {vehicle.crossed} of {tested} {vehicle.arm} mice also "
        "crossed the cutoff. The plain test would mistake that choice for an effect."
    )


def reversal_sentence(reversal: SignatureReversal) -> str:
    """Say what one test found, the effect first."""
    arm = compared_arm(reversal.arm, reversal.response, reversal.estimand)
    if reversal.fraction_undone is None:
        return reversal.messages.replace("\n", " ") or "No fraction undone was estimated."
    found = (
        f"{reversal.region}, {arm}: by estimate {percent(reversal.fraction_undone)} of the stress signature is undone"
    )
    if reversal.fraction_undone_low is not None:
        found += f" (95 % interval {percent(reversal.fraction_undone_low)} to {percent(reversal.fraction_undone_high)})"
    if reversal.p_value is None:
        return f"{found}; no p-value is given."
    floor = f"the smallest possible is {probability(reversal.p_floor)}"
    verdict = "" if reversal.p_value <= ALPHA else " No reversal is shown."
    return f"{found}; p = {probability(reversal.p_value)}, {floor}.{verdict}"


def signed(number: float) -> str:
    """Return a number to two places with a true minus sign."""
    return f"{number:.2f}".replace("-", "−")


def percent(fraction: float | None) -> str:
    """Return a fraction in percent with a true minus sign."""
    if fraction is None:
        return "?"
    rounded = round(100 * fraction, 0) + 0.0  # no "−0 %"
    return f"{rounded:.0f} %".replace("-", "−")


def probability(p_value: float | None) -> str:
    """Return a p-value as papers print it."""
    if p_value is None:
        return "?"
    return f"{p_value:.1e}" if 0 < p_value < 0.0001 else f"{p_value:.4f}".rstrip("0").rstrip(".") or "0"


def active_or_failed(runs: QuerySet) -> QuerySet:
    """Return the runs that someone may want to know of: those that wait or work, and those that failed."""
    return runs.filter(Q(status__in=ACTIVE) | Q(status=RunStatus.FAILED), parent=None).order_by(
        F("finished_at").desc(nulls_first=True), "-pk"
    )


def reversal_tests(run: AnalysisRun, *estimands: str) -> list[SignatureReversal]:
    """Return the reversals of a run, of whole arms if nothing else is asked for, regions as the laboratory entered them."""
    rows = run.signaturereversals.filter(estimand__in=estimands or ("arm",)).select_related("region", "study", "run")
    return list(rows.order_by("region_id", "arm", "pk"))
