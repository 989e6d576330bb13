"""Finding a record by what people call it."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from labdb.registry.models import StudyRecord
from labdb.registry.permissions import visible

SUGGEST_FROM = 5_000  # names looked through for a suggestion; more would be slow and no help


class KeyRing:
    """Turns a name (``M001``, ``DEMO-M001``) or an id (``#12``) into a record, and remembers it.

    A sheet of ten thousand rows asks the database once per column: `prefetch`. Only what the account may see is
    found.
    """

    def __init__(self, user: Any) -> None:
        self.user = user
        self._found: dict[tuple[Any, int | None, str], Any] = {}

    def find(self, model: type[models.Model], text: str, study: Any = None) -> Any:
        """Return the record of this name; ValidationError with a sentence when there is none, or more than one."""
        place = self._place(model, study, text)
        if place not in self._found:
            self._found[place] = self._look_up(model, text, study)
        return self._found[place]

    def prefetch(self, model: type[models.Model], texts: Iterable[str], study: Any = None) -> None:
        """Look up the names of a whole column in one query; those not found are looked up singly later, with words."""
        wanted = set(texts)
        if not wanted:
            return
        key = _key_path(model)
        for record in self._rows(model, study).filter(**{f"{key}__in": wanted}):
            self._found.setdefault(self._place(model, study, str(_follow(record, key))), record)

    def _place(self, model: type[models.Model], study: Any, text: str) -> tuple[Any, int | None, str]:
        scope = study.pk if study is not None and issubclass(model, StudyRecord) else None
        return model, scope, text

    def _rows(self, model: type[models.Model], study: Any) -> models.QuerySet:
        rows = visible(model._default_manager.all(), self.user)
        if issubclass(model, StudyRecord):
            rows = rows.select_related("study")
            if study is not None:
                rows = rows.filter(study=study)
        return rows

    def _look_up(self, model: type[models.Model], text: str, study: Any) -> Any:
        rows = self._rows(model, study)
        key = _key_path(model)
        if text.startswith("#") and text[1:].isdigit():
            found = list(rows.filter(pk=int(text[1:]))[:1])
        else:
            found = list(rows.filter(**{key: text})[:3])
            if not found and issubclass(model, StudyRecord) and "-" in text:
                found = _by_label(rows, key, text)
        if len(found) == 1:
            return found[0]
        if found:
            studies = ", ".join(sorted(str(record.study) for record in found))
            raise ValidationError(f"{text} exists in more than one study ({studies}); say which in the field study.")
        raise ValidationError(_not_found(model, text, study, rows, key))


def _by_label(rows: models.QuerySet, key: str, text: str) -> list[Any]:
    """Return rows whose label ``STUDY-CODE`` is this text; a study's code may hold hyphens itself."""
    splits = [text.split("-", i) for i in range(1, text.count("-") + 1)]
    labels = models.Q()
    for parts in splits:
        labels |= models.Q(study__code="-".join(parts[:-1]), **{key: parts[-1]})
    return list(rows.filter(labels)[:3])


def _not_found(model: type[models.Model], text: str, study: Any, rows: models.QuerySet, key: str) -> str:
    what = model._meta.verbose_name
    where = f" in study {study}" if study is not None and issubclass(model, StudyRecord) else ""
    names = [str(name) for name in rows.values_list(key, flat=True)[:SUGGEST_FROM]]
    close = get_close_matches(text, names, n=3, cutoff=0.6)
    if close:
        return f"There is no {what} {text}{where}; did you mean {' or '.join(close)}?"
    if not names:
        return f"There is no {what} {text}{where}, and no other {what} yet; enter it first."
    some = ", ".join(sorted(names)[:5])
    return f"There is no {what} {text}{where}; there are {some}{', ...' if len(names) > 5 else ''}"


def _key_path(model: type[models.Model]) -> str:
    return getattr(model, "key_field", "pk")


def _follow(record: Any, path: str) -> Any:
    for name in path.split("__"):
        record = getattr(record, name)
    return record
