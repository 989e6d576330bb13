"""The published layout has the published numbers, and the planted errors are where the truth says, and nowhere else."""

import json
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from django.core.management import call_command

from analysis.kernels.quality import QualityLimits, robust_z
from labdb.demo import parameters as p
from labdb.demo.layouts import DEMO, PUBLISHED
from labdb.demo.planted_errors import choose_errors
from labdb.demo.published import outcomes
from labdb.demo.simulate import SimulatedStudy, simulate_study, with_planted_errors
from labdb.demo.simulate_expression import draw_library_sizes

PER_REGION = {  # of a full region; 25
    "control": 5,
    "resilient": 4,
    "saline": 3,
    "imipramine responder": 3,
    "imipramine non_responder": 4,
    "ketamine responder": 3,
    "ketamine non_responder": 3,
}


@pytest.fixture(scope="module")
def published() -> SimulatedStudy:
    return simulate_study(layout=PUBLISHED)


@pytest.fixture(scope="module")
def demo() -> SimulatedStudy:
    return simulate_study()


@pytest.fixture(scope="module")
def loaded(demo) -> SimulatedStudy:
    return with_planted_errors(demo)


def test_the_published_layout_has_99_samples_of_the_published_groups(published):
    libraries = published.tissue.libraries
    assert libraries["region"].value_counts().to_dict() == {"AMY": 25, "NAc": 25, "PFC": 25, "HIP": 24}
    assert list(published.counts.columns) == list(libraries.index)
    groups = pd.crosstab(libraries["mouse"].map(outcomes(published.behavior)), libraries["region"])
    for region in ("AMY", "NAc", "PFC"):
        assert groups[region].to_dict() == PER_REGION
    assert groups["HIP"].to_dict() == PER_REGION | {"control": 4}
    assert libraries["mouse"].nunique() == 25  # shared over the regions


def test_in_the_published_layout_hippocampal_runs_cannot_be_told_from_groups(published):
    libraries = published.tissue.libraries
    hippocampal = libraries[libraries["region"] == "HIP"]
    arm = hippocampal["mouse"].map(published.behavior.allocations["arm"])
    per_run = pd.crosstab(hippocampal["run"], arm)
    assert len(per_run) == 4
    assert sorted(per_run["saline"]) == [0, 1, 1, 1]
    fourth = per_run["saline"].idxmin()
    drugged = per_run[["imipramine", "ketamine"]].sum(axis=1)
    assert drugged[fourth] > drugged.sum() / 2
    assert set(libraries.loc[libraries["region"] != "HIP", "run"]).isdisjoint(per_run.index)


def test_the_two_studies_share_no_code_that_is_unique_in_a_laboratory(published, demo):
    for codes in (
        lambda study: study.tissue.runs.index,
        lambda study: study.bench.defeat.aggressors.index,
        lambda study: study.bench.boxes.index,
        lambda study: study.bench.si_tests["arena"],
    ):
        assert set(codes(published)).isdisjoint(codes(demo))


def test_planted_errors_change_what_the_list_says_and_nothing_else(demo, loaded):
    where = {error.kind: error.where for error in loaded.planted}
    assert set(where) == {"swapped_pair", "wrong_sex", "half_the_reads", "zero_absent_time"}
    one, other = where["swapped_pair"]
    (poor,) = where["half_the_reads"]
    pd.testing.assert_series_equal(loaded.counts[one], demo.counts[other], check_names=False)
    pd.testing.assert_series_equal(loaded.counts[other], demo.counts[one], check_names=False)
    assert (loaded.counts[poor] <= demo.counts[poor]).all()
    # Half of N reads, each lost by chance: SD of the share .5 / sqrt(N), less than .0002
    assert loaded.counts[poor].sum() / demo.counts[poor].sum() == pytest.approx(0.5, abs=0.001)
    untouched = demo.counts.columns.difference([one, other, poor])
    pd.testing.assert_frame_equal(loaded.counts[untouched], demo.counts[untouched])

    changed = (loaded.bench.mice != demo.bench.mice) & demo.bench.mice.notna()
    assert [tuple(cell) for cell in np.argwhere(changed.to_numpy())] == [
        (demo.bench.mice.index.get_loc(where["wrong_sex"][0]), demo.bench.mice.columns.get_loc("sex"))
    ]
    tests = loaded.bench.si_tests.compare(demo.bench.si_tests)
    assert tests.columns.get_level_values(0).unique().tolist() == ["iz_absent_s"]
    (row,) = tests.index
    assert loaded.bench.si_tests.loc[row, ["mouse", "test_number", "iz_absent_s"]].tolist() == [
        where["zero_absent_time"][0], 1, 0.0,
    ]  # fmt: skip


