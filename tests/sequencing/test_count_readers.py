"""A folder or archive with a file for each sample becomes one table, or is refused in a sentence that names the file."""

import gzip
import io
import tarfile
from pathlib import Path

import openpyxl
import pytest

from labdb.sequencing import count_files
from labdb.sequencing.count_cells import CountFileError
from labdb.sequencing.count_files import CountTable, read_counts
from labdb.sequencing.readers.estimates import TranscriptGenes, read_transcript_genes
from labdb.sequencing.readers.samples import sample_names
from labdb.sequencing.readers.star import StrandednessNeeded
from tests.sequencing.count_archives import (
    GENES,
    HTSEQ_FILES,
    MTX_FILES,
    REVERSE_L1,
    STAR_FILES,
    kallisto,
    per_gene,
    salmon,
    star,
    tarred,
    unpacked,
    zipped,
)

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def numbers(table: CountTable) -> dict[str, list[int]]:
    assert table.gene_ids == GENES
    return {name: table.counts[name].tolist() for name in table.column_names}


def sentence_of(content: bytes, name: str = "c.zip", **options) -> str:
    with pytest.raises(CountFileError) as refused:
        read_counts(content, name=name, **options)
    (error,) = refused.value.errors
    return error.sentence


# bundles --------------------------------------------------------------------------------------------------


def test_a_folder_and_its_archives_are_one_thing_however_they_are_packed(tmp_path):
    options = {"strandedness": "reverse"}
    reordered = dict(reversed(STAR_FILES.items()))
    tables = [
        read_counts(unpacked(tmp_path, STAR_FILES), **options),
        read_counts(zipped(STAR_FILES), **options),
        read_counts(zipped(reordered), **options),
        read_counts(tarred(reordered), **options),
        read_counts(tarred(STAR_FILES, gz=True), **options),
        read_counts(zipped({f"./deep/er/{path}": content for path, content in STAR_FILES.items()}), **options),
    ]
    assert len({table.sha256 for table in tables}) == 1
    for table in tables:
        assert numbers(table) == {"L1": [970, 480, 7], "L2": [1930, 890, 7]}
        assert "Left out files that hold no counts: Log.final.out (2)." in table.notes
    other = {**STAR_FILES, "star/L2/ReadsPerGene.out.tab": star(REVERSE_L1)}
    assert read_counts(zipped(other), **options).sha256 != tables[0].sha256


def test_packed_members_and_the_litter_of_file_managers_are_understood():
    files = {f"{path}.gz": gzip.compress(content) for path, content in HTSEQ_FILES.items()}
    litter = {"__MACOSX/._L1.counts": b"\0", ".DS_Store": b"\0\1"}
    assert numbers(read_counts(zipped(files | litter))) == {"L1": [1, 2, 3], "L2": [4, 5, 6]}


def test_an_archive_of_one_matrix_is_that_matrix():
    table = read_counts(zipped({"m.csv": b"gene,L1,L2\nFos,1,4\nArc,2,5\nEgr1,3,6\n"}))
    assert (table.format, numbers(table)) == ("matrix", {"L1": [1, 2, 3], "L2": [4, 5, 6]})


@pytest.mark.parametrize(
    "path", ["../L1.counts", "a/../../L1.counts", "/etc/L1.counts", "C:\\L1.counts", "a\\..\\L1.counts"]
)
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_whose_paths_climb_out_is_refused(pack, path):
    sentence = sentence_of(pack({"L2.counts": per_gene(1, 2, 3), path: per_gene(1, 2, 3)}))
    assert (
        sentence == f"c.zip holds the path {path!r}, which leads out of the archive; pack it again with relative paths."
    )


def test_a_link_in_an_archive_is_refused():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        link = tarfile.TarInfo("L1.counts")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert (
        sentence_of(packed.getvalue()) == "c.zip holds L1.counts, which is a link or device; pack the files themselves."
    )


@pytest.mark.parametrize("pack", [zipped, tarred, lambda files: tarred(files, gz=True)])
def test_an_archive_that_unpacks_beyond_all_reason_is_refused(pack, monkeypatch):
    monkeypatch.setattr(count_files, "MAX_BUNDLE_BYTES", 1_000_000)
    bomb = pack({f"L{i}.counts": b"0" * 400_000 for i in range(3)})
    assert "unpacks to more than 1,000,000 bytes" in sentence_of(bomb)


