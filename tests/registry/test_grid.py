"""The grid's doors: rows checked and stored all or none, once for each key, never over what somebody else wrote."""

import json
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labdb.accounts.models import Role, User
from labdb.colony.models import Cage, Cohort, Housing, Mouse, Study, StudyMembership, Weighing
from labdb.defeat.models import Aggressor
from labdb.registry.entry_receipts import EntryReceipt
from labdb.registry.history import events_of
from labdb.registry.lab_field import Kind, LabField
from labdb.registry.record import Record
from tests.registry.rows import good_row, make_world, writable

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def study() -> Study:
    study = Study.objects.create(code="S1", title="first")
    cohort = Cohort.objects.create(study=study, code="C1")
    Mouse.objects.bulk_create(Mouse(study=study, code=f"M{number:02}", cohort=cohort) for number in range(1, 6))
    return study


def signed_in(name: str = "boss", role: str = "", study: Study | None = None) -> Client:
    if role:
        user = User.objects.create(username=name)
        StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))  # type: ignore[misc]
    else:
        user = User.objects.create_superuser(name)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def boss(study: Study) -> Client:
    return signed_in()


@pytest.fixture
def weighing(study: Study) -> Weighing:
    return Weighing.objects.create(mouse=Mouse.objects.get(code="M01"), performed_at=AT, body_mass_g=23.5)


def post(client: Client, page: str, sent: Any, resource: str = "weighings", study: str = "S1") -> Any:
    body = sent if isinstance(sent, str) else json.dumps(sent)
    url = f"{reverse(f'record-grid-{page}', args=[resource])}?study={study}"
    return client.post(url, body, content_type="application/json")


def save(client: Client, *rows: dict[str, Any], key: str = "", **more: Any) -> Any:
    resource, study = more.pop("resource", "weighings"), more.pop("study", "S1")
    return post(client, "save", {"key": key or str(uuid4()), "rows": rows, **more}, resource, study).json()


def new(number: int, mouse: str = "M01", mass: str = "23.4", **cells: str) -> dict[str, Any]:
    at = (AT + timedelta(minutes=number)).strftime("%Y-%m-%d %H:%M")
    return {"number": number, "cells": {"mouse": mouse, "performed_at": at, "body_mass_g": mass, **cells}}


def change(number: int, row: Any, version: int, **cells: str) -> dict[str, Any]:
    return {"number": number, "id": row.pk, "version": version, "cells": cells}


@pytest.mark.parametrize("record", writable(), ids=lambda record: record.resource)
def test_every_record_has_a_grid_whose_stored_cells_are_read_back_as_they_are(record: type[Record]):
    client = Client()
    client.force_login(make_world())
    url = reverse("record-grid", args=[record.resource])
    assert client.get(url).status_code == 200
    cells = {name: text for name, text in good_row(record).items() if text}
    row = save(client, {"number": 1, "cells": cells}, resource=record.resource, study="")["stored"]["1"]
    page = client.get(f"{url}?rows=stored")
    shown = next(one for one in page.context["grid"]["rows"] if one["id"] == row["id"])
    assert shown["cells"] == row["cells"]
    same = {"number": 1, "id": row["id"], "version": row["version"], "cells": row["cells"]}
    again = save(client, same, resource=record.resource, study="")
    assert again["state"] == "stored", again
    assert again["stored"]["1"]["version"] == row["version"], "the texts of a grid say something else than the row"


def test_rows_are_stored_all_or_none_with_the_sentence_at_its_cell(boss: Client):
    refused = save(boss, new(1), new(2, mass="heavy"), new(3, mouse="M99"))
    assert refused["state"] == "refused"
    assert refused["rows"]["2"]["errors"] == {"body_mass_g": ["heavy is not a number; enter digits, such as 12.5."]}
    assert "There is no mouse M99 in study S1" in refused["rows"]["3"]["errors"]["mouse"][0]
    assert set(refused["rows"]) == {"2", "3"}
    assert not Weighing.objects.exists()
    assert save(boss, new(1), new(2), new(3))["state"] == "stored"
    assert Weighing.objects.count() == 3


def test_the_history_names_the_grid_the_person_and_the_reason(boss: Client, weighing: Weighing):
    save(boss, change(1, weighing, 1, body_mass_g="24.5"), reason="read wrongly")
    words = events_of(weighing)[0].pgh_context.metadata
    boss_id = User.objects.get(username="boss").pk
    assert (words["door"], words["user"], words["reason"]) == ("grid", boss_id, "read wrongly")


