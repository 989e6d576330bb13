"""The page of RNA quality files: old beside new, names matched in words, nothing stored with an error, undo by the log."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from labdb.colony.models import Study
from labdb.registry.import_log import Import
from labdb.sequencing.models import RnaExtraction
from tests.analysis.small_study import add_library, add_mouse, make_study
from tests.sequencing.lab import member, signed_in

pytestmark = pytest.mark.django_db
URL = "/studies/S1/rna-quality/"
HEADER = "FileName,WellId,Sample Description,Alert,Observations,RINe,Conc. [pg/µl]\n"


@pytest.fixture
def study() -> Study:
    """Extractions E-M1-PFC, E-M2-PFC (RIN 7.5 stored) and E-M3-PFC."""
    study = make_study()
    for number in (1, 2, 3):
        add_library(add_mouse(study, f"M{number}"), "PFC")
    RnaExtraction.objects.filter(code="E-M2-PFC").update(rin=7.5, ratio_260_280=2.0)
    return study


@pytest.fixture
def client(study: Study) -> Client:
    return signed_in(member(study, "technician"))


def send(client: Client, *lines: str, **more: Any) -> str:
    data = (HEADER + "".join(f"f,A{n},{line}\n" for n, line in enumerate(lines, 1))).encode("latin-1")
    return text_of(client.post(URL, {"step": "check", "file": SimpleUploadedFile("rna.csv", data), **more}))


def text_of(answer: Any, status: int = 200) -> str:
    text = " ".join(answer.content.decode().split())
    assert answer.status_code == status, text
    return text


def token_in(text: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', text)
    assert found, text
    return found.group(1)


def test_a_file_is_checked_stored_and_undone(client: Client):
    text = send(client, "E-M1-PFC,,,8.6,4520", "e_m2_pfc,!,low,8.1,", "T-M3-PFC-M3,,,N/A,900")
    assert "spelled otherwise" in text and "code of its sample" in text
    assert "<del>7.5</del></span> <strong>8.1</strong>" in text
    assert "RIN is N/A: stays missing." in text and "The instrument says: ! low." in text
    assert "Concentrations in pg/ul were converted to ng/ul." in text
    assert "1 stored value would be replaced: say why." in text
    assert RnaExtraction.objects.get(code="E-M1-PFC").rin is None
    said = {"step": "save", "token": token_in(text)}
    assert "1 stored value would be replaced" in text_of(client.post(URL, said))
    assert RnaExtraction.objects.get(code="E-M2-PFC").rin == 7.5
    answer = client.post(URL, {**said, "reason": "Measured again."})
    assert answer.status_code == 302, answer.content.decode()
    stored = dict(RnaExtraction.objects.values_list("code", "rin"))
    assert stored == {"E-M1-PFC": 8.6, "E-M2-PFC": 8.1, "E-M3-PFC": None}
    assert RnaExtraction.objects.get(code="E-M3-PFC").rna_conc_ng_per_ul == 0.9
    assert RnaExtraction.objects.get(code="E-M2-PFC").ratio_260_280 == 2.0
    log = Import.objects.get(is_refused=False)
    assert (log.n_changed, log.file_name) == (3, "rna.csv")


def test_a_name_that_is_none_is_named_by_hand_or_left_out(client: Client):
    text = send(client, "tube 7,,,8.6,4520", "?,,,8,1")
    assert "No extraction is called tube 7, or more than one" in text
    assert 'value="save"' not in text
    said = {"step": "check", "token": token_in(text), "extraction-2": "E-M1-PFC", "leave-3": "yes"}
    text = text_of(client.post(URL, said))
    assert "by hand" in text and "Save 1 extraction" in text
    assert (
        "No RNA extraction" in (wrong := text_of(client.post(URL, {**said, "extraction-2": "E99"}))) or "E99" in wrong
    )
    assert client.post(URL, {**said, "step": "save"}).status_code == 302
    assert RnaExtraction.objects.get(code="E-M1-PFC").rin == 8.6


def test_two_lines_of_one_extraction_and_impossible_values_store_nothing(client: Client):
    text = send(client, "E-M1-PFC,,,8.6,4520", "E M1 PFC,,,8.2,4000")
    assert text.count("E-M1-PFC has another line") == 2
    text = send(client, "E-M1-PFC,,,86,4520", "E-M3-PFC,,,8,100")
    assert "86 is outside 1 to 10" in text and 'value="save"' not in text
    saved = text_of(client.post(URL, {"step": "save", "token": token_in(text)}))
    assert "86 is outside 1 to 10" in saved
    assert not RnaExtraction.objects.filter(rna_conc_ng_per_ul__isnull=False).exists()


def test_a_file_of_nothing_is_answered_with_a_sentence(client: Client, study: Study):
    for sent, says in [
        ({}, "Nothing was sent"),
        ({"token": "forged"}, "no longer kept"),
        ({"file": SimpleUploadedFile("x.csv", b"a,b\n1,2\n")}, "no file of TapeStation"),
        ({"file": SimpleUploadedFile("x.csv", b"\0\0")}, "not text"),
    ]:
        assert says in text_of(client.post(URL, {"step": "check", **sent}), 400)
    assert signed_in(member(study, "scorer")).get(URL).status_code == 403
