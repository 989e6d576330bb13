"""A count file goes in whole, or is refused with every reason and nothing stored; the command says the same."""

import io

import pytest
from django.core.management import CommandError, call_command

from labdb.accounts.first_account import system_account
from labdb.accounts.models import User
from labdb.colony.models import Study
from labdb.registry.history import events_of
from labdb.registry.long_work import told_to
from labdb.sequencing.count_cells import CountFileError
from labdb.sequencing.count_import import Quantification, import_counts
from labdb.sequencing.models import CountMatrix, Gene, Library
from tests.sequencing.bad_files import BAD_FILES, MATRIX, WRITTEN_DOWN
from tests.sequencing.lab import assert_nothing_stored, make_study, numbers

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_study()


@pytest.fixture
def run(study, tmp_path):
    """Return a call of the command: exit code, what it printed, what it said of errors."""

    def run(content: bytes, *options: str, name: str = "c.csv", annotation: str = "A1") -> tuple[int, str, str]:
        file = tmp_path / name
        file.write_bytes(content)
        out, err = io.StringIO(), io.StringIO()
        arguments = ["import_counts", str(file), "--study", study.code, "--annotation", annotation, *options]
        try:
            call_command(*arguments, stdout=out, stderr=err)
        except SystemExit as ended:
            return int(str(ended.code)), out.getvalue(), err.getvalue()
        return 0, out.getvalue(), err.getvalue()

    return run


# what goes in ---------------------------------------------------------------------------------------------


def test_a_matrix_goes_in_with_where_it_came_from(run, study):
    code, out, err = run(MATRIX, "--quantifier", "kallisto 0.43", "--genome-build", "GRCm38", "--quantified-by", "core")
    assert (code, err) == (0, "")
    assert out == "Imported 2 genes x 2 libraries, 2 genes new to the annotation as c.\n"
    matrix = CountMatrix.objects.get(study=study)
    assert (matrix.annotation, matrix.quantifier, matrix.genome_build) == ("A1", "kallisto 0.43", "GRCm38")
    assert (matrix.quantified_by, matrix.quantified_date) == ("core", None)
    assert (matrix.file_name, matrix.n_genes, matrix.n_libraries, matrix.is_rounded) == ("c.csv", 2, 2, False)
    assert matrix.created_by == system_account()
    assert numbers(matrix) == {"L1": {"Fos": 1, "Arc": 3}, "L2": {"Fos": 2, "Arc": 4}}


@pytest.mark.parametrize("content", WRITTEN_DOWN.values(), ids=WRITTEN_DOWN)
def test_however_a_sheet_is_written_down_the_same_counts_are_stored(run, content):
    assert run(content)[0] == 0
    assert numbers(CountMatrix.objects.get()) == {"L1": {"Fos": 1, "Arc": 3}, "L2": {"Fos": 2, "Arc": 4}}


def test_latin_1_goes_in_with_a_note_to_look_at_the_letters(run, study):
    Library.objects.create(study=study, code="L-S")
    code, out, _err = run("gène,L1,L2\nFos,1,2\nArc,3,4\n".encode("latin-1"))
    assert code == 0
    assert out.startswith("Note: Not UTF-8 (line 1): read as Windows-1252 (latin-1). Look at the accented letters.\n")


def test_samples_in_rows_go_in_when_turned(run):
    assert run(b"sample,Fos,Arc\nL1,1,3\nL2,2,4\n", "--transpose")[0] == 0
    assert numbers(CountMatrix.objects.get()) == {"L1": {"Fos": 1, "Arc": 3}, "L2": {"Fos": 2, "Arc": 4}}


def test_estimates_go_in_rounded_when_asked_and_the_matrix_says_so(run):
    code, out, _err = run(b"gene,L1,L2\nFos,0.6,2\nArc,3,4\n", "--round")
    assert code == 0
    assert "Note: Rounded 1 of 4 estimates to whole counts." in out
    matrix = CountMatrix.objects.get()
    assert matrix.is_rounded
    assert "Rounded 1 of 4" in matrix.notes
    assert numbers(matrix)["L1"] == {"Fos": 1, "Arc": 3}


