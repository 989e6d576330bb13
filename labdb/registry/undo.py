"""Taking a whole import back: all of it, while nothing was built on it; else what stands in the way."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from labdb.registry import permissions
from labdb.registry.attachments import Attachment
from labdb.registry.deletion import counted_for, named
from labdb.registry.forms import forbidden_sentence
from labdb.registry.history import writing
from labdb.registry.import_log import Import, ImportedRow
from labdb.registry.models import dependents
from labdb.registry.record import record_for
from labdb.registry.table_writes import update_rows

SHOWN = 20  # obstacles in words; the rest are counted


@dataclass(frozen=True)
class ChangedRow:
    """A row that was changed: its version afterwards, and the several records that its fields named before."""

    record_id: int
    version: int
    links_before: dict[str, list[int]]


class CannotUndo(Exception):
    """The import stays.

    Attributes
    ----------
    obstacles : list of str
        A sentence for each thing that was built on it.
    is_forbidden : bool
        The account's role does not allow it.
    """

    def __init__(self, obstacles: Sequence[str], *, is_forbidden: bool = False) -> None:
        super().__init__(" ".join(obstacles))
        self.obstacles = list(obstacles)
        self.is_forbidden = is_forbidden


def undo_import(log: Import, user: Any, reason: str, *, door: str = "web", dry_run: bool = False) -> None:
    """Delete what an import made and attached, and give back what it changed, in one transaction.

    Raises
    ------
    CannotUndo
        It was undone already, no reason is given, a row was changed or referred to since, or the role forbids it.
    """
    if not reason.strip() and not dry_run:
        raise CannotUndo(["Say why the import is undone; the history keeps it."])
    with transaction.atomic(), writing(user=user, door=door, reason=reason.strip(), undo_of_import=log.pk):
        log = Import.objects.select_for_update(of=("self",)).get(pk=log.pk)
        if log.undone_at is not None:
            raise CannotUndo([f"{str(log).capitalize()} was undone already."])
        if log.is_refused:
            raise CannotUndo([f"{str(log).capitalize()} was refused; nothing of it was stored, so nothing can go."])
        rows = _rows_by_record(log)
        _refuse_without_permission(rows, user)
        files = _attached_by(log, rows)
        if obstacles := list(_obstacles(rows, files, user)):
            raise CannotUndo(_listed(obstacles))
        if dry_run:
            return
        try:
            Attachment.objects.filter(pk__in=files).delete()
            for resource in reversed(list(rows)):
                _take_back(record_for(resource).model, rows[resource])
        except (models.ProtectedError, models.RestrictedError, IntegrityError) as error:
            raise CannotUndo(["Somebody built on it at this moment; reload and try again."]) from error
        log.undone_at, log.undone_by, log.undo_reason = timezone.now(), user, reason.strip()
        log.save(update_fields=["undone_at", "undone_by", "undo_reason"])


def _rows_by_record(log: Import) -> dict[str, list[ImportedRow]]:
    """Return what the import wrote, record by record in the order in which it was stored."""
    rows: dict[str, list[ImportedRow]] = defaultdict(list)
    for row in log.rows.order_by("pk"):
        rows[row.resource].append(row)
    return rows


def _refuse_without_permission(rows: dict[str, list[ImportedRow]], user: Any) -> None:
    for resource, written in rows.items():
        model = record_for(resource).model
        stored = model._default_manager.filter(pk__in=[row.record_id for row in written])
        studies: list[Any] = [None]
        if permissions.optional_study(model):
            studies = list({permissions.place_of(row) for row in stored}) or [None]
        elif permissions.study_path(model) == "study":
            ids = stored.order_by().values_list("study_id", flat=True).distinct()
            studies = list(permissions.study_model()._default_manager.filter(pk__in=ids)) or [None]
        actions = {"delete" if row.is_new else "change" for row in written}
        for study in studies:
            for action in sorted(actions):
                if not permissions.may(user, action, model, study):
                    raise CannotUndo([forbidden_sentence(action, model, study)], is_forbidden=True)


def _attached_by(log: Import, rows: dict[str, list[ImportedRow]]) -> set[int]:
    """Return the ids of the files that the import attached to its rows itself; the history names it with each."""
    attached: set[int] = set()
    for resource, written in rows.items():
        ids = [row.record_id for row in written]
        attached |= set(
            Attachment.objects.filter(resource=resource, record_id__in=ids).order_by().values_list("pk", flat=True)
        )
    model: Any = Attachment
    events = model.events.rel.related_model.objects.filter(pgh_obj_id__in=attached, pgh_label="insert")
    return set(events.filter(pgh_context__metadata__contains={"import": log.pk}).values_list("pgh_obj_id", flat=True))


def _obstacles(rows: dict[str, list[ImportedRow]], files: set[int], user: Any) -> Iterator[str]:
    made = {
        record_for(resource).model: {row.record_id for row in written if row.is_new}
        for resource, written in rows.items()
    }
    for resource, written in rows.items():
        model: Any = record_for(resource).model
        stored = model._default_manager.in_bulk([row.record_id for row in written])
        for row in written:
            now = stored.get(row.record_id)
            if now is None:
                yield f"Line {row.line}: the {model._meta.verbose_name} was deleted since."
            elif now.version != row.version:
                yield f"{named(now)} was changed since."
        yield from _attached(resource, model, stored, made, files)
        yield from _built_on(model, stored, made, user)


def _attached(
    resource: str, model: Any, stored: dict[int, Any], made: dict[Any, set[int]], files: set[int]
) -> Iterator[str]:
    """Yield the new rows that other files were attached to since."""
    later = Attachment.objects.filter(resource=resource, record_id__in=made[model] & stored.keys()).exclude(
        pk__in=files
    )
    for pk, count in later.order_by().values_list("record_id").annotate(count=models.Count("pk")):
        yield f"{named(stored[pk])} has {count:,} attachment{'s' if count > 1 else ''}."


def _built_on(model: Any, stored: dict[int, Any], made: dict[Any, set[int]], user: Any) -> Iterator[str]:
    """Yield what refers to the new rows and did not come with them."""
    for relation in dependents(model):
        other, field = relation.related_model, relation.field
        if relation.on_delete is models.CASCADE:
            continue  # a part of the row
        building = other._base_manager.filter(**{f"{field.name}__in": made[model] & stored.keys()})
        came_along = made.get(other, set())
        counts: dict[int, int] = defaultdict(int)
        for pk, target in building.order_by().values_list("pk", field.attname):
            if pk not in came_along:
                counts[target] += 1
        for target, count in counts.items():
            what = counted_for(user, other, count, permissions.study_of(stored[target]))
            yield f"{named(stored[target])} has {what}."


def _take_back(model: Any, written: list[ImportedRow]) -> None:
    changed = [ChangedRow(row.record_id, row.version, row.links_before) for row in written if not row.is_new]
    if changed:
        restore(model, changed)
    made = model._default_manager.filter(pk__in=[row.record_id for row in written if row.is_new])
    if needed := [sentence for row in made if (sentence := row.needed_by())]:
        raise CannotUndo(_listed(needed))
    made.delete()


def restore(model: Any, changed: Sequence[ChangedRow]) -> None:
    """Write each changed row as the history knows it from before."""
    rows = model._default_manager.select_for_update(of=("self",)).in_bulk([row.record_id for row in changed])
    fields = [
        field
        for field in model._meta.concrete_fields
        if not field.generated and not field.primary_key and field.name not in ("version", "modified_at", "created_at")
    ]
    versions = {row.record_id: row.version for row in changed}
    events: dict[int, Any] = {}
    for event in model.events.rel.related_model.objects.filter(pgh_obj_id__in=versions).order_by("pgh_id"):
        if event.version < versions[event.pgh_obj_id]:
            events[event.pgh_obj_id] = event  # the last one before the import wins
    for pk, event in events.items():
        for field in fields:
            setattr(rows[pk], field.attname, getattr(event, field.attname))
    update_rows(model, list(rows.values()), [field.name for field in fields])
    for row in changed:
        for name, ids in row.links_before.items():
            getattr(rows[row.record_id], name).set(ids)


def _listed(obstacles: list[str]) -> list[str]:
    more = len(obstacles) - SHOWN
    return obstacles[:SHOWN] + ([f"And {more:,} more."] if more > 0 else [])
