"""The one model form that validates every write: page, file, admin and REST."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar, cast

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import DatabaseError, IntegrityError, OperationalError, models, transaction

from labdb.registry import permissions
from labdb.registry.findings import WARNING, Grade
from labdb.registry.form_fields import KeyField, KeysField, form_field_for
from labdb.registry.keys import KeyRing
from labdb.registry.lab_fields import LabDefined, value_of
from labdb.registry.models import LabRecord
from labdb.registry.record import Record, field_of
from labdb.registry.table_rules import broken_rules

CHECK_VIOLATION = "23514"
REASON = "history_reason"  # where pages send why a row is changed, or right in spite of warnings
DEADLOCK = "40P01"  # two writers each hold what the other needs; PostgreSQL lets one of them go on


class Conflict(Exception):
    """Someone else wrote first: the same code, or the same record.

    Attributes
    ----------
    is_outdated : bool
        The record itself was changed meanwhile.
    differences : dict of str to (theirs, yours)
        The fields in which the two versions then differ.
    """

    def __init__(self, sentence: str, differences: dict[str, tuple[Any, Any]] | None = None) -> None:
        super().__init__(sentence)
        self.is_outdated = differences is not None
        self.differences = differences or {}

    @classmethod
    def outdated(
        cls, current: Any, expected_version: int, differences: dict[str, tuple[Any, Any]] | None = None
    ) -> "Conflict":
        """Return the conflict of a version that is no longer current."""
        yours = f", yours was {expected_version}" if expected_version > 0 else ""
        return cls(
            f"Someone else changed {current} while you worked on it (it is at version {current.version}{yours}); "
            "compare both and save again.",
            differences or {},
        )


class RecordForm(forms.ModelForm):
    """Checks one row of a record and saves it.

    Parameters
    ----------
    data : mapping or None
        Texts as typed or cells of a file; `texts_of` makes them from JSON.
    user : User
        Whose eyes find related records, and who is named as the creator.
    keys : KeyRing, optional
        Shared by the rows of a sheet.
    study : Study, optional
        The study of the page or file, used where the row does not name one.
    in_batch : bool
        Leave the rules of the table to the batch, which checks all rows in one statement each.
    reason : str
        Why a row is saved that findings warn of; without one it is refused.
    """

    record: ClassVar[type[Record]]
    lab_fields: ClassVar[tuple[LabDefined, ...]] = ()

    def __init__(
        self,
        data: Any = None,
        *,
        user: Any,
        instance: LabRecord | None = None,
        keys: KeyRing | None = None,
        study: Any = None,
        in_batch: bool = False,
        reason: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(data, instance=instance, **kwargs)
        for lab_field in self.lab_fields:
            self.initial.setdefault(lab_field.name, lab_field.value_from_object(self.instance))
        self.user = user
        self.page_study = study
        self.in_batch = in_batch
        self.reason = reason.strip()
        self.notes: list[str] = []
        self.use_required_attribute = False  # the server's own sentence, not the browser's
        self.keys = keys or KeyRing(user)
        self._remember_study()
        for field in self.fields.values():
            if isinstance(field, KeyField):
                field.keys = self.keys
                field.scope = self.scope
        if study is not None and "study" in self.fields:
            self.fields["study"].required = False  # the page's or the file's
        if "study" in self.fields and instance is None and study is not None:
            self.initial.setdefault("study", study.code)
        elif "study" in self.fields and instance is not None and instance.pk:
            self.initial["study"] = instance.study.code  # type: ignore[attr-defined]

    def refill(self, data: Any, instance: Any = None) -> None:
        """Take the next row of a batch: a form is made once for a sheet, not once for each of its rows."""
        self.data = data
        self.is_bound = True
        self.instance = self._meta.model() if instance is None else instance
        self._remember_study()
        self._errors = None

    def _remember_study(self) -> None:
        """Keep the study that a stored row belongs to, before the form changes it."""
        self._study_before = permissions.study_of(self.instance) if self.instance.pk else None
        self._place_before = permissions.place_of(self.instance) if self.instance.pk else None
        if self._study_before is not None:
            self.instance.stored_study_id = self._study_before.pk

    def scope(self) -> Any:
        """Return the study in which names are looked up."""
        return self.cleaned_data.get("study") or self.page_study or self._study_before

    def clean(self) -> dict[str, Any]:
        """Set the study before validation, or the uniqueness of a code would be skipped."""
        cleaned = super().clean() or self.cleaned_data
        parent_name = getattr(self._meta.model, "study_from", None)
        if not parent_name and "study" in self.fields and "study" not in self.errors:
            cleaned["study"] = cleaned.get("study") or self.page_study
        if parent_name:
            parent = cleaned.get(parent_name)
            if parent is not None:
                self.instance.study = parent.study
                if cleaned.get("study") not in (None, parent.study):
                    self.add_error(
                        "study",
                        f"{parent} belongs to study {parent.study}; leave the study empty or enter {parent.study}.",
                    )
        self._refuse_without_permission()
        return cleaned

    def _refuse_without_permission(self) -> None:
        action = "add" if self.instance._state.adding else "change"
        model = self._meta.model
        for place in self._places() or [None]:
            if not self.keys.may(action, model, place):
                raise ValidationError(forbidden_sentence(action, model, place), code="forbidden")

    def _places(self) -> list[Any]:
        """Return where the role must hold: the study, or the laboratory, that the row is of, and was."""
        instance: Any = self.instance
        if name := permissions.optional_study(self._meta.model):
            now = None if name in self.errors else self.cleaned_data.get(name) or permissions.LABORATORY
        else:
            now = self.cleaned_data.get("study") or (instance.study if getattr(instance, "study_id", None) else None)
        return [place for place in dict.fromkeys([self._place_before, now]) if place is not None]

    def _post_clean(self) -> None:
        """Check the row, then the rules of the table, unless the batch does that for all rows at once.

        Django's own would ask the database once more for each related record, and once for each unique field whose
        sentence is not ours (checks see to it that a rule stands behind each).
        """
        refused: Callable[[], set[str]] = self._get_validation_exclusions  # type: ignore[attr-defined]
        self.instance = forms.models.construct_instance(self, self.instance, self._meta.fields)
        if self.is_forbidden():
            return  # that a code is taken is no business of who may not write it
        many = {field.name for field in self.instance._meta.many_to_many}
        self.instance.entered_links = {name: self.cleaned_data[name] for name in many & self.cleaned_data.keys()}
        self._take_lab_values()
        looked_up = {name for name, field in self.fields.items() if isinstance(field, KeyField)}
        self._collect(
            self.instance.full_clean,
            exclude=refused() | looked_up,
            validate_unique=False,
            validate_constraints=False,
        )
        if not self.in_batch:
            exclude = refused()
            if getattr(self.instance, "study_id", None):
                exclude.discard("study")  # follows from the parent, and a code is unique in its study
            for _number, error in broken_rules(self._meta.model, [(self.instance, exclude)]):
                self._update_errors(error)  # type: ignore[attr-defined]
            if not self.errors:
                self._look_across_rows()

    def is_forbidden(self) -> bool:
        """Whether the account's role does not allow the row."""
        return self.has_error(NON_FIELD_ERRORS, "forbidden")

    def _look_across_rows(self) -> None:
        self.instance.writer = self.user
        for finding in self._meta.model.findings([self.instance]):
            if finding.grade == Grade.NOTE:
                self.notes.append(finding.sentence)
            elif finding.grade == Grade.ERROR or not self.reason:
                self.add_error(finding.field, finding.error())

    def needs_reason(self) -> bool:
        """Whether nothing but warnings keeps the row from being saved."""
        errors = [error for some in self.errors.as_data().values() for error in some]
        return bool(errors) and all(error.code == WARNING for error in errors)

    def _take_lab_values(self) -> None:
        """Put the values of lab-defined fields into the row; one that was not sent stays as it is."""
        for lab_field in self.lab_fields:
            name: Any = lab_field.name
            is_left_out = self.fields[name].widget.value_omitted_from_data(self.data, self.files, self.add_prefix(name))
            if name not in self.cleaned_data or is_left_out:
                continue
            value = self.cleaned_data[name]
            try:
                lab_field.run_validators(value)
            except ValidationError as error:
                self.add_error(name, error)
            else:
                lab_field.save_form_data(self.instance, value)

    def _collect(self, check: Callable[..., None], **options: Any) -> None:
        try:
            check(**options)
        except ValidationError as error:
            self._update_errors(error)  # type: ignore[attr-defined]

    def save(self, commit: bool = True, *, expected_version: int | None = None) -> Any:
        """Save the row; Conflict when another writer came first."""
        if self.instance._state.adding and self.instance.created_by_id is None:
            self.instance.created_by = self.user
        if not commit:
            return super().save(commit=False)
        with conflicts(self._meta.model), transaction.atomic():
            if expected_version is not None:
                self._refuse_outdated(expected_version)
            return super().save()

    def _refuse_outdated(self, expected_version: int) -> None:
        model: Any = self._meta.model
        current = model._default_manager.select_for_update(of=("self",)).get(pk=self.instance.pk)
        if current.version == expected_version:
            return
        theirs, yours = model_texts(current, self.record), model_texts(self.instance, self.record)
        differences = {name: (theirs[name], yours[name]) for name in theirs if theirs[name] != yours[name]}
        raise Conflict.outdated(current, expected_version, differences)


