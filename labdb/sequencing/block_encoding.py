"""Rows of a matrix, however they lie in memory or in a file, to the blocks of the expression store."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from labdb.sequencing.count_spool import drop_pages
from labdb.sequencing.expression_codec import encode_counts

TILE_BYTES = 32 * 2**20  # of counts that are in memory at once, however large the matrix is
PART_BYTES = 2**20  # of counts that one thread encodes at a time
N_THREADS = min(4, os.cpu_count() or 1)


def encoded(rows: npt.NDArray[np.integer]) -> Iterator[bytes]:
    """Yield the block of each row in order; threads encode ahead of the reader, no further than a tile of rows."""
    waiting: deque[Future[list[bytes]]] = deque()
    with ThreadPoolExecutor(N_THREADS, "encode") as pool:
        for tile in tiles(rows):
            n_rows = max(1, PART_BYTES // max(1, tile[0].nbytes))
            for start in range(0, len(tile), n_rows):
                waiting.append(pool.submit(_encode_part, tile[start : start + n_rows]))
                if len(waiting) > 2 * N_THREADS:
                    yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _encode_part(rows: npt.NDArray[np.integer]) -> list[bytes]:
    return [encode_counts(row) for row in rows]


def tiles(rows: npt.NDArray[np.integer]) -> Iterator[npt.NDArray[np.integer]]:
    """Yield the rows, some at a time, each a stretch of memory however they lie in the array or its file."""
    n_rows, n_columns = rows.shape
    height = max(1, TILE_BYTES // max(1, n_columns * rows.itemsize))
    # rows that lie across the file touch a page for each column: no more of those at once than a tile is large
    lie_across = n_columns > 1 and abs(rows.strides[1]) > rows.itemsize
    width = max(1, TILE_BYTES // abs(rows.strides[1])) if lie_across else max(1, n_columns)
    for top in range(0, n_rows, height):
        part = rows[top : top + height]
        tile = np.empty(part.shape, dtype=rows.dtype)
        for left in range(0, n_columns, width):
            tile[:, left : left + width] = part[:, left : left + width]
            drop_pages(rows)
        yield tile
