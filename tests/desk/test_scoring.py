"""A second, blind scoring: who is given what, what is stored, how far both agree, and which one counts."""

import re

import pytest
from django.test import Client

from labdb.accounts.models import Role, User
from labdb.behavior.models import Arena, SocialInteractionTest
from labdb.colony.models import Exclusion, Study, StudyMembership
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db
AGAIN = "/studies/S1/scoring/again/?test=1&cohort=&n=50&seed=7"
# First scoring and second, absent and present (s): ratios .5 and .5, .9 and 1.1, 1.5 and 1.5, 2 and 2.
FIRST = {"M1": (60, 30), "M2": (50, 45), "M3": (40, 60), "M4": (31.25, 62.5)}
SECOND = {"M1": (62, 31), "M2": (50, 55), "M3": (42, 63), "M4": (33, 66)}


@pytest.fixture
def study() -> Study:
    study, anna = make_study(), User.objects.create(username="anna")
    arena = Arena.objects.create(name="box 1")
    for code, times in FIRST.items():
        add_test(add_mouse(study, code), *times)
    ill = add_test(add_mouse(study, "M5"), 40, 50).mouse
    Exclusion.objects.create(study=study, mouse=ill, criterion="ill")
    SocialInteractionTest.objects.update(scorer=anna, arena=arena, tracker_file="video.mp4", tracker_sha256="0" * 64)
    return study


