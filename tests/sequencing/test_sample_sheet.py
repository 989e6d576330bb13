"""The sheet has the sections and columns of Illumina's version 2, as bcl-convert's own examples show them."""

import pytest

from labdb.sequencing.sample_sheet import SheetLibrary, SheetRun, check, sheet_v2


def library(code: str, i7: str = "ACGTACGT", i5: str = "TTGGTTGG", lane: str = "1") -> SheetLibrary:
    return SheetLibrary(code, lane, i7, i5, study="S1")


def test_a_sheet_of_two_libraries_reads_as_bcl_convert_wants_it():
    some = [library("L1"), library("L.2", "ttttacgt", "aagg")]
    assert sheet_v2(SheetRun("RUN.1", 100, True), some) == (
        "[Header]\nFileFormatVersion,2\nRunName,RUN-1\n\n"
        "[Reads]\nRead1Cycles,100\nRead2Cycles,100\nIndex1Cycles,8\nIndex2Cycles,8\n\n"
        "[BCLConvert_Settings]\nFastqCompressionFormat,gzip\n\n"
        "[BCLConvert_Data]\nLane,Sample_ID,index,index2\n1,L1,ACGTACGT,TTGGTTGG\n1,L-2,TTTTACGT,AAGG\n"
    )
    assert sheet_v2(SheetRun("R"), some, turn_i5=True).endswith("1,L1,ACGTACGT,CCAACCAA\n1,L-2,TTTTACGT,CCTT\n")


def test_without_lanes_and_second_index_their_columns_are_left_out():
    text = sheet_v2(SheetRun("R", 50), [library("L1", i5="", lane=""), library("L2", "TTTTTTTT", "", "")])
    assert text.endswith("[BCLConvert_Data]\nSample_ID,index\nL1,ACGTACGT\nL2,TTTTTTTT\n")
    assert "Read2Cycles" not in text and "Index2Cycles" not in text


@pytest.mark.parametrize(
    ("libraries", "says"),
    [
        ([], "No library is on this run"),
        ([library("L1", "")], "L1 has no index i7; enter its sequence."),
        ([library("L1", "UDI0001")], "L1 has the index i7 UDI0001, which is no sequence"),
        ([library("L1"), library("L2")], "L1 and L2 on lane 1 cannot be told apart"),
        ([library("L1"), library("L2", i5="")], "L1 and L2 on lane 1 cannot be told apart"),
        ([library("L1"), library("L2", "acgtacgn")], "L1 and L2 on lane 1 cannot be told apart"),
        ([library("L1"), library("L2", "TTTTTTTT", lane="")], "L2 has no lane while others have"),
    ],
)
def test_what_no_core_can_take_is_refused_in_a_sentence(libraries: list[SheetLibrary], says: str):
    [sentence] = check(libraries).refusals
    assert says in sentence
    with pytest.raises(ValueError, match=sentence[:20]):
        sheet_v2(SheetRun("R"), libraries)


def test_equal_indexes_on_two_lanes_are_fine_and_close_ones_warned_of():
    assert not check([library("L1"), library("L2", lane="2")]).refusals
    two = check([library("L1"), library("L2", "ACGTACCC")])
    assert two.refusals == []
    assert two.warnings == [
        "L1 and L2 on lane 1 differ in 2 bases of their indexes: a read with an error may go to the wrong one."
    ]
    assert check([library("L1"), library("L2", "ACGTTCCC")]).warnings == []  # three bases


def test_unequal_lengths_are_said():
    [warning] = check([library("L1"), library("L2", "TTTTGGGGCC")]).warnings
    assert warning.startswith("Indexes on lane 1 have different lengths (8 + 8, 10 + 8 bases)")


def test_names_that_become_equal_get_a_number_and_all_are_listed():
    some = [library("L.1"), library("L+1", "TTTTTTTT"), library("L2", "GGGGGGGG")]
    assert check(some).renamed == {"L.1": "L-1", "L+1": "L-1-2"}
