"""Is what is stored of a matrix whole? Every block decoded, and those of the libraries held against those of the genes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from django.db import DatabaseError, models, transaction

from labdb.sequencing.block_encoding import tiles
from labdb.sequencing.count_spool import Spool
from labdb.sequencing.expression_codec import CorruptBlock, decode_counts
from labdb.sequencing.expression_store import PK_TYPE
from labdb.sequencing.models import CountMatrix, Gene, GeneOrder, Library

BLOCKS_AT_ONCE = 100  # read from the database in one query
MISSING = "the block is missing"

Counts = npt.NDArray[np.int32]


class Differences:
    """Counts that differ between the blocks of libraries and of genes, each kind intact by itself."""

    def __init__(self, genes: Sequence[int], libraries: dict[int, int]) -> None:
        self._genes, self._libraries = genes, libraries
        self._of_library: dict[int, tuple[int, int, int, int]] = {}  # position -> n, row, counts of an example
        self._n_of_gene = np.zeros(len(genes), dtype=np.int64)
        self._of_gene = np.zeros((len(genes), 3), dtype=np.int64)  # position and counts of an example

    def __bool__(self) -> bool:
        return bool(self._of_library)

    @property
    def libraries(self) -> list[int]:
        """Primary keys of the libraries that differ."""
        return [self._libraries[position] for position in self._of_library]

    @property
    def _rows(self) -> list[int]:
        rows: list[int] = np.flatnonzero(self._n_of_gene).tolist()
        return rows

    @property
    def genes(self) -> list[int]:
        """Primary keys of the genes that differ."""
        return [self._genes[row] for row in self._rows]

    def compare(self, position: int, by_library: Counts, by_gene: Counts, is_read: npt.NDArray[np.bool_]) -> None:
        """Hold a library's block against the same counts of the gene blocks that could be read."""
        rows = np.flatnonzero((by_library != by_gene) & is_read)
        if not rows.size:
            return
        first = int(rows[0])
        self._of_library[position] = (rows.size, first, int(by_library[first]), int(by_gene[first]))
        new = rows[self._n_of_gene[rows] == 0]
        self._of_gene[new] = np.column_stack([np.full(new.size, position), by_library[new], by_gene[new]])
        self._n_of_gene[rows] += 1

    def sentences(self) -> list[str]:
        """Name the genes or the libraries, whichever are fewer: one wrong block differs from many right ones."""
        rows = self._rows
        gene_names = dict(_names(Gene, self.genes))
        library_names = dict(_names(Library, self.libraries))
        if len(rows) < len(self._of_library):
            return [
                f"gene {gene_names[self._genes[row]]}: its block differs from those of {self._n_of_gene[row]:,} "
                f"libraries, such as {library_names[self._libraries[position]]} ({by_gene:,} and {by_library:,} reads)"
                for row, (position, by_library, by_gene) in zip(rows, self._of_gene[rows].tolist(), strict=True)
            ]
        return [
            f"library {library_names[self._libraries[position]]}: its block differs from those of {n:,} genes, "
            f"such as {gene_names[self._genes[row]]} ({by_library:,} and {by_gene:,} reads)"
            for position, (n, row, by_library, by_gene) in self._of_library.items()
        ]


@dataclass
class MatrixCheck:
    """What is wrong with the blocks of one matrix.

    Attributes
    ----------
    genes : list of int
        `Gene` primary keys in the order of the library blocks; empty where that order is lost.
    libraries : dict of int to int
        Position in the gene blocks -> `Library` primary key.
    lost : list of str
        What no other block tells, in sentences.
    bad_libraries, bad_genes : dict of int to str
        Primary key -> what is wrong with the block by itself.
    differences : Differences
        Where two intact blocks give different counts.
    """

    matrix: CountMatrix
    genes: list[int] = field(default_factory=list)
    libraries: dict[int, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    bad_libraries: dict[int, str] = field(default_factory=dict)
    bad_genes: dict[int, str] = field(default_factory=dict)
    differences: Differences = field(default_factory=lambda: Differences([], {}))

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.bad_libraries or self.bad_genes or self.differences)

    def sentences(self) -> list[str]:
        """Say each thing that is wrong, by matrix and library or gene."""
        said = list(self.lost)
        said += [f"library {name}: {self.bad_libraries[key]}" for key, name in _names(Library, self.bad_libraries)]
        said += [f"gene {name}: {self.bad_genes[key]}" for key, name in _names(Gene, self.bad_genes)]
        said += self.differences.sentences()
        return [f"{self.matrix.study} {self.matrix}: {sentence}." for sentence in said]


