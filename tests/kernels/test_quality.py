"""Quality of libraries: held to hand arithmetic and to errors planted in simulated and in real counts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.kernels import quality, quality_identity
from analysis.kernels.quality import QualityLimits
from analysis.kernels.quality_confounding import confounding_findings, confounding_table
from analysis.kernels.quality_findings import Finding, library_findings, measure_libraries
from analysis.kernels.quality_records import left_over, record_findings
from labdb.demo.simulate import simulate_study, with_planted_errors

LIMITS = QualityLimits()
REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


def counts_of(columns: dict[str, list[int]], genes: list[str]) -> tuple[pd.DataFrame, pd.Series]:
    return pd.DataFrame(columns, index=range(len(genes))), pd.Series(genes)


def test_metrics_equal_hand_arithmetic():
    # 60 genes: 50 with 2 reads, one mitochondrial with 90, nine with 0: 190 reads, 51 genes, the top 50 are 90 + 49 x 2
    counts, symbols = counts_of({"A": [2] * 50 + [90] + [0] * 9, "B": [0] * 60}, [*["g"] * 50, "mt-Co1", *["g"] * 9])
    metrics = quality.library_metrics(counts, symbols)
    assert metrics.loc["A"].tolist() == pytest.approx([190, 51, 188 / 190, 90 / 190])
    assert metrics.loc["B", ["library_size", "genes_detected"]].tolist() == [0, 0]
    assert metrics.loc["B", ["top_50_share", "mitochondrial_share"]].isna().all()


def test_without_mitochondrial_genes_their_share_is_not_0_but_unknown():
    counts, symbols = counts_of({"A": [5, 5]}, ["Fos", "Mtor"])
    assert quality.library_metrics(counts, symbols)["mitochondrial_share"].isna().all()


def test_a_robust_z_is_the_distance_in_mad():
    # median 3, absolute distances 2 1 0 0 1 97 -> median 1, so 1.4826 is one SD
    z = quality.robust_z(pd.Series([1.0, 2, 3, 3, 4, 100]))
    assert z.iloc[-1] == pytest.approx(97 / 1.4826)
    assert quality.robust_z(pd.Series([1.0, 2, 3])).isna().all()  # too few to say
    assert (quality.robust_z(pd.Series([1.0, 1, 1, 1, 1, 9])) == 0).all()


def test_components_are_those_of_the_singular_values_and_share_the_squared_distances():
    expression = pd.DataFrame(np.random.default_rng(1).normal(size=(40, 6)), columns=list("ABCDEF"))
    found = quality.principal_components(expression)
    centered = expression.to_numpy() - expression.to_numpy().mean(axis=1, keepdims=True)
    _u, singular, vt = np.linalg.svd(centered, full_matrices=False)
    np.testing.assert_allclose(np.abs(found.scores), np.abs(vt[:4].T * singular[:4]), atol=1e-10)
    assert (found.distance**2).sum() == pytest.approx((singular**2).sum())
    assert (found.scores.max() == found.scores.abs().max()).all()


@pytest.mark.parametrize(
    ("xist", "y", "called"),
    [(40, 0, "F"), (0, 40, "M"), (20, 20, ""), (4, 0, ""), (0, 0, "")],
    ids=["female", "male", "a mixture", "too few reads", "none"],
)
def test_sex_is_called_by_xist_against_genes_on_y(xist, y, called):
    counts, symbols = counts_of({"A": [xist, y, 0, 1000]}, ["Xist", "DDX3Y", "Uty", "Actb"])
    assert quality_identity.call_sex(counts, symbols, LIMITS)["sex_called"].tolist() == [called]


def test_an_annotation_without_xist_says_nothing_of_sex():
    counts, symbols = counts_of({"A": [40, 1000]}, ["Ddx3y", "Actb"])
    called = quality_identity.call_sex(counts, symbols, LIMITS)
    assert called["sex_called"].tolist() == [""] and called["y_cpm"].isna().all()


def test_exchanged_libraries_are_paired_by_mouse_before_pool():
    table = pd.DataFrame(
        {
            "region": ["PFC", "NAc", "PFC", "NAc", "HIP"],
            "like": ["NAc", "PFC", "NAc", "PFC", "PFC"],
            "mouse": ["M1", "M1", "M2", "M3", "M4"],
            "pool": ["P1", "P2", "P2", "P2", "P2"],
        },
        index=["A", "B", "C", "D", "E"],
    )
    pairs, alone = quality_identity.exchanged_pairs(table["region"], table["like"], (table["mouse"], table["pool"]))
    assert pairs == [("A", "B"), ("C", "D")]
    assert alone == ["E"]


# The demo's planted errors


@pytest.fixture(scope="module")
def demo() -> tuple[pd.DataFrame, pd.Series, pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Counts, symbols, libraries and what was planted in them."""
    study = with_planted_errors(simulate_study())
    of = study.tissue.libraries
    sex = of["mouse"].map(study.bench.mice["sex"])
    planted = {error.kind: error.where for error in study.planted}
    return study.counts, study.genes["symbol"], of[["mouse", "region", "pool"]].assign(sex=sex), planted


