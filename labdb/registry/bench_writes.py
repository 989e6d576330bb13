"""One entry of the bench: added, changed or taken back, in a transaction of its own, by the record's one form."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError, models, transaction
from django.utils import timezone

from labdb.registry import permissions
from labdb.registry.cells import detail_url
from labdb.registry.deletion import StillNeeded, delete_unneeded, named
from labdb.registry.entry_receipts import EntryReceipt, KeyOfAnother, Once, once
from labdb.registry.forms import Conflict, RecordForm, complete, conflicts, forbidden_sentence, form_for
from labdb.registry.headers import WHOLE_ROW
from labdb.registry.history import writing
from labdb.registry.imports import entered
from labdb.registry.record import Record, record_for
from labdb.registry.undo import ChangedRow, restore

DOOR = "bench"
STORED, REFUSED, NEEDS_REASON, CONFLICT, FORBIDDEN = "stored", "refused", "needs_reason", "conflict", "forbidden"
ADD, CHANGE, UNDO = "add", "change", "undo"
UNDONE = "undone at the bench"
PERFORMED_BY = "performed_by"
Act = Callable[["BenchEntry", Any], dict[str, Any]]
ACTS: dict[str, Act] = {}  # by name


@dataclass(frozen=True)
class BenchEntry:
    """What a page of the bench asks for.

    Attributes
    ----------
    key : UUID
        The entry's own name, given by the page; of an undo, the name of the entry that is taken back.
    pk, version : int or None
        The row that is changed, as the page saw it.
    of : UUID or None
        In place of these: the entry that added the row, whatever this account has entered of it since.
    at : str
        When it was entered, by the page's clock; the history keeps it, for the network may have been away.
    person : str
        User name of who works there, as a PIN said; empty when nobody was chosen.
    """

    key: uuid.UUID
    action: str
    record: type[Record] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    pk: int | None = None
    version: int | None = None
    of: uuid.UUID | None = None
    reason: str = ""
    at: str = ""
    person: str = ""

    def words(self) -> dict[str, str]:
        """Return what the history keeps beside the account: when it was entered, and who worked there."""
        return {name: text for name, text in (("entered_at", self.at), ("at_bench", self.person)) if text}


class NotDone(Exception):
    """The entry is not stored.

    Attributes
    ----------
    status : str
        refused, needs_reason, conflict or forbidden.
    errors : dict of str to list of str
        Sentences by field.
    more : dict
        What else the answer holds.
    """

    def __init__(self, status: str, errors: dict[str, list[str]] | str, **more: Any) -> None:
        super().__init__(status)
        self.status = status
        self.errors = {WHOLE_ROW: [errors]} if isinstance(errors, str) else errors
        self.more = more


def bench_act(name: str) -> Callable[[Act], Act]:
    """Declare what an entry of this action does: more than one row, of a later room, all or nothing.

    It is called once per entry, in its transaction, with the entry and the account. It returns what `stored_answer`
    makes of the row that stands for the whole, or raises NotDone. An act is not taken back.
    """

    def declare(act: Act) -> Act:
        ACTS[name] = act
        return act

    return declare


def answer_entry(entry: BenchEntry, user: Any) -> dict[str, Any]:
    """Store an entry, or say why not; sent again, it is answered as the first time."""
    resource = entry.record.resource if entry.record else ""
    try:
        with once(entry.key, user=user, door=DOOR, resource=resource) as first:
            if entry.action == UNDO:
                return _take_back(first, entry, user)
            if first.receipt is not None:
                return first.receipt.answer
            with writing(user=user, door=DOOR, reason=entry.reason, **entry.words()):
                answer = _doing(entry.action)(entry, user)
            first.keep(answer, answer["id"])
            return answer
    except NotDone as refusal:
        return {"key": str(entry.key), "status": refusal.status, "errors": refusal.errors, **refusal.more}
    except KeyOfAnother as error:
        return refused(str(entry.key), str(error))
    except DataError:
        return refused(str(entry.key), "A value is beyond what its column can hold.")


def refused(key: Any, sentence: str) -> dict[str, Any]:
    """Return the answer to an entry that says nothing that could be stored."""
    return {"key": key, "status": REFUSED, "errors": {WHOLE_ROW: [sentence]}}


def _doing(action: str) -> Act:
    return {ADD: _add, CHANGE: _change}.get(action) or ACTS[action]


def _add(entry: BenchEntry, user: Any) -> dict[str, Any]:
    record = _writable(entry)
    values = dict(entry.values)
    if PERFORMED_BY in record.fields and not {PERFORMED_BY, f"{PERFORMED_BY}_id"} & values.keys():
        values[PERFORMED_BY] = entry.person or user.get_username()
    form = form_for(record)(complete(_texts(record, values), record), user=user, reason=entry.reason)
    return _stored(entry, form)


def _change(entry: BenchEntry, user: Any) -> dict[str, Any]:
    record = _writable(entry)
    pk, version = _wanted(entry.of, user) if entry.of else (entry.pk, entry.version)
    if pk is None or version is None:
        raise NotDone(REFUSED, "The page did not say which row and version it shows; reload it.")
    what = record.model._meta.verbose_name
    row: Any = permissions.visible(record.model._default_manager.all(), user).filter(pk=pk).first()
    if row is None:
        raise NotDone(REFUSED, f"There is no {what} {pk} any more; somebody deleted it.")
    study = permissions.study_of(row)
    if not permissions.may(user, "change", record.model, study):
        raise NotDone(FORBIDDEN, forbidden_sentence("change", record.model, study))
    links = {f.name: [one.pk for one in getattr(row, f.name).all()] for f in record.model._meta.many_to_many}
    texts = complete(_texts(record, entry.values), record, row)
    form = form_for(record)(texts, user=user, instance=row, reason=entry.reason)
    return {**_stored(entry, form, version), "links_before": links}


def _writable(entry: BenchEntry) -> type[Record]:
    record = entry.record
    assert record is not None  # only an undo names none
    if record.read_only:
        raise NotDone(FORBIDDEN, f"{record.title().capitalize()} are not entered; an analysis writes them.")
    return record


def _wanted(of: uuid.UUID, user: Any) -> tuple[int, int]:
    """Return row and version of an entry that corrects one of this account's own."""
    receipt = EntryReceipt.objects.filter(key=of, user=user, door=DOOR).first()
    if receipt is None or receipt.record_id is None:
        raise NotDone(REFUSED, "What this corrects was not stored; enter it anew.")
    if receipt.undone_at is not None and receipt.answer["action"] == ADD:
        raise NotDone(REFUSED, f"{receipt.answer['name']} was taken back; enter it anew.")
    newest = EntryReceipt.objects.filter(user=user, door=DOOR, resource=receipt.resource, record_id=receipt.record_id)
    return receipt.record_id, newest.latest("pk").answer["version"]


