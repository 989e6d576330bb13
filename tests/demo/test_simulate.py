"""The demo study keeps the sizes, shares and effects that it promises. Shares come from 761 real mice."""

import datetime as dt
import time

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.phenotype import classify_phenotype
from analysis.kernels.response import classify_response
from labdb.demo.gene_names import KNOWN_SYMBOLS, Y_GENES, demo_genes
from labdb.demo.plant_expression import plant_expression
from labdb.demo.simulate import SimulatedStudy, simulate_study
from labdb.demo.simulate_behavior import SimulatedBehavior, simulate_behavior
from labdb.demo.simulate_expression import expected_log2_cpm

N_SEEDS = 120
DRUGS = ["imipramine", "ketamine"]
UNDONE = {  # imipramine, ketamine, in the mice that the drug works in
    "PFC": (0.7, 0.7),
    "NAc": (0.6, 0.2),
    "HIP": (0.2, 0.6),
    "AMY": (0.5, 0.1),
}


@pytest.fixture(scope="module")
def study() -> SimulatedStudy:
    return simulate_study()


@pytest.fixture(scope="module")
def many() -> list[SimulatedBehavior]:
    """Draw the animals many times; a seed with too few susceptible mice is refused and left out."""
    draws = []
    for seed in range(N_SEEDS):
        try:
            draws.append(simulate_behavior(np.random.default_rng(seed)))
        except ValueError as refusal:
            assert "susceptible mice; the arms need 48" in str(refusal)
    assert len(draws) > 0.95 * N_SEEDS
    return draws


def si_test(behavior: SimulatedBehavior, number: int) -> pd.DataFrame:
    tests = behavior.si_tests[behavior.si_tests["test_number"] == number].set_index("mouse")
    return tests.assign(group=behavior.mice["group"])


def si_ratio(behavior: SimulatedBehavior, number: int) -> pd.Series:
    tests = si_test(behavior, number)
    return tests["iz_present_s"] / tests["iz_absent_s"]


def mean_share(shares: list[float]) -> float:
    return float(np.mean(shares))


# Sizes and records ---------------------------------------------------------------------------------


def test_the_study_has_its_real_size(study):
    mice, tissue = study.behavior.mice, study.tissue
    assert mice["group"].value_counts().to_dict() == {"defeated": 112, "control": 10}
    assert study.behavior.si_tests.groupby("test_number")["mouse"].nunique().to_dict() == {1: 122, 2: 122}
    assert mice["is_sequenced"].sum() == 64
    assert study.counts.shape == (22_000, 256)
    assert study.counts.columns.equals(tissue.libraries.index)
    assert study.counts.index.equals(study.genes.index)
    assert len(tissue.samples) == len(tissue.extractions) == len(tissue.libraries) == 256
    assert tissue.libraries["region"].value_counts().to_dict() == dict.fromkeys(UNDONE, 64)


def test_only_susceptible_mice_are_randomized_sixteen_to_an_arm(study):
    allocations, phenotype = study.behavior.allocations, study.behavior.latent["phenotype"]
    randomized = allocations[allocations["is_randomized"]]
    assert randomized["arm"].value_counts().to_dict() == {"saline": 16, "imipramine": 16, "ketamine": 16}
    assert set(phenotype[randomized.index]) == {"susceptible"}
    assert set(allocations.loc[~allocations["is_randomized"], "arm"]) == {"vehicle"}
    assert allocations["allocation_code"].is_unique


def test_arms_are_balanced_over_the_cohorts(many):
    for behavior in many:
        randomized = behavior.allocations[behavior.allocations["is_randomized"]]
        per_cohort = pd.crosstab(behavior.mice["cohort"].reindex(randomized.index), randomized["arm"])
        assert np.ptp(per_cohort.to_numpy(), axis=1).max() <= 1
        assert (per_cohort.sum() == 16).all()


def test_sequenced_are_all_randomized_and_eight_resilient_and_eight_controls(study):
    sequenced = study.behavior.mice.index[study.behavior.mice["is_sequenced"]]
    phenotype = study.behavior.latent["phenotype"].loc[sequenced]
    assert phenotype.value_counts().to_dict() == {"susceptible": 48, "resilient": 8, "control": 8}
    assert study.behavior.allocations["is_randomized"].loc[sequenced].sum() == 48