def member(study: Study, name: str, role: str) -> Client:
    user, _ = User.objects.get_or_create(username=name)
    StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def text_of(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def inputs(text: str) -> list[str]:
    """Mice in the order of the list."""
    return re.findall(r'<th scope="row">(M\d)</th>', text)


def entry(**times_of: tuple[float, float]) -> dict[str, str]:
    pks = dict(SocialInteractionTest.objects.filter(scoring_number=1).values_list("mouse__code", "pk"))
    sent = {}
    for code, (absent, present) in times_of.items():
        sent |= {f"iz_absent_s-{pks[code]}": str(absent), f"iz_present_s-{pks[code]}": str(present)}
    return sent


def test_tests_are_scored_again_by_another_person_who_sees_nothing_of_the_first(study: Study):
    own = text_of(member(study, "anna", "scorer"), AGAIN)
    assert "4 tests of this list were scored by you before, and are not given to you again" in own
    assert inputs(own) == []
    # A role that sees no record: the list opens, everything else is closed.
    bob = member(study, "bob", "blind scorer")
    assert '<a href="/studies/S1/scoring/again/">S1</a>' in text_of(bob, "/")
    text = text_of(bob, AGAIN)
    assert sorted(inputs(text)) == ["M1", "M2", "M3", "M4"]  # M5 is excluded
    assert inputs(text) == inputs(text_of(bob, AGAIN)) != inputs(text_of(bob, AGAIN.replace("seed=7", "seed=8")))
    for hidden in ("defeated", "31.25", "62.5", "anna", "susceptible"):
        assert hidden not in text
    assert text_of(bob, "/studies/S1/", status=404)
    assert bob.get("/api/v1/si-tests/").json()["count"] == 0
    assert bob.get("/studies/S1/scoring/").status_code == 404

    answer = bob.post(AGAIN, entry(M1=SECOND["M1"], M2=(50, 155)))
    assert answer.status_code == 400
    assert "155 s in the zone does not fit a trial of 150 s" in answer.content.decode()
    assert 'value="62"' in answer.content.decode()
    assert not SocialInteractionTest.objects.filter(scoring_number=2).exists()
    assert bob.post(AGAIN, entry(M1=SECOND["M1"], M2=SECOND["M2"])).status_code == 302
    assert inputs(text_of(bob, AGAIN)) == [code for code in inputs(text) if code in ("M3", "M4")]
    first, second = SocialInteractionTest.objects.filter(mouse__code="M1").order_by("scoring_number")
    assert (first.iz_absent_s, first.iz_present_s, first.counts, str(first.scorer)) == (60, 30, True, "anna")
    assert (second.iz_absent_s, second.iz_present_s, second.counts, str(second.scorer)) == (62, 31, False, "bob")
    assert (second.arena, second.tracker_file, second.tracker_sha256) == (first.arena, "video.mp4", "")
    assert inputs(text_of(member(study, "carl", "scorer"), AGAIN)) == inputs(text_of(bob, AGAIN))
    # An account that may only look is told so; one of another study finds nothing.
    assert member(study, "ina", "investigator").get(AGAIN).status_code == 403
    assert member(make_study("S2"), "sue", "scorer").get(AGAIN).status_code == 404


def test_agreement_is_shown_and_what_counts_is_changed_for_a_reason(study: Study):
    bob = member(study, "bob", "scorer")
    bob.post(AGAIN, entry(**SECOND))
    client = signed_in()
    page = client.get("/studies/S1/scoring/")
    assert page.context["scorers"] == [("anna", "bob", 4)]
    absent, present, log_ratio = page.context["measures"]
    # Absent: -2, 0, -2, -1.75, mean -1.4375. Present: -1, -10, -3, -3.5, mean -4.375.
    assert absent.limits.difference == pytest.approx(-1.4375)
    assert present.limits.difference == pytest.approx(-4.375)
    # Log ratio: only M2's differs, ln(.9 / 1.1) = -0.2007; a quarter of it.
    assert log_ratio.limits.difference == pytest.approx(-0.0501677, abs=1e-6)
    assert [(one.scored.mouse.code, one.labels) for one in page.context["labeled"]][:2] == [
        ("M2", ("susceptible", "resilient")), ("M1", ("susceptible", "susceptible")),
    ]  # fmt: skip
    assert "labels differ" in page.content.decode()
    figure = client.get("/studies/S1/figures/scorer-agreement.html").content.decode()
    assert "anna and bob, n = 4" in figure
    assert client.get("/studies/S1/figures/scorer-agreement.svg").status_code == 200

    first, second = SocialInteractionTest.objects.filter(mouse__code="M2").order_by("scoring_number")
    url = f"/studies/S1/scoring/{second.pk}/counts/"
    assert client.post(url, {"history_reason": " "}).status_code == 400
    assert member(study, "ina", "investigator").post(url, {"history_reason": "x"}).status_code == 403
    assert client.post(url, {"history_reason": "the first had the wrong video"}).status_code == 302
    for row, counts in ((first, False), (second, True)):
        row.refresh_from_db()
        assert row.counts is counts
        last = row.events.order_by("pgh_id").last()  # type: ignore[attr-defined]
        assert last.pgh_context.metadata["reason"] == "the first had the wrong video"
    assert (first.iz_present_s, second.iz_present_s) == (45, 55)
    # What excludes the test goes along when the other scoring counts again.
    SocialInteractionTest.objects.filter(pk=second.pk).update(exclusion_criterion="no video", is_exclusion_blind=True)
    client.post(f"/studies/S1/scoring/{first.pk}/counts/", {"history_reason": "back"})
    first.refresh_from_db()
    assert (first.counts, first.exclusion_criterion, first.is_exclusion_blind) == (True, "no video", True)


def test_of_three_scorings_the_one_that_counts_is_held_against_each_other_one(study: Study):
    member(study, "bob", "scorer").post(AGAIN, entry(**SECOND))
    carl = User.objects.create(username="carl")
    test = SocialInteractionTest.objects.get(mouse__code="M2", scoring_number=2)
    test.pk, test.scoring_number, test.scorer, test.iz_present_s = None, 3, carl, 70
    test.save(force_insert=True)
    client = signed_in()
    page = client.get("/studies/S1/scoring/")
    assert page.context["scorers"] == [("anna", "bob", 4), ("anna", "carl", 1)]
    # Present, as before -1, -10, -3, -3.5, and 45 - 70 = -25: mean -8.5
    assert page.context["measures"][1].limits.difference == pytest.approx(-8.5)
    assert "1 test was scored more than twice" in page.content.decode()
    client.post(f"/studies/S1/scoring/{test.pk}/counts/", {"history_reason": "two agree on it"})
    page = client.get("/studies/S1/scoring/")
    assert page.context["scorers"] == [("anna", "bob", 3), ("anna", "carl", 1), ("bob", "carl", 1)]
    # The pairs of M2 are now 45 - 70 and 55 - 70: (-1 - 3 - 3.5 - 25 - 15) / 5
    assert page.context["measures"][1].limits.difference == pytest.approx(-9.5)


def test_a_study_without_second_scorings_says_so():
    study = make_study()
    assert "No SI test yet." in text_of(signed_in(), "/studies/S1/scoring/")
    add_test(add_mouse(study, "M1"), 50, 20)
    assert "No test has two scorings yet" in text_of(signed_in(name="tom"), "/studies/S1/scoring/")
