"""The bench records of the demo: who met whom, how often, how much; figures and tolerances from the design."""

import numpy as np
import pandas as pd
import pytest

from labdb.demo.layouts import DEMO
from labdb.demo.rotation import latin_rotation, round_robin
from labdb.demo.simulate_behavior import SimulatedBehavior, simulate_behavior
from labdb.demo.simulate_bench import SimulatedBench, simulate_bench
from labdb.demo.simulate_tissue import simulate_tissue

SEEDS = (2219, *range(9))  # the default draw first; then 10 x 1,120 bouts


@pytest.fixture(scope="module")
def draws() -> list[tuple[SimulatedBehavior, SimulatedBench]]:
    drawn = []
    for seed in SEEDS:
        of_behavior, of_tissue, of_bench = np.random.default_rng(seed).spawn(3)
        behavior = simulate_behavior(of_behavior)
        drawn.append((behavior, simulate_bench(behavior, simulate_tissue(behavior, of_tissue), DEMO.code, of_bench)))
    return drawn


@pytest.fixture(scope="module")
def bouts(draws) -> pd.DataFrame:
    return pd.concat([bench.defeat.bouts.assign(draw=number) for number, (_, bench) in enumerate(draws)])


# Rotations -------------------------------------------------------------------------------------------


def test_a_rotation_gives_each_mouse_a_new_resident_and_each_resident_one_mouse():
    place = latin_rotation(12, 10)
    assert all(len(set(row)) == 10 for row in place)
    assert all(len(set(day)) == 12 for day in place.T)
    with pytest.raises(ValueError, match="9 residents last 9 days"):
        latin_rotation(9, 10)


@pytest.mark.parametrize(("n_mice", "n_rounds"), [(5, 5), (6, 5), (2, 1)])
def test_every_pair_of_controls_comes_once_before_any_comes_again(n_mice, n_rounds):
    partner = round_robin(n_mice, n_rounds)
    pairs = [(mouse, other) for day in partner.T for mouse, other in enumerate(day) if other >= 0]
    assert len(set(pairs)) == len(pairs) == n_mice * (n_mice - 1)
    assert {(other, mouse) for mouse, other in pairs} == set(pairs)  # who is my partner has me as partner


# Defeat ----------------------------------------------------------------------------------------------


def test_no_mouse_meets_an_aggressor_twice_and_no_aggressor_fights_twice_a_day(bouts):
    assert not bouts.duplicated(["draw", "mouse", "aggressor"]).any()
    assert not bouts.duplicated(["draw", "cohort", "day", "aggressor"]).any()
    assert (bouts.groupby(["draw", "mouse"]).size() == 10).all()


def test_a_lab_needs_130_aggressors_and_has_them_under_codes_of_their_own(draws):
    for _, bench in draws:
        aggressors = bench.defeat.aggressors
        assert len(aggressors) >= 130
        assert aggressors.index.is_unique
        assert aggressors["role"].value_counts()["resident"] == 112


def test_aggressors_that_fight_passed_two_consecutive_sessions_of_their_screening(draws):
    for _, bench in draws:
        passed = bench.defeat.screenings.pivot(index="aggressor", columns="day", values="passed")
        fought = passed.loc[sorted(set(bench.defeat.bouts["aggressor"]))]
        assert (fought[2] & (fought[1] | fought[3])).all()
        latency_s = bench.defeat.screenings["latency_s"]
        assert latency_s.dropna().between(0, 180).all()
        assert (bench.defeat.screenings["attacks"] > 0).equals(latency_s.notna())


def test_the_first_attack_comes_after_22_seconds_in_the_median(bouts):
    latency_s = bouts["attack_latency_s"]
    assert latency_s.between(0, 300).all()
    # SE of log median: 1.25 x .9 / sqrt(11,200) = .011, and .35 / sqrt(1,120) = .010 for the aggressors
    assert np.log(latency_s.median()) == pytest.approx(np.log(22), abs=0.05)
    log_latency = np.log(latency_s[latency_s > 0])
    q16, q84 = np.quantile(log_latency, [0.1587, 0.8413])  # the cap at 300 s lies beyond both
    assert (q84 - q16) / 2 == pytest.approx(0.9, abs=0.03)


