"""Results and signatures from elsewhere: what is kept of a file, what is refused, what is compared and with which null."""

import html
import re
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analysis.declared_inputs import models_read
from analysis.models import Contrast, RunStatus
from analysis.outside import OutsideGene, OutsideScore, OutsideSignature, OutsideTest
from analysis.outside_columns import read_outside_table
from analysis.tasks import outside_signature
from labdb.colony.models import Study
from labdb.registry.record import all_records
from labdb.registry.text_streams import TableError
from labdb.sequencing.models import Gene
from tests.analysis.small_study import make_treated_study
from tests.analysis.test_tasks import carried_out, done
from tests.analysis.treated_study import add_gene_results, add_phenotypes, signed_in

pytestmark = pytest.mark.django_db
SAID = {
    "study": "S1", "code": "GSE1", "up_means": "higher in susceptible than in control mice", "origin": "published",
    "source": "GSE1", "annotation": "test",
}  # fmt: skip
DESEQ2 = (
    '"","baseMean","log2FoldChange","lfcSE","stat","pvalue","padj"\r\n'
    '"Gene0",100,2.5,0.5,5,1e-6,1e-5\r\n"Gene1",80,-1.5,0.5,-3,0.003,0.01\r\n"ENS2",50,0.1,0.5,0.2,0.8,0.9\r\n'
    '"oldname",20,1,0.5,2,0.04,NA\r\n"Gene1",10,0.1,0.5,0.2,0.8,0.9\r\n"Gene4",0,NA,NA,NA,NA,NA\r\n"GENE5",9,1,1,1,.3,.4\r\n'
)  # fmt: skip


def text_of(answer: Any) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())))


def send(client: Client, content: str | bytes | None, name: str = "deseq2.csv", **words: str) -> Any:
    sent: dict[str, Any] = {**SAID, "step": "check", **words}
    if content is not None:
        sent["file"] = SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)
    return client.post("/analysis/outside/upload/", sent)


def keep(client: Client, content: str, name: str = "deseq2.csv", **words: str) -> Any:
    """Check a file, then press the button that the page offers."""
    page = send(client, content, name, **words).content.decode()
    form = re.search(r'<form[^>]*id="store".*?</form>', page, re.DOTALL)
    assert form and "Keep" in form[0], text_of(send(client, content, name, **words))
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0])
    return client.post("/analysis/outside/upload/", {key: html.unescape(value) for key, value in hidden})


def a_list(shift: float = 0.0, sign: int = 1) -> str:
    """Thirty genes of the small study, ranked."""
    return "\n".join(f"Gene{number}\t{sign * (number - 14.5 + shift)}" for number in range(30))


@pytest.fixture
def study() -> Study:
    study = make_treated_study(n_per_group=3, n_genes=30)
    Gene.objects.filter(symbol="Gene3").update(synonyms="oldname; another")
    return study


def test_a_table_of_deseq2_is_previewed_and_kept_with_what_was_found(study: Study):
    client = signed_in()
    page = text_of(send(client, DESEQ2))
    assert "Written by DESeq2" in page
    assert "log2 fold change: log2FoldChange; statistic: stat" in page
    assert "Keep 4 genes" in page
    assert "oldname is Gene3" in page
    assert "But for upper and lower case 1 would be symbols of test" in page  # GENE5
    assert "of each gene the row furthest from 0 is kept" in page
    assert not OutsideSignature.objects.exists()
    answer = keep(client, DESEQ2)
    signature = OutsideSignature.objects.get()
    assert answer["Location"] == f"/analysis/outside/{signature.pk}/"
    counts = {
        name: getattr(signature, name)
        for name in ("n_rows", "n_genes", "n_by_id", "n_by_symbol", "n_by_synonym", "n_unknown", "n_repeated")
    }
    assert counts == {
        "n_rows": 7, "n_genes": 4, "n_by_id": 1, "n_by_symbol": 2, "n_by_synonym": 1, "n_unknown": 1, "n_repeated": 1,
    }  # fmt: skip
    assert (signature.software, signature.ranked_by, signature.n_without_number) == ("DESeq2", "statistic", 1)
    rows = {row.gene.symbol: row for row in OutsideGene.objects.select_related("gene")}
    assert {name: row.value for name, row in rows.items()} == {"Gene0": 5, "Gene1": -3, "Gene2": 0.2, "Gene3": 2}
    assert rows["Gene3"].written_as == "oldname"
    assert rows["Gene3"].adj_p_value is None
    page = client.get(answer["Location"])
    assert "higher in susceptible than in control mice" in text_of(page)
    assert signature.sha256 in text_of(page)
    assert b"".join(client.get(f"/analysis/outside/{signature.pk}/original/")) == DESEQ2.encode()
    volcano = client.get(f"/analysis/outside/{signature.pk}/figures/volcano.html").content.decode()
    assert "n = 3 genes" in volcano  # the fourth has no adjusted p
    again = send(client, DESEQ2, step="store", code="other")
    assert "already uploaded into this study (same content)" in text_of(again)
    listed = client.get("/api/v1/outside-signature-genes/?gene__symbol=Gene0").json()
    assert listed["results"][0]["value"] == 5


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("gene,logFC\nFos,1\nJun,2\n", "share no gene. 2 names are no gene of test (Fos, Jun)"),
        ("gene,logFC\nGene0,abc\nGene1,1\n", "line 2, logFC: 'abc' is no number"),
        ("gene,logFC,PValue\nGene0,1,2\n", "line 2, PValue: '2' is no probability"),
        ("gene,logFC\nGene0,inf\n", "line 2, logFC: 'inf' is infinite"),
        ("gene,logFC\nGene0,NA\nGene1,\n", "has no number for any gene of test"),
        ("gene,logFC\nGene0,1\nGene1,1\n", "All genes have one value; it orders nothing."),
        ("gene,F\nGene0,3\n", "No column ranks the genes by a number with a sign"),
        ("probe,logFC\nGene0,3\n", "No column is known to name genes"),
        ("Gene0\nGene1\n", "one line or one column only"),
        ("", "is empty"),
        (b"PK\x03\x04 a workbook", "an Excel workbook"),
        (None, "Nothing was sent; choose a file."),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(study: Study, content: Any, sentence: str):
    answer = send(signed_in(), content, "list.csv")
    assert answer.status_code == 400
    assert sentence in text_of(answer)
    assert not OutsideSignature.objects.exists()


