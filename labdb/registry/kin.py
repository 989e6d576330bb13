"""What other records and current results say of a row, under the words that people ask by.

Records never point to results, so what is known of a mouse (its phenotype, its drug, the RIN of its RNA) is a row of
another record. A room declares such rows as `Kin`; lists, REST, exports, the admin and questions then take their words as
filters of the row itself, and of every record that names it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Q

from labdb.registry.record import Record, record_for


def _all_count(user: Any, study: Any) -> Q:
    return Q()


@dataclass(frozen=True)
class Kin:
    """Rows of one record that say something of each row of another.

    Attributes
    ----------
    name : str
        What these rows are called in a question (``rna``); its fields follow (``rna.batch``).
    of : type of model
        Whom they are about.
    model : type of model
        Theirs; it has a declaration.
    path : str
        From them to whom they are about.
    words : dict of str to str
        Short words, each with the path of its field: ``rin`` for ``extraction__rin``.
    shared : tuple of str
        Words that several kin know (``region``): beside another word of theirs they speak of the same row, of the kin
        that was declared first.
    counting : callable
        (account, study or None) -> the condition of those that count, such as current results.
    choices : dict of str to list of (str, str)
        What is offered for words whose field has no choices of its own.
    """

    name: str
    of: type[Any]
    model: type[Any]
    path: str
    words: Mapping[str, str]
    shared: tuple[str, ...] = ()
    counting: Callable[[Any, Any], Q] = _all_count
    choices: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)

    @property
    def record(self) -> type[Record]:
        """The declaration of these rows."""
        return record_for(self.model)

    @property
    def about(self) -> str:
        """Return what these rows are, in words."""
        return str(self.model._meta.verbose_name_plural)


_kin: dict[type[Any], list[Kin]] = {}


def declare(*kin: Kin) -> None:
    """Make the words of kin known; the first that is declared under a word has it."""
    for one in kin:
        _kin.setdefault(one.of, []).append(one)


def kin_named(model: type[Any], word: str) -> tuple[str, Kin] | None:
    """Return the path to whom a word is about, from rows of this model (empty: these themselves), and the kin."""
    for prefix, kin in _reached(model):
        if word == kin.name or word in kin.words:
            return prefix, kin
    return None


def words_of(model: type[Any]) -> list[str]:
    """Return the words and names that the kin of a row's own, and of whom it names, answer to."""
    return sorted({word for _prefix, kin in _reached(model) for word in (kin.name, *kin.words)})


def own_kin(model: type[Any]) -> list[Kin]:
    """Return the kin of rows of this model themselves."""
    return _kin.get(model, [])


def all_kin() -> list[Kin]:
    """Return all that is declared."""
    return [kin for found in _kin.values() for kin in found]


def _reached(model: type[Any]) -> Iterator[tuple[str, Kin]]:
    for kin in own_kin(model):
        yield "", kin
    for of, found in _kin.items():
        if of is not model and (path := _path_to(model, of)):
            for kin in found:
                yield path, kin


def _path_to(model: type[Any], of: type[Any]) -> str:
    """Return how rows name whom kin are about: by a field, or a short name of the declaration, called like it."""
    name = str(of._meta.model_name)
    try:
        declared = record_for(model).relations.get(name)
        if declared:
            return declared
        return name if model._meta.get_field(name).related_model is of else ""
    except (KeyError, FieldDoesNotExist):
        return ""
