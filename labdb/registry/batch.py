"""Many rows of a record at once: every rule of the one form, without its queries for each row.

Names are looked up a column at a time, the rules of the table are one statement each for all rows, and the rows are
written in one transaction or not at all. A row of a sheet whose natural key is stored already changes that row.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from django.core.exceptions import ValidationError

from labdb.registry.findings import Finding, Grade
from labdb.registry.form_fields import AS_WRITTEN, KeyField, Reading, is_storable, read_as, split_keys
from labdb.registry.forms import Conflict, RecordForm, complete, form_for
from labdb.registry.keys import KeyRing
from labdb.registry.lab_fields import value_of
from labdb.registry.lab_values import COLUMN
from labdb.registry.long_work import tick, ticked
from labdb.registry.numbers import AmbiguousError
from labdb.registry.record import Record, field_of, natural_key
from labdb.registry.representation import with_related
from labdb.registry.rules import UniqueRule
from labdb.registry.table_rules import broken_rules, stored_twins
from labdb.registry.table_writes import insert_rows, update_rows


@dataclass(frozen=True)
class Difference:
    """One field of a stored row that a sheet changes, as texts."""

    field: str
    old: str
    new: str


@dataclass
class CheckedRow:
    """One row after the form: the instance it would become, and its sentences by field."""

    line: int
    instance: Any
    related: dict[str, list[Any]]
    errors: dict[str, list[str]]
    is_forbidden: bool = False
    is_blocked: bool = False  # by an error that is said elsewhere: the row that it names is wrong
    refused: set[str] = field(default_factory=set)  # fields that no rule of the table can be held against
    questions: dict[str, str] = field(default_factory=dict)  # by field, what is left open: date_order, decimal_mark
    warnings: list[tuple[str, str]] = field(default_factory=list)  # field, sentence
    notes: list[tuple[str, str]] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    links_before: dict[str, list[int]] = field(default_factory=dict)  # of a changed row, where several are named

    @property
    def is_new(self) -> bool:
        """Whether the row is not stored yet."""
        return self.instance.pk is None

    @property
    def is_written(self) -> bool:
        """Whether storing the sheet writes this row: it is new, or says something else than what is stored."""
        return self.is_new or bool(self.differences)

    def add(self, error: ValidationError) -> None:
        """Add a rule's sentence at its field."""
        for name, sentences in error.message_dict.items():
            self.errors.setdefault(name, []).extend(sentences)

    def find(self, finding: Finding) -> None:
        """Add what rows say against each other."""
        if finding.grade == Grade.ERROR:
            self.errors.setdefault(finding.field, []).append(finding.sentence)
        else:
            (self.warnings if finding.grade == Grade.WARNING else self.notes).append((finding.field, finding.sentence))


def check_rows(
    record: type[Record],
    rows: Sequence[tuple[int, dict[str, Any]]],
    *,
    user: Any,
    study: Any = None,
    word: str = "line",
    given: Collection[str] | None = None,
    reading: Reading = AS_WRITTEN,
    ring: KeyRing | None = None,
    stored: Mapping[int, Any] | None = None,
) -> list[CheckedRow]:
    """Check rows of form data; the result has one entry for each, in order.

    Parameters
    ----------
    rows : sequence of (int, dict)
        Line number, and the text of every field of the form; of a row that changes a stored one, of some fields.
    word : str
        What the numbers count, for the sentences: lines of a file or rows of a request.
    given : collection of str, optional
        The fields that the sheet itself names. With it, a row whose natural key is stored changes these fields of
        the stored row; without it every row is a new one.
    reading : Reading
        What somebody said of the dates and decimals of this sheet.
    ring : KeyRing, optional
        Afterwards it knows the names that were looked up, and which of them were former ones.
    stored : mapping of int to instance, optional
        By line number, the stored rows that somebody changes knowingly; all other rows are as `given` says.
    """
    ring = ring or KeyRing(user)
    form_class = form_for(record)
    _prefetch(form_class, [row for _line, row in rows], ring, study)
    form = form_class({}, user=user, keys=ring, study=study, in_batch=True)
    read_as(form, reading)
    checked_at: dict[int, CheckedRow] = {}
    own = _own_columns(record, form)
    for number in ticked(_named_first(record, own, rows), len(rows), f"checking {record.title()}"):
        line, texts = rows[number]
        change = stored.get(line) if stored else None
        done = _checked(form, line, texts) if change is None else _as_change(record, form, line, texts, change)
        checked_at[number] = done
        if own and done.is_new and not done.errors:
            ring.expect(done.instance)  # the rows below may name it
    checked = [checked_at[number] for number in range(len(rows))]
    not_entered = {column.name for column in record.model._meta.concrete_fields} - set(form.fields)
    if given is not None:
        _match(record, form, rows, checked, given)
    tick(0, 0, f"holding {record.title()} against what is stored")
    # A row that is stored as it is breaks no rule; and what is taken is no business of who may not write it.
    unsettled = [row for row in checked if (row.is_written or row.errors) and not row.is_forbidden]
    for number, error in broken_rules(record.model, [(row.instance, not_entered | row.refused) for row in unsettled]):
        unsettled[number].add(error)
    for rule in record.model._meta.constraints:
        if isinstance(rule, UniqueRule):
            _check_in_batch(rule, checked, word)
    sound = [row for row in checked if row.is_written and not row.errors]
    for row in sound:
        row.instance.writer = user
    for finding in record.model.findings([row.instance for row in sound]):  # type: ignore[attr-defined]
        sound[finding.number].find(finding)
    return checked


