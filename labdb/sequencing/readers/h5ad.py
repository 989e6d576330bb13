"""AnnData files (h5ad): samples in rows, genes in columns, and often several matrices of which one holds the counts."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from labdb.registry.long_work import tick
from labdb.registry.text_streams import Source
from labdb.sequencing.count_cells import MAX_COUNT, refusal
from labdb.sequencing.count_spool import Spool
from labdb.sequencing.readers.columns import listed
from labdb.sequencing.readers.samples import Joined

MAGIC = b"\x89HDF\r\n\x1a\n"
X, RAW, LAYERS = "X", "raw", "layers"
BLOCK_CELLS = 10_000_000  # samples x genes that are in memory at a time
GENES_AT_ONCE = 2_000
LOOKED_AT_ROWS = 50  # of a matrix that is offered in place of another
MAX_SAMPLES = 20_000  # beyond it they are single cells, which labdb does not store

Block = npt.NDArray[np.number]


def read_h5ad(file: Source, name: str, *, layer: str, round_estimates: bool) -> Joined:
    """Read the counts of an AnnData file.

    Parameters
    ----------
    file : path, binary file or bytes
    layer : str
        ``X``, ``raw`` or the name of a layer; empty is ``X``.
    round_estimates : bool
        Round numbers that are not whole; without it they are refused, and a matrix of whole numbers is named.

    Returns
    -------
    Joined
        Genes x samples, kept in a temporary file.

    Raises
    ------
    CountFileError
        No AnnData, another layer than it has, values that are no counts.
    """
    try:
        with h5py.File(io.BytesIO(file) if isinstance(file, bytes) else file, "r") as opened:
            return _AnnData(opened, name).read(layer or X, round_estimates)
    except (OSError, RuntimeError, KeyError, IndexError) as error:  # what h5py raises at a file that was cut short
        raise refusal(f"{name} is a damaged HDF5 file ({error}); copy it again.") from error


class _AnnData:
    """An open file, and the matrices in it by the names that a person says."""

    def __init__(self, opened: h5py.File, name: str) -> None:
        self.file, self.name = opened, name
        if not {X, "obs", "var"} <= set(opened):
            raise refusal(
                f"{name} is an HDF5 file, and no AnnData (h5ad) with X, obs and var; export the counts as CSV."
            )
        layers = _own(opened, LAYERS) if LAYERS in opened else {}
        self.matrices = {X: _own(opened, X), **{one: _own(layers, one) for one in layers}}
        if RAW in opened and X in _own(opened, RAW):
            self.matrices[RAW] = _own(_own(opened, RAW), X)

    def read(self, layer: str, round_estimates: bool) -> Joined:
        """Read one of the matrices."""
        if layer not in self.matrices:
            raise refusal(f"{self.name} has no matrix '{layer}'; there are {listed(list(self.matrices))}.")
        samples = self._names(self.file, "obs", "sample")
        genes = self._names(self.file[RAW] if layer == RAW else self.file, "var", "gene")
        if len(samples) > MAX_SAMPLES:
            raise refusal(
                f"{self.name} has {len(samples):,} rows; these are single cells, and labdb stores samples: sum them first."
            )
        matrix = _Matrix(self.matrices[layer], self.name, layer)
        if matrix.shape != (len(samples), len(genes)):
            raise refusal(
                f"{self.name}: {layer} is {matrix.shape[0]:,} x {matrix.shape[1]:,}, but obs names {len(samples):,} samples "
                f"and var {len(genes):,} genes; write the file again."
            )  # fmt: skip
        n_rounded, first = 0, 0
        with Spool(len(genes)) as spool:
            for block in matrix.blocks():
                tick(first, len(samples), f"reading {self.name}")
                rounded = np.rint(block)
                self._refuse_no_counts(block, layer, (first, samples, genes))
                n_rounded += int(np.count_nonzero(rounded != block))
                if n_rounded and not round_estimates:
                    at = next(zip(*np.nonzero(rounded != block), strict=True))
                    raise refusal(self._normalized(layer, block[at], samples[first + at[0]], genes[at[1]]))
                spool.append(rounded.astype(np.int32))
                first += len(block)
            counts = spool.array().T
        notes = [] if layer == X else [f"Read {layer}, not X."]
        if n_rounded:
            notes.append(f"Rounded {n_rounded:,} of {counts.size:,} estimates to whole counts.")
        return Joined(genes, samples, counts, notes)

    def _refuse_no_counts(self, block: Block, layer: str, where: tuple[int, list[str], list[str]]) -> None:
        first, samples, genes = where
        wrong = ~np.isfinite(block) | (block < 0) | (block > MAX_COUNT)
        if not wrong.any():
            return
        at = next(zip(*np.nonzero(wrong), strict=True))
        if block[at] < 0:
            raise refusal(self._normalized(layer, block[at], samples[first + at[0]], genes[at[1]]))
        raise refusal(
            f"{self._place(layer, block[at], samples[first + at[0]], genes[at[1]])} is no count; export raw counts."
        )

    def _normalized(self, layer: str, value: Any, sample: str, gene: str) -> str:
        others = [
            one for one in self.matrices if one != layer and _Matrix(self.matrices[one], self.name, one).is_whole()
        ]
        what = f"{self._place(layer, value, sample, gene)} is no raw count, so {layer} is normalized or estimated"
        if others:
            return f"{what}; whole numbers are in {listed(others)}: name it as the layer (--layer {others[0]})."
        return (
            f"{what}; no other matrix of this file holds whole numbers: export raw counts, or round with --round "
            "if these are estimates."
        )

    def _place(self, layer: str, value: Any, sample: str, gene: str) -> str:
        return f"{self.name}, {layer}, sample {sample}, gene {gene}: {value:g}"

    def _names(self, place: h5py.Group, part: str, what: str) -> list[str]:
        """Return the index of the table of samples or of genes."""
        table = _own(place, part)
        if isinstance(table, h5py.Dataset):
            raise refusal(f"{self.name} was written by an old anndata (before 0.7); read and write it by a newer one.")
        index = _own(table, str(table.attrs.get("_index", "_index")))
        index = _own(index, "values") if isinstance(index, h5py.Group) else index  # nullable texts of anndata 0.12
        is_text = h5py.check_string_dtype(index.dtype) is not None
        names = [str(one).strip() for one in (index.asstr()[:] if is_text else index[:])]
        if what == "sample" and (twice := [one for one, n in Counter(names).items() if n > 1 or not one]):
            raise refusal(f"{self.name} has several samples called {listed(twice)}; give each a name.")
        return names


def _own(group: h5py.Group, name: str) -> Any:
    """Return a member of the file itself: HDF5 can also name other files, which may be any of the server's."""
    link = group.get(name, getlink=True)
    found = group[name] if isinstance(link, h5py.HardLink) else None
    is_elsewhere = isinstance(found, h5py.Dataset) and (found.external or found.is_virtual)
    if found is None or is_elsewhere:
        raise refusal(f"{name} of the HDF5 file lies in another file; write one file that holds everything.")
    return found


