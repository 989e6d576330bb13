"""What doses say against the key of their syringes, against the lab's limit and against each other."""

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from labdb.colony.models import Mouse, Study
from labdb.registry.findings import Grade
from labdb.treatment.dose_findings import volume_ml
from labdb.treatment.models import Dose, Drug, Solution, SolutionKey

pytestmark = pytest.mark.django_db


def at(text: str) -> datetime:
    return timezone.make_aware(datetime.fromisoformat(text))


@pytest.fixture
def mouse() -> Mouse:
    study = Study.objects.create(code="S1", title="one")
    solution = Solution.objects.create(
        study=study,
        code="SOL1",
        drug=Drug.objects.create(name="test drug"),
        prepared_at=at("2025-06-01 08:00"),
        expires_at=at("2025-06-08 08:00"),
    )
    for code in ("A", "B"):
        SolutionKey.objects.create(study=study, code=code, solution=solution)
    return Mouse.objects.create(study=study, code="M001")


def dose(mouse: Mouse, day: str = "2025-06-02", hour: str = "09:00", **other: Any) -> Dose:
    """Return a dose of 0.25 ml for 25 g, which is 10 ml/kg, the limit."""
    when = at(f"{day} {hour}")
    facts = {"planned_at": when, "given_at": when, "solution_code": "A", "body_mass_g": 25.0, "volume_ml": 0.25}
    return Dose(study=mouse.study, mouse=mouse, **{**facts, **other})


def said(*doses: Dose) -> list[tuple[int, str, str]]:
    found = list(Dose.findings(doses))
    assert {finding.grade for finding in found} <= {Grade.WARNING}
    return [(finding.number, finding.field, finding.sentence) for finding in found]


def test_a_usual_dose_says_nothing(mouse: Mouse) -> None:
    assert said(dose(mouse), dose(mouse, "2025-06-03")) == []


def test_more_than_10_ml_per_kg_into_the_abdomen_is_warned_of(mouse: Mouse) -> None:
    # 0.3 ml / 0.025 kg = 12 ml/kg
    [(number, field, sentence)] = said(dose(mouse), dose(mouse, "2025-06-03", volume_ml=0.3))
    assert (number, field) == (1, "volume_ml")
    assert "0.3 ml for 25 g is 12 ml/kg i.p., more than the limit of 10 ml/kg" in sentence


def test_the_limit_is_the_labs_and_holds_for_the_abdomen_alone(mouse: Mouse, settings: Any) -> None:
    assert said(dose(mouse, volume_ml=0.3, route="s.c.")) == []
    settings.IP_LIMIT_ML_PER_KG = 20
    assert said(dose(mouse, volume_ml=0.3)) == []


def test_a_code_that_no_syringe_of_the_study_has_is_warned_of(mouse: Mouse) -> None:
    other = Mouse.objects.create(study=Study.objects.create(code="S2", title="two"), code="M001")
    assert said(dose(mouse, solution_code="Z")) == [
        (0, "solution_code", "No syringe of study S1 has the code Z; correct it, or say why it is not in the key.")
    ]
    assert "No syringe of study S2 has the code A" in said(dose(other))[0][2]


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2025-05-31", "A was prepared at 2025-06-01 08:00, after this dose (2025-05-31 09:00)"),
        ("2025-06-08", "A was usable until 2025-06-08 08:00, this dose is of 2025-06-08 09:00"),
    ],
)
def test_a_solution_is_used_between_preparation_and_expiry(mouse: Mouse, day: str, words: str) -> None:
    [(number, field, sentence)] = said(dose(mouse, day))
    assert (number, field) == (0, "solution_code")
    assert words in sentence


def test_a_missed_dose_used_no_solution(mouse: Mouse) -> None:
    assert said(dose(mouse, "2025-06-20", status="missed", given_at=None, volume_ml=None)) == []


def test_two_doses_of_one_solution_on_a_day_are_warned_of_within_a_sheet(mouse: Mouse) -> None:
    [(number, field, sentence)] = said(
        dose(mouse), dose(mouse, hour="17:00"), dose(mouse, hour="17:05", solution_code="B")
    )
    assert (number, field) == (1, "given_at")
    assert "M001 was already given A that day, at 2025-06-02 09:00" in sentence


def test_two_doses_of_one_solution_on_a_day_are_warned_of_against_the_table(mouse: Mouse) -> None:
    dose(mouse).save()
    assert [number for number, _field, _said in said(dose(mouse, "2025-06-03"), dose(mouse, hour="17:00"))] == [1]


def test_a_dose_that_is_changed_is_no_second_one_of_itself(mouse: Mouse) -> None:
    stored = dose(mouse)
    stored.save()
    stored.given_at = at("2025-06-02 09:30")
    assert said(stored) == []


def test_a_day_is_that_of_the_labs_clock(mouse: Mouse, settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    # 23:30 and 00:30 in New York are two days there, though one in UTC
    assert said(dose(mouse, hour="23:30"), dose(mouse, "2025-06-03", "00:30")) == []
    [(number, _field, _sentence)] = said(dose(mouse, hour="18:00"), dose(mouse, hour="22:00"))  # two days in UTC
    assert number == 1


def test_a_sheet_of_doses_costs_three_questions(mouse: Mouse, django_assert_num_queries: Any) -> None:
    doses = [dose(mouse, hour=f"09:{minute:02d}") for minute in range(50)]
    with django_assert_num_queries(3):
        list(Dose.findings(doses))


def planned(mouse: Mouse, code: str, day: str = "2025-06-02", **other: Any) -> Dose:
    facts = {"status": "planned", "given_at": None, "solution_code": code, "body_mass_g": None, "volume_ml": None}
    row = dose(mouse, day, **{**facts, "volume_ml_per_kg": 10.0, **other})
    row.save()
    return row


def test_a_volume_that_is_not_the_planned_one_is_warned_of_unless_it_is_partial_and_less(mouse: Mouse) -> None:
    # 8 ml/kg of 25 g are 0.2 ml; two steps of the syringe are 0.02 ml
    assert said(dose(mouse, volume_ml_per_kg=8.0, volume_ml=0.22)) == []
    [(_number, field, sentence)] = said(dose(mouse, volume_ml_per_kg=8.0, volume_ml=0.15))
    assert (field, "0.15 ml for 25 g, where 8 ml/kg are planned (0.2 ml)" in sentence) == ("volume_ml", True)
    assert said(dose(mouse, volume_ml_per_kg=8.0, volume_ml=0.1, status="partial")) == []


def test_the_syringe_of_another_mouse_is_warned_of(mouse: Mouse) -> None:
    other = Mouse.objects.create(study=mouse.study, code="M002")
    own = planned(mouse, "A")
    planned(other, "B")
    own.status, own.given_at, own.volume_ml, own.body_mass_g = "given", own.planned_at, 0.25, 25.0
    assert said(own) == []
    own.solution_code = "B"
    [(_number, field, sentence)] = said(own)
    assert field == "solution_code"
    assert "Syringe B was filled for M002, not for M001" in sentence
    assert "take the syringe of M001" in said(dose(mouse, "2025-06-03", solution_code="B"))[0][2]


@pytest.mark.parametrize(
    ("mass_g", "step_ul", "ml"), [(25.4, 10, 0.25), (25.5, 10, 0.26), (25.5, 50, 0.25), (1, 50, 0.05)]
)
def test_a_volume_is_rounded_to_the_marks_of_the_syringe(mass_g: float, step_ul: int, ml: float, settings: Any) -> None:
    settings.SYRINGE_STEP_UL = step_ul
    assert volume_ml(10, mass_g) == ml
