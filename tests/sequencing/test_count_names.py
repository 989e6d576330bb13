"""What an import makes of names and gene ids: recorded on the matrix, and never in silence."""

import io
from pathlib import Path

import pytest
from django.core.management import call_command

from labdb.accounts.first_account import system_account
from labdb.colony.models import Study
from labdb.sequencing.count_cells import CountFileError
from labdb.sequencing.count_import import CountImport, Quantification, import_counts
from labdb.sequencing.gene_ids import KnownGene, resolve_gene_ids
from labdb.sequencing.models import CountMatrix, Gene, Library
from tests.sequencing.count_archives import STAR_FILES, per_gene, unpacked, zipped
from tests.sequencing.lab import assert_nothing_stored, make_study, numbers

FOS, ARC = "ENSMUSG00000021250", "ENSMUSG00000022602"
KNOWN = [KnownGene(FOS, "Fos", ("c-fos", "D12Rfj1")), KnownGene(ARC, "Arc", ("Arc3.1",)), KnownGene("ENSMUSG3", "Dup"), KnownGene("ENSMUSG4", "Dup", ("c-fos",))]  # fmt: skip


# gene ids, without a database -----------------------------------------------------------------------------


def test_versions_are_cut_and_said_where_no_two_ids_become_one():
    found = resolve_gene_ids([f"{FOS}.14", f"{ARC}.3", f"{ARC}.4", "ENSG00000182378.14_PAR_Y"], "A", [])
    assert found.gene_ids == (FOS, f"{ARC}.3", f"{ARC}.4", "ENSG00000182378.14_PAR_Y")
    assert found.n_unversioned == 1
    assert found.notes == (
        f"Cut the version off 1 gene ids ({FOS}.14 is {FOS}).",
        f"Kept the version of 2 gene ids, which would be one gene without it ({ARC}.3, {ARC}.4).",
    )


def test_versions_that_the_annotation_has_are_kept():
    found = resolve_gene_ids([f"{FOS}.14"], "A", [KnownGene(f"{FOS}.14")])
    assert (found.gene_ids, found.n_unversioned, found.notes) == ((f"{FOS}.14",), 0, ())
    assert resolve_gene_ids([f"{FOS}.14"], "A", KNOWN).gene_ids == (FOS,)
    other = resolve_gene_ids([f"{FOS}.15"], "A", [KnownGene(f"{FOS}.14")])  # another release: not the same gene model
    assert other.gene_ids == (f"{FOS}.15",)


def test_symbols_are_proposed_and_taken_only_when_asked():
    with pytest.raises(CountFileError) as refused:
        resolve_gene_ids(["Fos", "Arc3.1"], "A", KNOWN)
    assert str(refused.value) == (
        f"2 ids are no gene ids of annotation A but symbols or synonyms of its genes (Fos is {FOS}, Arc3.1 is {ARC}); "
        "import them as these genes with --map-symbols, or name the annotation the counts were made with."
    )
    found = resolve_gene_ids(["Fos", "Arc3.1", "unheard of"], "A", KNOWN, map_symbols=True)
    assert (found.gene_ids, found.n_by_symbol) == ((FOS, ARC, "unheard of"), 2)
    assert found.notes == (f"Took 2 symbols or synonyms for the genes they name (Fos is {FOS}, Arc3.1 is {ARC}).",)


@pytest.mark.parametrize(("name", "genes"), [("Dup", "ENSMUSG3, ENSMUSG4"), ("c-fos", f"{FOS}, ENSMUSG4")])
def test_a_name_of_two_genes_is_refused(name, genes):
    with pytest.raises(CountFileError) as refused:
        resolve_gene_ids([name], "A", KNOWN, map_symbols=True)
    assert str(refused.value) == f"'{name}' is the name of 2 genes of annotation A ({genes}); name it by its gene id."


def test_two_ids_of_one_gene_are_refused_or_added_up():
    with pytest.raises(CountFileError) as refused:
        resolve_gene_ids([FOS, "Fos"], "A", KNOWN, map_symbols=True)
    assert str(refused.value) == (
        f"'{FOS}' and 'Fos' are one gene of annotation A ({FOS}); "
        "keep one of them, or add their counts up with --sum-duplicates."
    )
    found = resolve_gene_ids([FOS, "Fos"], "A", KNOWN, map_symbols=True, sum_duplicates=True)
    assert found.gene_ids == (FOS, FOS)


# the import -----------------------------------------------------------------------------------------------


@pytest.fixture
def study(db: None) -> Study:
    return make_study()


def import_of(study: Study, content: bytes, name: str = "c.csv", annotation: str = "A1", **options) -> CountImport:
    source = Quantification(annotation)
    return import_counts(study, content, name=name, source=source, user=system_account(), **options)


