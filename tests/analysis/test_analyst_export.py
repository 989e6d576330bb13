"""What an analyst takes along: tables that R reads back as they were, an h5ad, and no arm to whom it is closed."""

import gzip
import io
import json
import zipfile
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from django.test import Client

from analysis.models import AnalysisRun, Contrast
from analysis.r_names import make_name, make_names
from labdb.colony.models import Study
from labdb.sequencing.expression_store import load_counts
from labdb.sequencing.models import CountMatrix, Gene, Library, RnaExtraction
from labdb.sequencing.readers.h5ad import read_h5ad
from labdb.sequencing.readers.mtx import read_mtx
from tests.analysis.small_study import make_treated_study
from tests.analysis.treated_study import add_phenotypes, add_responses, add_run, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    study = make_treated_study(n_per_group=3, n_genes=12)
    add_responses(study, add_phenotypes(study))
    Gene.objects.filter(symbol="Gene3").update(symbol="NA")  # a text like any other
    Contrast.objects.create(
        study=study, name="saline - control", group_by="mouse__treatment_outcome", numerator="susceptible saline",
        denominator="control",
    )  # fmt: skip
    Contrast.objects.create(
        study=study, name="susceptible - control", group_by="mouse__phenotype", numerator="susceptible",
        denominator="control",
    )  # fmt: skip
    return study


def matrix() -> CountMatrix:
    return CountMatrix.objects.get()


def taken(client: Client, address: str) -> bytes:
    answer: Any = client.get(address)
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def files_of(client: Client, query: str = "") -> dict[str, str]:
    packed = taken(client, f"/analysis/matrices/{matrix().pk}/counts.zip{query}")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def as_r_reads(text: str) -> pd.DataFrame:
    """As load.R's read.delim(row.names = 1, quote = "", na.strings = "", check.names = FALSE) does."""
    first = text.split("\t", 1)[0]
    return pd.read_csv(
        io.StringIO(text), sep="\t", dtype={first: str}, quoting=3, keep_default_na=False, na_values=[""]
    ).set_index(first)


@pytest.mark.parametrize(
    ("text", "name"),
    [  # from ?make.names and R 4.2: make.names(c(...))
        ("susceptible saline", "susceptible.saline"), ("library__pool=P2", "library__pool.P2"), ("2A", "X2A"),
        ("_a", "X_a"), (".2a", "X.2a"), (".a", ".a"), ("", "X"), ("if", "if."), ("NA", "NA."), ("TRUE", "TRUE."),
        ("a-b", "a.b"), ("...", "...."), ("..1", "..1."),
    ],
)  # fmt: skip
def test_names_are_those_that_r_makes(text: str, name: str):
    assert make_name(text) == name


def test_names_that_r_makes_are_all_different():
    assert make_names(["a", "a", "a.1", "a b", "a.b"]) == ["a", "a.2", "a.1", "a.b", "a.b.1"]