def test_packed_members_cannot_unpack_beyond_all_reason_together(monkeypatch):
    monkeypatch.setattr(count_files, "MAX_BUNDLE_BYTES", 1_000_000)
    bomb = zipped({f"L{i}.counts.gz": gzip.compress(b"0" * 400_000) for i in range(3)})
    assert sentence_of(bomb).endswith("unpacks to more than 200,000 bytes; split it.")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (zipped(HTSEQ_FILES)[:-40], "c.zip is a zip archive or Excel workbook that is damaged or was cut short; copy or download it again."),
        (tarred(HTSEQ_FILES)[:700], "c.zip is a tar archive that is damaged or was cut short; copy or download it again."),
        (tarred(HTSEQ_FILES, gz=True)[:-9], "c.zip is a gzip file that was cut short; copy or download it again."),
        (
            zipped({"L1.counts.gz": gzip.compress(per_gene(1, 2, 3))[:-9]}),
            "L1.counts.gz in c.zip is a gzip file that was cut short; copy or download it again.",
        ),
        (zipped({}), "c.zip holds no files; send the count files of your samples."),
        (zipped({"a/L1.bam": b"BAM\1"}), "c.zip holds no count files; send what your quantifier wrote for each sample."),
        (
            zipped({**HTSEQ_FILES, "samples.csv": b"mouse,group,sex\nM1,control,M\n"}),
            "'samples.csv' in c.zip is no count file of one sample, as the others are; take it out.",
        ),
        (
            zipped({"a.csv": b"gene,L1,L2\nFos,1,2\n", "b.csv": b"gene,L3,L4\nFos,1,2\n"}),
            "c.zip holds 2 matrices ('a.csv', 'b.csv'); import each by itself.",
        ),
        (
            zipped({"L1.tab": star(REVERSE_L1), "L2.sf": salmon(1, 2, 3)}),
            "c.zip mixes the files of several programs (salmon: 'L2.sf'; star: 'L1.tab'); import each kind by itself.",
        ),
        (
            zipped({"a/L1.counts": per_gene(1, 2, 3), "b/L1.counts": per_gene(1, 2, 3), "L2.counts": per_gene(1, 2, 3)}),
            "a/L1.counts in c.zip and b/L1.counts in c.zip are both named 'L1'; rename one, or leave it out.",
        ),
        (
            zipped({"L1.counts": per_gene(1, 2, 3), "L2.counts": per_gene(1, 2, 3, genes=("Fos", "Arc", "Jun"))}),
            "The genes of L2.counts in c.zip differ: it has 1 that L1.counts lacks ('Jun') and lacks 1 of it ('Egr1'); "
            "quantify all samples with one annotation, or import them apart.",
        ),
        (
            zipped({"L1.counts": per_gene(1, 2, -3)}),
            "L1.counts in c.zip, line 3, column 'count': '-3' is negative; counts are 0 or more. "
            "Export raw counts, not log or scaled values.",
        ),
        (
            zipped({"L1.counts": per_gene(1, "nan", 3, tail="__no_feature\t1\n")}),
            "L1.counts in c.zip, line 2, column 'count': 'nan' is no count; "
            "enter 0 if no read was counted, or leave the gene out.",
        ),
        (
            zipped({"L1.counts": per_gene(1, 2.5, 3, tail="__no_feature\t1\n")}),
            "L1.counts in c.zip, line 2, column 'count': '2.5' is not a whole number; export raw counts, or round with "
            "--round if these are estimates (kallisto, salmon, RSEM).",
        ),
        (
            zipped({"L1.counts": per_gene(1, 2, 3, genes=("Fos", "Arc", "Fos"), tail="__no_feature\t1\n")}),
            "L1.counts in c.zip has 1 genes more than once ('Fos'); quantify by gene id, "
            "or add their counts up with --sum-duplicates.",
        ),
        (
            zipped({"L1.counts": per_gene(1, 2, 3, genes=("Fos", "2-Sep", "Arc"), tail="__no_feature\t1\n")}),
            "c.zip: '2-Sep' is a gene that Excel turned into a date or number, probably Septin2 (Sept2); "
            "take the file as it was before Excel, or restore the symbol.",
        ),
        (
            zipped({"L1/abundance.tsv": kallisto(1, 2, 3)[: -len("\t1.25\n")]}),
            "L1/abundance.tsv in c.zip, line 4: the line has 4 cells, the others 5; copy the file again.",
        ),
        (
            zipped({"L1.tab": star(REVERSE_L1) + b"Jun\t5\n"}),
            "L1.tab in c.zip, line 8: the line has 2 cells, the others 4; copy the file again.",
        ),
        (zipped({"a.h5ad": b"\x89HDF\r\n\x1a\n"}), "a.h5ad in c.zip is an HDF5 file; export the table as CSV."),
    ],
)  # fmt: skip
def test_a_bundle_that_cannot_be_read_is_refused_in_one_sentence(content, sentence):
    assert sentence_of(content) == sentence


