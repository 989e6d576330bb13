"""The clock: which schedules are due, each taken up once, however many hosts look and whatever their clocks do.

`up` looks every few seconds (`take_up_due`); what is due becomes a message to the workers, who carry it out
(`labdb.desk.scheduled_work`). A schedule whose last time is still under way is left alone until that has ended; then
one time makes up for all that were missed.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from analysis.schedules import UNDER_WAY, Outcome, Schedule, ScheduledTask, ScheduleTurn

logger = logging.getLogger(__name__)

CARRY_OUT = "labdb.desk.scheduled_work.carry_out"  # the function a worker calls
SILENCE_S = 600  # beyond the longest time of a task: then its worker is dead
TURNS_KEPT = 300  # of each schedule


def take_up_due(now: datetime | None = None) -> list[ScheduleTurn]:
    """Queue every schedule that is due, and return what was queued."""
    now = now or timezone.now()
    taken = []
    for pk in Schedule.objects.filter(is_on=True).values_list("pk", flat=True):
        try:
            with transaction.atomic():
                turn = _take_up(pk, now)
        except ValueError:  # a line that no form let pass; the others are not to wait for it
            logger.exception("schedule %s cannot be read", pk)
            continue
        if turn is not None:
            taken.append(turn)
    return taken


def _take_up(pk: int, now: datetime) -> ScheduleTurn | None:
    waiting = Schedule.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=pk, is_on=True)
    schedule = waiting.first()  # none: another host looks at it
    if schedule is None or _is_under_way(schedule, now):
        return None
    due_at, n_missed = schedule.due(now)
    return None if due_at is None else queue_turn(schedule, due_at, n_missed)


def queue_turn(schedule: Schedule, due_at: datetime, n_missed: int = 0) -> ScheduleTurn:
    """Queue a schedule once; call it inside a transaction."""
    turn = ScheduleTurn.objects.create(schedule=schedule, due_at=due_at, n_missed=n_missed)
    async_task(
        CARRY_OUT, turn.pk, task_name=f"schedule {schedule.pk}, {due_at:%Y-%m-%dT%H:%M}", group="schedules",
        cluster=settings.LONG_QUEUE if schedule.task == ScheduledTask.BACKUP else settings.SHORT_QUEUE,
    )  # fmt: skip
    kept = schedule.turns.order_by("-pk").values_list("pk", flat=True)[TURNS_KEPT:]
    ScheduleTurn.objects.filter(pk__in=list(kept)).delete()
    return turn


def _is_under_way(schedule: Schedule, now: datetime) -> bool:
    """Whether a time of the schedule waits or is worked at; one that nobody will end is ended here."""
    patience = timedelta(seconds=settings.ANALYSIS_TIMEOUT_S + SILENCE_S)
    for turn in schedule.turns.filter(outcome__in=UNDER_WAY):
        if turn.outcome == Outcome.WORKING and turn.began_at is not None and _is_far(turn.began_at, now, patience):
            _lose(turn, "Its worker died, or was stopped, before it had ended; the next time tries it again.")
        elif (
            turn.outcome == Outcome.WAITING
            and _is_far(turn.made_at, now, patience)
            and turn.pk not in _queued_ids(now + patience)
        ):
            _lose(turn, "Its message to the workers was lost; the next time tries it again.")
        else:
            return True
    return False


def _is_far(at: datetime, now: datetime, patience: timedelta) -> bool:
    """Whether an instant is long past, or so far ahead that the clock was set back since."""
    return abs(now - at) > patience


def _lose(turn: ScheduleTurn, said: str) -> None:
    mine = ScheduleTurn.objects.filter(pk=turn.pk, outcome=turn.outcome)
    mine.update(outcome=Outcome.FAILED, said=said, ended_at=timezone.now())


def _queued_ids(until: datetime) -> set[int]:
    """Return the turns with a message that a worker may take until then; one put in while the clock was ahead may not."""
    messages = OrmQ.objects.filter(lock__lte=until)
    return {message.args()[0] for message in messages if message.task.get("func") == CARRY_OUT}
