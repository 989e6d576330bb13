"""The page that takes a file of counts: what it shows before anything is stored, and what it keeps."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from labdb.accounts.models import Role, User
from labdb.colony.models import Study, StudyMembership
from labdb.registry.history import events_of
from labdb.sequencing.models import CountMatrix, Gene, Library
from tests.sequencing.bad_files import BAD_FILES, MATRIX, WRITTEN_DOWN
from tests.sequencing.count_archives import HTSEQ_FILES, STAR_FILES, salmon, zipped
from tests.sequencing.lab import assert_nothing_stored, make_study, member, numbers, signed_in

pytestmark = pytest.mark.django_db
ADDRESS = "/counts/import/"


@pytest.fixture
def study() -> Study:
    return make_study()


@pytest.fixture
def technician(study: Study) -> Client:
    return signed_in(member(study, "technician"))


def check(client: Client, content: bytes | None = MATRIX, *, name: str = "c.csv", **words: Any) -> Any:
    said = {"step": "check", "study": "S1", "annotation": "A1", **words}
    if content is not None:
        said["file"] = SimpleUploadedFile(name, content)
    return client.post(ADDRESS, said)


def hidden_of(answer: Any) -> dict[str, str]:
    """Return what the page's own Import button sends."""
    form = re.search(r'<form(?:(?!</form>).)*value="import".*?</form>', answer.content.decode(), re.DOTALL)
    assert form, "the page offers no import"
    pairs = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0])
    return {name: html.unescape(value) for name, value in pairs if name != "csrfmiddlewaretoken"}


def text_of(answer: Any) -> str:
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return html.unescape(plain)


def test_a_check_says_what_would_be_stored_and_stores_nothing(technician):
    answer = check(technician)
    assert "c.csv: no errors. Nothing is stored yet." in text_of(answer)
    assert "Import 2 genes × 2 libraries" in text_of(answer)
    assert "all: this annotation is new and is filled from the file" in text_of(answer)
    assert_nothing_stored()


def test_the_import_stores_what_was_checked_and_lets_the_file_go(technician, study, settings):
    checked = check(technician, quantifier="kallisto 0.43", genome_build="GRCm38")
    answer = technician.post(ADDRESS, hidden_of(checked), follow=True)
    matrix = CountMatrix.objects.get(study=study)
    assert answer.redirect_chain == [(f"/records/count-matrices/{matrix.pk}/", 302)]
    assert "2 genes x 2 libraries imported as c, 2 genes new to the annotation." in text_of(answer)
    assert (matrix.quantifier, matrix.genome_build, matrix.file_name) == ("kallisto 0.43", "GRCm38", "c.csv")
    assert str(matrix.created_by) == "a technician"
    assert numbers(matrix) == {"L1": {"Fos": 1, "Arc": 3}, "L2": {"Fos": 2, "Arc": 4}}
    assert events_of(matrix).get().pgh_context.metadata["door"] == "web import"
    assert not any((Path(settings.DATA_DIR) / "uploads").iterdir())


def test_a_page_sent_twice_stores_once(technician):
    sent = hidden_of(check(technician))
    technician.post(ADDRESS, sent)
    again = technician.post(ADDRESS, sent)
    assert "c.csv is no longer kept; choose it again." in text_of(again)
    assert CountMatrix.objects.count() == 1


@pytest.mark.parametrize("content", WRITTEN_DOWN.values(), ids=WRITTEN_DOWN)
def test_however_a_sheet_is_written_down_the_same_counts_are_stored(technician, content):
    technician.post(ADDRESS, hidden_of(check(technician, content)))
    assert numbers(CountMatrix.objects.get()) == {"L1": {"Fos": 1, "Arc": 3}, "L2": {"Fos": 2, "Arc": 4}}


