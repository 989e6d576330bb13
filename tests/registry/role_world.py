"""A laboratory in which every role is held by somebody, and a row of every record that there is."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from labdb.accounts.models import Role, User
from labdb.colony.models import Study, StudyMembership
from labdb.registry.forms import form_for
from labdb.registry.permissions import optional_study, study_path
from labdb.registry.record import Record, all_records, record_for
from tests.registry.rows import good_row, make_world

HERE, ELSEWHERE = "S1", "S9"
MORE: dict[str, dict[str, Any]] = {  # what a rule asks of a row that is made
    "mouse-reversal-scores": {"score": 0.5}, "tracked-trials": {"sha256": "0" * 64}, "tracked-assay-trials": {"sha256": "0" * 64, "trial_s": 300},
    "reversal-differences": {"other_arm": "arm B"},
}  # fmt: skip
OF_A_BLINDED_STUDY = ("unblindings",)


@dataclass(frozen=True)
class Person:
    """An account, signed in, and what it is called in what a test says."""

    name: str
    user: User
    client: Client


def roles() -> list[str]:
    """The roles that a laboratory starts with."""
    return sorted(Role.objects.values_list("name", flat=True))


@dataclass
class World:
    """Somebody for each role in the study, somebody for each role in another one, and who is in none."""

    writer: User
    study: Study
    elsewhere: Study
    members: dict[str, Person]
    strangers: dict[str, Person]
    nobody: Person
    anonymous: Client

    @classmethod
    def make(cls) -> "World":
        """Make it; the rows that good rows refer to are those of `rows.make_world`."""
        writer = make_world()
        study, elsewhere = Study.objects.get(code=HERE), Study.objects.create(code=ELSEWHERE, title="another")
        return cls(
            writer, study, elsewhere,
            members={role: _person(f"{role} here", role, study) for role in roles()},
            strangers={role: _person(f"{role} elsewhere", role, elsewhere) for role in roles()},
            nobody=_person("nobody"),
            anonymous=Client(),
        )  # fmt: skip

    def row_of(self, record: type[Record]) -> Any:
        """A row of the study (or of the laboratory): what people write is entered as they do, results are made."""
        if record.model is Study:
            return self.study
        if not record.read_only:
            form = form_for(record)(good_row(record), user=self.writer)
            assert form.is_valid(), f"{record.resource}: {form.errors}"
            return form.save()
        return self._result(record)

    def _result(self, record: type[Record]) -> Any:
        """A row of what only analyses and files write; every field that must hold something holds the simplest."""
        model = record.model
        fields = [field for field in model._meta.concrete_fields if not field.generated and not field.primary_key]
        values = {
            field.name: self._simplest(field) for field in fields if _is_needed(field) or field.related_model is Study
        }
        if record.resource in OF_A_BLINDED_STUDY:
            Study.objects.filter(pk=self.study.pk).update(is_blinded=True)
        return model._default_manager.create(**{**values, **MORE.get(record.resource, {})})

    def _simplest(self, field: Any) -> Any:
        if field.related_model is Study:
            return self.study
        if field.related_model is User:
            return self.writer
        if field.is_relation:
            return self._related(field.related_model)
        if field.choices:
            return field.choices[0][0]
        kinds = {
            models.DateTimeField: timezone.now(), models.DateField: dt.date(2025, 6, 1), models.BooleanField: False,
            models.IntegerField: 1, models.FloatField: 1.0, models.CharField: "x", models.TextField: "x",
        }  # fmt: skip
        return next(value for kind, value in kinds.items() if isinstance(field, kind))

    def _related(self, model: Any) -> Any:
        """A row of the study that another one may point to."""
        rows = model._default_manager.all()
        found = (rows.filter(study=self.study) if study_path(model) == "study" else rows).order_by("pk").first()
        return found or self.row_of(record_for(model))


def _is_needed(field: Any) -> bool:
    return not (field.null or field.blank or field.has_default() or field.db_default is not models.NOT_PROVIDED)


def _person(name: str, role: str = "", study: Study | None = None) -> Person:
    user = User.objects.create(username=name.replace(" ", "."), is_staff=True)
    if role:
        StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return Person(name, user, client)


def n_elsewhere(record: type[Record], elsewhere: Study) -> int:
    """How many rows of a record the members of another study see: their own."""
    path = study_path(record.model)
    rows = record.model._default_manager.all()
    if name := optional_study(record.model):  # and those of the whole laboratory
        return rows.filter(Q(**{name: None}) | Q(**{name: elsewhere})).count()
    return rows.count() if path is None else rows.filter(**{path: elsewhere.pk}).count()


def resources() -> list[str]:
    """Every record, by name."""
    return [record.resource for record in all_records()]
