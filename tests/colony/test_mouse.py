"""A mouse's birth, death and origin agree with each other and with all that happened to it."""

from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import ValidationError

from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Housing, Litter, Mouse, MouseIdentification, Shipment, Study, Weighing
from labdb.defeat.models import ControlRotation
from tests.analysis.small_study import add_mouse, make_study
from tests.analysis.treated_study import signed_in
from tests.registry.looking import warned

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_study()


@pytest.fixture
def mouse(study: Study) -> Mouse:
    found = add_mouse(study, "M1")
    found.birth_date, found.death_date = date(2025, 1, 1), date(2025, 7, 1)
    found.save()
    return found


def refusal(mouse: Mouse, **fields: date) -> dict[str, list[str]]:
    for name, value in fields.items():
        setattr(mouse, name, value)
    with pytest.raises(ValidationError) as refused:
        mouse.clean()
    return refused.value.message_dict


def test_a_death_before_a_weighing_is_refused_and_names_it(mouse: Mouse):
    Weighing.objects.create(
        study=mouse.study, mouse=mouse, performed_at=datetime(2025, 6, 1, 9, tzinfo=UTC), body_mass_g=25
    )
    assert refusal(mouse, death_date=date(2025, 5, 31)) == {
        "death_date": [
            "2025-05-31 contradicts its weighing of 2025-06-01 09:00, which lies after it; correct one of the two dates."
        ]
    }
    mouse.death_date = date(2025, 6, 1)  # dissected on the day it was weighed
    mouse.clean()


def test_a_birth_after_an_event_of_a_later_room_is_refused(mouse: Mouse):
    SocialInteractionTest.objects.create(
        study=mouse.study, mouse=mouse, test_at=datetime(2025, 3, 1, 9, tzinfo=UTC), iz_absent_s=50, iz_present_s=50
    )
    sentence = refusal(mouse, birth_date=date(2025, 3, 2))["birth_date"][0]
    assert "its SI test of 2025-03-01 09:00, which lies before it" in sentence
    mouse.birth_date = date(2025, 3, 1)
    mouse.clean()


def test_a_death_before_it_was_housed_is_refused(mouse: Mouse):
    Housing.objects.create(study=mouse.study, mouse=mouse, housed_from=date(2025, 6, 10))
    assert "its housing of 2025-06-10" in refusal(mouse, death_date=date(2025, 6, 9))["death_date"][0]


def test_a_death_before_it_was_partner_of_another_is_refused(mouse: Mouse):
    ControlRotation.objects.create(
        study=mouse.study, mouse=add_mouse(mouse.study, "M2"), partner=mouse, day=1,
        performed_at=datetime(2025, 6, 1, 9, tzinfo=UTC),
    )  # fmt: skip
    assert "its control rotation of 2025-06-01 09:00" in refusal(mouse, death_date=date(2025, 5, 1))["death_date"][0]


def test_dates_that_stay_as_they_are_ask_nothing(mouse: Mouse, django_assert_max_num_queries):
    Weighing.objects.create(
        study=mouse.study, mouse=mouse, performed_at=datetime(2025, 8, 1, tzinfo=UTC), body_mass_g=25
    )  # written raw, past every door
    with django_assert_max_num_queries(2):
        mouse.clean()


def test_a_mouse_is_born_with_its_litter_and_within_the_window_of_its_shipment(study: Study):
    litter = Litter(study=study, code="L1", birth_date=date(2025, 1, 1))
    shipment = Shipment(study=study, code="D1", birth_date_from=date(2025, 1, 1), birth_date_to=date(2025, 1, 7))
    with pytest.raises(ValidationError, match="Litter L1 was born on 2025-01-01, not on 2025-01-02"):
        Mouse(study=study, code="M1", litter=litter, birth_date=date(2025, 1, 2)).clean()
    with pytest.raises(ValidationError, match="were born from 2025-01-01 to 2025-01-07, this one on 2025-01-08"):
        Mouse(study=study, code="M1", shipment=shipment, birth_date=date(2025, 1, 8)).clean()
    for day in (date(2025, 1, 1), date(2025, 1, 7), None):
        Mouse(study=study, code="M1", shipment=shipment, birth_date=day).clean()


def test_a_litter_that_gets_another_birth_date_is_told_of_its_mice(study: Study, mouse: Mouse):
    litter = Litter.objects.create(study=study, code="L1", birth_date=date(2025, 1, 1))
    Mouse.objects.filter(pk=mouse.pk).update(litter=litter)
    assert warned([litter]) == []
    litter.birth_date = date(2025, 1, 3)
    assert warned([litter]) == [
        (
            0,
            "birth_date",
            "Mice of this litter were born on another day: M1 (2025-01-01); correct them as well.",
        )
    ]


def test_a_mouse_is_found_once_by_any_mark_it_ever_bore(mouse: Mouse):
    add_mouse(mouse.study, "M2")
    for value in ("0412", "0412-b"):
        MouseIdentification.objects.create(study=mouse.study, mouse=mouse, value=value)
    answer = signed_in().get("/api/v1/mice/", {"search": "0412"}).json()
    assert [found["code"] for found in answer["results"]] == ["M1"]


def test_a_mark_that_another_mouse_bears_at_the_time_is_a_warning(study: Study, mouse: Mouse):
    other = add_mouse(study, "M2")
    lost = {"applied_date": date(2025, 2, 1), "removed_date": date(2025, 3, 1)}
    MouseIdentification.objects.create(study=study, mouse=other, value="7", **lost)
    later = MouseIdentification(study=study, mouse=mouse, value="7", applied_date=date(2025, 3, 1))
    assert warned([later]) == []
    later.applied_date = date(2025, 2, 28)
    assert warned([later]) == [(0, "value", "M2 bears the ear tag 7 at the same time; correct one of the two.")]
