"""Counts of one sample or of one gene as a small block of bytes that notices its own damage.

Layout, little-endian: format version (1 byte), number of values (4), CRC-32 of the raw values (4), then a
zstd frame of the values with their bytes shuffled: all lowest bytes first, so the mostly zero upper bytes of
counts lie together and pack to almost nothing.
"""

from __future__ import annotations

import struct
import zlib
from threading import local

import numpy as np
import numpy.typing as npt
import zstandard

FORMAT_VERSION = 1
HEADER = struct.Struct("<BII")
VALUE_TYPE = np.dtype("<i4")
ZSTD_LEVEL = 3  # on 25,000 genes x 2,000 samples level 9 packs no better and takes three times as long

_contexts = local()  # zstd contexts are costly to make and not safe to share between threads


class CorruptBlock(Exception):
    """A stored block that is not what was written; its text says why."""


def encode_counts(values: npt.ArrayLike) -> bytes:
    """Encode a vector of counts.

    Parameters
    ----------
    values : array_like of int, shape (n,)
        Within the range of int32; not changed.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If not one-dimensional, not of an integer type, or beyond int32.
    """
    raw = as_int32(values)
    if raw.ndim != 1:
        raise ValueError(f"counts must have one dimension; got {raw.ndim}")
    shuffled = np.ascontiguousarray(raw.view(np.uint8).reshape(-1, VALUE_TYPE.itemsize).T)
    header = HEADER.pack(FORMAT_VERSION, raw.size, zlib.crc32(raw.data))
    return header + _compressor().compress(shuffled.data)


def decode_counts(block: bytes | memoryview, expected_length: int) -> npt.NDArray[np.int32]:
    """Decode a block of `encode_counts`.

    Parameters
    ----------
    block : bytes or memoryview
        As stored.
    expected_length : int
        Number of values the caller knows the block to hold: a sample's genes or a gene's samples.

    Returns
    -------
    numpy.ndarray of int32, shape (expected_length,)
        Writable, native byte order.

    Raises
    ------
    CorruptBlock
        Unknown version, wrong length, cut short, or a checksum that does not match.
    """
    if len(block) < HEADER.size:
        raise CorruptBlock(f"the block has {len(block)} bytes, fewer than its header of {HEADER.size}")
    version, length, checksum = HEADER.unpack_from(block)
    if version != FORMAT_VERSION:
        raise CorruptBlock(f"the block has format version {version}; this program reads {FORMAT_VERSION}")
    if length != expected_length:
        raise CorruptBlock(f"the block holds {length} values where {expected_length} were expected")
    shuffled = _decompressed(block, length * VALUE_TYPE.itemsize)
    values = np.empty(length, dtype=VALUE_TYPE)
    values.view(np.uint8).reshape(length, VALUE_TYPE.itemsize)[:] = shuffled.reshape(VALUE_TYPE.itemsize, length).T
    if zlib.crc32(values.data) != checksum:
        raise CorruptBlock("the checksum of the values does not match; the block was damaged")
    return values.astype(np.int32, copy=False)


def as_int32(values: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """Return counts of any integer type as contiguous int32; ValueError where that would change one."""
    counts = np.asarray(values)
    if counts.dtype.kind not in "iu":
        raise ValueError(f"counts must be integers; got {counts.dtype}")
    bounds = np.iinfo(np.int32)
    # int32 and narrower types cannot be out of range: no need to look
    if not np.can_cast(counts.dtype, np.int32) and counts.size:
        lowest, highest = int(counts.min()), int(counts.max())
        if lowest < bounds.min or highest > bounds.max:
            raise ValueError(f"counts must fit in int32; got {lowest} to {highest}")
    return np.ascontiguousarray(counts, dtype=VALUE_TYPE)


def _decompressed(block: bytes | memoryview, n_bytes: int) -> npt.NDArray[np.uint8]:
    frame = memoryview(block)[HEADER.size :]
    try:
        # a damaged frame must not make us allocate what it claims to hold
        if zstandard.frame_content_size(frame) != n_bytes:
            raise CorruptBlock("the packed frame is not of the size that its header says")
        packed = _decompressor().decompress(frame, max_output_size=n_bytes, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise CorruptBlock(f"the packed frame cannot be unpacked ({error})") from None
    if len(packed) != n_bytes:
        raise CorruptBlock("the packed frame is not of the size that its header says")
    return np.frombuffer(packed, dtype=np.uint8)


def _compressor() -> zstandard.ZstdCompressor:
    if not hasattr(_contexts, "compressor"):
        _contexts.compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
    return _contexts.compressor


def _decompressor() -> zstandard.ZstdDecompressor:
    if not hasattr(_contexts, "decompressor"):
        _contexts.decompressor = zstandard.ZstdDecompressor()
    return _contexts.decompressor
