"""A damaged block is found and named, and made again from the whole ones; what cannot be is said, and nothing changed."""

import io

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from labdb.sequencing import count_verify
from labdb.sequencing.count_cells import MAX_COUNT
from labdb.sequencing.count_rebuild import RebuildRefused, rebuild
from labdb.sequencing.count_verify import check_matrix
from labdb.sequencing.expression_codec import encode_counts
from labdb.sequencing.expression_store import load_counts
from labdb.sequencing.models import CountMatrix, Gene, GeneCounts, GeneOrder, Library, LibraryCounts
from tests.sequencing.lab import make_matrix, make_study

pytestmark = pytest.mark.django_db

N_GENES, LIBRARIES = 300, ("L1", "L2", "L3", "L4", "L5")  # stored as L5 ... L1


@pytest.fixture
def stored() -> tuple[CountMatrix, pd.DataFrame]:
    values = np.random.default_rng(8).negative_binomial(0.3, 0.001, (N_GENES, len(LIBRARIES)))
    values[0], values[1] = 0, MAX_COUNT
    return make_matrix(make_study(libraries=LIBRARIES), values)


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount != 0, "nothing was damaged"


ONE_LIBRARY = "WHERE library_id = (SELECT id FROM sequencing_library WHERE code = %s)"
ONE_GENE = "WHERE gene_id = (SELECT id FROM sequencing_gene WHERE gene_id = %s)"
FLIP = "SET block = set_byte(block, length(block) - 1, get_byte(block, length(block) - 1) # 1)"
CUT = "SET block = substring(block FOR length(block) / 2)"


def flip_library(code: str) -> None:
    sql(f"UPDATE sequencing_librarycounts {FLIP} {ONE_LIBRARY}", code)


def cut_gene(gene_id: str) -> None:
    sql(f"UPDATE sequencing_genecounts {CUT} {ONE_GENE}", gene_id)


def assert_as_stored(matrix: CountMatrix, counts: pd.DataFrame) -> None:
    assert check_matrix(matrix).is_whole
    pd.testing.assert_frame_equal(load_counts(matrix), counts)
    pd.testing.assert_frame_equal(load_counts(matrix, genes=list(Gene.objects.all()[:2])), counts.iloc[:2])


def test_whole_matrices_are_said_to_be_whole_with_what_was_read(stored):
    matrix, _counts = stored
    out = io.StringIO()
    call_command("verify_counts", stdout=out)
    assert out.getvalue() == (
        "Count matrices that are whole: 1. Blocks that say the same: 5 of libraries, 300 of genes. "
        "Original files as they were sent: 0.\n"
    )
    out = io.StringIO()
    call_command("rebuild_counts", "m1", stdout=out)
    assert out.getvalue() == "m1 is whole; nothing was rebuilt.\n"
    call_command("verify_counts", "--study", "S1", "--matrix", matrix.code, stdout=io.StringIO())


@pytest.mark.parametrize(
    ("damage", "named", "rebuilt"),
    [
        ([lambda: flip_library("L3")], [r"library L3: the (checksum|packed)"], "1 library rebuilt from the blocks of its genes"),
        (
            [lambda: sql(f"UPDATE sequencing_librarycounts {CUT} WHERE position < 2")],
            ["library L4: the packed frame", "library L5: the packed frame"],
            "2 libraries rebuilt from the blocks of its genes",
        ),
        ([lambda: cut_gene("g7")], [r"gene g7 \(Gene7\): the packed frame"], "1 gene rebuilt from the blocks of its libraries"),
        (
            [lambda: sql("UPDATE sequencing_genecounts SET block = ''")],
            [r"gene g0 \(Gene0\): the block has 0 bytes, fewer than its header of 9"] + [r"gene g\d+ \(Gene\d+\): "] * 299,
            "300 genes rebuilt from the blocks of its libraries",
        ),
        (
            [lambda: sql(f"DELETE FROM sequencing_genecounts {ONE_GENE}", "g299"), lambda: cut_gene("g7")],
            [r"gene g299 \(Gene299\): the block is missing", r"gene g7 \(Gene7\): "],
            "2 genes rebuilt from the blocks of its libraries",
        ),
    ],
    ids=["a flipped bit", "two cut libraries", "a cut gene", "every gene emptied", "a gene deleted, another cut"],
)  # fmt: skip
def test_a_damaged_block_is_named_and_made_again_as_it_was(stored, damage, named, rebuilt):
    for one in damage:
        one()
    with pytest.raises(CommandError) as refused:
        call_command("verify_counts")
    lines = str(refused.value).splitlines()
    assert len(lines) == len(named)
    for line, words in zip(lines, named, strict=True):
        assert pd.Series([line]).str.match(rf"^S1 m1: {words}.*\.$").all(), line
    out = io.StringIO()
    call_command("rebuild_counts", "m1", "--study", "S1", stdout=out)
    assert out.getvalue() == f"m1: {rebuilt}.\n"
    assert_as_stored(*stored)


