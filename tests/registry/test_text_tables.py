"""A table is read however it was written down; what cannot be read surely is refused in a sentence."""

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labdb.registry.text_tables import TableError, decode_text, read_table, sniff_delimiter, unpack

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
TABLE = "mouse,group\nM1,défaite\nM2,control\n"
HEADER = ["mouse", "group"]
ROWS = [(2, ["M1", "défaite"]), (3, ["M2", "control"])]


def refusal_of(data: bytes) -> str:
    with pytest.raises(TableError) as refusal:
        read_table(data, "mice.csv")
    return str(refusal.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_every_spelling_of_a_table_gives_the_same_cells(end, delimiter, encoding):
    data = TABLE.replace(",", delimiter).replace("\n", end).encode(encoding)
    table = read_table(data, "mice.csv")
    assert (table.header, table.rows) == (HEADER, ROWS)


def test_a_gzipped_table_is_unpacked():
    assert read_table(gzip.compress(TABLE.encode(), mtime=0), "mice.csv.gz").rows == ROWS


def test_reading_as_windows_1252_is_told_with_the_first_such_line():
    assert read_table(TABLE.encode("cp1252"), "mice.csv").notes == (
        "Not UTF-8 (line 2): read as Windows-1252 (latin-1). Look at the accented letters.",
    )
    assert read_table(TABLE.encode(), "mice.csv").notes == ()


def test_a_semicolon_file_with_decimal_commas_is_not_split_at_the_commas():
    assert read_table(b"mouse;mass\nM1;21,5\nM2;22,0\n", "m").rows == [(2, ["M1", "21,5"]), (3, ["M2", "22,0"])]


def test_the_delimiter_that_excel_declares_is_taken_and_its_line_left_out():
    table = read_table(b"sep=;\nmouse;note\nM1;a,b,c\n", "m")
    assert (table.header, table.rows) == (["mouse", "note"], [(3, ["M1", "a,b,c"])])


def test_quoted_cells_keep_delimiters_line_ends_and_quotation_marks():
    table = read_table(b'mouse,note\nM1,"a, ""b""\r\nc"\nM2,d\n', "m")
    assert table.rows == [(2, ["M1", 'a, "b"\r\nc']), (4, ["M2", "d"])]


def test_line_numbers_count_blank_lines_but_these_are_no_rows():
    assert read_table(b"\nmouse,group\n\nM1,a\n , \nM2,b\n\n", "m").rows == [(4, ["M1", "a"]), (6, ["M2", "b"])]


def test_empty_columns_at_the_right_are_cut():
    table = read_table(b"mouse,group,,\nM1,a,,\nM2,b, ,\n", "m")
    assert (table.header, table.rows) == (HEADER, [(2, ["M1", "a"]), (3, ["M2", "b"])])


def test_the_row_numbers_of_r_are_left_out_and_told():
    table = read_table(b'"","mouse","group"\n"1","M1","a"\n"2","M2","b"\n', "m")
    assert (table.header, table.rows[1]) == (HEADER, (3, ["M2", "b"]))
    assert table.notes == ("The first column has no name and only counts the rows; it was left out.",)


def test_a_single_column_is_a_table():
    assert read_table(b"mouse\nM1\n", "m").rows == [(2, ["M1"])]


def test_a_header_alone_is_a_table_without_rows():
    assert read_table(b"mouse,group", "m") == read_table(b"mouse;group\n\n", "m")


def test_other_line_separators_of_unicode_end_no_line():
    assert read_table("mouse,note\nM1,a\x0bb\u2028c\x85d\n".encode(), "m").rows == [(2, ["M1", "a\x0bb\u2028c\x85d"])]


@pytest.mark.parametrize("data", [b"", b"\n\r\n  ", b"\xef\xbb\xbf", b",,\n,,\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_refused(data):
    assert refusal_of(data).startswith("mice.csv is empty")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"PK\x03\x04rest", "mice.csv is an Excel workbook (XLSX) or a zip archive; in Excel choose Save as > CSV UTF-8."),
        (b"\xd0\xcf\x11\xe0rest", "mice.csv is an old Excel workbook (XLS); in Excel choose Save as > CSV UTF-8."),
        (
            b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"),
            "mice.csv is protected by a password; save it without one.",
        ),
        (b"%PDF-1.7", "mice.csv is a PDF; export the table as CSV."),
        (b"mouse\0group\n", "mice.csv is not text (it has bytes of value 0); export the table as CSV."),
        (b"\xff\xfem\x00\x00\xd8", "mice.csv begins like UTF-16 but is not; save it as CSV UTF-8."),
        (b"a,b\n1,\x81\n", "mice.csv, line 2: a letter is neither UTF-8 nor Windows-1252; save it again as CSV UTF-8."),
        (
            "a,b\n1,é\n".encode() + b"2,\xe9\n",
            "mice.csv mixes two encodings (UTF-8 and another, on line 3); save it again as CSV UTF-8.",
        ),
        (
            gzip.compress(TABLE.encode(), mtime=0)[:-9],
            "mice.csv is a gzip file that was cut short; copy or download it again.",
        ),
        (b"\x1f\x8b\x08garbage....", "mice.csv is a damaged gzip file; copy or download it again."),
        (
            b"a,b\n" + b"x" * 1_000_001,
            "mice.csv, line 2 has 1,000,001 characters, more than 1,000,000; this is no table, "
            "or its line ends were lost. Export it again as CSV.",
        ),
        (
            b'a,b\n1,"' + b"x\n" * 70_000,
            "mice.csv, line 2: a cell has more than 131,072 characters; "
            'a quotation mark (") that opens there may never close.',
        ),
        (b'a,b\n1,"x\n2,y\n', 'mice.csv, line 2: a quotation mark (") opens and never closes; close or remove it.'),
        (
            b'a,b\n1,"x"y\n',
            "mice.csv, line 2: text follows a closing quotation mark; "
            'write a quotation mark inside a quoted cell twice ("").',
        ),
        (
            b"a,b,c\n1,2,3\n1,2\n",
            "mice.csv, line 3 has 2 cells where the header (line 1) has 3; give each row one cell per column, "
            "and put quotation marks around text that holds the delimiter.",
        ),
        (
            b"a,b\n1,2\n1,2,3\n1,2\n1\n",
            "mice.csv, line 3 has 3 cells where the header (line 1) has 2 (1 more such: line 5); give each row one "
            "cell per column, and put quotation marks around text that holds the delimiter.",
        ),
        (b"a,b,a\n1,2,3\n", "mice.csv, line 1 names 'a' more than once; rename or delete one."),
        (b"a,,c\n1,2,3\n", "mice.csv, line 1: column 2 has no name; name it or delete it."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_surely_is_refused_in_words(data, sentence):
    assert refusal_of(data) == sentence


def test_a_gzip_file_that_unpacks_beyond_reason_is_refused_without_unpacking_it():
    with pytest.raises(TableError, match="unpacks to more than 1,000 bytes; split it"):
        unpack(gzip.compress(bytes(10_000_000), mtime=0), "bomb.gz", max_bytes=1000)


def test_all_members_of_a_gzip_file_are_read():
    assert unpack(gzip.compress(b"a,b\n", mtime=0) + gzip.compress(b"1,2\n") + b"\0\0", "x.gz") == b"a,b\n1,2\n"


def test_the_delimiter_is_the_one_that_fits_the_rows_not_the_most_frequent():
    assert sniff_delimiter("mouse;note, with, commas\nM1;a\nM2;b, c\n") == ";"
    assert sniff_delimiter("mouse,note\nM1,x;y;z\nM2,u;v;w\n") == ","


def test_a_header_one_shorter_than_its_rows_as_r_writes_it_still_tells_the_delimiter():
    assert sniff_delimiter("S1\tS2\nFos\t1\t2\nArc\t3\t4\n") == "\t"


def test_windows_letters_beyond_latin_1_are_decoded():
    assert decode_text(b"5\x80")[0] == "5€"  # 0x80 is the euro sign in Windows-1252


CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)


@settings(deadline=None)  # the machine may be busy
@given(st.data())
def test_what_the_csv_module_writes_comes_back(data):
    n_columns = data.draw(st.integers(2, 4))
    rows = data.draw(st.lists(st.lists(CELLS, min_size=n_columns, max_size=n_columns), max_size=6))
    rows = [["x", *row[1:]] for row in rows]  # a row of blanks would be left out
    header = [f"column {i}" for i in range(n_columns)]
    delimiter = data.draw(st.sampled_from(",;\t|"))
    written = io.StringIO(newline="")
    # the declared delimiter: cells at random can look like any other
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([[f"sep={delimiter}"], header, *rows])
    table = read_table(written.getvalue().encode(), "t.csv")
    assert table.header == header
    assert [cells for _, cells in table.rows] == rows


@pytest.mark.skipif(not SHARED.exists(), reason="real files of others lie in ../shared/data, which is absent")
@pytest.mark.parametrize(
    ("file", "n_columns", "n_rows"),  # counted with wc and head
    [
        ("integrative_wt2015/00_behaviordata.csv", 34, 306),
        ("integrative_wt2015/00_colData.csv", 5, 44),
        ("deepof_sit/Male_data_summary.csv", 14, 39),
        ("deepof_sit/Female_data_summary.csv", 15, 28),
    ],
)
def test_real_files_are_read_whole(file, n_columns, n_rows):
    table = read_table((SHARED / file).read_bytes(), file)
    assert (len(table.header), len(table.rows)) == (n_columns, n_rows)
