"""The page that unblinds: a reason, the password again, and what it shows to whom."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labdb.accounts.models import User
from labdb.colony.models import Mouse, Study
from labdb.treatment.models import Allocation, AllocationKey, Drug, TreatmentArm, TreatmentComponent, Unblinding
from labdb.treatment.password_again import PasswordTries
from tests.accounts.people import PASSWORD, make, sentences, signed_in

pytestmark = pytest.mark.django_db
PAGE = "/studies/S1/unblinding/"
WHOLE = {"what": "study", "study-code": "S1", "study-reason": "All is scored.", "study-password": PASSWORD}
ONE = {"what": "mouse", "mouse-mouse": "M1", "mouse-reason": "It convulses.", "mouse-password": PASSWORD}


@pytest.fixture
def study() -> Study:
    """A blinded study with one mouse in the arm of ketamine, and one in none."""
    study = Study.objects.create(code="S1", title="Blinded", is_blinded=True)
    arm = TreatmentArm.objects.create(study=study, name="ketamine once")
    drug = Drug.objects.get_or_create(name="esketamine")[0]
    TreatmentComponent.objects.create(
        arm=arm, part=1, day_from=14, day_to=14, drug=drug, dose_mg_per_kg=10, route="i.p."
    )
    allocation = Allocation.objects.create(mouse=Mouse.objects.create(study=study, code="M1"), code="X1")
    AllocationKey.objects.create(allocation=allocation, arm=arm)
    Mouse.objects.create(study=study, code="M2")
    return study


@pytest.fixture
def allocator(study: Study) -> User:
    return make("alma", "allocator", of="S1")


def said(client: Client, posted: dict[str, str], status: int = 400) -> str:
    answer = client.post(PAGE, posted, follow=True)
    assert answer.status_code == status
    return sentences(answer)


def test_one_mouse_is_shown_to_who_asked_and_to_nobody_else(study: Study, allocator: User) -> None:
    client, other = signed_in(allocator), signed_in(make("otto", "allocator", of="S1"))
    reader = signed_in(make("rita", "technician", of="S1"))
    assert "ketamine once" not in sentences(client.get(PAGE))
    page = said(client, ONE, 200)
    assert "M1 is unblinded, for you alone." in page
    assert "ketamine once esketamine 10 mg/kg i.p., days 14-14 shown to you alone" in page
    study.refresh_from_db()
    assert study.is_blinded
    assert Mouse.objects.get(code="M1").unblinded_at is not None
    assert "ketamine once" in sentences(client.get(PAGE))
    for someone in (other, reader):
        page = sentences(someone.get(PAGE))
        assert "It convulses. alma" in page
        assert "ketamine" not in page


def test_the_study_is_unblinded_and_the_log_reads_newest_first(study: Study, allocator: User) -> None:
    client = signed_in(allocator)
    said(client, ONE, 200)
    page = said(client, WHOLE, 200)
    assert "Study S1 is unblinded. Scores entered from now on are marked for ever." in page
    assert page.index("All is scored.") < page.index("It convulses.")
    study.refresh_from_db()
    assert not study.is_blinded
    assert [row.by for row in Unblinding.objects.all()] == [allocator] * 2
    assert "Study S1 is not blinded; there is nothing to lift." in said(client, WHOLE, 200)
    assert " Unblinding ARRIVE report " in sentences(client.get("/studies/S1/"))


REFUSED = [
    (WHOLE, "study-reason", " ", "This is needed; enter a value."),
    (WHOLE, "study-reason", "x" * 1001, "has 1001 characters; enter at most 1000"),
    (WHOLE, "study-code", "S2", "S2 is not the code of this study; type S1."),
    (WHOLE, "study-code", "\0", "Text cannot hold NUL"),
    (WHOLE, "study-password", "", "This is needed; enter a value."),
    (WHOLE, "study-password", "guessed", "That is not your password; 4 more tries until this is locked for 5 minutes."),
    (ONE, "mouse-mouse", "M7", "There is no mouse M7 in study S1"),
    (ONE, "mouse-mouse", "M2", "M2 has no key: it was not allocated to an arm."),
    (ONE, "mouse-reason", "", "This is needed; enter a value."),
]


def test_what_is_wrong_is_said_and_nothing_is_lifted(study: Study, allocator: User) -> None:
    client = signed_in(allocator)
    for posted, field, value, sentence in REFUSED:
        assert sentence in said(client, {**posted, field: value}), (field, value)
    assert "Say what to unblind" in said(client, {}, 200)
    study.refresh_from_db()
    assert study.is_blinded
    assert not Unblinding.objects.exists()


def test_five_wrong_passwords_lock_and_time_opens(study: Study, allocator: User) -> None:
    client, wrong = signed_in(allocator), {**WHOLE, "study-password": "guessed"}
    for _try in range(4):
        said(client, wrong)
    assert "5 wrong passwords in a row: nothing is unblinded by you for 5 more minutes." in said(client, wrong)
    assert "5 wrong passwords in a row" in said(client, WHOLE)
    PasswordTries.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert "Study S1 is unblinded." in said(client, WHOLE, 200)
    assert PasswordTries.objects.get().wrong_tries == 0


def test_a_closed_study_is_opened_first(study: Study, allocator: User) -> None:
    Study.objects.update(state="closed")
    client = signed_in(allocator)
    assert "Study S1 is closed; a manager can open it again." in said(client, WHOLE, 200)
    assert 'type="password"' not in client.get(PAGE).content.decode()


@pytest.mark.parametrize("role", ["technician", "scorer", "analyst", "investigator", None])
def test_nobody_else_unblinds(study: Study, role: Any) -> None:
    someone = make("rita", role, of="S1") if role else make("rita", "allocator", of="S2")
    client = signed_in(someone)
    page, answer = client.get(PAGE), client.post(PAGE, WHOLE)
    assert (page.status_code, answer.status_code) == ((200, 403) if role else (404, 404))
    if role:
        assert "Only who holds the key of study S1 unblinds it" in sentences(page)
        assert 'type="password"' not in page.content.decode()
    study.refresh_from_db()
    assert study.is_blinded
