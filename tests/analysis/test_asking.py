"""What is asked of mice across their results, arms and samples: by filters of an address, and in questions."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analysis.models import Adoption, MouseReversalScore, PhenotypeCall
from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Study, StudyMembership
from labdb.sequencing.models import RnaExtraction
from labdb.treatment.models import Drug, TreatmentArm, TreatmentComponent
from tests.analysis.treated_study import add_run, make_analyzed_study, signed_in

pytestmark = pytest.mark.django_db
MICE = "/api/v1/mice/"


@pytest.fixture
def study() -> Study:
    """c0-c2 control, r0-r2 resilient, s0-s2 saline, k0-k2 ketamine (k0, k2 respond; score .38); RIN 9 but k0's 7."""
    study = make_analyzed_study()
    drug, saline = Drug.objects.get(name="ketamine"), Drug.objects.get(is_vehicle=True, name__icontains="saline")
    for arm in TreatmentArm.objects.filter(study=study):
        for part, given in enumerate([saline, drug] if arm.name == "ketamine" else [saline], start=1):
            TreatmentComponent.objects.create(study=study, arm=arm, part=part, drug=given, route="i.p.")
    for extraction in RnaExtraction.objects.filter(study=study):
        RnaExtraction.objects.filter(pk=extraction.pk).update(rin=7 if "k0" in extraction.code else 9)
    return study


def mice(client: Client, **query: str) -> Any:
    answer = client.get(MICE, {"ordering": "code", "limit": "50", **query})
    found = answer.json()
    return [row["code"] for row in found["results"]] if answer.status_code == 200 else (answer.status_code, found)


def asked(client: Client, question: str, **query: str) -> Any:
    return mice(client, ask=question, **query)


SECOND = ["k1", "k2"]


def test_a_mouse_is_found_by_what_is_known_of_it(study: Study) -> None:
    client = signed_in()
    assert mice(client, phenotype="susceptible") == ["k0", "k1", "k2", "s0", "s1", "s2"]
    assert mice(client, phenotype="susceptible", drug="ketamine") == ["k0", "k1", "k2"]
    assert mice(client, drug="ketamine", response="responder") == ["k0", "k2"]
    assert mice(client, arm="ketamine", region="PFC", rin__gte="8") == SECOND
    assert mice(client, score__lt="0.5", phenotype="susceptible") == ["k0", "k1", "k2"]
    assert mice(client, phenotype__in="control,resilient") == ["c0", "c1", "c2", "r0", "r1", "r2"]


def test_the_question_of_the_issue_is_answered(study: Study) -> None:
    question = 'phenotype = "susceptible" and drug = "ketamine" and region = "PFC" and rin > 8 and score < 0.5'
    assert asked(signed_in(), question) == SECOND
    named = 'phenotype = "susceptible" and drug = "ketamine" and rna.region = "PFC" and rna.rin > 8 and reversal_score.score < 0.5'
    assert asked(signed_in(name="other"), named) == SECOND


def test_a_region_goes_with_the_rna_or_else_with_the_score_that_is_asked_for(study: Study) -> None:
    client = signed_in()
    assert mice(client, region="NAc", rin__gte="8") == []  # RNA of 9 is of the PFC
    assert mice(client, region="PFC", score__lt="0.5", group="defeated") == ["k0", "k1", "k2"]
    assert mice(client, region="NAc", score__lt="0.5") == []
    apart = 'region = "PFC" and rin > 8 and score < 0.5 and reversal_score.region = "NAc"'
    assert asked(client, apart) == []
    assert mice(client, region="PFC", score__isnull="true") == ["r0", "r1", "r2"]
    assert asked(client, 'region = "PFC" and (rin > 8 or score = 1)') == [
        "c0", "c1", "c2", "k1", "k2", "r0", "r1", "r2", "s0", "s1", "s2",
    ]  # fmt: skip


def test_and_binds_closer_than_or(study: Study) -> None:
    client = signed_in()
    assert asked(client, 'code = "c0" or code = "k0" and phenotype = "control"') == ["c0"]
    assert asked(client, '(code = "c0" or code = "k0") and phenotype = "susceptible"') == ["k0"]


