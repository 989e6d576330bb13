"""Whether results still follow from the records: a change in the history nominates, the digest of the inputs confirms.

What a task would read now is the same for all runs that ask the same question, and is remembered until a field that it
reads has changed (`analysis.checked_inputs`).
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from analysis.checked_inputs import CheckedInputs
from analysis.current import current_run
from analysis.declared_inputs import all_models_read, fields_read
from analysis.earlier_runs import saw_other_ratios
from analysis.models import Adoption, AnalysisRun, RunStatus
from analysis.provenance import InputsNow, Parts, changed_parts, inputs_now, question_of, words_for
from analysis.shared_reading import shared_reading
from analysis.tasks import TASKS
from analysis.watermark import (
    ADOPTIONS,
    OPEN,
    Mark,
    Moved,
    Table,
    has_ended,
    last_changes,
    last_field_changes,
    mark_now,
    tables_of,
)
from labdb.colony.models import Study

NOT_NEEDED = ("log", "reason", "doing", "packages")
Key = tuple[str, str]  # task and question
BY_NAME = {task.name: task for task in TASKS}


@dataclass(frozen=True)
class Staleness:
    """Why the results of a run do not follow from the records any more; false where they do.

    Attributes
    ----------
    run : AnalysisRun
        The run that holds the results.
    changed : tuple of str
        Parts of its inputs that are not the same now.
    through : tuple of Staleness
        Current runs whose results it reads, and that are stale themselves.
    problem : str
        Why its inputs cannot be read any more.
    replaced : tuple of AnalysisRun
        Of a run of before inputs were kept: what is current in place of the runs that it read.
    saw_other_ratios : bool
        Of such a run: it saw other SI ratios.
    """

    run: AnalysisRun
    changed: tuple[str, ...] = ()
    through: tuple["Staleness", ...] = ()
    problem: str = ""
    replaced: tuple[AnalysisRun, ...] = ()
    saw_other_ratios: bool = False

    def __bool__(self) -> bool:
        return bool(self.changed or self.through or self.problem or self.replaced or self.saw_other_ratios)


def current_and_fresh(study: Study, task: str) -> tuple[AnalysisRun | None, str]:
    """Return the run of a task that counts, or why its results are not to be used; both empty where none has run."""
    run = current_run(study, task)
    if run is None:
        return None, ""
    why = why_stale(run)
    return (None, why) if why else (run, "")


def why_stale(run: AnalysisRun) -> str:
    """Say in one sentence, that anybody may read, why a run is out of date; empty where it is not."""
    found = staleness_of(run)
    if not found:
        return ""
    return f"Run {run.pk} of {spoken(run)} is out of date ({in_short(found)}); run it again and adopt the new run."


def in_short(found: Staleness) -> str:
    """Return what changed in a few words, without the name of any record."""
    if found.saw_other_ratios:
        return "SI tests or exclusions changed"
    if found.replaced:
        return f"run {found.replaced[0].pk} of {spoken(found.replaced[0])} is current now"
    if found.problem:
        return f"it could not be computed now: {found.problem.rstrip('.')}"
    if found.changed:
        return f"changed since: {words_for(list(found.changed))}"
    return f"run {found.through[0].run.pk} of {spoken(found.through[0].run)}, which it reads, is out of date"


def spoken(run: AnalysisRun) -> str:
    """Return a task as people say it."""
    return run.task.replace("_", " ")


def staleness_of(run: AnalysisRun) -> Staleness:
    """Return why one run is stale."""
    return stale_runs(run.study, [run.results_run]).get(run.results_run.pk) or Staleness(run.results_run)


def stale_runs(study: Study, runs: Iterable[AnalysisRun] | None = None) -> dict[int, Staleness]:
    """Return the stale ones among runs that hold results of a study, by primary key.

    Parameters
    ----------
    runs : iterable of AnalysisRun, optional
        By default all that are done and hold results of their own.
    """
    check = _Check(study)
    return check.stale(check.runs if runs is None else {run.pk for run in runs})


def stale_current_runs(study: Study, tasks: Container[str]) -> list[Staleness]:
    """Return the stale ones among the runs of some tasks that count."""
    check = _Check(study)
    return list(check.stale(check.counting(tasks)).values())


def stale_ids(studies: Iterable[Study]) -> set[int]:
    """Return the runs of some studies whose results are stale, and those that point to them as the same."""
    found = {pk for study in studies for pk in stale_runs(study)}
    return found | set(AnalysisRun.objects.filter(same_as__in=found).values_list("pk", flat=True)) if found else found


@dataclass
class _Check:
    """One look at the runs of a study; a handful of queries where nothing has changed."""

    study: Study
    runs: dict[int, AnalysisRun] = field(default_factory=dict)  # that are done and hold results of their own
    _reads: dict[int, set[int]] = field(default_factory=dict)
    _current: dict[tuple[str, str], int] = field(default_factory=dict)
    _found: dict[int, Staleness] = field(default_factory=dict)

    def __post_init__(self) -> None:
        holding = AnalysisRun.objects.filter(study=self.study, status=RunStatus.DONE, same_as=None)
        self.runs = {run.pk: run for run in holding.defer(*NOT_NEEDED)}
        for run in self.runs.values():
            run.study = self.study
        if self.runs:
            self._read_links()

    def counting(self, tasks: Container[str]) -> set[int]:
        """Return the runs of some tasks that count."""
        return {run for (task, _scope), run in self._current.items() if task in tasks}

    def stale(self, asked: Iterable[int]) -> dict[int, Staleness]:
        """Return the stale ones among these runs."""
        known = [pk for pk in asked if pk in self.runs]
        wanted = self._with_what_they_read(known)
        self._now = _Now(self.study, [self.runs[pk] for pk in sorted(wanted) if self.runs[pk].input_parts])
        return {pk: found for pk in known if (found := self._of(pk))}

    def _read_links(self) -> None:
        through = AnalysisRun.depends_on.through.objects.filter(from_analysisrun__study=self.study)
        links = through.values_list("from_analysisrun_id", "to_analysisrun_id", "to_analysisrun__same_as_id")
        for run, read, same_as in links:
            self._reads.setdefault(run, set()).add(same_as or read)
        latest = Adoption.objects.filter(study=self.study).order_by("task", "scope", "-pk").distinct("task", "scope")
        rows = latest.values_list("task", "scope", "run_id", "run__same_as_id")
        self._current = {(task, scope): same_as or run for task, scope, run, same_as in rows}

    def _with_what_they_read(self, asked: Iterable[int]) -> set[int]:
        found: set[int] = set()
        waiting = list(asked)
        while waiting:
            pk = waiting.pop()
            if pk not in found:
                found.add(pk)
                waiting += [read for read in self._reads.get(pk, ()) if read in self.runs]
        return found

    def _of(self, pk: int) -> Staleness:
        if pk not in self._found:
            self._found[pk] = Staleness(self.runs[pk])  # while it is looked into
            self._found[pk] = self._look(self.runs[pk])
        return self._found[pk]

    def _look(self, run: AnalysisRun) -> Staleness:
        reads = [self.runs[pk] for pk in sorted(self._reads.get(run.pk, ())) if pk in self.runs]
        current = {read.pk: self._current_of(read) for read in reads}
        through = tuple(found for read in reads if current[read.pk] == read.pk and (found := self._of(read.pk)))
        if not run.input_parts:
            replaced = tuple(self.runs[pk] for key, pk in current.items() if pk in self.runs and pk != key)
            return Staleness(run, through=through, replaced=replaced, saw_other_ratios=saw_other_ratios(run))
        now = self._now.inputs(run)
        changed = () if now.problem else tuple(changed_parts(run.input_parts, now.parts))
        return Staleness(run, changed, through, now.problem)

    def _current_of(self, read: AnalysisRun) -> int | None:
        return self._current.get((read.task, BY_NAME[read.task].scope(read.parameters)))


class _Now:
    """What each question of some runs would be answered from now; read anew only where a field that it reads changed."""

    def __init__(self, study: Study, runs: Iterable[AnalysisRun]) -> None:
        self.study = study
        self._keys = {run.pk: (run.task, question_of(run.parameters, was_blinded=run.was_blinded)) for run in runs}
        self._by_question = {self._keys[run.pk]: run for run in runs}
        self._inputs: dict[Key, InputsNow] = {}
        if self._by_question:
            self._look()

    def inputs(self, run: AnalysisRun) -> InputsNow:
        return self._inputs[self._keys[run.pk]]

    def _look(self) -> None:
        tables = tables_of(all_models_read())
        mark = mark_now(tables)
        kept = self._kept()
        moved = _Moved(self.study, tables, mark, list(kept.values()))
        self._inputs = {key: InputsNow(row.parts, row.problem) for key, row in kept.items() if not moved.nominates(row)}
        looked_through = [key for key in self._inputs if moved.by_others(kept[key])]
        unknown = [key for key in self._by_question if key not in self._inputs]
        with shared_reading():
            self._inputs |= {key: self._read(self._by_question[key]) for key in unknown}
        if unknown or looked_through:
            self._keep([*unknown, *looked_through], mark)

    def _kept(self) -> dict[Key, "_Kept"]:
        asked = CheckedInputs.objects.filter(study=self.study, question__in=[key for _, key in self._by_question])
        rows = (_Kept(*row) for row in asked.order_by().values_list(*_Kept._fields))
        return {(row.task, row.question): row for row in rows if (row.task, row.question) in self._by_question}

    def _read(self, run: AnalysisRun) -> InputsNow:
        return inputs_now(BY_NAME[run.task], self.study, run.parameters, was_blinded=run.was_blinded)

    def _keep(self, keys: Iterable[Key], mark: Mark) -> None:
        """Remember what was read, or was found to be the same, with the mark that it holds for."""
        CheckedInputs.objects.bulk_create(
            [
                CheckedInputs(
                    study=self.study, task=task, question=question, parts=self._inputs[task, question].parts,
                    problem=self._inputs[task, question].problem, watermark=mark,
                )
                for task, question in sorted(keys)  # in one order, so that two looks at once do not lock each other out
            ],
            update_conflicts=True, unique_fields=["study", "task", "question"],
            update_fields=["parts", "problem", "watermark"],
        )  # fmt: skip


class _Kept(NamedTuple):
    """A row of `CheckedInputs`."""

    task: str
    question: str
    parts: Parts
    problem: str
    watermark: Mark


class _Moved:
    """What has changed of a study since some remembered inputs were looked into: tables first, then their fields."""

    def __init__(self, study: Study, tables: Sequence[Table], mark: Mark, kept: Sequence[_Kept]) -> None:
        self.mark = mark
        marks: list[Mark] = []
        for row in kept:
            if row.watermark not in marks:  # most have the same
                marks.append(row.watermark)
        oldest = {name: min(then.get(name, 0) for then in marks) for name in mark if marks and name != OPEN}
        self._last = last_changes(tables, study.pk, oldest, mark) if kept else {}
        self._read: dict[str, dict[str, set[str]]] = {}
        self._fields: dict[str, Moved] = {}
        if self._last:
            fields = {task: fields_read(task, study) for task in {row.task for row in kept}}
            self._read = {
                task: {model._meta.label: names for model, names in read.items()} for task, read in fields.items()
            }
            wanted: dict[str, set[str]] = {}
            for read in self._read.values():
                for name, names in read.items():
                    wanted.setdefault(name, set()).update(names)
            changed = [table for table in tables if table.name in self._last]
            self._fields = last_field_changes(changed, study.pk, oldest, wanted)

    def nominates(self, row: _Kept) -> bool:
        """Whether something that a question reads has changed, or may have, since it was last looked into."""
        then = row.watermark
        if has_ended(then, self.mark) or self._last.get(ADOPTIONS, 0) > then.get(ADOPTIONS, 0):
            return True
        read = self._read.get(row.task, {})
        return any(one.last(read[name]) > then.get(name, 0) for name, one in self._fields.items() if name in read)

    def by_others(self, row: _Kept) -> bool:
        """Whether there are changes after its mark that do not concern it: they need not be looked through again."""
        return any(number > row.watermark.get(name, 0) for name, number in self._last.items())