def test_attacks_start_at_18_and_fall_by_3_percent_a_day(bouts):
    by_day = bouts.groupby("day")["attacks"].mean()
    # Poisson-gamma of size 3: SD of a bout sqrt(18 + 18^2 / 3) = 11, with the aggressors' 6.5 about 13; 1,120 a day
    assert by_day[1] == pytest.approx(18, abs=4 * 13 / np.sqrt(1120))
    slope = np.polyfit(by_day.index, np.log(by_day), 1)[0]
    assert slope == pytest.approx(np.log(0.97), abs=0.01)  # SE: (.7 / sqrt(1,120)) / sqrt(82.5) = .0023


def test_aggressors_differ_by_a_third(bouts):
    """Covariance of two bouts of one aggressor on the log of its mean: exp(.35^2) - 1 = .130 of the squared mean."""
    scaled = bouts.assign(scaled=bouts["attacks"] / bouts.groupby("day")["attacks"].transform("mean"))
    of_aggressor = scaled.groupby(["draw", "aggressor"])["scaled"]
    n, total = of_aggressor.size(), of_aggressor.sum()
    squares = scaled["scaled"].pow(2).groupby([scaled["draw"], scaled["aggressor"]]).sum()
    cross = ((total**2 - squares).sum()) / (n * (n - 1)).sum()
    assert cross - 1 == pytest.approx(np.exp(0.35**2) - 1, abs=0.03)


def test_three_percent_of_bouts_wound_and_four_percent_have_a_substitute(bouts):
    n = len(bouts)
    assert (bouts["wound_score"] >= 2).mean() == pytest.approx(0.03, abs=4 * np.sqrt(0.03 * 0.97 / n))
    assert bouts["is_substituted"].mean() == pytest.approx(0.04, abs=4 * np.sqrt(0.04 * 0.96 / n))
    assert (bouts["aggressor"] != bouts["resident"]).equals(bouts["is_substituted"])


def test_a_bout_is_cut_short_for_a_wound_only_and_never_before_the_first_attack(bouts):
    assert (bouts["physical_s"] >= bouts["attack_latency_s"]).all()
    assert (bouts["is_stopped_early"] == (bouts["wound_score"] >= 3)).all()
    assert (bouts.loc[~bouts["is_stopped_early"], "physical_s"] == 300).all()


def test_one_mouse_reaches_a_humane_endpoint_after_both_of_its_tests(draws):
    for behavior, bench in draws:
        (mouse,) = bench.mice.index[bench.mice["is_humane_endpoint"]]
        assert not bench.mice.loc[mouse, "is_sequenced"]
        assert bench.mice.loc[mouse, "death_date"] < behavior.mice.loc[mouse, "death_date"]
        for events, when in ((bench.si_tests, "test_at"), (bench.weighings, "performed_at")):
            last = events.loc[events["mouse"] == mouse, when].max().date()
            assert last <= bench.mice.loc[mouse, "death_date"]
        assert mouse not in set(bench.measurements["mouse"])


# Tests, masses, doses --------------------------------------------------------------------------------


def test_an_arena_holds_one_mouse_at_a_time(draws):
    for _, bench in draws:
        tests = bench.si_tests.sort_values(["arena", "test_at"])
        lasts = pd.to_timedelta(2 * tests["trial_s"] + 60 * tests["gap_between_trials_min"], unit="s")
        next_at = tests.groupby("arena")["test_at"].shift(-1)
        assert (next_at.isna() | (next_at >= tests["test_at"] + lasts)).all()
        assert tests["arena"].nunique() == 2


def test_no_mouse_is_shown_an_aggressor_that_it_met_or_the_same_one_twice(draws):
    for _, bench in draws:
        fought = set(bench.defeat.bouts["aggressor"])
        assert not fought & set(bench.si_tests["target"])
        assert not bench.si_tests.duplicated(["mouse", "target"]).any()