def test_pools_hold_32_libraries_and_split_each_treatment_evenly(study):
    libraries = study.tissue.libraries
    assert libraries["pool"].value_counts().to_dict() == {f"{region}-{i}": 32 for region in UNDONE for i in (1, 2)}
    arm = libraries["mouse"].map(study.behavior.allocations["arm"])
    phenotype = libraries["mouse"].map(study.behavior.latent["phenotype"])
    per_pool = pd.crosstab(libraries["pool"], phenotype + " " + arm)
    assert (per_pool == per_pool.iloc[0]).all(axis=None)
    assert libraries.groupby("run")["pool"].nunique().tolist() == [2, 2, 2, 2]
    assert (libraries.groupby("region")["run"].nunique() == 2).all()


def test_the_calendar_is_that_of_the_protocol(study):
    mice = study.behavior.mice
    defeat = mice["cohort"].map({"C1": dt.date(2026, 3, 2), "C2": dt.date(2026, 3, 16)})
    age_days = (pd.to_datetime(defeat) - pd.to_datetime(mice["birth_date"])).dt.days
    assert age_days.between(53, 59).all()
    for number, day in ((1, 10), (2, 25)):  # 10 days of defeat; the test; 14 days of treatment; the re-test
        days = si_test(study.behavior, number)["test_at"].dt.normalize() - pd.to_datetime(defeat)
        assert (days == pd.Timedelta(days=day)).all()
    assert (pd.to_datetime(mice["death_date"]) - pd.to_datetime(defeat) == pd.Timedelta(days=26)).all()
    last = max(study.tissue.runs["run_date"].max(), study.tissue.extractions["extraction_date"].max())
    assert last < dt.date(2026, 6, 1)


def test_no_two_mice_of_a_cohort_are_tested_at_once(study):
    for number in (1, 2):
        at = si_test(study.behavior, number)["test_at"]
        assert at.is_unique


def test_times_fit_the_trial(many):
    for behavior in many:
        tests = behavior.si_tests
        for trial in ("absent", "present"):
            zone, corner = tests[f"iz_{trial}_s"], tests[f"corner_{trial}_s"]
            assert zone.between(0, 145).all()
            assert corner.between(0, 150).all()
            assert (zone + corner <= tests["trial_s"] + 0.01).all()  # each printed to .01 s
        assert (tests["iz_absent_s"] > 0).all()


def test_measurements_lie_where_such_measurements_lie(study):
    mass_g = study.behavior.weighings["body_mass_g"]
    assert mass_g.between(17, 36).all()
    extractions = study.tissue.extractions
    assert extractions["rin"].between(5.5, 10).all()
    assert 0 < (extractions["rin"] < 7).mean() < 0.10  # 4 % expected, of 256
    assert extractions["ratio_260_280"].between(1.7, 2.3).all()


def test_mass_falls_by_the_third_day_in_defeated_mice_only(study):
    weighings = study.behavior.weighings.merge(
        study.behavior.mice[["cohort", "group"]], left_on="mouse", right_index=True
    )
    first = weighings.groupby("mouse")["performed_at"].transform("min")
    weighings["day"] = (weighings["performed_at"] - first).dt.days
    mass_g = weighings.pivot_table(index=["group", "mouse"], columns="day", values="body_mass_g")
    loss_g = (mass_g[3] - mass_g[0]).groupby("group").mean()
    assert loss_g["defeated"] == pytest.approx(-1.5, abs=0.1)  # SE: .2 x sqrt(2 / 112) = .03
    assert loss_g["control"] == pytest.approx(0.45, abs=0.3)  # 3 days x .15; SE .09


# Shares --------------------------------------------------------------------------------------------


def test_nine_percent_of_controls_and_55_percent_of_defeated_mice_lie_below_one(many):
    for group, share, tolerance in (("control", 0.09, 0.03), ("defeated", 0.55, 0.015)):
        # SE over 116 draws: controls sqrt(.09 x .91 / 1160) = .008, defeated sqrt(.25 / 13000) = .004
        below = [(si_ratio(b, 1)[b.mice["group"] == group] < 1).mean() for b in many]
        assert mean_share(below) == pytest.approx(share, abs=tolerance)


