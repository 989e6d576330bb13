"""Why a run is stale, record by record: who changed what and when, from the old value to the new."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import prefetch_related_objects
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst

from analysis.changed_records import Change, History
from analysis.models import Adoption, AnalysisRun
from analysis.provenance import words_for
from analysis.staleness import Staleness, in_short, spoken
from analysis.watermark import ADOPTIONS
from labdb.registry import lab_values, permissions
from labdb.registry.models import LabRecord
from labdb.registry.past_changes import told_changes
from labdb.registry.record import record_for
from labdb.registry.rules import plain_number

SHOWN = 20  # records; the rest are counted
KEPT = "Something that the allocators of this study keep has changed."


@dataclass(frozen=True)
class Reason:
    """One sentence, and the record that it is about."""

    sentence: str
    url: str = ""


def reasons_of(found: Staleness, user: Any) -> list[Reason]:
    """Return why a run is stale, as far as this account may know it: its own reasons, then those of what it reads."""
    every = {one.run.pk: one for one in _with_what_it_reads(found)}
    return _with_reasons_of_reads(found, own_reasons(list(every.values()), user))


def _with_what_it_reads(found: Staleness) -> Iterator[Staleness]:
    yield found
    for read in found.through:
        yield from _with_what_it_reads(read)


def _with_reasons_of_reads(found: Staleness, own: Mapping[int, list[Reason]]) -> list[Reason]:
    reasons = list(own[found.run.pk])
    for read in found.through:
        for reason in _with_reasons_of_reads(read, own):
            sentence = f"{capfirst(spoken(read.run))} (run {read.run.pk}), which it reads: {reason.sentence}"
            reasons.append(Reason(sentence, reason.url))
    return reasons


def own_reasons(stale: Sequence[Staleness], user: Any) -> dict[int, list[Reason]]:
    """Return why each of some runs of one study is stale by what it reads of records itself, by primary key of the run.

    As far as this account may know it; their history is read once for all of them.
    """
    if not stale:
        return {}
    history = History(stale[0].run.study, stale)
    adopted = _adopted([found.run for found in stale if found.changed])
    seen = {found.run.pk: _seen(history, found, user) for found in stale}
    told = _told([change for changes, _is_kept in seen.values() for change in changes[:SHOWN]], user)
    return {found.run.pk: list(_reasons(found, adopted(found.run), *seen[found.run.pk], told)) for found in stale}


def _reasons(
    found: Staleness, adopted: Iterable[Reason], changes: Sequence[Change], is_kept: bool, told: Mapping[Hashable, Reason]
) -> Iterator[Reason]:  # fmt: skip
    if found.saw_other_ratios or found.replaced or found.problem:
        yield Reason(f"{capfirst(in_short(found))}.")
    if not found.changed:
        return
    reasons = [*adopted, *(told[change.key] for change in changes[:SHOWN]), *([Reason(KEPT)] if is_kept else [])]
    yield from reasons
    if len(changes) > SHOWN:
        yield Reason(f"And {len(changes) - SHOWN} more records were changed.")
    if not reasons:
        what = words_for(list(found.changed))
        yield Reason(f"Other values are read now than then: {what}; no single change in the history explains it.")


def _adopted(runs: Sequence[AnalysisRun]) -> Callable[[AnalysisRun], Iterator[Reason]]:
    """Return what tells, of a run, the adoptions by which other runs count now than those that it has read."""
    reads: dict[int, set[tuple[str, int]]] = defaultdict(set)
    links = AnalysisRun.depends_on.through.objects.filter(from_analysisrun__in=[run.pk for run in runs])
    of_read = ("to_analysisrun_id", "to_analysisrun__same_as_id", "to_analysisrun__task")
    for run_id, read, same_as, task in links.values_list("from_analysisrun_id", *of_read):
        reads[run_id].add((task, same_as or read))
    later: list[Adoption] = []
    if reads:
        oldest = min(run.watermark.get(ADOPTIONS, 0) for run in runs)
        tasks = {task for some in reads.values() for task, _ in some}
        found = Adoption.objects.filter(study=runs[0].study_id, task__in=tasks, pk__gt=oldest)
        told = ("task", "adopted_at", "reason", "run__task", "run__same_as", "adopted_by__username")
        later = list(found.select_related("run", "adopted_by").only(*told).order_by("-pk"))

    def of_run(run: AnalysisRun) -> Iterator[Reason]:
        tasks = {task for task, _ in reads[run.pk]}
        for one in later:
            is_later = one.pk > run.watermark.get(ADOPTIONS, 0) and one.task in tasks
            if is_later and (one.task, one.run.same_as_id or one.run_id) not in reads[run.pk]:
                yield _of_adoption(one)

    return of_run


def _of_adoption(one: Adoption) -> Reason:
    who = f" by {one.adopted_by.get_username()}" if one.adopted_by else ""
    sentence = (
        f"Run {one.run_id} of {spoken(one.run)} was adopted{who} on {_day(one.adopted_at)}: {one.reason.rstrip('.')}."
    )
    return Reason(sentence, reverse("analysis-run", args=[one.run_id]))


def _seen(history: History, found: Staleness, user: Any) -> tuple[list[Change], bool]:
    """Return what became of the records that a run reads, the newest first, and whether some is kept from the account."""

    @cache
    def may_see(model: type[models.Model]) -> bool:
        return permissions.may(user, "view", model, history.study)

    changes: list[Change] = []
    is_kept = False
    for change in history.changes(found.run) if found.changed else ():
        if may_see(change.model):
            changes.append(change)
        else:
            is_kept = True
    changes.sort(key=lambda change: change.last.pgh_created_at, reverse=True)
    return changes, is_kept


def _told(changes: Iterable[Change], user: Any) -> dict[Hashable, Reason]:
    """Return changes in words, by their keys; what names are made of is read once for all."""
    once = list({change.key: change for change in changes}.values())
    rows = [_row(change.model, change.last) for change in once]
    for model in {change.model for change in once}:
        relations = (field for field in model._meta.fields if field.is_relation and not field.null)
        named_by = [field.name for field in relations if field.name != "study"]
        prefetch_related_objects([row for row in rows if type(row) is model], *named_by)
    told = told_changes([(change.last, change.what) for change in once])
    return {
        change.key: Reason(_sentence(change, row, one.who, user), _url(change))
        for change, row, one in zip(once, rows, told, strict=True)
    }


def _sentence(change: Change, row: Any, who: str, user: Any) -> str:
    what = str(change.model._meta.verbose_name)
    name = _name(row)
    subject = name if what.lower() in name.lower() else f"{capfirst(what)} {name}"
    of = f" of {row.mouse}" if _mouse_of(row) and str(row.mouse) not in subject else ""
    told = "; ".join(
        f"{field.name} {_value(field, old, user)} → {_value(field, new, user)}"
        for field, old, new in change.differences()
    )
    return f"{subject}{of} {change.what} by {who} on {_day(change.last.pgh_created_at)}{f': {told}' if told else ''}."


def _url(change: Change) -> str:
    if change.last.pgh_label == "delete":
        return ""
    try:
        resource = record_for(change.model).resource
    except KeyError:
        return ""
    return reverse("record-detail", kwargs={"resource": resource, "pk": change.last.pgh_obj_id})


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