@pytest.mark.parametrize(("content", "sentence"), BAD_FILES.values(), ids=BAD_FILES)
@pytest.mark.parametrize("step", ["check", "import"])
def test_a_bad_file_is_refused_with_the_sentence_of_the_command_and_all_else_kept(technician, content, sentence, step):
    answer = check(technician, content, step=step, quantifier="salmon 1.10", round="")
    assert sentence in text_of(answer)
    assert "1 error in c.csv; nothing was stored." in text_of(answer)
    assert "c.csv is kept; it need not be chosen again." in text_of(answer)
    assert 'value="salmon 1.10"' in answer.content.decode()
    assert 'value="import"' not in answer.content.decode()
    assert_nothing_stored()


def test_the_error_stands_with_its_line_column_and_value(technician):
    (error,) = check(technician, b"gene,L1,L2\nFos,1,2\nArc,3,-7\n").context["errors"]
    assert (error.row, error.column, error.value) == (3, "L2", "-7")


def test_errors_beyond_the_first_fifty_are_counted(technician):
    rows = "".join(f"G{number},-1,0\n" for number in range(60))
    answer = check(technician, f"gene,L1,L2\n{rows}".encode())
    assert "60 errors in c.csv" in text_of(answer)
    assert "... and 10 more." in text_of(answer)
    assert len(answer.context["errors"]) == 50


def test_the_kept_file_is_read_anew_with_other_options(technician):
    refused = check(technician, b"gene,L1,L2\nFos,0.6,2\nArc,3,4\n")
    assert "'0.6' is not a whole number" in text_of(refused)
    better = check(technician, None, token=refused.context["token"], round="yes")
    assert "Rounded 1 of 4 estimates to whole counts." in text_of(better)
    technician.post(ADDRESS, hidden_of(better))
    assert CountMatrix.objects.get().is_rounded
    assert numbers(CountMatrix.objects.get())["L1"] == {"Fos": 1, "Arc": 3}


class TestColumns:
    FILE = b"gene,L1,l-2\nFos,1,2\nArc,3,4\n"

    def test_a_column_spelled_differently_is_shown_with_the_library_proposed_and_not_taken(self, technician):
        answer = check(technician, self.FILE)
        assert "1 column named by a library's code, 0 by the sample map, 1 spelled differently, 0 unknown." in text_of(
            answer
        )
        (row,) = answer.context["unnamed"]
        assert (row["column"], row["proposal"]) == ("l-2", "L2")
        assert_nothing_stored()

    def test_a_column_that_is_nothing_like_a_library_has_an_empty_field(self, technician):
        answer = check(technician, b"gene,L1,Quite other\nFos,1,2\nArc,3,4\n")
        (row,) = answer.context["unnamed"]
        assert (row["column"], row["proposal"]) == ("Quite other", "")
        assert "Column 'Quite other' is no library of this study" in text_of(answer)

    def test_all_spellings_can_be_accepted_and_the_matrix_says_so(self, technician):
        token = check(technician, self.FILE).context["token"]
        answer = check(technician, None, token=token, accept_normalized="yes")
        assert answer.context["matched"] == [("l-2", "L2", "spelled differently"), ("L1", "L1", "by its code")]
        technician.post(ADDRESS, hidden_of(answer))
        matrix = CountMatrix.objects.get()
        assert (matrix.n_names_normalized, matrix.n_names_mapped) == (1, 0)

    def test_it_can_be_named_on_the_page(self, technician):
        token = check(technician, self.FILE).context["token"]
        answer = check(technician, None, token=token, column="l-2", library="L2")
        assert answer.context["report"].match.mapped == {"l-2": "L2"}
        technician.post(ADDRESS, hidden_of(answer))
        assert numbers(CountMatrix.objects.get()) == {"L1": {"Fos": 1, "Arc": 3}, "L2": {"Fos": 2, "Arc": 4}}

    def test_a_sample_map_names_them_and_is_not_sent_twice(self, technician):
        sample_map = SimpleUploadedFile("map.csv", b"name,library\nl-2,L2\n")
        refused = check(technician, self.FILE.replace(b"4", b"-4"), sample_map=sample_map)
        corrected = check(technician, self.FILE, token=refused.context["token"])
        assert corrected.context["report"].match.mapped == {"l-2": "L2"}
        forgotten = check(technician, None, token=corrected.context["token"], forget_map="yes")
        assert "Column 'l-2' is no library of this study" in text_of(forgotten)

    def test_a_library_that_is_not_there_is_refused(self, technician):
        token = check(technician, self.FILE).context["token"]
        answer = check(technician, None, token=token, column="l-2", library="L9")
        assert "The sample map makes column 'l-2' library 'L9', which this study has not" in text_of(answer)
        assert_nothing_stored()

    def test_a_bad_sample_map_is_refused_by_line_and_the_file_kept(self, technician):
        sample_map = SimpleUploadedFile("map.csv", b"name,library\nl-2,\n")
        answer = check(technician, self.FILE, sample_map=sample_map)
        assert "map.csv, line 2, column 'library': the cell is empty" in text_of(answer)
        assert "c.csv is kept" in text_of(answer)
        assert_nothing_stored()

    def test_columns_named_on_the_page_outlive_a_bad_sample_map(self, technician):
        token = check(technician, self.FILE).context["token"]
        bad_map = SimpleUploadedFile("map.csv", b"name,library\nl-2,\n")
        refused = check(technician, None, token=token, column="l-2", library="L2", sample_map=bad_map)
        again = check(technician, None, token=refused.context["token"])
        assert again.context["report"].match.mapped == {"l-2": "L2"}


