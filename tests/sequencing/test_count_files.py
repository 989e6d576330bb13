"""Counts come out as they lie in the file, or every wrong cell is named with its line, column and remedy."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labdb.sequencing.count_cells import MAX_COUNT, CellError, CountFileError
from labdb.sequencing.count_files import FORMATS, read_counts

SHARED = Path(__file__).parents[2].parent / "shared"
needs_shared_data = pytest.mark.skipif(
    not (SHARED / "data").exists(), reason="real files of others lie in ../shared/data, which is absent"
)

MATRIX = "gene,S1,S2\nFos,1,2\nArc,3,4\n"
EXPECTED = pd.DataFrame({"S1": [1, 3], "S2": [2, 4]}, index=["Fos", "Arc"], dtype=np.int32)


def errors_of(text: str | bytes, **options) -> list[CellError]:
    with pytest.raises(CountFileError) as refused:
        read_counts(text.encode() if isinstance(text, str) else text, name="c.csv", **options)
    return refused.value.errors


def sentence_of(text: str | bytes, **options) -> str:
    errors = errors_of(text, **options)
    assert len(errors) == 1
    return errors[0].sentence


# what is read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_every_spelling_of_a_matrix_gives_the_same_counts(end, delimiter, encoding, quote):
    lines = [delimiter.join(f"{quote}{cell}{quote}" for cell in line.split(",")) for line in MATRIX.split()]
    table = read_counts((end.join(lines) + end).encode(encoding), name="c")
    pd.testing.assert_frame_equal(table.counts, EXPECTED)
    assert (table.gene_ids, table.column_names, table.format) == (("Fos", "Arc"), ("S1", "S2"), "matrix")


def test_latin_1_names_are_read_and_told():
    table = read_counts("gene,Süd\nFos,1\nArc,2\n".encode("latin-1"), name="c")
    assert table.column_names == ("Süd",)
    assert "read as Windows-1252 (latin-1)" in table.notes[0]


@pytest.mark.parametrize("corner", ["", "gene_id", '""', "ensembl"])
def test_the_index_may_have_any_header(corner):
    pd.testing.assert_frame_equal(read_counts(MATRIX.replace("gene", corner, 1).encode()).counts, EXPECTED)


def test_the_index_may_have_no_header_as_r_writes_tables():
    pd.testing.assert_frame_equal(read_counts(MATRIX.replace("gene,", "", 1).encode()).counts, EXPECTED)


def test_delimiters_at_the_end_of_lines_make_no_column():
    pd.testing.assert_frame_equal(read_counts(MATRIX.replace("\n", ",\n").encode()).counts, EXPECTED)
    ragged_header = "gene,S1,S2\nFos,1,2,\nArc,3,4,\n"
    pd.testing.assert_frame_equal(read_counts(ragged_header.encode()).counts, EXPECTED)


def test_a_gzipped_file_is_read_from_its_path_and_known_by_its_own_digest(tmp_path):
    path = tmp_path / "counts.csv.gz"
    path.write_bytes(gzip.compress(MATRIX.encode(), mtime=0))
    table = read_counts(path)
    pd.testing.assert_frame_equal(table.counts, EXPECTED)
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_whole_numbers_are_read_however_they_are_written():
    table = read_counts(b"gene,S1,S2\nFos, 85.0 ,1e+05\nArc,-0,2147483647\n")  # R writes 100000 as 1e+05
    assert table.counts.to_numpy().tolist() == [[85, 100_000], [0, MAX_COUNT]]


def test_estimates_are_rounded_half_to_even_when_asked_and_told():
    table = read_counts(b"gene,S1,S2\nFos,0.5,1.5\nArc,2.49,3\n", round_estimates=True)
    assert table.counts.to_numpy().tolist() == [[0, 2], [2, 3]]
    assert table.notes == ("Rounded 3 of 4 estimates to whole counts.",)


def test_samples_in_rows_are_turned_when_asked():
    table = read_counts(b"sample,Fos,Arc\nS1,1,3\nS2,2,4\n", transpose=True)
    pd.testing.assert_frame_equal(table.counts, EXPECTED)
    assert table.gene_ids == ("Fos", "Arc")


def test_samples_named_by_numbers_are_names_beside_a_name_for_the_genes():
    assert read_counts(b"gene,1,2\nFos,5,6\nArc,7,8\n").column_names == ("1", "2")
    assert read_counts(b"x,1,2\nFos,5,6\n", known_samples={"1", "2"}).column_names == ("1", "2")


def test_a_comment_above_the_header_is_left_out_and_its_lines_are_counted():
    assert read_counts(b"# made by me\n#\n" + MATRIX.encode()).gene_ids == ("Fos", "Arc")
    assert errors_of("# made by me\ngene,S1\nFos,-1\nArc,0\n")[0].row == 3


def test_the_lines_of_featurecounts_lose_program_and_annotation():
    text = (
        '# Program:featureCounts v2.0.8; Command:"featureCounts" "-T" "8" "a, b"\n'
        "Geneid\tChr\tStart\tEnd\tStrand\tLength\tmapped/A.bam\tmapped/B.bam\n"
        "Fos\t1;1\t3;9\t4;12\t+;+\t6\t7\t8\nArc\t2\t1\t2\t-\t2\t0\t9\n"
    )
    table = read_counts(text.encode())
    assert (table.format, table.column_names) == ("featurecounts", ("mapped/A.bam", "mapped/B.bam"))
    assert table.counts.to_numpy().tolist() == [[7, 8], [0, 9]]
    assert table.notes == ("Left out columns that describe the gene: Chr, Start, End, Strand, Length.",)


@pytest.mark.parametrize("header", ["", "feature\tcount\n"])
def test_one_sample_of_htseq_is_named_after_its_file_and_loses_its_summary(header):
    text = header + "Fos\t5\nArc\t6\n__no_feature\t200\n__ambiguous\t3\n"
    table = read_counts(text.encode(), name="M01_PFC.counts.tsv.gz")
    assert (table.format, table.column_names) == ("htseq", ("M01_PFC",))
    assert table.counts.to_numpy().tolist() == [[5], [6]]
    assert table.notes == ("Left out summary lines that are no genes: __no_feature, __ambiguous.",)


def test_summary_lines_of_joined_htseq_and_star_files_are_no_genes():
    table = read_counts(b"gene,S1,S2\nN_unmapped,9,9\nFos,1,2\nArc,3,4\n__no_feature,7,7\n")
    pd.testing.assert_frame_equal(table.counts, EXPECTED)
    assert table.column_names == ("S1", "S2")


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, MAX_COUNT), min_size=3, max_size=3), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t"]),
    st.booleans(),
)
def test_what_pandas_writes_comes_back(rows, delimiter, is_float):
    counts = pd.DataFrame(rows, index=[f"G{i}" for i in range(len(rows))], columns=["S1", "S2", "S3"])
    written = counts.astype(float if is_float else int).to_csv(sep=delimiter).encode()
    pd.testing.assert_frame_equal(read_counts(written).counts, counts.astype(np.int32))


# wrong cells ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        ("-1", "'-1' is negative; counts are 0 or more. Export raw counts, not log or scaled values."),
        ("-0.4", "'-0.4' is negative; counts are 0 or more. Export raw counts, not log or scaled values."),
        ("", "the count is missing; enter 0 if no read was counted, or leave the gene out."),
        ("NA", "'NA' is no count; enter 0 if no read was counted, or leave the gene out."),
        ("-nan", "'-nan' is no count; enter 0 if no read was counted, or leave the gene out."),
        (
            "1.5",
            "'1.5' is not a whole number; export raw counts, or round with --round "
            "if these are estimates (kallisto, salmon, RSEM).",
        ),
        ("twelve", "'twelve' is not a number; enter the count in digits."),
        ("1_000", "'1_000' is not a number; enter the count in digits."),
        ('"1,234"', "'1,234' is not a number; write no thousands separators, and a decimal point."),
        ("inf", "'inf' is infinite; export the raw counts."),
        ("-Infinity", "'-Infinity' is infinite; export the raw counts."),
        ("2147483648", "'2147483648' is more than 2,147,483,647, the largest count; correct it in the export."),
        ("9" * 30, f"'{'9' * 30}' is more than 2,147,483,647, the largest count; correct it in the export."),
        ("x" * 50, f"'{'x' * 40}...' is not a number; enter the count in digits."),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_named_by_file_line_column_value_and_remedy(cell, complaint):
    (error,) = errors_of(f"gene,S1,S2\nFos,1,2\nArc,{cell},4\n")
    assert (error.row, error.column, error.value) == (3, "S1", cell.strip('"'))
    assert error.sentence == f"c.csv, line 3, column 'S1': {complaint}"


@pytest.mark.parametrize("cell", ["-0.4", "", "NA", "inf", "x", "2147483647.6", "1e300"])
def test_rounding_excuses_only_fractions(cell):
    (error,) = errors_of(f"gene,S1\nFos,1.5\nArc,{cell}\n", round_estimates=True)
    assert (error.row, error.column) == (3, "S1")


def test_all_errors_of_a_file_are_listed_at_once_in_the_order_of_its_lines():
    errors = errors_of("gene,S1,S2\nFos,-1,\nArc,1.5,x\nFos,2,3\n1-Mar,4,Inf\nJun,5\n")
    assert [(error.row, error.column, error.value) for error in errors] == [
        (2, "S1", "-1"), (2, "S2", ""), (3, "S1", "1.5"), (3, "S2", "x"), (4, None, "Fos"),
        (5, "S2", "Inf"), (5, None, "1-Mar"), (6, None, None),
    ]  # fmt: skip


def test_beyond_fifty_errors_the_rest_is_counted():
    rows = "".join(f"G{i},-1,0\n" for i in range(60))
    with pytest.raises(CountFileError) as refused:
        read_counts(f"gene,S1,S2\n{rows}".encode(), name="c.csv")
    assert (len(refused.value.errors), refused.value.n_errors) == (50, 60)
    assert str(refused.value).splitlines()[-1] == "... and 10 more."


def test_a_column_of_text_is_one_error_and_hides_no_other():
    rows = "".join(f"G{i},symbol {i},{'x' if i == 99 else i}\n" for i in range(100))
    errors = errors_of(f"gene,symbol,S1\n{rows}")
    assert [error.sentence for error in errors] == [
        "c.csv, line 2, column 'symbol': 'symbol 0' and all below it are not numbers; "
        "this is no sample, delete the column.",
        "c.csv, line 101, column 'S1': 'x' is not a number; enter the count in digits.",
    ]


def test_a_file_wrong_throughout_is_given_up_at_a_hundred_thousand_errors():
    row = ",1.5" * 1000
    rows = "".join(f"G{i}{row}\n" for i in range(300))
    header = ",".join(f"S{i}" for i in range(1000))
    errors = errors_of(f"gene,{header}\n{rows}")
    assert errors[0].sentence == "c.csv has so many errors that reading stopped at line 102."  # 101 x 1,000


# wrong lines and columns ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "gene,S1\nFos,1\nArc,2\nFos,3\n",
            "c.csv, line 4: gene 'Fos' is on line 2 already; export by gene id, delete one, or add them up with --sum-duplicates.",
        ),
        (
            "gene,S1,S2,S1\nFos,1,2,3\nArc,1,2,3\n",
            "c.csv, line 1, column 'S1': columns 2 and 4 are both named 'S1'; rename or delete one.",
        ),
        ("gene,S1,,S3\nFos,1,2,3\n", "c.csv, line 1: column 3 has no name; name it after its sample."),
        ("gene,S1\nFos,1\n,2\n", "c.csv, line 3: the gene has no name; name it or delete the line."),
        (
            "gene,S1,S2\nFos,1,2\nArc,3\n",
            "c.csv, line 3: the line has 2 cells where the header (line 1) asks for 3; give each line one cell per column.",
        ),
        (
            "gene,S1,S2\nFos,1,2\nArc,3,4,5\n",
            "c.csv, line 3: the line has 4 cells where the header (line 1) asks for 3; give each line one cell per column.",
        ),
    ],
)  # fmt: skip
def test_a_wrong_line_or_column_is_named_with_its_remedy(text, sentence):
    assert sentence_of(text) == sentence


@pytest.mark.parametrize(
    ("gene", "probably"),
    [
        ("1-Mar", ", probably Marchf1 (March1) or Mtarc1 (Marc1)"),
        ("10-Mar", ", probably Marchf10 (March10)"),  # there is no Mtarc10
        ("2-Sep", ", probably Septin2 (Sept2)"),
        ("Sep-02", ", probably Septin2 (Sept2)"),
        ("2. Sep", ", probably Septin2 (Sept2)"),
        ("1. Mrz", ", probably Marchf1 (March1) or Mtarc1 (Marc1)"),
        ("2001-09-02", ", probably Septin2 (Sept2)"),
        ("1-Dec", ", probably Dec1"),
        ("2.31E+19", ", probably 231...E13Rik"),  # 2310009E13Rik is 2.310009 x 10^(13 + 6)
        ("1/3/2001", " (as March1 into 1-Mar, Sept2 into 2-Sep)"),  # day or month first: not known
        ("5-Jul", " (as March1 into 1-Mar, Sept2 into 2-Sep)"),
    ],
)  # fmt: skip
def test_a_gene_that_excel_turned_into_a_date_or_number_is_refused_with_what_it_was(gene, probably):
    assert sentence_of(f"gene,S1\nFos,1\n{gene},2\n") == (
        f"c.csv, line 3: '{gene}' is a gene that Excel turned into a date or number{probably}; "
        "take the file as it was before Excel, or restore the symbol."
    )


@pytest.mark.parametrize("gene", ["Marchf1", "March1", "Sept2", "Dec1", "14-3-3z", "2310009E13Rik", "11287", "H2-K1"])
def test_true_gene_ids_are_not_taken_for_dates(gene):
    assert read_counts(f"gene,S1\nFos,1\n{gene},2\n".encode()).gene_ids == ("Fos", gene)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("sample,Actb,Gapdh\nS1,1,2\nS2,3,4\n", {}),
        ("s,ENSMUSG00000000001.4,ENSMUSG00000000003.1\nA,1,2\n", {}),
        ("s,Fos,Arc\nA,1,2\nB,3,4\n", {"known_samples": {"A", "B"}}),
        ("s," + ",".join(f"G{i}" for i in range(1000)) + "\nA" + ",1" * 1000 + "\n", {}),
    ],
)
def test_samples_in_rows_are_found_turned_and_told(text, options):
    first = text.split(",")[1].split("\n")[0]
    line = text.split("\n")[1].split(",")[0]
    table = read_counts(text.encode(), name="c.csv", **options)
    assert (table.column_names[0], table.gene_ids[0]) == (line, first)
    assert table.notes == (
        f"Samples are in rows and genes in columns (columns such as '{first}', lines such as '{line}'); "
        "the matrix was turned.",
    )


def test_turning_a_matrix_that_lies_right_is_refused():
    assert sentence_of("gene,S1\nActb,1\nGapdh,2\n", transpose=True) == (
        "c.csv has samples in columns already (columns such as 'S1', lines such as 'Actb'); leave --transpose out."
    )


def test_errors_of_a_turned_file_name_the_cells_where_they_lie():
    sentences = [error.sentence for error in errors_of("s,Fos,1-Mar,Fos\nA,1,2,-3\nA,4,5,6\n", transpose=True)]
    assert [sentence.split(";")[0] for sentence in sentences] == [
        "c.csv, line 1, column '1-Mar': '1-Mar' is a gene that Excel turned into a date or number, "
        "probably Marchf1 (March1) or Mtarc1 (Marc1)",
        "c.csv, line 1, column 'Fos': columns 2 and 4 are both named 'Fos'",
        "c.csv, line 2, column 'Fos': '-3' is negative",
        "c.csv, line 3: sample 'A' is on line 2 already",
    ]


# wrong files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "c.csv is empty."),
        (b"\n\n", "c.csv is empty."),
        (b"gene,S1,S2\n", "c.csv has a header but no genes; export it again with its rows."),
        (
            b"gene,S1\n__no_feature,3\n__ambiguous,4\n",
            "c.csv has a header but no genes; export it again with its rows.",
        ),
        (b"gene,\nFos,\n", "c.csv has no column of counts; export it again with its samples."),
        (
            b"gene S1 S2\nFos 1 2\nArc 3 4\n",
            "c.csv has one column only, so its delimiter was not found; "
            "separate the columns with tabs, commas or semicolons.",
        ),
        (
            b"Fos,1,2\nArc,3,4\n",
            "c.csv, line 1 holds numbers ('1') where the names of the samples should be; "
            "add a line with the column names.",
        ),
        (MATRIX.encode() + b"\0", "c.csv is not text (it has bytes of value 0); export the table as CSV."),
        (
            b"PK\x03\x04....",
            "c.csv is a zip archive or Excel workbook that is damaged or was cut short; copy or download it again.",
        ),
        (
            gzip.compress(MATRIX.encode(), mtime=0)[:-9],
            "c.csv is a gzip file that was cut short; copy or download it again.",
        ),
        (
            MATRIX.encode() + b"7" * 1_000_001,
            "c.csv, line 4 has 1,000,001 characters, more than 1,000,000; this is no table, "
            "or its line ends were lost. Export it again as CSV.",
        ),
        (
            b"N_unmapped\t5\t5\t5\nFos\t1\t0\t1\n",
            "c.csv has STAR's three columns for 1 sample (1 unstranded, 0 forward, 1 reverse; forward is 0.0% of "
            "forward + reverse); this speaks for none of them: look up the kit and name it with "
            "--strandedness unstranded, forward or reverse.",
        ),
        (
            b"Name\tLength\tEffectiveLength\tTPM\tNumReads\nENSMUST1\t9\t8\t1.0\t4.2\n",
            "c.csv holds transcripts (such as ENSMUST1), not genes; give the table of transcript and gene "
            "with --transcripts, or sum them to genes by tximport.",
        ),
        (
            b"target_id\tlength\teff_length\test_counts\ttpm\nENSMUSG1\t9\t8\t4.2\t1.0\n",
            "c.csv holds estimates that are not whole (4.2 for ENSMUSG1, and 0 more); round them with --round, which is recorded.",
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_no_matrix_is_refused_in_words(data, sentence):
    assert sentence_of(data) == sentence


def test_what_was_wrong_above_an_unreadable_line_is_listed_too():
    sentences = [error.sentence for error in errors_of('gene,S1\nFos,-1\nArc,"2\n')]
    assert sentences == [
        'c.csv, line 3: a quotation mark (") opens and never closes; close or remove it.',
        "c.csv, line 2, column 'S1': '-1' is negative; counts are 0 or more. Export raw counts, not log or scaled values.",
    ]  # fmt: skip


def test_bytes_at_random_are_refused_and_never_crash():
    with pytest.raises(CountFileError):
        read_counts(np.random.default_rng(5).bytes(10_000))


def test_a_missing_file_and_an_empty_folder_are_refused_by_name(tmp_path):
    with pytest.raises(CountFileError, match=r"^none.csv cannot be read: No such file or directory.$"):
        read_counts(tmp_path / "none.csv")
    (tmp_path / "star").mkdir()
    with pytest.raises(CountFileError, match=r"^star holds no files; send the count files of your samples.$"):
        read_counts(str(tmp_path / "star"))


def test_an_unknown_format_is_refused_with_the_known_ones():
    assert sentence_of(MATRIX, format="xlsx") == (f"'xlsx' is no format of counts; choose auto, {', '.join(FORMATS)}.")


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_table_or_a_sentence(data):
    try:
        table = read_counts(b"gene,S1\n" + data)
    except CountFileError as error:
        assert error.errors
        assert str(error)
    else:
        assert (table.counts.to_numpy() >= 0).all()


# real files -----------------------------------------------------------------------------------------------


@needs_shared_data
def test_a_published_matrix_is_read_whole():
    path = SHARED / "data" / "integrative_wt2015" / "00_countData.csv"
    table = read_counts(path)
    assert table.counts.shape == (22_485, 44)
    oracle = pd.read_csv(path, index_col=0)
    np.testing.assert_array_equal(table.counts.to_numpy(), oracle.to_numpy())
    assert list(table.gene_ids) == list(oracle.index)
    assert list(table.column_names) == list(oracle.columns)


@needs_shared_data
def test_real_files_of_the_quantifiers_are_read():
    folder = SHARED / "data" / "quant_formats"
    feature_counts = read_counts(folder / "featureCounts_head.txt")
    assert feature_counts.counts.loc["FBgn0267798"].tolist() == [10, 30]
    htseq = read_counts(folder / "htseq_counts.tsv")
    assert htseq.counts.shape == (49_768, 1)  # 49,774 lines less a header and five summary lines
    assert not any(gene.startswith("__") for gene in htseq.gene_ids)
    star = read_counts(folder / "ERR458837_subsamp_1ReadsPerGene.out.tab", strandedness="forward")
    assert star.column_names == ("ERR458837_subsamp_1",)
    assert star.counts.to_numpy().sum() == 56_513  # awk over the file


@pytest.mark.skipif(not (SHARED / "oracle").exists(), reason="the R oracles lie in ../shared/oracle, which is absent")
@pytest.mark.parametrize("file", ["sim2k_counts.csv.gz", "pasilla_counts.csv.gz"])
def test_gzipped_matrices_written_by_r_are_read_whole(file):
    oracle = pd.read_csv(SHARED / "oracle" / file, index_col=0)
    table = read_counts(SHARED / "oracle" / file)
    np.testing.assert_array_equal(table.counts.to_numpy(), oracle.to_numpy())


@needs_shared_data
def test_a_file_of_44_samples_takes_a_second_of_processor_time():
    path = SHARED / "data" / "integrative_wt2015" / "00_countData.csv"
    times_s = []
    for _ in range(3):
        before = os.times()
        read_counts(path)
        after = os.times()
        times_s.append(after.user - before.user + after.system - before.system)
    assert min(times_s) < 1.0
