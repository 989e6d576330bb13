"""What was stored comes back the same by library and by gene, or the damage is named."""

import numpy as np
import pandas as pd
import pytest
from django.db.models import ProtectedError

from labdb.registry.long_work import told_to
from labdb.sequencing.count_cells import MAX_COUNT
from labdb.sequencing.expression_codec import CorruptBlock
from labdb.sequencing.expression_store import gene_pks, load_counts, read_gene, store_counts
from labdb.sequencing.models import CountMatrix, Gene, GeneCounts, GeneOrder, Library, LibraryCounts
from tests.sequencing.lab import make_matrix, make_study

pytestmark = pytest.mark.django_db

N_GENES, LIBRARIES = 300, ("L1", "L2", "L3", "L4", "L5")


@pytest.fixture
def stored() -> tuple[CountMatrix, pd.DataFrame]:
    """Counts as they are in nature (most small, some huge), with both ends of what the store can hold."""
    values = np.random.default_rng(2).negative_binomial(0.3, 0.001, (N_GENES, len(LIBRARIES)))
    values[0], values[1] = 0, MAX_COUNT
    return make_matrix(make_study(libraries=LIBRARIES), values)


def test_all_libraries_come_back_as_they_were_stored_in_the_order_of_the_matrix(stored):
    matrix, counts = stored
    pd.testing.assert_frame_equal(load_counts(matrix), counts)
    assert gene_pks(matrix).tolist() == counts.index.tolist()


def test_every_gene_comes_back_the_same_by_the_other_way(stored):
    matrix, counts = stored
    for gene in Gene.objects.filter(annotation="A1"):
        read = read_gene(matrix, gene)
        assert read.name == gene.symbol
        pd.testing.assert_series_equal(read, counts.loc[gene.pk], check_names=False)


def test_some_libraries_come_in_the_order_asked_for(stored):
    matrix, counts = stored
    asked = [Library.objects.get(code=code) for code in ("L2", "L5", "L1")]
    pd.testing.assert_frame_equal(load_counts(matrix, asked), counts[[library.pk for library in asked]])


@pytest.mark.parametrize("n_genes", [2, 299])  # by the blocks of the genes, and of the libraries
@pytest.mark.parametrize("codes", [None, ("L2", "L5", "L1"), ("L4", "L4")])
def test_some_genes_of_some_libraries_come_in_the_order_asked_for(stored, n_genes, codes):
    matrix, counts = stored
    genes = list(Gene.objects.order_by("-pk")[:n_genes])
    libraries = None if codes is None else [Library.objects.get(code=code) for code in codes]
    columns = list(counts.columns) if libraries is None else [library.pk for library in libraries]
    expected = counts.loc[[gene.pk for gene in genes], columns]
    pd.testing.assert_frame_equal(load_counts(matrix, libraries, genes), expected)
    as_stored = load_counts(matrix, libraries, genes, dtype=np.int32)
    assert set(as_stored.dtypes) == {np.dtype(np.int32)}
    assert (as_stored == expected).all(axis=None)


@pytest.mark.parametrize("n_genes", [1, 300])
def test_a_gene_or_library_without_counts_is_named_whichever_blocks_are_read(stored, n_genes):
    matrix, _counts = stored
    genes = list(Gene.objects.all()[:n_genes])
    stranger = Gene.objects.create(annotation="A1", gene_id="g_new")
    with pytest.raises(KeyError, match=rf"no counts in m1 for genes with id {stranger.pk}"):
        load_counts(matrix, genes=[*genes, stranger])
    other = Library.objects.create(study=matrix.study, code="L6")
    with pytest.raises(KeyError, match=rf"no counts in m1 for libraries with id {other.pk}"):
        load_counts(matrix, [Library.objects.get(code="L1"), other], genes)


def test_a_block_that_is_gone_is_not_passed_over(stored):
    matrix, _counts = stored
    LibraryCounts.objects.get(matrix=matrix, library__code="L3").delete()
    with pytest.raises(CorruptBlock, match=r"^m1 has 4 libraries where 5 were stored\. Repair them with"):
        load_counts(matrix)


def test_no_libraries_asked_for_are_no_columns_of_all_genes(stored):
    matrix, _counts = stored
    assert load_counts(matrix, []).shape == (N_GENES, 0)


def test_a_library_without_counts_is_named(stored):
    matrix, _counts = stored
    stranger = Library.objects.create(study=matrix.study, code="L6")
    with pytest.raises(KeyError, match=rf"no counts in m1 for libraries with id {stranger.pk}"):
        load_counts(matrix, [stranger])


