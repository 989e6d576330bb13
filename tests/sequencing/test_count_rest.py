"""A script sends a file of counts: it goes in whole, or every reason comes back and nothing is stored."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from labdb.accounts.models import Role
from labdb.accounts.rest_token import make_token
from labdb.colony.models import Study, StudyMembership
from labdb.registry.history import events_of
from labdb.sequencing.models import CountMatrix, Gene
from tests.sequencing.bad_files import BAD_FILES, MATRIX, WRITTEN_DOWN
from tests.sequencing.count_archives import REVERSE_L1, REVERSE_L2, star
from tests.sequencing.lab import assert_nothing_stored, make_study, member, numbers, signed_in

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/count-matrices/"
REPORT = {
    "genes": 2, "libraries": 2, "new_genes": 2, "format": "matrix", "strandedness": "", "mapped": {}, "normalized": {},
    "notes": [],
}  # fmt: skip


@pytest.fixture
def study() -> Study:
    return make_study()


@pytest.fixture
def technician(study: Study) -> Client:
    return signed_in(member(study, "technician"))


def send(client: Client, content: bytes = MATRIX, *, name: str = "c.csv", **parts: Any) -> Any:
    """POST a file; a part that is None is left out."""
    said = {"study": "S1", "annotation": "A1", "file": SimpleUploadedFile(name, content), **parts}
    return client.post(ADDRESS, {part: value for part, value in said.items() if value is not None})


def test_a_file_becomes_a_matrix_that_is_answered_with_its_import(technician, study):
    by = {"quantified_by": "core facility", "quantified_date": "2025-09-01"}
    answer = send(technician, quantifier="kallisto 0.43", genome_build="GRCm38", **by)
    assert answer.status_code == 201
    said = answer.json()
    matrix = CountMatrix.objects.get(study=study)
    assert (said["id"], said["study"], said["code"], said["created_by"]) == (matrix.pk, "S1", "c", "a technician")
    assert (said["annotation"], said["quantifier"], said["genome_build"]) == ("A1", "kallisto 0.43", "GRCm38")
    assert {name: said[name] for name in by} == by
    assert said["report"] == REPORT
    assert answer["ETag"] == '"1"'
    assert numbers(matrix) == {"L1": {"Fos": 1, "Arc": 3}, "L2": {"Fos": 2, "Arc": 4}}
    read = technician.get(f"{ADDRESS}{matrix.pk}/").json()
    assert read == {name: value for name, value in said.items() if name != "report"}


def test_counts_are_not_quantified_tomorrow(technician, study):
    answer = send(technician, quantified_date="2199-01-01")
    assert (answer.status_code, CountMatrix.objects.count()) == (400, 0)
    assert answer.json() == {"quantified_date": ["2199-01-01 is in the future; enter the day it happened."]}


def test_a_token_signs_and_the_history_says_who_and_by_which_door(study):
    user = member(study, "technician")
    token = make_token(user, "script")
    answer = Client().post(
        ADDRESS,
        {"study": "S1", "annotation": "A1", "file": SimpleUploadedFile("c.csv", MATRIX)},
        headers={"Authorization": f"Token {token}"},
    )
    assert answer.status_code == 201
    context = events_of(CountMatrix.objects.get()).get().pgh_context.metadata
    assert (context["user"], context["door"]) == (user.pk, "REST")


@pytest.mark.parametrize("content", WRITTEN_DOWN.values(), ids=WRITTEN_DOWN)
def test_however_a_sheet_is_written_down_the_same_counts_are_stored(technician, content):
    assert send(technician, content).status_code == 201
    assert numbers(CountMatrix.objects.get()) == {"L1": {"Fos": 1, "Arc": 3}, "L2": {"Fos": 2, "Arc": 4}}


@pytest.mark.parametrize(("content", "sentence"), BAD_FILES.values(), ids=BAD_FILES)
@pytest.mark.parametrize("dry_run", ["yes", "no"])
def test_a_bad_file_is_a_400_with_the_sentence_of_the_command(technician, content, sentence, dry_run):
    answer = send(technician, content, dry_run=dry_run)
    assert (answer.status_code, answer.json()) == (400, {"file": [sentence]})
    assert_nothing_stored()


def test_all_errors_are_said_at_once_and_beyond_fifty_counted(technician):
    rows = "".join(f"G{number},-1,0\n" for number in range(60))
    sentences = send(technician, f"gene,L1,L2\n{rows}".encode()).json()["file"]
    assert len(sentences) == 51
    assert sentences[0].startswith("c.csv, line 2, column 'L1': '-1' is negative")
    assert sentences[-1] == "... and 10 more."


def test_a_dry_run_answers_what_would_be_stored_and_stores_nothing(technician):
    answer = send(technician, dry_run="true")
    report = REPORT
    assert (answer.status_code, answer.json()) == (200, {"report": report})
    assert_nothing_stored()


def test_options_and_a_sample_map_do_what_they_do_in_the_command(technician):
    sample_map = SimpleUploadedFile("map.csv", b"name,library\nA.bam,L2\nB.bam,L1\n")
    answer = send(
        technician,
        b"sample,Fos,Arc\nA.bam,0.6,3\nB.bam,2,4\n",
        sample_map=sample_map,
        round="1",
        transpose="true",
    )
    assert answer.status_code == 201, answer.json()
    assert answer.json()["report"]["mapped"] == {"A.bam": "L2", "B.bam": "L1"}
    assert "Rounded 1 of 4 estimates to whole counts." in answer.json()["report"]["notes"]
    assert answer.json()["is_rounded"] is True
    assert numbers(CountMatrix.objects.get()) == {"L2": {"Fos": 1, "Arc": 3}, "L1": {"Fos": 2, "Arc": 4}}


def test_several_files_and_a_strandedness_are_sent_as_parts(technician):
    def files() -> list[SimpleUploadedFile]:
        return [SimpleUploadedFile(f"L{i}.tab", star(rows)) for i, rows in enumerate((REVERSE_L1, REVERSE_L2), start=1)]

    asked = send(technician, file=files())
    assert asked.status_code == 400
    assert asked.json()["file"][0].endswith("this speaks for reverse: confirm it with --strandedness reverse.")
    assert send(technician, file=files(), strandedness="left").json() == {
        "strandedness": ["left is not one of unstranded, forward, reverse; choose one of these."]
    }
    answer = send(technician, file=files(), strandedness="reverse")
    assert answer.status_code == 201, answer.json()
    assert (answer.json()["format"], answer.json()["report"]["strandedness"]) == ("star", "reverse")
    assert numbers(CountMatrix.objects.get())["L2"] == {"Fos": 1930, "Arc": 890, "Egr1": 7}


def test_an_annotation_is_widened_only_when_asked(technician):
    send(technician)
    wider = b"gene,L1,L2\nFos,1,2\nEgr1,3,9\n"
    (sentence,) = send(technician, wider).json()["file"]
    assert sentence.startswith("1 of 2 genes are not in annotation A1 (Egr1);")
    assert send(technician, wider, add_genes="yes").json()["report"]["new_genes"] == 1
    assert Gene.objects.filter(annotation="A1").count() == 3


@pytest.mark.parametrize(
    ("parts", "errors"),
    [
        ({"annotation": None}, {"annotation": ["This is needed; enter a value."]}),
        ({"study": None}, {"study": ["This is needed; enter a value."]}),
        ({"file": None}, {"file": ["Send file as a file (multipart/form-data; curl -F file=@FILE)."]}),
        ({"file": "gene,L1"}, {"file": ["Send file as a file (multipart/form-data; curl -F file=@FILE)."]}),
        (
            {"sample_map": "map.csv"},
            {"sample_map": ["Send sample_map as a file (multipart/form-data; curl -F sample_map=@FILE)."]},
        ),
        ({"round": "maybe"}, {"round": ["maybe is neither yes nor no; enter yes or no."]}),
        ({"annotation": "A" * 51}, {"annotation": [f"{'A' * 20}... has 51 characters; enter at most 50."]}),
        ({"annotation": "A\0"}, {"annotation": ["Text cannot hold NUL or half characters; type it anew."]}),
        (
            {"dryrun": "yes"},
            {
                "dryrun": [
                    "dryrun is not a part of this form; known are file, sample_map, transcripts, study, annotation, quantifier, "
                    "genome_build, quantified_by, quantified_date, format, strandedness, layer, round, transpose, accept_normalized, add_genes, map_symbols, sum_duplicates, dry_run."
                ]
            },
        ),
        (
            {"sample_map": SimpleUploadedFile("map.csv", b"name,library\nA,\nB,L2\nB,L1\n")},
            {
                "sample_map": [
                    "map.csv, line 2, column 'library': the cell is empty; fill it in or delete the line.",
                    "map.csv, line 4, column 'name': 'B' is on line 3 already; delete one.",
                ]
            },
        ),
    ],
    ids=[
        "no annotation", "no study", "no file", "text for a file", "text for a map", "neither yes nor no",
        "long annotation", "NUL", "misspelled part", "bad map",
    ],
)  # fmt: skip
def test_what_is_wrong_beside_the_file_is_said_by_part(technician, parts, errors):
    answer = send(technician, **parts)
    assert (answer.status_code, answer.json()) == (400, errors)
    assert_nothing_stored()


def test_a_dry_run_asked_for_in_the_address_does_not_store(technician):
    said = {"study": "S1", "annotation": "A1", "file": SimpleUploadedFile("c.csv", MATRIX)}
    answer = technician.post(f"{ADDRESS}?dry_run=true", said)
    assert answer.status_code == 400
    assert list(answer.json()) == ["dry_run"]
    assert_nothing_stored()


def test_json_is_refused_in_words(technician):
    answer = technician.post(ADDRESS, {"study": "S1"}, content_type="application/json")
    assert answer.status_code == 415
    assert answer.json() == {"__all__": ['Unsupported media type "application/json" in request.']}


def test_a_file_beyond_the_limit_is_a_413_with_the_remedy(technician, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
    answer = send(technician, MATRIX + b" " * 2**20)
    sentence = "More than 1 MB in one request; pack it with gzip, or use `manage.py import_counts`."
    assert (answer.status_code, answer.json()) == (413, {"__all__": [sentence]})
    assert_nothing_stored()


@pytest.mark.parametrize("role", ["investigator", "scorer", "allocator"])
def test_a_role_without_the_right_is_a_403(study, role):
    answer = send(signed_in(member(study, role)))
    assert answer.status_code == 403
    assert answer.json() == {"__all__": ["Your role may not add count matrices; ask a manager."]}
    assert_nothing_stored()


def test_a_right_in_one_study_is_none_in_another(study, technician):
    other = make_study("S2")
    answer = send(technician, study="S2")
    assert (answer.status_code, answer.json()) == (400, {"study": ["There is no study S2; there are S1."]})
    reader = member(other, "investigator")
    member_of_both = signed_in(reader)
    StudyMembership.objects.create(study=study, user=reader, role=Role.objects.get(name="technician"))
    answer = send(member_of_both, study="S2")
    assert answer.status_code == 403
    assert answer.json() == {"__all__": ["Your role may not add count matrices in study S2; ask a manager."]}
    assert_nothing_stored()


def test_nobody_signed_in_is_a_401(study):
    assert send(Client()).status_code == 401
    assert_nothing_stored()


def test_the_schema_describes_the_upload(technician):
    schema = technician.get("/api/schema/?format=json").json()
    post = schema["paths"][ADDRESS]["post"]
    assert list(post["requestBody"]["content"]) == ["multipart/form-data"]
    assert {"200", "201", "400", "403", "413"} <= set(post["responses"])
    sent = schema["components"]["schemas"]["CountUpload"]
    assert sent["properties"]["file"]["format"] == "binary"


@pytest.mark.django_db(transaction=True)
def test_two_files_of_a_new_annotation_sent_at_once_both_go_in_and_the_same_file_once(technician):
    files = [MATRIX, MATRIX.replace(b"4", b"5"), MATRIX]

    def post(content: bytes) -> int:
        try:
            return send(technician, content).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as at_once:
        codes = list(at_once.map(post, files))
    assert sorted(codes) == [201, 201, 400]
    assert CountMatrix.objects.count() == 2
    assert Gene.objects.filter(annotation="A1").count() == 2