def test_what_is_said_beside_the_file_is_checked_by_the_sentences_of_the_record(study: Study):
    client = signed_in()
    answer = send(client, DESEQ2, step="store", code="a b", up_means="")
    assert answer.status_code == 400
    assert "A code starts with a letter or digit" in text_of(answer)
    assert "Complete what is said below" in text_of(answer)
    assert "no gene of annotation other" in text_of(send(client, DESEQ2, annotation="other"))
    assert signed_in("technician", study, "tom").get("/analysis/outside/upload/?study=S1").status_code == 403
    keep(client, a_list(), "a.rnk")
    other = signed_in("analyst", make_treated_study(2, 30, code="S2"), "ann")
    pk = OutsideSignature.objects.get().pk
    for end in ("", "original/", "figures/volcano.html"):
        assert other.get(f"/analysis/outside/{pk}/{end}").status_code == 404


@pytest.mark.parametrize(
    ("content", "ranked_by", "values"),
    [
        # limma: t; edgeR without t: sign of the change, z of p / 2 = .025 and .005
        (
            "ID,logFC,AveExpr,t,P.Value,adj.P.Val,B\nA,1,5,2.5,.01,.02,0\nB,-1,5,-1.5,.1,.1,0\n",
            "statistic",
            [2.5, -1.5],
        ),
        (
            "genes\tlogFC\tlogCPM\tF\tPValue\tFDR\nA\t1\t5\t9\t.05\t.1\nB\t-1\t5\t9\t.01\t.1\n",
            "signed p",
            [1.96, -2.576],
        ),
        ("logFC logCPM PValue FDR\nA 1 5 .05 .1\nB -1 5 0 .1\n".replace(" ", "\t"), "signed p", [1.96, -37.5]),
        ("# a ranked list\nA\t3\nB\t-2\n", "statistic", [3, -2]),
        ("symbol;avg_log2FC\nA;1.5\nB;NA\n", "log2 fold change", [1.5, np.nan]),
    ],
)
def test_the_tables_of_limma_edger_seurat_and_ranked_lists_are_known(content: str, ranked_by: str, values: list[float]):
    table = read_outside_table(content.encode(), "f")
    assert table.ranked_by == ranked_by
    assert table.rows["written_as"].tolist() == ["A", "B"]
    assert table.rows["value"].tolist() == pytest.approx(values, abs=0.05, nan_ok=True)


def test_ids_in_the_row_names_go_before_a_column_of_symbols():
    table = read_outside_table(b'"","symbol","logFC"\n"ENSMUSG00000021250.14","Fos",1\n', "f")
    assert table.rows["written_as"].tolist() == ["ENSMUSG00000021250.14"]
    assert read_outside_table(b'"","symbol","logFC"\n"s1","Fos",1\n', "f").columns["gene"] == "symbol"


def test_ties_and_lists_without_a_sign_are_said():
    notes = read_outside_table(b"A\t3\nB\t3\nC\t0\n", "f").notes
    assert notes[0].startswith("2 genes share their value with another")
    assert notes[1].startswith("No value is negative")
    with pytest.raises(TableError, match=r"f, line 3, score: 'x'"):
        read_outside_table(b"# words\nA\t3\nB\tx\n", "f")


