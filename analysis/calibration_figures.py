"""Calibration and power of a run: as frames, as charts with the sentence below them, and in sentences for pages."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.calibration_results import CalibrationRate
from analysis.current import current_run
from analysis.figure_types import Asked, Drawn, Figure
from analysis.figures import calibration as charts
from analysis.kernels.calibration import ARM
from analysis.models import Adoption, AnalysisRun
from analysis.tasks.calibration import RATE_COLUMNS
from labdb.colony.models import Study

NUMBERS = ("undone", "selection", "rate", "mc_error", "low", "high", "mean_fraction_undone", "coverage")


def rate_frame(run: AnalysisRun) -> pd.DataFrame:
    """Return every rate of a run."""
    columns = ["n_per_arm", *RATE_COLUMNS]
    rows = list(run.results_run.calibrationrates.order_by("pk").values_list(*columns))
    frame = pd.DataFrame.from_records(rows, columns=columns)
    return frame.astype(dict.fromkeys(NUMBERS, float))


def draw_calibration(asked: Asked) -> Drawn:
    """Error rates under every null, and finds."""
    first = asked.run.calibrationrates.select_related("region").first()
    chart = charts.calibration_rates(rate_frame(asked.run))
    return Drawn(chart, caption_of(first) if first else "", _parts(first))


def draw_power(asked: Asked) -> Drawn:
    """Power against the number of mice."""
    first = asked.run.calibrationrates.select_related("region").first()
    chart = charts.reversal_power(rate_frame(asked.run))
    caption = (
        f"{first.n_replicates} simulated studies a point, with the gene correlation and stress signature of "
        f"{first.region.code}; sequenced in one run; bystander groups as they are. Bars: 95 % of the simulation alone."
        if first
        else ""
    )
    return Drawn(chart, caption, _parts(first))


def caption_of(rate: CalibrationRate) -> str:
    """Say what was simulated."""
    sizes = f"{rate.n_control} control, {rate.n_stress} susceptible, {rate.n_treated} treated"
    return (
        f"{rate.n_replicates} simulated studies a truth with {sizes} mice, the sequencing runs and the gene correlation of "
        f"{rate.region.code}, {rate.arm}. Bars: 95 % of the simulation alone."
    )


def _parts(rate: CalibrationRate | None) -> tuple[str, ...]:
    return (rate.region.code, rate.arm) if rate else ()


FIGURES = (
    Figure("calibration", "How often the reversal test errs and finds", "calibration", draw_calibration, is_wide=True),
    Figure("reversal-power", "Power of the reversal test", "reversal_power", draw_power),
)


def rate_rows(run: AnalysisRun) -> list[dict[str, Any]]:
    """Return every rate with its truth, its test and itself in words."""
    rates = run.results_run.calibrationrates.order_by("pk")
    return [{"rate": rate, **in_words(rate.__dict__)} for rate in rates]


def in_words(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the truth, the test, and the rate with its Monte Carlo error and interval, as pages and tables say them."""
    rate = "–"
    if row["n_answered"]:
        number, error, low, high = (100 * row[name] for name in ("rate", "mc_error", "low", "high"))
        rate = f"{number:.1f} % ({error:.1f}), {low:.1f} to {high:.1f}"
    truth = charts.truth_of(row["has_stress"], row["undone"], row["selection"])
    return {"truth": truth, "how": charts.TESTS[row["test"]], "rate_text": rate}


def calibration_results(run: AnalysisRun, user: Any, parameters: Any) -> dict[str, Any]:
    """Return what the page of a calibration, or of a power, shows."""
    rows = rate_rows(run)
    return {"rows": rows, "sentence": calibration_sentence(run) if run.task == "calibration" else ""}


def calibrated(study: Study) -> dict[str, Any]:
    """Return what a page of reversals says of how often its test errs."""
    run = latest_calibration(study)
    return {"calibration": run, "calibration_sentence": calibration_sentence(run) if run else ""}


def latest_calibration(study: Study) -> AnalysisRun | None:
    """Return the calibration that was adopted last, of whichever region and arm."""
    return _latest(study, "calibration")


def latest_power(study: Study) -> AnalysisRun | None:
    """Return the simulated power that was adopted last."""
    return _latest(study, "reversal_power")


def _latest(study: Study, task: str) -> AnalysisRun | None:
    adoption = Adoption.objects.filter(study=study, task=task).order_by("-pk").first()
    return current_run(study, task, adoption.scope) if adoption else None


def calibration_sentence(run: AnalysisRun) -> str:
    """Say how often the test of whole arms called an inert drug a reversal, and how often it found half of one."""
    rates = run.results_run.calibrationrates.select_related("region")
    whole = rates.filter(test=ARM, selection=None, has_stress=True, rate__isnull=False)
    inert, half = whole.filter(undone=0).first(), whole.filter(undone=0.5).first()
    if inert is None:
        return (
            "No simulated study of this shape allows a p-value: too few labels can be exchanged within sequencing runs."
        )
    found = f", and {_percent(half)} of drugs that undo half of the signature" if half else ""
    return (
        f"In simulated studies of this one's shape ({inert.region.code}, {inert.arm}; {inert.n_control} control, "
        f"{inert.n_stress} susceptible, {inert.n_treated} treated mice) this test called {_percent(inert)} of inert drugs "
        f"reversal{found}."
    )


def _percent(rate: CalibrationRate) -> str:
    return f"{100 * (rate.rate or 0.0):.1f} % (error {100 * (rate.mc_error or 0.0):.1f})"