def test_one_in_six_saline_mice_crosses_the_cutoff_without_any_drug(many):
    crossed = [(si_ratio(b, 2)[b.allocations["arm"] == "saline"] >= 1).mean() for b in many]
    # 16 % without and 19 % with the drift, between which the design puts it; SE sqrt(.16 / 1850) = .009
    assert 0.16 - 0.02 < mean_share(crossed) < 0.19 + 0.02


def test_about_45_percent_of_treated_mice_cross_the_cutoff(many):
    crossed = [(si_ratio(b, 2)[b.allocations["arm"].isin(DRUGS)] >= 1).mean() for b in many]
    assert mean_share(crossed) == pytest.approx(0.45, abs=0.025)  # SE sqrt(.25 / 3700) = .008


def test_drugs_work_in_42_percent_of_treated_mice_and_in_no_other(many):
    works = [b.latent["drug_works"][b.allocations["arm"].isin(DRUGS)].mean() for b in many]
    assert mean_share(works) == pytest.approx(0.42, abs=0.025)
    assert not any(b.latent["drug_works"][~b.allocations["arm"].isin(DRUGS)].any() for b in many)


def test_the_stress_state_lasts_less_in_saline_mice_that_recover(many):
    """Correlation -.35 of persistence with the log re-test ratio, no drug given; SD .2."""
    correlations, sds = [], []
    for behavior in many:
        saline = behavior.allocations["arm"] == "saline"
        persistence = behavior.latent["persistence"][saline]
        correlations.append(np.corrcoef(np.log(si_ratio(behavior, 2)[saline]), persistence)[0, 1])
        sds.append(persistence.std())
    assert np.mean(correlations) == pytest.approx(-0.35, abs=0.06)  # SE .23 / sqrt(116) = .02
    assert np.mean(sds) == pytest.approx(0.2, abs=0.01)


# The default draw ------------------------------------------------------------------------------------


def test_the_default_draw_is_typical(study):
    behavior = study.behavior
    first, second = si_ratio(behavior, 1), si_ratio(behavior, 2)
    arm = behavior.allocations["arm"]
    assert (first[behavior.mice["group"] == "control"] < 1).sum() == 1  # of 10
    assert 0.53 < (first[behavior.mice["group"] == "defeated"] < 1).mean() < 0.59
    assert (second[arm == "saline"] >= 1).sum() == 3  # of 16: 19 %
    assert 0.40 < (second[arm.isin(DRUGS)] >= 1).mean() < 0.50
    saline = arm == "saline"
    assert np.corrcoef(np.log(second[saline]), behavior.latent["persistence"][saline])[0, 1] == pytest.approx(
        -0.35, abs=0.1
    )


def test_the_default_draw_has_five_of_each_response_in_each_drug_arm(study):
    behavior = study.behavior
    before = si_test(behavior, 1)
    before["phenotype"] = classify_phenotype(before)["phenotype"]
    response = classify_response(before, si_test(behavior, 2))["response"]
    for drug in DRUGS:
        of_arm = response[behavior.allocations["arm"] == drug].value_counts()
        assert of_arm["responder"] >= 5
        assert of_arm["non_responder"] >= 5


# Genes and counts ------------------------------------------------------------------------------------


def test_gene_ids_and_symbols_are_unique_and_the_known_ones_come_first():
    genes = demo_genes()
    assert genes.index.is_unique
    assert genes["symbol"].is_unique
    assert genes.index.str.fullmatch(r"ENSMUSG9\d{10}").all()
    assert tuple(genes["symbol"][: len(KNOWN_SYMBOLS)]) == KNOWN_SYMBOLS
    assert {"Fos", "Bdnf", "Arc", "Xist", "Ddx3y"} < set(KNOWN_SYMBOLS)
    with pytest.raises(ValueError, match="n_genes must be at least"):
        demo_genes(3)


