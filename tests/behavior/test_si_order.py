"""The order of a test day: repeatable, spread over groups and cages, with unfamiliar targets used evenly, or a reason."""

from collections import Counter
from itertools import combinations, product

import pytest

from labdb.behavior.si_order import DayError, DayMouse, Place, plan_day

ARENAS = ("box 1", "box 2")
TARGETS = [f"R{number}" for number in range(1, 7)]


def mice(n_defeated: int = 16, n_controls: int = 8) -> list[DayMouse]:
    """Defeated mice alone, controls in pairs."""
    defeated = [DayMouse(f"D{number:02}", "defeated", f"K{number}") for number in range(n_defeated)]
    controls = [DayMouse(f"C{number:02}", "control", f"P{number // 2}") for number in range(n_controls)]
    return defeated + controls


def test_the_same_seed_gives_the_same_day_whatever_the_order_of_the_codes():
    day = plan_day(mice(), ARENAS, TARGETS, seed=7)
    assert day == plan_day(mice()[::-1], ARENAS[::-1], TARGETS[::-1], seed=7)
    assert [place.mouse for place in day] != [place.mouse for place in plan_day(mice(), ARENAS, TARGETS, seed=8)]
    assert [place.order for place in day] == list(range(1, 25))
    assert [place.turn for place in day] == [turn for turn in range(1, 13) for _box in ARENAS]


@pytest.mark.parametrize("seed", range(40))
def test_no_group_and_no_cage_is_tested_only_early(seed: int):
    day = plan_day(mice(), ARENAS, TARGETS, seed=seed)
    order = {place.mouse: place.order for place in day}
    for letter, n_group in (("D", 16), ("C", 8)):
        for until in range(1, 25):
            so_far = sum(place.mouse[0] == letter for place in day[:until])
            # the k-th of n lies in the k-th n-th of the day: off by less than one, and by one more where both meet
            assert abs(so_far - until * n_group / 24) < 2
    for number in range(4):  # of two cage mates one comes in each half of the controls
        one, other = sorted((order[f"C{2 * number:02}"], order[f"C{2 * number + 1:02}"]))
        controls = sorted(order[mouse.code] for mouse in mice() if mouse.group == "control")
        assert controls.index(one) < 4 <= controls.index(other)


@pytest.mark.parametrize("seed", range(10))
def test_arenas_are_shared_out_evenly_over_the_groups(seed: int):
    day = plan_day(mice(), ("a", "b", "c"), TARGETS, seed=seed)
    boxes = Counter((place.mouse[0], place.arena) for place in day)
    for letter, n_group in (("D", 16), ("C", 8)):
        counts = [boxes[letter, arena] for arena in "abc"]
        assert sum(counts) == n_group
        assert max(counts) - min(counts) <= 2
    for turn in range(1, 9):
        assert sorted(place.arena for place in day if place.turn == turn) == ["a", "b", "c"]


def uses(day: list[Place]) -> Counter:
    return Counter(place.target for place in day)


def test_targets_are_unfamiliar_not_in_two_boxes_at_once_and_used_evenly():
    met = {(f"D{number:02}", f"R{1 + (number + day) % 6}") for number, day in product(range(16), range(4))}
    day = plan_day(mice(), ARENAS, TARGETS, met=met, seed=3)
    assert not {(place.mouse, place.target) for place in day} & met
    for one, other in combinations(day, 2):
        assert one.turn != other.turn or one.target != other.target
    assert set(uses(day).values()) == {4}  # 24 mice, 6 targets
    assert {place.knows_target for place in day} == {""}


def test_what_was_used_that_day_already_is_used_less():
    day = plan_day(mice(6, 0), ("box 1",), ["R1", "R2", "R3"], used={"R1": 3, "R2": 1}, seed=1)
    # 4 uses before, 6 to come: 10 over 3 targets is 3, 3, 4 at best, and R1 has its 3 already
    assert sorted((uses(day) + Counter({"R1": 3, "R2": 1})).values()) == [3, 3, 4]


def test_the_least_squares_of_uses_are_found_where_a_choice_by_turns_would_miss_them():
    # D00 may have R1 or R2, D01 R1 alone: whoever comes first, D01 gets R1 and D00 R2
    met = {("D01", "R2")}
    for seed in range(6):
        day = plan_day(mice(2, 0), ("box 1",), ["R1", "R2"], met=met, seed=seed)
        assert {place.mouse: place.target for place in day} == {"D00": "R2", "D01": "R1"}


def test_a_target_of_an_earlier_test_is_taken_only_where_there_is_no_other():
    seen = {("D00", "R1"), ("D01", "R1"), ("D01", "R2")}
    day = {place.mouse: place for place in plan_day(mice(2, 0), ("box 1",), ["R1", "R2"], seen=seen, seed=2)}
    assert (day["D00"].target, day["D00"].knows_target) == ("R2", "")
    assert day["D01"].knows_target == "seen"


def test_a_day_that_cannot_be_filled_says_for_whom():
    met_all = {("D00", "R1"), ("D00", "R2")}
    with pytest.raises(DayError, match="D00 has met all 2 mice that can be a target that day; add one, or allow"):
        plan_day(mice(2, 0), ARENAS, ["R1", "R2"], met=met_all)
    with pytest.raises(DayError, match="No aggressor can be a target that day"):
        plan_day(mice(2, 0), ARENAS, [])
    with pytest.raises(DayError, match=r"In turn 1 D0. and D0. have only R2 as a target .* 1 for 2 mice at once"):
        plan_day(mice(2, 0), ARENAS, ["R1", "R2"], met={("D00", "R1"), ("D01", "R1")})
    with pytest.raises(DayError, match="No arena is chosen"):
        plan_day(mice(2, 0), [], ["R1"])
    with pytest.raises(ValueError, match="a mouse comes twice"):
        plan_day([*mice(1, 0), *mice(1, 0)], ARENAS, TARGETS)


def test_a_known_target_is_taken_where_it_is_allowed_and_said():
    day = plan_day(mice(2, 0), ARENAS, ["R1", "R2"], met={("D00", "R1"), ("D00", "R2")}, may_know=True, seed=5)
    assert {place.mouse: place.knows_target for place in day} == {"D00": "met", "D01": ""}
    assert plan_day([], ARENAS, TARGETS) == []
