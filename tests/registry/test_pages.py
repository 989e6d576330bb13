"""The pages of records: what a list shows, what a form keeps, what an import refuses, who may do what."""

import csv
import io
import re
import shutil
from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labdb.accounts.models import Role, User
from labdb.colony.models import Cohort, Mouse, Strain, Study, StudyMembership, Weighing
from labdb.registry.cells import number_text
from labdb.registry.import_log import Import
from labdb.registry.record import all_records
from labdb.sequencing.models import ExtractionSample, RnaExtraction
from labdb.tissue.models import BrainRegion, TissueSample
from labdb.treatment.models import Drug, TreatmentArm, TreatmentComponent

MouseEvent: Any = apps.get_model("colony", "MouseEvent")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def uploads(settings: Any, tmp_path: Any) -> Any:
    settings.DATA_DIR = tmp_path
    return tmp_path / "uploads"


@pytest.fixture
def study() -> Study:
    return Study.objects.create(code="S1", title="first")


@pytest.fixture
def mice(study: Study) -> list[Mouse]:
    """120 mice in two cohorts: M001 to M060 defeated, the others control; M001 is the youngest."""
    cohorts = [Cohort.objects.create(study=study, code=code) for code in ("C1", "C2")]
    return Mouse.objects.bulk_create(
        Mouse(
            study=study,
            code=f"M{number:03}",
            cohort=cohorts[number % 2],
            group="defeated" if number <= 60 else "control",
            birth_date=date(2026, 1, 1) - timedelta(days=number),
        )
        for number in range(1, 121)
    )


def signed_in(name: str = "boss", role: str = "", study: Study | None = None) -> Client:
    """Return the browser of an account: a superuser, or one with a role in one study."""
    if study is not None:
        user = User.objects.create(username=name)
        StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))
    else:
        user = User.objects.create_superuser(name)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def boss() -> Client:
    return signed_in()


def first_cells(answer: Any) -> list[str]:
    """Return the first cell of each row of the list."""
    return [row[0].parts[0].text for row in answer.context["page"].rows]


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


class TestLists:
    def test_a_page_holds_fifty_rows_and_the_last_one_the_rest(self, boss, mice):
        first = boss.get("/records/mice/")
        assert first_cells(first) == [f"M{number:03}" for number in range(1, 51)]
        assert "1–50 of 120" in text_of(first)
        last = boss.get("/records/mice/?page=3")
        assert first_cells(last) == [f"M{number:03}" for number in range(101, 121)]
        assert last.context["page"].next_url == ""

    @pytest.mark.parametrize("page", ["0", "-1", "abc", "99999999999999999999", "7"])
    def test_a_page_that_does_not_exist_is_no_error(self, boss, mice, page):
        assert boss.get("/records/mice/", {"page": page}).status_code == 200

    def test_filters_search_and_order_come_from_the_address(self, boss, mice):
        found = boss.get("/records/mice/?study=S1&group=defeated&cohort=C2&search=m00&ordering=birth_date")
        # M001 to M009 of the odd cohort, the oldest first: the higher the number, the older
        assert first_cells(found) == ["M009", "M007", "M005", "M003", "M001"]
        assert [chip.text for chip in found.context["chips"]] == ["group is defeated", "cohort is C2", "holds “m00”"]
        without_cohort = found.context["chips"][1].url
        assert len(first_cells(boss.get(without_cohort))) == 9

    def test_a_heading_sorts_and_then_turns_the_order(self, boss, mice):
        heading = boss.get("/records/mice/").context["page"].headings[0]
        sorted_once = boss.get(heading.url)
        turned = boss.get(sorted_once.context["page"].headings[0].url)
        assert first_cells(turned)[0] == "M120"
        assert turned.context["page"].headings[0].direction == "descending"

    def test_any_field_of_a_related_record_filters(self, boss, mice):
        assert len(first_cells(boss.get("/records/mice/?cohort__code=C1&birth_date__gte=2025-12-01"))) == 15

    def test_an_unknown_filter_is_refused_with_the_known_ones(self, boss, mice):
        answer = boss.get("/records/mice/?colour=red&birth_date=soon")
        assert answer.status_code == 400
        assert "colour is not a filter of mice; known are birth_date, code, cohort" in text_of(answer)
        assert "soon is not a date" in text_of(answer)
        assert answer.context["page"] is None

    def test_htmx_gets_the_rows_alone_and_an_address_without_empty_filters(self, boss, mice):
        answer = boss.get("/records/mice/?group=control&sex=&search=", headers={"HX-Request": "true"})
        assert "<html" not in answer.content.decode()
        assert "M061" in answer.content.decode()
        assert answer["HX-Push-Url"] == "/records/mice/?group=control"

    def test_the_export_holds_every_row_that_the_filters_select(self, boss, mice):
        answer = boss.get("/records/mice/?group=defeated&export=csv")
        rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
        assert [row["code"] for row in rows] == [f"M{number:03}" for number in range(1, 61)]
        assert rows[0]["study"] == "S1"
        assert rows[0]["birth_date"] == "2025-12-31"

    def test_an_unknown_export_is_refused(self, boss, mice):
        answer = boss.get("/records/mice/?export=doc")
        assert answer.status_code == 400
        assert "doc is not a format" in text_of(answer)

    def test_the_study_stays_on_the_way_to_a_record_without_one(self, boss, study):
        answer = boss.get("/records/strains/?study=S1")
        assert answer.status_code == 200
        assert "S1" in text_of(answer)
        assert boss.get("/records/strains/?study=S9").status_code == 404

    def test_a_value_is_shown_as_the_bench_writes_it(self, boss, study):
        Mouse.objects.create(study=study, code="M1", birth_date="2026-01-05", is_humane_endpoint=True)
        mouse = Mouse.objects.get(code="M1")
        shown = text_of(boss.get(f"/records/mice/{mouse.pk}/"))
        assert "Birth date 5 Jan 2026" in shown
        assert "Humane endpoint reached yes" in shown
        assert "Cohort —" in shown

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (0.123456, "0.1235"),
            (58.0638, "58.06"),
            (25.0, "25"),
            (1.5e-12, "1.5e-12"),
            (123456.7, "123457"),
            (0.0, "0"),
        ],
    )
    def test_a_number_has_four_significant_digits(self, value, text):
        assert number_text(value) == text


