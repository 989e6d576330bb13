"""Arms by form: parts entered, changed and taken out at once; what tells the arms of a blinded study apart."""

import re
from typing import Any

import pytest
from django.test import Client

from labdb.accounts.models import Role, User
from labdb.colony.models import Study, StudyMembership
from labdb.treatment.models import TreatmentArm, TreatmentComponent

pytestmark = pytest.mark.django_db
ADDRESS = "/studies/S1/arms/"
SALINE = {
    "day_from": "1", "day_to": "14", "time_of_day": "09:00", "drug": "saline", "route": "i.p.", "volume_ml_per_kg": "10",
}  # fmt: skip


@pytest.fixture
def study() -> Study:
    return Study.objects.create(code="S1", title="one")


@pytest.fixture
def allocator(study: Study) -> User:
    user = User.objects.create_user("alma")
    StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name="allocator"))
    return user


@pytest.fixture
def page(client: Client, allocator: User) -> Client:
    client.force_login(allocator)
    return client


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def new_part(arm: TreatmentArm, kind: str = "drug", **values: str) -> dict[str, str]:
    return {f"{name}-{arm.pk}-{kind}": text for name, text in {"day_from": "", **values}.items()}


def stored_part(part: TreatmentComponent, **values: str) -> dict[str, str]:
    facts = {**SALINE, "version": str(part.version), **values}
    return {f"{name}-{part.arm_id}-{part.part}": text for name, text in facts.items()}


def parts() -> list[str]:
    return [f"{one.arm} {one.part}: {one}" for one in TreatmentComponent.objects.order_by("arm__name", "part")]


def test_presets_make_arms_that_cannot_be_told_apart(page: Client, study: Study) -> None:
    for preset in ("saline", "imipramine", "ketamine"):
        assert page.post(ADDRESS, {"preset": preset}).status_code == 302
    assert parts() == [
        "imipramine 1: imipramine 20 mg/kg i.p., days 1-14",
        "ketamine 1: saline i.p., days 1-13",
        "ketamine 2: ketamine 10 mg/kg i.p., days 14-14",
        "saline 1: saline i.p., days 1-14",
    ]
    assert TreatmentArm.objects.get(name="saline").is_vehicle
    shown = page.get(ADDRESS)
    assert "No: days, times, routes, ml/kg, number of syringes and devices are alike." in text_of(shown)
    assert shown.content.decode().count('class="arm-strip"') == 3


def test_a_two_by_two_has_four_arms_whose_shams_are_devices(page: Client, study: Study) -> None:
    assert page.post(ADDRESS, {"preset": "two-by-two"}).status_code == 302
    assert {arm.name: arm.is_vehicle for arm in TreatmentArm.objects.all()} == {
        "vehicle + sham": True, "fluoxetine + sham": False, "vehicle + DBS": False, "fluoxetine + DBS": False,
    }  # fmt: skip
    shams = TreatmentComponent.objects.filter(is_sham=True, device="DBS", current_ua=None)
    assert {one.arm.name for one in shams} == {"vehicle + sham", "fluoxetine + sham"}
    assert "are alike." in text_of(page.get(ADDRESS))


def test_parts_are_entered_changed_and_taken_out_at_once_or_not_at_all(page: Client, study: Study) -> None:
    assert page.post(ADDRESS, {"arm": "A"}).status_code == 302
    arm = TreatmentArm.objects.get()
    both = {**new_part(arm, **SALINE), **new_part(arm, "device", day_to="14", device="DBS", is_sham="yes")}
    assert page.post(ADDRESS, both).status_code == 302
    assert parts() == ["A 1: saline i.p., days 1-14", "A 2: sham DBS, days 1-14"]
    saline = TreatmentComponent.objects.get(part=1)

    wrong = page.post(ADDRESS, {**stored_part(saline, volume_ml_per_kg="1000"), **new_part(arm, drug="salt water")})
    assert wrong.status_code == 400
    said = text_of(wrong)
    assert "1000 ml/kg is outside 0.1 to 100 ml/kg; check the unit and the decimal point." in said
    assert "There is no drug salt water" in said
    saline.refresh_from_db()
    assert (saline.volume_ml_per_kg, TreatmentComponent.objects.count()) == (10, 2)

    stale = stored_part(saline, day_to="10", version="7")
    assert "Somebody else changed part 1 of A" in text_of(page.post(ADDRESS, stale))
    sham = TreatmentComponent.objects.get(part=2)
    gone = {f"day_from-{arm.pk}-2": "1", f"remove-{arm.pk}-2": "yes", f"version-{arm.pk}-2": str(sham.version)}
    kept = page.post(ADDRESS, {**stored_part(saline, day_to="0"), **gone})
    assert "day 0 is before the first day (1); exchange the two." in text_of(kept)
    assert TreatmentComponent.objects.count() == 2
    assert page.post(ADDRESS, {**stored_part(saline, day_to="10"), **gone}).status_code == 302
    assert parts() == ["A 1: saline i.p., days 1-10"]
    assert "Nothing was changed." in text_of(page.post(ADDRESS, stored_part(saline, day_to="10"), follow=True))


def test_blinded_arms_that_can_be_told_are_saved_only_with_a_reason(page: Client, study: Study) -> None:
    page.post(ADDRESS, {"preset": "saline"})
    Study.objects.update(is_blinded=True)
    page.post(ADDRESS, {"arm": "late"})
    arm = TreatmentArm.objects.get(name="late")
    late = new_part(arm, **{**SALINE, "time_of_day": "17:00"})
    refused = page.post(ADDRESS, late)
    assert refused.status_code == 400
    assert (
        "Arm late, part 1, days 1-14: time is 17:00, in arm saline 09:00; give both alike. It tells the arms of a blinded study apart."
        in text_of(refused)
    )
    assert TreatmentComponent.objects.count() == 1
    assert page.post(ADDRESS, {**late, "history_reason": "the drug is short-lived"}).status_code == 302
    assert "Whoever doses can tell these arms" in text_of(page.get(ADDRESS))
    preset = page.post(ADDRESS, {"preset": "dbs"})
    assert preset.status_code == 400
    assert not TreatmentArm.objects.filter(name="DBS").exists()


def test_who_may_not_enter_arms_is_told_so(client: Client, study: Study) -> None:
    user = User.objects.create_user("tina")
    StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name="technician"))
    client.force_login(user)
    assert "Add an arm" not in text_of(client.get(ADDRESS))
    assert client.post(ADDRESS, {"arm": "A"}).status_code == 403
    client.force_login(User.objects.create_user("nobody"))
    assert client.get(ADDRESS).status_code == 404
    assert not TreatmentArm.objects.exists()
