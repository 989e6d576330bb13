"""Finding a record by what people call it."""

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from labdb.registry import permissions
from labdb.registry.former_names import rows_formerly
from labdb.registry.models import StudyRecord, label_of

SUGGEST_FROM = 5_000  # names looked through for a suggestion; more would be slow and no help
SUGGESTIONS = 30  # per sheet: a column of wrong names needs no thousand comparisons with all right ones
LARGEST_ID = 2**63 - 1


class KeyRing:
    """Turns a name (``M001``, ``DEMO-M001``) or an id (``#12``) into a record, and remembers it.

    A sheet of ten thousand rows asks the database once per column: `prefetch`. Only what the account may see is
    found.
    """

    def __init__(self, user: Any) -> None:
        self.user = user
        self._found: dict[tuple[Any, int | None, str], Any] = {}
        self._names: dict[tuple[Any, int | None], list[str]] = {}
        self._allowed: dict[tuple[str, Any, int | None], bool] = {}
        self._suggested = 0
        self.renamed: dict[tuple[type[models.Model], str], Any] = {}  # former names that were followed, and to what

    def may(self, action: str, model: type[models.Model], study: Any = None) -> bool:
        """Whether the account may do this; asked once per study, not once per row."""
        place = action, model, study.pk if study is not None else None
        if place not in self._allowed:
            self._allowed[place] = permissions.may(self.user, action, model, study)
        return self._allowed[place]

    def find(self, model: type[models.Model], text: str, study: Any = None) -> Any:
        """Return the record of this name; ValidationError with a sentence when there is none, or more than one."""
        place = self._place(model, study, text)
        if place not in self._found:
            try:
                self._found[place] = self._look_up(model, text, study)
            except ValidationError as error:
                self._found[place] = error
        found = self._found[place]
        if isinstance(found, ValidationError):
            raise found
        return found

    def prefetch(self, model: type[models.Model], texts: Iterable[str], study: Any = None) -> None:
        """Look up the names of a whole column in one query; those not found are looked up singly later, with words."""
        wanted = {text for text in texts if text and self._place(model, study, text) not in self._found}
        if not wanted:
            return
        rows = self._rows(model, study)
        if key_path(model) == "pk":
            ids = {text: int(text.removeprefix("#")) for text in wanted if is_id(text)}
            by_id = rows.in_bulk(ids.values())
            found = [(text, by_id[pk]) for text, pk in ids.items() if pk in by_id]
        else:
            key = key_path(model)
            found = [(str(_follow(row, key)), row) for row in rows.filter(**{f"{key}__in": wanted})]
        times = Counter(text for text, _row in found)
        for text, row in found:
            if times[text] == 1:  # a code that two studies have is looked up singly, and refused with words
                self._found[self._place(model, study, text)] = row

    def expect(self, row: Any) -> None:
        """Know a row of the sheet that is not stored yet, by its name, so that another row of the sheet may name it."""
        name = str(getattr(row, key_path(type(row))))
        self._found.setdefault(self._place(type(row), getattr(row, "study", None), name), row)

    def _place(self, model: type[models.Model], study: Any, text: str) -> tuple[Any, int | None, str]:
        scope = study.pk if study is not None and issubclass(model, StudyRecord) else None
        return model, scope, text

    def rows(self, model: type[models.Model]) -> models.QuerySet:
        """Return the rows that names are looked up in: those that the account may see."""
        return permissions.visible(model._default_manager.all(), self.user)

    def _rows(self, model: type[models.Model], study: Any) -> models.QuerySet:
        rows = self.rows(model)
        related = [step for step in ["__".join(key_path(model).split("__")[:-1])] if step]
        if issubclass(model, StudyRecord):
            related.append("study")
            if study is not None:
                rows = rows.filter(study=study)
        return rows.select_related(*related) if related else rows

    def _look_up(self, model: type[models.Model], text: str, study: Any) -> Any:
        rows = self._rows(model, study)
        key = key_path(model)
        if is_id(text) and (text.startswith("#") or key == "pk"):
            found = list(rows.filter(pk=int(text.removeprefix("#")))[:1])
        elif key == "pk":
            what = str(model._meta.verbose_name)
            raise ValidationError(f"{text} is not the number of {article(what)} {what}; enter its id, such as 12.")
        else:
            found = list(rows.filter(**{key: text})[:3])
            if not found and issubclass(model, StudyRecord) and "-" in text:
                found = _by_label(rows, key, text)
            if not found:
                found = self._formerly(rows, text)
        if len(found) == 1:
            return found[0]
        if found:
            raise ValidationError(_more_than_one(model, text, found))
        raise ValidationError(self._not_found(model, text, study, rows))

    def _formerly(self, rows: models.QuerySet, text: str) -> list[Any]:
        """Return the one row that once had this name or label; a name that two rows had leads nowhere by itself."""
        found = rows_formerly(rows, {text}).get(text, [])
        if not found and issubclass(rows.model, StudyRecord):
            for study, name in _split_label(text):
                found += rows_formerly(rows.filter(study__code=study), {name}).get(name, [])
        if len(found) > 1:
            now = " and of ".join(label_of(row) for row in found)
            raise ValidationError(f"{text} was once the name of {now}; enter the name of today.")
        for row in found:
            self.renamed[rows.model, text] = row
        return found

    def _not_found(self, model: type[models.Model], text: str, study: Any, rows: models.QuerySet) -> str:
        what = model._meta.verbose_name
        where = f" in study {study}" if study is not None and issubclass(model, StudyRecord) else ""
        place = self._place(model, study, "")[:2]
        if place not in self._names:
            known = rows.order_by().values_list(key_path(model), flat=True)[:SUGGEST_FROM]
            self._names[place] = sorted(str(name) for name in known)
        names = self._names[place]
        self._suggested += 1
        if self._suggested <= SUGGESTIONS and (close := get_close_matches(text, names, n=3, cutoff=0.6)):
            return f"There is no {what} {text}{where}; did you mean {' or '.join(close)}?"
        if not names:
            return f"There is no {what} {text}{where}, and no other {what} yet; enter it first."
        some = ", ".join(names[:5])
        return f"There is no {what} {text}{where}; there are {some}{', ...' if len(names) > 5 else '.'}"


