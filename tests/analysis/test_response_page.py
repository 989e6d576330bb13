"""What a response run shows: courses over any number of tests, regression to the mean, relapse, and no arm to whom it is closed."""

import math
import statistics
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from analysis.frames import course_frame, expected_second_ratios, response_frame
from analysis.models import AnalysisRun, ResponseCall
from labdb.accounts.models import Role, User
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Mouse, Study
from labdb.treatment.models import Dose
from tests.analysis.small_study import add_mouse, add_test, make_treated_study
from tests.analysis.treated_study import add_phenotypes, add_responses, signed_in

pytestmark = pytest.mark.django_db
FIRST_DAY = datetime(2025, 6, 1, 10, tzinfo=UTC)


@pytest.fixture
def study() -> Study:
    study = make_treated_study(n_per_group=3, n_genes=3)
    add_responses(study, add_phenotypes(study))
    return study


@pytest.fixture
def run(study: Study) -> AnalysisRun:
    return AnalysisRun.objects.get(study=study, task="response")


def fall_back(code: str, response: str) -> None:
    """Let a resilient mouse have a second ratio of 20 / 50 = .40."""
    SocialInteractionTest.objects.filter(mouse__code=code, test_number=2).update(iz_present_s=20)
    ResponseCall.objects.filter(mouse__code=code).update(response=response)


def test_relapses_of_resilient_mice_are_counted_beside_those_that_merely_fell(run: AnalysisRun):
    fall_back("r0", "non_responder")
    fall_back("r1", "unclassified")  # by less than the error of the test
    answer = signed_in().get(f"/analysis/runs/{run.pk}/")
    [relapse] = answer.context["results"]["relapses"]
    assert (relapse.arm, relapse.relapsed, relapse.retested, relapse.fell) == ("saline", 1, 3, 2)
    assert (round(relapse.low, 3), round(relapse.high, 3)) == (0.061, 0.792)  # Wilson, 1 of 3, as R's binom.wilson
    text = " ".join(answer.content.decode().split())
    assert "Relapse of resilient mice" in text
    assert {rate.arm: rate.responders for rate in answer.context["results"]["rates"]} == {"saline": 0, "ketamine": 2}


def test_a_course_takes_any_number_of_tests_by_number_or_by_day(study: Study, run: AnalysisRun):
    for mouse in Mouse.objects.filter(study=study):
        add_test(mouse, 50, 40, number=3)
    tests = SocialInteractionTest.objects.filter(study=study)
    tests.update(test_at=FIRST_DAY)
    tests.filter(test_number=2).update(test_at=F("test_at") + timedelta(days=14))
    tests.filter(test_number=3).update(test_at=None)
    k0 = Mouse.objects.get(study=study, code="k0")
    at = FIRST_DAY + timedelta(days=1)
    Dose.objects.create(study=study, mouse=k0, planned_at=at, given_at=at)
    user = User.objects.create(username="boss", is_superuser=True)
    calls = response_frame(run, user)

    def axis(since: str, code: str) -> list[float | None]:
        frame = course_frame(calls, study, user, since)
        xs = frame.loc[frame["mouse"] == code, "x"]
        return [None if x != x else float(x) for x in xs]

    assert axis("test", "k0") == [1, 2, 3]
    assert axis("first-test", "k0") == [0, 14, None]
    assert axis("first-dose", "k0") == [-1, 13, None]
    assert axis("first-dose", "s0") == [None, None, None]
    client = signed_in()
    root = f"/analysis/runs/{run.pk}/"
    shown = client.get(f"{root}figures/si-course.html?since=first-test").content.decode()
    assert "days since the first SI test" in shown
    assert "12 tests have no such day and are left out." in shown
    refused = client.get(f"{root}figures/si-course.html?since=birth")
    assert (refused.status_code, refused.content.decode()) == (
        400, "birth is not an axis of this figure; there are: test, first-test, first-dose.",
    )  # fmt: skip
    assert 'href="?since=first-dose"' in client.get(root).content.decode()


@pytest.mark.parametrize("name", ["si-slope", "si-course", "si-retest", "response-rates"])
def test_no_figure_tells_an_arm_to_whom_the_key_is_closed(name: str, study: Study, run: AnalysisRun):
    url = f"/analysis/runs/{run.pk}/figures/{name}.html"
    assert "ketamine" in signed_in().get(url).content.decode()
    role = Role.objects.get(name="scorer")
    role.permissions.remove(role.permissions.get(codename="view_allocationkey"))
    text = signed_in("scorer", study, "sam").get(url).content.decode()
    assert "ketamine" not in text
    assert "saline" not in text
    assert "arm not shown to you (n = 6)" in text or name == "response-rates"


def test_regression_to_the_mean_is_drawn_from_controls_tested_twice_and_all_defeated_mice(
    study: Study, run: AnalysisRun
):
    url = f"/analysis/runs/{run.pk}/figures/si-retest.html"
    client = signed_in()
    assert "not known: the error of a test needs 5 controls tested twice" in client.get(url).content.decode()
    for number, second_s in enumerate((60, 75, 90)):  # controls of ratio 1.5 again at 1.2, 1.5 and 1.8
        control = add_mouse(study, f"d{number}", "control")
        tests = [add_test(control, 50, 75), add_test(control, 50, second_s, number=2)]
        call = ResponseCall.objects.filter(run=run).first()
        assert call is not None
        ResponseCall.objects.create(
            study=study, run=run, mouse=control, before=tests[0], after=tests[1], rule=call.rule,
            response="unclassified", borderline=False,
        )  # fmt: skip
    user = User.objects.get(username="tina")
    expected, regression = expected_second_ratios(run, response_frame(run, user))
    # six controls: log second / first = ln(76/75), 0, ln(76/77), ln .8, 0, ln 1.2; nine defeated mice: 6 x .5, 1.5, 1.52, 1.54
    changes = [math.log(x) for x in (76 / 75, 1, 76 / 77, 0.8, 1, 1.2)]
    assert regression.sem == pytest.approx(statistics.stdev(changes) / math.sqrt(2))
    firsts = [math.log(x) for x in [0.5] * 6 + [1.5, 1.52, 1.54]]
    assert regression.slope == pytest.approx(1 - regression.sem**2 / statistics.variance(firsts))
    assert (expected["si_ratio_before"].iloc[0], expected["si_ratio_before"].iloc[-1]) == pytest.approx((0.5, 1.54))
    assert expected["expected"].iloc[0] > 0.5  # what was chosen for being low is expected to rise
    assert (expected["low"] < expected["expected"]).all()
    text = client.get(url).content.decode()
    assert "expected without treatment" in text
    assert "the geometric mean of the 9 defeated mice" in text