def test_a_gene_without_counts_has_no_row(stored):
    matrix, _counts = stored
    stranger = Gene.objects.create(annotation="A1", gene_id="g_new")
    with pytest.raises(GeneCounts.DoesNotExist):
        read_gene(matrix, stranger)


def damaged(block: bytes | memoryview, at: int) -> bytes:
    changed = bytearray(bytes(block))
    changed[at] ^= 0x01
    return bytes(changed)


@pytest.mark.parametrize("at", [5, -1])  # in the checksum, in the packed values
def test_one_flipped_bit_of_a_library_is_noticed_and_the_library_named(stored, at):
    matrix, _counts = stored
    row = LibraryCounts.objects.get(matrix=matrix, library__code="L3")
    LibraryCounts.objects.filter(pk=row.pk).update(block=damaged(row.block, at))
    with pytest.raises(
        CorruptBlock,
        match=r"^The stored counts of library L3 are damaged: .* with `manage\.py rebuild_counts m1 --study S1`\.$",
    ):
        load_counts(matrix)
    others = [Library.objects.get(code=code) for code in ("L1", "L2")]
    assert load_counts(matrix, others).shape == (N_GENES, 2)


def test_one_flipped_bit_of_a_gene_is_noticed_and_the_gene_named(stored):
    matrix, _counts = stored
    row = GeneCounts.objects.get(matrix=matrix, gene__gene_id="g7")
    GeneCounts.objects.filter(pk=row.pk).update(block=damaged(row.block, 5))
    with pytest.raises(CorruptBlock, match=r"^The stored counts of gene Gene7 are damaged: "):
        read_gene(matrix, Gene.objects.get(gene_id="g7"))


def test_the_block_of_another_matrix_is_noticed_by_its_length(stored):
    matrix, _counts = stored
    row = LibraryCounts.objects.get(matrix=matrix, library__code="L3")
    gene = GeneCounts.objects.get(matrix=matrix, gene__gene_id="g7")
    LibraryCounts.objects.filter(pk=row.pk).update(block=gene.block)
    with pytest.raises(CorruptBlock, match=r"library L3 are damaged: the block holds 5 values where 300 were expected"):
        load_counts(matrix)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [(MAX_COUNT + 1, "counts must fit in int32; got 0 to 2147483648"), (1.5, "counts must be integers; got float64")],
)
def test_what_an_int32_cannot_hold_is_refused_not_wrapped_round(stored, value, sentence):
    matrix, _counts = stored
    other = CountMatrix.objects.create(
        study=matrix.study, code="m2", annotation="A1", file_name="m2.csv", sha256="1" * 64, n_genes=2, n_libraries=1
    )
    library = Library.objects.get(code="L1")
    genes = list(Gene.objects.values_list("pk", flat=True)[:2])
    with pytest.raises(ValueError, match=sentence):
        store_counts(other, pd.DataFrame({library.pk: [0, value]}, index=genes))
    assert not GeneOrder.objects.filter(matrix=other).exists()


@pytest.mark.parametrize(("doing", "done"), [("storing libraries", 5), ("storing genes", 200)])
def test_a_failure_half_way_leaves_no_block(stored, doing, done):
    matrix, counts = stored
    other = CountMatrix.objects.create(
        study=matrix.study, code="m2", annotation="A1", file_name="m2.csv", sha256="1" * 64, n_genes=300, n_libraries=5
    )

    def fail(number: int, total: int, what: str) -> None:
        if (what, number) == (doing, done):
            raise InterruptedError(f"{what} {number} of {total}")

    with pytest.raises(InterruptedError, match=f"{doing} {done} of"), told_to(fail):
        store_counts(other, counts)
    for model in (GeneOrder, LibraryCounts, GeneCounts):
        assert not model.objects.filter(matrix=other).exists()
    store_counts(other, counts)  # and the second try is as good as a first
    pd.testing.assert_frame_equal(load_counts(other), counts)


def test_a_library_with_counts_cannot_be_deleted_and_a_deleted_matrix_takes_its_blocks_along(stored):
    matrix, _counts = stored
    with pytest.raises(ProtectedError):
        Library.objects.get(code="L1").delete()
    matrix.delete()
    for model in (GeneOrder, LibraryCounts, GeneCounts):
        assert not model.objects.exists()


def test_a_gene_is_two_queries_and_all_libraries_are_two(stored, django_assert_num_queries):
    matrix, _counts = stored
    gene = Gene.objects.get(gene_id="g7")
    with django_assert_num_queries(2):
        read_gene(matrix, gene)
    with django_assert_num_queries(2):
        load_counts(matrix)
