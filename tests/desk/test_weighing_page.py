"""The round of weighing: in the order of the cages, each mouse with what it weighed before."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labdb.accounts.models import Role, User
from labdb.colony.models import (
    Cage,
    Cohort,
    Exclusion,
    Housing,
    Mouse,
    MouseIdentification,
    Study,
    StudyMembership,
    Weighing,
    WelfareCheck,
)
from labdb.defeat.models import DefeatCourse
from labdb.desk.weighing_sheet import weighing_round
from labdb.registry.natural_order import natural
from tests import qr_codes

pytestmark = pytest.mark.django_db
ADDRESS = "/studies/S1/bench/weighing/"


@pytest.fixture
def study() -> Study:
    return Study.objects.create(code="S1", title="one")


@pytest.fixture
def cohort(study: Study) -> Cohort:
    return Cohort.objects.create(study=study, code="C1", start_date=timezone.localdate() - timedelta(days=2))


def add(cohort: Cohort, code: str, cage: str = "", side: str = "", **more: Any) -> Mouse:
    mouse = Mouse.objects.create(study=cohort.study, cohort=cohort, code=code, **more)
    if cage:
        place, _new = Cage.objects.get_or_create(study=cohort.study, code=cage, defaults={"rack": "R1"})
        kind = "divided" if side else ""
        Housing.objects.create(
            study=cohort.study, mouse=mouse, cage=place, side=side, kind=kind, housed_from=date(2025, 1, 1)
        )
    return mouse


def weigh(mouse: Mouse, days_ago: int, mass: float) -> Weighing:
    at = timezone.localtime().replace(hour=0, minute=1) - timedelta(days=days_ago)
    return Weighing.objects.create(study=mouse.study, mouse=mouse, performed_at=at, body_mass_g=mass)


def sign_in(client: Client, study: Study, role: str = "technician") -> User:
    user = User.objects.create_user("tina", password="a long password")
    StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))
    client.force_login(user)
    return user


def sheet(client: Client, query: str = "?cohort=C1") -> dict[str, Any]:
    answer = client.get(ADDRESS + query)
    assert answer.status_code == 200
    text = answer.content.decode()
    start = text.index('<script id="weighing-sheet" type="application/json">') + 52
    return json.loads(text[start : text.index("</script>", start)])


def test_mice_stand_in_the_order_of_cages_and_sides_and_those_without_come_last(cohort: Cohort) -> None:
    for code, cage, side in (("M1", "K10", "R"), ("M2", "K9", ""), ("M3", "", ""), ("M4", "K10", "L"), ("M10", "", "")):
        add(cohort, code, cage, side)
    assert [row.mouse.code for row in weighing_round(cohort.study, cohort)] == ["M2", "M4", "M1", "M3", "M10"]


def test_the_dead_of_earlier_days_are_left_out_and_those_of_today_are_shown(client: Client, cohort: Cohort) -> None:
    today = timezone.localdate()
    add(cohort, "M1", death_date=today - timedelta(days=1))
    add(cohort, "M2", death_date=today)
    sign_in(client, cohort.study)
    (mouse,) = sheet(client)["mice"]
    assert (mouse["code"], mouse["died"]) == ("M2", str(today))


@pytest.mark.parametrize(
    ("masses", "baseline"),
    [
        ({5: 23.0, 2: 24.0, 1: 22.0}, 24.0),  # the day on which the course starts
        ({5: 23.0, 3: 23.5, 1: 22.0}, 23.5),  # else the last one before
        ({1: 22.0}, 22.0),  # else the first one
        ({}, None),
    ],
)
def test_the_baseline_is_from_before_the_stress(cohort: Cohort, masses: dict[int, float], baseline: Any) -> None:
    mouse = add(cohort, "M1")
    for days_ago, mass in masses.items():
        weigh(mouse, days_ago, mass)
    (row,) = weighing_round(cohort.study, cohort)
    assert (row.baseline[1] if row.baseline else None) == baseline


def test_the_first_day_of_the_course_comes_before_that_of_the_cohort(client: Client, cohort: Cohort) -> None:
    mouse = add(cohort, "M1")
    for days_ago, mass in ((2, 25.0), (1, 24.0)):
        weigh(mouse, days_ago, mass)
    begins = timezone.localdate() - timedelta(days=1)
    course = DefeatCourse.objects.create(study=cohort.study, cohort=cohort, code="DC1", start_date=begins)
    sign_in(client, cohort.study)
    (shown,) = sheet(client)["mice"]
    assert (shown["baseline"], shown["endpoint_g"]) == ({"g": 24.0, "day": str(begins)}, 19.2)
    DefeatCourse.objects.filter(pk=course.pk).update(start_date=None)
    assert sheet(client)["mice"][0]["baseline"]["g"] == 25.0


def test_the_page_knows_below_what_a_mass_is_the_third_fall(client: Client, cohort: Cohort) -> None:
    falls, rises = add(cohort, "M1"), add(cohort, "M2")
    for days_ago, mass in ((4, 24.0), (3, 25.0), (2, 24.7), (1, 24.4)):
        weigh(falls, days_ago, mass)
        weigh(rises, days_ago, mass + (days_ago == 1))
    weigh(falls, 0, 24.1)
    sign_in(client, cohort.study)
    assert [mouse["fell"] for mouse in sheet(client)["mice"]] == [[25.0, 24.7, 24.4], []]


def test_a_mouse_comes_with_all_that_the_page_needs(client: Client, cohort: Cohort) -> None:
    mouse = add(cohort, "M1", "K1", ear_tag="0412")
    MouseIdentification.objects.create(study=cohort.study, mouse=mouse, kind="tattoo", value="T7")
    Exclusion.objects.create(study=cohort.study, mouse=mouse, criterion="wound")
    weigh(mouse, 2, 25.0)
    weigh(mouse, 1, 24.5)
    present = weigh(mouse, 0, 24.0)
    WelfareCheck.objects.create(study=cohort.study, mouse=mouse, finding="wound", action="watch")
    sign_in(client, cohort.study)
    (shown,) = sheet(client)["mice"]
    assert (shown["code"], shown["place"], shown["marks"]) == ("M1", "K1", ["0412", "T7"])
    assert (shown["previous"]["g"], shown["baseline"]["g"]) == (24.5, 25.0)
    assert (shown["present"]["g"], shown["present"]["id"], shown["present"]["version"]) == (24.0, present.pk, 1)
    assert [mass for _at, mass in shown["curve"]] == [25.0, 24.5]
    assert (shown["excluded"], shown["checks"]) == (True, 1)


def test_the_limit_is_the_laboratory_s(client: Client, cohort: Cohort, settings: Any) -> None:
    settings.HUMANE_ENDPOINT_PERCENT = 85
    sign_in(client, cohort.study)
    assert sheet(client)["rule"]["endpoint_percent"] == 85


def test_without_a_cohort_the_page_asks_which(client: Client, cohort: Cohort) -> None:
    add(cohort, "M1")
    sign_in(client, cohort.study)
    text = " ".join(client.get(ADDRESS).content.decode().split())
    assert 'href="?cohort=C1">C1 <span class="text-secondary ms-2">1 living</span>' in text
    assert [mouse["code"] for mouse in sheet(client, "?cohort=all")["mice"]] == ["M1"]


def test_the_paper_has_the_rows_of_the_page(client: Client, cohort: Cohort) -> None:
    weigh(add(cohort, "M1", "K2"), 1, 24.5)
    add(cohort, "M2", "K1")
    sign_in(client, cohort.study, "investigator")  # who may look may print
    text = client.get(f"{ADDRESS}?cohort=C1&print=1").content.decode()
    assert text.index('<th scope="row">M2</th>') < text.index('<th scope="row">M1</th>')
    assert "24.5" in text
    address = qr_codes.read(qr_codes.modules_of_svg(text[text.index("paper-qr") :].partition("</svg>")[0]))
    assert address == f"http://testserver{ADDRESS}?cohort=C1"


def test_what_other_tablets_saved_is_told_by_one_query_of_today_s_masses(
    client: Client, cohort: Cohort, django_assert_max_num_queries: Any
) -> None:
    mice = [add(cohort, f"M{number}") for number in range(4)]
    weigh(mice[0], 1, 25.0)
    stranger = add(Cohort.objects.create(study=cohort.study, code="C2"), "M9")
    weigh(stranger, 0, 22.0)
    user = sign_in(client, cohort.study)
    for number, mouse in enumerate(mice[1:]):
        newest = weigh(mouse, 0, 24.0 + number)
        Weighing.objects.filter(pk=newest.pk).update(performed_by=user)
    WelfareCheck.objects.create(study=cohort.study, mouse=mice[3], finding="wound", action="watch")
    url = sheet(client)["stored_url"]
    with django_assert_max_num_queries(7):  # session, account, two of rights, study, cohort, masses
        said = client.get(url).json()
    assert said["day"] == str(timezone.localdate())
    told = {int(pk): (one["g"], one["by"], one["checks"]) for pk, one in said["masses"].items()}
    assert told == {mice[1].pk: (24.0, "tina", 0), mice[2].pk: (25.0, "tina", 0), mice[3].pk: (26.0, "tina", 1)}
    assert said["masses"][str(mice[3].pk)]["id"] == newest.pk
    assert set(client.get(f"{ADDRESS}stored/?cohort=all").json()["masses"]) == {*said["masses"], str(stranger.pk)}


@pytest.mark.parametrize(("query", "status"), [("?cohort=C9", 404), ("?cohort=%00", 404), ("", 200)])
def test_masses_of_a_cohort_that_is_none_are_not_found(client: Client, study: Study, query: str, status: int) -> None:
    assert client.get(f"{ADDRESS}stored/").status_code == 401
    sign_in(client, study)
    assert client.get(f"{ADDRESS}stored/{query}").status_code == status


def test_who_may_not_weigh_is_told_so_and_others_see_nothing(client: Client, cohort: Cohort) -> None:
    sign_in(client, cohort.study, "investigator")
    answer = client.get(f"{ADDRESS}?cohort=C1")
    assert answer.status_code == 403
    assert "Your role may not add weighings in study S1" in answer.content.decode()
    client.force_login(User.objects.create_user("else", password="a long password"))
    assert client.get(ADDRESS).status_code == 404


@pytest.mark.parametrize("cohort_code", ["C9", "C%00", "%ED%A0%80"])
def test_a_cohort_that_is_none_is_not_found(client: Client, cohort: Cohort, cohort_code: str) -> None:
    sign_in(client, cohort.study)
    assert client.get(f"{ADDRESS}?cohort={cohort_code}").status_code == 404


def test_nothing_is_weighed_in_a_closed_study(client: Client, cohort: Cohort) -> None:
    sign_in(client, cohort.study)
    Study.objects.update(state="closed")
    answer = client.get(f"{ADDRESS}?cohort=C1")
    assert (answer.status_code, "Study S1 is closed" in answer.content.decode()) == (403, True)


def test_the_page_and_the_answers_tell_the_time_of_one_clock(
    client: Client, cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what was started before the first answer would lie days ahead."""
    sign_in(client, cohort.study)
    moved = timezone.now() - timedelta(days=9)
    monkeypatch.setattr("django.utils.timezone.now", lambda: moved)
    page = client.get(ADDRESS, {"cohort": "C1"}).content.decode()
    assert f'data-bench-now="{moved.timestamp():.6f}"' in page
    assert client.get("/bench/clock/").json()["now"].startswith(f"{moved:%Y-%m-%dT%H:%M:%S}")


def test_k10_comes_after_k9() -> None:
    assert sorted(["K10", "K9", "K9b", "A11", "2", "10"], key=natural) == ["2", "10", "A11", "K9", "K9b", "K10"]


def test_the_worker_is_allowed_above_its_own_address(client: Client) -> None:
    answer = client.get("/bench/worker.js")
    assert answer.headers["Service-Worker-Allowed"] == "/"
    assert b"respondWith" in answer.content
