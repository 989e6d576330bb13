"""Calibration and simulated power of a study: as runs with pages and figures, and as a command that Ctrl-C stops."""

import signal
from html import unescape

import pandas as pd
import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.urls import reverse

from analysis.calibration_figures import calibration_sentence, latest_calibration
from analysis.calibration_results import CalibrationRate
from analysis.kernels.calibration import Scenario
from analysis.management.commands import calibrate as command
from analysis.models import RunStatus
from analysis.refresh import stale_chain
from analysis.staleness import staleness_of
from analysis.tasks import calibration
from labdb.colony.models import Study
from labdb.sequencing.models import Library
from tests.analysis.small_study import make_study, make_treated_study
from tests.analysis.test_tasks import carried_out, done
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db
FEW = {"n_replicates": 10}


@pytest.fixture
def treated() -> Study:
    """Pools of 2 + 2 and 2 + 2 mice: C(4, 2)^2 = 36 relabelings."""
    study = make_treated_study(n_per_group=4, n_genes=60)
    for task in ("phenotype", "response"):
        done(study, task)
    return study


def test_a_calibration_is_a_run_whose_rates_a_page_a_figure_and_the_reversal_page_tell(treated, monkeypatch):
    truths = (Scenario(), Scenario(selection=0.7), Scenario(undone=0.5), Scenario(undone=1.0))
    monkeypatch.setattr(calibration, "TRUTHS", truths)  # each of the others takes as long, and tells nothing new
    run = done(treated, "calibration", **FEW)
    rates = CalibrationRate.objects.filter(run=run)
    assert rates.count() == 1 + 3 + 2  # with a selection three tests each
    assert set(rates.values_list("n_replicates", "arm", "region__code")) == {(10, "ketamine", "PFC")}
    inert = rates.get(test="arm", undone=0, selection=None, has_stress=True)
    assert (inert.n_control, inert.n_stress, inert.n_treated, inert.n_per_arm, inert.n_answered) == (4, 4, 4, None, 10)
    assert inert.rate == inert.n_called / 10
    assert inert.mc_error == pytest.approx((inert.rate * (1 - inert.rate) / 10) ** 0.5)
    # Planted is a signature that fills every fifth gene, four-fold: all of it undone is found at any size.
    assert rates.get(undone=1).n_called >= 8
    assert "4 control, 4 susceptible, 4 treated, 4 others in 2 sequencing runs" in run.log

    assert latest_calibration(treated) == run
    sentence = calibration_sentence(run)
    assert f"called {100 * inert.rate:.1f} % (error {100 * inert.mc_error:.1f}) of inert drugs reversal" in sentence
    client = signed_in()
    page = client.get(reverse("analysis-run", args=[run.pk])).content.decode()
    assert sentence in unescape(page)
    assert "inert drug, re-test follows the tissue at r = 0.7" in page
    figure = client.get(reverse("run-figure", args=[run.pk, "calibration", "svg"]))
    assert b"every call is an error" in figure.content
    reversal = client.get(reverse("analysis-run", args=[done(treated, "reversal").pk])).content.decode()
    assert sentence in unescape(reversal)


def test_simulated_power_grows_with_mice_and_stays_as_it_is_when_a_study_is_brought_up_to_date(treated):
    run = done(treated, "reversal_power", n_per_arm="5, 3", **FEW)
    assert run.parameters["n_per_arm"] == "3 5"
    assert not staleness_of(run)
    rates = CalibrationRate.objects.filter(run=run)
    assert list(rates.order_by("pk").values_list("n_per_arm", "undone")) == [
        (n, undone) for n in (3, 5) for undone in (0.3, 0.5, 1.0)
    ]
    called = {n: sum(rates.filter(n_per_arm=n).values_list("n_called", flat=True)) for n in (3, 5)}
    assert called[5] > called[3]
    figure = signed_in().get(reverse("run-figure", args=[run.pk, "reversal-power", "svg"])).content.decode()
    assert "mice in each group: control, susceptible, treated" in figure
    Library.objects.filter(code="c0-PFC").update(pool="P1")
    assert staleness_of(run)
    assert "reversal_power" not in {one.run.task for one in stale_chain(treated)}


def test_what_cannot_be_simulated_is_refused_with_what_there_is(treated):
    for given, said in (
        ({"region": "BLA"}, "BLA is not a region of S1; there are: PFC."),
        ({"arm": "imipramine"}, "imipramine is not a drug arm of S1; there are: ketamine."),
        ({"n_replicates": 5}, "5 is not a whole number from 10 on."),
        ({"n_per_arm": "2 x"}, "2, x: give 1 to 12 whole numbers from 3 to 100, such as 4 6 8 12 16."),
    ):
        with pytest.raises(ValidationError) as refused:
            carried_out(treated, "reversal_power", **given)
        assert said in str(refused.value)
    Library.objects.filter(code="c0-PFC").update(pool="")
    run = carried_out(treated, "calibration", **FEW)
    assert (run.status, run.reason.startswith("PFC: the pool is missing for c0-PFC")) == (RunStatus.FAILED, True)


def test_the_command_prints_rates_and_ctrl_c_keeps_those_simulated_so_far(treated, tmp_path, monkeypatch, capsys):
    def stop_at(done: int, total: int) -> None:
        assert total == 9 * 12
        if done == 18:  # six studies into the second truth
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(command.Command, "_tell", lambda self, done, total: stop_at(done, total))
    before = signal.getsignal(signal.SIGINT)
    call_command("calibrate", "S1", replicates="12", out=tmp_path / "made")
    assert signal.getsignal(signal.SIGINT) == before
    out, err = capsys.readouterr()
    assert "Stopped from the keyboard: 2 of 9 truths were begun, and the last has 6 of 12 studies" in err
    assert "no effect at all" in out
    kept = pd.read_csv(tmp_path / "made" / "calibration.csv")
    assert list(kept["n_replicates"]) == [12, 6]
    assert {path.suffix for path in (tmp_path / "made").iterdir()} == {".csv", ".svg", ".png", ".html"}
    assert "Stopped from the keyboard" in (tmp_path / "made" / "calibration.html").read_text()


def test_the_command_says_what_is_missing():
    make_study()
    with pytest.raises(CommandError, match="There is no study S9; there are: S1"):
        call_command("calibrate", "S9")
    with pytest.raises(CommandError, match="S1 has no counts"):
        call_command("calibrate", "S1")
    with pytest.raises(CommandError, match="seed: x is not a whole number from 0 on"):
        call_command("calibrate", "S1", seed="x")