def test_the_same_key_stores_once_and_answers_with_the_rows_as_they_are_now(boss: Client):
    key = str(uuid4())
    first = save(boss, new(1), key=key)
    Weighing.objects.update(notes="since then")
    second = save(boss, new(1), key=key)
    assert Weighing.objects.count() == 1
    assert second["stored"]["1"]["id"] == first["stored"]["1"]["id"]
    assert second["stored"]["1"]["cells"]["notes"] == "since then"


def test_a_refused_save_keeps_no_receipt_and_may_be_sent_again_corrected(boss: Client):
    key = str(uuid4())
    assert save(boss, new(1, mass="heavy"), key=key)["state"] == "refused"
    assert not EntryReceipt.objects.exists()
    assert save(boss, new(1), key=key)["state"] == "stored"


def test_a_key_of_another_account_is_refused(boss: Client, study: Study):
    key = str(uuid4())
    save(boss, new(1), key=key)
    answer = save(signed_in("tina", "technician", study), new(2), key=key)
    assert answer == {"state": "refused", "sentences": ["This entry was sent by another account; enter it anew."]}


def test_a_change_of_a_version_that_is_no_longer_current_brings_theirs_and_stores_nothing(
    boss: Client, weighing: Weighing
):
    Weighing.objects.update(body_mass_g=24.1)
    answer = save(boss, change(1, weighing, 1, body_mass_g="24.3"), new(2, "M02"))
    assert answer["state"] == "conflict"
    assert answer["theirs"]["1"]["version"] == 2
    assert answer["theirs"]["1"]["cells"]["body_mass_g"] == "24.1"
    assert list(Weighing.objects.values_list("body_mass_g", flat=True)) == [24.1]
    assert save(boss, change(1, weighing, 2, body_mass_g="24.3"), new(2, "M02"))["state"] == "stored"
    assert sorted(Weighing.objects.values_list("body_mass_g", flat=True)) == [23.4, 24.3]


def test_who_changed_the_row_meanwhile_is_named(boss: Client, study: Study, weighing: Weighing):
    tina = signed_in("tina", "technician", study)
    save(tina, change(1, weighing, 1, body_mass_g="24.1"))
    assert save(boss, change(1, weighing, 1, notes="mine"))["theirs"]["1"]["who"] == "tina"


def test_a_row_deleted_meanwhile_says_so(boss: Client, weighing: Weighing):
    sent = change(1, weighing, 1, body_mass_g="24.3")
    Weighing.objects.all().delete()
    answer = save(boss, sent)
    assert answer["state"] == "refused"
    assert "was deleted meanwhile" in answer["rows"]["1"]["errors"]["__all__"][0]


def test_only_the_cells_that_were_changed_are_written(boss: Client, weighing: Weighing):
    exact = AT.replace(second=12, microsecond=345_678)
    Weighing.objects.update(performed_at=exact, notes="calm")
    save(boss, change(1, weighing, 2, body_mass_g="24.5"))
    weighing.refresh_from_db()
    assert (weighing.performed_at, weighing.notes, weighing.body_mass_g) == (exact, "calm", 24.5)


def test_new_and_changed_rows_are_held_against_each_other(boss: Client, study: Study):
    mouse = Mouse.objects.get(code="M02")
    answer = save(
        boss,
        {"number": 1, "cells": {"code": "M99"}},
        {"number": 2, "id": mouse.pk, "version": 1, "cells": {"code": "M99"}},
        resource="mice",
    )
    said = [sentence for row in answer["rows"].values() for sentence in row["errors"]["code"]]
    assert said == ["Rows 1 and 2 have the same study, code; keep one of the two."]


def test_what_is_stored_already_is_not_changed_by_a_new_row(boss: Client, study: Study):
    answer = save(boss, {"number": 1, "cells": {"code": "M01", "sex": "F"}}, resource="mice")
    assert "already a mouse of this study" in answer["rows"]["1"]["errors"]["code"][0]


def test_a_warning_needs_a_reason(boss: Client, study: Study):
    """A mouse that takes the former name of another is the warning that every record knows."""
    Mouse.objects.filter(code="M05").update(code="M50")
    row = {"number": 1, "cells": {"code": "M05"}}
    asked = save(boss, row, resource="mice")
    assert asked["state"] == "needs_reason"
    assert asked["rows"]["1"]["warnings"]["code"]
    assert save(boss, row, resource="mice", reason="a new mouse with this tag")["state"] == "stored"


def test_a_question_about_days_is_named_and_its_answer_read(boss: Client):
    sent = {"rows": [new(1, performed_at="3/4/2026 09:30")]}
    assert post(boss, "check", sent).json()["questions"] == ["date_order"]
    checked = post(boss, "check", {**sent, "reading": {"date_order": "day-first"}}).json()
    assert (checked["state"], checked["rows"]) == ("", {})
    assert not Weighing.objects.exists()


