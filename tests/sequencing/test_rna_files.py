"""Files of RNA quality as instruments export them, with made-up samples.

Where the layouts were seen:

- TapeStation sample table: column names, the unit by assay (pg/ul for high-sensitivity RNA), latin-1, ladder lines and
  the alert marks, as a data reading guide of a laboratory on GitHub lists them from 150 real ``sampleTable.csv``.
- TapeStation region table: header lines, separators, sizes in nt or bp and the latin-1 byte as the tests of the parser
  in mll-lab/php-utils on GitHub give them; its file names end with the assay (``.D1000``).
- Bioanalyzer ``Results.csv``: an R package on GitHub (rnaseqtools) takes the concentration as a bare number, and a comma
  behind the version of the RIN ("Anomaly Threshold(s) manually adapted)") that no quotation marks enclose.
- Bioanalyzer: the labels of the overall results of 2100 Expert ("RNA Concentration:", "rRNA Ratio [28s / 18s]:",
  "RNA Integrity Number (RIN):", "Result Flagging Label:"), as scripts on GitHub read them from its reports.
- Qubit 4: Benchling-Open-Source/allotropy, tests/parsers/thermo_fisher_qubit4/testdata (two columns called Units); with
  a first column of the lab's own and a lost Greek letter: RobertsLab/project-gigas-carryover, lifestage_carryover/data.
- Qubit Flex: the same repository's parser of the Flex ("Original sample conc. units", "Sample Name").
- NanoDrop 8000: allotropy, tests/parsers/thermo_fisher_nanodrop_8000/testdata (ratio behind its formula, mg/ml).
"""

import gzip

import pytest

from labdb.sequencing.rna_files.cells import RnaFile, RnaFileError
from labdb.sequencing.rna_files.detect import read_rna_file

TAPESTATION = (
    "FileName,WellId,Sample Description,Alert,Observations,RINe,28S/18S (Area),Conc. [{unit}]\r\n"
    "2025-06-03.RNA,EL1,Electronic Ladder,,Ladder,-,-,-\r\n"
    "2025-06-03.RNA,B1,E001,,,8.6,1.9,{one}\r\n"
    "2025-06-03.RNA,C1,E002,!,RIN value outside functional range,N/A,-,3.2\r\n"
)
BIOANALYZER = (
    "Data File Name,2100 expert_EukaryoteTotal RNA Nano_DE01_2025-06-03.xad\n"
    "Assay Name,Eukaryote Total RNA Nano Series II\nNumber of Samples Run,2\n\n"
    "Sample Name,E001\n\nOverall Results\n\nRNA Area:,252.4\nRNA Concentration:,146 ng/µl\n"
    "rRNA Ratio [28s / 18s]:,1.6\nRNA Integrity Number (RIN):,8.2   (B.02.08)\nResult Flagging Label:,RIN: 8.20\n\n"
    'Sample Name,E002\n\nRNA Concentration:,"1.250,5 pg/µl"\nRNA Integrity Number (RIN):,N/A   (B.02.08)\n\n'
    "Sample Name,Ladder\n\nRNA Concentration:,150 ng/µl\n"
)
QUBIT = (
    "Run ID,Assay Name,Test Name,Test Date,Qubit® tube conc.,Units,Original sample conc.,Units,Sample Volume (µL),"
    "Dilution Factor\n"
    "2025-06-03,RNA High sensitivity,E001,03/06/2025 6:40:54 AM,710,ng/mL,142,ng/µL,1,200\n"
    "2025-06-03,1x dsDNA High Sensitivity,E002,03/06/2025 6:41:10 AM,30,ng/mL,6080,ng/mL,1,200\n"
    "2025-06-03,RNA High sensitivity,E003,03/06/2025 6:41:20 AM,<0.5,ng/mL,<0.1,ng/µL,1,200\n"
)
NANODROP = (
    "Date\tSample ID\tUser name\tNucleic Acid\tUnit\tA260 (Abs)\tA280 (Abs)\t260/280\t260/230\tSample Type\tFactor\n"
    "03.06.2025\tE001\tlab\t152,3\tng/µl\t3,807\t1,869\t2,04\t2,1\tRNA\t40\n"
    "03.06.2025\tE002\tlab\t80,25\tng/µl\t2,006\t1,013\t1,98\t2,0\tRNA\t40\n"
)
NANODROP_8000 = (
    "Plate ID\tWell \tSample ID\tUser ID\tDate \tTime \tConc. \tUnits \tnm 1\tAbs 1\tFactor \tFormula Name 1\tFormula 1\t"
    "Formula Value 1\n"
    "\t\tE001\tDefault\t6/3/2025\t1:45 PM\t0.3929\tmg/ml\t260\t0.982\t\t260/280\tA(260)/A(280)\t1.449E+0\n"
    "\t\tE002\tDefault\t6/3/2025\t1:47 PM\t0.000\tmg/ml\t260\t0.000\t\t260/280\tA(260)/A(280)\tNaN\n"
)


