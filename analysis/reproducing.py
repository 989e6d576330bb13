"""A run once more from the records of today, without keeping its results: bit-equal, or what differs and by how much."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import transaction

from analysis.input_digest import code_digest, package_versions, part_digests
from analysis.models import AnalysisRun, RunStatus
from analysis.progress import Progress
from analysis.provenance import changed_parts, load_as_then
from analysis.result_tables import TABLES, Differences, differences
from analysis.runs import task_named


@dataclass
class Reproduction:
    """What came of it.

    Attributes
    ----------
    run : AnalysisRun
        The run that holds the results.
    problem : str
        Why it could not be computed again.
    changed_parts : list of str
        Parts of the inputs that are not the same; None where the run kept none.
    tables : dict of str to Differences
        By what the rows are called.
    """

    run: AnalysisRun
    problem: str = ""
    changed_parts: list[str] | None = None
    is_same_code: bool = True
    packages: list[str] = field(default_factory=list)
    tables: dict[str, Differences] = field(default_factory=dict)

    @property
    def is_bit_equal(self) -> bool:
        """Whether every result is the same to the bit."""
        return not self.problem and all(one.are_equal for one in self.tables.values())


class QuietProgress(Progress):
    """Progress of a run that nobody else sees: told to whoever asked, and written nowhere."""

    def __init__(self, run: AnalysisRun, tell: Callable[[int, int, str], None] | None = None) -> None:
        self.run = run
        self._tell = tell

    def tick(self, done: int, total: int, doing: str) -> None:
        """Tell how far it is."""
        self.show(done, total, doing)

    def show(self, done: int, total: int, doing: str) -> None:
        """Tell how far it is."""
        if self._tell is not None:
            self._tell(done, total, doing)

    def note(self, line: str) -> None:
        """Keep nothing."""

    def stop_if_asked(self) -> None:
        """Go on: only the keyboard stops it."""


def reproduce(run: AnalysisRun, tell: Callable[[int, int, str], None] | None = None) -> Reproduction:
    """Compute a run's results again and hold them against those that it stored.

    Raises
    ------
    ValueError
        The run has no results of its own to be held against.
    """
    run, task = run.results_run, task_named(run.task)
    if run.status != RunStatus.DONE:
        raise ValueError(f"Run {run.pk} is {run.status}; only a run that is done has results to reproduce.")
    if task.is_composite:
        raise ValueError(f"Run {run.pk} ({run.task}) has no results of its own; reproduce its steps.")
    found = Reproduction(run, is_same_code=run.code_digest in ("", code_digest()), packages=_other_packages(run))
    try:
        loaded = load_as_then(task, run.study, run.parameters, was_blinded=run.was_blinded)
        if run.input_parts:
            found.changed_parts = changed_parts(run.input_parts, part_digests(loaded.inputs))
        result = task.compute(loaded.inputs, QuietProgress(run, tell))
    except (ValueError, ValidationError, ObjectDoesNotExist, KeyError) as error:
        found.problem = str(error)
        return found
    with transaction.atomic():
        scratch = AnalysisRun.objects.create(
            study_id=run.study_id, task=run.task, parameters=run.parameters, code_version=settings.CODE_VERSION,
        )  # fmt: skip
        task.store(scratch, loaded.inputs, result)
        for table in TABLES[run.task]:
            found.tables[table.name] = differences(table.rows(run), table.rows(scratch))
        transaction.set_rollback(True)
    return found


def _other_packages(run: AnalysisRun) -> list[str]:
    now = package_versions()
    return [
        f"{name} {run.packages[name]} then, {now[name]} now"
        for name in now
        if name in run.packages and run.packages[name] != now[name]
    ]