def test_a_workbook_is_no_archive():
    written = io.BytesIO()
    openpyxl.Workbook().save(written)
    assert sentence_of(written.getvalue(), "c.xlsx").startswith("c.xlsx is an Excel workbook (XLSX) or a zip archive;")


def test_genes_in_another_order_are_matched_by_id():
    files = {"L1.counts": per_gene(1, 2, 3), "L2.counts": per_gene(6, 4, 5, genes=("Egr1", "Fos", "Arc"))}
    table = read_counts(zipped(files))
    assert numbers(table) == {"L1": [1, 2, 3], "L2": [4, 5, 6]}
    assert "The genes of 1 files stand in another order; they were matched by id." in table.notes


def test_a_gene_on_several_lines_is_added_up_when_asked():
    text = b"gene,L1,L2\nFos,1,2\nArc,3,4\nFos,5,6\nEgr1,7,8\n"
    table = read_counts(text, sum_duplicates=True)
    assert (numbers(table), table.n_summed_genes) == ({"L1": [6, 3, 7], "L2": [8, 4, 8]}, 1)
    assert table.notes == ("Added up the counts of 1 genes that stood on several lines.",)
    files = zipped({"L1.counts": per_gene(1, 2, 3, 4, genes=("Fos", "Arc", "Egr1", "Fos"))})
    assert numbers(read_counts(files, sum_duplicates=True)) == {"L1": [5, 2, 3]}
    too_many = b"gene,L1\nFos,2147483647\nFos,1\n"
    assert sentence_of(too_many, sum_duplicates=True) == (
        "The counts of 'Fos' add up to more than can be stored; export by gene id."
    )


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/quant.sf", "b/quant.sf"], ["a", "b"]),
        (["L1ReadsPerGene.out.tab", "L2.ReadsPerGene.out.tab"], ["L1", "L2"]),
        (["x/L1_counts.tsv", "x/L2.htseq.txt"], ["L1", "L2"]),
        (["a/s.tab", "b/s.tab"], ["a", "b"]),  # called alike: the folder tells them apart
        (["L1.genes.results"], ["L1"]),
        (["Lcount.txt"], ["Lcount"]),
    ],
)
def test_a_sample_is_named_after_its_file_or_its_folder(paths, names):
    assert sample_names(paths) == names


# STAR -----------------------------------------------------------------------------------------------------


def test_the_strandedness_of_star_is_proposed_with_the_sums_and_never_taken():
    with pytest.raises(StrandednessNeeded) as asked:
        read_counts(zipped(STAR_FILES), name="c.zip")
    evidence = asked.value.evidence
    assert evidence.proposal == "reverse"
    assert [(one.name, one.unstranded, one.forward, one.reverse) for one in evidence.samples] == [
        ("L1", 1507, 50, 1457),
        ("L2", 2908, 81, 2827),
    ]
    # 131 of 4415 forward
    assert str(asked.value) == (
        "c.zip has STAR's three columns for 2 samples (4,415 unstranded, 131 forward, 4,284 reverse; forward is 3.0% of "
        "forward + reverse); this speaks for reverse: confirm it with --strandedness reverse."
    )


@pytest.mark.parametrize("wrong", ["forward", "unstranded"])
def test_a_star_column_that_the_sums_speak_against_is_refused_with_the_numbers(wrong):
    assert sentence_of(zipped(STAR_FILES), strandedness=wrong) == (
        f"c.zip: the {wrong} column does not fit these libraries, whose sums speak for reverse (4,415 unstranded, "
        "131 forward, 4,284 reverse; forward is 3.0% of forward + reverse); take reverse, or look up the kit."
    )


