"""Gene sets: what is kept of a GMT file, lists of the study and from outside against it, and what is said of both."""

import csv
import html
import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from scipy.stats import hypergeom

from analysis.models import AnalysisRun, Contrast, DrugGene, DrugGeneSet, GeneResult
from analysis.outside import GeneSetCollection
from analysis.tasks import arm_comparisons
from labdb.colony.models import Study
from labdb.sequencing.models import Gene
from labdb.tissue.models import BrainRegion
from tests.analysis.small_study import make_treated_study
from tests.analysis.test_tasks import done
from tests.analysis.treated_study import add_run, signed_in

pytestmark = pytest.mark.django_db
STRESS = "\t".join(f"Gene{number}" for number in range(0, 30, 5))
GMT = (
    f"STRESS\tmoved by stress\t{STRESS}\t\r\nSTRESS\tthe same again\t{STRESS}\r\n"
    "ALL\tof all kinds\t" + "\t".join(f"Gene{number}" for number in range(24)) + "\r\n"
    "OTHERS\tids, synonyms\tENS1\toldname\tGene11\tGene12\tGene13\tnobody\tGENE7\r\n\r\nTINY\tone\tGene1\r\n"
)  # fmt: skip


def text_of(answer: Any) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())))


def upload(client: Client, content: str | bytes = GMT, name: str = "Sets 1") -> Any:
    sent = SimpleUploadedFile("sets.gmt", content.encode() if isinstance(content, str) else content)
    return client.post("/analysis/gene-sets/upload/", {"file": sent, "name": name, "source": "a paper"}, follow=True)


@pytest.fixture
def study() -> Study:
    """Thirty genes tested; the six of stress are called, and Gene1 down."""
    study = make_treated_study(n_per_group=2, n_genes=30)
    Gene.objects.filter(symbol="Gene2").update(synonyms="oldname")
    run, region = add_run(study, "differential_expression"), BrainRegion.objects.get(code="PFC")
    contrast = Contrast.objects.create(
        study=study, name="S - C", group_by="mouse__phenotype", numerator="susceptible", denominator="control"
    )
    for number, gene in enumerate(Gene.objects.order_by("pk")):
        called = number % 5 == 0 or number == 1
        t = {True: 6.0 if number != 1 else -5.0, False: (number % 7) / 10 - 0.3}[called]
        GeneResult.objects.create(
            study=study, run=run, contrast=contrast, region=region, gene=gene, log2_fold_change=t / 3,
            average_expression=5, t=t, p_value=1e-6 if called else 0.5, adj_p_value=1e-5 if called else 0.6,
        )  # fmt: skip
    return study


def key() -> str:
    return f"contrast-{Contrast.objects.get().pk}-{BrainRegion.objects.get(code='PFC').pk}"


def test_a_contrast_is_tested_against_an_uploaded_collection(study: Study):
    client = signed_in()
    kept = upload(client)
    assert "4 sets kept as Sets 1" in text_of(kept)
    assert "STRESS stands in lines 1 and 2 with the same genes; kept once." in text_of(kept)
    collection = GeneSetCollection.objects.get()
    assert (collection.n_sets, collection.n_gene_names) == (4, 29)  # Gene0-23, Gene25, ENS1, oldname, nobody, GENE7
    assert b"".join(client.get(f"/analysis/gene-sets/{collection.pk}/original/")) == GMT.encode()
    asked = {"list": key(), "collection": collection.pk, "min_genes": 3, "max_genes": 20}
    answer = client.post("/analysis/gene-sets/", asked)
    rows = {row["name"]: row for row in answer.context["rows"]}
    assert set(rows) == {"STRESS", "OTHERS"}  # ALL is too large, TINY too small
    assert (rows["STRESS"]["n_set"], rows["STRESS"]["n_both"], rows["STRESS"]["expected"]) == (6, 6, 6 * 7 / 30)
    assert rows["STRESS"]["p_value"] == pytest.approx(hypergeom.sf(5, 30, 6, 7))  # all 6 of 6 among 7 of 30
    assert rows["STRESS"]["genes"] == ("Gene0", "Gene5", "Gene10", "Gene15", "Gene20", "Gene25")
    assert rows["OTHERS"]["n_set"] == 5  # ENS1 is Gene1, oldname is Gene2
    assert rows["OTHERS"]["genes"] == ("Gene1",)
    page = text_of(answer)
    assert "7 genes at adjusted p 0.05 of 30 tested, which are the background" in page
    assert "2 names are no gene of test" in page
    assert "But for upper and lower case 1 would be symbols of test" in page
    assert "2 of 4 sets have fewer than 3 or more than 20" in page
    down = client.post("/analysis/gene-sets/", {**asked, "direction": "down"})
    assert {row["name"]: row["n_both"] for row in down.context["rows"]} == {"STRESS": 0, "OTHERS": 1}