def values(found: RnaFile) -> dict[str, dict[str, float]]:
    return {one.name: one.values for one in found.readings}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_a_tapestation_table_is_read_in_any_encoding(encoding: str):
    found = read_rna_file(TAPESTATION.format(unit="ng/µl", one="146").encode(encoding), "x_sampleTable.csv")
    assert found.instrument == "TapeStation"
    assert values(found) == {
        "E001": {"rin": 8.6, "rna_conc_ng_per_ul": 146.0},
        "E002": {"rna_conc_ng_per_ul": 3.2},
    }
    assert found.readings[1].line == 4
    assert found.readings[1].notes == [
        "RIN is N/A: stays missing",
        "the instrument says: ! RIN value outside functional range",
    ]
    assert "1 line of the ladder left out." in found.notes


def test_pg_per_ul_is_converted_and_said():
    found = read_rna_file(TAPESTATION.format(unit="pg/µl", one="4520").encode(), "x.csv")
    assert values(found)["E001"]["rna_conc_ng_per_ul"] == 4.52
    assert "Concentrations in pg/ul were converted to ng/ul." in found.notes


def test_rin_with_a_raised_e_decimal_commas_and_semicolons():
    text = "FileName;WellId;Sample Description;RIN^e;Conc. [ng/µl]\nf;A1;E001;8,6;1.046,5\nf;B1;E002;7,9;99\n"
    assert values(read_rna_file(text.encode(), "x.csv")) == {
        "E001": {"rin": 8.6, "rna_conc_ng_per_ul": 1046.5},
        "E002": {"rin": 7.9, "rna_conc_ng_per_ul": 99.0},
    }


def test_bioanalyzer_blocks_are_read_with_the_version_behind_the_number():
    found = read_rna_file(BIOANALYZER.encode("latin-1"), "x.csv")
    assert found.instrument == "Bioanalyzer"
    assert values(found) == {"E001": {"rin": 8.2, "rna_conc_ng_per_ul": 146.0}, "E002": {"rna_conc_ng_per_ul": 1.2505}}
    assert found.readings[1].notes == ["RIN is N/A: stays missing"]
    assert "1 block of the ladder left out." in found.notes


@pytest.mark.parametrize(
    ("assay", "cells", "expected"),
    [
        ("Eukaryote Total RNA Pico", "4520", 4.52),
        ("Eukaryote Total RNA Nano Series II", "146", 146.0),
        ("Eukaryote Total RNA Nano Series II", "4520,pg/µl", 4.52),
    ],
)
def test_a_bare_concentration_of_a_bioanalyzer_is_in_the_unit_beside_it_or_of_its_assay(assay, cells, expected):
    text = (
        f"Assay Name,{assay}\n\nSample Name,E001\nRNA Concentration:,{cells}\n"
        "RNA Integrity Number (RIN):,8.9   (B.02.08, Anomaly Threshold(s) manually adapted)\n"
    )
    [one] = read_rna_file(text.encode("latin-1"), "Results.csv").readings
    assert one.values == {"rin": 8.9, "rna_conc_ng_per_ul": expected} and not one.errors
    assert "the instrument says: anomaly thresholds manually adapted" in one.notes


REGIONS = "FileName;WellId;Sample Description;From [nt];To [nt];Average Size [nt];Conc. [ng/µl];Region Molarity [nmol/l];% of Total;Region Comment\n"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_of_a_table_of_regions_the_share_of_dv200_is_taken_and_never_its_concentration(encoding: str):
    text = (
        REGIONS + "x.RNA;A1;E001;200;10000;1800;34.7;29.5;85.0;DV200\nx.RNA;A1;E001;1500;2500;1900;9.1;8.0;22.5;18S\n"
    )
    found = read_rna_file(text.encode(encoding), "x_compactRegionTable.csv")
    assert values(found) == {"E001": {"dv200_percent": 85.0}}
    assert found.notes[-1] == "1 line of other regions left out."