def test_a_text_that_looks_like_a_formula_is_stored_as_typed(boss: Client):
    save(boss, new(1, notes="=1+1"))
    assert Weighing.objects.get().notes == "=1+1"


def test_fields_of_the_lab_are_columns(boss: Client):
    LabField.objects.create(resource="weighings", name="calm", label="calm", kind=Kind.YES_NO)
    page = boss.get("/records/weighings/grid/?study=S1")
    assert [one["is_shown"] for one in page.context["grid"]["columns"] if one["name"] == "calm"] == [True]
    assert save(boss, new(1, calm="yes"))["stored"]["1"]["cells"]["calm"] == "yes"


def test_checking_forty_rows_takes_a_fixed_number_of_queries(boss: Client):
    def queries(number: int) -> int:
        rows = [new(one, f"M0{1 + one % 5}") for one in range(1, number + 1)]
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert post(boss, "check", {"rows": rows}).json()["state"] == ""
        return len(found)

    assert queries(40) <= queries(5)


@pytest.mark.parametrize("sent", [
    "{", "[]", "{}", '{"rows": 3}', '{"rows": [3]}', '{"rows": [{"number": 1}]}', '{"rows": [{"number": 1, "cells": []}]}',
    '{"rows": [{"number": "x", "cells": {}}]}', '{"rows": [{"number": true, "cells": {}}]}',
    '{"rows": [{"number": 1, "cells": {"mass": "1"}}]}', '{"rows": [{"number": 1, "cells": {"notes": 1}}]}',
    '{"rows": [{"number": 1, "cells": {}}, {"number": 1, "cells": {}}]}',
    '{"rows": [{"number": 1, "id": 1, "cells": {}}]}', '{"rows": [{"number": 1, "id": 1e99, "version": 1, "cells": {}}]}',
    '{"rows": [{"number": 1, "id": 1, "version": 1, "cells": {}}, {"number": 2, "id": 1, "version": 1, "cells": {}}]}',
    '{"rows": [], "reason": 3}', '{"rows": [], "reason": "\\ud800"}', "[" * 100_000,
    json.dumps({"rows": [{"number": number, "cells": {}} for number in range(2_001)]}),
])  # fmt: skip
def test_what_is_no_grid_is_refused_in_a_sentence(boss: Client, sent: str):
    for page in ("check", "save"):
        answer = post(boss, page, sent)
        assert answer.status_code == 400
        assert answer.json()["sentences"][0].endswith((".", "}]}."))


@pytest.mark.parametrize("text", ["\0", "\ud800", "x" * 100_000, "9" * 400, "nan", "1e400", "#99999999999999999999"])
def test_no_cell_makes_the_server_fail(boss: Client, text: str):
    for name in ("mouse", "performed_at", "body_mass_g", "performed_by"):
        row = {"number": 1, "cells": {**new(1)["cells"], name: text}}
        answer = save(boss, row)
        assert answer["state"] == "refused"
        assert answer["rows"]["1"]["errors"][name]


def test_who_is_signed_out_is_told_so_and_stores_nothing(study: Study):
    answer = post(Client(), "save", {"key": str(uuid4()), "rows": [new(1)]})
    assert answer.status_code == 401
    assert answer.json()["state"] == "signed_out"
    assert not Weighing.objects.exists()


def test_a_one_time_password_opens_no_grid(boss: Client):
    User.objects.update(must_change_password=True)
    answer = post(boss, "save", {"key": str(uuid4()), "rows": [new(1)]})
    assert answer.status_code == 403
    assert not Weighing.objects.exists()


def test_a_role_that_may_not_enter_is_refused_at_page_check_and_save(study: Study, weighing: Weighing):
    reader = signed_in("anna", "analyst", study)
    assert reader.get("/records/weighings/grid/?study=S1").status_code == 403
    answer = save(reader, new(1), change(2, weighing, 1, body_mass_g="1"))
    assert answer["state"] == "refused"
    assert any("may not add weighings" in sentence for sentence in answer["sentences"])
    assert Weighing.objects.get().body_mass_g == 23.5


def test_rows_of_a_study_that_one_does_not_see_can_be_neither_shown_nor_changed(study: Study, weighing: Weighing):
    other = Study.objects.create(code="S2", title="second")
    stranger = signed_in("eve", "technician", other)
    page = stranger.get("/records/weighings/grid/?rows=stored")
    assert page.context["grid"]["rows"] == []
    answer = save(stranger, change(1, weighing, 1, body_mass_g="1"), study="S2")
    assert "no longer yours to see" in answer["rows"]["1"]["errors"]["__all__"][0]
    assert stranger.get("/records/weighings/grid/?study=S1").status_code == 404


