"""Sessions of screening are entered as a table; the rule judges; rest and retirement are one tap, with history."""

from typing import Any

import pytest
from django.utils import timezone

from labdb.defeat.models import Aggressor, AggressorScreening, DefeatBout
from tests.defeat.lab import client_of, make_aggressors, make_course

pytestmark = pytest.mark.django_db
PAGE = "/defeat/screening/"
AT = "2025-05-01T09:00"


def cells(client: Any, query: str = "") -> dict[str, str]:
    """Return what the table's fields hold, as a browser would send them back."""
    sent = {}
    for row in client.get(PAGE + query).context["rows"]:
        for cell in row.cells:
            sent |= {
                f"latency-{cell.name}": cell.latency, f"was-latency-{cell.name}": cell.latency,
                f"attacks-{cell.name}": cell.attacks, f"was-attacks-{cell.name}": cell.attacks,
                f"at-{cell.day}": AT,
            }  # fmt: skip
    return sent


def enter(client: Any, **sessions: tuple[str, str]) -> Any:
    """Type sessions (``R1_2`` is day 2 of R1: latency and attacks) and save."""
    typed = {}
    for name, (latency, attacks) in sessions.items():
        code, _, day = name.rpartition("_")
        pk = Aggressor.objects.get(code=code).pk
        typed |= {f"latency-{pk}-{day}": latency, f"attacks-{pk}-{day}": attacks}
    return client.post(PAGE, {**cells(client), **typed}, follow=True)


def verdicts(client: Any) -> dict[str, str]:
    rows = client.get(PAGE).context["rows"]
    return {row.facts.code: f"{row.facts.judgment.verdict}: {row.facts.judgment.reason}" for row in rows}


@pytest.fixture
def client() -> Any:
    for code in ("R1", "R2", "R10"):
        Aggressor.objects.create(code=code)
    return client_of()


def test_three_days_are_entered_and_judged(client):
    enter(client, R1_1=("80", "2"), R2_1=("-", ""), R10_1=("20", "5"))
    enter(client, R1_2=("30", "4"), R2_2=("no", ""), R10_2=("-", ""))
    enter(client, R1_3=("12.5", "9"), R10_3=("10", "3"))
    assert verdicts(client) == {
        "R1": "passed: attacked within 60 s on days 2 and 3",
        "R2": "failed: 0 sessions in a row within 60 s, 2 needed",
        "R10": "failed: 1 session in a row within 60 s, 2 needed",
    }
    first = AggressorScreening.objects.get(aggressor__code="R2", day=1)
    assert (first.latency_s, first.attacks, first.passed) == (None, 0, None)
    assert timezone.localtime(first.performed_at).strftime("%Y-%m-%dT%H:%M") == AT


def test_one_bad_session_keeps_all_out_and_is_named(client):
    answer = enter(client, R1_1=("80", "2"), R2_1=("soon", "2"), R10_1=("5000", ""))
    page = answer.content.decode()
    assert "Nothing was saved" in page
    assert "R2, day 1: soon is not a number" in page
    assert "R10, day 1: 5000 s is outside 0 to 3600 s" in page
    assert 'value="soon"' in page
    assert not AggressorScreening.objects.exists()


def test_a_changed_session_asks_why(client):
    enter(client, R1_1=("80", "2"))
    asked = enter(client, R1_1=("8", "2"))
    assert "80 is stored; 8 would replace it" in asked.content.decode().replace("80.0", "80").replace("8.0", "8")
    pk = Aggressor.objects.get(code="R1").pk
    client.post(PAGE, {**cells(client), f"latency-{pk}-1": "8", "history_reason": "mistyped"})
    assert AggressorScreening.objects.get().latency_s == 8


def test_what_somebody_else_entered_meanwhile_is_not_overwritten(client):
    sent = cells(client)
    enter(client, R1_1=("80", "2"))
    pk = Aggressor.objects.get(code="R2").pk
    client.post(PAGE, {**sent, f"latency-{pk}-1": "7", f"attacks-{pk}-1": "1"})
    assert AggressorScreening.objects.get(aggressor__code="R1").latency_s == 80
    assert AggressorScreening.objects.get(aggressor__code="R2").latency_s == 7


def test_accepting_writes_into_each_session_whether_it_counts(client):
    enter(client, R1_1=("80", "2"), R1_2=("30", "4"), R1_3=("12", "9"), R2_1=("10", "3"))
    client.post(PAGE, {**cells(client), "accept": "yes"})
    passed = dict(AggressorScreening.objects.filter(aggressor__code="R1").values_list("day", "passed"))
    assert passed == {1: False, 2: True, 3: True}
    assert AggressorScreening.objects.get(aggressor__code="R2").passed is None  # not decided