def found_in(counts: pd.DataFrame, symbols: pd.Series, libraries: pd.DataFrame, **options) -> list[Finding]:
    measured = measure_libraries(counts, symbols, libraries["region"], LIMITS, **options)
    return list(library_findings(measured, libraries, LIMITS))


def test_the_planted_errors_of_the_demo_are_found_and_no_others(demo):
    counts, symbols, libraries, planted = demo
    found = found_in(counts, symbols, libraries)
    assert {(one.check, one.severity) for one in found} == {
        ("swapped_pair", "error"), ("sex_of_mouse", "error"), ("low_reads", "error"),
    }  # fmt: skip
    by_check = {one.check: one for one in found}
    assert len(found) == 3
    assert {by_check["swapped_pair"].library, by_check["swapped_pair"].other_library} == set(planted["swapped_pair"])
    assert by_check["sex_of_mouse"].mouse == planted["wrong_sex"][0]
    assert by_check["low_reads"].library == planted["half_the_reads"][0]
    assert by_check["swapped_pair"].sentence.startswith(
        "M062-NAc-LIB is recorded as NAc but its genes are those of PFC, and M062-PFC-LIB the other way round; both are "
        "of mouse M062"
    )


def test_other_mistakes_are_each_found_as_what_they_are(demo):
    """A tube of another mouse, one counted twice, one mislabeled alone, an empty and a degraded one."""
    counts, symbols, libraries, _planted = demo
    chosen = libraries[libraries["region"].isin(["PFC", "HIP"])].groupby("region").head(16)
    few = counts[chosen.index].copy()
    one, other, mislabeled, empty, dying, noisy = few.columns[[0, 2, 6, 7, 9, 11]]
    few[other] = few[one]
    few[mislabeled] = counts[libraries.index[(libraries["region"] == "HIP")][40]]
    few[empty] = 0
    is_mitochondrial = symbols.str.startswith("mt-").to_numpy()
    few[dying] = few[dying].where(~is_mitochondrial, few[dying] * 20)
    rng = np.random.default_rng(4)
    few[noisy] = (few[noisy] * rng.lognormal(0, 0.8, len(few))).astype(int)
    female = few.columns[13]
    is_xist, is_y = (symbols == "Xist").to_numpy(), symbols.isin(["Ddx3y", "Uty", "Eif2s3y", "Kdm5d"]).to_numpy()
    few.loc[is_xist, female], few.loc[is_y, female] = 3000, 0
    labels = chosen.assign(mouse=[f"N{place // 2}" for place in range(len(chosen))])
    found = {(finding.check, finding.library) for finding in found_in(few, symbols, labels)}
    assert found == {
        ("duplicate", min(one, other)), ("other_region", mislabeled), ("no_reads", empty), ("mitochondrial", dying),
        ("outlier", noisy), ("sex_of_library", female),
    }  # fmt: skip


def test_markers_that_are_given_tell_a_region_where_no_other_library_can(demo):
    """Of one library a region there is no mean to compare with; the markers still say which it is."""
    counts, symbols, libraries, planted = demo
    swapped = list(planted["swapped_pair"])
    others = [library for library in libraries.index if library not in swapped]
    few = [
        *swapped,
        *[library for library in others if "-PFC-" in library][:1],
        *[one for one in others if "-NAc-" in one][:1],
    ]
    markers = {"PFC": ["Cux2", "Fezf2", "Rorb"], "NAc": ["Drd1", "drd2", "Nonesuch"]}
    found = found_in(counts[few], symbols, libraries.loc[few], markers=markers)
    assert {one.library for one in found if one.check == "region_markers"} == set(swapped)
    measured = measure_libraries(counts[few], symbols, libraries.loc[few, "region"], LIMITS, markers)
    assert measured.notes == ("Markers that the annotation lacks: Nonesuch.",)


