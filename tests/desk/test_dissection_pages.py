"""The sheet of a day of dissections through its pages: who is on it, in which order, what is known, what it tells nobody."""

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labdb.colony.models import Mouse, Study
from labdb.desk.dissect_facts import dose_warning, most_common_n
from labdb.desk.dissect_sheet import by_chance
from labdb.tissue.models import BrainRegion, Dissection, RegionNotTaken, StorageBox, TissueSample
from labdb.tissue.sample_codes import sample_code
from labdb.treatment.adherence import Adherence
from tests.treatment.dosed_study import make_study, member

pytestmark = pytest.mark.django_db
ADDRESS = "/studies/S1/dissection/"


@pytest.fixture
def study() -> Study:
    return make_study()


@pytest.fixture
def page(client: Client, study: Study) -> Client:
    client.force_login(member(study, "tina", "technician"))
    return client


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def sheet_of(answer: Any) -> Any:
    (found,) = re.findall(r'id="dissection-sheet" type="application/json">(.*?)</script>', answer.content.decode())
    return json.loads(found)


def dissect(study: Study, code: str, *, days_ago: int = 0, **tube: Any) -> Dissection:
    """Store a dissection with one tube of PFC."""
    at = timezone.now() - timedelta(days=days_ago)
    mouse = Mouse.objects.get(study=study, code=code)
    mouse.death_date = timezone.localdate(at)
    mouse.save()
    done = Dissection.objects.create(
        study=study, mouse=mouse, performed_at=at, anesthesia="isoflurane", death_method="decapitation", order_of_day=4
    )
    region = BrainRegion.objects.get_or_create(code="PFC")[0]
    TissueSample.objects.create(
        study=study, mouse=mouse, dissection=done, region=region, code=f"{code}-PFC", hemisphere="B",
        frozen_at=at + timedelta(minutes=3), **tube,
    )  # fmt: skip
    return done


def test_the_order_is_drawn_once_and_whoever_else_is_dissected(page: Client, study: Study) -> None:
    sheet = sheet_of(page.get(f"{ADDRESS}?cohort=C1"))
    drawn = [mouse["code"] for mouse in sheet["mice"]]
    assert sorted(drawn) == [f"M{number}" for number in range(1, 7)]
    assert drawn == sorted(drawn, key=lambda code: by_chance("S1", timezone.localdate(), code))
    some = ".".join(str(Mouse.objects.get(study=study, code=code).pk) for code in drawn[::2])
    assert [mouse["code"] for mouse in sheet_of(page.get(f"{ADDRESS}?cohort=all&mice={some}"))["mice"]] == drawn[::2]
    cages = sheet_of(page.get(f"{ADDRESS}?cohort=C1&order=cages"))
    assert [mouse["code"] for mouse in cages["mice"]] == [f"M{number}" for number in range(6, 0, -1)]
    assert [mouse["order"] for mouse in cages["mice"]] == list(range(1, 7))


def test_lots_are_even(study: Study) -> None:
    """Over many days each of two mice comes first about as often: 400 fair coins give 160 to 240 heads."""
    days = [date(2026, 1, 1) + timedelta(days=one) for one in range(400)]
    first = sum(by_chance("S1", day, "M1") < by_chance("S1", day, "M2") for day in days)
    assert 160 < first < 240


def test_what_was_chosen_last_is_offered_and_a_past_day_is_looked_at_only(page: Client, study: Study) -> None:
    box = StorageBox.objects.create(code="BOX1")
    dissect(study, "M2", days_ago=2, box=box, position="B3", punch_mm=1.5, punch_count=2)
    RegionNotTaken.objects.create(
        study=study, mouse=Mouse.objects.get(code="M2"), region=BrainRegion.objects.get_or_create(code="NAc")[0],
        reason="crushed",
    )  # fmt: skip
    sheet = sheet_of(page.get(f"{ADDRESS}?cohort=C1"))
    column = {
        "region": "PFC", "hemisphere": "B", "punch_mm": 1.5, "punch_count": 2, "bregma_from_mm": None,
        "bregma_to_mm": None, "box": "BOX1",
    }  # fmt: skip
    assert sheet["protocol"] == {"anesthesia": "isoflurane", "death_method": "decapitation", "columns": [column]}
    assert sheet["taken"] == {"BOX1": {"B3": "S1-M2-PFC"}}
    assert "M2" not in [mouse["code"] for mouse in sheet["mice"]]  # dead since
    day = timezone.localdate() - timedelta(days=2)
    choice = text_of(page.get(ADDRESS))
    assert f"{day:%a} {day.day} {day:%b %Y}" in choice
    past = page.get(f"{ADDRESS}?cohort=all&day={day}")
    assert "A day that is over" in text_of(past)
    (mouse,) = sheet_of(past)["mice"]
    assert (mouse["code"], mouse["order"]) == ("M2", 4)  # as it was recorded
    assert mouse["not_taken"][0]["reason"] == "crushed"
    assert sheet_of(past)["may_enter"] is False
    paper = text_of(page.get(f"{ADDRESS}?cohort=all&day={day}&columns=PFC:B/NAc:&print=1"))
    assert "3.0 min BOX1 B3 crushed" in paper


