"""SI tests are held against each other; those that do not count or are excluded are not analyzed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from analysis import runs
from analysis.models import AnalysisRun, PhenotypeCall, RunStatus
from analysis.tasks.si_tests import read_si_tests
from labdb.accounts.models import User
from labdb.behavior.models import Arena, PhenotypeRule, SocialInteractionTest
from labdb.colony.models import Exclusion, Mouse, Study
from labdb.defeat.models import Aggressor, DefeatBout
from labdb.registry.forms import complete, form_for
from labdb.registry.record import record_for
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.registry.looking import said, warned

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_study()


@pytest.fixture
def mice(study: Study) -> list[Mouse]:
    return [add_mouse(study, code) for code in ("M1", "M2", "M3")]


@pytest.fixture
def arena() -> Arena:
    return Arena.objects.create(name="box 1")


def si_test(mouse: Mouse, at: str = "10:00", **fields: Any) -> SocialInteractionTest:
    hour, minute = map(int, at.split(":"))
    test_at = datetime(2025, 6, 1, hour, minute, tzinfo=UTC)
    return SocialInteractionTest(
        study=mouse.study, mouse=mouse, test_at=test_at, iz_absent_s=60, iz_present_s=30, **fields
    )


def test_a_test_inside_that_of_another_mouse_in_the_arena_is_refused(mice: list[Mouse], arena: Arena):
    si_test(mice[0], arena=arena, gap_between_trials_min=1).save()  # 150 s + 60 s + 150 s: until 10:06
    assert said([si_test(mice[1], "10:06", arena=arena), si_test(mice[2], "10:01")]) == []
    assert said([si_test(mice[1], "10:05", arena=arena)]) == [
        (
            0,
            "test_at",
            "Arena box 1 held M1 from 2025-06-01 10:00 to 2025-06-01 10:06; correct the time or the arena.",
        )
    ]
    assert len(said([si_test(mice[1], "9:56", arena=arena)])) == 1  # 300 s: until 10:01


def test_the_same_arena_twice_in_a_sheet_is_refused_at_the_later_row(mice: list[Mouse], arena: Arena):
    rows = [si_test(mice[0], "10:02", arena=arena), si_test(mice[1], "10:00", arena=arena)]
    (found,) = said(rows)
    assert found[0] == 1
    assert "held M1 from 2025-06-01 10:02" in found[2]


def test_two_scorings_of_one_test_share_its_time_but_only_one_counts(mice: list[Mouse], arena: Arena):
    si_test(mice[0], arena=arena).save()
    second = si_test(mice[0], arena=arena, scoring_number=2, counts=False)
    assert said([second]) == []
    second.counts = True
    assert said([second]) == [
        (0, "counts", "Scoring 1 of SI test 1 of M1 counts already; enter no for one of the two.")
    ]
    third = si_test(mice[1], scoring_number=1), si_test(mice[1], scoring_number=2)
    assert [found[:2] for found in said(third)] == [(1, "counts")]


def test_a_target_that_the_mouse_met_is_a_warning(study: Study, mice: list[Mouse]):
    known, stranger = Aggressor.objects.create(code="2A"), Aggressor.objects.create(code="2B")
    DefeatBout.objects.create(study=study, mouse=mice[0], day=4, aggressor=known)
    rows = [si_test(mice[0], target=known), si_test(mice[1], target=known), si_test(mice[2], target=stranger)]
    assert warned(rows) == [(0, "target", "M1 met 2A in the bout of day 4; a target should be unfamiliar.")]


def carried_out(study: Study) -> AnalysisRun:
    run = runs.request_run("phenotype", study, {}, queue=False)
    runs.execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.DONE, run.reason
    return run


def test_analyses_leave_out_excluded_mice_and_tests_and_scorings_that_do_not_count(study: Study, mice: list[Mouse]):
    kept, fell, ill = mice
    add_test(kept, 60, 30)
    SocialInteractionTest.objects.filter(pk=add_test(fell, 60, 30).pk).update(exclusion_criterion="fell")
    add_test(ill, 60, 30)
    Exclusion.objects.create(study=study, mouse=ill, criterion="ill")
    Exclusion.objects.create(study=study, mouse=ill, criterion="lost mass")
    SocialInteractionTest.objects.create(
        study=study, mouse=kept, scoring_number=2, counts=False, iz_absent_s=60, iz_present_s=90
    )
    assert read_si_tests(study, 1)["iz_present_s"].to_dict() == {kept.pk: 30}
    run = carried_out(study)
    assert [call.mouse for call in PhenotypeCall.objects.filter(run=run)] == [kept]
    assert "2 SI tests with number 1 left out by exclusion" in run.log


def test_a_study_whose_tests_are_all_excluded_says_so(study: Study, mice: list[Mouse]):
    add_test(mice[0], 60, 30)
    Exclusion.objects.create(study=study, mouse=mice[0], criterion="ill")
    run = runs.request_run("phenotype", study, {}, queue=False)
    runs.execute(run.pk)
    run.refresh_from_db()
    assert "1 SI test with number 1 left out by exclusion" in run.reason


def test_a_rule_that_results_rest_on_keeps_its_values_but_takes_notes(study: Study, mice: list[Mouse]):
    add_test(mice[0], 60, 30)
    carried_out(study)
    rule = PhenotypeRule.objects.get(name="Ratio below 1")
    user = User.objects.create(username="tina", is_superuser=True)

    def errors_of(**changes: str) -> dict[str, list[str]]:
        record = record_for(PhenotypeRule)
        form = form_for(record)(complete(changes, record, rule), user=user, instance=rule)
        found = {name: list(sentences) for name, sentences in form.errors.items()}
        rule.refresh_from_db()
        return found

    sentence = "The rule Ratio below 1 made 1 phenotype call; enter a new rule under another name."
    assert errors_of(cutoff="0.9") == {"name": [sentence]}
    assert errors_of(name="ours") == {"name": [sentence]}
    assert errors_of(notes="As in the protocol.") == {}
    assert "cutoff" in errors_of(cutoff="0")
