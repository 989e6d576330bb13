"""Two records of one thing become one: everything that refers to the one that goes moves to the one that stays.

All of it in one transaction or nothing. What cannot be moved is listed, each with its row; a person settles it first.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from labdb.registry import permissions
from labdb.registry.attachments import attachments_of
from labdb.registry.cells import detail_url
from labdb.registry.deletion import Forbidden, named
from labdb.registry.findings import Grade
from labdb.registry.former_names import MERGED_INTO
from labdb.registry.forms import complete, forbidden_sentence, form_for, model_texts
from labdb.registry.history import writing
from labdb.registry.models import LabRecord, dependents
from labdb.registry.record import record_for
from labdb.registry.rules import UniqueRule


@dataclass(frozen=True)
class Obstacle:
    """Why two records cannot be merged as they are, and the rows to look at."""

    sentence: str
    rows: tuple[tuple[str, str], ...] = ()  # (name, address)


@dataclass
class Merge:
    """What a merge does, or what stands in its way.

    Attributes
    ----------
    moved, doubled, results_moved, results_deleted : Counter of model
        Rows that move, rows that both had alike (one goes), and computed results that move or go.
    """

    obstacles: list[Obstacle] = field(default_factory=list)
    moved: Counter[type[models.Model]] = field(default_factory=Counter)
    doubled: Counter[type[models.Model]] = field(default_factory=Counter)
    results_moved: Counter[type[models.Model]] = field(default_factory=Counter)
    results_deleted: Counter[type[models.Model]] = field(default_factory=Counter)

    def sentences(self) -> list[str]:
        """Say what is done, kind by kind."""
        said = (
            (self.moved, "move"),
            (self.doubled, "are in both records alike: one of each two goes"),
            (self.results_moved, "move"),
            (self.results_deleted, "of the record that goes are deleted; run the analyses again"),
        )
        return [
            f"{n:,} {model._meta.verbose_name_plural} {what}." for counts, what in said for model, n in counts.items()
        ]


class _TakeBack(Exception):
    """Rolls a trial back."""


def merge_records(
    kept: Any, dropped: Any, from_dropped: Collection[str], *, user: Any, reason: str, is_trial: bool = False
) -> Merge:
    """Merge two records, or try to: with obstacles, or as a trial, everything is taken back.

    Parameters
    ----------
    kept, dropped : LabRecord
        Of one model and one study.
    from_dropped : collection of str
        Fields whose value is taken from the record that goes; its name stays findable, and leads to the other.

    Raises
    ------
    Forbidden
        The account may not change and delete such records, or the study is closed.
    """
    _refuse_without_permission(kept, user)
    merge = Merge()
    if kept.pk == dropped.pk or permissions.study_of(kept) != permissions.study_of(dropped):
        merge.obstacles.append(Obstacle("Choose two different records of one study."))
        return merge
    if not reason.strip() and not is_trial:
        merge.obstacles.append(Obstacle("Say why the two are one; the history keeps it."))
    label = type(kept)._meta.label_lower
    words = {MERGED_INTO: {label: {str(dropped.pk): kept.pk}}}
    try:
        with transaction.atomic(), writing(user=user, door="web", reason=reason.strip(), **words):
            _merge(kept, dropped, from_dropped, user, reason or "trial", merge)
            if merge.obstacles or is_trial:
                raise _TakeBack
    except _TakeBack:
        pass
    except (IntegrityError, models.ProtectedError, models.RestrictedError) as error:
        merge.obstacles.append(Obstacle(f"The database refuses it: {_first_line(error)}"))
    return merge


def _refuse_without_permission(kept: Any, user: Any) -> None:
    study = permissions.study_of(kept)
    for action in ("change", "delete"):
        if not permissions.may(user, action, type(kept), study):
            raise Forbidden(forbidden_sentence(action, type(kept), study))


def _merge(kept: Any, dropped: Any, names: Collection[str], user: Any, reason: str, merge: Merge) -> None:
    model = type(kept)
    locked = model._default_manager.select_for_update(of=("self",)).filter(pk__in=[kept.pk, dropped.pk])
    if len(locked) < 2:
        merge.obstacles.append(Obstacle("One of the two was deleted meanwhile; reload."))
        return
    form_texts = complete(
        {name: model_texts(dropped, record_for(model))[name] for name in names}, record_for(model), kept
    )
    for name in set(names) & set(record_for(model).fields):  # what the moved rows are held against
        setattr(kept, name, getattr(dropped, name))
    relations = dependents(model)
    logs = [relation for relation in relations if getattr(relation.related_model, "append_only", False)]
    for relation in logs:
        merge.obstacles += _logged(relation, dropped)
    relations = [relation for relation in relations if relation not in logs]
    for relation in relations:
        if not issubclass(relation.related_model, LabRecord):
            _move_results(relation, kept, dropped, merge)
    for relation in relations:
        if issubclass(relation.related_model, LabRecord):
            _move_records(relation, kept, dropped, merge)
    _move_attachments(kept, dropped, merge)
    if merge.obstacles:
        return
    dropped.delete()
    fresh = model._default_manager.get(pk=kept.pk)
    form = form_for(record_for(model))(form_texts, user=user, instance=fresh, reason=reason)
    if form.is_valid():
        form.save()
    for sentences in form.errors.values():
        merge.obstacles += [Obstacle(str(sentence)) for sentence in sentences]


def _logged(relation: Any, dropped: Any) -> list[Obstacle]:
    """Say that a log names the record that would go: what was logged of it stays as it was."""
    rows = list(relation.related_model._base_manager.filter(**{relation.field.name: dropped.pk}))
    what = relation.related_model._meta.verbose_name
    sentence = f"{named(dropped)} stands in the log ({what}), which nobody changes; keep this one and let the other go."
    return [Obstacle(sentence, _rows(*rows))] if rows else []


def _move_results(relation: Any, kept: Any, dropped: Any, merge: Merge) -> None:
    """Move computed results where only the dropped record has them; else they go, for they cannot both stand."""
    name = relation.field.name
    rows = relation.related_model._base_manager
    own = rows.filter(**{name: dropped.pk})
    if rows.filter(**{name: kept.pk}).exists():
        merge.results_deleted += Counter(
            {relation.related_model: own.delete()[1].get(relation.related_model._meta.label, 0)}
        )
    else:
        merge.results_moved += Counter({relation.related_model: own.update(**{name: kept.pk})})


def _move_records(relation: Any, kept: Any, dropped: Any, merge: Merge) -> None:
    model, name = relation.related_model, relation.field.name
    moving = []
    for row in model._base_manager.filter(**{name: dropped.pk}):
        if row == kept:
            merge.obstacles.append(
                Obstacle(f"{named(kept)} itself names {dropped} as its {name}; correct that.", _rows(kept))
            )
            continue
        setattr(row, name, kept)
        twins = _twins(row)
        if not twins:
            moving.append(row)
        elif all(_is_alike(row, twin, name) for twin in twins) and not _is_needed(row, merge):
            model._base_manager.filter(pk=row.pk).delete()
            merge.doubled[model] += 1
        else:
            merge.obstacles.append(
                Obstacle(f"Both have {model._meta.verbose_name} {row}; keep one of the two.", _rows(row, *twins))
            )
    merge.obstacles += _broken_rules(model, moving)
    model._base_manager.filter(pk__in=[row.pk for row in moving]).update(**{name: kept.pk})
    merge.moved += Counter({model: len(moving)})


def _twins(row: Any) -> list[Any]:
    """Return the stored rows that a rule would not let stand beside this one."""
    found: dict[Any, Any] = {}
    for rule in row._meta.constraints:
        if isinstance(rule, UniqueRule):
            columns = {name: row._meta.get_field(name).attname for name in rule.fields}
            same = {name: getattr(row, column) for name, column in columns.items()}
            if None not in same.values() or rule.nulls_distinct is False:
                found |= type(row)._base_manager.filter(**same).exclude(pk=row.pk).in_bulk()
    return list(found.values())


def _is_alike(row: Any, twin: Any, name: str) -> bool:
    """Whether two rows say the same in everything that is entered, the lab's own fields included."""
    entered = [column for column in row._meta.concrete_fields if column.editable and not column.primary_key]
    return row.lab_values == twin.lab_values and all(
        getattr(row, column.attname) == getattr(twin, column.attname)
        for column in entered
        if not column.generated and column.name != name
    )