class _Matrix:
    """Samples x genes as anndata keeps them: dense, or compressed by samples or by genes."""

    def __init__(self, stored: h5py.Dataset | h5py.Group, name: str, layer: str) -> None:
        self.stored, self.name, self.layer = stored, name, layer
        self.kind = "dense" if isinstance(stored, h5py.Dataset) else str(stored.attrs.get("encoding-type", ""))
        if self.kind not in ("dense", "csr_matrix", "csc_matrix"):
            raise refusal(
                f"{name}: {layer} is kept as {self.kind or 'something unknown'}; write it as a dense or sparse matrix."
            )
        self.shape = tuple(map(int, stored.shape if self.kind == "dense" else stored.attrs["shape"]))

    def is_whole(self) -> bool:
        """Whether the first samples have whole numbers, none below 0."""
        block = next(self.blocks(LOOKED_AT_ROWS), np.empty((0, 0)))
        return bool(block.size) and bool((block == np.rint(block)).all() and (block >= 0).all())

    def blocks(self, n_rows: int = 0) -> Iterator[Block]:
        """Yield some samples after the other, as dense arrays of float64."""
        n_rows = n_rows or max(1, BLOCK_CELLS // max(1, self.shape[1]))
        read = {"dense": self._dense, "csr_matrix": self._by_samples, "csc_matrix": self._by_genes}[self.kind]
        for first in range(0, self.shape[0], n_rows):
            yield read(first, min(first + n_rows, self.shape[0]))

    def _dense(self, first: int, stop: int) -> Block:
        return np.asarray(self.stored[first:stop], dtype=np.float64)

    def _by_samples(self, first: int, stop: int) -> Block:
        block = np.zeros((stop - first, self.shape[1]))
        ends = _own(self.stored, "indptr")[first : stop + 1]
        columns, values = (_own(self.stored, part)[ends[0] : ends[-1]] for part in ("indices", "data"))
        np.add.at(block, (np.repeat(np.arange(stop - first), np.diff(ends)), columns), values)
        return block

    def _by_genes(self, first: int, stop: int) -> Block:
        """Go through the genes for each block of samples; such a file is rare, and read slowly rather than whole."""
        block = np.zeros((stop - first, self.shape[1]))
        ends = _own(self.stored, "indptr")[:]
        for gene in range(0, self.shape[1], GENES_AT_ONCE):
            some = ends[gene : gene + GENES_AT_ONCE + 1]
            rows, values = (_own(self.stored, part)[some[0] : some[-1]] for part in ("indices", "data"))
            columns = np.repeat(np.arange(gene, gene + len(some) - 1), np.diff(some))
            kept = (rows >= first) & (rows < stop)
            np.add.at(block, (rows[kept] - first, columns[kept]), values[kept])
        return block
