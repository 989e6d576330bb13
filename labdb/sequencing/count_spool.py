"""Counts in a temporary file: an array that memory need not hold, gone with whoever reads it last."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO

import numpy as np
import numpy.typing as npt

from labdb.registry.file_store import drafts_folder
from labdb.sequencing.count_cells import refusal
from labdb.sequencing.expression_codec import VALUE_TYPE, as_int32

BUFFER_BYTES = 2**20


class Spool:
    """Rows of counts, written one after the other into a temporary file.

    ``with Spool(n_columns) as spool``: `append` rows, then take `array`. Where a file holds one sample, append the samples
    and take ``spool.array().T``: genes in rows again, without a copy. The array outlives the block; the file has no name,
    so that it is gone with the last array that shows it, and after a kill.

    Parameters
    ----------
    n_columns : int
        Counts in each row.

    Raises
    ------
    CountFileError
        The disk cannot take the counts.
    """

    def __init__(self, n_columns: int) -> None:
        self.n_columns = n_columns
        self.n_rows = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Spool:
        self._file = temporary_file()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        file, self._file = self._file, None
        if file is not None:
            with disk_in_words():
                file.close()

    def append(self, rows: npt.ArrayLike) -> None:
        """Add a row, or rows.

        Parameters
        ----------
        rows : array_like of int, shape (n_columns,) or (n, n_columns)
            Within the range of int32; ValueError else.
        """
        counts = as_int32(rows)
        if counts.shape[-1:] != (self.n_columns,) or counts.ndim > 2:
            raise ValueError(f"rows must have {self.n_columns} columns; got an array of shape {counts.shape}")
        with disk_in_words():
            self._open_file.write(counts.tobytes())
        self.n_rows += len(counts) if counts.ndim == 2 else 1

    def array(self) -> npt.NDArray[np.int32]:
        """Return what was appended, shape (n_rows, n_columns), read from the file as it is looked at; not to be written."""
        file = self._open_file
        with disk_in_words():
            file.flush()
            if not (self.n_rows and self.n_columns):
                return np.empty((self.n_rows, self.n_columns), dtype=VALUE_TYPE)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(mapped, dtype=VALUE_TYPE).reshape(self.n_rows, self.n_columns)

    @property
    def _open_file(self) -> IO[bytes]:
        if self._file is None:
            raise ValueError("the spool is closed; use it inside its with block")
        return self._file


def temporary_file() -> IO[bytes]:
    """Open a file without a name, on the disk of the data: the system's temporary folder may lie in memory.

    Raises
    ------
    CountFileError
        The disk cannot take it.
    """
    with disk_in_words():
        return tempfile.TemporaryFile(buffering=BUFFER_BYTES, dir=drafts_folder())


def drop_pages(counts: npt.NDArray[np.integer]) -> None:
    """Give back the memory that a look at a spool's array took; it is read from the file again when it is needed."""
    base: object = counts
    while isinstance(base, np.ndarray):
        base = base.base
    mapped = base.obj if isinstance(base, memoryview) else base
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


@contextmanager
def disk_in_words() -> Iterator[None]:
    """Refuse in a sentence what the server's disk cannot take."""
    try:
        yield
    except OSError as error:
        raise refusal(disk_sentence(error)) from error


def disk_sentence(error: OSError) -> str:
    """Say what is wrong with the server's disk."""
    return f"The counts cannot be kept on the server's disk ({error.strerror}); tell a manager, and import again later."