def test_counts_are_whole_reads_in_libraries_of_25_million(study):
    assert set(study.counts.dtypes) == {np.dtype("int32")}
    assert study.counts.to_numpy().min() >= 0
    library_size = study.counts.sum()
    assert library_size.mean() == pytest.approx(25e6, rel=0.05)  # SE .25 / sqrt(256) = 1.6 %
    assert library_size.std() / library_size.mean() == pytest.approx(0.25, abs=0.04)


def test_the_mice_are_male_in_their_genes(study):
    counts = study.counts.set_axis(study.genes["symbol"])
    assert (counts.loc[list(Y_GENES)].min() > 100).all()
    assert (counts.loc["Xist"] < 50).all()


def test_dispersion_and_the_share_of_the_latent_factors_are_those_of_the_design(study):
    """Within a group, pool and region: (floor + slope / mean) x log-normal, 20 % of it shared between genes."""
    libraries = study.tissue.libraries
    arm = libraries["mouse"].map(study.behavior.allocations["arm"])
    here = libraries.index[(libraries["region"] == "PFC") & (arm != "vehicle")]  # 48 mice
    counts = study.counts[here].to_numpy(dtype=float)
    scaled = counts / counts.sum(axis=0) * 25e6
    effects = study.expression_truth["PFC"].effects_log2
    still = (effects == 0).all(axis=1).to_numpy() & (scaled.mean(axis=1) > 500)
    log_scaled = np.log(scaled[still] + 0.5)
    pool = libraries.loc[here, "pool"].to_numpy()
    residuals = log_scaled - sum(
        np.where(pool == code, log_scaled[:, pool == code].mean(axis=1)[:, None], 0) for code in np.unique(pool)
    )
    variance = (residuals**2).sum(axis=1) / (len(here) - 2)
    # Log variance of a gamma-Poisson at dispersion d and mean m: close to d + 1 / m while d is small.
    biological = variance - 1 / scaled[still].mean(axis=1)
    expected = (0.03 + 1.5 / scaled[still].mean(axis=1)) * np.exp(0.45**2 / 2)
    assert np.mean(biological) == pytest.approx(np.mean(expected), rel=0.06)
    standardized = residuals / np.sqrt(variance)[:, None]
    spectrum = np.linalg.eigvalsh(standardized.T @ standardized)[::-1]
    # 46 residual dimensions: noise leaves .8 / 46 per axis, so 3 factors hold .20 + 3 x .8 / 46 = .252
    assert spectrum[:3].sum() / spectrum.sum() == pytest.approx(0.252, abs=0.03)
    assert spectrum[2] > 2 * spectrum[3]  # three factors stand out,
    assert spectrum[3] < 1.3 * spectrum[4]  # and no fourth


# Truth -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noiseless(study) -> dict[str, pd.DataFrame]:
    """Noiseless log2 expression of every sequenced mouse, by region, every stress state lasting alike."""
    latent = study.behavior.latent
    even = latent.assign(persistence=latent["persistence"].where(latent["persistence"].isna(), 1.0))
    behavior = SimulatedBehavior(**(vars(study.behavior) | {"latent": even}))
    return {region: expected_log2_cpm(study.expression_truth[region], behavior, region) for region in UNDONE}


def undone_by_least_squares(log2_cpm: pd.DataFrame, behavior: SimulatedBehavior, treated: pd.Index) -> float:
    """Regress (treated - saline) on (saline - control): the slope is minus the fraction undone."""
    columns = log2_cpm.columns
    saline = log2_cpm[columns[behavior.allocations["arm"].loc[columns] == "saline"]].mean(axis=1)
    control = log2_cpm[columns[behavior.latent["phenotype"].loc[columns] == "control"]].mean(axis=1)
    stress, drug = saline - control, log2_cpm[treated].mean(axis=1) - saline
    return float(-(stress @ drug) / (stress @ stress))


def test_the_truth_names_the_fractions_of_the_design(study):
    told = {(t["region"], t["arm"], t["response"]): t["fraction_undone"] for t in study.truth}
    expected = {(r, a, "responder"): u for r, both in UNDONE.items() for a, u in zip(DRUGS, both, strict=True)}
    expected |= {(r, a, "non_responder"): 0.0 for r in UNDONE for a in DRUGS}
    assert told == expected


