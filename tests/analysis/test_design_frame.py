"""What is known of each library."""

import numpy as np
import pandas as pd
import pytest

from analysis import runs
from analysis.design_frame import read_libraries, treatment_outcome
from analysis.library_fields import COMPUTED
from analysis.models import Contrast
from analysis.standard_contrasts import propose
from analysis.tasks.expression_design import Question, make_design
from labdb.colony.models import Exclusion, Mouse, Strain, Study
from labdb.registry.lab_field import LabField
from labdb.sequencing.models import CountMatrix, Library
from tests.analysis.small_study import add_library, add_matrix, add_mouse, make_study, make_treated_study

pytestmark = pytest.mark.django_db

FIELDS = (
    "library__condition", "library__pool", "mouse__code", "mouse__sex", "mouse__cohort", "mouse__group", *COMPUTED,
)  # fmt: skip


@pytest.fixture
def treated() -> Study:
    study = make_treated_study(n_genes=20, regions=("PFC", "NAc"))
    for task in ("phenotype", "response"):
        runs.execute(runs.request_run(task, study, queue=False).pk)
    return study


def matrix_of(study: Study) -> CountMatrix:
    return CountMatrix.objects.get(study=study)


@pytest.mark.parametrize(
    ("group", "phenotype", "arm", "is_vehicle", "response", "outcome"),
    [
        ("control", "control", "saline", True, "unclassified", "control"),
        ("control", "control", "ketamine", False, None, "control ketamine"),
        ("defeated", "resilient", None, False, None, "resilient"),
        ("defeated", "resilient", "saline", True, "non_responder", "resilient"),
        ("defeated", "resilient", "ketamine", False, "responder", "resilient ketamine"),
        ("defeated", "susceptible", None, False, None, "susceptible"),
        ("defeated", "susceptible", "saline", True, "responder", "susceptible saline"),
        ("defeated", "susceptible", "ketamine", False, "responder", "ketamine responder"),
        ("defeated", "susceptible", "ketamine", False, "non_responder", "ketamine non-responder"),
        ("defeated", "susceptible", "ketamine", False, "unclassified", "ketamine response unknown"),
        ("defeated", "susceptible", "ketamine", False, None, "ketamine response unknown"),
        ("defeated", "susceptible", "ketamine", False, "", "ketamine treated"),
        ("defeated", "unclassified", "ketamine", False, "responder", None),
        ("defeated", None, None, False, None, None),
        ("witness", "unclassified", None, False, None, "witness"),
        ("", None, "saline", True, None, None),
    ],
)
def test_stress_drug_and_outcome_in_one_word(group, phenotype, arm, is_vehicle, response, outcome):
    assert treatment_outcome(group, phenotype, arm, is_vehicle, response) == outcome


def test_every_library_has_its_mouse_region_and_calls(treated):
    frame = read_libraries(treated, matrix_of(treated), FIELDS).frame
    assert len(frame) == 4 * 5 * 2
    assert set(FIELDS) <= set(frame.columns)
    row = frame.loc["k0-PFC"]
    assert (row["region"], row["mouse__code"], row["mouse__group"], row["mouse__cohort"]) == (
        "PFC",
        "k0",
        "defeated",
        "C1",
    )
    assert (row["mouse__phenotype"], row["mouse__arm"], row["mouse__is_randomized"]) == (
        "susceptible",
        "ketamine",
        True,
    )
    assert frame["mouse__treatment_outcome"].value_counts().to_dict() == {
        "control": 10,
        "resilient": 10,
        "susceptible saline": 10,
        "ketamine responder": 6,
        "ketamine non-responder": 4,
    }  # fmt: skip  (mice 0, 2, 4 of 5 respond; two regions each)
    assert not frame.loc["r0-NAc", "mouse__is_randomized"]


def test_the_queries_do_not_grow_with_the_libraries(treated, django_assert_max_num_queries):
    with django_assert_max_num_queries(17):
        read_libraries(treated, matrix_of(treated), FIELDS)