def test_it_tells_no_arm_and_no_tube_of_a_study_that_is_not_seen(page: Client, study: Study) -> None:
    box = StorageBox.objects.create(code="BOX1")
    dissect(study, "M1", box=box, position="A1")
    other = Study.objects.create(code="S2", title="two")
    stranger = Mouse.objects.create(study=other, code="X1")
    TissueSample.objects.create(
        study=other, mouse=stranger, code="X1-PFC", region=BrainRegion.objects.get(code="PFC"), box=box, position="A2"
    )
    said = page.get(f"/boxes/{box.pk}/positions/").json()
    assert said["taken"]["A1"] == "S1-M1-PFC"
    assert "X1-PFC" not in json.dumps(said)
    assert "A2" in said["taken"]
    for address in ("?cohort=C1", "?cohort=C1&print=1", "stored/?cohort=C1", "labels/?cohort=C1&columns=PFC:B"):
        words = page.get(f"{ADDRESS}{address}").content.decode()
        assert not [one for one in ("saline", "ketamine", "imipramine", "X1-PFC") if one in words], address


def test_labels_are_printed_before_the_first_tap(page: Client, study: Study) -> None:
    BrainRegion.objects.get_or_create(code="NAc")
    dissect(study, "M6")
    asked = f"{ADDRESS}labels/?cohort=C1&order=cages&columns=PFC:B/NAc:B"
    shown = text_of(page.get(asked))
    assert "Labels of 12 tubes" in shown
    assert "S1-M6-PFC M6 PFC" in shown
    assert "S1-M1-NAc M1 NAc" in shown
    pdf = page.post(asked, {"stock": "LCRY-1700", "start": "1"})
    assert pdf["Content-Type"] == "application/pdf"


def test_a_name_that_is_taken_gets_the_next_letter() -> None:
    named = {"mouse": "M012", "region": "PFC"}
    taken: set[str] = set()
    for wanted in ("M012-PFC", "M012-PFC-b", "M012-PFC-c"):
        code = sample_code("{mouse}-{region}", **named, taken=taken)
        assert code == wanted
        taken.add(code)
    all_letters = {"M012-PFC", *(f"M012-PFC-{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")}
    assert sample_code("{mouse}-{region}", **named, taken=all_letters) == "M012-PFC-27"
    assert sample_code("{mouse}-{region}-{hemisphere}", **named, hemisphere="L") == "M012-PFC-L"


def test_mice_dosed_otherwise_than_most_are_told_and_those_without_doses_are_not() -> None:
    given = {1: Adherence(given=14), 2: Adherence(given=14), 3: Adherence(given=12, missed=2), 4: Adherence(given=15)}
    usual = most_common_n(given)
    assert usual == 14
    assert [dose_warning(given.get(pk), usual) for pk in (1, 5)] == ["", ""]
    assert dose_warning(given[3], usual) == "12 doses in full where most mice had 14 (2 missed)."
    assert dose_warning(given[4], usual) == "15 doses in full where most mice had 14."


@pytest.mark.parametrize(
    "address", ["?cohort=C9", "?cohort=C1&order=size", "?cohort=C1&day=soon", "?cohort=C1&columns=XXX:B",
                "?cohort=C1&columns=PFC:left", "labels/?cohort=C1", "?cohort=C1&mice=a%00b&order=chance%00"],
)  # fmt: skip
def test_what_cannot_be_meant_is_not_found(page: Client, address: str) -> None:
    assert page.get(f"{ADDRESS}{address}").status_code == 404


def test_it_is_for_whoever_may_see_the_study_and_entered_by_who_dissects(
    client: Client, page: Client, study: Study
) -> None:
    client.force_login(member(study, "ivan", "investigator"))
    assert sheet_of(client.get(f"{ADDRESS}?cohort=C1"))["may_enter"] is False
    other = Study.objects.create(code="S3", title="three")
    client.force_login(member(other, "otto", "technician"))
    assert client.get(f"{ADDRESS}?cohort=C1").status_code == 404
    assert client.get(f"{ADDRESS}labels/?cohort=C1").status_code == 404


def test_chosen_mice_of_a_list_lead_to_their_sheet(page: Client, study: Study) -> None:
    ids = list(Mouse.objects.filter(study=study, code__in=["M1", "M3"]).values_list("pk", flat=True))
    answer = page.post("/records/mice/selected/dissect/", {"row": ids}, follow=True)
    assert sorted(mouse["code"] for mouse in sheet_of(answer)["mice"]) == ["M1", "M3"]