def test_what_is_turned_round_is_of_a_row_that_is_there(study: Study) -> None:
    client = signed_in()
    assert asked(client, 'phenotype != "susceptible"') == ["c0", "c1", "c2", "r0", "r1", "r2"]
    assert asked(client, 'drug != "ketamine" and group != "control"') == ["r0", "r1", "r2", "s0", "s1", "s2"]
    assert asked(client, 'phenotype not in ("susceptible", "control")') == ["r0", "r1", "r2"]
    assert asked(client, "score = None") == ["r0", "r1", "r2"]
    assert asked(client, "score != None and score > 0.9") == ["s0", "s1", "s2"]


def test_parentheses_may_speak_of_another_row(study: Study) -> None:
    client = signed_in()
    both = (
        "(si_tests.test_number = 1 and si_tests.si_ratio < 1) and (si_tests.test_number = 2 and si_tests.si_ratio > 1)"
    )
    assert asked(client, both) == ["k0", "k2"]
    assert asked(client, both.replace("(", "").replace(")", "")) == []


def test_what_the_database_computes_is_a_filter_too(study: Study) -> None:
    client = signed_in()
    assert client.get("/api/v1/si-tests/", {"si_ratio__lt": "1", "test_number": "1"}).json()["count"] == 6
    assert client.get("/api/v1/si-tests/", {"si_ratio__lt": "low"}).status_code == 400


def test_records_of_mice_take_the_same_words(study: Study) -> None:
    client = signed_in()
    tubes = client.get("/api/v1/tissue-samples/", {"phenotype": "resilient", "ordering": "code"}).json()["results"]
    assert {row["mouse"] for row in tubes} == {"r0", "r1", "r2"}
    own = client.get("/api/v1/tissue-samples/", {"rin__lt": "8"}).json()["results"]
    assert [row["mouse"] for row in own] == ["k0"]  # the RNA of the tube itself
    tests = client.get("/api/v1/si-tests/", {"ask": 'drug = "ketamine" and test_number = 2'}).json()
    assert tests["count"] == 3
    libraries = client.get("/api/v1/libraries/", {"mouse__phenotype": "resilient"}).json()
    assert libraries["count"] == 3


def test_list_export_and_rest_answer_alike(study: Study) -> None:
    client, query = signed_in(), {"phenotype": "susceptible", "rin__gte": "8", "ordering": "code"}
    page = unescape(client.get("/records/mice/", query).content.decode())
    assert re.findall(r">([krsc]\d)</a>", page) == ["k1", "k2", "s0", "s1", "s2"]
    file = b"".join(client.get("/records/mice/", {**query, "export": "csv", "fields": "code"}).streaming_content)
    assert file.decode().split() == ["code", "k1", "k2", "s0", "s1", "s2"]


def test_only_the_run_that_counts_is_asked(study: Study) -> None:
    client = signed_in()
    later = add_run(study, "phenotype", is_adopted=False)
    for call in PhenotypeCall.objects.filter(study=study, mouse__code="c0"):
        PhenotypeCall.objects.create(
            study=study, run=later, mouse=call.mouse, si_test=call.si_test, rule=call.rule, phenotype="resilient",
            borderline=False,
        )  # fmt: skip
    assert "c0" not in mice(client, phenotype="resilient")
    Adoption.objects.create(study=study, task="phenotype", run=later, reason="Tried.")
    assert mice(signed_in(name="later"), phenotype="susceptible") == []


def test_stale_results_are_not_asked(study: Study) -> None:
    client = signed_in()
    test = Mouse.objects.get(code="s0").si_tests.get(test_number=1)
    test.iz_present_s = 90
    test.save()
    assert mice(client, phenotype="susceptible") == []


def blinded(study: Study, role: str, name: str) -> Client:
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    return signed_in(role, study, name)


@pytest.mark.parametrize(
    "question", ['drug = "ketamine"', 'arm = "ketamine"', "score < 0.5", 'treatment.arm.name = "x"']
)
@pytest.mark.parametrize("role", ["scorer", "investigator", "manager"])
def test_what_a_blinded_study_keeps_is_refused_in_words(study: Study, role: str, question: str) -> None:
    client = blinded(study, role, "bea")
    status, said = asked(client, question)
    assert (status, list(said)) == (400, ["ask"])
    assert "allocators of S1 alone" in said["ask"][0]
    # whatever is compared, and whether it is true: the same words
    other = asked(client, question.replace("ketamine", "no such").replace("0.5", "7"))
    assert other[0] == 400
    assert "allocators of S1 alone" in other[1]["ask"][0]
    assert asked(client, f'sex = "M" or ({question})')[0] == 400
    status, said = mice(client, drug="ketamine")
    assert status == 400
    assert "allocators of S1 alone" in said["drug"][0]