def store_rows(record: type[Record], checked: Sequence[CheckedRow], *, user: Any) -> list[Any]:
    """Write new and changed rows and return them; call it inside a transaction.

    Raises
    ------
    Conflict
        Somebody changed one of the rows since it was checked.
    """
    new = [row for row in checked if row.is_new]
    changed = [row for row in checked if row.differences]
    written = [row.instance for row in checked if row.is_written]
    for row in new:
        row.instance.created_by = user
    insert_rows(record.model, [row.instance for row in new])
    _change(record, changed)
    for name in checked[0].related if checked else ():
        many = record.model._meta.get_field(name)
        _link(many, [(row.instance, row.related[name]) for row in new], user)
        for row in changed:
            if name in row.links_before:
                getattr(row.instance, name).set(row.related[name], through_defaults={"created_by": user})
    return written


def _change(record: type[Record], changed: Sequence[CheckedRow]) -> None:
    if not changed:
        return
    seen = {row.instance.pk: row.instance.version for row in changed}
    stored = record.model._default_manager.select_for_update(of=("self",)).in_bulk(seen)
    for pk, version in seen.items():
        now: Any = stored.get(pk)
        if now is None or now.version != version:
            raise Conflict(
                "Someone else changed "
                + (str(now) if now is not None else "a row")
                + " since the file was checked; check it again."
            )
    several = {f.name for f in record.model._meta.many_to_many}
    own = {field.name for field in record.lab_fields()}
    names = {COLUMN if one.field in own else one.field for row in changed for one in row.differences} - several
    if getattr(record.model, "study_from", None) in names:
        names.add("study")
    rows = [row.instance for row in changed if any(one.field not in several for one in row.differences)]
    if rows:
        update_rows(record.model, rows, names)


def _checked(form: RecordForm, line: int, row: dict[str, Any], instance: Any = None) -> CheckedRow:
    form.refill(row, instance)
    errors = {name: [str(sentence) for sentence in sentences] for name, sentences in form.errors.items()}
    found = [(name, error) for name, some in form.errors.as_data().items() for error in some] if errors else []
    questions = {name: error.question for name, error in found if isinstance(error, AmbiguousError)}
    many = {f.name for f in form.instance._meta.many_to_many}
    related = {name: form.cleaned_data.get(name, []) for name in form.fields if name in many}
    if getattr(form.instance, "study_id", 0) is None and (study := form.scope()) is not None:
        form.instance.study = study  # no parent says it in this row; its code is looked for in the sheet's study
    return CheckedRow(
        line, form.instance, related, errors, form.is_forbidden(), refused=set(errors), questions=questions
    )


def _match(
    record: type[Record],
    form: RecordForm,
    rows: Sequence[tuple[int, dict[str, Any]]],
    checked: list[CheckedRow],
    given: Collection[str],
) -> None:
    """Check rows that are stored already anew, as changes of what is stored."""
    key = natural_key(record)
    if not key:
        return
    known = [
        (number, row) for number, row in enumerate(checked) if not (row.is_forbidden or row.refused.intersection(key))
    ]
    others = {column.name for column in record.model._meta.concrete_fields} - set(key)
    twins = stored_twins(record.model, key, [(row.instance, others) for _number, row in known])
    stored = with_related(record.model._default_manager.all(), record).in_bulk(twins.values())
    for place, pk in ticked(twins.items(), len(twins), f"comparing {record.title()} with what is stored"):
        number, _row = known[place]
        line, texts = rows[number]
        named = {name: text for name, text in texts.items() if name in given}
        as_new, now = checked[number], stored[pk]
        if as_new.errors or any(True for _one in _differences(record, form, named, as_new, now)):
            checked[number] = _warned(_as_change(record, form, line, named, now))
        else:
            checked[number] = CheckedRow(line, now, {}, {})


def _as_change(record: type[Record], form: RecordForm, line: int, texts: dict[str, Any], stored: Any) -> CheckedRow:
    row = _checked(form, line, complete(texts, record, stored), copy(stored))
    if row.is_forbidden:
        return row
    for one in _differences(record, form, texts, row, stored):
        row.differences.append(one)
        if one.field in row.related:
            row.links_before[one.field] = [other.pk for other in getattr(stored, one.field).all()]
    return row


