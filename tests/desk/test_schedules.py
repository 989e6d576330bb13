"""What runs by the clock: taken up once, carried out, and every end of it in a sentence."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ

from analysis import runs
from analysis.current import current_run
from analysis.models import AnalysisRun, RunStatus
from analysis.schedules import Outcome, Schedule, ScheduleTurn
from labdb.archive import ArchiveError, opened_archive
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Study
from labdb.desk import scheduled_work
from labdb.desk.scheduled_work import carry_out
from labdb.desk.scheduling import CARRY_OUT, TURNS_KEPT, queue_turn, take_up_due
from labdb.registry.deletion import StillNeeded, delete_unneeded
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.treated_study import signed_in

NIGHT = datetime(2031, 5, 5, 3, 0, tzinfo=UTC)  # all of it after the rows of the test were written
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def no_defaults(db: None, settings: Any) -> None:
    settings.TIME_ZONE = "UTC"
    Schedule.objects.all().delete()


def _schedule(task: str = "sweep", cron: str = "0 3 * * *", **more: Any) -> Schedule:
    schedule = Schedule.objects.create(name=more.pop("name", task), task=task, cron=cron, **more)
    ScheduleTurn.objects.create(schedule=schedule, due_at=NIGHT - 3 * HOUR, outcome=Outcome.DONE)
    return schedule


def _carried_out(schedule: Schedule) -> ScheduleTurn:
    turn = queue_turn(schedule, timezone.now())
    carry_out(turn.pk)
    turn.refresh_from_db()
    return turn


def _messages() -> list[int]:
    return [message.args()[0] for message in OrmQ.objects.order_by("pk") if message.task["func"] == CARRY_OUT]


def test_a_schedule_is_taken_up_when_it_is_due_and_once() -> None:
    _schedule()
    _schedule(name="paused", is_on=False)
    assert take_up_due(NIGHT - timedelta(seconds=1)) == []
    [turn] = take_up_due(NIGHT)
    assert (turn.due_at, turn.n_missed) == (NIGHT, 0)
    assert _messages() == [turn.pk]
    assert take_up_due(NIGHT + HOUR) == []
    carry_out(turn.pk)
    carry_out(turn.pk)  # delivered again
    turn.refresh_from_db()
    assert (turn.outcome, turn.said) == (Outcome.SKIPPED, "No run was lost.")
    assert take_up_due(NIGHT + HOUR) == []


def test_of_a_hundred_missed_nights_one_is_made_up_for_and_says_so() -> None:
    schedule = _schedule()
    [turn] = take_up_due(NIGHT + 100 * DAY + HOUR)
    assert (turn.due_at, turn.n_missed) == (NIGHT + 100 * DAY, 100)
    carry_out(turn.pk)
    turn.refresh_from_db()
    assert turn.said == "No run was lost. It makes up for 100 times before it that nobody took up."
    assert schedule.next_times(NIGHT + 100 * DAY + HOUR) == [NIGHT + 101 * DAY]


def test_a_clock_put_back_takes_nothing_up_twice_and_one_that_was_wrong_by_years_stops_nothing() -> None:
    _schedule(cron="0 * * * *")
    [turn] = take_up_due(NIGHT)
    carry_out(turn.pk)
    assert take_up_due(NIGHT - timedelta(minutes=50)) == []  # put back by less than an hour
    assert take_up_due(NIGHT + timedelta(minutes=10)) == []  # and there again
    [turn] = take_up_due(NIGHT + 2000 * DAY)  # the clock jumps ahead
    carry_out(turn.pk)
    [turn] = take_up_due(NIGHT + HOUR)  # and is set right
    assert turn.due_at == NIGHT + HOUR


def test_what_is_missed_while_it_is_off_is_not_made_up_for() -> None:
    schedule = _schedule()
    Schedule.objects.filter(pk=schedule.pk).update(is_on=False)
    assert take_up_due(NIGHT + 10 * DAY) == []
    Schedule.objects.filter(pk=schedule.pk).update(is_on=True)  # a change: its times count from then on
    schedule.refresh_from_db()
    ScheduleTurn.objects.all().delete()
    now = schedule.modified_at + timedelta(seconds=1)
    assert take_up_due(now) == []
    [at] = schedule.next_times(now)
    assert now < at <= now + DAY


def test_a_time_under_way_is_not_doubled_and_a_dead_one_is_given_up(settings: Any) -> None:
    schedule = _schedule()
    [turn] = take_up_due(NIGHT)
    limit = timedelta(seconds=settings.ANALYSIS_TIMEOUT_S + 601)
    assert take_up_due(NIGHT + DAY) == []  # it waits for a worker, and its message is there
    ScheduleTurn.objects.filter(pk=turn.pk).update(outcome=Outcome.WORKING, began_at=NIGHT + DAY)
    assert take_up_due(NIGHT + DAY + limit - timedelta(seconds=2)) == []
    [following] = take_up_due(NIGHT + 2 * DAY)
    turn.refresh_from_db()
    assert (turn.outcome, following.n_missed) == (Outcome.FAILED, 1)
    assert turn.said == "Its worker died, or was stopped, before it had ended; the next time tries it again."
    OrmQ.objects.all().delete()
    [_last] = take_up_due(NIGHT + 3 * DAY)
    following.refresh_from_db()
    assert following.said == "Its message to the workers was lost; the next time tries it again."
    ScheduleTurn.objects.bulk_create(
        ScheduleTurn(schedule=schedule, due_at=NIGHT - n * DAY, outcome=Outcome.DONE) for n in range(2, TURNS_KEPT + 5)
    )
    queue_turn(schedule, NIGHT + 9 * DAY)
    assert schedule.turns.count() == TURNS_KEPT


def test_new_si_tests_are_classified_in_the_name_of_the_schedule() -> None:
    schedule = _schedule("classify")
    study, closed = make_study("S1"), make_study("S2")
    make_study("S3")
    for one in (study, closed):
        add_test(add_mouse(one, "M1", "control"), 50, 60)
        add_test(add_mouse(one, "M2"), 50, 20)
    Study.objects.filter(pk=closed.pk).update(state="closed")
    turn = _carried_out(schedule)
    [run] = turn.runs.all()
    assert (turn.outcome, turn.said) == (Outcome.DONE, f"S1: run {run.pk} asked for. S3: nothing new.")
    assert (run.study, run.task, run.schedule, run.requested_by) == (study, "phenotype", schedule, None)
    add_test(add_mouse(study, "M3"), 50, 20)
    assert _carried_out(schedule).said.startswith(f"S1: run {run.pk} is under way.")
    runs.execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.DONE
    turn = _carried_out(schedule)
    assert (turn.outcome, turn.said) == (Outcome.SKIPPED, "S1: nothing new. S3: nothing new.")
    SocialInteractionTest.objects.filter(mouse__code="M3").update(notes="scored anew")  # later than the run began
    assert _carried_out(schedule).runs.count() == 1
    with pytest.raises(StillNeeded, match=r"2 runs were asked for by it, and say so; switch it off instead\."):
        delete_unneeded(schedule, None)


def test_what_is_stale_is_refreshed_and_nothing_else() -> None:
    schedule = _schedule("refresh")
    study = make_study()
    add_test(add_mouse(study, "M1", "control"), 50, 60)
    test = add_test(add_mouse(study, "M2"), 50, 20)
    runs.execute(runs.request_run("phenotype", study).pk)
    assert _carried_out(schedule).said == "S1: nothing is stale."
    SocialInteractionTest.objects.filter(pk=test.pk).update(iz_present_s=90)
    turn = _carried_out(schedule)
    [run] = turn.runs.all()
    assert (run.task, run.schedule, turn.said) == ("bring_up_to_date", schedule, f"S1: run {run.pk} asked for.")
    assert _carried_out(schedule).said == f"S1: run {run.pk} is under way."
    runs.execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.DONE, run.reason
    assert _carried_out(schedule).said == "S1: nothing is stale."
    current = current_run(study, "phenotype")
    assert current is not None
    assert current.phenotypecalls.get(mouse__code="M2").si_ratio == 1.8  # 90 / 50


def test_a_schedule_of_a_closed_study_says_so_and_fails_nothing() -> None:
    study = make_study()
    schedule = _schedule("quality", only_study=study)
    assert _carried_out(schedule).said == "S1 has neither counts nor SI tests; import a count matrix, or enter tests."
    Study.objects.filter(pk=study.pk).update(state="closed")
    turn = _carried_out(schedule)
    assert turn.outcome == Outcome.SKIPPED
    assert turn.said == "Study S1 is closed: nothing is computed in it. Open it, or switch the schedule off."


def test_lost_runs_are_swept_and_what_breaks_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.request_run("phenotype", make_study(), queue=False)
    beat = timezone.now() - timedelta(seconds=700)
    AnalysisRun.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING, attempt=1, heartbeat_at=beat)
    schedule = _schedule(parameters="older_than_s=900")
    assert _carried_out(schedule).outcome == Outcome.SKIPPED
    schedule.parameters = "older_than_s=600"
    schedule.save()
    turn = _carried_out(schedule)
    assert (turn.outcome, turn.said) == (Outcome.DONE, f"run {run.pk} (phenotype) was lost and is queued again.")

    def fail(_schedule: Schedule) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setitem(scheduled_work.WORK, "sweep", fail)
    turn = _carried_out(schedule)
    assert (turn.outcome, turn.said) == (Outcome.FAILED, "RuntimeError: a fault")


@pytest.mark.django_db(transaction=True)
def test_a_backup_is_read_back_and_the_old_ones_are_cleared_away(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BACKUP_DIR = str(folder := tmp_path / "kept")
    folder.mkdir()
    (folder / "labdb-2026-01-01-030000.labdb").write_text("old")
    (folder / "labdb-2026-01-02-030000.labdb").write_text("newer")
    (folder / "mine.labdb").write_text("not of the clock")
    schedule = _schedule("backup", parameters="keep=2")
    with transaction.atomic():
        turn = queue_turn(schedule, NIGHT)
    carry_out(turn.pk)
    turn.refresh_from_db()
    assert turn.outcome == Outcome.DONE, turn.said
    assert turn.said.endswith("rows, read back and whole. 1 older one cleared away.")
    own, *others = sorted(path.name for path in folder.iterdir() if path.suffix == ".labdb")
    assert (own, others[-1], len(others)) == ("labdb-2026-01-02-030000.labdb", "mine.labdb", 2)
    with opened_archive(folder / others[0], tmp_path) as (_unpacked, manifest):
        assert manifest["tables"]["analysis_schedule"] == 1

    def broken(_source: Path, _scratch: Path) -> None:
        raise ArchiveError("it is not a whole labdb backup")

    monkeypatch.setattr("labdb.desk.backups.verify_archive", broken)
    with transaction.atomic():
        turn = queue_turn(schedule, NIGHT + DAY)
    carry_out(turn.pk)
    turn.refresh_from_db()
    assert (turn.outcome, turn.said) == (Outcome.FAILED, "it is not a whole labdb backup")


def test_a_lab_starts_with_its_schedules_and_those_it_deleted_do_not_come_back() -> None:
    names = set(Schedule.events.rel.related_model.objects.values_list("name", flat=True))
    assert names == {
        "Classify new SI tests",
        "Nightly backup",
        "Refresh stale results",
        "Sweep of lost runs",
        "Weekly quality",
    }
    call_command("load_fixtures", verbosity=0)
    assert not Schedule.objects.exists()


def test_a_time_begun_while_the_clock_was_years_ahead_does_not_stop_its_schedule(settings: Any) -> None:
    schedule = _schedule()
    [turn] = take_up_due(NIGHT)
    ahead = NIGHT + 2000 * DAY
    ScheduleTurn.objects.filter(pk=turn.pk).update(outcome=Outcome.WORKING, began_at=ahead)
    [following] = take_up_due(NIGHT + DAY)
    turn.refresh_from_db()
    assert turn.said == "Its worker died, or was stopped, before it had ended; the next time tries it again."
    OrmQ.objects.update(lock=ahead)  # a message that was put in by that clock reaches nobody for years
    ScheduleTurn.objects.filter(pk=following.pk).update(made_at=ahead)
    [_last] = take_up_due(NIGHT + 2 * DAY)
    following.refresh_from_db()
    assert following.said == "Its message to the workers was lost; the next time tries it again."
    assert schedule.turns.filter(outcome=Outcome.WAITING).count() == 1


WRONG = [
    ({"cron": "0 24 * * *"}, "cron", "24 is not an hour; enter a number"),
    ({"parameters": "test_number=0"}, "parameters", "test_number is 0; enter a whole number from 1 to 99"),
    ({"task": "backup", "parameters": "keep=1e3"}, "parameters", "keep is 1e3; enter a whole number from 1 to 366"),
    ({"only_study": "S2"}, "only_study", "Study S2 is closed: nothing is computed in it. Open it, or leave the"),
    ({"only_study": "S9"}, "only_study", "S9"),
]


@pytest.mark.parametrize(("given", "field", "says"), WRONG)
def test_a_wrong_schedule_is_refused_in_words_by_page_rest_and_command(
    given: dict[str, str], field: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    make_study("S1")
    Study.objects.filter(pk=make_study("S2").pk).update(state="closed")
    row = {"name": "Mine", "task": "classify", "cron": "0 3 * * *", "is_on": "true", **given}
    boss = signed_in(name="boss")
    page = boss.post("/records/schedules/add/", row)
    assert page.status_code in (200, 400)
    assert says in page.content.decode()
    answer = boss.post("/api/v1/schedules/", row, content_type="application/json")
    assert answer.status_code == 400
    assert says in answer.json()[field][0]
    (tmp_path / "rows.csv").write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    with pytest.raises(SystemExit):
        call_command("import_records", "schedules", str(tmp_path / "rows.csv"))
    assert says in capsys.readouterr().err
    assert not Schedule.objects.exists()


def test_a_schedule_of_a_study_that_was_closed_since_is_paused_and_goes_on_when_it_is_open() -> None:
    study = make_study()
    schedule = _schedule("quality", only_study=study)
    boss = signed_in(name="boss")

    def switched(on: str) -> str:
        return boss.post(f"/schedules/{schedule.pk}/switch/", {"on": on}, follow=True).content.decode()

    Study.objects.filter(pk=study.pk).update(state="closed")
    assert "quality pauses." in switched("0")
    assert "Study S1 is closed: nothing is computed in it. Open it, or leave the schedule off." in switched("1")
    schedule.refresh_from_db()
    assert not schedule.is_on
    Study.objects.filter(pk=study.pk).update(state="open")
    assert "quality goes on." in switched("1")
