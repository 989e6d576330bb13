"""What runs by the clock: schedules, as people enter them, and each time that one came due with what came of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from analysis.cron import cron_error, latest_due, next_times
from labdb.colony.models import Study
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord
from labdb.registry.rules import RowRule, one_per

WRONG_CLOCK = timedelta(days=1)  # a time further ahead was written while the clock was wrong


class ScheduledTask(models.TextChoices):
    """What a schedule can do."""

    CLASSIFY = "classify", "classify new SI tests"
    REFRESH = "refresh", "refresh stale results"
    QUALITY = "quality", "check the quality"
    BACKUP = "backup", "back up and verify"
    SWEEP = "sweep", "take up lost runs"


OF_STUDIES = (ScheduledTask.CLASSIFY, ScheduledTask.REFRESH, ScheduledTask.QUALITY)
# What may be set for a task: name -> (least, most, as usual).
PARAMETERS: Mapping[str, Mapping[str, tuple[int, int, int]]] = {
    ScheduledTask.CLASSIFY: {"test_number": (1, 99, 1)},
    ScheduledTask.BACKUP: {"keep": (1, 366, 7)},
    ScheduledTask.SWEEP: {"older_than_s": (60, 86_400, 300)},
}


def numbers_of(task: str, text: str) -> dict[str, int]:
    """Return what is set for a task, all of it: as entered (``keep=14``), else as usual.

    Raises
    ------
    ValidationError
        A sentence for each part that is no parameter of the task, or out of its range.
    """
    known = PARAMETERS.get(task, {})
    numbers = {name: usual for name, (_least, _most, usual) in known.items()}
    wrong = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, _equals, value = (piece.strip() for piece in part.partition("="))
        if name not in known:
            offered = ", ".join(f"{one}={usual}" for one, (_least, _most, usual) in known.items())
            wrong.append(
                f"{part} is nothing that can be set here; {f'enter {offered}' if offered else 'leave it empty'}."
            )
            continue
        least, most, _usual = known[name]
        if not (value.isascii() and value.isdecimal() and len(value) < 10 and least <= int(value) <= most):
            wrong.append(
                f"{name} is {value or 'empty'}; enter a whole number from {least} to {most}, such as {part_of(known, name)}."
            )
            continue
        numbers[name] = int(value)
    if wrong:
        raise ValidationError({"parameters": wrong})
    return numbers


def part_of(known: Mapping[str, tuple[int, int, int]], name: str) -> str:
    """Return a parameter with its usual value, as it is entered."""
    return f"{name}={known[name][2]}"


@tracked
class Schedule(LabRecord):
    """What labdb does by itself, and when."""

    key_field: ClassVar[str] = "name"
    optional_study: ClassVar[str] = "only_study"

    name = models.CharField(max_length=80)
    task = models.CharField("what is done", max_length=8, choices=ScheduledTask)
    cron = models.CharField(
        "when", max_length=100,
        help_text="Minute, hour, day of the month, month, day of the week, by the laboratory's clock: 0 3 * * * is every day at 03:00, */15 8-18 * * mon-fri every quarter of an hour of a working day.",
    )  # fmt: skip
    only_study = models.ForeignKey(
        Study, null=True, blank=True, on_delete=models.PROTECT, related_name="schedules",
        help_text="Empty: every open study.",
    )  # fmt: skip
    parameters = models.CharField(
        max_length=200, blank=True,
        help_text="What differs from the usual, as keep=14 (backups that are kept), test_number=2 (SI tests), older_than_s=600 (silence of a lost run, s).",
    )  # fmt: skip
    is_on = models.BooleanField(
        "on", default=True, help_text="Off: it pauses; what is missed meanwhile is not made up for."
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            one_per("name", name="schedule_name_once", field="name",
                    sentence="{value} is already a schedule; choose another name or edit that one."),
            RowRule(condition=Q(task__in=ScheduledTask.values), name="schedule_task_known", field="task",
                    sentence="{value} is nothing that labdb does by the clock."),
            RowRule(condition=Q(only_study=None) | Q(task__in=OF_STUDIES), name="schedule_study_where_it_counts",
                    field="only_study", sentence="Of the whole database, not of one study; leave the study empty."),
        ]  # fmt: skip

    def clean(self) -> None:
        """Refuse a line that is none, parameters that the task has not, and to go on in a study that is closed."""
        super().clean()
        errors: dict[str, Any] = {}
        if self.cron and (wrong := cron_error(self.cron)):
            errors["cron"] = wrong
        try:
            numbers_of(self.task, self.parameters)
        except ValidationError as error:
            errors |= error.message_dict
        if self.is_on and self.only_study is not None and self.only_study.state == "closed":
            errors["only_study"] = (
                f"Study {self.only_study} is closed: nothing is computed in it. Open it, or leave the schedule off."
            )
        if errors:
            raise ValidationError(errors)

    def needed_by(self) -> str:
        """Keep a schedule that runs name as who asked for them (deleting a row by hand leaves them without)."""
        n_runs = self.runs.count()
        if not n_runs:
            return ""
        return f"{'1 run was' if n_runs == 1 else f'{n_runs:,} runs were'} asked for by it, and say so; switch it off instead."

    def numbers(self) -> dict[str, int]:
        """Return what is set for its task."""
        return numbers_of(self.task, self.parameters)

    def next_times(self, now: datetime, n: int = 1) -> list[datetime]:
        """Return when it comes next; never while it is off."""
        return (
            next_times(self.cron, max(now, self.since(now)), timezone.get_current_timezone(), n) if self.is_on else []
        )

    def since(self, now: datetime) -> datetime:
        """Return the instant up to which its times are settled: the latest that was taken up, or its last change.

        A clock that was put back leaves taken times ahead of it: they are not taken again. A time more than a day
        ahead was written while the clock was wrong, and counts for nothing.
        """
        latest = self.turns.filter(due_at__lte=now + WRONG_CLOCK).aggregate(at=models.Max("due_at"))["at"]
        changed = min(self.modified_at, now)
        return max(latest, changed) if latest else changed

    def due(self, now: datetime) -> tuple[datetime | None, int]:
        """Return the latest time that has come and was not taken up, and the number of those missed before it."""
        return latest_due(self.cron, self.since(now), now, timezone.get_current_timezone())


class Outcome(models.TextChoices):
    """What came of a time that was due."""

    WAITING = "waiting", "waits for a worker"
    WORKING = "working", "at work"
    DONE = "done", "done"
    SKIPPED = "skipped", "nothing to do"
    FAILED = "failed", "failed"


UNDER_WAY = (Outcome.WAITING, Outcome.WORKING)


class ScheduleTurn(models.Model):
    """A time at which a schedule came due, and what came of it; written by labdb alone."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="turns")
    due_at = models.DateTimeField()
    n_missed = models.PositiveIntegerField(
        default=0, help_text="Times before it that nobody took up; it makes up for all."
    )
    outcome = models.CharField(max_length=7, choices=Outcome, default=Outcome.WAITING)
    said = models.TextField(blank=True, help_text="What was done, or why not.")
    runs = models.ManyToManyField("analysis.AnalysisRun", related_name="schedule_turns")
    attempt = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField(db_default=Now())
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["schedule", "due_at"], name="schedule_turn_once")]

    def __str__(self) -> str:
        return f"{self.schedule}, {timezone.localtime(self.due_at):%Y-%m-%d %H:%M}"
