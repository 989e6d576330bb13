"""The expression store: raw counts as one block per library and one per gene, both in PostgreSQL.

Either question, all genes of a library or one gene over all libraries, reads one row a library or one row.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from django.db import transaction

from labdb.registry.history import copy_into
from labdb.sequencing.expression_codec import CorruptBlock, decode_counts, encode_counts
from labdb.sequencing.models import CountMatrix, Gene, GeneCounts, GeneOrder, Library, LibraryCounts

PK_TYPE = np.dtype("<i8")
Progress = Callable[[int, int, str], None]


def store_counts(matrix: CountMatrix, counts: pd.DataFrame, progress: Progress | None = None) -> None:
    """Write the counts of a matrix, all or nothing.

    Parameters
    ----------
    matrix : CountMatrix
        Saved, without blocks.
    counts : pandas.DataFrame of int, shape (n_genes, n_libraries)
        Raw counts; index `Gene` primary keys, columns `Library` primary keys.
    progress : callable, optional
        Told (done, total, doing).
    """
    values = counts.to_numpy()  # encode_counts refuses what is no int32; a cast here would wrap it round
    tell = progress or (lambda done, total, doing: None)
    with transaction.atomic():
        GeneOrder.objects.create(matrix=matrix, block=np.asarray(counts.index, dtype=PK_TYPE).tobytes())
        copy_into(
            LibraryCounts,
            ("matrix", "library", "position", "block"),
            _blocks(values.T, matrix.pk, counts.columns, tell, "libraries", with_position=True),
        )
        copy_into(
            GeneCounts,
            ("matrix", "gene", "block"),
            _blocks(values, matrix.pk, counts.index, tell, "genes", with_position=False),
        )


def _blocks(
    rows: npt.NDArray[np.integer],
    matrix_pk: int,
    keys: pd.Index,
    tell: Progress,
    what: str,
    *,
    with_position: bool,
) -> Iterator[tuple[object, ...]]:
    for position, (key, row) in enumerate(zip(keys, rows, strict=True)):
        place = (position,) if with_position else ()
        yield (matrix_pk, int(key), *place, encode_counts(row))
        tell(position + 1, len(rows), f"storing {what}")


def gene_pks(matrix: CountMatrix) -> npt.NDArray[np.int64]:
    """Return the primary keys of a matrix's genes, in the order of its library blocks."""
    block = GeneOrder.objects.values_list("block", flat=True).get(matrix=matrix)
    return np.frombuffer(bytes(block), dtype=PK_TYPE)


def load_counts(matrix: CountMatrix, libraries: Sequence[Library] | None = None) -> pd.DataFrame:
    """Read counts of some libraries, by default all.

    Returns
    -------
    pandas.DataFrame of int64, shape (n_genes, n_libraries)
        Index `Gene` primary keys, columns `Library` primary keys, in the order asked for (else that of the matrix).

    Raises
    ------
    KeyError
        A library has no counts in this matrix.
    CorruptBlock
        A stored block was damaged; its text names the library.
    """
    blocks = matrix.library_blocks.select_related("library").order_by("position")
    if libraries is not None:
        blocks = blocks.filter(library__in=libraries)
    genes = gene_pks(matrix)
    columns = {row.library_id: _decoded(row.block, len(genes), f"library {row.library}") for row in blocks}
    wanted = list(columns) if libraries is None else [library.pk for library in libraries]
    if missing := [key for key in wanted if key not in columns]:
        raise KeyError(f"no counts in {matrix} for libraries with id {', '.join(map(str, missing[:5]))}")
    # Genes in rows, but stored by library: column-major, as the blocks lie.
    values = np.empty((len(genes), len(wanted)), dtype=np.int64, order="F")
    for position, key in enumerate(wanted):
        values[:, position] = columns[key]
    return pd.DataFrame(
        values, index=pd.Index(genes, name="gene"), columns=pd.Index(wanted, name="library"), copy=False
    )


def read_gene(matrix: CountMatrix, gene: Gene) -> pd.Series:
    """Read one gene over all libraries of a matrix: int64, indexed by `Library` primary key."""
    block = GeneCounts.objects.values_list("block", flat=True).get(matrix=matrix, gene=gene)
    libraries = list(matrix.library_blocks.order_by("position").values_list("library_id", flat=True))
    counts = _decoded(block, len(libraries), f"gene {gene}").astype(np.int64)
    return pd.Series(counts, index=pd.Index(libraries, name="library"), name=str(gene))


def _decoded(block: bytes | memoryview, length: int, what: str) -> npt.NDArray[np.int32]:
    try:
        return decode_counts(block, length)
    except CorruptBlock as error:
        raise CorruptBlock(f"The stored counts of {what} are damaged: {error}. Import the file again.") from None
