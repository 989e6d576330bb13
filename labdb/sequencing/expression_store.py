"""The expression store: raw counts as one block per library and one per gene, both in PostgreSQL.

Either question, all genes of a library or one gene over all libraries, reads one row a library or one row.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import repeat
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from django.db import transaction

from labdb.registry.history import copy_into
from labdb.registry.long_work import ticked
from labdb.sequencing.block_encoding import encoded
from labdb.sequencing.expression_codec import CorruptBlock, decode_counts
from labdb.sequencing.models import CountMatrix, Gene, GeneCounts, GeneOrder, Library, LibraryCounts

PK_TYPE = np.dtype("<i8")
ROWS_AT_ONCE = 100  # blocks that the database hands over at a time

B = TypeVar("B")


def store_counts(matrix: CountMatrix, counts: pd.DataFrame) -> None:
    """Write the counts of a matrix, all or nothing.

    Parameters
    ----------
    matrix : CountMatrix
        Saved, without blocks.
    counts : pandas.DataFrame of int, shape (n_genes, n_libraries)
        Raw counts; index `Gene` primary keys, columns `Library` primary keys. Those of a spool stay in its file.
    """
    values = counts.to_numpy()  # encode_counts refuses what is no int32; a cast here would wrap it round
    with transaction.atomic():
        GeneOrder.objects.create(matrix=matrix, block=np.asarray(counts.index, dtype=PK_TYPE).tobytes())
        write_library_blocks(matrix, values.T, map(int, counts.columns), range(counts.shape[1]))
        write_gene_blocks(matrix, values, map(int, counts.index))


def write_library_blocks(
    matrix: CountMatrix,
    rows: npt.NDArray[np.integer],
    libraries: Iterable[int],
    positions: Iterable[int],
) -> None:
    """Write the blocks of some libraries, a row of all genes each; call it inside a transaction."""
    blocks = zip(repeat(matrix.pk), libraries, positions, encoded(rows), strict=False)
    columns = ("matrix", "library", "position", "block")
    copy_into(LibraryCounts, columns, ticked(blocks, len(rows), "storing libraries"))


def write_gene_blocks(matrix: CountMatrix, rows: npt.NDArray[np.integer], genes: Iterable[int]) -> None:
    """Write the blocks of some genes, a row of all libraries each; call it inside a transaction."""
    blocks = zip(repeat(matrix.pk), genes, encoded(rows), strict=False)
    copy_into(GeneCounts, ("matrix", "gene", "block"), ticked(blocks, len(rows), "storing genes"))


def gene_pks(matrix: CountMatrix) -> npt.NDArray[np.int64]:
    """Return the primary keys of a matrix's genes, in the order of its library blocks."""
    block = GeneOrder.objects.values_list("block", flat=True).get(matrix=matrix)
    return np.frombuffer(bytes(block), dtype=PK_TYPE)


def load_counts(
    matrix: CountMatrix,
    libraries: Sequence[Library] | None = None,
    genes: Sequence[Gene] | None = None,
    *,
    dtype: type[np.signedinteger] = np.int64,
) -> pd.DataFrame:
    """Read counts of some libraries and genes, by default all; by whichever blocks are the fewer numbers.

    Parameters
    ----------
    dtype : numpy.int64 or numpy.int32
        Counts fit in int32, which takes half the memory; sums and products of them may not.

    Returns
    -------
    pandas.DataFrame of int, shape (n_genes, n_libraries)
        Index `Gene` primary keys, columns `Library` primary keys, in the order asked for (else that of the matrix).

    Raises
    ------
    KeyError
        A library or gene has no counts in this matrix.
    CorruptBlock
        A stored block was damaged, or is missing; its text names the library or gene.
    """
    columns = None if libraries is None else [library.pk for library in libraries]
    if genes is None:
        return _by_library(matrix, columns, dtype)
    rows = [gene.pk for gene in genes]
    n_libraries = matrix.n_libraries if columns is None else len(columns)
    if len(rows) * matrix.n_libraries < n_libraries * matrix.n_genes:
        return _by_gene(matrix, rows, columns, dtype)
    counts = _by_library(matrix, columns, dtype)
    _refuse_absent("genes", matrix, rows, set(counts.index))
    return counts.loc[rows]