def test_least_squares_on_noiseless_means_finds_the_truth_by_response(study, noiseless):
    behavior = study.behavior
    for told in study.truth:
        works = behavior.latent["drug_works"] == (told["response"] == "responder")
        treated = behavior.mice.index[(behavior.allocations["arm"] == told["arm"]) & works]
        found = undone_by_least_squares(noiseless[told["region"]], behavior, treated)
        assert found == pytest.approx(told["fraction_undone"], abs=1e-9), told


def test_least_squares_on_noiseless_means_finds_the_truth_by_arm(study, noiseless):
    assert len(study.truth_by_arm) == 8
    for told in study.truth_by_arm:
        treated = study.behavior.mice.index[study.behavior.allocations["arm"] == told["arm"]]
        found = undone_by_least_squares(noiseless[told["region"]], study.behavior, treated)
        assert found == pytest.approx(told["fraction_undone"], abs=1e-9), told


def test_the_truth_of_an_arm_is_the_mean_over_its_mice(study):
    for told in study.truth_by_arm:
        works = study.behavior.latent["drug_works"][study.behavior.allocations["arm"] == told["arm"]]
        planted = UNDONE[told["region"]][DRUGS.index(told["arm"])]
        assert told["fraction_undone"] == pytest.approx(works.sum() / 16 * planted)


def test_stress_genes_are_six_percent_partly_shared_over_regions_and_with_resilience(study):
    effects = {region: truth.effects_log2 for region, truth in study.expression_truth.items()}
    for region in UNDONE:
        stress = effects[region]["stress"]
        assert (stress != 0).sum() == 1320  # 6 % of 22,000
        assert stress[stress != 0].std() == pytest.approx(0.6, abs=0.05)
        shared = effects[region]["stress_shared_with_resilience"]
        assert (shared != 0).sum() == 440  # a third
        assert (shared[shared != 0] == stress[shared != 0]).all()
    pfc, nac = effects["PFC"]["stress"], effects["NAc"]["stress"]
    in_both = (pfc != 0) & (nac != 0)
    assert 660 <= in_both.sum() < 800  # 660 on purpose, about 660 x 660 / 13,000 = 34 more by chance
    assert np.corrcoef(pfc[in_both], nac[in_both])[0, 1] == pytest.approx(0.7 * 660 / 694, abs=0.1)


def test_non_responders_move_150_genes_of_their_own_60_of_them_against_the_drug(study):
    for truth in study.expression_truth.values():
        for drug in DRUGS:
            effect, own = truth.effects_log2[drug], truth.effects_log2[f"{drug}_non_response"]
            moved = own != 0
            assert moved.sum() == 150
            opposing = moved & (effect != 0)
            assert opposing.sum() == 60
            net = (effect + own)[opposing]
            assert np.allclose(net, -effect[opposing])
            assert not (moved & (truth.effects_log2["stress"] != 0)).any()


# Repeatability and speed -----------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_study_and_another_seed_another(study):
    again, other = simulate_study(study.seed), simulate_study(study.seed + 1)
    pd.testing.assert_frame_equal(again.counts, study.counts)
    for part in ("mice", "si_tests", "weighings", "allocations", "latent"):
        pd.testing.assert_frame_equal(getattr(again.behavior, part), getattr(study.behavior, part))
    for part in ("dissections", "samples", "extractions", "libraries", "runs"):
        pd.testing.assert_frame_equal(getattr(again.tissue, part), getattr(study.tissue, part))
    assert not other.behavior.si_tests["iz_absent_s"].equals(study.behavior.si_tests["iz_absent_s"])


def test_effects_do_not_hang_on_the_order_in_which_things_are_drawn(study):
    of_effects = np.random.default_rng(study.seed).spawn(4)[2]
    alone = plant_expression(demo_genes(), of_effects)
    pd.testing.assert_frame_equal(alone["AMY"].effects_log2, study.expression_truth["AMY"].effects_log2)


def test_a_study_is_simulated_within_ten_seconds_of_cpu():
    start_s = time.process_time()
    simulate_study()
    assert time.process_time() - start_s < 10