def test_the_allocator_asks_while_the_study_is_blinded(study: Study) -> None:
    assert asked(blinded(study, "allocator", "al"), 'drug = "ketamine"') == ["k0", "k1", "k2"]


def test_beside_an_open_study_the_mice_of_a_blinded_one_are_as_without_arm(study: Study) -> None:
    client = signed_in("scorer", study, "bea")
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    other = Study.objects.create(code="OPEN", title="open")
    user = User.objects.get(username="bea")
    StudyMembership.objects.create(study=other, user=user, role=Role.objects.get(name="scorer"))
    assert asked(client, 'drug = "ketamine"') == []
    assert asked(client, 'drug != "ketamine"') == []
    assert "k0" in asked(client, "drug = None")
    assert "s0" in asked(client, "drug = None")


def test_a_list_counts_its_rows_by_group(study: Study) -> None:
    client = signed_in()
    page = client.get("/records/mice/counts/", {"by": "phenotype", "across": "arm"})
    text = unescape(page.content.decode())
    lines = {
        name: [int(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r'<td class="number">(.*?)</td>', cells)]
        for name, cells in re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', text, re.S)
    }
    assert lines == {"control": [0, 3, 3], "resilient": [0, 3, 3], "susceptible": [3, 3, 6]}  # ketamine, saline, all
    [address] = re.findall(r'href="/records/mice/\?([^"]*phenotype=susceptible[^"]*arm=ketamine[^"]*)">3', text)
    assert client.get(f"/api/v1/mice/?{address}").json()["count"] == 3
    refused = client.get("/records/mice/counts/", {"by": "ear_tag"})
    assert refused.status_code == 400
    assert "ear_tag is no word to count by; known are" in unescape(refused.content.decode())


def test_who_is_blinded_counts_by_no_arm(study: Study) -> None:
    client = blinded(study, "scorer", "bea")
    page = client.get("/records/mice/counts/", {"by": "phenotype"}).content.decode()
    assert ">drug<" not in page
    assert ">arm<" not in page
    assert client.get("/records/mice/counts/", {"by": "arm"}).status_code == 400
    assert 'name="drug"' not in client.get("/records/mice/kin/?study=S1").content.decode()
    assert 'name="phenotype"' in client.get("/records/mice/kin/?study=S1").content.decode()
    assert 'name="phenotype"' in client.get("/records/mice/?study=S1&phenotype=resilient").content.decode()
    words = client.get("/records/mice/words/").json()["models"]
    assert {"phenotype", "rin"} <= words["mice"].keys()
    assert not {"arm", "drug", "score", "treatment", "reversal_score"} & words["mice"].keys()


def test_a_row_says_why_it_is_here(study: Study) -> None:
    client = signed_in()
    query = {
        "phenotype": "susceptible",
        "region": "PFC",
        "rin__gte": "8",
        "ask": 'drug = "ketamine" and cohort.code = "C1"',
    }
    page = unescape(client.get("/records/mice/", query).content.decode())
    k1 = Mouse.objects.get(code="k1")
    assert f"/records/mice/{k1.pk}/why/?" in page
    why = unescape(client.get(f"/records/mice/{k1.pk}/why/", query).content.decode())
    assert re.search(r"rin ≥ 8 and region = PFC</td><td><div><a href=\"/records/extraction-inputs/\d+/\">", why)
    assert re.search(r"phenotype = susceptible</td><td><div><a href=\"/records/phenotype-calls/\d+/\">", why)
    assert re.search(r"drug = ketamine</td><td><div><a href=\"/records/allocation-keys/\d+/\">", why)
    assert re.search(r"cohort code = C1</td><td><div><a href=\"/records/cohorts/\d+/\">C1</a>", why)


