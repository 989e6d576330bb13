"""The admin of every record: questions, filters, dates, actions, export, history; a page costs the same for any number."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labdb.accounts.models import User
from labdb.colony.models import Cage, Cohort, Exclusion, Housing, Mouse, Strain, Study, Weighing
from labdb.registry.record import all_records
from labdb.registry.saved_view import SavedView
from tests.analysis.treated_study import make_analyzed_study, signed_in

pytestmark = pytest.mark.django_db
MICE = "/admin/colony/mouse/"


@pytest.fixture
def study() -> Study:
    return make_analyzed_study()


def administrator() -> Client:
    client = Client()
    client.force_login(User.objects.create(username="root", is_superuser=True, is_staff=True))
    return client


def listed(client: Client, address: str = MICE, **query: str) -> list[str]:
    answer = client.get(address, query)
    assert answer.status_code == 200
    return sorted(str(row) for row in answer.context["cl"].result_list)


def said(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_a_question_is_asked_in_the_search_box(study: Study) -> None:
    client = administrator()
    question = 'phenotype = "susceptible" and arm = "ketamine" and region = "PFC" and score < 0.5'
    assert listed(client, q=question, **{"q-l": "on"}) == ["k0", "k1", "k2"]
    assert listed(client, q=question) == ["k0", "k1", "k2"]
    assert listed(client, q="k1", **{"q-l": "on"}) == ["k1"]  # no sign: looked for
    assert listed(client, q="k1", phenotype="resilient") == []
    assert listed(client, phenotype="resilient") == ["r0", "r1", "r2"]
    assert listed(client, arm="ketamine", response="responder") == ["k0", "k2"]
    assert listed(client, si_tests__si_ratio__lt="0.51") == ["k0", "k1", "k2", "s0", "s1", "s2"]


def test_a_question_that_goes_wrong_is_answered_in_words(study: Study) -> None:
    client = administrator()
    for question, sentence in (
        ("phenotyp = 'x'", "Column 1, phenotyp: mice have no such field; did you mean phenotype"),
        ("created_by.password startswith 'a'", "created_by.password.startswith is not a filter of mice"),
        ("sex = ", "ends too soon"),
        ("sex = '\0'", "cannot hold NUL"),
        ("(" * 70 + "sex = 'F'" + ")" * 70, "More than 50 parentheses"),
    ):
        answer = client.get(MICE, {"q": question})
        assert answer.status_code == 200
        assert sentence in said(answer)
        assert list(answer.context["cl"].result_list) == []
    for odd in (
        "rin__gte=high",
        "phenotype=purple",
        "sex__nothing=1",
        "cohort__created_by__password__startswith=a",
        "q=%00",
    ):
        assert client.get(f"{MICE}?{odd}").status_code in (200, 302, 400)


def test_who_holds_no_key_asks_for_no_arm_while_the_study_is_blinded(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    client = administrator()
    for question in ('arm = "ketamine"', 'arm = "saline"', "score < 0.5", "score > 0.5"):
        answer = client.get(MICE, {"q": question})
        assert "are known to the allocators of S1 alone" in said(answer)
        assert list(answer.context["cl"].result_list) == []
    page = said(client.get(MICE))
    assert "By Phenotype" in page
    assert "By Arm" not in page
    words = client.get(f"{MICE}introspect/").json()["models"]["mice"]
    assert "phenotype" in words
    assert not {"arm", "drug", "score", "treatment"} & words.keys()


def test_every_record_is_searched_asked_and_completed(study: Study) -> None:
    client = administrator()
    for record in all_records():
        meta = record.model._meta
        address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        for query in ({}, {"q": "a"}, {"q": "id > 0"}, {"q": "id = None"}):
            answer = client.get(address, query)
            assert answer.status_code == 200, (record.resource, query)
            assert "errornote" not in said(answer)
            assert 'class="error"' not in said(answer), (record.resource, query, said(answer)[-3000:])
        assert answer.context["cl"].result_count == 0
        words = client.get(f"{address}introspect/").json()
        assert record.resource in words["models"]
        assert "id" in words["models"][record.resource]


def test_a_list_asks_the_database_as_often_for_many_rows_as_for_few(study: Study) -> None:
    client = administrator()
    addresses = {
        MICE: {"q": 'phenotype != "control"'},
        "/admin/colony/weighing/": {}, "/admin/colony/housing/": {}, "/admin/analysis/phenotypecall/": {},
        "/admin/treatment/allocationkey/": {}, "/admin/sequencing/rnaextraction/": {}, "/admin/colony/exclusion/": {},
    }  # fmt: skip

    def n_queries() -> dict[str, int]:
        counts = {}
        for address, query in addresses.items():
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address, query).status_code == 200
            counts[address] = len(queries)
        return counts

    cage = Cage.objects.create(study=study, code="K1")
    mice = list(Mouse.objects.filter(study=study))

    def more(some: list[Mouse]) -> None:
        for mouse in some:
            Weighing.objects.create(study=study, mouse=mouse, body_mass_g=20)
            Housing.objects.create(study=study, mouse=mouse, cage=cage, housed_from="2026-01-01")
            Exclusion.objects.create(study=study, mouse=mouse, criterion="a test", is_a_priori=True)

    more(mice[:1])
    n_queries()
    before = n_queries()
    more(mice[1:])
    n_queries()  # what was entered may make results stale: that is looked into once
    assert n_queries() == before


def test_actions_of_the_list_are_done_from_the_admin(study: Study) -> None:
    client = administrator()
    mouse, other = Mouse.objects.get(code="k0"), Mouse.objects.get(code="k1")
    page = said(client.get(MICE))
    assert re.search(r'<option value="change">Set a field</option>', page)
    sent = {"action": "change", "_selected_action": [str(mouse.pk), str(other.pk)], "index": "0", "select_across": "0"}
    asked = said(client.post(MICE, sent))
    assert f'name="row" value="{mouse.pk} {other.pk}"' in asked
    assert 'action="/records/mice/selected/change/' in asked
    answers = {
        "row": f"{mouse.pk} {other.pk}",
        "field": "notes",
        "notes": "seen",
        "back": f"{MICE}?sex=M",
        "step": "preview",
    }
    shown = said(client.post("/records/mice/selected/change/", answers))
    seen, key = (re.search(rf'name="{name}" value="([^"]+)"', shown)[1] for name in ("seen", "key"))  # type: ignore[index]
    done = client.post("/records/mice/selected/change/", {**answers, "step": "do", "seen": seen, "key": key})
    assert (done.status_code, done["Location"]) == (302, f"{MICE}?sex=M")
    assert set(Mouse.objects.filter(notes="seen")) == {mouse, other}
    nothing = client.post(MICE, {**sent, "action": "no such"})
    assert nothing.status_code in (200, 302)
    assert client.post(MICE, {**sent, "_selected_action": ["x", "9" * 40]}).status_code in (200, 302)


def test_the_same_rows_are_a_list_and_a_file(study: Study) -> None:
    client = administrator()
    page = said(client.get(MICE, {"q": 'arm = "ketamine"', "sex": "M", "study": "S1"}))
    [address] = re.findall(r'href="(/records/mice/[^"]*export=csv)"', page)
    file = b"".join(client.get(address).streaming_content).decode()
    codes = [line.split(",")[1] for line in file.splitlines()[1:]]
    assert sorted(codes) == listed(client, q='arm = "ketamine"', sex="M")


def test_dates_narrow_the_list_and_its_export(study: Study) -> None:
    client = administrator()
    mouse = Mouse.objects.get(code="k0")
    Mouse.objects.filter(study=study).update(birth_date="2026-01-05")
    Mouse.objects.filter(pk=mouse.pk).update(birth_date="2025-12-31")
    step = {"birth_date__year": "2025", "birth_date__month": "12"}
    assert listed(client, **step) == ["k0"]
    page = said(client.get(MICE, step))
    assert "birth_date__gte=2025-12-01&birth_date__lt=2026-01-01&export=csv" in page


def test_a_question_is_kept_and_asked_again(study: Study) -> None:
    client = administrator()
    question = {"q": 'phenotype = "resilient"', "sex": "M"}
    page = said(client.get(MICE, question))
    query = re.search(r'name="query" value="([^"]*)"', page)[1]  # type: ignore[index]
    kept = client.post(
        "/records/mice/views/", {"name": "Resilient", "query": unescape(query), "is_shared": "on", "back": MICE}
    )
    assert kept["Location"] == MICE
    assert SavedView.objects.get().query == "sex=M&ask=phenotype%20%3D%20%22resilient%22"
    address = re.search(r'<a href="(\?[^"]*)"[^>]*>Resilient</a>', said(client.get(MICE)))[1]  # type: ignore[index]
    answer = client.get(f"{MICE}{unescape(address)}")
    assert len(answer.context["cl"].result_list) == Mouse.objects.filter(code__startswith="r", sex="M").count()


def test_a_row_shows_its_relatives_its_history_and_searched_names(study: Study) -> None:
    client = administrator()
    mouse = Mouse.objects.get(code="k0")
    mouse.notes = "limps"
    mouse.save()
    page = said(client.get(f"{MICE}{mouse.pk}/change/"))
    assert re.search(r"<h2>Tissue samples <a", page)
    assert re.search(r"<h2>Phenotype calls <a", page)
    assert 'data-keys="/records/strains/keys/"' in page
    history = said(client.get(f"{MICE}{mouse.pk}/history/"))
    assert "limps" in history
    assert client.get(f"{MICE}999999999/history/").status_code == 404


def test_who_sees_one_study_asks_in_it_alone(study: Study) -> None:
    other = Study.objects.create(code="S2", title="other")
    cohort = Cohort.objects.create(study=other, code="C9")
    Mouse.objects.create(study=other, code="hidden", cohort=cohort, strain=Strain.objects.first())
    signed_in("scorer", study, "bea")
    user = User.objects.get(username="bea")
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    assert len(listed(client, q="id > 0")) == 12
    assert listed(client, q='code = "hidden" or cohort.code = "C9"') == []
    assert client.get("/admin/treatment/allocationkey/introspect/").status_code in (200, 403)