class TestQueries:
    def test_a_list_of_300_rows_takes_at_most_12_queries_for_a_member(self, study, mice):
        Weighing.objects.bulk_create(
            Weighing(study=study, mouse=mice[n % 120], body_mass_g=20, performed_at=f"2026-02-{n // 120 + 1:02} 09:00Z")
            for n in range(300)
        )
        client = signed_in("tina", "technician", study)
        with CaptureQueriesContext(
            connection,
        ) as few:
            assert len(first_cells(client.get("/records/weighings/?study=S1"))) == 50
        assert len(few) <= 12

    def test_a_list_of_records_with_several_relatives_takes_at_most_12_queries(self, study, mice):
        region = BrainRegion.objects.create(code="TST", name="test")
        for mouse in mice[:60]:
            extraction = RnaExtraction.objects.create(study=study, code=f"E-{mouse.code}")
            for side in "AB":
                sample = TissueSample.objects.create(
                    study=study, code=f"{mouse.code}{side}", mouse=mouse, region=region
                )
                ExtractionSample.objects.create(study=study, extraction=extraction, sample=sample)
        client = signed_in("tina", "technician", study)
        with CaptureQueriesContext(connection) as few:
            found = client.get("/records/rna-extractions/?search=M00")
        assert first_cells(found) == [f"E-M00{digit}" for digit in range(1, 10)]
        assert "M001A ; M001B" in text_of(found)
        assert len(few) <= 12

    def test_every_record_has_a_list_a_form_and_an_import(self, boss, study):
        for record in all_records():
            assert boss.get(reverse("record-list", args=[record.resource])).status_code == 200, record.resource
            for page in ("record-add", "record-import"):
                expected = 403 if record.read_only else 200
                assert boss.get(reverse(page, args=[record.resource])).status_code == expected, record.resource


