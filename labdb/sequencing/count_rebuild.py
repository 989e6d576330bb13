"""Damaged blocks of a matrix made again from the whole ones: those of libraries from those of genes, or the other way."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from django.db import transaction

from labdb.sequencing.count_spool import Spool
from labdb.sequencing.count_verify import MatrixCheck, check_matrix, read_blocks
from labdb.sequencing.expression_store import write_gene_blocks, write_library_blocks
from labdb.sequencing.models import CountMatrix

LIBRARIES, GENES = "libraries", "genes"
GROUP_BYTES = 32 * 2**20  # of counts that are in memory at once


class RebuildRefused(Exception):
    """A matrix that cannot be rebuilt from its blocks; the text is a sentence."""


def rebuild(matrix: CountMatrix, trusted: str = "") -> str:
    """Write damaged blocks anew, all or nothing, and return a sentence that says what was done.

    Parameters
    ----------
    trusted : str
        ``libraries`` or ``genes``: whose blocks are right where the two differ. Empty: where they differ, refuse.

    Raises
    ------
    RebuildRefused
        What is damaged is in no whole block, or two intact blocks differ and none is trusted.
    """
    with transaction.atomic():
        check = check_matrix(matrix)
        if check.is_whole:
            return f"{matrix} is whole; nothing was rebuilt."
        source = trusted or _source_of(check)
        _refuse_if_unreadable(check, source)
        done = _rebuild_libraries(check) if source == GENES else _rebuild_genes(check)
        if remaining := check_matrix(matrix).sentences():
            raise RebuildRefused(f"{remaining[0]} It would remain so; nothing was rebuilt. {_otherwise(matrix)}")
    return done


def _source_of(check: MatrixCheck) -> str:
    """Return whose blocks are all readable, where those of the others are to be made from them."""
    if check.differences:
        raise RebuildRefused(
            f"{check.sentences()[-1]} Both are intact by themselves, so that nothing here tells which is right; "
            "say which to trust: --trust libraries or --trust genes."
        )
    return LIBRARIES if check.bad_genes else GENES


def _refuse_if_unreadable(check: MatrixCheck, source: str) -> None:
    unreadable = check.bad_libraries if source == LIBRARIES else check.bad_genes
    if unreadable or check.lost:
        what = check.lost[0] if check.lost else f"blocks of {source} are damaged too ({len(unreadable):,})"
        raise RebuildRefused(f"{check.matrix} cannot be rebuilt from its blocks: {what}. {_otherwise(check.matrix)}")


def _otherwise(matrix: CountMatrix) -> str:
    return f"Restore a backup, or import {matrix.file_name} again."


def _rebuild_libraries(check: MatrixCheck) -> str:
    matrix = check.matrix
    keys = {*check.bad_libraries, *check.differences.libraries}
    positions = [position for position, library in sorted(check.libraries.items()) if library in keys]
    matrix.library_blocks.filter(library__in=keys).delete()

    def write(some: Sequence[int], rows: npt.NDArray[np.int32]) -> None:
        write_library_blocks(matrix, rows, [check.libraries[position] for position in some], some)

    with Spool(matrix.n_libraries) as spool:
        for _gene, counts in read_blocks(matrix.gene_blocks.all(), "gene_id", check.genes, matrix.n_libraries):
            spool.append(counts)
        _in_groups(spool.array().T, positions, write)
    return f"{matrix}: {_number(len(positions), 'library', 'libraries')} rebuilt from the blocks of its genes."


def _rebuild_genes(check: MatrixCheck) -> str:
    matrix = check.matrix
    keys = {*check.bad_genes, *check.differences.genes}
    rows_of = [row for row, gene in enumerate(check.genes) if gene in keys]
    matrix.gene_blocks.filter(gene__in=keys).delete()

    def write(some: Sequence[int], rows: npt.NDArray[np.int32]) -> None:
        write_gene_blocks(matrix, rows, [check.genes[row] for row in some])

    in_order = [library for _position, library in sorted(check.libraries.items())]
    with Spool(matrix.n_genes) as spool:
        for _library, counts in read_blocks(matrix.library_blocks.all(), "library_id", in_order, matrix.n_genes):
            spool.append(counts)
        _in_groups(spool.array().T, rows_of, write)
    return f"{matrix}: {_number(len(rows_of), 'gene', 'genes')} rebuilt from the blocks of its libraries."


def _in_groups(
    rows: npt.NDArray[np.int32], numbers: Sequence[int], write: Callable[[Sequence[int], npt.NDArray[np.int32]], None]
) -> None:
    size = max(1, GROUP_BYTES // max(1, rows.shape[1] * rows.itemsize))
    for start in range(0, len(numbers), size):
        some = numbers[start : start + size]
        write(some, rows[some])


def _number(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