def test_one_sample_of_another_kit_is_found_among_many():
    swapped = {gene: (total, reverse, forward) for gene, (total, forward, reverse) in REVERSE_L1.items()}
    files = {f"L{i}.tab": star(REVERSE_L1) for i in range(8)} | {"L8.tab": star(swapped)}
    sentence = sentence_of(zipped(files), strandedness="reverse")
    assert sentence.startswith("c.zip: the reverse column does not fit 1 of 9 samples ('L8'); 'L8' speaks for forward")
    with pytest.raises(StrandednessNeeded, match="speaks for none of them"):
        read_counts(zipped(files), name="c.zip")


@pytest.mark.parametrize(
    ("forward", "reverse", "proposal"),
    [(950, 50, "forward"), (500, 500, "unstranded"), (50, 950, "reverse"), (700, 300, "")],
)
def test_the_sums_speak_for_what_a_kit_leaves(forward, reverse, proposal):
    with pytest.raises(StrandednessNeeded) as asked:
        read_counts(star({"Fos": (1000, forward, reverse)}), name="L1.tab")
    assert asked.value.evidence.proposal == proposal


def test_what_is_no_strandedness_is_named():
    assert sentence_of(zipped(STAR_FILES), strandedness="left") == (
        "'left' is no strandedness; choose unstranded, forward or reverse."
    )


# HTSeq, featureCounts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["", "feature\tname\tcount\n"])
def test_htseq_with_attributes_between_gene_and_count_is_read(header):
    text = (header + "Fos\tFBJ\t5\nArc\t\t6\nEgr1\tzif268\t7\n__no_feature\t\t200\n").encode()
    table = read_counts(zipped({"L1.txt": text}))
    assert (table.format, numbers(table)) == ("htseq", {"L1": [5, 6, 7]})
    assert table.notes[0] == "Left out summary lines that are no genes: __no_feature."
    assert table.notes[1].startswith("Left out columns that describe the gene:")
    assert numbers(read_counts(text, name="L1.txt")) == {"L1": [5, 6, 7]}


def test_htseq_files_that_somebody_joined_lose_no_sample():
    joined = b"Gene\tL1\tL2\nFos\t1\t4\nArc\t2\t5\nEgr1\t3\t6\n__no_feature\t9\t9\n"
    assert numbers(read_counts(joined)) == {"L1": [1, 2, 3], "L2": [4, 5, 6]}
    assert numbers(read_counts(zipped({"joined.tsv": joined}))) == {"L1": [1, 2, 3], "L2": [4, 5, 6]}
    assert sentence_of(zipped({"joined.tsv": joined, "L3.tsv": per_gene(1, 2, 3, tail="__no_feature\t1\n")})) == (
        "joined.tsv in c.zip holds several samples, and the other files one each; import it by itself."
    )


def test_featurecounts_of_one_or_several_alignments_are_joined():
    head = '# Program:featureCounts v2.0.8; Command:"featureCounts"\nGeneid\tChr\tStart\tEnd\tStrand\tLength'
    rows = ("Fos\t1\t1\t2\t+\t2", "Arc\t2;2\t1;5\t2;9\t-;-\t2", "Egr1\t3\t1\t2\t+\t2")

    def file(alignments: str, *counts: str) -> bytes:
        body = "".join(f"{row}\t{n}\n" for row, n in zip(rows, counts, strict=True))
        return f"{head}\t{alignments}\n{body}".encode()

    files = {
        "1.txt": file("m/L1.bam\tm/L2.bam", "1\t4", "2\t5", "3\t6"),
        "1.txt.summary": b"Status\tm/L1.bam\nAssigned\t6\n",
        "2.txt": file("m/L3.bam", "7", "8", "9"),
    }
    table = read_counts(zipped(files))
    assert (table.format, table.strandedness) == ("featurecounts", "")
    assert numbers(table) == {"m/L1.bam": [1, 2, 3], "m/L2.bam": [4, 5, 6], "m/L3.bam": [7, 8, 9]}
    assert "Left out columns that describe the gene: Chr, Start, End, Strand, Length." in table.notes