class TestFilesOfSamples:
    def test_the_strandedness_is_confirmed_by_a_person_who_sees_the_sums(self, technician):
        asked = check(technician, zipped(STAR_FILES), name="star.zip")
        assert "The sums speak for reverse" in text_of(asked)
        assert [one.shown for one in asked.context["strand_samples"]] == [
            ("4,415", "131", "4,284", "3.0%"),
            ("1,507", "50", "1,457", "3.3%"),  # 50 of 1,507
            ("2,908", "81", "2,827", "2.8%"),  # 81 of 2,908
        ]
        assert_nothing_stored()
        token = asked.context["token"]
        wrong = check(technician, None, token=token, strandedness="forward")
        assert "the forward column does not fit these libraries, whose sums speak for reverse" in text_of(wrong)
        right = check(technician, None, token=token, strandedness="reverse")
        technician.post(ADDRESS, hidden_of(right))
        matrix = CountMatrix.objects.get()
        assert (matrix.format, matrix.strandedness, matrix.file_name) == ("star", "reverse", "star.zip")
        assert numbers(matrix)["L1"] == {"Fos": 970, "Arc": 480, "Egr1": 7}

    def test_files_chosen_together_are_read_as_one_and_as_their_archive(self, technician):
        files = [SimpleUploadedFile(name, content) for name, content in HTSEQ_FILES.items()]
        technician.post(ADDRESS, hidden_of(check(technician, None, file=files)))
        matrix = CountMatrix.objects.get()
        assert (matrix.format, matrix.file_name, matrix.code) == ("htseq", "2 files.zip", "2-files")
        assert numbers(matrix)["L2"] == {"Fos": 4, "Arc": 5, "Egr1": 6}
        again = check(technician, zipped(dict(reversed(HTSEQ_FILES.items()))), name="packed.zip")
        assert "This file was already imported into study S1 as 2-files" in text_of(again)
        twice = check(technician, None, file=[files[0], files[0]])
        assert "Two of the files are named L1.counts" in text_of(twice)

    def test_the_table_of_transcripts_is_kept_beside_the_file(self, technician, settings):
        names = ("ENSMUST00000000001", "ENSMUST00000000002")
        files = zipped({"L1/quant.sf": salmon(1, 2, names=names), "L2/quant.sf": salmon(3, 4, names=names)})
        refused = check(technician, files, name="salmon.zip")
        assert "give the table of transcript and gene with --transcripts" in text_of(refused)
        bad = SimpleUploadedFile("t.csv", b"a,b\n1,2\n")
        refused = check(technician, None, token=refused.context["token"], transcripts=bad)
        assert "t.csv needs the columns 'transcript' and 'gene'" in text_of(refused)
        table = SimpleUploadedFile("t.csv", f"transcript,gene\n{names[0]},Fos\n{names[1]},Fos\n".encode())
        checked = check(technician, None, token=refused.context["token"], transcripts=table)
        technician.post(ADDRESS, hidden_of(checked))
        assert numbers(CountMatrix.objects.get()) == {"L1": {"Fos": 3}, "L2": {"Fos": 7}}
        assert not any((Path(settings.DATA_DIR) / "uploads").iterdir())


