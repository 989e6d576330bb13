"""Why a run is stale, record by record: who changed what and when, from the old value to the new."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst

from analysis.declared_inputs import EVERY_FIELD, SHOWN_BY, fields_read, models_read
from analysis.models import Adoption, AnalysisRun
from analysis.provenance import words_for
from analysis.staleness import Staleness, in_short, spoken
from analysis.watermark import ADOPTIONS, last_changes, mark_now, tables_of
from labdb.behavior.models import SocialInteractionTest
from labdb.registry import lab_values, permissions
from labdb.registry.models import LabRecord
from labdb.registry.past_changes import UNSAID, WORDS, told_changes
from labdb.registry.permissions import study_path
from labdb.registry.record import record_for
from labdb.registry.rules import plain_number

SHOWN = 20  # records; the rest are counted
NUMBERS = ("test_number", "before", "after")  # parameters that say which SI tests are read
KEPT = "Something that the allocators of this study keep has changed."


@dataclass(frozen=True)
class Reason:
    """One sentence, and the record that it is about."""

    sentence: str
    url: str = ""


def reasons_of(found: Staleness, user: Any) -> list[Reason]:
    """Return why a run is stale, as far as this account may know it: its own reasons, then those of what it reads."""
    reasons = list(own_reasons(found, user))
    for read in found.through:
        for reason in reasons_of(read, user):
            sentence = f"{capfirst(spoken(read.run))} (run {read.run.pk}), which it reads: {reason.sentence}"
            reasons.append(Reason(sentence, reason.url))
    return reasons


def own_reasons(found: Staleness, user: Any) -> Iterator[Reason]:
    """Yield why a run is stale by what it reads of records itself, as far as this account may know it."""
    if found.saw_other_ratios or found.replaced or found.problem:
        yield Reason(f"{capfirst(in_short(found))}.")
    if not found.changed:
        return
    changes, is_kept = _changes(found, user)
    told = [*_adopted(found.run), *_told(changes[:SHOWN], user), *([Reason(KEPT)] if is_kept else [])]
    yield from told
    if len(changes) > SHOWN:
        yield Reason(f"And {len(changes) - SHOWN} more records were changed.")
    if not told:
        what = words_for(list(found.changed))
        yield Reason(f"Other values are read now than then: {what}; no single change in the history explains it.")


def _adopted(run: AnalysisRun) -> Iterator[Reason]:
    """Yield the adoptions by which other runs count now than those that a run has read."""
    reads = {(one.task, one.results_run.pk) for one in run.depends_on.select_related("same_as")}
    tasks = {task for task, _ in reads}
    later = Adoption.objects.filter(study=run.study_id, task__in=tasks, pk__gt=run.watermark.get(ADOPTIONS, 0))
    for one in later.select_related("run__same_as", "adopted_by").order_by("-pk"):
        if (one.task, one.run.results_run.pk) in reads:
            continue
        who = f" by {one.adopted_by.get_username()}" if one.adopted_by else ""
        sentence = f"Run {one.run_id} of {spoken(one.run)} was adopted{who} on {_day(one.adopted_at)}: {one.reason.rstrip('.')}."
        yield Reason(sentence, reverse("analysis-run", args=[one.run_id]))


def _changes(found: Staleness, user: Any) -> tuple[list["_Change"], bool]:
    """Return what became of the records that a run reads, the newest first, and whether some is kept from the account."""
    run, changed = found.run, set(found.changed)
    fields = fields_read(run.task, run.study)
    changes: list[_Change] = []
    is_kept = False
    read = {
        model for model in models_read(run.task) & fields.keys() if SHOWN_BY.get(model, changed) & changed
    }  # fmt: skip
    tables = tables_of(read)
    moved = last_changes(tables, run.study_id, run.watermark, mark_now(tables))
    for model in (one for one in read if one._meta.label in moved):
        some = [change for change in _of_model(model, run, fields[model]) if change.is_read(run)]
        if some and not permissions.may(user, "view", model, run.study):
            is_kept = True
        else:
            changes += some
    changes.sort(key=lambda change: change.last.pgh_created_at, reverse=True)
    return changes, is_kept


def _told(changes: list["_Change"], user: Any) -> Iterator[Reason]:
    told = told_changes([(change.last, change.what) for change in changes])
    for change, one in zip(changes, told, strict=True):
        yield Reason(change.sentence(one.who, user), change.url)


@dataclass(frozen=True)
class _Change:
    """What became of one record since a run began to read: its state then (None: there was none) and its last change."""

    model: type[models.Model]
    before: Any
    last: Any
    read: set[str]

    @property
    def what(self) -> str:
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

    def sentence(self, who: str, user: Any) -> str:
        row = _row(self.model, self.last)
        what = str(self.model._meta.verbose_name)
        name = _name(row)
        subject = name if what.lower() in name.lower() else f"{capfirst(what)} {name}"
        of = f" of {row.mouse}" if _mouse_of(row) and str(row.mouse) not in subject else ""
        told = "; ".join(
            f"{field.name} {_value(field, old, user)} → {_value(field, new, user)}"
            for field, old, new in self.differences()
        )
        return f"{subject}{of} {self.what} by {who} on {_day(self.last.pgh_created_at)}{f': {told}' if told else ''}."

    @property
    def url(self) -> str:
        if self.last.pgh_label == "delete":
            return ""
        try:
            resource = record_for(self.model).resource
        except KeyError:
            return ""
        return reverse("record-detail", kwargs={"resource": resource, "pk": self.last.pgh_obj_id})


def _of_model(model: type[models.Model], run: AnalysisRun, read: set[str]) -> Iterator[_Change]:
    """Yield each record with a change after the watermark of a run; one query, and one for the states before."""
    events: Any = model.events.rel.related_model._default_manager  # type: ignore[attr-defined]
    if study_path(model) == "study":
        events = events.filter(study=run.study_id)
    since = run.watermark.get(model._meta.label)
    if since is None:
        return
    last = events.filter(pgh_id__gt=since).select_related("pgh_context")
    last = {event.pgh_obj_id: event for event in last.order_by("pgh_obj_id", "-pgh_id").distinct("pgh_obj_id")}
    then = events.filter(pgh_id__lte=since, pgh_obj_id__in=last).order_by("pgh_obj_id", "-pgh_id")
    before = {event.pgh_obj_id: event for event in then.distinct("pgh_obj_id") if event.pgh_label != "delete"}
    for key, event in last.items():
        yield _Change(model, before.get(key), event, read)


def _row(model: type[models.Model], event: Any) -> Any:
    """Return the record as a change left it, or as it was when it was deleted."""
    fields = [field for field in model._meta.fields if not field.generated and hasattr(event, field.attname)]
    return model(**{field.attname: getattr(event, field.attname) for field in fields})


def _name(row: Any) -> str:
    try:
        return str(row)
    except ObjectDoesNotExist:  # what it was named after is gone too
        return f"#{row.pk}"


def _mouse_of(row: Any) -> Any:
    try:
        return getattr(row, "mouse", None)
    except ObjectDoesNotExist:
        return None


def _value(field: Any, value: Any, user: Any) -> str:
    if value in (None, ""):
        return "empty"
    if field.name == lab_values.COLUMN:
        return ", ".join(f"{name} {one}" for name, one in sorted(value.items())) or "empty"
    if field.is_relation:
        rows: Iterable[Any] = field.related_model._default_manager.filter(pk=value)
        if issubclass(field.related_model, LabRecord):
            rows = permissions.visible(rows, user)  # type: ignore[arg-type]
        return next((str(row) for row in rows), f"#{value}")
    if isinstance(value, float):
        return plain_number(value)
    return "yes" if value is True else "no" if value is False else str(value)


def _day(at: Any) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d}"
