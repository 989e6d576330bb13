"""The block that holds one sample's or one gene's counts: what comes out is what went in, or a reason."""

import zlib

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labdb.sequencing.expression_codec import HEADER, CorruptBlock, decode_counts, encode_counts

INT32 = np.iinfo(np.int32)


@settings(deadline=None)  # the machine may be busy
@given(arrays(np.int32, st.integers(0, 300), elements=st.integers(INT32.min, INT32.max)))
def test_every_vector_comes_back_as_it_went_in(values):
    decoded = decode_counts(encode_counts(values), values.size)
    assert decoded.dtype == np.int32
    np.testing.assert_array_equal(decoded, values)


def test_a_decoded_vector_can_be_written_to():
    decoded = decode_counts(encode_counts([1, 2, 3]), 3)
    decoded[0] = 9
    assert decoded.tolist() == [9, 2, 3]


@pytest.mark.parametrize("dtype", [np.int64, np.uint32, np.int16, np.uint8, np.dtype(">i4")])
def test_other_integer_types_of_the_same_values_are_accepted(dtype):
    values = np.array([0, 7, 255 if np.dtype(dtype).itemsize == 1 else 30_000], dtype=dtype)
    np.testing.assert_array_equal(decode_counts(encode_counts(values), 3), values)


def test_a_column_of_a_matrix_needs_no_copy_by_the_caller():
    matrix = np.arange(12, dtype=np.int32).reshape(3, 4)
    assert decode_counts(encode_counts(matrix[:, 1]), 3).tolist() == [1, 5, 9]


def test_a_memoryview_as_psycopg_gives_it_is_decoded():
    assert decode_counts(memoryview(encode_counts([4, 5])), 2).tolist() == [4, 5]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([1.0, 2.0], "counts must be integers; got float64"),
        ([[1, 2]], "counts must have one dimension; got 2"),
        ([0, 2_147_483_648], "counts must fit in int32; got 0 to 2147483648"),
        ([-2_147_483_649, 0], "counts must fit in int32; got -2147483649 to 0"),
    ],
)
def test_what_is_no_vector_of_int32_is_refused(values, sentence):
    with pytest.raises(ValueError, match=sentence):
        encode_counts(values)


@settings(deadline=None)  # the machine may be busy
@given(st.data())
def test_no_changed_byte_goes_unnoticed(data):
    values = np.array(data.draw(st.lists(st.integers(0, 100_000), min_size=1, max_size=50)))
    block = bytearray(encode_counts(values))
    position = data.draw(st.integers(0, len(block) - 1))
    block[position] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode_counts(bytes(block), values.size)
    except CorruptBlock:
        return
    np.testing.assert_array_equal(decoded, values)  # a bit that zstd does not use may differ


def test_every_shortened_block_is_refused():
    block = encode_counts(np.arange(100))
    for n_bytes in range(len(block)):
        with pytest.raises(CorruptBlock):
            decode_counts(block[:n_bytes], 100)


def test_bytes_behind_the_block_are_refused():
    with pytest.raises(CorruptBlock, match="cannot be unpacked"):
        decode_counts(encode_counts([1, 2, 3]) + b"\0", 3)


def test_a_block_of_another_length_says_both_lengths():
    with pytest.raises(CorruptBlock, match="holds 3 values where 4 were expected"):
        decode_counts(encode_counts([1, 2, 3]), 4)


def test_a_later_format_is_refused_by_its_number():
    with pytest.raises(CorruptBlock, match="format version 2; this program reads 1"):
        decode_counts(b"\x02" + encode_counts([1])[1:], 1)


def test_an_intact_frame_of_other_values_fails_the_checksum():
    header = encode_counts([1, 2, 3])[: HEADER.size]
    frame = encode_counts([1, 2, 4])[HEADER.size :]
    with pytest.raises(CorruptBlock, match="checksum of the values does not match"):
        decode_counts(header + frame, 3)


def test_a_frame_that_claims_gigabytes_is_refused_before_they_are_allocated():
    header = HEADER.pack(1, 2, zlib.crc32(b""))
    huge = zstandard.ZstdCompressor().compress(bytes(50_000_000))  # 1.5 kB that unpack to 50 MB
    with pytest.raises(CorruptBlock, match="not of the size that its header says"):
        decode_counts(header + huge, 2)


def test_sparse_counts_take_less_than_a_byte_each():
    rng = np.random.default_rng(3)
    values = rng.negative_binomial(0.3, 0.02, 20_000)
    assert len(encode_counts(values)) < 20_000