def test_r_reads_back_counts_samples_and_a_design_of_full_rank(study: Study):
    files = files_of(signed_in())
    assert {
        "README.txt",
        "load.R",
        "counts.tsv",
        "samples.tsv",
        "genes.tsv",
        "design_PFC.tsv",
        "contrasts_PFC.tsv",
    } == set(files)
    assert 'x <- labdb("PFC")' in files["load.R"] and "as_DGEList" in files["load.R"]
    counts, samples, genes = (as_r_reads(files[f"{name}.tsv"]) for name in ("counts", "samples", "genes"))
    stored = load_counts(matrix())
    codes = dict(Library.objects.values_list("pk", "code"))
    ids = dict(Gene.objects.values_list("pk", "gene_id"))
    expected = stored.rename(index=ids, columns=codes)
    pd.testing.assert_frame_equal(counts, expected[counts.columns], check_names=False)
    assert list(samples.index) == list(counts.columns)
    assert list(genes.index) == list(counts.index)
    assert genes.at["ENS3", "symbol"] == "NA"
    assert samples.loc["s0-PFC", ["mouse", "region", "group", "phenotype", "arm", "pool"]].tolist() == [
        "s0", "PFC", "susceptible saline", "susceptible", "saline", "P0",
    ]  # fmt: skip
    design, contrasts = as_r_reads(files["design_PFC.tsv"]), as_r_reads(files["contrasts_PFC.tsv"])
    assert set(design.index) <= set(samples.index)
    assert np.linalg.matrix_rank(design.to_numpy()) == design.shape[1]
    for name in (*design.columns, *contrasts.columns):
        assert make_name(name) == name
    assert "library__pool.P1" in design.columns
    assert list(contrasts.columns) == ["saline...control"]
    assert contrasts.at["susceptible.saline", "saline...control"] == 1
    assert contrasts["saline...control"].sum() == 0
    assert f"sha256: {matrix().sha256}" in files["README.txt"]
    other = files_of(signed_in(name="tim"), "?contrast=susceptible - control&region=PFC")
    assert "susceptible...control" in other["contrasts_PFC.tsv"]


def test_an_h5ad_is_read_back_by_labdb_itself_with_its_provenance(study: Study):
    run = add_run(study, "differential_expression")
    client = signed_in()
    content = taken(client, f"/analysis/runs/{run.pk}/counts.h5ad")
    found = read_h5ad(content, "back.h5ad", layer="", round_estimates=False)
    codes, ids = dict(Library.objects.values_list("pk", "code")), dict(Gene.objects.values_list("pk", "gene_id"))
    stored = load_counts(matrix()).rename(index=ids, columns=codes)
    back = pd.DataFrame(found.counts, index=found.gene_ids, columns=found.column_names)
    pd.testing.assert_frame_equal(back[list(stored.columns)], stored, check_names=False, check_dtype=False)
    with h5py.File(io.BytesIO(content)) as file:
        assert file["uns/labdb/run"][()].decode() == str(run.pk)
        group = file["obs/group"]
        names = [name.decode() for name in group["categories"]]
        assert "ketamine responder" in names
        assert list(file["obs"].attrs["column-order"])[:3] == ["mouse", "region", "group"]
    assert "counts.zip" in client.get(f"/analysis/runs/{run.pk}/").content.decode()
    assert "counts.h5ad" in client.get(f"/records/count-matrices/{matrix().pk}/").content.decode()


def test_who_may_not_know_the_arms_gets_phenotypes_and_no_contrast_by_arm(study: Study):
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    blind = signed_in("investigator", study, "pia")
    files = files_of(blind)
    text = "\n".join(files.values())
    for secret in ("ketamine", "saline", "arm A", "arm B"):
        assert secret not in text.replace("saline - control", "")
    samples = as_r_reads(files["samples.tsv"])
    assert samples.at["s0-PFC", "group"] == "susceptible"
    assert "arm" not in samples.columns
    assert "not shown to you" in files["README.txt"]
    refused = blind.get(f"/analysis/matrices/{matrix().pk}/counts.zip?contrast=saline - control")
    assert (refused.status_code, b"not shown to you" in refused.content) == (400, True)
    knowing = as_r_reads(files_of(signed_in("allocator", study, "al"))["samples.tsv"])
    assert set(knowing["arm"].dropna()) <= {"arm A", "arm B"}
    assert "ketamine" not in " ".join(knowing["group"].dropna())


def test_what_cannot_be_exported_is_said(study: Study):
    client, pk = signed_in(), matrix().pk
    assert "of region XYZ" in client.get(f"/analysis/matrices/{pk}/counts.zip?region=XYZ").content.decode()
    assert (
        "has no contrast nothing" in client.get(f"/analysis/matrices/{pk}/counts.zip?contrast=nothing").content.decode()
    )
    assert client.get(f"/analysis/matrices/{pk}/counts.rds").status_code == 404
    stranger = signed_in("analyst", make_treated_study(2, 12, code="S2"), "sam")
    for address in (f"/analysis/matrices/{pk}/counts.zip", f"/analysis/matrices/{pk}/counts.h5ad"):
        assert stranger.get(address).status_code == 404