def test_a_second_series_begins_empty_and_judges_anew(client):
    enter(client, R1_1=("-", ""), R1_2=("-", ""))
    assert verdicts(client)["R1"].startswith("failed")
    pk = Aggressor.objects.get(code="R1").pk
    sent = cells(client, "?again=R1")
    assert sent[f"latency-{pk}-1"] == ""
    client.post(f"{PAGE}?again=R1", {**sent, f"latency-{pk}-1": "5", f"attacks-{pk}-1": "9"})
    assert AggressorScreening.objects.get(series=2).latency_s == 5
    assert verdicts(client)["R1"] == "open: 2 sessions to come"


def state(client: Any, code: str, what: str) -> str:
    one = Aggressor.objects.get(code=code)
    answer = client.post(f"{PAGE}{one.pk}/", {"state": what, "version": one.version}, follow=True)
    return answer.content.decode()


def test_rest_retirement_and_return_are_one_tap_each_and_remembered(client):
    assert "R1 rests from today." in state(client, "R1", "rest")
    assert Aggressor.objects.get(code="R1").unfit_on(timezone.localdate()) == "rests"
    assert "R1 is in use again." in state(client, "R1", "back")
    assert Aggressor.objects.get(code="R1").unfit_on(timezone.localdate()) == ""
    state(client, "R1", "retire")
    retired = Aggressor.objects.get(code="R1")
    assert retired.retired_date == timezone.localdate()
    assert "R1" not in verdicts(client)
    reasons = [
        event.pgh_context.metadata.get("reason")
        for event in retired.events.exclude(pgh_label="insert").order_by("pgh_id")
    ]
    assert reasons == ["rests from today", "is in use again", "is retired from today"]


def test_a_state_changed_by_someone_else_meanwhile_is_not_overwritten(client):
    one = Aggressor.objects.get(code="R1")
    state(client, "R1", "rest")
    answer = client.post(f"{PAGE}{one.pk}/", {"state": "retire", "version": one.version}, follow=True)
    assert "Someone else changed R1" in answer.content.decode()
    assert Aggressor.objects.get(code="R1").retired_date is None


@pytest.mark.parametrize("sent", [{}, {"state": "sell", "version": "1"}, {"state": "rest", "version": "x"}])
def test_a_tap_that_says_nothing_changes_nothing(client, sent):
    one = Aggressor.objects.get(code="R1")
    answer = client.post(f"{PAGE}{one.pk}/", sent, follow=True)
    assert "did not say what to do" in answer.content.decode()


def test_uses_last_use_and_means_are_those_of_the_bouts(client):
    course = make_course(n_mice=2)
    one = Aggressor.objects.get(code="R1")
    for mouse, latency, attacks in zip(course.cohort.mice.order_by("code")[:2], (10.0, 30.0), (4, 9), strict=True):
        DefeatBout.objects.create(
            study=course.study, mouse=mouse, day=1, aggressor=one, performed_at="2025-05-02T10:00Z", physical_s=300,
            attack_latency_s=latency, attacks=attacks,
        )  # fmt: skip
    (row,) = [row for row in client.get(PAGE).context["rows"] if row.facts.code == "R1"]
    assert (row.facts.n_bouts, row.facts.mean_latency_s, row.facts.mean_attacks) == (2, 20.0, 6.5)
    assert str(row.facts.last_used) == "2025-05-02"


def test_codes_are_sorted_as_people_count(client):
    assert [row.facts.code for row in client.get(PAGE).context["rows"]] == ["R1", "R2", "R10"]


def test_a_scorer_looks_and_does_not_enter(client):
    course = make_course(n_mice=1)
    scorer = client_of("scorer", course.study)
    page = scorer.get(PAGE).content.decode()
    assert "Save sessions" not in page
    assert "Rest</button>" not in page
    one = Aggressor.objects.get(code="R1")
    assert "Your role may not change" in state(scorer, "R1", "rest")
    assert not Aggressor.objects.get(code="R1").is_resting
    answer = scorer.post(PAGE, {**cells(scorer), f"latency-{one.pk}-1": "5"})
    assert "Your role may not" in answer.content.decode()
    assert not AggressorScreening.objects.exists()


def test_two_hundred_aggressors_take_a_few_queries(django_assert_max_num_queries):
    make_aggressors(30)
    client = client_of()
    with django_assert_max_num_queries(16):
        client.get(PAGE)
