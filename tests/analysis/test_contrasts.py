"""Contrasts before a run: the standard set, what is estimable, and a formula of the analyst's own."""

import numpy as np
import pandas as pd
import pytest
from django.core.exceptions import ValidationError

from analysis.contrast_check import smallest_p
from analysis.models import Contrast, GeneResult, RunStatus
from labdb.colony.models import Mouse, Study
from labdb.sequencing.models import Library
from tests.analysis.small_study import add_library, add_matrix, add_mouse, make_study, make_treated_study, random_counts
from tests.analysis.test_tasks import add_contrast, carried_out, done, genes_of
from tests.analysis.treated_study import add_phenotypes, add_responses, signed_in
from tests.treatment.blinded_study import account, browser

pytestmark = pytest.mark.django_db

PAGE = "/studies/S1/contrasts/"


def words(answer) -> str:
    return " ".join(answer.content.decode().split())


def cells(answer, region: str = "PFC") -> dict[str, tuple]:
    """Of every contrast: mice on either side, and why not."""
    checked = answer.context["checked"]
    place = checked.regions.index(region)
    return {
        row.contrast.name: (row.cells[place].n_numerator, row.cells[place].n_denominator, row.cells[place].refusal)
        for row in checked.rows
    }


def test_the_page_adds_what_is_missing_of_the_standard_set_beside_contrasts_that_are_there():
    study = make_treated_study(n_genes=20)
    add_responses(study, add_phenotypes(study))
    add_contrast(study, "stress", "susceptible saline", "control", group_by="mouse__treatment_outcome")
    add_contrast(study, "susceptible - resilient", "M", "F", group_by="mouse__sex")
    client = signed_in("analyst", study)
    before = client.get(PAGE)
    assert before.context["n_proposed"] == 6  # of eight: one compares the same groups, one has the name
    assert cells(before)["resilient - control"] == (5, 5, "")
    assert "Propose the standard set (6 missing)" in words(before)
    assert "no library here has mouse__sex F; there are: M." in words(before)
    after = client.post(PAGE, follow=True)
    assert "Made: resilient - control, " in words(after)
    assert after.context["n_proposed"] == 0
    assert Contrast.objects.filter(study=study).count() == 8
    made = Contrast.objects.get(name="ketamine treated - control")
    assert (made.group_by, str(made.created_by)) == ("mouse__treatment", "tina")
    technician = signed_in("technician", study, "tom")
    assert "Propose the standard set" not in words(technician.get(PAGE))
    assert technician.post(PAGE).status_code == 403


def test_a_study_without_counts_says_what_contrasts_need():
    make_study()
    assert "S1 has no counts; import a count matrix." in words(signed_in().get(PAGE))


def faulty_study() -> Study:
    """Conditions a and b in both pools, c in a pool of its own, and one mouse alone."""
    study = make_study()
    conditions, pools = ["a"] * 4 + ["b"] * 4 + ["c"] * 4 + ["lone"], ["p1", "p2"] * 4 + ["p3"] * 4 + ["p1"]
    libraries = [
        add_library(add_mouse(study, f"m{number:02}"), "PFC", pool=pool, condition=condition)
        for number, (condition, pool) in enumerate(zip(conditions, pools, strict=True))
    ]
    add_matrix(study, libraries, random_counts(np.random.default_rng(3), 60, 13))
    Mouse.objects.filter(code__in=["m00", "m01", "m04", "m05"]).update(sex="F")
    return study


def test_what_cannot_be_estimated_is_said_before_the_run_as_the_run_would_say_it():
    study = faulty_study()
    add_contrast(study, "a - b", "a", "b")
    add_contrast(study, "a - c", "a", "c")
    add_contrast(study, "single", "a", "lone")
    add_contrast(study, "by formula", "library__condition[a] - library__condition[c]", "",
                 formula="~ 0 + library__condition + library__pool")  # fmt: skip
    add_contrast(study, "no coefficient", "library__condition[d]", "", formula="~ 0 + library__condition")
    answer = signed_in().get(PAGE)
    found = cells(answer)
    assert found["a - b"] == (4, 4, "")
    assert found["a - c"][2] == (
        "the design is not of full rank and cannot separate the groups: library__pool=p3 is confounded with c."
    )
    assert found["single"] == (4, 1, "lone has one mouse; a group needs 2 or more.")
    assert found["by formula"][2] == (
        "the design is not of full rank and cannot separate the groups: "
        "library__pool[p3] is confounded with library__condition[c]."
    )
    assert found["no coefficient"][2] == (
        "the design has no coefficient library__condition[d]; it has: library__condition[a], library__condition[b], "
        "library__condition[c]."
    )
    run = done(study, "differential_expression")
    assert set(run.generesults.values_list("contrast__name", flat=True)) == {"a - b"}
    for name in ("a - c", "by formula", "no coefficient", "single"):
        assert f"Refused. PFC, {name}: {found[name][2]}" in run.log