def test_a_closed_study_takes_nothing(boss: Client, study: Study, weighing: Weighing):
    Study.objects.filter(pk=study.pk).update(state="closed")
    answer = save(boss, new(1), change(2, weighing, 1, body_mass_g="1"))
    assert answer["sentences"] == ["Study S1 is closed; a manager can open it again."]


def test_what_an_analysis_writes_has_no_grid(boss: Client):
    assert boss.get("/records/phenotype-calls/grid/").status_code == 403
    assert post(boss, "save", {"key": str(uuid4()), "rows": []}, "phenotype-calls").status_code == 403


def test_filters_of_the_address_choose_the_stored_rows(boss: Client, study: Study, weighing: Weighing):
    Weighing.objects.create(mouse=Mouse.objects.get(code="M02"), performed_at=AT, body_mass_g=20)
    page = boss.get("/records/weighings/grid/?study=S1&mouse__code=M02")
    assert [row["cells"]["mouse"] for row in page.context["grid"]["rows"]] == ["M02"]
    assert boss.get("/records/weighings/grid/?study=S1").context["grid"]["rows"] == []
    wrong = boss.get("/records/weighings/grid/?study=S1&colour=red")
    assert wrong.status_code == 400
    assert b"colour is not a filter of weighings" in wrong.content


def test_the_address_brings_first_values_and_the_form_its_defaults(boss: Client):
    page = boss.get("/records/si-tests/grid/?study=S1&mouse=M02&rows=new")
    columns = {one["name"]: one for one in page.context["grid"]["columns"]}
    assert columns["mouse"]["default"] == "M02"
    assert (columns["trial_s"]["default"], columns["counts"]["default"]) == ("150", "yes")
    assert columns["iz_absent_s"]["is_needed"]
    assert not columns["tracker_file"]["is_shown"]
    assert "study" not in columns


def test_columns_that_were_chosen_for_the_list_are_those_of_the_grid(boss: Client, weighing: Weighing):
    page = boss.get("/records/weighings/grid/?study=S1&fields=mouse,notes&rows=stored")
    shown = [one["name"] for one in page.context["grid"]["columns"] if one["is_shown"]]
    assert shown == ["mouse", "body_mass_g", "notes"]  # what is needed is always there


def test_a_row_is_offered_for_each_living_mouse_of_a_cohort_or_cage(boss: Client, study: Study):
    Mouse.objects.filter(code="M03").update(death_date="2026-01-01")
    cage = Cage.objects.create(study=study, code="K1")
    for code, moved_out in (("M01", None), ("M02", "2026-02-02")):
        mouse = Mouse.objects.get(code=code)
        Housing.objects.create(mouse=mouse, cage=cage, housed_from="2026-02-01", housed_to=moved_out)
    url = "/records/si-tests/grid/fill/?study=S1"
    of_cohort = boss.get(f"{url}&group=cohorts&name=C1").json()["rows"]
    assert [row["mouse"] for row in of_cohort] == ["M01", "M02", "M04", "M05"]
    assert boss.get(f"{url}&group=cages&name=K1").json()["rows"] == [{"mouse": "M01"}]
    for wrong in ("group=cohorts&name=C9", "group=studies&name=S1", "", "group=cohorts&name=%00"):
        assert boss.get(f"{url}&{wrong}").status_code == 404
    assert boss.get("/records/mice/grid/fill/?study=S1&group=cohorts&name=C1").status_code == 404


def test_a_grid_of_a_record_of_no_study_is_saved_too(boss: Client):
    assert save(boss, {"number": 1, "cells": {"code": "2A"}}, resource="aggressors", study="")["state"] == "stored"
    assert Aggressor.objects.get().code == "2A"


@pytest.mark.django_db(transaction=True)
def test_a_double_submit_at_the_same_moment_stores_once(study: Study):
    client, key, answers, both = signed_in(), str(uuid4()), [], Barrier(2)

    def send() -> None:
        both.wait()
        answers.append(save(client, new(1), key=key))
        connections.close_all()

    threads = [Thread(target=send) for _one in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer["state"] for answer in answers] == ["stored", "stored"]
    assert Weighing.objects.count() == 1


def test_lists_lead_to_the_grid(boss: Client, weighing: Weighing):
    page = boss.get("/records/weighings/?study=S1&mouse__cohort=C1").content.decode()
    assert "/records/weighings/grid/?study=S1&amp;mouse__cohort=C1&amp;rows=stored" in page
    assert 'href="/records/weighings/grid/?study=S1"' in page
    assert "/records/weighings/grid/?study=S1" in boss.get("/records/weighings/import/?study=S1").content.decode()
    assert "/records/weighings/grid/?study=S1&amp;rows=new" in boss.get("/studies/S1/").content.decode()
    assert "mouse=M01&amp;rows=new" in boss.get("/studies/S1/mice/M01/").content.decode()
