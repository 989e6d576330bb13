"""RRHO as a task, its page and its files: held to the kernels on frames built by hand, and to what was planted."""

import io

import numpy as np
import pandas as pd
import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from analysis.kernels.counts import filter_by_expression, log_cpm, tmm_factors
from analysis.kernels.relabeled_signatures import relabeled_signatures
from analysis.kernels.rrho import rrho
from analysis.kernels.rrho_relabeling import relabeling_p
from analysis.models import AnalysisRun, Contrast, RrhoGene, RrhoMap, RrhoQuadrant, RunStatus
from analysis.rrho_cells import unpack
from analysis.staleness import staleness_of
from labdb.colony.models import Study
from labdb.sequencing.expression_store import load_counts
from labdb.sequencing.models import CountMatrix, Library
from labdb.treatment.models import AllocationKey, TreatmentArm
from tests.analysis.small_study import make_study, make_treated_study
from tests.analysis.test_tasks import carried_out, done
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db
N_PER_GROUP = 6  # of which three drug mice get imipramine; both drugs undo the stress, as planted
STRESS, KETAMINE, IMIPRAMINE = "susceptible - control", "ketamine - susceptible", "imipramine - susceptible"


@pytest.fixture
def study() -> Study:
    study = make_treated_study(n_per_group=N_PER_GROUP, n_genes=200)
    imipramine = TreatmentArm.objects.create(study=study, name="imipramine")
    AllocationKey.objects.filter(allocation__mouse__code__in=["k3", "k4", "k5"]).update(arm=imipramine)
    done(study, "phenotype")
    return study


def by_hand(study: Study) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """log2 CPM, groups and pools of the libraries, straight from the store."""
    matrix = CountMatrix.objects.get(study=study)
    counts = load_counts(matrix).rename(columns=dict(Library.objects.values_list("pk", "code")))
    kinds = {"c": "control", "r": "resilient", "s": "susceptible"}
    codes = sorted(counts.columns)
    groups = pd.Series(
        {code: kinds.get(code[0]) or ("ketamine" if int(code[1]) < 3 else "imipramine") for code in codes}
    )
    counts = counts[codes]
    pooled = groups.replace({"ketamine": "susceptible", "imipramine": "susceptible"})
    kept = counts[filter_by_expression(counts, pooled)]
    return log_cpm(kept, tmm_factors(kept)), groups, pd.Series({code: f"P{int(code[1]) % 2}" for code in codes})


