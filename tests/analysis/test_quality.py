"""The task `quality`: from records with planted errors to findings, decisions that hold, and the page."""

import json

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from analysis.models import (
    AnalysisRun,
    Confounding,
    Contrast,
    LibraryQuality,
    QualityDecision,
    QualityFinding,
)
from analysis.quality_results import decide
from labdb.accounts.models import User
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Mouse, Study
from labdb.sequencing.expression_store import load_counts
from labdb.sequencing.models import CountMatrix, Library
from labdb.tissue.models import TissueSample
from tests.analysis.faulty_study import FEMALE, N_MICE, POOR, UNTESTED, make_faulty_study
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.test_tasks import carried_out, done
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_faulty_study()


def found_by(run: AnalysisRun) -> set[tuple[str, str, str]]:
    return set(run.qualityfindings.values_list("severity", "kind", "subject"))


def test_every_planted_error_is_found_with_its_records_and_nothing_else(study):
    run = done(study, "quality")
    assert found_by(run) == {
        ("error", "swapped_pair", "M3-NAc and M3-PFC"), ("error", "sex_of_mouse", FEMALE), ("error", "low_reads", POOR),
        ("error", "no_time_without_target", "M9 test 1"), ("warning", "confounded", "mouse__group and pool"),
        ("note", "low_rin", "E-M1-PFC"), ("note", "no_counts", "X1"),
    }  # fmt: skip
    by_kind = {
        one.kind: one
        for one in run.qualityfindings.select_related("mouse", "library", "other_library", "sample", "si_test")
    }
    swapped = by_kind["swapped_pair"]
    assert (swapped.library.code, swapped.other_library.code, swapped.sample.code) == (
        "M3-NAc",
        "M3-PFC",
        "T-M3-NAc-M3",
    )
    assert by_kind["sex_of_mouse"].mouse.code == FEMALE
    assert by_kind["no_time_without_target"].si_test == SocialInteractionTest.objects.get(mouse__code=UNTESTED)
    assert by_kind["low_rin"].sample.code == "T-M1-PFC-M1"
    numbers = LibraryQuality.objects.get(run=run, library__code=f"{FEMALE}-PFC")
    assert (numbers.sex_called, numbers.region_like, numbers.library_size) == ("F", "PFC", _reads(f"{FEMALE}-PFC"))
    assert LibraryQuality.objects.filter(run=run).count() == 2 * N_MICE


def _reads(code: str) -> int:
    return int(load_counts(CountMatrix.objects.get(), [Library.objects.get(code=code)]).to_numpy().sum())


def test_an_excluded_test_or_sample_is_no_longer_found(study):
    SocialInteractionTest.objects.filter(mouse__code=UNTESTED).update(exclusion_criterion="fell asleep")
    TissueSample.objects.filter(code=f"T-{POOR}-M7").update(exclusion_criterion="too few reads")
    assert not {"no_time_without_target", "low_reads"} & {
        kind for _s, kind, _subject in found_by(done(study, "quality"))
    }


def test_a_decision_holds_in_the_next_run_while_its_evidence_is_the_same(study):
    user = User.objects.create(username="boss", is_superuser=True)
    first = done(study, "quality")
    for subject in (POOR, FEMALE):
        decide(first.qualityfindings.get(subject=subject), user, "confirmed", "The core says so too.")
    client = signed_in()
    Mouse.objects.filter(code=FEMALE).update(sex="U")
    SocialInteractionTest.objects.filter(mouse__code=UNTESTED).update(iz_absent_s=5)
    second = done(
        study, "quality", outlier_z="7"
    )  # asked otherwise: the sex is not known, the poor library is as it was
    page = client.get(f"/analysis/runs/{second.pk}/").content.decode()
    assert second.same_as is None and page.count("The core says so too.") == 1
    Mouse.objects.filter(code=FEMALE).update(sex="M")
    Library.objects.filter(code=f"{FEMALE}-NAc").update(code="renamed")
    third = done(study, "quality")
    page = client.get(f"/analysis/runs/{third.pk}/").content.decode()
    assert "On other evidence" in page  # the same mouse, but not by the same libraries


def test_a_decision_needs_a_reason_and_is_never_changed(study):
    finding = done(study, "quality").qualityfindings.get(subject=POOR)
    for decision, reason, says in (("confirmed", " ", "Say why"), ("perhaps", "so", "perhaps is not a decision")):
        with pytest.raises(ValidationError, match=says):
            decide(finding, None, decision, reason)
    assert not QualityDecision.objects.exists()
    decide(finding, None, "not_an_error", "A small punch.")
    with pytest.raises(DatabaseError), transaction.atomic():
        QualityDecision.objects.update(reason="Another.")


