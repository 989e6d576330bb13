"""What is done to many rows of a list at once: asked once, shown before it is done, all of it or nothing.

An action says what it asks and which rows it writes; what these may say is decided by the one form of their record.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from labdb.registry import permissions
from labdb.registry.batch import CheckedRow, check_rows
from labdb.registry.entry_receipts import EntryReceipt, once
from labdb.registry.forms import conflicts, offered
from labdb.registry.headers import WHOLE_ROW, default_texts
from labdb.registry.import_report import CheckedSheet
from labdb.registry.import_storing import Storing, store_sheet
from labdb.registry.page_context import PageContext
from labdb.registry.record import Record, natural_key
from labdb.registry.representation import with_related

DOOR = "web list"


@dataclass(frozen=True)
class Write:
    """One row that an action writes: texts of the form, the stored row that they change, and whom it is about."""

    about: Any
    texts: Mapping[str, Any]
    stored: Any = None


class ListAction:
    """One thing that is done to the chosen rows.

    Attributes
    ----------
    name
        In the address.
    label
        On the button; ``{n}`` rows are named by `title_of`.
    right
        What an account must be allowed to do with `target` to be offered it.
    needs_answers
        Whether it asks and previews; one that does not answers by itself (`answer`).
    needed
        Answers without which it makes no sense, though a record may lack them.
    """

    name: str
    label: str
    right: ClassVar[str] = "change"
    needs_answers: ClassVar[bool] = True
    needed: ClassVar[tuple[str, ...]] = ()

    def __init__(self, label: str = "") -> None:
        self.label = label or self.label

    def target(self, context: PageContext) -> type[Record]:
        """Return the record of which rows are written."""
        return context.record

    def is_offered(self, context: PageContext) -> bool:
        """Whether the account may do it, in the study of the list."""
        target = self.target(context)
        study = context.study if context.has_study else None
        return not target.read_only and permissions.may(context.user, self.right, target.model, study)

    def asked(self, context: PageContext, sent: Mapping[str, str]) -> tuple[str, ...]:
        """Return the fields of the target that are asked for."""
        return ()

    def choices(self, context: PageContext) -> list[tuple[str, str]]:
        """Return the fields of which one is chosen first; empty where all are asked for."""
        return []

    def initial(self, context: PageContext) -> dict[str, Any]:
        """Return what the fields hold at first."""
        return {}

    def writes(self, context: PageContext, rows: Sequence[Any], answers: Mapping[str, str]) -> Iterator[Write]:
        """Yield the rows that are written."""
        raise NotImplementedError

    def answer(self, request: HttpRequest, context: PageContext, rows: Sequence[Any]) -> HttpResponse:
        """Answer by itself, where nothing is asked."""
        raise NotImplementedError


class SetField(ListAction):
    """One field of all rows gets one value."""

    name = "change"
    label = "Set a field"

    def choices(self, context: PageContext) -> list[tuple[str, str]]:
        """Return the fields that rows may share: none that names a row."""
        names = {"study", *natural_key(context.record)}
        fields = offered(context.record).items()
        return [(name, str(form_field.label)) for name, form_field in fields if name not in names]

    def asked(self, context: PageContext, sent: Mapping[str, str]) -> tuple[str, ...]:
        """Return the field that was chosen."""
        chosen = sent.get("field", "")
        return (chosen,) if chosen in dict(self.choices(context)) else ()

    def writes(self, context: PageContext, rows: Sequence[Any], answers: Mapping[str, str]) -> Iterator[Write]:
        """Yield every row with its new value."""
        for row in rows:
            yield Write(row, answers, row)


_actions: dict[str, list[ListAction]] = {}


def offer(resource: str, *actions: ListAction) -> None:
    """Offer actions on a list, before the one that every list has."""
    _actions.setdefault(resource, []).extend(actions)


def actions_of(context: PageContext) -> list[ListAction]:
    """Return what the account may do to the rows of a list."""
    known = [*_actions.get(context.record.resource, []), SetField()]
    return [action for action in known if action.is_offered(context)]


@dataclass
class Preview:
    """What an action would write: changed and new rows, and every sentence, each once with the rows it is about."""

    sheet: CheckedSheet
    writes: list[Write] = field(default_factory=list)

    def _said(self, of: str) -> list[tuple[str, str, list[str]]]:
        said: dict[tuple[str, str], list[str]] = {}
        for row, write in zip(self.sheet.checked, self.writes, strict=True):
            pairs = (
                [(name, one) for name, some in row.errors.items() for one in some]
                if of == "errors"
                else getattr(row, of)
            )
            for name, sentence in pairs:
                shown = "" if name == WHOLE_ROW else name.replace("_", " ")
                said.setdefault((shown, sentence), []).append(str(write.about))
        return [(name, sentence, list(dict.fromkeys(rows))) for (name, sentence), rows in said.items()]

    @property
    def errors(self) -> list[tuple[str, str, list[str]]]:
        """What refuses all of it: field, sentence, the rows."""
        return self._said("errors")

    @property
    def warnings(self) -> list[tuple[str, str, list[str]]]:
        """What only a reason lets in."""
        return self._said("warnings")

    @property
    def lines(self) -> list[tuple[Write, CheckedRow]]:
        """The rows that would be written, each with whom it is about."""
        return [(write, row) for write, row in zip(self.writes, self.sheet.checked, strict=True) if row.is_written]

    @property
    def n_unchanged(self) -> int:
        """How many rows say it already."""
        return sum(not row.is_written and not row.errors for row in self.sheet.checked)


def preview(action: ListAction, context: PageContext, rows: Sequence[Any], answers: Mapping[str, str]) -> Preview:
    """Check all that an action would write, without storing anything."""
    target = action.target(context)
    writes = list(action.writes(context, rows, answers))
    pks = [write.stored.pk for write in writes if write.stored is not None]
    stored: dict[int, Any] = with_related(target.model._default_manager.all(), target).in_bulk(pks) if pks else {}
    defaults = default_texts(target)
    texts = [
        (number, dict(write.texts) if write.stored is not None else {**defaults, **write.texts})
        for number, write in enumerate(writes, start=1)
    ]
    changed = {
        number: stored[write.stored.pk] for number, write in enumerate(writes, start=1) if write.stored is not None
    }
    checked = check_rows(target, texts, user=context.user, word="row", stored=changed)
    return Preview(CheckedSheet(target, checked), writes)


def carry_out(shown: Preview, *, user: Any, reason: str, key: uuid.UUID) -> int:
    """Store what was previewed, all or none, once for each key, and return how many rows were written.

    Raises
    ------
    Conflict
        Somebody changed one of the rows meanwhile.
    """
    target = shown.sheet.record
    with conflicts(target.model), once(key, user=user, door=DOOR, resource=target.resource) as entry:
        if entry.receipt is None:
            storing = Storing(user, DOOR, reason)
            with storing.history(None):
                written = store_sheet(shown.sheet, storing, None)
            entry.keep({"written": len(written)})
    assert entry.receipt is not None
    return int(entry.receipt.answer["written"])


def was_carried_out(key: uuid.UUID, user: Any) -> int | None:
    """Return how many rows were written by this key before (a double click), None where nothing was."""
    receipt = EntryReceipt.objects.filter(key=key, user=user, door=DOOR).first()
    return None if receipt is None else int(receipt.answer["written"])