def words(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, answer.content[:300]
    return " ".join(answer.content.decode().split())


def test_every_standard_pair_has_the_map_and_p_of_the_kernels(study: Study):
    usual = RrhoMap.objects.filter(run=done(study, "rrho"))
    assert {(one.first, one.second) for one in usual} == {(STRESS, KETAMINE), (STRESS, IMIPRAMINE)}
    run = done(study, "rrho", pairs="all")
    maps = {(one.first, one.second): one for one in RrhoMap.objects.filter(run=run)}
    assert set(maps) == {(STRESS, KETAMINE), (STRESS, IMIPRAMINE), (IMIPRAMINE, KETAMINE)}
    expression, groups, pools = by_hand(study)
    # Pools of 3 + 2 and 3 + 1 saline and ketamine mice: C(5, 2) x C(4, 1) = 40 relabelings, all listed.
    expected = relabeled_signatures(expression, groups, treated="ketamine", pools=pools)
    pairs = list(expected)
    x, y = (pd.Series(one, index=expected.genes) for one in pairs[0])
    drawn, relabeled = rrho(x, y), relabeling_p(pairs)
    row = maps[STRESS, KETAMINE]
    assert (row.n_genes, row.step, row.n_relabelings) == (len(expression), drawn.step, 40)
    assert row.p_value == pytest.approx(relabeled.p_value["opposite"], abs=1e-12)
    assert (row.n_up_first, row.n_down_second) == (int((x > 0).sum()), int((y < 0).sum()))
    assert row.correlation == pytest.approx(np.corrcoef(x, y)[0, 1])
    # 6 control, 6 susceptible, 3 ketamine mice: -(1/6) / sqrt((1/6 + 1/6) (1/6 + 1/3)) = -sqrt(1/6)
    assert row.correlation_null == pytest.approx(-np.sqrt(1 / 6))
    assert row.groups == "6 control, 6 susceptible, 3 ketamine"
    cells = unpack(bytes(row.cells))
    for quadrant, frame in drawn.log10_p.items():
        np.testing.assert_allclose(cells.log10_p[quadrant], frame, rtol=1e-6)
        np.testing.assert_allclose(cells.null_log10_p[quadrant], relabeled.null_log10_p[quadrant], rtol=1e-6)
        stored = RrhoQuadrant.objects.filter(rrho_map=row, quadrant=quadrant).first()
        if quadrant in drawn.maxima:
            best = drawn.maxima[quadrant]
            assert (stored.n_first, stored.n_second, stored.overlap) == (best.n_x, best.n_y, best.overlap)
            genes = list(stored.genes.order_by("place").values_list("gene_id", flat=True))
            assert genes == drawn.overlapping_genes(quadrant).tolist()
    # Two drugs: as -(S - D2), D1 - S with the labels of D1 exchanged, and the same the other way round.
    roles = [
        relabeling_p((-one if sign else one, two if sign else -two) for one, two in relabeled_signatures(
            expression, groups.replace({drug: "treated", other: "other"}), treated="treated", control="other", pools=pools))
        for drug, other, sign in (("ketamine", "imipramine", True), ("imipramine", "ketamine", True))
    ]  # fmt: skip
    both = maps[IMIPRAMINE, KETAMINE]
    assert both.p_value == pytest.approx(max(one.p_value["same"] for one in roles), abs=1e-12)
    assert (both.direction, both.groups) == ("same", "6 susceptible, 3 imipramine, 3 ketamine")
    # What both drugs share with saline alone: (1/6) / (1/6 + 1/3)
    assert both.correlation_null == pytest.approx(1 / 3)
    low, high = sorted((row, maps[STRESS, IMIPRAMINE]), key=lambda one: one.p_value)  # two maps of a kind, by hand:
    assert (low.adj_p_value, high.adj_p_value) == pytest.approx((min(2 * low.p_value, high.p_value), high.p_value))


def test_the_page_shows_a_map_and_its_files(study: Study):
    run = done(study, "rrho")
    row = RrhoMap.objects.get(run=run, second=KETAMINE, kind="stress_drug")
    client, page = signed_in(), f"/analysis/runs/{run.pk}/"
    text = words(client, f"{page}?map={row.pk}")
    n_extreme = round(40 * row.p_value)
    assert f"Of 40 labelings of the animals, the true one among them, {n_extreme} give an overlap of opposite" in text
    assert "−0.41 is expected of the shared group alone" in text
    assert "The map describes." in text
    assert "choose one of its list" in words(client, f"{page}?map=999", 400)
    assert "not a quadrant with genes" in words(client, f"{page}?map={row.pk}&quadrant=left", 400)
    svg = words(client, f"{page}figures/rrho-map.svg?map={row.pk}")
    for shown in ("observed", "labels exchanged", f"genes of {STRESS}, most up to most down", "hypergeometric"):
        assert shown in svg
    assert "40 labelings" in words(client, f"{page}figures/rrho-null.svg?map={row.pk}")
    table = pd.read_csv(io.BytesIO(client.get(f"/analysis/rrho/{row.pk}/map.csv").content))
    assert list(table) == ["quadrant", "n_first", "n_second", "log10_p", "overlap", "relabeled_mean_log10_p"]
    assert table["overlap"].max() == max(
        frame.to_numpy().max() for frame in unpack(bytes(row.cells)).overlap.values() if frame.size
    )
    quadrant = row.quadrants.get(quadrant="up_down")
    genes = client.get(f"/api/v1/rrho-genes/?rrho_quadrant={quadrant.pk}&export=csv")
    exported = pd.read_csv(io.BytesIO(b"".join(genes.streaming_content)))
    assert len(exported) == quadrant.overlap == RrhoGene.objects.filter(rrho_quadrant=quadrant).count()
    shown = client.get(f"/api/v1/rrho-maps/?run={run.pk}").json()["results"]
    assert {one["second"] for one in shown} == {KETAMINE, IMIPRAMINE}
    stranger = signed_in("technician", make_study("S2"), "stranger")
    assert stranger.get(f"/analysis/rrho/{row.pk}/map.csv").status_code == 404
    assert not staleness_of(run)
    Library.objects.filter(code="c0-PFC").update(pool="P1")
    assert staleness_of(AnalysisRun.objects.get(pk=run.pk))


def test_two_named_contrasts_have_a_map_and_no_p(study: Study):
    group_by = {"study": study, "group_by": "mouse__phenotype", "covariates": ""}
    Contrast.objects.create(name="s - c", numerator="susceptible", denominator="control", **group_by)
    Contrast.objects.create(name="r - c", numerator="resilient", denominator="control", **group_by)
    Contrast.objects.create(
        name="pools", numerator="P0", denominator="P1", study=study, group_by="library__pool", covariates=""
    )
    assert carried_out(study, "rrho", first="s - c", second="r - c").reason == (
        "s - c has no current results; run differential_expression first."
    )
    done(study, "differential_expression")
    run = done(study, "rrho", first="s - c", second="r - c")
    row = RrhoMap.objects.get(run=run)
    assert (row.kind, row.p_value, row.direction) == ("contrasts", None, "")
    assert row.messages.startswith("No p-value: labels are exchanged between saline mice and a drug's only")
    # 6 control, 12 susceptible (saline and drugs), 6 resilient: (1/6) / sqrt((1/12 + 1/6) (1/6 + 1/6)) = sqrt(1/3)
    assert row.correlation_null == pytest.approx(np.sqrt(1 / 3))
    assert row.groups == "6 control, 6 resilient, 12 susceptible"
    assert {one.task for one in run.depends_on.all()} == {"differential_expression"}
    assert "is expected of the shared group alone" in words(signed_in(), f"/analysis/runs/{run.pk}/")
    as_r = done(study, "rrho", first="s - c", second="r - c", population_offset=1)
    assert RrhoMap.objects.get(run=as_r).cells_sha256 != row.cells_sha256
    other = RrhoMap.objects.get(run=done(study, "rrho", first="s - c", second="pools"))
    # Of each group one half is in either pool: +1/12 meets as many of +1/12 as of -1/12, and so do the controls.
    assert other.correlation_null == pytest.approx(0, abs=1e-12)
    assert other.groups == ""
    for parameters, sentence in (
        ({"first": "s - c"}, "Name both contrasts, first and second, or neither for the standard pairs."),
        (
            {"first": "s - c", "second": "s - c"},
            "s - c is named twice; a contrast overlaps with itself by construction.",
        ),
    ):
        assert carried_out(study, "rrho", **parameters).reason == sentence


def test_only_known_pairs_are_taken(study: Study):
    with pytest.raises(ValidationError, match=r"some is not stress \(stress against each drug\) or all"):
        carried_out(study, "rrho", pairs="some")


def test_too_few_mice_are_a_stored_refusal(study: Study):
    ketamine = TreatmentArm.objects.get(name="ketamine")
    AllocationKey.objects.filter(allocation__mouse__code="k5").update(arm=ketamine)
    run = carried_out(study, "rrho", pairs="all")
    assert run.status == RunStatus.DONE, run.reason
    row = RrhoMap.objects.get(run=run, second=IMIPRAMINE, kind="stress_drug")
    assert (row.refusal, row.cells, row.n_genes, row.p_value) == ("REFUSED_TOO_FEW", None, 0, None)
    both = RrhoMap.objects.get(run=run, kind="drug_drug")
    assert both.messages == "Needs at least 3 susceptible saline mice and 3 of either drug."
    text = words(signed_in(), f"/analysis/runs/{run.pk}/?map={row.pk}")
    assert "Refused.</strong> Needs at least 3 control, 3 susceptible and 3 treated mice." in text
    assert "no map: Needs at least 3" in words(
        signed_in(name="ann"), f"/analysis/runs/{run.pk}/figures/rrho-map.svg?map={row.pk}"
    )