def test_qubit_takes_the_original_concentration_with_its_own_unit():
    found = read_rna_file(QUBIT.encode(), "x.csv")
    assert values(found) == {
        "E001": {"rna_conc_ng_per_ul": 142.0},
        "E002": {"rna_conc_ng_per_ul": 6.08},
        "E003": {},
    }
    assert found.readings[1].notes == ["measured with the assay 1x dsDNA High Sensitivity"]
    assert found.readings[2].notes == ["concentration is out of range (<0.1): stays missing"]


def test_qubit_with_a_column_of_the_lab_and_a_lost_greek_letter():
    lines = QUBIT.replace("µ", "?").replace("®", "?").splitlines()
    text = "\n".join([f"sample_ID,{lines[0]}", f"201,{lines[1]}"])
    assert values(read_rna_file(text.encode(), "x.csv")) == {"201": {"rna_conc_ng_per_ul": 142.0}}


def test_qubit_flex_names_the_unit_of_each_concentration():
    text = (
        "Run ID,Assay Name,Sample Name,Qubit Tube Conc.,Qubit tube conc. units,Original Sample Conc.,"
        "Original sample conc. units\nr1,RNA BR,E001,0.7,ug/mL,0.142,ug/uL\n"
    )
    assert values(read_rna_file(text.encode(), "x.csv")) == {"E001": {"rna_conc_ng_per_ul": 142.0}}


def test_nanodrop_with_decimal_commas_and_a_ratio():
    found = read_rna_file(NANODROP.encode("utf-16"), "x.tsv")
    assert found.instrument == "NanoDrop"
    assert values(found) == {
        "E001": {"rna_conc_ng_per_ul": 152.3, "ratio_260_280": 2.04},
        "E002": {"rna_conc_ng_per_ul": 80.25, "ratio_260_280": 1.98},
    }


def test_nanodrop_8000_says_the_ratio_behind_its_formula():
    found = read_rna_file(NANODROP_8000.encode(), "x.txt")
    assert values(found)["E001"] == {"rna_conc_ng_per_ul": 392.9, "ratio_260_280": 1.449}
    assert values(found)["E002"] == {"rna_conc_ng_per_ul": 0.0}


def test_a_number_that_can_be_two_is_an_error_of_its_line():
    text = "WellId;Sample Description;RINe;Conc. [ng/ul]\nA1;E001;9;1,234\nB1;E002;what;5\n"
    one, two = read_rna_file(text.encode(), "x.csv").readings
    assert "1,234 can be 1.234 or 1234" in one.errors[0]
    assert two.errors == ["RIN is what, which is no number; correct the file, or leave this line out."]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"a,b\n1,2\n", "is no file of TapeStation, Bioanalyzer, Qubit or NanoDrop"),
        (b"\x00\x01\x02", "is not text"),
        (gzip.compress(TAPESTATION.encode())[:-20], "cut short"),
        (b'WellId,Sample Description,RINe\nA1,"E001,8\n', "quotation mark"),
        (b"WellId,Sample Description,Peak\nA1,E001,8\n", "without RINe or concentration"),
        (b"WellId,Sample Description,RINe,Conc. [nM]\nA1,E001,8,5\n", "gives the concentration in nm"),
        (b"WellId,Sample Description,RINe\n", "holds no sample"),
        (b"Sample Name,E001\nPeak Table\n", "DNA chip"),
        (REGIONS.replace("nt]", "bp]").encode() + b"x;A1;E001;200;700;320;7.6;36.1;92.5;IDT\n", "of a DNA assay;"),
        (REGIONS.encode() + b"x;A1;E001;200;4000;1800;34.7;29.5;85.0;WTS\n", "none is called DV200"),
        (b"FileName,WellId,Sample Description,Conc. [ng/ul]\nx.HSD1000,A1,E001,8\n", r"DNA assay \(HSD1000\)"),
        (b"FileName,WellId,Sample Description,Conc. [ng/ul],DIN\nx,A1,E001,8,7\n", "of a DNA assay;"),
    ],
)
def test_what_cannot_be_taken_is_said_in_a_sentence(data: bytes, says: str):
    with pytest.raises(RnaFileError, match=says):
        read_rna_file(data, "x.csv")
