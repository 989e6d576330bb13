"""Planning, solutions, labels, the round on paper and what became of doses, through the pages."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labdb.accounts.models import User
from labdb.colony.models import Study, Weighing
from labdb.treatment.dose_planning import plan_doses, store_dose_plan
from labdb.treatment.models import Dose, Solution, SolutionKey
from labdb.treatment.unblinding import unblind
from tests.treatment.dosed_study import make_study, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_study()


@pytest.fixture
def page(client: Client, study: Study) -> Client:
    client.force_login(member(study, "alma", "allocator"))
    return client


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def tomorrow(days: int = 1) -> str:
    return str(timezone.localdate() + timedelta(days=days))


def asked(**more: str) -> dict[str, str]:
    return {"cohort": "C1", "day_1": tomorrow(), "default_time": "09:00", "every_days": "", **more}


def stored(study: Study, **more: Any) -> None:
    allocator = User.objects.get(username="alma")
    facts = {"day_1": timezone.localdate() + timedelta(days=1), "default_time": "09:00", **more}
    store_dose_plan(plan_doses(study, None, allocator, **facts), allocator, "a reason")


def test_a_plan_is_shown_before_it_is_stored_and_stored_once(page: Client) -> None:
    address = "/studies/S1/doses/plan/"
    assert page.get(address).status_code == 200
    shown = text_of(page.get(address, asked()))
    assert "Mice 6 Syringe codes 12 Doses 84" in shown
    assert not Dose.objects.exists()
    assert "Mice, arms or solutions were changed" in text_of(page.post(address, asked(n_doses="83")))
    assert page.post(address, asked(n_doses="84")).status_code == 302
    assert (Dose.objects.count(), SolutionKey.objects.count()) == (84, 12)
    again = page.post(address, asked(n_doses="0"))
    assert again.status_code == 409
    assert "No mouse is left to plan" in text_of(again)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"day_1": "soon"}, "Enter a valid date."),
        ({"day_1": "9999-12-31"}, "9999-12-31 is not a day of this experiment; check the year."),
        ({"day_1": ""}, "enter the date of the first dose."),
        ({"default_time": "9.30"}, "enter hours and minutes such as 09:00."),
        ({"every_days": "0"}, "greater than or equal to 1"),
        ({"cohort": "C9"}, "There is no cohort C9 in study S1; choose one of the list."),
        ({"cohort": "C\0"}, "cohort"),
    ],
)
def test_what_cannot_be_meant_is_said(page: Client, wrong: dict[str, str], sentence: str) -> None:
    answer = page.get("/studies/S1/doses/plan/", asked(**wrong))
    assert answer.status_code == 400
    assert sentence in text_of(answer)


def test_a_warning_is_stored_with_a_reason_alone(page: Client) -> None:
    Solution.objects.filter(code="SAL1").update(expires_at=timezone.now() + timedelta(days=3))
    address = "/studies/S1/doses/plan/"
    refused = page.post(address, asked(n_doses="84"))
    assert refused.status_code == 409
    assert "no solution is usable on all of days 1-13; SAL1 (usable until" in text_of(refused)
    assert not Dose.objects.exists()
    assert page.post(address, asked(n_doses="84", history_reason="made anew on day 3")).status_code == 302
    assert Dose.objects.count() == 84


def test_the_sheet_says_what_to_weigh_in_and_syringes_take_another_bottle(page: Client, study: Study) -> None:
    stored(study, every_days=7)
    address = f"/studies/S1/solutions/?from={tomorrow()}&to={tomorrow(14)}&overage=20"
    shown = text_of(page.get(address))
    # imipramine: 2 mice x 14 days x 0.25 ml = 7 ml, 8.4 ml with 20 %, of 2 mg/ml
    assert "IMI1 imipramine 2.0 (salt) 6 28 25.0 7.00 8.4 16.80" in shown
    old = Solution.objects.get(code="IMI1")
    Solution.objects.create(study=study, code="IMI2", drug=old.drug, stock_mg_per_ml=2.0, drug_form="salt")
    Solution.objects.create(study=study, code="IMI3", drug=old.drug, stock_mg_per_ml=4.0, drug_form="salt")
    strong = page.post(address, {"old": "IMI1", "new": "IMI3", "since": tomorrow(8)})
    assert "IMI3 is not the same drug in the same strength as IMI1" in text_of(strong)
    assert "Choose the bottle" in text_of(page.post(address, {"old": "IMI1", "new": "", "since": "soon"}))
    begun = page.post(address, {"old": "IMI1", "new": "IMI2", "since": tomorrow(20)})
    assert "No syringe of IMI1 is filled from" in text_of(begun)
    # days 1-7 stay with the first bottle, days 8-13 and 14 of two mice take the second
    done = page.post(address, {"old": "IMI1", "new": "IMI2", "since": tomorrow(8)}, follow=True)
    assert "4 syringe codes are filled from IMI2" in text_of(done)
    assert SolutionKey.objects.filter(solution__code="IMI1").count() == 2
    for day in ("soon", "9999-12-31"):
        assert page.get(f"/studies/S1/solutions/?from={day}").status_code == 400
    assert "is no span of 1 to 92 days" in text_of(
        page.get(f"/studies/S1/solutions/?from={tomorrow(9)}&to={tomorrow()}")
    )


def test_a_technician_sees_codes_and_no_drug_on_the_round_its_sheet_and_its_labels(
    client: Client, page: Client, study: Study
) -> None:
    stored(study)
    client.force_login(member(study, "tina", "technician"))
    for address in (
        f"/studies/S1/bench/dosing/?day={tomorrow()}", f"/studies/S1/bench/dosing/?cohort=C1&day={tomorrow()}",
        f"/studies/S1/bench/dosing/?cohort=all&day={tomorrow()}&print=1", f"/studies/S1/bench/dosing/labels/?day={tomorrow()}",
        f"/studies/S1/bench/dosing/stored/?day={tomorrow()}", "/studies/S1/doses/",
    ):  # fmt: skip
        answer = client.get(address)
        assert answer.status_code == 200
        words = answer.content.decode()
        assert not [
            drug for drug in ("imipramine", "ketamine", "saline", "IMI1", "KET1", "SAL1", "mg/kg") if drug in words
        ]
    labels = client.get(f"/studies/S1/bench/dosing/labels/?day={tomorrow()}").content.decode()
    assert labels.count('class="syringe-label"') == 6
    assert "0.25 ml" in labels
    for day in ("soon", "9999-12-31"):
        assert client.get(f"/studies/S1/bench/dosing/?cohort=C1&day={day}").status_code == 404
    assert client.get("/studies/S1/doses/plan/").status_code == 403
    for address in ("/studies/S1/doses/", "/studies/S1/bench/dosing/?cohort=C9"):
        client.force_login(User.objects.get_or_create(username="stranger")[0])
        assert client.get(address).status_code == 404


def test_the_round_of_an_unblinded_study_says_lot_and_expiry_of_each_syringe(page: Client, study: Study) -> None:
    Solution.objects.filter(code="IMI1").update(lot="L77", expires_at=timezone.make_aware(datetime(2100, 1, 2, 12)))
    stored(study)
    address = f"/studies/S1/bench/dosing/?cohort=all&day={tomorrow()}"
    assert "L77" not in page.get(address).content.decode(), "whoever holds the key does not dose by it"
    unblind(study, by=User.objects.get(username="alma"), reason="the re-tests are done")
    for shown in (address, f"{address}&print=1"):
        assert "IMI1, lot L77, usable until 2100-01-02 12:00" in page.get(shown).content.decode()


def test_the_round_tells_what_is_stored_and_the_newest_mass(page: Client, study: Study) -> None:
    stored(study)
    dose = Dose.objects.filter(mouse__code="M2").earliest("planned_at")
    Dose.objects.filter(pk=dose.pk).update(
        status="missed", reason="ill", performed_by=User.objects.get(username="alma")
    )
    Weighing.objects.create(study=study, mouse=dose.mouse, performed_at=timezone.now(), body_mass_g=26.5)
    told = page.get(f"/studies/S1/bench/dosing/stored/?day={tomorrow()}&cohort=C1").json()
    assert told["doses"][str(dose.pk)] == {
        "version": 2, "status": "missed", "at": "", "ml": None, "reason": "ill", "by": "alma",
    }  # fmt: skip
    assert told["masses"][str(dose.mouse_id)]["g"] == 26.5
    assert len(told["doses"]) == 6


def test_the_table_of_doses_is_filtered_and_the_mouse_page_sums_up(page: Client, study: Study) -> None:
    stored(study, day_1=timezone.localdate() - timedelta(days=2))
    for code, status in (("M1", "given"), ("M2", "missed")):
        for dose in Dose.objects.filter(mouse__code=code, planned_at__lt=timezone.now()):
            given = {"given_at": dose.planned_at} if status == "given" else {"reason": "ill"}
            Dose.objects.filter(pk=dose.pk).update(status=status, **given)
    everything = text_of(page.get("/studies/S1/doses/"))
    assert "6 mice:" in everything
    assert "not said" in everything
    complete = page.get("/studies/S1/doses/?doses=complete").content.decode()
    assert "/mice/M1/" in complete
    assert "/mice/M2/" not in complete
    assert "/mice/M2/" in page.get("/studies/S1/doses/?doses=not+complete&cohort=C1").content.decode()
    assert "No mouse is so" in text_of(page.get("/studies/S1/doses/?cohort=C9"))
    assert "due given in full" in text_of(page.get("/studies/S1/mice/M1/"))
    assert "Give doses" in text_of(page.get("/studies/S1/"))