def test_what_is_missing_is_said_at_its_field_and_the_file_kept(technician):
    answer = check(technician, annotation="", study="")
    assert answer.context["form"].errors == {
        "study": ["This is needed; enter a value."],
        "annotation": ["This is needed; enter a value."],
    }
    better = check(technician, None, token=answer.context["token"])
    assert better.context["report"].n_genes == 2
    assert "Nothing was sent; choose the file of counts." in text_of(check(technician, None))


def test_a_file_beyond_the_limit_is_refused_with_the_remedy(technician, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
    answer = check(technician, MATRIX + b" " * 2**20)
    assert "c.csv has 2 MB, more than 1 MB; pack it with gzip, or use `manage.py import_counts`." in text_of(answer)
    assert_nothing_stored()


def test_the_page_knows_annotations_quantifiers_and_builds_of_before(technician):
    checked = check(technician, quantifier="kallisto 0.43", genome_build="GRCm38")
    technician.post(ADDRESS, hidden_of(checked))
    page = technician.get(ADDRESS)
    assert page.context["known_annotations"] == ["A1"]
    assert page.context["known_quantifiers"] == ["kallisto 0.43"]
    assert page.context["known_genome_builds"] == ["GRCm38"]


class TestWho:
    def test_the_list_of_matrices_leads_there_for_who_may(self, study, technician):
        link = 'href="/counts/import/?study=S1"'
        assert link in technician.get("/records/count-matrices/?study=S1").content.decode()
        investigator = signed_in(member(study, "investigator"))
        assert link not in investigator.get("/records/count-matrices/?study=S1").content.decode()

    def test_the_study_of_the_address_is_filled_in(self, study, technician):
        other = make_study("S2")
        user = User.objects.get(username="a technician")
        StudyMembership.objects.create(study=other, user=user, role=Role.objects.get(name="technician"))
        assert technician.get(f"{ADDRESS}?study=S2").context["chosen_study"] == other
        assert technician.get(ADDRESS).context["chosen_study"] is None

    def test_an_investigator_may_not(self, study):
        client = signed_in(member(study, "investigator"))
        assert client.get(ADDRESS).status_code == 403
        answer = check(client)
        assert answer.status_code == 403
        assert "Your role may not add count matrices in study S1; ask a manager." in text_of(answer)
        assert_nothing_stored()

    def test_a_study_that_is_not_seen_does_not_exist(self, technician):
        make_study("S2")
        assert technician.get(f"{ADDRESS}?study=S2").status_code == 404
        assert check(technician, study="S2").status_code == 404
        assert_nothing_stored()

    def test_a_study_that_is_only_read_is_not_offered(self, study, technician):
        other = make_study("S2")
        user = User.objects.get(username="a technician")
        StudyMembership.objects.create(study=other, user=user, role=Role.objects.get(name="scorer"))
        assert technician.get(ADDRESS).context["studies"] == [study]
        assert check(technician, study="S2").status_code == 403

    def test_the_file_of_another_is_not_found(self, study, technician):
        sent = hidden_of(check(technician))
        other = signed_in(member(study, "manager"))
        assert "c.csv is no longer kept; choose it again." in text_of(other.post(ADDRESS, sent))
        assert_nothing_stored()

    def test_nobody_signed_in_is_sent_to_the_sign_in(self, study):
        assert Client().get(ADDRESS).status_code == 302


def test_a_study_without_libraries_says_to_enter_them_first(technician):
    Library.objects.all().delete()
    assert "Study S1 has no libraries yet; enter them first" in text_of(check(technician))
    assert not Gene.objects.exists()
