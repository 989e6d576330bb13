"""A column is a library by its exact code or by a map that a person gave; what looks alike is only suggested."""

from pathlib import Path

import pytest

from labdb.registry.text_tables import read_table
from labdb.sequencing.column_matching import match_columns, read_sample_map, write_sample_map
from labdb.sequencing.count_cells import CountFileError, quoted

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def sentences_of(data: bytes) -> list[str]:
    with pytest.raises(CountFileError) as refused:
        read_sample_map(data, name="map.csv")
    return [error.sentence for error in refused.value.errors]


def test_exact_codes_match_without_a_map():
    match = match_columns(["L1", "L2"], {"L1", "L2", "L3"})
    assert match.library_of == {"L1": "L1", "L2": "L2"}
    assert (match.exact, match.mapped, match.sentences) == (("L1", "L2"), {}, ())


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("15142C", "15-142C"),
        ("15-142c", "15-142C"),
        ("15_142C", "15-142C"),
        ("15.142 C", "15-142C"),
        ("mapped/GSM461177Aligned.sortedByCoord.out.bam", "GSM461177"),
        ("C:\\bam\\15-142C.sorted.bam", "15-142C"),
        ("star/15-142C/Aligned.sortedByCoord.out.bam", "15-142C"),  # the folder names the sample
        ("15-142CReadsPerGene.out.tab.gz", "15-142C"),
        ("15-142C_S19_L003_R1_001.fastq.gz", "15-142C"),
        ("M7-PFC", "M007-PFC"),
        ("m0007_pfc", "M007-PFC"),
    ],
)
def test_another_spelling_is_proposed_and_taken_only_when_accepted(name, code):
    codes = ["15-142C", "15-143A", "GSM461177", "GSM461180", "M007-PFC", "M070-PFC"]
    match = match_columns([name], codes)
    assert (match.normalized, match.library_of) == ({name: code}, {})
    assert match.sentences == (
        f"Column {quoted(name)} is no library of this study; if it is '{code}', say so in a sample map "
        "(columns name, library), or accept such spellings with --accept-normalized.",
    )
    accepted = match_columns([name], codes, accept_normalized=True)
    assert (accepted.library_of, accepted.sentences) == ({name: code}, ())


def test_the_nearer_spelling_goes_before_the_zeros():
    match = match_columns(["m001", "m1"], ["M001", "M1"])
    assert match.normalized == {"m001": "M001", "m1": "M1"}


@pytest.mark.parametrize("name", ["l1a", "M01"])
def test_a_name_that_matches_two_libraries_is_never_taken(name):
    codes = ["L-1A", "L1A", "M1", "M001"]
    match = match_columns([name], codes, accept_normalized=True)
    assert (match.normalized, match.library_of) == ({}, {})
    assert len(match.unknown[0].suggestions) == 2
    assert " or ".join(map(quoted, match.unknown[0].suggestions)) in match.sentences[0]


def test_two_names_that_are_one_library_but_for_their_spelling_are_an_error():
    match = match_columns(["L-1", "l1"], ["L-1"], accept_normalized=True)
    assert match.sentences == (
        "Columns 'L-1', 'l1' are all library 'L-1'; keep one, or give each a library of its own.",
    )


def test_the_map_to_be_completed_holds_what_is_known_and_leaves_the_rest_open():
    written = write_sample_map(match_columns(["L1", "l-2", "a", "odd"], ["L1", "L2", "L3"], {"a": "L3"}))
    assert written == "name,library\nL1,L1\na,L3\nl-2,L2\nodd,\n"


def test_two_codes_that_differ_in_spelling_alone_are_both_suggested():
    assert match_columns(["l1a"], ["L-1A", "L1A"]).unknown[0].suggestions == ("L-1A", "L1A")


def test_a_code_inside_a_longer_name_is_suggested():
    assert match_columns(["run7_GSM461177_b"], ["GSM461177", "GSM461180"]).unknown[0].suggestions == ("GSM461177",)