def _by_library(matrix: CountMatrix, wanted: list[int] | None, dtype: type[np.signedinteger]) -> pd.DataFrame:
    genes = gene_pks(matrix)
    n_columns = matrix.n_libraries if wanted is None else len(set(wanted))
    # Genes in rows, but stored by library: column-major, as the blocks lie.
    values = np.empty((len(genes), n_columns), dtype=dtype, order="F")
    found: list[int] = []
    for library, block in _library_blocks(matrix, wanted):
        values[:, len(found)] = _decoded(block, len(genes), Library, library, matrix)
        found.append(library)
    _refuse_absent("libraries", matrix, wanted or (), set(found))
    if len(found) != n_columns:
        raise CorruptBlock(f"{matrix} has {len(found)} libraries where {n_columns} were stored. {_remedy(matrix)}")
    counts = pd.DataFrame(
        values, index=pd.Index(genes, name="gene"), columns=pd.Index(found, name="library"), copy=False
    )
    return counts if wanted is None or wanted == found else counts[wanted]


def _library_blocks(matrix: CountMatrix, wanted: list[int] | None) -> Iterator[tuple[int, bytes | memoryview]]:
    """Yield some libraries, or all in the order of the matrix; a batch at a time, for their blocks are large."""
    blocks = matrix.library_blocks.order_by("position").values_list("library_id", "block")
    if wanted is None:
        for some in _batches(range(matrix.n_libraries)):
            yield from blocks.filter(position__range=(some[0], some[-1]))
    else:
        for some in _batches(list(dict.fromkeys(wanted))):
            yield from blocks.filter(library__in=some)


def _batches(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    return (keys[start : start + ROWS_AT_ONCE] for start in range(0, len(keys), ROWS_AT_ONCE))


def _by_gene(
    matrix: CountMatrix, wanted: list[int], libraries: list[int] | None, dtype: type[np.signedinteger]
) -> pd.DataFrame:
    columns = _libraries_of(matrix)
    rows: dict[int, npt.NDArray[np.int32]] = {}
    for some in _batches(wanted):
        for gene, block in matrix.gene_blocks.filter(gene__in=some).values_list("gene_id", "block"):
            rows[gene] = _decoded(block, len(columns), Gene, gene, matrix)
    _refuse_absent("genes", matrix, wanted, rows)
    values = np.array([rows[gene] for gene in wanted], dtype=dtype).reshape(len(wanted), len(columns))
    counts = pd.DataFrame(values, index=pd.Index(wanted, name="gene"), columns=pd.Index(columns, name="library"))
    if libraries is None:
        return counts
    _refuse_absent("libraries", matrix, libraries, columns)
    return counts[libraries]


def read_gene(matrix: CountMatrix, gene: Gene) -> pd.Series:
    """Read one gene over all libraries of a matrix: int64, indexed by `Library` primary key."""
    block = GeneCounts.objects.values_list("block", flat=True).get(matrix=matrix, gene=gene)
    libraries = _libraries_of(matrix)
    counts = _decoded(block, len(libraries), Gene, gene.pk, matrix).astype(np.int64)
    return pd.Series(counts, index=pd.Index(libraries, name="library"), name=str(gene))


def _libraries_of(matrix: CountMatrix) -> list[int]:
    return list(matrix.library_blocks.order_by("position").values_list("library_id", flat=True))


def _refuse_absent(what: str, matrix: CountMatrix, wanted: Iterable[int], found: Container[int]) -> None:
    if missing := [key for key in wanted if key not in found]:
        raise KeyError(f"no counts in {matrix} for {what} with id {', '.join(map(str, missing[:5]))}")


def _decoded(
    block: bytes | memoryview, length: int, model: type[Gene | Library], key: int, matrix: CountMatrix
) -> npt.NDArray[np.int32]:
    try:
        return decode_counts(block, length)
    except CorruptBlock as error:
        what = f"{model._meta.verbose_name} {model._default_manager.get(pk=key)}"
        raise CorruptBlock(f"The stored counts of {what} are damaged: {error}. {_remedy(matrix)}") from None


def _remedy(matrix: CountMatrix) -> str:
    return f"Repair them with `manage.py rebuild_counts {matrix.code} --study {matrix.study}`."
