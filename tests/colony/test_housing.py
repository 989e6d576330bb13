"""A mouse lives in one place at a time, and on its own side."""

from datetime import date
from typing import Any

import pytest

from labdb.colony.models import Cage, Housing, Mouse, Study
from tests.analysis.small_study import add_mouse, make_study
from tests.registry.looking import said, warned

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_study()


@pytest.fixture
def mice(study: Study) -> list[Mouse]:
    return [add_mouse(study, code) for code in ("M1", "M2", "M3")]


@pytest.fixture
def cages(study: Study) -> list[Cage]:
    return [Cage.objects.create(study=study, code=code) for code in ("K1", "K2")]


def june(mouse: Mouse, cage: Cage | None, first: int, last: int | None, **fields: Any) -> Housing:
    end = date(2025, 6, last) if last else None
    return Housing(study=mouse.study, mouse=mouse, cage=cage, housed_from=date(2025, 6, first), housed_to=end, **fields)


def test_a_mouse_moves_on_the_day_it_leaves(mice: list[Mouse], cages: list[Cage]):
    june(mice[0], cages[0], 1, 5).save()
    assert said([june(mice[0], cages[1], 5, 9), june(mice[0], cages[0], 9, None)]) == []


def test_a_mouse_in_two_cages_at_once_is_refused(mice: list[Mouse], cages: list[Cage]):
    june(mice[0], cages[0], 1, None).save()
    (found,) = said([june(mice[1], cages[0], 3, 4), june(mice[0], cages[1], 5, 9)])
    assert found[:2] == (1, "housed_from")
    assert found[2].startswith("M1 in cage K1 from 2025-06-01 (without an end): a mouse is in one place at a time")


def test_rows_of_one_sheet_are_held_against_each_other(mice: list[Mouse], cages: list[Cage]):
    (found,) = said([june(mice[0], cages[0], 3, 9), june(mice[0], cages[1], 1, 4)])
    assert found[0] == 1
    assert "M1 in cage K1 from 2025-06-03 (to 2025-06-09)" in found[2]


def test_a_housing_that_is_edited_is_no_second_one_of_itself(mice: list[Mouse], cages: list[Cage]):
    stored = june(mice[0], cages[0], 1, None)
    stored.save()
    stored.housed_to = date(2025, 6, 9)
    assert said([stored]) == []


def test_two_mice_on_one_side_of_a_divider_are_a_warning(mice: list[Mouse], cages: list[Cage]):
    june(mice[0], cages[0], 1, 3, kind="divided", side="L").save()
    beside = june(mice[1], cages[0], 1, 3, kind="divided", side="R")
    after = june(mice[2], cages[0], 3, 4, kind="divided", side="L")
    assert warned([beside, after]) == []
    beside.side = "L"
    assert warned([beside]) == [(0, "side", "M1 is on the left side of cage K1 on the same days; check the side.")]


def test_company_of_a_mouse_that_is_housed_alone_is_a_warning(mice: list[Mouse], cages: list[Cage]):
    june(mice[0], cages[0], 1, 3, kind="single").save()
    assert warned([june(mice[1], cages[0], 2, None, kind="pair")]) == [
        (0, "kind", "M1 is in cage K1 on the same days, and one of the two is housed alone.")
    ]