_forms: dict[type[Record], type[RecordForm]] = {}


def form_for(record: type[Record]) -> type[RecordForm]:
    """Return the form of a record, made once, and anew when its lab-defined fields change."""
    form, lab_fields = _forms.get(record), record.lab_fields()
    if form is None or form.lab_fields != lab_fields:
        form = _forms[record] = _make_form(record, lab_fields)
    return form


def _make_form(record: type[Record], lab_fields: tuple[LabDefined, ...]) -> type[RecordForm]:
    made: Any = forms.modelform_factory(
        record.model, form=RecordForm, fields=record.fields, formfield_callback=form_field_for
    )
    if record.in_study() and "study" not in record.fields:
        made.base_fields = {"study": _study_field(record), **made.base_fields}
    made.base_fields |= {field.name: form_field_for(field) for field in lab_fields}
    made.record = record
    made.lab_fields = lab_fields
    return made


def offered(record: type[Record]) -> dict[str, forms.Field]:
    """Return the form fields that are offered for entry; a file or a script may still bring those that are retired."""
    retired = {field.name for field in record.lab_fields() if field.is_retired}
    return {name: form_field for name, form_field in form_for(record).base_fields.items() if name not in retired}


def _study_field(record: type[Record]) -> KeyField:
    study = record.model._meta.get_field("study").related_model
    return KeyField(model=study, required=False, label="study", help_text="Follows from the record it belongs to.")  # type: ignore[arg-type]