def stored() -> pd.DataFrame:
    codes, ids = dict(Library.objects.values_list("pk", "code")), dict(Gene.objects.values_list("pk", "gene_id"))
    return load_counts(matrix()).rename(index=ids, columns=codes)


def test_counts_as_parquet_and_packed_csv_are_the_counts(study: Study):
    client, expected = signed_in(), stored()
    table = pq.read_table(io.BytesIO(taken(client, f"/analysis/matrices/{matrix().pk}/counts.parquet")))
    back = table.to_pandas().set_index("gene_id")
    assert back["symbol"]["ENS3"] == "NA"
    pd.testing.assert_frame_equal(back[list(expected.columns)], expected, check_names=False, check_dtype=False)
    about = table.schema.metadata
    assert about[b"labdb.sha256"].decode() == matrix().sha256
    assert json.loads(about[b"labdb.samples"])["s0-PFC"]["tissue_sample"] == "T-s0-PFC-s0"
    packed = taken(client, f"/api/v1/count-matrices/{matrix().pk}/counts.csv.gz")
    frame = pd.read_csv(io.BytesIO(gzip.decompress(packed))).set_index("gene_id")
    pd.testing.assert_frame_equal(frame[list(expected.columns)], expected, check_names=False, check_dtype=False)


def test_a_sparse_matrix_is_read_back_by_labdb_itself(study: Study):
    packed = taken(signed_in(), f"/api/v1/count-matrices/{matrix().code}/counts.mtx.zip")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        texts = {name.removesuffix(".gz"): gzip.decompress(archive.read(name)).decode() for name in archive.namelist()}
    found = read_mtx(texts, "back.zip", round_estimates=False)
    back = pd.DataFrame(found.counts, index=found.gene_ids, columns=found.column_names)
    pd.testing.assert_frame_equal(back[list(stored().columns)], stored(), check_names=False, check_dtype=False)
    assert f"%sha256: {matrix().sha256}" in texts["matrix.mtx"]


def test_an_h5ad_has_the_records_of_samples_and_the_runs_that_called_them(study: Study):
    RnaExtraction.objects.filter(code="E-s0-PFC").update(rin=8.25, batch="B1")
    content = taken(signed_in(), f"/api/v1/count-matrices/{matrix().pk}/counts.h5ad")
    with h5py.File(io.BytesIO(content)) as file:
        names = [name.decode() for name in file["obs"][file["obs"].attrs["_index"]]]
        at = names.index("s0-PFC")
        assert file["obs/rin"][at] == 8.25
        assert np.isnan(file["obs/rin"][at + 1 if at + 1 < len(names) else at - 1])
        assert {"tissue_sample", "rna_extraction", "rna_batch"} <= set(file["obs"])
        run = AnalysisRun.objects.get(task="phenotype")
        assert f"phenotype {run.pk}" in file["uns/labdb/runs"][()].decode()


def test_counts_by_rest_are_refused_in_words(study: Study):
    client = signed_in()
    assert client.get(f"/api/v1/count-matrices/{matrix().pk}/counts.xls").status_code == 404
    assert client.get("/api/v1/count-matrices/none/counts.h5ad").status_code == 404
    refused = client.get(f"/api/v1/count-matrices/{matrix().pk}/counts.h5ad?region=none")
    assert refused.status_code == 400 and "of region none" in refused.json()["__all__"][0]
    assert client.get(f"/api/v1/count-matrices/{matrix().pk}/counts.h5ad?shoe=1").status_code == 400
    other = signed_in("investigator", Study.objects.create(code="S9", title="Another"), "olga")
    assert other.get(f"/api/v1/count-matrices/{matrix().pk}/counts.parquet").status_code == 404