def test_a_ranked_list_is_tested_and_taken_along_as_a_table(study: Study):
    client = signed_in()
    upload(client)
    asked = {
        "list": key(), "collection": GeneSetCollection.objects.get().pk, "method": "preranked", "min_genes": 3,
        "max_genes": 20,
    }  # fmt: skip
    answer = client.get("/analysis/gene-sets/", asked)
    first = answer.context["rows"][0]
    assert (first["name"], first["score"]) == ("STRESS", pytest.approx(1.0))  # its six genes stand at the top
    assert set(first["genes"]) == {f"Gene{number}" for number in range(0, 30, 5)}
    assert "Leading genes" in text_of(answer)
    table = client.get(answer.context["csv_url"])
    assert table["Content-Disposition"] == 'attachment; filename="S1_S---C-PFC_Sets-1_preranked.csv"'
    rows = list(csv.DictReader(io.StringIO(table.content.decode())))
    assert rows[0]["set"] == "STRESS"
    assert rows[0]["description"] == "moved by stress"
    assert sorted(rows[0]["leading_genes"].split(";")) == sorted(first["genes"])
    assert rows[0]["genes_tested"] == "30"
    listed = client.get("/api/v1/gene-set-collections/").json()["results"]
    assert listed[0]["name"] == "Sets 1"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("A\td\tGene1\nA\td\tGene2\n", "lines 1 and 2: both are named 'A', with different genes"),
        ("A\td\n", "'A' has no genes"),
        ("no tabs at all\n", "'no tabs at all' has no genes"),
        ("\n\n", "is empty"),
        (b"PK\x03\x04 a workbook", "an Excel workbook"),
    ],
)
def test_a_file_that_is_no_gmt_is_refused_in_a_sentence(content: Any, sentence: str):
    answer = upload(signed_in(), content)
    assert answer.status_code == 400
    assert sentence in text_of(answer)
    assert not GeneSetCollection.objects.exists()


def test_a_collection_is_kept_once_and_by_whom_it_may(study: Study):
    client = signed_in()
    upload(client)
    assert "already uploaded (same content)" in text_of(upload(client, name="Another"))
    assert "Sets 1 is already a collection" in text_of(upload(client, GMT + "NEW\td\tGene1\n"))
    assert client.post("/analysis/gene-sets/upload/", {"name": "x", "source": "y"}).status_code == 400
    assert signed_in("technician", study, "tom").get("/analysis/gene-sets/upload/").status_code == 403


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        ({"max_q": "1e-9"}, 200, "No gene of S - C, PFC is at adjusted p 1e-09; raise it, or choose preranked."),
        ({"max_q": "2"}, 400, "Enter an adjusted p from 0 to 1"),
        ({"min_genes": "x"}, 400, "Enter a whole number from 1 on"),
        ({"min_genes": "9", "max_genes": "3"}, 400, "9 is more than the largest set, 3; enter less."),
        ({"min_genes": "600", "max_genes": "700"}, 200, "No set has so many of the tested genes."),
        ({"method": "guess"}, 400, ""),
        ({"collection": "999"}, 200, ""),
    ],
)
def test_what_cannot_be_asked_is_said(study: Study, words: dict[str, str], status: int, sentence: str):
    client = signed_in()
    upload(client)
    asked = {"list": key(), "collection": str(GeneSetCollection.objects.get().pk), "min_genes": "3", **words}
    answer = client.post("/analysis/gene-sets/", asked)
    assert answer.status_code == status
    assert sentence in text_of(answer)


def test_sets_without_a_tested_gene_and_lists_out_of_sight_are_told_apart(study: Study):
    client = signed_in()
    upload(client, "HUMAN\td\tFOS\tJUN\tEGR1\n")
    collection = GeneSetCollection.objects.get()
    answer = client.post("/analysis/gene-sets/", {"list": key(), "collection": collection.pk})
    assert "No gene of Sets 1 was tested in S - C, PFC; there is nothing to test." in text_of(answer)
    stranger = signed_in("analyst", make_treated_study(2, 30, code="S2"), "sam")
    assert stranger.post("/analysis/gene-sets/", {"list": key(), "collection": collection.pk}).status_code == 404
    assert client.get("/analysis/gene-sets/?list=nothing").status_code == 404
    assert "There is no list to test in S2" in text_of(stranger.get("/analysis/gene-sets/?study=S2"))


