"""Deleting a record, or saying what stands in the way."""

from collections import Counter
from copy import copy
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError, RestrictedError

from labdb.registry.attachments import Attachment, attachments_of
from labdb.registry.forms import forbidden_sentence
from labdb.registry.models import LabRecord, counted, dependents
from labdb.registry.permissions import is_kept_from, may, place_of, study_of


class Forbidden(Exception):
    """The account's role does not allow it; the text is a sentence."""


class StillNeeded(Exception):
    """Other records depend on this one; the text says which, and how many."""


def delete_record(instance: models.Model, user: Any) -> None:
    """Delete one record; Forbidden or StillNeeded, with a sentence, when it must stay."""
    place = place_of(instance)
    if not may(user, "delete", type(instance), place):
        raise Forbidden(forbidden_sentence("delete", type(instance), place))
    delete_unneeded(instance, user)


def delete_unneeded(instance: models.Model, user: Any) -> None:
    """Delete one record, whatever the role; StillNeeded, with a sentence, when others depend on it."""
    needed_by = _protecting(instance)
    if needed_by:
        raise StillNeeded(_sentence(instance, needed_by, user))
    if isinstance(instance, LabRecord) and (sentence := instance.needed_by()):
        raise StillNeeded(sentence)
    try:
        with transaction.atomic():
            instance.delete()
    except (ProtectedError, RestrictedError) as error:  # by a part of it, which would be deleted along with it
        objects = getattr(error, "protected_objects", None) or error.restricted_objects  # type: ignore[union-attr]
        raise StillNeeded(_sentence(instance, Counter(type(row) for row in objects), user)) from error
    except IntegrityError as error:
        raise StillNeeded(f"{named(instance)} was referred to at the same moment; reload and try again.") from error


def refusal(row: models.Model, user: Any) -> str:
    """Return why a row cannot be deleted, by trying and taking it back: parts of parts may stand in the way too."""
    try:
        with transaction.atomic():
            delete_record(copy(row), user)  # a deleted instance forgets its id
            transaction.set_rollback(True)
    except StillNeeded as error:
        return str(error)
    return ""


def named(instance: models.Model) -> str:
    """Return the kind and name of a record, as a sentence begins: Mouse M001."""
    kind = str(instance._meta.verbose_name)
    name = str(instance)
    return name[:1].upper() + name[1:] if kind in name else f"{kind[:1].upper()}{kind[1:]} {name}"


def _protecting(instance: models.Model) -> Counter[type[models.Model]]:
    """Count the rows that refer to this one and forbid its deletion; counted, not loaded: there may be millions."""
    needed_by: Counter[type[models.Model]] = Counter()
    for relation in dependents(type(instance)):
        if relation.on_delete in (models.PROTECT, models.RESTRICT):
            rows = relation.related_model._base_manager.filter(**{relation.field.name: instance.pk})
            if count := rows.count():
                needed_by[relation.related_model] += count
    if count := attachments_of(instance).count():
        needed_by[Attachment] += count
    return needed_by


def counted_for(user: Any, model: type[models.Model], count: int, study: Any) -> str:
    """Return a number of rows in words; no number of rows that may be kept from the account."""
    if is_kept_from(user, "view", model, study):
        return str(model._meta.verbose_name_plural)
    return counted(model, count)


def _sentence(instance: models.Model, needed_by: Counter[type[models.Model]], user: Any) -> str:
    study = study_of(instance)
    counts = [counted_for(user, model, count, study) for model, count in needed_by.items()]
    listed = " and ".join(filter(None, [", ".join(counts[:-1]), counts[-1]]))
    return f"{named(instance)} has {listed}; delete {'these' if sum(needed_by.values()) > 1 else 'it'} first."
