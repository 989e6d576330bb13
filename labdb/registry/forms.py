"""The one model form that validates every write: page, file, admin and REST."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from labdb.registry import permissions
from labdb.registry.form_fields import KeyField, form_field_for
from labdb.registry.keys import KeyRing
from labdb.registry.models import LabRecord
from labdb.registry.record import Record


class Conflict(Exception):
    """Someone else wrote first: the same code, or the same record.

    Attributes
    ----------
    differences : dict of str to (theirs, yours)
        Filled when the record itself was changed meanwhile.
    """

    def __init__(self, sentence: str, differences: dict[str, tuple[Any, Any]] | None = None) -> None:
        super().__init__(sentence)
        self.differences = differences or {}


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
    """

    record: ClassVar[type[Record]]

    def __init__(
        self,
        data: Any = None,
        *,
        user: Any,
        instance: LabRecord | None = None,
        keys: KeyRing | None = None,
        study: Any = None,
        in_batch: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, instance=instance, **kwargs)
        self.user = user
        self.page_study = study
        self.in_batch = in_batch
        self.use_required_attribute = False  # the server's own sentence, not the browser's
        ring = keys or KeyRing(user)
        for field in self.fields.values():
            if isinstance(field, KeyField):
                field.keys = ring
                field.scope = self._scope
        if "study" in self.fields and instance is None and study is not None:
            self.initial.setdefault("study", study.code)
        elif "study" in self.fields and instance is not None and instance.pk:
            self.initial["study"] = instance.study.code  # type: ignore[attr-defined]

    def _scope(self) -> Any:
        """Return the study in which names are looked up."""
        named = self.cleaned_data.get("study")
        return named or self.page_study or (getattr(self.instance, "study", None) if self.instance.study_id else None)

    def clean(self) -> dict[str, Any]:
        """Set the study before validation, or the uniqueness of a code would be skipped."""
        cleaned = super().clean() or self.cleaned_data
        parent_name = getattr(self._meta.model, "study_from", None)
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
        study = self.cleaned_data.get("study") or (
            self.instance.study if getattr(self.instance, "study_id", None) else None
        )
        action = "add" if self.instance._state.adding else "change"
        if not permissions.may(self.user, action, self._meta.model, study):
            what = self._meta.model._meta.verbose_name_plural
            where = f" in study {study}" if study else ""
            raise ValidationError(f"Your role may not {action} {what}{where}; ask a manager.", code="forbidden")

    def _get_validation_exclusions(self) -> set[str]:
        """Keep the study in the check of uniqueness although the form does not store it."""
        exclude = super()._get_validation_exclusions()
        if getattr(self.instance, "study_id", None):
            exclude.discard("study")
        return exclude

    def validate_unique(self) -> None:
        """Check uniqueness, unless the batch does it for all rows at once."""
        if not self.in_batch:
            super().validate_unique()

    def validate_constraints(self) -> None:
        """Check the row rules, unless the batch does it for all rows at once."""
        if not self.in_batch:
            super().validate_constraints()

    def save(self, commit: bool = True, *, expected_version: int | None = None) -> Any:
        """Save the row; Conflict when another writer came first."""
        if self.instance._state.adding and self.instance.created_by_id is None:
            self.instance.created_by = self.user
        if not commit:
            return super().save(commit=False)
        try:
            with transaction.atomic():
                if expected_version is not None:
                    self._refuse_outdated(expected_version)
                return super().save()
        except IntegrityError as error:
            raise Conflict(conflict_sentence(self._meta.model, error)) from error

    def _refuse_outdated(self, expected_version: int) -> None:
        model: Any = self._meta.model
        current = model._default_manager.select_for_update(of=("self",)).get(pk=self.instance.pk)
        if current.version == expected_version:
            return
        theirs, yours = model_texts(current, self.record), model_texts(self.instance, self.record)
        differences = {name: (theirs[name], yours[name]) for name in theirs if theirs[name] != yours[name]}
        raise Conflict(
            f"Someone else changed {current} while you worked on it (version {current.version}, yours was "
            f"{expected_version}); compare both and save again.",
            differences,
        )


_forms: dict[type[Record], type[RecordForm]] = {}


def form_for(record: type[Record]) -> type[RecordForm]:
    """Return the form of a record, made once."""
    if record not in _forms:
        made = forms.modelform_factory(
            record.model, form=RecordForm, fields=record.fields, formfield_callback=form_field_for
        )
        if record.in_study() and "study" not in record.fields:
            made.base_fields = {"study": _study_field(record), **made.base_fields}
        made.record = record
        _forms[record] = made
    return _forms[record]


def _study_field(record: type[Record]) -> KeyField:
    study = record.model._meta.get_field("study").related_model
    return KeyField(model=study, required=False, label="study", help_text="Follows from the record it belongs to.")  # type: ignore[arg-type]


def model_texts(instance: LabRecord, record: type[Record]) -> dict[str, Any]:
    """Return the entered fields of a row as the form would show them; a new instance gives the defaults."""
    form = form_for(record)
    values = forms.model_to_dict(instance, fields=record.fields) if instance.pk else _defaults(record)
    return {name: form.base_fields[name].prepare_value(values.get(name)) for name in record.fields}


def _defaults(record: type[Record]) -> dict[str, Any]:
    fields = record.model._meta.get_fields()
    return {f.name: f.get_default() for f in fields if f.name in record.fields and getattr(f, "has_default", bool)()}


def complete(data: dict[str, Any], record: type[Record], instance: LabRecord | None = None) -> dict[str, Any]:
    """Return the data with every omitted field filled: from the row that is changed, or from the model's defaults."""
    return {**model_texts(instance or record.model(), record), **data}  # type: ignore[arg-type]


def texts_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return JSON values as the form reads them; a whole number for a related record is its id."""
    return {name: _text(value) for name, value in values.items()}


def _text(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return [_text(one) for one in value]
    return str(value)


def conflict_sentence(model: type[models.Model], error: IntegrityError) -> str:
    """Return a rule's sentence for what the database refused, when two writers met at the constraint."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    for rule in model._meta.constraints:
        if rule.name == name:
            what = model._meta.verbose_name
            return f"Another {what} with the same {getattr(rule, 'field', 'values')} was saved at the same moment; reload and compare."
    return "The database refused this change because another one came first; reload and try again."