# estimates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "format", "file"), [(salmon, "salmon", "quant.sf"), (kallisto, "kallisto", "abundance.tsv")]
)
def test_estimates_by_gene_are_rounded_only_when_asked(write, format, file):
    files = zipped({f"L1/{file}": write(1.2, 2.5, 3), f"L2/{file}": write(4, 5, 6.9)})
    assert sentence_of(files) == (
        f"L1/{file} in c.zip holds estimates that are not whole (1.2 for Fos, and 1 more); "
        "round them with --round, which is recorded."
    )
    table = read_counts(files, round_estimates=True)
    assert (table.format, numbers(table)) == (format, {"L1": [1, 2, 3], "L2": [4, 5, 7]})
    assert "Rounded 3 of 6 estimates to whole counts." in table.notes


TRANSCRIPTS = ("ENSMUST00000000001.4", "ENSMUST00000000002.1", "ENSMUST00000000003", "ENSMUST00000000004.2")
GENE_OF = b"transcript,gene\n" + b"".join(
    f"{transcript.split('.')[0]},{gene}\n".encode()
    for transcript, gene in zip(TRANSCRIPTS, ("Fos", "Arc", "Fos", "Egr1"), strict=True)
)


def test_estimates_by_transcript_are_summed_before_they_are_rounded():
    files = zipped({"L1/quant.sf": salmon(0.4, 2, 0.4, 3, names=TRANSCRIPTS)})
    assert sentence_of(files) == (
        "L1/quant.sf in c.zip holds transcripts (such as ENSMUST00000000001.4), not genes; give the table of transcript "
        "and gene with --transcripts, or sum them to genes by tximport."
    )
    table = read_counts(files, transcripts=read_transcript_genes(GENE_OF, name="t.csv"), round_estimates=True)
    assert numbers(table) == {"L1": [1, 2, 3]}  # 0.4 + 0.4 = 0.8
    assert "Summed 4 transcripts to 3 genes by t.csv." in table.notes


def test_transcripts_that_the_table_lacks_are_named():
    few = TranscriptGenes("t.csv", {"ENSMUST00000000001": "Fos"})
    files = zipped({"L1/quant.sf": salmon(1, 2, 3, 4, names=TRANSCRIPTS)})
    assert sentence_of(files, transcripts=few) == (
        "3 of 4 transcripts of L1/quant.sf in c.zip are not in t.csv ('ENSMUST00000000002.1', 'ENSMUST00000000003', "
        "'ENSMUST00000000004.2'); give the table of the annotation that the reads were quantified with."
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"a,b\n1,2\n", "t.csv needs the columns 'transcript' and 'gene', it has 'a', 'b'; name them so."),
        (b"tx,gene\nT1,\n", "t.csv, line 2: transcript or gene is empty; fill it in or delete the line."),
        (b"tx,gene\nT1,G1\nT1,G2\n", "t.csv, line 3: T1 is of G1 and of G2; keep one of the lines."),
        (b"tx,gene\n", "t.csv has a header but no lines; give a transcript and its gene on each."),
    ],
)
def test_a_bad_table_of_transcripts_is_refused(text, sentence):
    with pytest.raises(CountFileError) as refused:
        read_transcript_genes(text, name="t.csv")
    assert str(refused.value) == sentence


def test_of_a_tximport_table_the_counts_are_taken_alone():
    text = b"gene,abundance.L1,abundance.L2,counts.L1,counts.L2,length.L1,length.L2,countsFromAbundance\n" + b"".join(
        f"{gene},0.1,0.2,{n}.2,{n + 3},900.5,901.5,no\n".encode() for gene, n in zip(GENES, (1, 2, 3), strict=True)
    )
    with pytest.raises(CountFileError, match=r"'1\.2' is not a whole number"):
        read_counts(text)
    table = read_counts(text, round_estimates=True)
    assert (table.format, numbers(table)) == ("tximport", {"L1": [1, 2, 3], "L2": [4, 5, 6]})


# MTX ------------------------------------------------------------------------------------------------------


def test_the_three_files_of_an_mtx_matrix_are_put_together():
    packed = {f"filtered/{path}.gz": gzip.compress(content) for path, content in MTX_FILES.items()}
    table = read_counts(zipped(packed))
    assert (table.format, numbers(table)) == ("mtx", {"L1": [5, 0, 7], "L2": [0, 9, 0]})
    turned = MTX_FILES | {
        "matrix.mtx": b"%%MatrixMarket matrix coordinate integer general\n2 3 3\n1 1 5\n1 3 7\n2 2 9\n"
    }
    assert numbers(read_counts(zipped(turned))) == {"L1": [5, 0, 7], "L2": [0, 9, 0]}


