"""Rows become blocks in their order, a tile at a time, however they lie."""

import numpy as np
import pytest

from labdb.sequencing import block_encoding
from labdb.sequencing.block_encoding import encoded, tiles
from labdb.sequencing.count_spool import Spool
from labdb.sequencing.expression_codec import decode_counts


@pytest.fixture
def counts():
    """Return an array in a file, genes in rows."""
    values = np.random.default_rng(4).negative_binomial(0.3, 0.01, (301, 17)).astype(np.int32)
    with Spool(17) as spool:
        spool.append(values)
        return spool.array()


@pytest.mark.parametrize("way", ["by gene", "by library"])
@pytest.mark.parametrize("tile_bytes", [1, 500, 10_000, 2**25])
def test_every_row_is_encoded_once_and_in_order_however_small_the_tiles_are(counts, way, tile_bytes, monkeypatch):
    monkeypatch.setattr(block_encoding, "TILE_BYTES", tile_bytes)
    monkeypatch.setattr(block_encoding, "PART_BYTES", 100)
    rows = counts if way == "by gene" else counts.T
    assert max(tile.nbytes for tile in tiles(rows)) <= max(tile_bytes, rows[0].nbytes)
    blocks = list(encoded(rows))
    assert len(blocks) == len(rows)
    np.testing.assert_array_equal([decode_counts(block, rows.shape[1]) for block in blocks], rows)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1)])
def test_a_matrix_may_be_empty(shape):
    rows = np.zeros(shape, dtype=np.int32)
    assert [decode_counts(block, shape[1]).tolist() for block in encoded(rows)] == rows.tolist()


def test_a_fault_in_a_thread_is_raised_where_the_blocks_are_read():
    rows = np.array([[1, 2], [3, 2**31]])
    with pytest.raises(ValueError, match="counts must fit in int32; got 3 to 2147483648"):
        list(encoded(rows))