class TestOneRecord:
    def test_it_shows_what_refers_to_it_and_the_way_to_all_of_it(self, boss, study, mice):
        cohort = Cohort.objects.get(code="C2")
        answer = boss.get(f"/records/cohorts/{cohort.pk}/")
        table = answer.context["related"][0]
        assert (table.title, table.count, len(table.rows)) == ("Mice", "60", 20)
        assert answer.content.decode().count('<a href="/records/mice/') >= 20  # the rows themselves are on the page
        assert "60" in text_of(boss.get(table.list_url))
        assert len(first_cells(boss.get(table.list_url))) == 50

    def test_its_history_says_who_changed_what_and_why(self, boss, mice):
        mouse = mice[0]
        boss.post(
            f"/records/mice/{mouse.pk}/edit/", {"group": "witness", "version": "1", "history_reason": "card read anew"}
        )
        change = boss.get(f"/records/mice/{mouse.pk}/").context["changes"][0]
        assert (change.who, change.door, change.reason) == ("boss", "web", "card read anew")
        label, old, new = change.differences[0]
        assert (label, old.parts[0].text, new.parts[0].text) == ("Group", "defeated", "witness")

    @pytest.mark.parametrize("address", ["/records/mice/999999999/", f"/records/mice/{10**30}/", "/records/dragons/"])
    def test_what_does_not_exist_is_not_found(self, boss, study, address):
        assert boss.get(address).status_code == 404


class TestEntry:
    def test_a_mouse_is_entered_and_shown(self, boss, study):
        answer = boss.post(
            "/records/mice/add/?study=S1", {"code": "M900", "sex": "F", "strain": "C57BL/6J"}, follow=True
        )
        mouse = Mouse.objects.get(code="M900")
        assert answer.redirect_chain == [(f"/records/mice/{mouse.pk}/", 302)]
        assert "Mouse M900 saved." in text_of(answer)
        assert (mouse.study, str(mouse.strain), str(mouse.created_by)) == (study, "C57BL/6J", "boss")

    def test_the_only_study_and_the_address_fill_the_form(self, boss, study):
        form = boss.get("/records/mice/add/?group=control&sex=F").context["form"]
        assert [form[name].value() for name in ("study", "group", "sex")] == ["S1", "control", "F"]

    def test_another_one_starts_where_this_one_started(self, boss, study):
        answer = boss.post("/records/mice/add/?study=S1&group=control", {"code": "M901", "again": "1"})
        assert answer.url == "/records/mice/add/?study=S1&group=control"

    def test_a_refused_form_keeps_what_was_entered_beside_the_sentence(self, boss, study):
        answer = boss.post(
            "/records/mice/add/?study=S1", {"code": "two words", "strain": "C57BL", "birth_date": "2099-01-01"}
        )
        form = answer.context["form"]
        assert "There is no strain C57BL; did you mean" in form.errors["strain"][0]
        assert "2099-01-01 is in the future" in form.errors["birth_date"][0]
        page = answer.content.decode()
        assert 'value="two words"' in page
        assert 'value="C57BL"' in page
        assert 'value="2099-01-01"' in page
        assert not Mouse.objects.exists()

    def test_an_edit_changes_what_was_sent_and_nothing_else(self, boss, study):
        performed_at = "2026-02-01 09:30:15.123456+00:00"
        mouse = Mouse.objects.create(study=study, code="M1", birth_date="2025-01-01")
        weighing = Weighing.objects.create(study=study, mouse=mouse, body_mass_g=20, performed_at=performed_at)
        page = boss.get(f"/records/weighings/{weighing.pk}/edit/").content.decode()
        shown = "2026-02-01T09:30:15"
        assert f'name="performed_at" value="{shown}"' in page
        posted = {
            "mouse": "M1",
            "performed_at": shown,
            "body_mass_g": "21.5",
            "notes": "",
            "performed_by": "",
            "version": "1",
        }
        assert boss.post(f"/records/weighings/{weighing.pk}/edit/", posted).status_code == 302
        after = Weighing.objects.get()
        assert (after.body_mass_g, after.performed_at.isoformat(" ")) == (21.5, performed_at)

    def test_two_editors_see_both_values_and_choose(self, boss, mice):
        mouse = mice[0]
        address = f"/records/mice/{mouse.pk}/edit/"
        boss.post(address, {"group": "witness", "ear_tag": "7", "version": "1"})
        answer = boss.post(address, {"group": "defeated", "ear_tag": "7", "genotype": "wt", "version": "1"})
        assert answer.status_code == 409
        assert "Someone else changed M001 while you worked on it" in text_of(answer)
        shown = {one.name: (one.theirs, one.yours) for one in answer.context["differences"]}
        assert shown == {"group": ("witness", "defeated"), "genotype": ("", "wt")}
        same = dict(answer.context["same"])
        chosen = {**same, "group": "witness", "genotype": "wt", "version": str(answer.context["version"])}
        assert boss.post(address, chosen).status_code == 302
        mouse.refresh_from_db()
        assert (mouse.group, mouse.genotype, mouse.ear_tag, mouse.version) == ("witness", "wt", "7", 3)

    def test_an_edit_that_does_not_say_its_version_is_not_saved(self, boss, mice):
        answer = boss.post(f"/records/mice/{mice[0].pk}/edit/", {"group": "witness"})
        assert "did not say which version" in text_of(answer)
        assert Mouse.objects.get(pk=mice[0].pk).group == "defeated"