def key_path(model: type[models.Model]) -> str:
    """Return the path to what people call a row of this model; ``pk`` where it has no name."""
    return getattr(model, "key_field", "pk")


def is_id(text: str) -> bool:
    """Whether a text is an id: ``12`` or ``#12``."""
    digits = text.removeprefix("#")
    return digits.isascii() and digits.isdecimal() and int(digits[:20]) <= LARGEST_ID


def article(word: str) -> str:
    """Return a or an."""
    return "an" if word[:1].lower() in "aeiou" or word[:2] in ("SI", "RN") else "a"


def _by_label(rows: models.QuerySet, key: str, text: str) -> list[Any]:
    """Return rows whose label ``STUDY-CODE`` is this text; a study's code may hold hyphens itself."""
    labels = models.Q()
    for study, name in _split_label(text):
        labels |= models.Q(study__code=study, **{key: name})
    return list(rows.filter(labels)[:3])


def _split_label(text: str) -> list[tuple[str, str]]:
    return [(text[:at], text[at + 1 :]) for at, letter in enumerate(text) if letter == "-"]


def _more_than_one(model: type[models.Model], text: str, found: list[Any]) -> str:
    if issubclass(model, StudyRecord):
        studies = ", ".join(sorted({str(record.study) for record in found}))
        return f"{text} exists in more than one study ({studies}); say which in the field study."
    ids = ", ".join(f"#{record.pk}" for record in found)
    return f"{text} is the name of more than one {model._meta.verbose_name}; enter the id ({ids})."


def _follow(record: Any, path: str) -> Any:
    for name in path.split("__"):
        record = getattr(record, name)
    return record
