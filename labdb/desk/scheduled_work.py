"""What a schedule does when it is due: run in a worker, and every end of it is written down in a sentence."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils import timezone

from analysis import runs
from analysis.current import current_run
from analysis.models import AnalysisRun
from analysis.recovery import sweep as sweep_runs
from analysis.refresh import refresh_under_way, request_refresh
from analysis.schedules import Outcome, Schedule, ScheduledTask, ScheduleTurn
from analysis.tasks.si_tests import included_tests
from labdb.accounts.first_account import system_account
from labdb.archive import ArchiveError
from labdb.colony.models import Study
from labdb.desk.backups import back_up_and_verify
from labdb.postgres import PostgresError
from labdb.registry.history import writing

logger = logging.getLogger(__name__)


@dataclass
class Account:
    """What came of a time that was due.

    Attributes
    ----------
    said, wrong : list of str
        Sentences; of what went wrong, those in `wrong`.
    runs : list of AnalysisRun
        That it asked for, or queued again.
    is_idle : bool
        There was nothing to do.
    """

    said: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    runs: list[AnalysisRun] = field(default_factory=list)
    is_idle: bool = False

    @property
    def outcome(self) -> Outcome:
        """How it is written down."""
        if self.wrong:
            return Outcome.FAILED
        return Outcome.SKIPPED if self.is_idle else Outcome.DONE


def carry_out(turn_id: int) -> None:
    """Do what is due, unless another worker did or does; what goes wrong stands on the turn."""
    turn = _claim(turn_id)
    if turn is None:
        return
    try:
        with writing(user=system_account(), door="schedule", schedule=turn.schedule.name):
            account = WORK[turn.schedule.task](turn.schedule)
    except (ValidationError, ArchiveError, PostgresError, DatabaseError) as error:
        sentences = error.messages if isinstance(error, ValidationError) else [str(error)]
        account = Account(wrong=sentences)
    except Exception as error:
        logger.exception("%s failed", turn)
        account = Account(wrong=[f"{type(error).__name__}: {error}"])
    _end(turn, account)


def _claim(turn_id: int) -> ScheduleTurn | None:
    """Take a turn that waits. One that is worked at is left: delivery is at least once, a backup is made once."""
    waiting = ScheduleTurn.objects.filter(pk=turn_id, outcome=Outcome.WAITING)
    if not waiting.update(outcome=Outcome.WORKING, began_at=timezone.now()):
        return None
    return ScheduleTurn.objects.select_related("schedule__only_study").get(pk=turn_id)


def _end(turn: ScheduleTurn, account: Account) -> None:
    sentences = account.wrong + account.said
    if turn.n_missed:
        times = "1 time" if turn.n_missed == 1 else f"{turn.n_missed:,} times"
        sentences.append(f"It makes up for {times} before it that nobody took up.")
    with transaction.atomic():
        working = ScheduleTurn.objects.filter(pk=turn.pk, outcome=Outcome.WORKING)
        working.update(outcome=account.outcome, said=" ".join(sentences), ended_at=timezone.now())
        turn.runs.set(account.runs)


def _of_studies(schedule: Schedule, ask: Callable[[Study], AnalysisRun | str]) -> Account:
    """Ask for a run in each study that is meant; `ask` says why not."""
    account = Account()
    only = schedule.only_study
    if only is not None and only.state == "closed":
        return Account(
            [f"Study {only} is closed: nothing is computed in it. Open it, or switch the schedule off."], is_idle=True
        )
    studies = [only] if only is not None else list(Study.objects.filter(state="open").order_by("code"))
    idle = []
    for study in studies:
        try:
            with transaction.atomic():
                answer = ask(study)
                if isinstance(answer, AnalysisRun):
                    AnalysisRun.objects.filter(pk=answer.pk).update(schedule=schedule)
        except ValidationError as error:
            account.wrong.append(f"{study}: {' '.join(error.messages)}")
            continue
        if isinstance(answer, AnalysisRun):
            account.runs.append(answer)
            account.said.append(f"{study}: run {answer.pk} asked for.")
        else:
            idle.append(answer)
    account.is_idle = not account.runs
    account.said += _few(idle) if studies else ["There is no open study."]
    return account


def _few(sentences: list[str], most: int = 5) -> list[str]:
    more = len(sentences) - most
    return sentences if more <= 0 else [*sentences[:most], f"Nothing to do in {more:,} more."]


def _request(task: str, study: Study, parameters: dict[str, Any]) -> AnalysisRun | str:
    """Ask for a run, unless its records are missing or one under way answers it."""
    resolved = runs.task_named(task).resolve(study, parameters)
    if why_not := runs.task_named(task).missing(study, resolved):
        return why_not  # names the study
    run, is_new = runs.request_or_find(task, study, parameters)
    return run if is_new else f"{study}: run {run.pk} is under way."


def classify(schedule: Schedule) -> Account:
    """Ask for phenotypes where SI tests were entered or corrected since the newest run began."""
    number = schedule.numbers()["test_number"]

    def ask(study: Study) -> AnalysisRun | str:
        mine = AnalysisRun.objects.filter(study=study, task="phenotype", parameters__test_number=number)
        newest = mine.order_by("-pk").first()
        tests = included_tests(study).filter(test_number=number)
        if newest is not None:
            tests = tests.filter(modified_at__gt=newest.started_at or newest.queued_at)
        if not tests.exists():
            return f"{study}: nothing new."
        scope = "" if number == 1 else f"test_number={number}"
        current = current_run(study, "phenotype", scope)
        rule = {"rule": current.parameters["rule"]} if current is not None else {}
        return _request("phenotype", study, {"test_number": number, **rule})

    return _of_studies(schedule, ask)


def refresh(schedule: Schedule) -> Account:
    """Bring results that no longer follow from their records up to date, in the order of their dependence."""

    def ask(study: Study) -> AnalysisRun | str:
        if under_way := refresh_under_way(study):
            return f"{study}: run {under_way.pk} is under way."
        return request_refresh(study) or f"{study}: nothing is stale."

    return _of_studies(schedule, ask)


def quality(schedule: Schedule) -> Account:
    """Ask for the quality of every study that has something to look at."""
    return _of_studies(schedule, lambda study: _request("quality", study, {}))


def backup(schedule: Schedule) -> Account:
    """Make a backup and read it back."""
    return Account([back_up_and_verify(schedule.numbers()["keep"])])


def sweep(schedule: Schedule) -> Account:
    """Queue again the runs whose worker died."""
    lost = sweep_runs(older_than_s=schedule.numbers()["older_than_s"])
    said = [f"{run} was lost and is queued again." for run in lost] or ["No run was lost."]
    return Account(said, runs=lost, is_idle=not lost)


WORK: dict[str, Callable[[Schedule], Account]] = {
    ScheduledTask.CLASSIFY: classify,
    ScheduledTask.REFRESH: refresh,
    ScheduledTask.QUALITY: quality,
    ScheduledTask.BACKUP: backup,
    ScheduledTask.SWEEP: sweep,
}