def check_matrix(matrix: CountMatrix) -> MatrixCheck:
    """Read every block of a matrix; memory holds a tile of them, a temporary file the rest."""
    check = MatrixCheck(matrix)
    _check_places(check)
    genes = check.genes or sorted(matrix.gene_blocks.values_list("gene_id", flat=True))
    is_read = np.ones(len(genes), dtype=bool)
    with Spool(matrix.n_libraries) as spool:
        for row, (gene, counts) in enumerate(
            read_blocks(matrix.gene_blocks.all(), "gene_id", genes, matrix.n_libraries)
        ):
            if isinstance(counts, str):
                check.bad_genes[gene], is_read[row] = counts, False
            spool.append(np.zeros(matrix.n_libraries, dtype=np.int32) if isinstance(counts, str) else counts)
        by_gene = spool.array()
    differences = Differences(genes, check.libraries)
    in_order = [check.libraries[position] for position in sorted(check.libraries)]
    blocks = read_blocks(matrix.library_blocks.all(), "library_id", in_order, matrix.n_genes)
    for position, row in enumerate(row for tile in tiles(by_gene.T) for row in tile):
        if position not in check.libraries:
            continue
        library, counts = next(blocks)
        if isinstance(counts, str):
            check.bad_libraries[library] = counts
        elif check.genes:
            differences.compare(position, counts, row, is_read)
    check.differences = differences
    return check


def read_blocks(
    blocks: models.QuerySet, key: str, wanted: Sequence[int], length: int
) -> Iterator[tuple[int, Counts | str]]:
    """Yield each key with its counts, in the order asked for; with what is wrong where its block cannot be read."""
    for start in range(0, len(wanted), BLOCKS_AT_ONCE):
        some = wanted[start : start + BLOCKS_AT_ONCE]
        found = _fetched(blocks, key, some)
        for one in some:
            block = found.get(one, MISSING)
            yield one, block if isinstance(block, str) else _decoded(block, length)


def _decoded(block: bytes | memoryview, length: int) -> Counts | str:
    try:
        return decode_counts(block, length)
    except CorruptBlock as error:
        return str(error)


def _fetched(blocks: models.QuerySet, key: str, wanted: Sequence[int]) -> dict[int, bytes | memoryview | str]:
    """Read blocks together; one by one where the database itself fails at one, such as by a damaged page."""
    try:
        with transaction.atomic():
            return dict(blocks.filter(**{f"{key}__in": wanted}).values_list(key, "block"))
    except DatabaseError as error:
        if len(wanted) == 1:
            return {wanted[0]: f"the database cannot read the block ({str(error).splitlines()[0]})"}
        return {one: found for single in wanted for one, found in _fetched(blocks, key, [single]).items()}


def _check_places(check: MatrixCheck) -> None:
    """Find which gene and which library each number belongs to."""
    matrix = check.matrix
    block = bytes(GeneOrder.objects.filter(matrix=matrix).values_list("block", flat=True).first() or b"")
    is_complete = len(block) == matrix.n_genes * PK_TYPE.itemsize
    order = np.frombuffer(block, dtype=PK_TYPE).tolist() if is_complete else []
    if is_complete and Gene.objects.filter(pk__in=order, annotation=matrix.annotation).count() == len(order):
        check.genes = order
        if others := set(matrix.gene_blocks.values_list("gene_id", flat=True)) - set(order):
            _key, name = next(iter(_names(Gene, sorted(others))))
            check.lost.append(f"gene blocks that its order does not name: {len(others):,}, such as {name}")
    else:
        check.lost.append(f"the order of its {matrix.n_genes:,} genes is damaged")
    stored = dict(matrix.library_blocks.values_list("position", "library_id"))
    check.libraries = {position: stored[position] for position in range(matrix.n_libraries) if position in stored}
    if n_missing := matrix.n_libraries - len(check.libraries):
        first = next(position for position in range(matrix.n_libraries) if position not in stored)
        check.lost.append(f"library blocks are missing: {n_missing:,}, the first at position {first + 1}")
    beyond = {library: position for position, library in stored.items() if position not in check.libraries}
    check.lost += [
        f"library {name} has position {beyond[key] + 1} of {matrix.n_libraries}"
        for key, name in _names(Library, beyond)
    ]


def _names(model: type[Gene | Library], keys: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Yield keys with the names of their records, by name."""
    rows = model._default_manager.in_bulk(list(keys))
    named = ((key, _name(row)) for key, row in rows.items())
    return iter(sorted(named, key=lambda one: (one[1], one[0])))


def _name(row: Gene | Library) -> str:
    return (
        f"{row.gene_id} ({row.symbol})" if isinstance(row, Gene) and row.symbol not in ("", row.gene_id) else str(row)
    )