def test_mice_are_tested_in_the_light_hours_of_their_day(draws):
    for _, bench in draws:
        tests = bench.si_tests
        hour = tests["test_at"].dt.hour + tests["test_at"].dt.minute / 60
        assert np.allclose(tests["light_cycle_hour"], hour - 7, atol=0.01)
        assert tests["light_cycle_hour"].between(0, 12).all()


def test_daily_weighings_keep_the_main_draw_and_lie_on_its_curve(draws):
    for behavior, bench in draws:
        known = bench.weighings.merge(behavior.weighings, on=["mouse", "performed_at"])
        assert len(known) == len(behavior.weighings)
        assert (known["body_mass_g_x"] == known["body_mass_g_y"]).all()
        assert not bench.weighings.duplicated(["mouse", "day"]).any()
        mass_g = bench.weighings.pivot(index="mouse", columns="day", values="body_mass_g")
        assert list(mass_g.columns) == list(range(25))
        lost_g = (mass_g - mass_g[[0]].to_numpy())[behavior.mice["group"] == "defeated"].mean()
        # -.5 g a day to day 3, then +.15 g a day; SE of a mean difference .2 x sqrt(2 / 112) = .027
        for day, expected in ((1, -0.5), (2, -1.0), (3, -1.5), (4, -1.35), (13, 0.0), (24, 1.65)):
            assert lost_g[day] == pytest.approx(expected, abs=0.11)


def test_every_allocated_mouse_is_injected_on_fourteen_days_in_the_same_volume(draws):
    for behavior, bench in draws:
        doses = bench.dosing.doses
        assert (doses.groupby("mouse").size() == 14).all()
        assert set(doses["mouse"]) == set(behavior.allocations.index)
        given = doses[doses["status"] == "given"]
        assert (given["volume_ml"] - 5e-3 * given["body_mass_g"]).abs().max() <= 0.005 + 1e-9  # 5 ml/kg, to .01 ml
        assert (given["volume_ml"] <= 10e-3 * given["body_mass_g"]).all()
        that_morning = doses.merge(
            bench.weighings.assign(day=bench.weighings["day"] - 10), on=["mouse", "day"], suffixes=("", "_weighed")
        )
        assert len(that_morning) == len(doses)
        assert (that_morning["body_mass_g"] == that_morning["body_mass_g_weighed"]).all()


def test_few_doses_are_missed_or_partial_and_none_of_the_last_day(draws):
    doses = pd.concat([bench.dosing.doses for _, bench in draws])
    n = len(doses) * 13 / 14
    for status, share in (("missed", 0.003), ("partial", 0.005)):
        found = (doses["status"] == status).sum() / n
        assert found == pytest.approx(share, abs=4 * np.sqrt(share / n))
    assert (doses.loc[doses["day"] == 14, "status"] == "given").all()
    missed = doses["status"] == "missed"
    assert doses.loc[missed, ["given_at", "volume_ml", "solution_code"]].isna().all(axis=None)
    assert doses.loc[~missed, ["given_at", "volume_ml", "solution_code"]].notna().all(axis=None)
    assert (doses["reason"] != "").equals(doses["status"] != "given")


def test_a_syringe_code_tells_nothing_and_its_key_tells_the_drug_of_the_arm(draws):
    for behavior, bench in draws:
        doses, keys, solutions = bench.dosing.doses, bench.dosing.keys, bench.dosing.solutions
        given = doses[doses["status"] != "missed"]
        assert (given.groupby("solution_code")["mouse"].nunique() == 1).all()
        # All mice change their code on the same days, whatever they get.
        part = given["day"].ge(8).astype(int) + given["day"].ge(14) + 1
        assert (given["solution_code"].str[-1].astype(int) == part).all()
        arm = given["mouse"].map(behavior.allocations["arm"])
        solution = given["solution_code"].map(keys["solution"])
        drug = solution.map(solutions["drug"])
        expected = arm.mask(arm == "vehicle", "saline").mask((arm == "ketamine") & (given["day"] < 14), "saline")
        assert (drug == expected).all()
        assert (given["given_at"] >= solution.map(solutions["prepared_at"])).all()
        assert (given["given_at"] <= solution.map(solutions["expires_at"])).all()
        mg_per_kg = solutions["stock_mg_per_ml"] * 5
        assert mg_per_kg.groupby(solutions["drug"]).first().dropna().to_dict() == {"imipramine": 20, "ketamine": 10}


