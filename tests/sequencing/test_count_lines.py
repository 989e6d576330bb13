"""The quick way to read a line of digits never says anything else than the way that reads every cell."""

import csv

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labdb.registry.text_streams import TextFile
from labdb.sequencing.count_cells import MAX_COUNT, parse_row
from labdb.sequencing.count_lines import CountLines, plain_counts

CELLS = st.one_of(
    st.integers(0, MAX_COUNT).map(str),
    st.integers(0, 9).map(str),
    st.sampled_from(["", " 1", "1 ", "007", "1.0", "1e3", "-1", "+1", "1_0", "NA", "²", "٣", '"1"', '1"', "0x1",
                     "2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "1" * 400]),
)  # fmt: skip
IDS = st.one_of(st.sampled_from(["Fos", '"Fos"', '"a,b"', '"a""b"', 'a"b', "", '""', "1", "süß", '"Fos', "a b"]), CELLS)
DELIMITERS = st.sampled_from([",", ";", "\t", "|"])


def by_the_csv_reader(line: str, delimiter: str, n_skipped: int, n_counts: int) -> tuple[str, list[int]] | None:
    """Read a line cell by cell; None where the row has other cells, or one that is no count."""
    try:
        (cells,) = csv.reader([line], delimiter=delimiter, strict=True)
    except csv.Error:
        return None
    parsed = parse_row(cells[1 + n_skipped :], False) if len(cells) == 1 + n_skipped + n_counts else None
    return None if parsed is None else (cells[0], parsed[0].tolist())


@settings(deadline=None, max_examples=500)
@example("Fos", ["1", "2", "3"], ",", "\n", 0, 3)
@example("Fos", ["1", "", "3"], ",", "\n", 0, 3)  # an empty cell is no 0
@example("Fos", ["1", "9" * 40], ",", "\n", 0, 2)
@example("Fos", ["1 2", "3"], ",", "\n", 0, 2)
@example("Fos", ["chr1;chr1", "+", "5"], "\t", "\n", 2, 1)
@given(IDS, st.lists(CELLS, min_size=1, max_size=5), DELIMITERS, st.sampled_from(["\n", "\r\n", "\r", ""]),
       st.integers(0, 2), st.integers(1, 4))  # fmt: skip
def test_no_line_is_read_in_two_ways(row_id, cells, delimiter, end, n_skipped, n_counts):
    line = delimiter.join([row_id, *cells]) + end
    quick = plain_counts(line, delimiter, n_skipped, n_counts)
    if quick is not None:
        assert (quick[0], quick[1].tolist()) == by_the_csv_reader(line, delimiter, n_skipped, n_counts)


@pytest.mark.parametrize("line", ["Fos,1,2,30\n", '"Fos",1,2,30\r\n', "Fos,01,2,30"])
def test_a_line_of_digits_is_read_the_quick_way(line):
    row_id, counts = plain_counts(line, ",", 0, 3)
    assert (row_id, counts.tolist()) == ("Fos", [1, 2, 30])
    assert counts.dtype == "int32"


def test_quick_and_slow_rows_alternate_and_keep_their_line_numbers():
    text = TextFile(b'# by me\n\ng,S1,S2\nA,1,2\nB,1.0,2\n\n"C\nC",3,4\n"D",5,6\nE,7\nF,8,9', "c.csv")
    lines = CountLines(text)
    assert next(lines.cells()) == (3, ["g", "S1", "S2"])
    rows = [(line, cells, None if counts is None else counts.tolist()) for line, cells, counts in lines.rows(2, [0, 1])]
    assert rows == [
        (4, ["A"], [1, 2]),
        (5, ["B", "1.0", "2"], None),
        (7, ["C\nC", "3", "4"], None),
        (9, ["D"], [5, 6]),
        (10, ["E", "7"], None),
        (11, ["F"], [8, 9]),
    ]