def model_texts(instance: Any, record: type[Record]) -> dict[str, Any]:
    """Return the entered fields of a row as the form would show them; a new instance gives the defaults."""
    form = form_for(record)
    values = forms.model_to_dict(instance, fields=record.fields) if instance.pk else _defaults(record)
    values |= {field.name: field.value_from_object(instance) for field in form.lab_fields}
    return {name: form.base_fields[name].prepare_value(values.get(name)) for name in record.entered()}


def _defaults(record: type[Record]) -> dict[str, Any]:
    fields: Any = record.model._meta.get_fields()
    return {f.name: f.get_default() for f in fields if f.name in record.fields and getattr(f, "has_default", bool)()}


def complete(data: dict[str, Any], record: type[Record], instance: LabRecord | None = None) -> dict[str, Any]:
    """Return the data with every omitted field filled: from the row that is changed, or from the model's defaults."""
    if instance is None:
        return {**model_texts(record.model(), record), **data}
    kept = [field_of(record.model, name) for name in record.entered() if name not in data]
    return {**{field.name: _kept(instance, field) for field in kept}, **data}


def _kept(instance: LabRecord, field: Any) -> Any:
    """Return a field that is not changed; a related record as itself, so that nobody need see it to keep it."""
    value = value_of(field, instance)
    return list(value.all()) if isinstance(field, models.ManyToManyField) else value