def test_only_runs_whose_calls_are_used_are_named(treated):
    matrix = matrix_of(treated)
    assert read_libraries(treated, matrix, ["library__pool"]).runs == ()
    assert [run.task for run in read_libraries(treated, matrix, ["mouse__phenotype"]).runs] == ["phenotype"]
    outcome = read_libraries(treated, matrix, ["mouse__treatment_outcome"])
    assert {run.task for run in outcome.runs} == {"phenotype", "response"}


def test_any_field_of_library_or_mouse_can_be_named(treated):
    strain = Strain.objects.create(name="C57BL/6J of ours", vendor="in house")
    mouse = Library.objects.get(code="k0-PFC").extractions.get().samples.get().mouse
    mouse.strain = strain
    mouse.save()
    frame = read_libraries(
        treated, matrix_of(treated), ["mouse__strain", "mouse__strain__vendor", "mouse__cohort__code", "library__kit"]
    ).frame
    assert frame.loc["k0-PFC", "mouse__strain"] == "C57BL/6J of ours"
    assert frame.loc["k0-PFC", "mouse__strain__vendor"] == "in house"
    assert frame["mouse__cohort__code"].unique().tolist() == ["C1"]
    assert frame.loc["k1-PFC", "mouse__strain"] is None
    assert frame["library__kit"].isna().all()  # an empty text is no value


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("mouse__colour", "colour is not a field of a mouse with one value; there are: .*genotype"),
        ("mouse__si_tests", "si_tests is not a field of a mouse with one value"),
        ("library__extractions", "extractions is not a field of a library with one value"),
        ("mouse__created_by__password", "created_by is not a field of a mouse"),
        ("mouse__sex__name", "mouse__sex__name goes too far: sex is a plain value."),
        ("sex", "sex is not a field of a library or its mouse"),
    ],
)
def test_a_field_that_is_none_is_refused_in_words(treated, field, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_libraries(treated, matrix_of(treated), [field])


def test_libraries_of_several_mice_or_of_no_sample_are_left_out_with_a_note():
    study = make_study()
    one, two = add_mouse(study, "m1"), add_mouse(study, "m2")
    alone = add_library(one, "PFC")
    pooled = add_library(one, "PFC", code="POOL", others=(two,))
    loose = Library.objects.create(study=study, code="LOOSE")
    matrix = add_matrix(study, [alone, pooled, loose], np.ones((3, 3), dtype=int))
    libraries = read_libraries(study, matrix, [])
    assert libraries.frame.index.tolist() == ["m1-PFC"]
    assert libraries.notes == (
        "1 library (POOL) left out: made from several mice or regions.",
        "1 library (LOOSE) left out: no tissue sample leads to a mouse and a region.",
    )


def test_two_samples_of_one_mouse_and_region_are_one_origin():
    study = make_study()
    mouse = add_mouse(study, "m1")
    library = add_library(mouse, "PFC")
    second = add_library(mouse, "PFC", code="OTHER").extractions.get()
    library.inputs.create(study=study, extraction=second)
    matrix = add_matrix(study, [library], np.ones((3, 1), dtype=int))
    assert read_libraries(study, matrix, []).frame["mouse"].tolist() == [mouse.pk]


def test_the_standard_contrasts_are_those_that_the_groups_allow(treated):
    contrasts = propose(treated, matrix_of(treated))
    outcome, treatment = "mouse__treatment_outcome", "mouse__treatment"
    assert {(one.name, one.group_by, one.numerator, one.denominator) for one in contrasts} == {
        ("susceptible - control", outcome, "susceptible saline", "control"),
        ("resilient - control", outcome, "resilient", "control"),
        ("susceptible - resilient", outcome, "susceptible saline", "resilient"),
        ("ketamine responder - susceptible saline", outcome, "ketamine responder", "susceptible saline"),
        ("ketamine non-responder - susceptible saline", outcome, "ketamine non-responder", "susceptible saline"),
        ("ketamine treated - susceptible saline", treatment, "ketamine treated", "susceptible saline"),
        ("ketamine responder - ketamine non-responder", outcome, "ketamine responder", "ketamine non-responder"),
        ("ketamine treated - control", treatment, "ketamine treated", "control"),
    }
    notes = {one.name: one.notes for one in contrasts}
    assert "An association, never an effect" in notes["ketamine responder - ketamine non-responder"]
    assert "shares no independent null" in notes["ketamine treated - control"]


def test_nothing_is_proposed_beside_contrasts_that_someone_defined(treated):
    mine = Contrast.objects.create(study=treated, name="mine", group_by="mouse__sex", numerator="M", denominator="F")
    assert propose(treated, matrix_of(treated)) == []
    assert list(Contrast.objects.filter(study=treated)) == [mine]


def test_nothing_is_proposed_for_groups_of_one_mouse():
    study = make_study()
    libraries = [
        add_library(add_mouse(study, code, group), "PFC") for code, group in (("c", "control"), ("w", "witness"))
    ]
    matrix = add_matrix(study, libraries, np.ones((3, 2), dtype=int))
    assert propose(study, matrix) == []


def test_libraries_of_an_excluded_mouse_or_sample_are_left_out_with_a_word():
    study = make_study()
    mice = [add_mouse(study, f"M{number}") for number in range(4)]
    matrix = add_matrix(study, [add_library(mouse, "PFC") for mouse in mice], np.ones((5, 4), dtype=int))
    Exclusion.objects.create(study=study, mouse=mice[1], criterion="ill")
    mice[3].tissue_samples.update(exclusion_criterion="thawed")
    found = read_libraries(study, matrix, ["mouse__group"])
    assert list(found.frame.index) == ["M0-PFC", "M2-PFC"]
    assert found.notes == ("2 libraries (M1-PFC, M3-PFC) left out by exclusion; the study's exclusions say why.",)


def test_a_field_that_the_lab_has_defined_makes_groups_and_covariates():
    study = make_study()
    for resource, name, kind in (("mice", "coat_score", "number"), ("libraries", "bench", "text")):
        LabField.objects.create(resource=resource, name=name, label=name, kind=kind)
    libraries = [add_library(add_mouse(study, code), "PFC", code=f"L-{code}") for code in ("M1", "M2", "M3")]
    Mouse.objects.filter(code="M1").update(lab_values={"coat_score": 2})
    Mouse.objects.filter(code="M2").update(lab_values={"coat_score": 2.5})
    Library.objects.filter(study=study).update(lab_values={"bench": "left"})
    matrix = add_matrix(study, libraries, np.ones((3, 3), dtype=int))
    frame = read_libraries(study, matrix, ("mouse__coat_score", "library__bench")).frame
    assert frame["mouse__coat_score"].tolist()[:2] == [2.0, 2.5]
    assert frame["mouse__coat_score"].isna().tolist() == [False, False, True]
    assert frame["library__bench"].tolist() == ["left", "left", "left"]
    with pytest.raises(ValueError, match=r"lab_values is not a field of a mouse with one value; .*coat_score"):
        read_libraries(study, matrix, ("mouse__lab_values",))


def test_groups_of_whole_numbers_are_named_as_people_write_them():
    scores = pd.DataFrame({"mouse__coat_score": [2.0, 2.0, 3.0, 3.0, 2.5, 2.5, None]}, index=list("abcdefg"))
    question = Question(
        pk=1, name="3-2", group_by="mouse__coat_score", numerator=("3",), denominator=("2",), covariates=(), region=""
    )
    design = make_design(scores, "PFC", [question])
    assert design.refusals == []
    assert design.contrasts["3-2"].to_dict() == {"2": -1.0, "2.5": 0.0, "3": 1.0}