def test_features_that_are_no_genes_are_left_out():
    features = MTX_FILES["features.tsv"] + b"CD3\tCD3\tAntibody Capture\n"
    matrix = MTX_FILES["matrix.mtx"].replace(b"3 2 3", b"4 2 4") + b"4 1 99\n"
    table = read_counts(zipped(MTX_FILES | {"features.tsv": features, "matrix.mtx": matrix}))
    assert numbers(table) == {"L1": [5, 0, 7], "L2": [0, 9, 0]}
    assert table.notes == ("Left out 1 features that are no genes (antibodies, guides).",)


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        (b"4 2 3\n1 1 5\n3 1 7\n2 2 9\n", "matrix.mtx has 4 rows and 2 columns, but features.tsv names 3 features and barcodes.tsv 2 samples; send the three files of one matrix."),
        (b"3 2 4\n1 1 5\n3 1 7\n2 2 9\n", "matrix.mtx announces 4 entries of three numbers and has 3 of 3; it was cut short or put together wrongly, copy it again."),
        (b"3 2 2\n1 1 5\n4 1 7\n", "matrix.mtx has a count at 4, 1, outside its 3 x 2; write it again."),
        (b"3 2 2\n1 1 5\n1 1 7\n", "matrix.mtx gives a count for one gene and sample twice; write it again."),
        (b"3 2 1\n1 1 -5\n", "matrix.mtx, row 1, column 1: -5 is no count; export raw counts, not scaled values."),
        (b"3 2 1\n1 1 inf\n", "matrix.mtx, row 1, column 1: inf is no count; export raw counts, not scaled values."),
        (b"3 2 1\n1 1 nan\n", "matrix.mtx has an entry that is not three numbers (row, column, count); copy the file again."),
        (b"3 2 1\n1 1 0.5\n", "matrix.mtx, row 1, column 1: 0.5 is not a whole number, and 0 more; export raw counts, or round with --round if these are estimates."),
        (b"3 2 1\n1 1 x\n", "matrix.mtx has an entry that is not three numbers (row, column, count); copy the file again."),
        (b"3 x 1\n", "matrix.mtx has no line of rows, columns and entries below its banner; copy the file again."),
        (b"99999 99999 1\n", "matrix.mtx has 99,999 x 99,999 cells; these are single cells, and labdb stores samples: sum them first."),
    ],
)  # fmt: skip
def test_an_mtx_matrix_that_does_not_fit_is_refused(matrix, sentence):
    files = MTX_FILES | {"matrix.mtx": b"%%MatrixMarket matrix coordinate real general\n" + matrix}
    assert sentence_of(zipped(files)) == sentence


def test_an_mtx_matrix_without_its_names_is_refused():
    assert sentence_of(MTX_FILES["matrix.mtx"], "matrix.mtx") == (
        "matrix.mtx is an MTX matrix without its names; send matrix.mtx, features.tsv and barcodes.tsv together."
    )
    alone = {"matrix.mtx": MTX_FILES["matrix.mtx"], "features.tsv": MTX_FILES["features.tsv"]}
    assert sentence_of(zipped(alone)).startswith(
        "c.zip has 1 matrix files (.mtx), 1 of features or genes and 0 of barcodes;"
    )


# real files -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.exists(), reason="real files of others lie in ../shared/data, which is absent")
def test_real_files_of_star_and_htseq_are_read_as_samples():
    real = (SHARED / "quant_formats" / "ERR458837_subsamp_1ReadsPerGene.out.tab").read_bytes()
    files = zipped({"S1ReadsPerGene.out.tab": real, "S2ReadsPerGene.out.tab": real})
    table = read_counts(files, strandedness="forward")
    assert table.column_names == ("S1", "S2")
    assert table.counts.to_numpy().sum() == 2 * 56_513  # awk over the file
    htseq = read_counts(zipped({"H1.tsv": (SHARED / "quant_formats" / "htseq_counts.tsv").read_bytes()}))
    assert htseq.counts.shape == (49_768, 1)