def texts_of(values: dict[str, Any], record: type[Record]) -> dict[str, Any]:
    """Return JSON values as the form reads them; a whole number for a related record is its id.

    Raises
    ------
    ValidationError
        By field, where a list or an object stands in place of one value.
    """
    base_fields = form_for(record).base_fields
    texts: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, value in values.items():
        is_list = isinstance(value, list)
        if isinstance(value, dict) or (is_list and not isinstance(base_fields.get(name), KeysField)):
            errors[name] = "This is more than one value; enter one."
        elif is_list and any(isinstance(one, dict | list) for one in value):
            errors[name] = "A name is missing in this list; enter names or ids."
        else:
            texts[name] = _text(value, is_key=isinstance(base_fields.get(name), KeyField))
    if errors:
        raise ValidationError(errors)
    return texts


def _text(value: Any, *, is_key: bool) -> Any:
    if value is None:
        return ""
    if isinstance(value, list):
        return [_text(one, is_key=is_key) for one in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, models.Model | datetime):
        return value
    return f"#{value}" if is_key and isinstance(value, int) else str(value)


def forbidden_sentence(action: str, model: type[models.Model], study: Any = None) -> str:
    """Say what a role, or a closed study, does not allow."""
    if permissions.is_closed_to(action, model, study):
        return permissions.closed_sentence(study)
    what = model._meta.verbose_name_plural
    if permissions.is_kept(action, model, study):
        while_blinded = f"While study {study} is blinded" if study is not None else "While a study is blinded"
        return f"{while_blinded}, only its allocators {action} {what}; ask one of them."
    if study is permissions.LABORATORY:
        field = cast("models.Field[Any, Any]", model._meta.get_field(permissions.optional_study(model))).verbose_name
        return f"Your role may not {action} {what} of {study}; name a study of yours under {field}, or ask a manager of the laboratory."
    where = f" in study {study}" if study is not None else ""
    return f"Your role may not {action} {what}{where}; ask a manager."


@contextmanager
def conflicts(model: type[models.Model]) -> Iterator[None]:
    """Raise Conflict where two writers met in the database and this one came second."""
    try:
        yield
    except (IntegrityError, OperationalError) as error:
        if isinstance(error, OperationalError) and _sqlstate(error) != DEADLOCK:
            raise
        raise Conflict(conflict_sentence(model, error)) from error


def _sqlstate(error: DatabaseError) -> str:
    return getattr(error.__cause__, "sqlstate", None) or ""


def conflict_sentence(model: type[models.Model], error: DatabaseError) -> str:
    """Return a rule's sentence for what the database refused, when two writers met at the constraint."""
    refused = getattr(error.__cause__, "diag", None)
    name = getattr(refused, "constraint_name", None)
    for rule in model._meta.constraints:
        if rule.name == name:
            what = model._meta.verbose_name
            return f"Another {what} with the same {getattr(rule, 'field', 'values')} was saved at the same moment; reload and compare."
    if name is None and getattr(refused, "sqlstate", "") == CHECK_VIOLATION:
        return str(refused.message_primary)  # type: ignore[union-attr]  # a trigger's own sentence
    return "The database refused this change because another one came first; reload and try again."