def _is_needed(row: Any, merge: Merge) -> bool:
    """Whether records or files hang on a row; computed results go with it."""
    results = []
    for relation in dependents(type(row)):
        hanging = relation.related_model._base_manager.filter(**{relation.field.name: row.pk})
        if not issubclass(relation.related_model, LabRecord):
            results.append((relation.related_model, hanging))
        elif hanging.exists():
            return True
    if attachments_of(row).exists():
        return True
    for model, hanging in results:
        merge.results_deleted += Counter({model: hanging.delete()[1].get(model._meta.label, 0)})
    return False


def _broken_rules(model: Any, moving: list[Any]) -> Iterator[Obstacle]:
    """Yield what the moved rows would say against the record that stays, and against its own rows."""
    for row in moving:
        try:
            row.clean()
        except ValidationError as error:
            yield Obstacle(" ".join(error.messages), _rows(row))
    for finding in model.findings(moving):
        if finding.grade == Grade.ERROR:
            yield Obstacle(finding.sentence, _rows(moving[finding.number]))


def _move_attachments(kept: Any, dropped: Any, merge: Merge) -> None:
    there = set(attachments_of(kept).values_list("sha256", flat=True))
    files = attachments_of(dropped)
    doubled, moved = files.filter(sha256__in=there), files.exclude(sha256__in=there)
    merge.moved += Counter({files.model: moved.update(record_id=kept.pk)})
    merge.doubled += Counter({files.model: doubled.delete()[0]})


def _rows(*rows: Any) -> tuple[tuple[str, str], ...]:
    return tuple((f"{named(row)} (#{row.pk})", detail_url(row)) for row in rows)


def _first_line(error: Exception) -> str:
    return str(error.args[0] if error.args else error).splitlines()[0]