def test_two_lists_are_compared_and_the_page_says_which_null_holds(study: Study):
    add_gene_results(study)
    client = signed_in()
    keep(client, a_list(), "a.rnk", code="A")
    keep(client, a_list(sign=-1), "b.rnk", code="B")
    keep(client, DESEQ2, code="C")
    first, second, third = OutsideSignature.objects.order_by("code")
    page = client.get(f"/analysis/outside/{first.pk}/?with=signature-{second.pk}")
    comparison = page.context["comparison"]
    assert (comparison.correlation, comparison.n_genes) == (pytest.approx(-1), 30)
    assert "labdb has the animals of neither list" in text_of(page)
    assert "no p-values beside fold changes" in text_of(page)
    contrast = Contrast.objects.get()
    key = f"contrast-{contrast.pk}-{contrast.gene_results.first().region_id}"
    few = client.get(f"/analysis/outside/{third.pk}/?with={key}")
    assert "share 3 genes; at least 15 are needed" in text_of(few)
    for wrong in ("signature-999", "contrast-1-999999", "x", "signature-99999999999999999999"):
        assert client.get(f"/analysis/outside/{first.pk}/?with={wrong}").status_code == 404


def test_a_signature_is_tested_against_the_mice_and_the_run_says_which_null(study: Study):
    add_phenotypes(study)
    client = signed_in()
    # Stress moves every fifth gene up in mice on saline.
    ranked = "\n".join(f"Gene{number}\t{3 if number % 5 == 0 else -1 - number / 100}" for number in range(30))
    keep(client, ranked, "stress.rnk")
    Contrast.objects.create(
        study=study, name="saline - control", group_by="mouse__treatment_outcome", numerator="susceptible saline",
        denominator="control",
    )  # fmt: skip
    Contrast.objects.create(
        study=study, name="phenotype", group_by="mouse__phenotype", numerator="resilient", denominator="control",
        covariates="",
    )  # fmt: skip
    run = done(study, "outside_signature")
    with CaptureQueriesContext(connection) as asked:
        outside_signature.TASK.load(study, run.parameters)
    said = " ".join(query["sql"] for query in asked.captured_queries)
    tracked = {record.model for record in all_records() if getattr(record.model, "_has_history", False)}
    read = {model for model in tracked if f'"{model._meta.db_table}"' in said} - {Study}
    assert OutsideSignature in read
    assert read <= models_read("outside_signature")
    tests = {test.contrast.name: test for test in OutsideTest.objects.filter(run=run).select_related("contrast")}
    stress = tests["saline - control"]
    assert stress.difference > 1
    assert (stress.n_numerator, stress.n_denominator, stress.n_genes) == (3, 3, 30)
    assert stress.p_value is None  # two pools: (4 choose 2) x (2 choose 1) = 12 relabelings
    assert "Only 12 relabelings exist" in stress.messages
    assert tests["phenotype"].p_floor == pytest.approx(0.1)
    assert OutsideScore.objects.filter(test=stress).count() == 12
    page = text_of(client.get(f"/analysis/runs/{run.pk}/"))
    assert "no mouse is on both sides" in page
    assert "exchanging the labels of the study's own mice" in page
    for name in ("outside-forest", "outside-scores"):
        figure = client.get(f"/analysis/runs/{run.pk}/figures/{name}.html?test={stress.pk}").content.decode()
        assert "GSE1" in figure
    assert "along the signature by" in text_of(client.get(f"/analysis/outside/{stress.signature_id}/"))
    assert run.status == RunStatus.DONE
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    blind = signed_in("investigator", study, "pia")
    assert not blind.get("/api/v1/outside-scores/").json()["count"]
    shown = blind.get(f"/analysis/runs/{run.pk}/figures/outside-scores.html?test={stress.pk}").content.decode()
    assert "scores of single mice are shown to its allocators" in shown
    assert "susceptible saline" not in shown


def test_a_signature_of_another_annotation_is_refused_by_the_run(study: Study):
    client = signed_in()
    assert "has no outside signature; upload one" in carried_out(study, "outside_signature").reason
    Gene.objects.create(annotation="other", gene_id="E1", symbol="Gene0")
    Gene.objects.create(annotation="other", gene_id="E2", symbol="Gene1")
    keep(client, a_list(), "a.rnk", annotation="other")
    Contrast.objects.create(study=study, name="c", group_by="mouse__group", numerator="defeated", denominator="control")
    run = carried_out(study, "outside_signature")
    assert run.status == RunStatus.FAILED
    assert "its genes were found in other, the counts are by test" in run.reason


def test_a_list_without_a_header_may_begin_with_a_gene_that_has_no_number(study: Study):
    client = signed_in()
    for missing in ("NA", "NaN", "."):
        page = text_of(send(client, f"Gene40\t{missing}\n{a_list()}", "a.rnk"))
        assert "Keep 30 genes" in page, missing
    named = send(client, "gene\t.\nGene1\t2\nGene2\t-1\n", "a.rnk")
    assert "No column ranks the genes" in text_of(named)