def test_groups_that_are_their_pools_or_leave_no_mouse_over_are_refused():
    study = make_study()
    libraries = [
        add_library(add_mouse(study, f"m{number}"), "PFC", pool=f"p{number // 2}", condition="ab"[number // 2])
        for number in range(4)
    ]
    add_matrix(study, libraries, random_counts(np.random.default_rng(3), 60, 4))
    add_contrast(study, "pool = group", "a", "b")
    add_contrast(study, "all spent", "a", "b", covariates="mouse__code")
    found = cells(signed_in().get(PAGE))
    assert "library__pool=p1 is confounded with b" in found["pool = group"][2]
    assert "not of full rank" in found["all spent"][2]
    run = carried_out(study, "differential_expression")
    assert run.status == RunStatus.FAILED
    assert run.reason.startswith("No contrast could be answered. PFC, ")


def test_a_formula_gives_the_numbers_of_the_groups_that_it_says_and_interactions():
    study = faulty_study()
    add_contrast(study, "groups", "a", "b", covariates="library__pool; mouse__sex")
    formula = "~ 0 + library__condition + library__pool + mouse__sex"
    add_contrast(study, "formula", "library__condition[a] - library__condition[b]", "", formula=formula)
    add_contrast(study, "two sides", "library__condition[a]", "library__condition[b]", formula=formula)
    crossed = "~ library__condition + mouse__sex + library__condition:mouse__sex"
    add_contrast(study, "interaction", "library__condition[b]:mouse__sex[M]", "", formula=crossed)
    run = done(study, "differential_expression")
    groups, by_formula, sides, crossing = (
        genes_of(run, name) for name in ("groups", "formula", "two sides", "interaction")
    )
    pd.testing.assert_frame_equal(groups, by_formula, rtol=1e-9)
    pd.testing.assert_frame_equal(by_formula, sides)
    assert (crossing["log2_fold_change"] - groups["log2_fold_change"]).abs().max() > 0.01
    assert "library__condition[c]:mouse__sex[M]" in run.log  # c has no female: its column is named


@pytest.mark.parametrize(
    ("fields", "where", "sentence"),
    [
        (
            {"formula": "~ 0 + library__condition * mouse__sex"},
            "formula",
            "character 7: library__condition * mouse__sex",
        ),
        ({"formula": "~ 0 + mouse__colour"}, "formula", "colour is not a field of a mouse"),
        ({"formula": "~ 0 + mouse__sex", "numerator": "2 a"}, "numerator", "character 1: 2 a is not understood"),
        ({"denominator": ""}, "denominator", "Nothing to compare a with; name a group, or write a formula"),
    ],
)
def test_a_contrast_that_cannot_be_read_is_refused_where_it_is_entered(fields, where, sentence):
    known = {"name": "x", "group_by": "library__condition", "numerator": "a", "denominator": "b", **fields}
    with pytest.raises(ValidationError) as refused:
        Contrast(study=make_study(), **known).full_clean()
    [said] = refused.value.message_dict[where]
    assert said.startswith(sentence) or sentence in said


def test_a_blinded_study_does_not_say_which_letter_is_in_which_pool():
    study = make_treated_study(n_per_group=4, n_genes=20)
    add_responses(study, add_phenotypes(study))
    Library.objects.filter(study=study, code__startswith="k").update(pool="POOL-K")
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    ann = browser(account("ann", role="analyst", study=study))
    assert "while the study is blinded, only its allocators propose it." in words(ann.get(PAGE))
    assert ann.post(PAGE).status_code == 403
    for arm in ("arm A", "arm B"):  # one of them is the vehicle
        add_contrast(study, arm, f"{arm} treated", "control", group_by="mouse__treatment")
    analyst = words(ann.get(PAGE))
    assert "POOL-K" not in analyst
    assert "which from which is said to the allocators" in analyst
    assert "POOL-K" in words(browser(account("al", role="allocator", study=study)).get(PAGE))


def test_constant_genes_do_not_stop_the_others():
    study = make_study()
    libraries = [
        add_library(add_mouse(study, f"m{number}"), "PFC", pool="p", condition="ab"[number % 2]) for number in range(8)
    ]
    counts = random_counts(np.random.default_rng(5), 60, 8)
    counts[:3], counts[3:6] = 0, 500
    add_matrix(study, libraries, counts)
    add_contrast(study, "a - b", "a", "b")
    run = done(study, "differential_expression")
    assert GeneResult.objects.filter(run=run).count() == 57  # without the three that have no read


def test_the_smallest_p_counts_the_ways_to_exchange_mice_within_pools():
    is_over = pd.Series([True, True, False, False, True, False])
    assert smallest_p(is_over, pd.Series([None] * 6)) == 1 / 20  # 6 over 3
    assert smallest_p(is_over, pd.Series(["p", "p", "p", "p", "q", "q"])) == 1 / 12  # 4 over 2, times 2 over 1
    assert smallest_p(pd.Series([True] * 12 + [False] * 12), pd.Series(["p"] * 24)) == 1 / 2000  # drawn at random