@pytest.mark.parametrize(
    ("counts_file", "labels_file", "columns", "low", "unlike"),
    [
        (
            "integrative_wt2015/00_countData.csv", "integrative_wt2015/00_colData.csv", ("ID", "subfield"),
            {"146D-DG-3", "146B-DG-2"}, {"146D-DG-3", "146B-DG-2", "148B-CA1-4", "146D-CA1-3", "145A-CA3-2"},
        ),
        (
            "dissociation_gse99765/GSE99765_DissociationCountData.csv",
            "dissociation_gse99765/GSE99765_DissociationColData.csv", ("Mouse", "Region"),
            {"101-DG-3", "101-CA1-2"}, {"101-CA1-2"},
        ),
    ],
    ids=["integrative_wt2015", "dissociation_gse99765"],
)  # fmt: skip
def test_in_real_studies_the_libraries_with_hardly_a_read_are_found(counts_file, labels_file, columns, low, unlike):
    """The smallest has 66,000 reads where the median has 2 million; hippocampal fields of one mouse look alike."""
    if not (REAL / counts_file).exists():
        pytest.skip("the folder of real files is not here")
    counts = pd.read_csv(REAL / counts_file, index_col=0)
    labels = pd.read_csv(REAL / labels_file).set_index("RNAseqID").loc[counts.columns]
    libraries = pd.DataFrame({"mouse": labels[columns[0]], "region": labels[columns[1]], "pool": "", "sex": "M"})
    found = found_in(counts, pd.Series(counts.index, index=counts.index), libraries)
    assert {one.library for one in found if one.check == "low_reads"} == low
    assert {one.library for one in found if one.check == "outlier"} >= unlike
    assert {one.library for one in found if one.severity == "error"} == low


# Single records


def test_records_are_found_by_what_they_say():
    tests = pd.DataFrame(
        {"mouse": ["M1", "M2"], "test_number": [1, 1], "iz_absent_s": [0.0, 5.0], "iz_present_s": [30.0, 0.0]}
    )
    extractions = pd.DataFrame(
        {"extraction": ["E1", "E2"], "sample": ["T1", "T2"], "mouse": ["M1", "M2"], "rin": [6.9, 7.0]}
    )
    weighings = pd.DataFrame({"mouse": ["M1", "M1", "M2"], "day": ["d1", "d2", "d1"], "body_mass_g": [25.0, 2.5, 40.0]})
    found = list(record_findings(tests, extractions, weighings, LIMITS))
    assert [(one.check, one.severity, one.subject) for one in found] == [
        ("no_time_without_target", "error", "M1 test 1"), ("mass_jump", "warning", "M1 d2"), ("low_rin", "note", "E1"),
    ]  # fmt: skip
    assert found[1].sentence == ("M1 weighed 25 g and then, on d2, 2.5 g (-90 %): one of the two is a slip of the pen.")


def test_what_was_begun_and_not_ended_is_one_note_each():
    found = list(left_over([f"L{n:02d}" for n in range(10)], "X1", ["T1"]))
    assert [one.sentence for one in found] == [
        "10 libraries have no counts in X1: L00, L01, L02, L03, L04, L05, L06, L07 and 2 more.",
        "1 tissue sample has no extraction: T1.",
    ]


# Confounding


def samples(group: str, pool: str, cage: str) -> pd.DataFrame:
    columns = {"group": list(group), "pool": list(pool), "cage": list(cage)}
    return pd.DataFrame({**columns, "mouse": range(len(group)), "region": "PFC"})


def test_a_group_that_shares_no_pool_with_the_other_is_confounded():
    table = confounding_table(
        samples("aaaabbbb", "11112222", "12121212"), {"group": "stress"}, ["pool"], ["cage"], LIMITS
    )
    assert [(row.factor, row.region, row.v, row.is_confounded) for row in table] == [
        ("pool", "PFC", 1.0, True), ("cage", "", 0.0, False),
    ]  # fmt: skip
    (found,) = confounding_findings(table, LIMITS)
    assert (found.severity, found.subject) == ("warning", "group and pool")
    assert found.sentence == (
        "In PFC, stress is confounded with pool (V = 1.00, n = 8): these share no pool, so no model can part them: a | b."
    )


def test_mice_that_are_alone_in_their_cage_are_not_called_confounded():
    table = confounding_table(
        samples("aaaabbbb", "11111111", "12345678"), {"group": "stress"}, ["pool"], ["cage"], LIMITS
    )
    assert [(row.factor, row.v, row.is_confounded) for row in table] == [("cage", None, False)]
    assert "8 levels for 8 samples, nearly one each" in table[0].sentence