def test_damage_on_both_sides_is_refused_and_nothing_is_changed(stored):
    matrix, _counts = stored
    flip_library("L3")
    cut_gene("g7")
    before = list(GeneCounts.objects.values_list("pk", "block")), list(LibraryCounts.objects.values_list("pk", "block"))
    with pytest.raises(CommandError, match=r"^m1 cannot be rebuilt from its blocks: blocks of libraries are damaged too "
                       r"\(1\)\. Restore a backup, or import m1\.csv again\.$"):  # fmt: skip
        call_command("rebuild_counts", "m1")
    assert before == (
        list(GeneCounts.objects.values_list("pk", "block")),
        list(LibraryCounts.objects.values_list("pk", "block")),
    )
    assert len(check_matrix(matrix).sentences()) == 2


def put(model, value: int, **where: str) -> None:
    """Write an intact block of another content."""
    length = N_GENES if model is LibraryCounts else len(LIBRARIES)
    assert model.objects.filter(**where).update(block=encode_counts(np.full(length, value)))


@pytest.mark.parametrize(
    ("model", "where", "sentence", "trusted"),
    [
        (
            LibraryCounts,
            {"library__code": "L2"},
            r"library L2: its block differs from those of 300 genes, such as g0 \(Gene0\) \(12,345 and 0 reads\)",
            "genes",
        ),
        (
            GeneCounts,
            {"gene__gene_id": "g0"},
            r"gene g0 \(Gene0\): its block differs from those of 5 libraries, such as L5 \(12,345 and 0 reads\)",
            "libraries",
        ),
    ],
)
def test_intact_blocks_that_differ_are_named_and_rebuilt_only_when_one_is_trusted(
    stored, model, where, sentence, trusted
):
    matrix, _counts = stored
    put(model, 12_345, **where)
    with pytest.raises(CommandError, match=rf"^S1 m1: {sentence}\.$"):
        call_command("verify_counts")
    with pytest.raises(RebuildRefused, match=rf"{sentence}\. Both are intact .* --trust libraries or --trust genes\.$"):
        rebuild(matrix)
    assert "1 " in rebuild(matrix, trusted)
    assert_as_stored(*stored)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda: GeneOrder.objects.all().delete(), "the order of its 300 genes is damaged"),
        (lambda: sql(f"UPDATE sequencing_geneorder {CUT}"), "the order of its 300 genes is damaged"),
        (
            lambda: sql("UPDATE sequencing_geneorder SET block = set_byte(block, 5, 77)"),
            "the order of its 300 genes is damaged",
        ),
        (
            lambda: sql(f"DELETE FROM sequencing_librarycounts {ONE_LIBRARY}", "L4"),
            "library blocks are missing: 1, the first at position 2",
        ),
        (
            lambda: sql(f"UPDATE sequencing_librarycounts SET position = 9 {ONE_LIBRARY}", "L5"),
            "library L5 has position 10 of 5",
        ),
    ],
    ids=["no order", "a cut order", "another gene in the order", "a library deleted", "a library out of place"],
)
def test_what_no_other_block_tells_is_said_and_not_guessed(stored, damage, sentence):
    matrix, _counts = stored
    damage()
    assert f"S1 m1: {sentence}." in check_matrix(matrix).sentences()
    with pytest.raises(RebuildRefused, match=r"^m1 cannot be rebuilt from its blocks: .* import m1\.csv again\.$"):
        rebuild(matrix)


def test_a_block_of_a_gene_that_is_in_no_order_is_named(stored):
    matrix, _counts = stored
    other = Gene.objects.create(annotation="A1", gene_id="g_new")
    GeneCounts.objects.create(matrix=matrix, gene=other, block=encode_counts(np.zeros(5, dtype=int)))
    assert check_matrix(matrix).sentences() == ["S1 m1: gene blocks that its order does not name: 1, such as g_new."]


def test_a_block_that_the_database_cannot_read_is_named_and_the_others_are_read(stored, monkeypatch):
    """A read error of one row, as a damaged page gives it: here by a view whose row cannot be made."""
    matrix, counts = stored
    monkeypatch.setattr(count_verify, "BLOCKS_AT_ONCE", 2)
    library = Library.objects.get(code="L2")
    blocks = matrix.library_blocks.extra(where=["1 / (library_id - %s) IS NOT NULL"], params=[library.pk])
    found = dict(count_verify.read_blocks(blocks, "library_id", list(counts.columns), N_GENES))
    assert found.pop(library.pk) == "the database cannot read the block (division by zero)"
    for key, values in found.items():
        np.testing.assert_array_equal(values, counts[key])


@pytest.mark.usefixtures("stored")
def test_a_matrix_is_named_by_study_and_code():
    with pytest.raises(CommandError, match=r"^There is no count matrix S2 m1; there are: S1 m1\.$"):
        call_command("verify_counts", "--study", "S2", "--matrix", "m1")
    other = make_study("S2", libraries=())
    CountMatrix.objects.create(
        study=other, code="m1", annotation="A1", file_name="m1.csv", sha256="1" * 64, n_genes=0, n_libraries=0
    )
    with pytest.raises(
        CommandError, match=r"^Several studies have a count matrix m1 \(S1, S2\); name one by --study\.$"
    ):
        call_command("rebuild_counts", "m1")