class TestDeletion:
    def test_a_needed_record_says_by_what_and_stays(self, boss, mice):
        cohort = Cohort.objects.get(code="C1")
        asked = boss.get(f"/records/cohorts/{cohort.pk}/delete/")
        assert "Cohort C1 has 60 mice; delete these first." in text_of(asked)
        assert boss.post(f"/records/cohorts/{cohort.pk}/delete/").status_code == 409
        assert Cohort.objects.filter(pk=cohort.pk).exists()

    def test_asking_deletes_nothing_and_names_what_would_go_along(self, boss, study):
        arm = TreatmentArm.objects.create(study=study, name="saline")
        drug = Drug.objects.create(name="test drug")
        TreatmentComponent.objects.create(study=study, arm=arm, drug=drug, day_from=1, day_to=2)
        asked = boss.get(f"/records/treatment-arms/{arm.pk}/delete/")
        assert "With it go 1 treatment component." in text_of(asked)
        assert TreatmentComponent.objects.count() == 1

    def test_a_deleted_record_leaves_its_history(self, boss, mice):
        answer = boss.post(f"/records/mice/{mice[0].pk}/delete/", {"history_reason": "entered twice"}, follow=True)
        assert "Mouse M001 deleted" in text_of(answer)
        event = MouseEvent.objects.get(pgh_label="delete")
        assert event.pgh_context.metadata["reason"] == "entered twice"
        assert not Mouse.objects.filter(code="M001").exists()