# Colony, tissue --------------------------------------------------------------------------------------


def test_every_mouse_came_by_the_shipment_or_was_born_in_a_litter_on_its_birth_date(draws):
    for _, bench in draws:
        mice, colony = bench.mice, bench.colony
        assert (mice["shipment"].notna() ^ mice["litter"].notna()).all()
        bred = mice[mice["litter"].notna()]
        assert (bred["birth_date"] == bred["litter"].map(colony.litters["birth_date"])).all()
        born = colony.litters["born_count"]
        assert (bred.groupby("litter").size() <= colony.litters["weaned_count"]).all()
        assert (colony.litters["weaned_count"] <= born).all()
        bought, shipment = mice[mice["shipment"].notna()], colony.shipments.iloc[0]
        assert bought["birth_date"].between(shipment["birth_date_from"], shipment["birth_date_to"]).all()
        assert shipment["animal_count"] == len(bought) == 61


def test_a_mouse_is_in_one_cage_without_a_gap_until_it_dies(draws):
    for _, bench in draws:
        housings = bench.colony.housings.sort_values(["mouse", "housed_from"])
        next_from = housings.groupby("mouse")["housed_from"].shift(-1)
        is_last = next_from.isna()
        assert (housings["housed_to"] == next_from)[~is_last].all()
        ends = housings[is_last].set_index("mouse")["housed_to"]
        assert (ends == bench.mice["death_date"]).all()
        assert (housings.groupby("mouse").size() == 11).all()  # a group, nine days across a divider, alone


def test_a_divider_has_one_study_mouse_a_side_and_beside_it_the_mouse_of_the_record(draws):
    for _, bench in draws:
        divided = bench.colony.housings[bench.colony.housings["side"] != ""]
        assert not divided.duplicated(["cage", "side", "housed_from"]).any()
        met = bench.defeat.bouts[bench.defeat.bouts["day"] < 10]
        beside = divided.merge(met.assign(housed_from=met["performed_at"].dt.date), on=["mouse", "cage", "housed_from"])
        assert len(beside) == len(met) == 112 * 9
        assert (beside.groupby("cage")["resident"].nunique() == 1).all()
        is_control = divided["mouse"].map(bench.mice["group"]) == "control"
        pairs = divided[is_control].groupby(["cage", "housed_from"])["mouse"].agg(set)
        partners = bench.defeat.rotations.dropna(subset="partner")
        told = {(row.performed_at.date(), frozenset((row.mouse, row.partner))) for row in partners.itertuples()}
        assert {(start, frozenset(pair)) for (_, start), pair in pairs.items()} == told


def test_samples_stand_in_places_of_their_own(draws):
    for _, bench in draws:
        assert not bench.places.duplicated(["box", "position"]).any()
        assert bench.places["position"].str.fullmatch("[A-I][1-9]").all()
        assert set(bench.places["box"]) == set(bench.boxes.index)


def test_hippocampal_volume_goes_against_social_interaction_and_the_others_do_not(draws):
    found: dict[str, list[float]] = {}
    for behavior, bench in draws:
        first = behavior.si_tests[behavior.si_tests["test_number"] == 1].set_index("mouse")
        log_ratio = np.log(first["iz_present_s"] / first["iz_absent_s"])
        for (region, metric), measured in bench.measurements.groupby(["region", "metric"]):
            assert len(measured) == (40 if metric == "spine_density" else 40 + 4 * 6)
            r = np.corrcoef(measured["value"], log_ratio[measured["mouse"]])[0, 1]
            found.setdefault(f"{region} {metric}", []).append(r)
    # SE of a mean of ten: (1 - r^2) / sqrt(39) / sqrt(10) = .04 to .05
    assert np.mean(found["HIP gray_matter_volume"]) == pytest.approx(-0.5, abs=0.15)
    assert np.mean(found["PFC gray_matter_volume"]) == pytest.approx(0, abs=0.15)
    assert np.mean(found["PFC spine_density"]) == pytest.approx(0, abs=0.15)