def test_a_slip_of_the_pen_is_suggested():
    assert match_columns(["M014-PCF"], ["M014-PFC", "M027-NAc"]).unknown[0].suggestions == ("M014-PFC",)


def test_a_name_like_none_says_what_to_do():
    assert match_columns(["blank"], ["M014-PFC"]).sentences == (
        "Column 'blank' is no library of this study; "
        "enter the library first, or name it in a sample map (columns name, library).",
    )


def test_the_map_goes_before_a_code_of_the_same_name():
    match = match_columns(["L1", "L2"], ["L1", "L2", "L3"], {"L1": "L3"})
    assert match.library_of == {"L1": "L3", "L2": "L2"}
    assert (match.exact, match.mapped) == (("L2",), {"L1": "L3"})


def test_a_map_to_a_library_that_is_not_there_is_an_error():
    assert match_columns(["S1"], ["L-1"], {"S1": "L1"}).sentences == (
        "The sample map makes column 'S1' library 'L1', which this study has not; "
        "if it is 'L-1', say so in a sample map (columns name, library).",
    )


def test_two_columns_of_one_library_are_an_error():
    match = match_columns(["L1", "S1"], ["L1"], {"S1": "L1"})
    assert match.duplicates == {"L1": ("L1", "S1")}
    assert match.sentences == ("Columns 'L1', 'S1' are all library 'L1'; keep one, or give each a library of its own.",)


def test_names_of_the_map_that_the_file_has_not_are_told():
    assert match_columns(["L1"], ["L1"], {"S9": "L1"}).notes == (
        "The sample map also names columns that the file has not: 'S9'.",
    )


def test_thousands_of_unknown_columns_are_named_each():
    names = [f"unknown {i}" for i in range(2000)]
    assert len(match_columns(names, [f"M{i}-PFC" for i in range(2000)]).sentences) == 2000


def test_a_sample_map_is_read_whatever_its_delimiter_and_other_columns():
    data = "\ufeffLibrary;mouse;Name\r\nL1;M1; a \r\nL2;M2;b\r\n"
    assert read_sample_map(data.encode()) == {"a": "L1", "b": "L2"}


def test_all_errors_of_a_sample_map_are_listed_at_once():
    assert sentences_of(b"name,library\na,\na,L1\n,L2\n") == [
        "map.csv, line 2, column 'library': the cell is empty; fill it in or delete the line.",
        "map.csv, line 3, column 'name': 'a' is on line 2 already; delete one.",
        "map.csv, line 4, column 'name': the cell is empty; fill it in or delete the line.",
    ]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "map.csv is empty."),
        (b"name,library\n", "map.csv has a header but no lines; give a name and a library on each."),
        (
            b"name,code\na,L1\n",
            "map.csv has no column 'library', only 'name', 'code'; a sample map has the columns "
            "'name' (as in the count file) and 'library' (its code).",
        ),
        (
            b"name,library\na\n",
            "map.csv, line 2 has 1 cell where the header (line 1) has 2; give each row one cell per column, "
            "and put quotation marks around text that holds the delimiter.",
        ),
    ],
)
def test_a_file_that_is_no_sample_map_is_refused_in_words(data, sentence):
    assert sentences_of(data) == [sentence]


@pytest.mark.skipif(not SHARED.exists(), reason="real files of others lie in ../shared/data, which is absent")
def test_the_spellings_of_a_real_study_are_proposed_rightly():
    path = SHARED / "integrative_wt2015" / "00_rossettastone.csv"
    # no header: mouse 15-142C, mouse 15142C, region, sample 142C-CA1-S, file 142C_CA1_S_S19_L003_R1_001.fastq.gz
    rows = [cells for _, cells in read_table(b"a,b,c,d,e\n" + path.read_bytes(), path.name).rows]
    mice = sorted({row[0] for row in rows})
    assert match_columns(sorted({row[1] for row in rows}), mice).normalized == {row[1]: row[0] for row in rows}
    samples = sorted({row[3] for row in rows})
    assert match_columns([row[4] for row in rows], samples).normalized == {row[4]: row[3] for row in rows}