class TestImport:
    BAD = "code,sex,birth_date,color\nM1,M,2025-01-01,red\nM 2,X,01/02/2025,blue\nM1,F,2099-01-01,red\n"
    GOOD = "code,sex,birth_date\nM1,M,2025-01-01\nM2,F,2025-01-02\n"

    def send(self, client: Client, content: str, **words: str) -> Any:
        upload = SimpleUploadedFile("mice.csv", content.encode(), "text/csv")
        return client.post("/records/mice/import/", {"step": "check", "study": "S1", "file": upload, **words})

    def test_every_wrong_cell_is_listed_and_nothing_is_stored(self, boss, study):
        answer = self.send(boss, self.BAD.replace(",color", "").replace(",red", "").replace(",blue", ""))
        found = {(error.line, error.column, error.value) for error in answer.context["report"].errors}
        assert found == {
            (3, "code", "M 2"),
            (3, "sex", "X"),
            (3, "birth_date", "01/02/2025"),
            (4, "birth_date", "2099-01-01"),
            (4, "code", "M1"),  # the code of line 2 once more
        }
        assert "5 errors in 2 lines of mice.csv; nothing was stored." in text_of(answer)
        assert "M 2,X,01/02/2025" in answer.context["text"]  # to be corrected where it is
        assert not Mouse.objects.exists()

    def test_a_checked_file_is_stored_by_its_token(self, boss, study, uploads):
        checked = self.send(boss, self.GOOD)
        assert "Import 2 rows" in text_of(checked)
        assert not Mouse.objects.exists()
        token = checked.context["token"]
        answer = boss.post("/records/mice/import/", {"step": "import", "study": "S1", "token": token}, follow=True)
        log = Import.objects.get()
        assert answer.redirect_chain == [(f"/records/imports/{log.pk}/", 302)]
        assert "2 mice imported from mice.csv." in text_of(answer)
        assert list(Mouse.objects.values_list("code", "sex")) == [("M1", "M"), ("M2", "F")]
        assert not any(uploads.iterdir())

    def test_a_file_that_became_wrong_meanwhile_is_refused_whole(self, boss, study):
        token = self.send(boss, self.GOOD).context["token"]
        Mouse.objects.create(study=study, code="M2")
        answer = boss.post("/records/mice/import/", {"step": "import", "study": "S1", "token": token})
        assert "U is stored; F would replace it." in text_of(answer)
        assert Mouse.objects.get().sex == "U"

    def test_a_column_with_another_name_is_mapped_on_the_page(self, boss, study):
        checked = self.send(boss, "animal,sex,cage\nM1,M,12\n")
        unknown = [column.name for column in checked.context["file_columns"] if column.stands_for is None]
        assert unknown == ["animal", "cage"]
        words = {"study": "S1", "token": checked.context["token"], "column-0": "code", "column-2": ""}
        again = boss.post("/records/mice/import/", {**words, "step": "again"})
        assert not again.context["report"].errors
        token = again.context["token"]
        boss.post("/records/mice/import/", {"step": "import", "study": "S1", "token": token})
        assert Mouse.objects.get().code == "M1"

    def test_what_the_columns_are_is_remembered_while_the_text_is_corrected(self, boss, study):
        token = self.send(boss, "animal,sex\nM1,Q\n").context["token"]
        again = {"step": "again", "study": "S1", "token": token, "column-0": "code"}
        token = boss.post("/records/mice/import/", again).context["token"]
        corrected = {"step": "check", "study": "S1", "token": token, "text": "animal,sex\nM1,F\n", "name": "mice.csv"}
        answer = boss.post("/records/mice/import/", corrected)
        assert not answer.context["report"].errors
        renamed = boss.post("/records/mice/import/", {**corrected, "text": "code,sex\nM1,F\n"})
        assert not renamed.context["report"].errors

    def test_the_token_of_another_account_opens_nothing(self, boss, study):
        token = self.send(boss, self.GOOD).context["token"]
        other = signed_in("tina", "technician", study)
        for forged in (token, token[:-2] + "xx", "1-" + "0" * 64):
            answer = other.post("/records/mice/import/", {"step": "import", "study": "S1", "token": forged})
            assert "no longer kept; choose it again" in text_of(answer)
        assert not Mouse.objects.exists()

    def test_a_disk_that_takes_no_file_is_said_in_words(self, boss, study, uploads):
        token = self.send(boss, self.GOOD).context["token"]
        shutil.rmtree(uploads)
        uploads.write_text("")  # where the folder should be
        said = "mice.csv cannot be kept on the server (File exists); tell a manager, and send it again later."
        assert said in text_of(self.send(boss, self.GOOD))
        answer = boss.post("/records/mice/import/", {"step": "import", "study": "S1", "token": token})
        assert said in text_of(answer)
        assert not Mouse.objects.exists()

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [(b"", "is empty"), (b"\x89PNG\r\n\x1a\n\0\0\0", "bytes of value 0"), (b"PK\x03\x04abc", "Excel workbook")],
    )
    def test_a_file_that_is_no_table_is_refused_in_words(self, boss, study, content, sentence):
        upload = SimpleUploadedFile("mice.csv", content)
        answer = boss.post("/records/mice/import/", {"step": "check", "study": "S1", "file": upload})
        assert answer.status_code == 200
        assert sentence in text_of(answer)

    def test_a_pasted_table_is_read_like_a_file(self, boss, study):
        answer = boss.post(
            "/records/mice/import/", {"step": "check", "study": "S1", "text": self.GOOD.replace(",", "\t")}
        )
        assert answer.context["report"].rows == 2

    def test_the_empty_file_has_the_header_that_the_import_reads(self, boss, study):
        header = boss.get("/records/mice/import/?template=csv").content.decode().strip()
        cells = {"study": "S1", "code": "M1", "sex": "M", "birth_date": "2025-01-01", "is_humane_endpoint": "no"}
        answer = self.send(boss, f"{header}\n{','.join(cells.get(name, '') for name in header.split(','))}\n")
        assert not answer.context["report"].errors