def run(path: Path, *options: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(
            "import_counts", str(path), "--study", "S1", "--annotation", "A1", *options, stdout=out, stderr=err
        )
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_what_became_of_names_and_ids_is_recorded(study):
    Gene.objects.create(annotation="A1", gene_id=FOS, symbol="Fos", synonyms="c-fos; D12Rfj1")
    Gene.objects.create(annotation="A1", gene_id=ARC, symbol="Arc")
    text = f"gene,l_1,x\n{FOS}.14,1,2\nArc,3,4\nc-fos,5,6\n".encode()
    options = {"sample_map": {"x": "L2"}, "accept_normalized": True, "map_symbols": True, "sum_duplicates": True}
    matrix = import_of(study, text, **options).matrix
    assert numbers(matrix) == {"L1": {FOS: 6, ARC: 3}, "L2": {FOS: 8, ARC: 4}}
    assert (matrix.format, matrix.n_names_mapped, matrix.n_names_normalized) == ("matrix", 1, 1)
    assert (matrix.n_ids_unversioned, matrix.n_ids_by_symbol, matrix.n_genes_summed) == (1, 2, 1)
    assert "Added up the counts of 1 genes that the file names twice." in matrix.notes


def test_the_command_takes_a_folder_and_confirms_the_strand(study, tmp_path):
    folder = unpacked(tmp_path, STAR_FILES) / "star"
    code, out, err = run(folder)
    assert (code, out) == (1, "")
    assert err.endswith("confirm it with --strandedness reverse.\nNothing was stored.\n")
    code, _out, err = run(folder, "--strandedness", "forward")
    assert (code, "whose sums speak for reverse" in err) == (1, True)
    assert_nothing_stored()
    code, out, _err = run(folder, "--strandedness", "reverse")
    assert code == 0
    assert out.endswith("Imported 3 genes x 2 libraries, 3 genes new to the annotation as star.\n")
    matrix = CountMatrix.objects.get()
    assert (matrix.strandedness, numbers(matrix)["L1"]["Fos"]) == ("reverse", 970)
    with pytest.raises(CountFileError, match="This file was already imported into study S1 as star"):
        import_of(study, zipped(STAR_FILES), "packed.zip", strandedness="reverse")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            {"strandedness": "forward"},
            "1 library is forward ('L1'), but the counts are of the reverse column; "
            "take the forward column, or correct the strandedness of the libraries.",
        ),
        (
            {"kit": "SMART-Seq v4 Ultra Low"},
            "1 library is unstranded by the kit 'SMART-Seq v4 Ultra Low' ('L1'), but the counts are of the reverse column; "
            "take the unstranded column, or correct the strandedness of the libraries.",
        ),
    ],
)
def test_a_column_that_the_kit_of_a_library_speaks_against_is_refused(study, said, sentence):
    Library.objects.filter(code="L1").update(**said)
    Library.objects.filter(code="L2").update(kit="TruSeq Stranded mRNA")
    with pytest.raises(CountFileError) as refused:
        import_of(study, zipped(STAR_FILES), "c.zip", strandedness="reverse")
    assert str(refused.value) == sentence
    assert_nothing_stored()


def test_half_of_the_names_unknown_is_refused_with_all_of_them(study, tmp_path):
    file, sample_map = tmp_path / "c.csv", tmp_path / "map.csv"
    file.write_bytes(b"gene,l-1,odd,L2,even\nFos,1,2,3,4\n")
    code, out, err = run(file, "--write-sample-map", str(sample_map))
    assert code == 1
    assert out == f"Wrote {sample_map}: complete its column library, and give it as --sample-map.\n"
    for name in ("l-1", "odd", "even"):
        assert f"Column '{name}' is no library of this study" in err
    assert sample_map.read_text() == "name,library\nL2,L2\nl-1,L1\nodd,\neven,\n"
    assert_nothing_stored()


def test_a_sample_map_as_written_by_the_command_is_taken(study, tmp_path):
    file, sample_map = tmp_path / "c.csv", tmp_path / "map.csv"
    file.write_bytes(b"gene,l-1,L2\nFos,1,3\n")
    run(file, "--write-sample-map", str(sample_map))
    assert run(file, "--sample-map", str(sample_map))[0] == 0
    assert numbers(CountMatrix.objects.get()) == {"L1": {"Fos": 1}, "L2": {"Fos": 3}}


def test_gene_lists_that_differ_between_the_files_of_a_folder_are_refused(study, tmp_path):
    files = {"L1.txt": per_gene(1, 2, 3), "L2.txt": per_gene(1, 2, genes=("Fos", "Arc"))}
    code, _out, err = run(unpacked(tmp_path / "htseq", files))
    assert code == 1
    assert err.startswith("The genes of htseq/L2.txt differ: it lacks 1 of it ('Egr1');")
    assert_nothing_stored()