def test_every_change_is_in_the_history_with_its_door(run):
    run(MATRIX)
    (event,) = events_of(CountMatrix.objects.get())
    assert (event.pgh_label, event.pgh_context.metadata["door"]) == ("insert", "command")
    assert events_of(Gene.objects.get(gene_id="Fos")).get().pgh_context.metadata["door"] == "command"


# what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "sentence"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_ends_with_1_says_what_where_and_the_remedy_and_stores_nothing(run, content, sentence):
    code, out, err = run(content)
    assert (code, out) == (1, "")
    assert err == f"{sentence}\nNothing was stored.\n"
    assert_nothing_stored()


def test_all_errors_are_said_at_once_and_beyond_fifty_counted(run):
    rows = "".join(f"G{number},-1,0\n" for number in range(60))
    code, _out, err = run(f"gene,L1,L2\n{rows}".encode())
    lines = err.splitlines()
    assert code == 1
    assert len(lines) == 52
    assert lines[0].startswith("c.csv, line 2, column 'L1': '-1' is negative")
    assert lines[-2:] == ["... and 10 more.", "Nothing was stored."]


def test_a_fault_in_the_middle_of_storing_leaves_nothing(study):
    def fail(done: int, total: int, doing: str) -> None:
        if (done, doing) == (2, "storing genes"):
            raise InterruptedError

    with pytest.raises(InterruptedError), told_to(fail):
        import_counts(study, MATRIX, name="c.csv", source=Quantification("A1"), user=system_account())
    assert_nothing_stored()


def test_the_same_content_twice_is_refused_with_when_it_came(run):
    run(MATRIX)
    day = f"{CountMatrix.objects.get().created_at:%Y-%m-%d}"
    code, _out, err = run(MATRIX, name="renamed.csv")
    assert (code, err) == (1, f"This file was already imported into study S1 as c on {day}.\nNothing was stored.\n")
    assert CountMatrix.objects.count() == 1


def test_other_content_under_the_same_name_gets_a_code_of_its_own(run):
    run(MATRIX)
    code, _out, _err = run(MATRIX.replace(b"4", b"5"))
    assert code == 0
    first, second = CountMatrix.objects.order_by("pk")
    assert first.code == "c"
    assert second.code.startswith("c-")
    assert (numbers(first)["L2"]["Arc"], numbers(second)["L2"]["Arc"]) == (4, 5)


def test_the_same_file_may_go_into_another_study(run, study):
    run(MATRIX)
    other = Study.objects.create(code="S2", title="Other")
    for code in ("L1", "L2"):
        Library.objects.create(study=other, code=code)
    report = import_counts(other, MATRIX, name="c.csv", source=Quantification("A1"), user=system_account())
    assert report.matrix is not None
    assert (report.n_new_genes, report.matrix.study) == (0, other)


def test_a_dry_run_says_what_it_would_do_and_stores_nothing(run):
    code, out, err = run(MATRIX, "--dry-run")
    assert (code, err) == (0, "")
    assert out == "Would import 2 genes x 2 libraries, 2 genes new to the annotation. Nothing was stored.\n"
    assert_nothing_stored()


# sample maps and annotations ------------------------------------------------------------------------------


def test_a_sample_map_names_the_libraries_of_columns(run, tmp_path):
    sample_map = tmp_path / "map.csv"
    sample_map.write_text("name,library\nmapped/A.bam,L2\nmapped/B.bam,L1\n")
    code, _out, err = run(
        b"gene,mapped/A.bam,mapped/B.bam\nFos,1,2\nArc,3,4\n", "--sample-map", str(sample_map)
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert numbers(CountMatrix.objects.get()) == {"L2": {"Fos": 1, "Arc": 3}, "L1": {"Fos": 2, "Arc": 4}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "name,library\nA,L1\nB,L1\n",
            "Columns 'A', 'B' are all library 'L1'; keep one, or give each a library of its own.",
        ),
        (
            "name,library\nA,L1\nB,L9\n",
            "The sample map makes column 'B' library 'L9', which this study has not; "
            "enter the library first, or name it in a sample map (columns name, library).",
        ),
        (
            "name,library\nA,L1\nA,L2\nB,L2\n",
            "map.csv, line 3, column 'name': 'A' is on line 2 already; delete one.",
        ),
        (
            "name,library\nA,\nB,L2\n",
            "map.csv, line 2, column 'library': the cell is empty; fill it in or delete the line.",
        ),
        (
            "column,code\nA,L1\n",
            "map.csv has no column 'name' and 'library', only 'column', 'code'; a sample map has the columns "
            "'name' (as in the count file) and 'library' (its code).",
        ),
    ],
    ids=["library twice", "library unknown", "name twice", "empty cell", "wrong columns"],
)
def test_a_bad_sample_map_is_refused_in_words(run, tmp_path, text, sentence):
    sample_map = tmp_path / "map.csv"
    sample_map.write_text(text)
    code, _out, err = run(b"gene,A,B\nFos,1,2\nArc,3,4\n", "--sample-map", str(sample_map))
    assert (code, err) == (1, f"{sentence}\nNothing was stored.\n")
    assert_nothing_stored()


