"""One look at a study reads once what several runs share, and every run keeps its own answer."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analysis import staleness
from analysis.changed_records import History
from analysis.checked_inputs import CheckedInputs
from analysis.models import AnalysisRun
from analysis.provenance import inputs_now
from analysis.shared_reading import shared, shared_reading
from analysis.stale_reasons import own_reasons
from analysis.staleness import BY_NAME, stale_runs
from labdb.accounts.models import User
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Mouse, Study
from tests.analysis.small_study import make_treated_study
from tests.analysis.test_staleness import analyzed, carried_out

pytestmark = pytest.mark.django_db


@pytest.fixture
def read_anew(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks whose inputs are read anew."""
    tasks: list[str] = []

    def counted(task, *args, **kwargs):
        tasks.append(task.name)
        return inputs_now(task, *args, **kwargs)

    monkeypatch.setattr(staleness, "inputs_now", counted)
    return tasks


def retest(mouse: str, present_s: float) -> None:
    SocialInteractionTest.objects.filter(mouse__code=mouse, test_number=2).update(iz_present_s=present_s)


def test_a_change_of_fields_that_nobody_reads_has_nothing_read_anew(
    read_anew: list[str], django_assert_max_num_queries
):
    study, _made = analyzed()
    stale_runs(study)
    read_anew.clear()
    Mouse.objects.update(death_reason="end of the study")
    SocialInteractionTest.objects.update(lux=12)
    assert stale_runs(study) == {} and read_anew == []
    with django_assert_max_num_queries(5):  # and the changes have been looked through once and for all
        assert stale_runs(study) == {}
    retest("k1", 27)
    assert stale_runs(study) and set(read_anew) == {"phenotype", "response", "quality", "reversal"}


def test_a_change_in_another_study_has_nothing_read_anew(read_anew: list[str]):
    study, _made = analyzed()
    other = make_treated_study(n_per_group=2, n_genes=20, code="S2")
    stale_runs(study)
    read_anew.clear()
    Mouse.objects.filter(study=other).update(group="control")
    assert stale_runs(study) == {} and read_anew == []


def test_a_value_that_came_back_is_read_anew_whatever_was_remembered_between():
    study, _made = analyzed()
    stale_runs(study)
    before = dict(CheckedInputs.objects.values_list("pk", "watermark"))
    retest("k1", 27)
    assert stale_runs(study)
    for key, watermark in before.items():  # what a look remembers that read a change after it took its mark
        CheckedInputs.objects.filter(pk=key).update(watermark=watermark)
    retest("k1", 26)
    assert stale_runs(study) == {}


def test_runs_with_different_watermarks_have_reasons_of_their_own():
    study, made = analyzed()
    boss = User.objects.create(username="boss", is_superuser=True)
    retest("k1", 27)
    retest("k2", 28)
    later = carried_out(study, "response")
    retest("k1", 31)
    retest("s0", 24)
    found = stale_runs(study)
    both = [found[made["response"].pk], found[later.pk]]
    reasons = own_reasons(both, boss)
    assert said(reasons[made["response"].pk]) == {"k1 26 → 31", "k2 80 → 28", "s0 26 → 24"}
    assert said(reasons[later.pk]) == {"k1 27 → 31", "s0 26 → 24"}
    for one in both:  # the same, whoever is looked at beside it
        assert own_reasons([one], boss)[one.run.pk] == reasons[one.run.pk]
    retest("s0", 26)
    found = stale_runs(study)
    assert said(own_reasons(list(found.values()), boss)[later.pk]) == {"k1 27 → 31"}  # s0 is as it was


def said(reasons) -> set[str]:
    """Return which mouse, and from what to what."""
    return {
        f"{sentence.split()[0]} {sentence.partition('iz_present_s ')[2].rstrip('.')}"
        for sentence in (reason.sentence for reason in reasons)
    }


def test_the_history_is_read_as_often_for_many_runs_as_for_one():
    study, made = analyzed()
    boss = User.objects.create(username="boss", is_superuser=True)
    for seed in (1, 2):
        carried_out(study, "reversal", seed=seed, n_random=19)
    retest("k1", 27)
    found = stale_runs(study)
    reversals = [one for one in found.values() if one.run.task == "reversal"]
    assert len(reversals) == 3
    asked = []
    for some in ([found[made["reversal"].pk]], reversals):
        with CaptureQueriesContext(connection) as queries:
            own_reasons(some, boss)
        asked.append(len(queries))
    assert asked[0] == asked[1]
    history = History(study, reversals)
    assert {len(list(history.changes(one.run))) for one in reversals} == {1}


@pytest.mark.parametrize("is_blinded", [False, True])
def test_what_a_look_shares_is_what_each_task_reads_alone(is_blinded: bool):
    study, _made = analyzed()
    runs = list(AnalysisRun.objects.filter(study=study).order_by("pk"))
    alone = [_inputs(study, run, is_blinded) for run in runs]
    with CaptureQueriesContext(connection) as asked_alone:
        assert [_inputs(study, run, is_blinded) for run in runs] == alone
    with CaptureQueriesContext(connection) as asked, shared_reading():
        together = [_inputs(study, run, is_blinded) for run in runs]
        other_way = [_inputs(study, run, not is_blinded) for run in runs]
        again = [_inputs(study, run, is_blinded) for run in reversed(runs)]
    assert together == again[::-1] == alone
    assert other_way == [_inputs(study, run, not is_blinded) for run in runs]
    assert other_way != alone  # letters and names are told apart
    assert len(asked) < 2 * len(asked_alone)  # three times as much was asked


def _inputs(study: Study, run: AnalysisRun, is_blinded: bool):
    return inputs_now(BY_NAME[run.task], study, run.parameters, was_blinded=is_blinded)


def test_nothing_is_kept_after_a_look():
    asked = []

    @shared
    def reading(word: str) -> int:
        asked.append(word)
        return len(asked)

    assert [reading("a"), reading("a")] == [1, 2]
    with shared_reading():
        assert [reading("a"), reading("a"), reading("b")] == [3, 3, 4]
    with shared_reading():
        assert reading("a") == 5
    assert reading("a") == 6
