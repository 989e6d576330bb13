"""One row for each mouse, sample or gene: what stands in it, beside which run, and for whom."""

import csv
import io
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client

from analysis.models import AnalysisRun, GeneResult, MouseReversalScore
from labdb.accounts.models import User
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Exclusion, Mouse, Study, Weighing
from labdb.sequencing.models import RnaExtraction
from labdb.tissue.models import BrainRegion
from tests.analysis.treated_study import make_analyzed_study, signed_in

pytestmark = pytest.mark.django_db
ANIMALS, SAMPLES, GENES = (f"/api/v1/studies/S1/{name}-table/" for name in ("animal", "sample", "gene"))


@pytest.fixture
def study() -> Study:
    return make_analyzed_study()


def asked(client: Client, address: str) -> dict[str, Any]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content[:500]
    found: dict[str, Any] = answer.json()
    return found


def run_of(task: str) -> int:
    return AnalysisRun.objects.get(task=task).pk


def test_a_mouse_has_everything_known_and_computed_each_beside_its_run(study: Study) -> None:
    mouse = Mouse.objects.get(code="k0")
    for mass_g in (22.5, 24.0):
        Weighing.objects.create(study=study, mouse=mouse, body_mass_g=mass_g)
    Exclusion.objects.create(study=study, mouse=mouse, criterion="fell ill")
    body = asked(signed_in(), f"{ANIMALS}?include_stale=1")
    assert body["count"] == Mouse.objects.filter(study=study).count() == len(body["results"])
    row = next(one for one in body["results"] if one["code"] == "k0")
    test = SocialInteractionTest.objects.get(mouse=mouse, test_number=1)
    assert (row["sex"], row["group"], row["study"]) == ("M", "defeated", "S1")
    assert (row["n_weighings"], row["is_excluded"], row["exclusion_criterion"]) == (2, True, "fell ill")
    assert (row["si_1_iz_absent_s"], row["si_1_ratio"]) == (test.iz_absent_s, test.iz_present_s / test.iz_absent_s)
    assert (row["phenotype"], row["phenotype_run"]) == ("susceptible", run_of("phenotype"))
    assert (row["response"], row["response_run"]) == ("responder", run_of("response"))
    assert row["arm"] == "ketamine"
    score = MouseReversalScore.objects.filter(mouse=mouse).select_related("region").first()
    assert score is not None
    heading = f"reversal_score|{score.region.code}|{score.arm}"
    assert (row[heading], row[f"{heading}|run"]) == (score.score, score.run_id)
    assert body["runs"]["phenotype"] == run_of("phenotype")
    control = next(one for one in body["results"] if one["code"] == "c0")
    assert control["response"] is None or control["response_run"] is not None


def test_results_that_are_out_of_date_are_left_out_unless_asked_for(study: Study) -> None:
    client = signed_in()
    SocialInteractionTest.objects.filter(mouse__code="k0", test_number=1).update(iz_present_s=3)
    body = asked(client, ANIMALS)
    if "phenotype" not in body["runs"]:
        assert any("is out of date and left out" in note for note in body["notes"])
        assert "phenotype" not in body["results"][0]
    with_stale = asked(client, f"{ANIMALS}?include_stale=1")
    assert "phenotype" in with_stale["runs"]
    assert with_stale["notes"] == []


def test_pages_files_and_chosen_columns_agree(study: Study) -> None:
    client = signed_in()
    query = "include_stale=1&fields=code,phenotype,phenotype_run"
    page = asked(client, f"{ANIMALS}?{query}&limit=2&offset=1")
    codes = sorted(Mouse.objects.filter(study=study).values_list("code", flat=True))
    assert [row["code"] for row in page["results"]] == codes[1:3]
    answer: Any = client.get(f"{ANIMALS}?{query}&export=csv")
    body = b"".join(answer.streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(body)))
    assert [row["code"] for row in rows] == codes
    assert rows[1]["phenotype"] == page["results"][0]["phenotype"]
    assert answer["X-Labdb-Runs"].startswith(f"phenotype: {run_of('phenotype')}")
    assert answer["Content-Disposition"].startswith('attachment; filename="animal-table_S1_20')
    answer = client.get(f"{ANIMALS}?include_stale=1&export=parquet")
    table = pq.read_table(io.BytesIO(b"".join(answer.streaming_content)))
    assert table.num_rows == len(codes)
    assert table.schema.field("phenotype_run").type == "int64"
    for name in ("ndjson", "xlsx"):
        answer = client.get(f"{ANIMALS}?include_stale=1&export={name}")
        assert len(b"".join(answer.streaming_content)) > 500


def test_a_sample_has_its_mouse_rna_library_and_quality(study: Study) -> None:
    RnaExtraction.objects.filter(code="E-k0-PFC").update(rin=8.5)
    row = next(
        one
        for one in asked(signed_in(), f"{SAMPLES}?include_stale=1&limit=1000")["results"]
        if one["code"] == "T-k0-PFC-k0"
    )
    assert (row["mouse"], row["region"], row["rin"]) == ("k0", "PFC", 8.5)
    assert (row["extraction"], row["library"], row["arm"]) == ("E-k0-PFC", "k0-PFC", "ketamine")
    assert (row["phenotype"], row["phenotype_run"]) == ("susceptible", run_of("phenotype"))
    assert row["genes_detected"] == 30
    assert row["quality_run"] == run_of("quality")


