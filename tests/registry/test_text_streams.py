"""A file read chunk by chunk says what the same file says when it is read whole, wherever the chunks end."""

import codecs
import gzip
import hashlib
import io
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labdb.registry import text_streams
from labdb.registry.text_streams import MAX_LINE_CHARACTERS, TableError, TextFile
from labdb.registry.text_tables import decode_text, split_lines, unpack

TEXTS = st.text('a1,;\t\r\n"\x1aäß€😀', max_size=60)
ENCODED = st.builds(
    lambda text, codec: text.encode(codec, "ignore"), TEXTS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])
)
RAW = st.one_of(ENCODED, st.binary(max_size=40), st.lists(ENCODED, max_size=3).map(b"".join))
PACKED = st.one_of(
    RAW,
    RAW.map(gzip.compress),
    st.lists(RAW, max_size=3).map(lambda members: b"".join(map(gzip.compress, members)) + b"\0" * 3),
    st.tuples(RAW, st.integers(1, 20)).map(lambda cut: gzip.compress(cut[0])[: -cut[1]]),
    RAW.map(lambda text: gzip.compress(text) + b"\x1f"),
)


def whole(data: bytes) -> tuple[list[str], str] | str:
    """Return lines and note, or the sentence of refusal."""
    try:
        text, note = decode_text(unpack(data, "f"), "f")
        return list(split_lines(text)), note
    except TableError as error:
        return str(error)


def streamed(source: bytes | io.BytesIO) -> tuple[list[str], str] | str:
    try:
        text = TextFile(source, "f")
        assert list(text.lines()) == list(text.lines())  # as often as needed
        return list(text.lines()), text.encoding.note
    except TableError as error:
        return str(error)


@settings(deadline=None, max_examples=300)
@given(PACKED, st.integers(1, 7))
def test_where_the_chunks_end_changes_nothing(data, chunk_bytes):
    expected = whole(data)
    with patch.object(text_streams, "CHUNK_BYTES", chunk_bytes):
        assert whole(data) == expected
        said = streamed(data)
        if isinstance(expected, str) and "gzip file" in expected:
            assert isinstance(said, str)  # what is wrong with the text may be seen before the end of the file
        else:
            assert said == expected


def test_a_file_is_known_by_the_digest_of_its_bytes_as_given_and_left_open(tmp_path):
    packed = gzip.compress(b"a,b\n1,2\n")
    (tmp_path / "f.csv.gz").write_bytes(packed)
    upload = io.BytesIO(packed)
    upload.seek(5)  # somebody looked at it
    for source in (packed, tmp_path / "f.csv.gz", upload):
        text = TextFile(source, "f")
        assert (list(text.lines()), text.sha256) == (["a,b\n", "1,2\n"], hashlib.sha256(packed).hexdigest())
    assert not upload.closed


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("a\nä\n".encode() + b"\xe4\n", "f mixes two encodings (UTF-8 and another, on line 3)"),
        (b"a\n\xe4\n\x81\n", "f, line 3: a letter is neither UTF-8 nor Windows-1252"),
        (b"a\n\0", "f is not text (it has bytes of value 0)"),
        (codecs.BOM_UTF16_LE + b"a", "f begins like UTF-16 but is not"),
        (b"\xef\xbb\xbf \r\n", "f is empty."),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(data, sentence):
    assert streamed(data).startswith(sentence)


@pytest.mark.parametrize("n", [MAX_LINE_CHARACTERS + 1, 6_000_000])
@pytest.mark.parametrize("letter", ["a", "ä"])
def test_a_line_beyond_all_sheets_is_refused_by_its_number_and_length(n, letter):
    data = f"a\n{letter * n}\nb\n".encode()
    with pytest.raises(TableError, match=rf"^f, line 2 has ({n:,}|{n + 1:,}) characters, more than 1,000,000"):
        list(TextFile(data, "f").lines())


def test_the_longest_line_of_a_sheet_is_read():
    data = f"a\n{'b' * (MAX_LINE_CHARACTERS - 1)}\nc\n".encode()
    assert [len(line) for line in TextFile(data, "f").lines()] == [2, MAX_LINE_CHARACTERS, 2]


def test_a_bomb_is_refused_while_it_unpacks():
    bomb = gzip.compress(bytes(50_000_000))
    pieces = []
    with pytest.raises(TableError, match=r"^f unpacks to more than 3,000,000 bytes; split it\.$"):
        pieces.extend(text_streams.unpacked([bomb], "f", 3_000_000))
    assert sum(map(len, pieces)) <= 3_000_000


def test_a_folder_and_a_missing_file_are_refused_by_name(tmp_path):
    with pytest.raises(TableError, match=r"^f is a folder; give one file\.$"):
        TextFile(tmp_path, "f")
    with pytest.raises(TableError, match=r"^f cannot be read: No such file or directory\.$"):
        TextFile(tmp_path / "none", "f")
