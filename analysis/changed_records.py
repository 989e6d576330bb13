"""What became of the records that runs of one study have read: their history is read once for all of these runs."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models

from analysis.declared_inputs import SHOWN_BY, Fields, fields_read
from analysis.models import AnalysisRun
from analysis.staleness import Staleness
from analysis.watermark import EVERY_FIELD, changed_rows, last_changes, tables_of
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Study
from labdb.registry.past_changes import UNSAID, WORDS
from labdb.registry.permissions import study_path

NUMBERS = ("test_number", "before", "after")  # parameters that say which SI tests are read


@dataclass(frozen=True)
class Change:
    """What became of one record since a run began to read: its state then (None: there was none) and its last change."""

    model: type[models.Model]
    before: Any
    last: Any
    read: set[str]

    @property
    def key(self) -> Hashable:
        """What is the same for every run that reads the same of it."""
        before = self.before.pgh_id if self.before else None
        return self.model, before, self.last.pgh_id, frozenset(self.read)

    @property
    def what(self) -> str:
        """What the last change was, seen from the state before."""
        if self.last.pgh_label == "delete":
            return WORDS["delete"]
        return WORDS["update"] if self.before else WORDS["insert"]

    def differences(self) -> list[tuple[Any, Any, Any]]:
        """Return the fields that are read and have another value, with both."""
        if self.before is None or self.last.pgh_label == "delete":
            return []
        found = [
            (field, field.value_from_object(self.before), field.value_from_object(self.last))
            for field in self._fields()
        ]
        return [(field, old, new) for field, old, new in found if old != new]

    def _fields(self) -> list[Any]:
        every = EVERY_FIELD in self.read
        return [
            field
            for field in self.model._meta.fields
            if hasattr(self.last, field.attname)
            and (field.name in self.read or (every and field.name not in {*UNSAID, "notes"}))
        ]

    def is_read(self, run: AnalysisRun) -> bool:
        """Whether it can have changed what the run read: not if it came and went, or no field that is read differs."""
        if self.before is None and self.last.pgh_label == "delete":
            return False
        if self.what == WORDS["update"] and not self.differences():
            return False
        numbers = {run.parameters[name] for name in NUMBERS if name in run.parameters}
        if self.model is not SocialInteractionTest or not numbers:
            return True
        return bool({state.test_number for state in (self.before, self.last) if state} & numbers)


class History:
    """What was changed of the records that stale runs of a study read, since each of them began to read.

    The changes after the oldest of their watermarks are read once; every run takes its part.
    """

    def __init__(self, study: Study, stale: Iterable[Staleness]) -> None:
        self.study = study
        self._changed = {found.run: set(found.changed) for found in stale if found.changed}
        self._fields: dict[str, Fields] = {}
        for run in self._changed:
            if run.task not in self._fields:
                self._fields[run.task] = fields_read(run.task, study)
        self._wanted: dict[type[models.Model], set[str]] = {}
        for run in self._changed:
            for model, names in self._read_by(run).items():
                self._wanted.setdefault(model, set()).update(names)
        self._states = dict(self._read()) if self._wanted else {}

    def changes(self, run: AnalysisRun) -> Iterator[Change]:
        """Yield what can have changed what one run read, record by record."""
        for model, names in self._read_by(run).items():
            since = run.watermark[model._meta.label]
            for states in self._states.get(model, ()):
                change = _between(model, states, since, names)
                if change is not None and change.is_read(run):
                    yield change

    def _read_by(self, run: AnalysisRun) -> Fields:
        """Return what a run reads, where a change of it can show in the parts that are not the same any more."""
        changed = self._changed[run]
        return {
            model: names
            for model, names in self._fields[run.task].items()
            if SHOWN_BY.get(model, changed) & changed and model._meta.label in run.watermark
        }

    def _read(self) -> Iterator[tuple[type[models.Model], list[list[Any]]]]:
        tables = {table.name: table for table in tables_of(self._wanted)}
        marks = [run.watermark for run in self._changed]
        oldest = {name: min((mark[name] for mark in marks if name in mark), default=0) for name in tables}
        moved = last_changes(tables.values(), self.study.pk, oldest)
        read = {model._meta.label: names for model, names in self._wanted.items()}
        changed = changed_rows([tables[name] for name in read if name in moved], self.study.pk, oldest, read)
        for model in self._wanted:
            if keys := changed.get(name := model._meta.label):
                yield model, _states(model, keys, self.study, oldest[name])


def _states(model: type[models.Model], keys: Sequence[int], study: Study, since: int) -> list[list[Any]]:
    """Return the states of each of these records, in order, from the one as of a watermark on."""
    events: Any = model.events.rel.related_model._default_manager.filter(pgh_obj_id__in=keys)  # type: ignore[attr-defined]
    if study_path(model) == "study":
        events = events.filter(study=study)
    after = events.filter(pgh_id__gt=since).select_related("pgh_context").order_by("pgh_id")
    before = events.filter(pgh_id__lte=since).order_by("pgh_obj_id", "-pgh_id").distinct("pgh_obj_id")
    by_record: dict[int, list[Any]] = defaultdict(list)
    for event in (*before, *after):
        by_record[event.pgh_obj_id].append(event)
    return list(by_record.values())


def _between(model: type[models.Model], states: Sequence[Any], since: int, names: set[str]) -> Change | None:
    """Return what became of a record after a watermark; nothing where it was last changed before it."""
    last = states[-1]
    if last.pgh_id <= since:
        return None
    before = next((state for state in reversed(states) if state.pgh_id <= since), None)
    return Change(model, None if before is None or before.pgh_label == "delete" else before, last, names)