def test_the_page_of_a_study_shows_what_is_current_and_takes_decisions(study):
    client = signed_in()
    empty = client.get("/studies/S1/quality/").content.decode()
    assert "Nobody has looked yet." in empty
    assert 'href="/studies/S1/quality/"' in client.get("/studies/S1/").content.decode()
    run = done(study, "quality")
    page = client.get("/studies/S1/quality/").content.decode()
    for said in (
        "<strong>4</strong> errors",
        "<strong>1</strong> warning",
        "5 still to be decided",
    ):
        assert said in page
    finding = run.qualityfindings.get(subject=POOR)
    sent = {"decision": "confirmed", "reason": "Hardly a read.", "next": "/studies/S1/quality/"}
    answer = client.post(f"/analysis/findings/{finding.pk}/decide/", sent)
    assert answer["Location"] == f"/studies/S1/quality/#finding-{finding.pk}"
    page = client.get("/studies/S1/quality/").content.decode()
    assert "it is so</strong>: Hardly a read." in page and "4 still to be decided" in page
    away = client.post(f"/analysis/findings/{finding.pk}/decide/", {**sent, "reason": "", "next": "https://elsewhere/"})
    assert away["Location"].startswith("/studies/S1/quality/") and QualityDecision.objects.count() == 1
    rest = client.get("/api/v1/quality-findings/?severity=error&fields=kind,subject,mouse").json()
    assert rest["count"] == 4 and {row["kind"] for row in rest["results"]} >= {"swapped_pair", "low_reads"}


def test_who_may_not_decide_is_told_so(study):
    finding = done(study, "quality").qualityfindings.first()
    client = signed_in("technician", study)
    assert "<summary>decide" not in client.get("/studies/S1/quality/").content.decode()
    assert (
        client.post(f"/analysis/findings/{finding.pk}/decide/", {"decision": "confirmed", "reason": "x"}).status_code
        == 403
    )
    assert signed_in("manager", make_study("S2"), name="other").get("/studies/S1/quality/").status_code == 404


def test_every_figure_is_drawn_as_a_page_part_and_as_a_file(study):
    run, client = done(study, "quality"), signed_in()
    for name in ("library-sizes", "pca-region", "pca-group", "sex-genes", "correlations"):
        part = client.get(f"/analysis/runs/{run.pk}/figures/{name}.html?region=NAc")
        assert part.status_code == 200 and b"n = " in part.content, name
        assert client.get(f"/analysis/runs/{run.pk}/figures/{name}.svg").content.startswith(b"<svg")
    heat_map = f"/analysis/runs/{run.pk}/figures/correlations.svg"
    assert client.get(heat_map).content == client.get(heat_map).content  # its gradient has no running number
    wrong = client.get(f"/analysis/runs/{run.pk}/figures/correlations.html?region=XYZ")
    assert (wrong.status_code, wrong.content.decode()) == (400, "XYZ is not a region of this run; there are: PFC, NAc.")


def test_a_confounded_contrast_is_warned_of_before_it_is_fitted_and_where_it_is_read(study):
    Contrast.objects.create(
        study=study, name="stress", group_by="mouse__group", numerator="defeated", denominator="control", covariates=""
    )
    done(study, "quality")
    assert {row.grouping for row in Confounding.objects.filter(is_confounded=True)} == {"mouse__group"}
    run = done(study, "differential_expression")
    says = "group is confounded with pool (V = 1.00, n = 12): these share no pool, so no model can part them: control | defeated."
    assert f"In NAc, {says}" in run.log
    assert f"In NAc, {says}" in signed_in().get(f"/analysis/runs/{run.pk}/?region=NAc").content.decode()


def test_while_a_study_is_blinded_no_row_says_which_mice_share_an_arm(study):
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    study.refresh_from_db()
    Contrast.objects.create(study=study, name="by arm", group_by="mouse__arm", numerator="arm A", denominator="arm B")
    done(study, "phenotype")
    groupings = set(done(study, "quality").confoundings.values_list("grouping", flat=True))
    assert groupings == {"mouse__phenotype"}


def test_without_counts_only_single_records_are_looked_at():
    study = make_study()
    add_test(add_mouse(study, "M1"), 0, 30)
    run = done(study, "quality")
    assert found_by(run) == {("error", "no_time_without_target", "M1 test 1")}
    assert "has no counts yet" in run.log
    assert signed_in().get("/studies/S1/quality/").status_code == 200


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"min_reads_share": "2"}, "2 is not a number from 0 to 1."),
        ({"n_variable_genes": "many"}, "many is not a whole number from 10 on."),
        ({"markers": "XXX: Drd1"}, "XXX is not a region with its markers"),
    ],
)
def test_a_wrong_limit_is_said_in_words(study, parameters, says):
    with pytest.raises(ValidationError) as refused:
        carried_out(study, "quality", **parameters)
    assert says in json.dumps(refused.value.message_dict)


def test_nothing_to_look_at_is_said_in_words():
    run = carried_out(make_study(), "quality")
    assert run.reason == "S1 has neither counts nor SI tests; import a count matrix, or enter tests."
    assert not QualityFinding.objects.exists()