def test_planted_errors_stand_out_from_the_rest_of_the_study(loaded):
    """What the quality checks go by: markers of the region, reads, genes on Y."""
    where = {error.kind: error.where for error in loaded.planted}
    share = loaded.counts.set_axis(loaded.genes["symbol"]).loc["Drd1"] / loaded.counts.sum()
    is_nac = loaded.tissue.libraries["region"] == "NAc"
    pfc, nac = where["swapped_pair"]
    assert share[pfc] > share[~is_nac & (share.index != pfc)].max()
    assert share[nac] < share[is_nac & (share.index != nac)].min()
    (poor,) = where["half_the_reads"]
    assert loaded.counts.sum().idxmin() == poor
    (female,) = where["wrong_sex"]
    of_female = loaded.tissue.libraries.index[loaded.tissue.libraries["mouse"] == female]
    assert (loaded.counts.set_axis(loaded.genes["symbol"]).loc["Ddx3y", of_female] > 100).all()


@pytest.mark.parametrize("seed", range(20))
def test_half_the_reads_stand_out_in_every_draw_and_no_other_library_does(seed):
    """By the rule of the quality task; half of a library as large as any would be found in every other draw only."""
    mice = pd.DataFrame({"is_sequenced": True, "is_humane_endpoint": False}, index=[f"M{n:03d}" for n in range(64)])
    mice.loc["M064"] = False  # for the SI test without a ratio
    phenotype = pd.Series("susceptible", index=mice.index).mask(mice.index.isin(["M064", *mice.index[:8]]), "resilient")
    libraries = [f"{mouse}-{region}-LIB" for mouse in mice.index[:64] for region in p.REGIONS]
    rng = np.random.default_rng(seed)
    sizes = pd.Series(draw_library_sizes(len(libraries), rng), index=libraries)
    (poor,) = next(one for one in choose_errors(mice, phenotype, sizes, rng) if one.kind == "half_the_reads").where
    sizes[poor] *= p.POOR_LIBRARY_READ_SHARE
    limits = QualityLimits()
    is_few = sizes < limits.min_reads_share * sizes.median()
    assert list(sizes.index[is_few & (robust_z(np.log(sizes)) < -limits.min_reads_z)]) == [poor]


def test_planted_errors_lie_in_resilient_mice_so_that_no_estimate_of_a_drug_changes(loaded):
    phenotype = loaded.behavior.latent["phenotype"]
    for error in loaded.planted:
        for place in error.where:
            assert phenotype[place.split("-")[0]] == "resilient"
    (zero,) = (error.where[0] for error in loaded.planted if error.kind == "zero_absent_time")
    assert not loaded.behavior.mice.loc[zero, "is_sequenced"]


@pytest.mark.parametrize("layout", [DEMO, PUBLISHED], ids=lambda layout: layout.code)
def test_the_command_tells_the_truth_behind_the_loaded_study(layout, demo, published, loaded):
    option = {"DEMO": "demo", "BAGOT": "published"}[layout.code]
    study = {"DEMO": loaded, "BAGOT": published}[layout.code]
    out = StringIO()
    call_command("demo_truth", "--layout", option, stdout=out)
    told = json.loads(out.getvalue())
    assert told["study"] == layout.code
    assert told["seed"] == study.seed
    assert told["by_response"] == study.truth
    assert [{key: row[key] for key in ("region", "arm", "fraction_undone")} for row in told["by_arm"]] == [
        {key: row[key] for key in ("region", "arm", "fraction_undone")} for row in study.truth_by_arm
    ]
    assert [error["where"] for error in told["planted"]] == [list(error.where) for error in study.planted]
    assert {(row["region"], row["metric"]): row["correlation_with_log_si_ratio"] for row in told["tissue"]} == {
        ("HIP", "gray_matter_volume"): -0.5,
        ("PFC", "gray_matter_volume"): 0.0,
        ("PFC", "spine_density"): 0.0,
    }


def test_the_truth_of_a_published_arm_is_the_mean_over_its_sequenced_mice(published):
    """Whether the drug works is hidden; responders by outcome are a choice, so the mean is not a share of 7."""
    behavior = published.behavior
    sequenced = behavior.mice["is_sequenced"] & (behavior.allocations["arm"] == "imipramine")
    assert sequenced.sum() == 7
    planted = {"PFC": 0.7, "NAc": 0.6, "HIP": 0.2, "AMY": 0.5}
    works = behavior.latent["drug_works"][sequenced].mean()
    for told in published.truth_by_arm:
        if told["arm"] == "imipramine":
            assert told["fraction_undone"] == pytest.approx(planted[told["region"]] * works)