def _warned(row: CheckedRow) -> CheckedRow:
    """Warn of every value that a sheet would replace: who sent it may not know what is stored."""
    for one in row.differences:
        if one.old:
            row.warnings.append((one.field, f"{one.old} is stored; {one.new or 'an empty cell'} would replace it."))
    return row


def _differences(
    record: type[Record], form: RecordForm, names: Iterable[str], row: CheckedRow, stored: Any
) -> Iterator[Difference]:
    """Yield what a checked row says else than the stored one, in these fields."""
    for name in names:
        if name in row.errors or (name == "study" and name not in record.fields):
            continue
        if name in row.related:
            old, new = list(getattr(stored, name).all()), row.related[name]
            differs = {one.pk for one in old} != {one.pk for one in new}
        else:
            field = field_of(record.model, name)
            old, new = value_of(field, stored), value_of(field, row.instance)
            differs = old != new
        if differs:
            shown = form.fields[name].prepare_value
            yield Difference(name, _text(shown(old)), _text(shown(new)))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat(sep=" ", timespec="seconds") if hasattr(value, "hour") else str(value)


def _prefetch(form_class: type[RecordForm], rows: list[dict[str, Any]], ring: KeyRing, study: Any) -> None:
    """Look up the names of every column, in the study that each row names."""
    studies = [study] * len(rows)
    base_fields: Any = form_class.base_fields
    if "study" in base_fields:
        model = base_fields["study"].model
        texts = [_names_in(row.get("study")) for row in rows]
        ring.prefetch(model, {text for names in texts for text in names})
        studies = [_find(ring, model, names) or study for names in texts]
    for name, form_field in base_fields.items():
        if not isinstance(form_field, KeyField) or name == "study":
            continue
        wanted: dict[Any, set[str]] = {}
        for row, place in zip(rows, studies, strict=True):
            wanted.setdefault(place, set()).update(_names_in(row.get(name)))
        for place, names in wanted.items():
            ring.prefetch(form_field.model, names, place)


def _names_in(value: Any) -> list[str]:
    """Return the names in a cell that the database can be asked for; the form says what is wrong with others."""
    texts = value if isinstance(value, list | tuple) else [value]
    names = [one.strip() for one in texts if isinstance(one, str) and is_storable(one)]
    return [*names, *split_keys(names[0])] if isinstance(value, str) and ";" in value and names else names


def _own_columns(record: type[Record], form: RecordForm) -> list[str]:
    """Return the columns that name rows of the same table, where the table has names."""
    has_names = getattr(record.model, "key_field", "pk") in form.fields
    fields = form.fields.items() if has_names else ()
    return [name for name, field in fields if isinstance(field, KeyField) and field.model is record.model]


def _named_first(record: type[Record], own: Sequence[str], rows: Sequence[tuple[int, dict[str, Any]]]) -> Iterable[int]:
    """Return the places of rows so that one which others of the sheet name comes before these.

    Where they go round in a circle they stay as they are, and the one that names what is not there yet is refused.
    """
    if not own:
        return range(len(rows))
    key = record.model.key_field  # type: ignore[attr-defined]
    place_of = {str(row.get(key) or "").strip(): number for number, (_line, row) in enumerate(rows)}
    named = {
        number: [place_of[name] for column in own for name in _names_in(row.get(column)) if name in place_of]
        for number, (_line, row) in enumerate(rows)
    }
    try:
        return list(TopologicalSorter(named).static_order())
    except CycleError:
        return range(len(rows))


def _find(ring: KeyRing, model: Any, names: list[str]) -> Any:
    try:
        return ring.find(model, names[0]) if names and names[0] else None
    except ValidationError:
        return None  # the form says it, in its row


def _check_in_batch(rule: UniqueRule, checked: Sequence[CheckedRow], word: str) -> None:
    """Refuse a row that says the same as an earlier one, naming both."""
    first_line: dict[tuple[Any, ...], int] = {}
    for row in checked:
        if row.refused.intersection(rule.fields):
            continue
        names = [row.instance._meta.get_field(name).attname for name in rule.fields]
        key = tuple(getattr(row.instance, name) for name in names)
        if None in key and rule.nulls_distinct is not False:
            continue
        if key in first_line:
            both = f"{word}s {first_line[key]} and {row.line}"
            what = ", ".join(rule.fields)
            row.add(ValidationError({rule.field: f"{both.capitalize()} have the same {what}; keep one of the two."}))
        else:
            first_line[key] = row.line


def _link(many: Any, pairs: list[tuple[Any, list[Any]]], user: Any) -> None:
    """Write the rows between a record and the several that one of its fields names."""
    through = many.remote_field.through
    source, target = many.m2m_field_name(), many.m2m_reverse_field_name()
    links = [through(**{source: row, target: one}) for row, ones in pairs for one in ones]
    for link in links:
        link.created_by = user
    insert_rows(through, links)