def test_genes_stand_once_with_all_contrasts(study: Study) -> None:
    result = GeneResult.objects.select_related("gene", "contrast", "region").first()
    assert result is not None
    elsewhere, _made = BrainRegion.objects.get_or_create(code="ZZZ", defaults={"name": "elsewhere"})
    GeneResult.objects.create(
        study=study, run=result.run, contrast=result.contrast, region=elsewhere, gene=result.gene, log2_fold_change=-3,
        average_expression=1, t=-9, p_value=1e-9, adj_p_value=1e-8,
    )  # fmt: skip
    client = signed_in()
    body = asked(client, f"{GENES}?include_stale=1&limit=1000")
    assert body["count"] == GeneResult.objects.values("gene").distinct().count()
    row = next(one for one in body["results"] if one["gene_id"] == result.gene.gene_id)
    heading = f"{result.contrast.name}|{result.region.code}"
    assert row["symbol"] == result.gene.symbol
    assert row[f"{heading}|log2_fold_change"] == result.log2_fold_change
    assert row[f"{heading}|adj_p_value"] == result.adj_p_value
    assert row[f"{result.contrast.name}|ZZZ|log2_fold_change"] == -3
    file: Any = client.get(f"{GENES}?include_stale=1&export=csv&region=ZZZ")
    [line] = list(csv.DictReader(io.StringIO(b"".join(file.streaming_content).decode())))
    assert (line["gene_id"], line[f"{result.contrast.name}|ZZZ|p_value"]) == (result.gene.gene_id, "1e-09")
    assert body["runs"][result.contrast.name] == result.run_id
    one = asked(signed_in(name="tom"), f"{GENES}?include_stale=1&contrast={result.contrast.name}")
    assert list(one["runs"]) == [result.contrast.name]


def test_who_may_not_know_the_arms_gets_no_column_of_them(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    study.refresh_from_db()
    for role in ("investigator", "technician", "analyst", "scorer"):
        client = signed_in(role, study, role)
        for address in (ANIMALS, SAMPLES, GENES):
            answer = client.get(f"{address}?include_stale=1&limit=1000")
            assert answer.status_code in (200, 403), (role, address)
            if address == ANIMALS:
                assert "ketamine" not in answer.content.decode(), role
                rows = answer.json().get("results", [])
                assert not any(name in row for row in rows for name in ("arm", "plane|PFC|run")), role
    allocator = asked(signed_in("allocator", study, "ally"), f"{ANIMALS}?include_stale=1")
    assert "arm" in allocator["results"][0]


def test_strangers_and_wrong_words_are_answered_in_sentences(study: Study) -> None:
    client = signed_in()
    other = Study.objects.create(code="S2", title="Another")
    stranger = signed_in("investigator", other, "stan")
    assert stranger.get(ANIMALS).status_code == 404
    assert stranger.get("/api/v1/studies/S2/animal-table/").json()["results"] == []
    assert Client().get(ANIMALS).status_code in (401, 403)
    assert client.get(f"{ANIMALS}?shoe=1").json()["shoe"][0].startswith("shoe is not a filter of animal-table; known")
    assert client.get(f"{ANIMALS}?fields=shoe").status_code == 400
    assert client.get(f"{ANIMALS}?limit=x").status_code == 400
    assert client.get(f"{ANIMALS}?include_stale=perhaps").status_code == 400
    assert client.get(f"{ANIMALS}?export=pdf").status_code == 400
    assert client.get(f"{GENES}?contrast=none%00").status_code == 400
    assert client.get(f"{GENES}?region=none").json()["__all__"] == [
        "There is no region none; enter its code, such as NAc."
    ]
    assert User.objects.filter(username="stan").exists()
    empty = client.get("/api/v1/studies/S2/gene-table/?export=csv")
    assert b"".join(empty.streaming_content) == b"gene_id,symbol\n"  # type: ignore[attr-defined]


def test_pages_show_the_tables_and_lead_to_every_file(study: Study) -> None:
    client = signed_in()
    page = client.get("/analysis/studies/S1/take-away/")
    said = page.content.decode()
    assert page.status_code == 200
    for name in ("animal-table", "sample-table", "gene-table"):
        assert f"/analysis/studies/S1/take-away/{name}/?export=parquet" in said
        shown = client.get(f"/analysis/studies/S1/take-away/{name}/?include_stale=1")
        assert shown.status_code == 200
        file: Any = client.get(f"/analysis/studies/S1/take-away/{name}/?include_stale=1&export=csv")
        assert len(b"".join(file.streaming_content).splitlines()) > 1
    for kind in ("zip", "h5ad", "parquet", "csv.gz", "mtx.zip"):
        assert f"counts.{kind}" in said
    assert "/analysis/studies/S1/take-away/" in client.get("/studies/S1/").content.decode()
    assert client.get("/analysis/studies/S1/take-away/no-table/").status_code == 404
    wrong = client.get("/analysis/studies/S1/take-away/animal-table/?export=pdf")
    assert wrong.status_code == 400 and "pdf is not a format of exports" in wrong.content.decode()
    assert (
        signed_in("technician", Study.objects.create(code="S8", title="Other"), "tess")
        .get("/analysis/studies/S1/take-away/")
        .status_code
        == 404
    )