def test_a_sample_map_that_cannot_be_read_is_named(run, tmp_path):
    code, _out, err = run(MATRIX, "--sample-map", str(tmp_path / "none.csv"))
    assert (code, err) == (1, "none.csv cannot be read: No such file or directory.\nNothing was stored.\n")


def test_a_known_annotation_is_not_widened_unless_asked(run):
    run(MATRIX)
    wider = b"gene,L1,L2\nFos,1,2\nEgr1,3,9\n"
    code, _out, err = run(wider)
    assert code == 1
    assert err.startswith("1 of 2 genes are not in annotation A1 (Egr1); name the annotation the counts were made with")
    assert not Gene.objects.filter(gene_id="Egr1").exists()
    code, out, _err = run(wider, "--add-genes")
    assert code == 0
    assert "1 genes new to the annotation" in out
    assert Gene.objects.get(gene_id="Egr1").symbol == "Egr1"


def test_a_known_annotation_is_used_and_not_repeated(run):
    run(MATRIX)
    assert run(b"gene,L1,L2\nArc,7,8\n")[0] == 0
    assert Gene.objects.filter(annotation="A1").count() == 2


def test_another_annotation_has_genes_of_its_own(run):
    run(MATRIX)
    assert run(MATRIX + b"Jun,5,6\n", annotation="A2")[0] == 0
    assert Gene.objects.filter(annotation="A2").count() == 3
    assert Gene.objects.filter(gene_id="Fos").count() == 2


def test_ids_of_ensembl_are_no_symbols(run):
    run(b"gene,L1,L2\nENSMUSG00000021250,1,2\nENSMUSG00000022602,3,4\n")
    assert set(Gene.objects.values_list("symbol", flat=True)) == {""}


# who, and where -------------------------------------------------------------------------------------------


def test_an_unknown_study_is_named_with_the_known_ones(study, tmp_path):
    (tmp_path / "c.csv").write_bytes(MATRIX)
    with pytest.raises(CommandError, match=r"^study: There is no study S9; there are S1\.$"):
        call_command("import_counts", str(tmp_path / "c.csv"), "--study", "S9", "--annotation", "A1")


def test_a_name_too_long_for_its_field_is_refused_at_it(study, tmp_path):
    (tmp_path / "c.csv").write_bytes(MATRIX)
    with pytest.raises(CommandError, match=r"^annotation: .* has 51 characters; enter at most 50\.$"):
        call_command("import_counts", str(tmp_path / "c.csv"), "--study", "S1", "--annotation", "A" * 51)


def test_a_missing_file_is_named(study, tmp_path):
    with pytest.raises(CommandError, match=r"none\.csv cannot be read: No such file or directory\.$"):
        call_command("import_counts", str(tmp_path / "none.csv"), "--study", "S1", "--annotation", "A1")


def test_a_study_without_libraries_says_to_enter_them_first(tmp_path):
    study = Study.objects.create(code="S3", title="Empty")
    with pytest.raises(CountFileError, match=r"^Study S3 has no libraries yet; enter them first"):
        import_counts(study, MATRIX, name="c.csv", source=Quantification("A1"), user=system_account())


def test_who_may_not_add_counts_is_refused(study):
    stranger = User.objects.create(username="stranger")
    with pytest.raises(CountFileError, match=r"^Your role may not add count matrices in study S1; ask a manager\.$"):
        import_counts(study, MATRIX, name="c.csv", source=Quantification("A1"), user=stranger)
    assert_nothing_stored()