class TestPermission:
    @pytest.fixture
    def other(self) -> Mouse:
        return Mouse.objects.create(study=Study.objects.create(code="S2", title="second"), code="X1")

    def test_a_record_of_a_study_without_membership_is_as_good_as_none(self, study, mice, other):
        tina = signed_in("tina", "technician", study)
        for page in ("", "edit/", "delete/"):
            assert tina.get(f"/records/mice/{other.pk}/{page}").status_code == 404
        assert tina.get("/records/mice/?study=S2").status_code == 404
        assert "X1" not in first_cells(tina.get("/records/mice/?ordering=-code"))
        assert tina.get("/records/mice/keys/?q=X1").json() == {"found": []}

    def test_a_technician_enters_but_does_not_delete(self, study, mice):
        tina = signed_in("tina", "technician", study)
        refused = tina.post(f"/records/mice/{mice[0].pk}/delete/")
        assert refused.status_code == 403
        assert "Your role may not delete mice in study S1; ask a manager." in text_of(refused)
        detail = tina.get(f"/records/mice/{mice[0].pk}/")
        assert "edit_url" in detail.context
        assert "delete_url" not in detail.context
        assert tina.post("/records/mice/add/", {"code": "M999"}).status_code == 302

    def test_an_investigator_gets_no_button_and_no_form(self, study, mice):
        pia = signed_in("pia", "investigator", study)
        assert "add_url" not in pia.get("/records/mice/?study=S1").context
        for page in ("add/", "import/", f"{mice[0].pk}/edit/"):
            assert pia.get(f"/records/mice/{page}?study=S1").status_code == 403
        assert pia.post("/records/mice/add/?study=S1", {"code": "M999"}).status_code == 403
        assert not Mouse.objects.filter(code="M999").exists()

    def test_a_row_for_a_study_of_others_is_refused_at_the_form(self, study, other):
        tina = signed_in("tina", "technician", study)
        answer = tina.post("/records/mice/add/?study=S1", {"code": "M999", "study": "S2"})
        assert "There is no study S2" in answer.context["form"].errors["study"][0]

    def test_nobody_is_asked_to_sign_in_for_nothing(self, study):
        assert Client().get("/records/mice/")["Location"] == "/accounts/login/?next=/records/mice/"

    def test_results_are_not_entered_by_people(self, boss, study):
        answer = boss.get("/records/phenotype-calls/add/")
        assert answer.status_code == 403
        assert "an analysis or a file of their own writes them" in text_of(answer)


class TestNames:
    def test_names_are_found_by_what_they_hold_within_the_study(self, boss, mice):
        second = Study.objects.create(code="S2", title="second")
        Mouse.objects.create(study=second, code="M007")
        found = boss.get("/records/mice/keys/?q=m007&study=S1").json()["found"]
        assert found == [{"value": "M007", "text": "M007"}]
        everywhere = boss.get("/records/mice/keys/?q=m007").json()["found"]
        assert [one["value"] for one in everywhere] == ["S1-M007", "S2-M007"]

    def test_thirty_names_are_enough(self, boss, mice):
        assert len(boss.get("/records/mice/keys/?q=M").json()["found"]) == 30

    def test_what_is_found_is_what_the_form_reads(self, boss, study):
        Strain.objects.create(name="C57BL/6J; odd")
        for found in boss.get("/records/strains/keys/?q=C57BL/6J").json()["found"]:
            boss.post("/records/mice/add/?study=S1", {"code": f"M{len(found['value'])}", "strain": found["value"]})
        assert set(Mouse.objects.values_list("strain__name", flat=True)) == {"C57BL/6J", "C57BL/6J; odd"}


def test_the_index_shows_the_rooms_in_the_order_of_the_experiment(boss, study, mice):
    answer = boss.get("/records/?study=S1")
    rooms = [room for room, _records in answer.context["rooms"]]
    assert rooms[:3] == ["Colony", "Defeat", "Behavior"]
    colony = {one["title"]: one for one in answer.context["rooms"][0][1]}
    assert colony["Mice"]["count"] == "120"
    assert colony["Mice"]["about"] == "One mouse, from birth to death."
    assert colony["Mice"]["url"] == "/records/mice/?study=S1"


@pytest.mark.parametrize("resource", [record.resource for record in all_records() if not record.read_only])
def test_a_choice_that_is_not_made_is_said_in_words(boss: Client, resource: str):
    page = boss.get(f"/records/{resource}/add/").content.decode()
    assert not re.search(r'<option value=""[^>]*>[-\s]*</option>', page)