def _texts(record: type[Record], values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return entered(record, values)[0]
    except ValidationError as error:
        raise NotDone(REFUSED, error.message_dict) from error


def _stored(entry: BenchEntry, form: RecordForm, version: int | None = None) -> dict[str, Any]:
    """Save the form and return the answer; NotDone with its sentences otherwise."""
    _refuse_invalid(form)
    try:
        pk = form.save(expected_version=version).pk
    except Conflict as conflict:
        if not conflict.is_outdated:
            form.full_clean()  # the row that came first is stored now, so the rule itself can name it
            _refuse_invalid(form)
        raise NotDone(CONFLICT, str(conflict), **_both(conflict, form)) from conflict
    row = form.record.model._default_manager.get(pk=pk)  # read anew: the database makes version and ratios
    return stored_answer(entry, row, notes=form.notes)


def _refuse_invalid(form: RecordForm) -> None:
    if form.is_valid():
        return
    errors = {name: [str(one) for one in sentences] for name, sentences in form.errors.items()}
    if form.has_error(WHOLE_ROW, "forbidden"):
        raise NotDone(FORBIDDEN, errors)
    status = NEEDS_REASON if form.needs_reason() else REFUSED
    raise NotDone(status, errors, warnings=[one for some in errors.values() for one in some])


def _both(conflict: Conflict, form: RecordForm) -> dict[str, Any]:
    """Return what the other person stored where both differ, and its version."""
    if not conflict.is_outdated:
        return {}
    current: Any = form.record.model._default_manager.get(pk=form.instance.pk)
    theirs = {name: _text(value) for name, (value, _yours) in conflict.differences.items()}
    return {"theirs": theirs, "id": current.pk, "version": current.version}


def stored_answer(entry: BenchEntry, row: Any, **more: Any) -> dict[str, Any]:
    """Return what the page is told of an entry that is stored."""
    return {
        "key": str(entry.key),
        "status": STORED,
        "action": entry.action,
        "id": row.pk,
        "version": row.version,
        "name": str(row),
        "url": detail_url(row),
        **more,
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _take_back(first: Once, entry: BenchEntry, user: Any) -> dict[str, Any]:
    """Delete what the entry added or give back what it changed, while nothing was done with it since."""
    receipt = first.receipt
    if receipt is None or receipt.door != DOOR:
        raise NotDone(REFUSED, "There is nothing to take back: this entry was not stored.")
    if receipt.undone_at is not None:
        return receipt.answer
    if receipt.answer["action"] in ACTS:
        raise NotDone(REFUSED, f"{receipt.answer['name']} is not taken back here; enter what is right now.")
    model: Any = record_for(receipt.resource).model
    row = model._default_manager.select_for_update(of=("self",)).filter(pk=receipt.record_id).first()
    name = receipt.answer["name"]
    if row is None:
        raise NotDone(REFUSED, f"{name} was deleted since.")
    if row.version != receipt.answer["version"]:
        raise NotDone(CONFLICT, f"{named(row)} was changed since; correct it on its own page.", url=detail_url(row))
    action = receipt.answer["action"]
    study = permissions.study_of(row)
    if not permissions.may(user, action, model, study):
        raise NotDone(FORBIDDEN, forbidden_sentence(action, model, study))
    with writing(user=user, door=DOOR, reason=UNDONE, **entry.words()):
        version = _undo(model, row, receipt, user)
    receipt.answer = {**receipt.answer, "undone": True, "version": version}
    receipt.undone_at = timezone.now()
    receipt.save(update_fields=["answer", "undone_at"])
    return receipt.answer


def _undo(model: Any, row: models.Model, receipt: EntryReceipt, user: Any) -> int:
    """Take back what one entry did to a row, and return the row's version then."""
    try:
        with conflicts(model), transaction.atomic():
            if receipt.answer["action"] == ADD:
                delete_unneeded(row, user)  # whoever may add may take back what was just added by mistake
                return int(receipt.answer["version"])
            restore(model, [ChangedRow(row.pk, receipt.answer["version"], receipt.answer["links_before"])])
    except (StillNeeded, Conflict) as error:
        raise NotDone(REFUSED, str(error)) from error
    return int(model._default_manager.values_list("version", flat=True).get(pk=row.pk))