def test_a_question_is_kept_and_shared_as_a_view(study: Study) -> None:
    owner, other = signed_in("allocator", study, "al"), signed_in("scorer", study, "bea")
    query = "study=S1&ask=drug+%3D+%22ketamine%22"
    owner.post("/records/mice/views/", {"name": "Given ketamine", "query": query, "is_shared": "on"})
    assert "Given ketamine" in other.get("/records/mice/views/").content.decode()
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    assert "Given ketamine" not in other.get("/records/mice/views/").content.decode()
    assert "Given ketamine" in owner.get("/records/mice/views/").content.decode()


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("phenotyp = 'x'", "Column 1, phenotyp: mice have no such field; did you mean phenotype"),
        ("sex = 'F' and tail = 'x'", "Column 15, tail: mice have no such field; did you mean strain?"),
        ("phenotype = 'purple'", "purple is none of control, susceptible, resilient, unclassified."),
        ("score < 'low'", "Column 1, score:"),
        ("phenotype = susceptible", "Column 13: 'susceptible' is not understood here; texts stand in quotation marks"),
        ("sex =", "ends too soon"),
        ("sex", "ends too soon"),
        ("", None),
        ("rin > None", "ends too soon"),
        ("created_by.password = 'x'", "created_by.password is not a filter"),
        ("created_by.password startswith 'argon'", "created_by.password.startswith is not a filter"),
        ("xyzzy = 1", "xyzzy is not a filter of mice; known are birth_date,"),
        ("study.memberships.user.auth_token.key = 'x'", "is not a filter of mice"),
        ("cohort.created_by.is_superuser = True", "is not a filter of mice"),
        ("lab_values = 'x'", "is not a filter of mice"),
        ("rna = 'x'", "are records"),
        ("rin.gte = 8", "names are joined by points"),
        ("rin__gte = 8", "names are joined by points"),
        ("(" * 60 + "sex = 'F'" + ")" * 60, "More than 50 parentheses"),
        (" and ".join(["sex = 'F'"] * 100), "more than 60 comparisons"),
        ("sex = 'F' or " * 400 + "sex = 'M'", "at most 2,000 characters"),
        ("sex = 'F\\u0000'", "NUL"),
        ("sex = 'F\0'", "NUL"),
        ("birth_date > 'soon'", "birth_date"),
        ("id = 99999999999999999999999999", ""),
        ("rin > 1e400", ""),
        ("rin > 1e999999999", ""),
        ("sex in ()", "is not understood here"),
        ("\u2028 # ; drop", ""),
        ("mouse.mouse.mouse.mouse = 'x'", "is not a filter"),
        ("rna.sample.mouse.rna.sample.mouse.rna.sample.mouse.rna.rin > 1", "Column 1"),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_answered_says_where_and_why(
    study: Study, question: str, sentence: str | None
) -> None:
    found = asked(signed_in(), question)
    if sentence is None:
        assert len(found) == 12
    elif sentence:
        assert found[0] == 400
        assert sentence in " ".join(found[1]["ask"])
    else:  # whatever it says, it is said, or nothing is found
        assert found == [] or found[0] == 400


def test_parts_of_texts_are_looked_for_where_few_rows_are_read(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in()
    assert mice(client, notes__icontains="x") == []
    for module in ("filters", "questions"):
        monkeypatch.setattr(f"labdb.registry.{module}.rows_about", lambda model: 3_000_000)
    status, said = mice(client, notes__icontains="x")
    assert status == 400
    assert "about 3,000,000 mice, because no index knows them" in said["notes__icontains"][0]
    assert asked(client, 'notes ~ "x"')[0] == 400
    assert asked(client, 'notes ~ "x" or cohort = "C1"')[0] == 400
    assert mice(client, notes__icontains="x", cohort="C1") == []
    assert asked(client, 'notes ~ "x" and cohort = "C1"') == []


def test_a_question_takes_the_same_queries_for_one_mouse_as_for_many(study: Study) -> None:
    client = signed_in()
    question = 'phenotype = "susceptible" and drug = "ketamine" and region = "PFC" and rin > 8 and score < 0.5'

    def n_queries() -> int:
        asked(client, question)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            asked(client, question)
        return len(queries)

    before = n_queries()
    RnaExtraction.objects.filter(study=study).update(rin=9)
    MouseReversalScore.objects.filter(study=study).update(score=0.1)
    assert asked(client, question) == ["k0", "k1", "k2"]
    assert n_queries() == before