def test_a_list_by_name_is_tested_against_the_genes_that_could_have_come_onto_it(study: Study):
    run, region = AnalysisRun.objects.get(task="differential_expression"), BrainRegion.objects.get(code="PFC")
    other = Contrast.objects.create(
        study=study, name="S - R", group_by="mouse__phenotype", numerator="susceptible", denominator="resilient"
    )
    for number, gene in enumerate(Gene.objects.order_by("pk")[:25]):  # the last five were not tested here
        q = 0.01 if number in (0, 5, 10, 3) else 0.9
        GeneResult.objects.create(
            study=study, run=run, contrast=other, region=region, gene=gene, log2_fold_change=1.0, average_expression=5,
            t=3.0, p_value=q / 10, adj_p_value=q,
        )  # fmt: skip
    client = signed_in()
    upload(client)
    asked = {"collection": GeneSetCollection.objects.get().pk, "min_genes": 3, "max_genes": 20}
    named = f"set-{run.pk}-{region.pk}-susceptible-specific"
    sets = client.get(f"/analysis/runs/{run.pk}/gene-sets/?region=PFC").content.decode()
    assert f'href="/analysis/gene-sets/?list={named}"' in sets
    answer = client.post("/analysis/gene-sets/", {"list": named, **asked})
    rows = {row["name"]: row for row in answer.context["rows"]}
    # Susceptible-specific: Gene0, 5 and 10 of 25 tested in both; STRESS has Gene0, 5, 10, 15, 20 of these.
    assert (rows["STRESS"]["n_set"], rows["STRESS"]["n_both"], rows["STRESS"]["expected"]) == (5, 3, 5 * 3 / 25)
    assert rows["STRESS"]["p_value"] == pytest.approx(hypergeom.sf(2, 25, 5, 3))
    page = text_of(answer)
    assert "3 genes by the rule, of 25 that could have come onto the list, which are the background." in page
    assert "Adjusted p at most 0.05 in S - C and in S - R, in the same direction." in page
    ranked = text_of(client.post("/analysis/gene-sets/", {"list": named, "method": "preranked", **asked}))
    assert "is a list by its rule, without an order of all genes; choose over-representation." in ranked
    exported = client.get(answer.context["csv_url"])
    assert next(csv.DictReader(io.StringIO(exported.content.decode())))["rule"].startswith("Adjusted p at most")
    for wrong in (
        f"set-{run.pk}-{region.pk}-best",
        f"set-{run.pk}-999999-susceptible-specific",
        "set-0-1-x",
        "drugs-0",
    ):
        assert client.get("/analysis/gene-sets/", {"list": wrong}).status_code == 404, wrong
    stranger = signed_in("analyst", Study.objects.create(code="S2", title="x"), "eve")
    assert stranger.get("/analysis/gene-sets/", {"list": named}).status_code == 404


def test_a_set_of_drugs_has_the_genes_that_were_kept_as_its_background():
    study = make_treated_study(n_per_group=6, n_genes=200)
    done(study, "phenotype")
    done(study, "response")
    run = done(study, "drug_genes")
    row = DrugGeneSet.objects.create(
        study=study, run=run, region=BrainRegion.objects.get(code="PFC"), kind="shared", arm="ketamine", other_arm="x",
        rule="By hand.", n_genes=3, n_tested=len(kept_genes(study)),
    )  # fmt: skip
    members = list(Gene.objects.filter(pk__in=kept_genes(study), symbol__in=["Gene0", "Gene5", "Gene10"]))
    DrugGene.objects.bulk_create(
        DrugGene(
            study=study, run=run, gene_set=row, gene=gene, log2_fold_change=1, other_log2_fold_change=1,
            adj_p_value=0.01, adj_p_between=0.9, is_opposing=False,
        )
        for gene in members
    )  # fmt: skip
    client = signed_in()
    upload(client)
    asked = {"list": f"drugs-{row.pk}", "collection": GeneSetCollection.objects.get().pk, "min_genes": 3}
    answer = client.post("/analysis/gene-sets/", asked)
    stress = next(one for one in answer.context["rows"] if one["name"] == "STRESS")
    in_set = Gene.objects.filter(pk__in=kept_genes(study), symbol__in=STRESS.split("\t")).count()
    assert (len(members), stress["n_both"], stress["n_set"]) == (3, 3, in_set)
    assert stress["p_value"] == pytest.approx(hypergeom.sf(2, row.n_tested, in_set, 3))
    assert f"drugs-{row.pk}" in answer.content.decode()
    DrugGeneSet.objects.filter(pk=row.pk).update(n_tested=row.n_tested + 1)  # as if a library had been left out since
    run.refresh_from_db()
    other = client.post("/analysis/gene-sets/", {**asked, "max_genes": 400})
    assert "there is no background; run drug_genes again." in text_of(other)


def kept_genes(study: Study) -> list[int]:
    comparisons = arm_comparisons.load(study, {"matrix": ""}).inputs
    return [int(pk) for pk in comparisons.kept_counts("PFC").index]
