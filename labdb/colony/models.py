from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from labdb.colony.closing import closing_trigger
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.findings import Finding, Grade
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord
from labdb.registry.permissions import closed_sentence
from labdb.registry.rules import RowRule, UniqueRule, between, one_per, unique_code


class Severity(models.TextChoices):
    """Severity of a procedure on animals (Directive 2010/63/EU)."""

    UNKNOWN = "", "not stated"
    NON_RECOVERY = "non-recovery", "non-recovery"
    MILD = "mild", "mild"
    MODERATE = "moderate", "moderate"
    SEVERE = "severe", "severe"


@pgtrigger.register(closing_trigger())
@tracked
class Study(LabRecord):
    """One experiment: its question, its animals, and who works on it."""

    code = CodeField(help_text="Short and lasting; labels start with it, such as CSDS1.")
    title = models.CharField(max_length=200)
    question = models.TextField(blank=True, help_text="What the study asks.")
    ethics_number = models.CharField("ethics approval number", max_length=100, blank=True)
    ethics_animals_approved = models.PositiveIntegerField("animals approved", null=True, blank=True)
    ethics_animals_used = models.PositiveIntegerField("animals used", null=True, blank=True)
    severity_prospective = models.CharField(
        "severity, prospective", max_length=12, choices=Severity, blank=True, default=Severity.UNKNOWN
    )
    severity_actual = models.CharField(
        "severity, actual", max_length=12, choices=Severity, blank=True, default=Severity.UNKNOWN
    )
    primary_outcome = models.TextField(blank=True)
    planned_n = models.PositiveIntegerField("planned number of mice", null=True, blank=True)
    planned_n_basis = models.TextField("how the number was decided", blank=True)
    is_blinded = models.BooleanField("blinded", default=False)
    state = models.CharField(
        max_length=6,
        choices=[("open", "open"), ("closed", "closed")],
        default="open",
        help_text="A closed study and all its records can only be looked at and analyzed, until a manager opens it.",
    )
    closed_at = models.DateTimeField("closed since", null=True, editable=False)

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "studies"
        constraints = [
            one_per(
                "code",
                name="study_code_once",
                field="code",
                sentence="{value} is already a study; choose another code.",
            ),
            RowRule(
                condition=Q(state__in=["open", "closed"]),
                name="study_state_known",
                field="state",
                sentence="{value} is neither open nor closed.",
            ),
        ]

    def clean(self) -> None:
        """Refuse every change of a closed study but its opening."""
        super().clean()
        before = type(self).objects.filter(pk=self.pk, state="closed").first() if self.pk else None
        if before is None:
            return
        if self.state == "closed":
            raise ValidationError({"state": closed_sentence(before)})
        entered = [field for field in self._meta.concrete_fields if field.editable and field.name != "state"]
        errors = {
            field.name: f"{closed_sentence(before)} Open it first, then change this."
            for field in entered
            if getattr(self, field.attname) != getattr(before, field.attname)
        }
        if errors:
            raise ValidationError(errors)

    @classmethod
    def findings(cls, rows: Sequence[Any]) -> Iterator[Finding]:
        """Ask why a study is closed."""
        yield from super().findings(rows)
        open_before = set(
            cls.objects.filter(pk__in=[row.pk for row in rows], state="open").values_list("pk", flat=True)
        )
        for number, row in enumerate(rows):
            if row.state == "closed" and row.pk in open_before:
                yield Finding(
                    number,
                    "state",
                    f"Closing {row} lets nobody change its records until a manager opens it again; say why it is closed.",
                    Grade.WARNING,
                )


@tracked
class StudyMembership(StudyRecord):
    """A role that an account holds in one study."""

    key_field: ClassVar[str] = "pk"
    closes_with_study: ClassVar[bool] = False

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="memberships")
    role = models.ForeignKey("accounts.Role", on_delete=models.PROTECT, related_name="memberships")

    class Meta:
        ordering = ["study", "user"]
        constraints = [
            one_per(
                "study",
                "user",
                "role",
                name="membership_once",
                field="role",
                sentence="{row.user} already has the role {value} in {row.study}.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} in {self.study}"


@tracked
class Cohort(StudyRecord):
    """Mice that go through the experiment together."""

    code = CodeField()
    start_date = models.DateField(null=True, blank=True, help_text="First day of the stress course.")

    class Meta:
        ordering = ["study", "code"]
        constraints = [unique_code("cohort", "a cohort")]


@tracked
class Strain(LabRecord):
    """A strain or line of mice."""

    key_field: ClassVar[str] = "name"

    name = models.CharField(max_length=100)
    vendor = models.CharField(max_length=100, blank=True)
    stock_number = models.CharField(max_length=50, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [one_per("name", name="strain_name_once", field="name", sentence="{value} is already a strain.")]


class Sex(models.TextChoices):
    """Recorded sex."""

    MALE = "M", "male"
    FEMALE = "F", "female"
    UNKNOWN = "U", "unknown"


@tracked
class Mouse(StudyRecord):
    """One mouse, from birth to death."""

    code = CodeField(help_text="As on the cage card; unique in the study.")
    ear_tag = models.CharField(max_length=30, blank=True)
    sex = models.CharField(max_length=1, choices=Sex, default=Sex.UNKNOWN)
    strain = models.ForeignKey(Strain, null=True, blank=True, on_delete=models.PROTECT, related_name="mice")
    genotype = models.CharField(max_length=100, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    cohort = models.ForeignKey(Cohort, null=True, blank=True, on_delete=models.PROTECT, related_name="mice")
    group = models.CharField(
        max_length=50,
        blank=True,
        help_text="What was done to it: control, defeated, witness, or the lab's own word. Only defeated mice are classified.",
    )
    death_date = models.DateField(null=True, blank=True)
    death_reason = models.CharField(max_length=200, blank=True)
    is_humane_endpoint = models.BooleanField("humane endpoint reached", default=False)

    class Meta:
        ordering = ["study", "code"]
        verbose_name_plural = "mice"
        indexes = [models.Index(fields=["study", "group"], name="mouse_study_group")]
        constraints = [
            unique_code("mouse", "a mouse"),
            RowRule(
                condition=Q(sex__in=Sex.values),
                name="mouse_sex_known",
                field="sex",
                sentence="{value} is not M, F or U.",
            ),
            RowRule(
                condition=Q(death_date__gte=models.F("birth_date")),
                name="mouse_dies_after_birth",
                field="death_date",
                sentence="{value} is before its birth ({row.birth_date}); correct one of the two dates.",
            ),
        ]

    def clean(self) -> None:
        """Refuse births and deaths that lie in the future."""
        super().clean()
        refuse_future(birth_date=self.birth_date, death_date=self.death_date)


class BenchEvent(StudyRecord):
    """Something done with one mouse at a known time: who did it is not always who typed it."""

    study_from: ClassVar[str | None] = "mouse"
    time_field: ClassVar[str] = "performed_at"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="%(class)ss")
    performed_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Who did it."
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Refuse an event in the future, before the mouse's birth or after its death."""
        super().clean()
        at = getattr(self, self.time_field)
        refuse_future(**{self.time_field: at})
        if self.mouse_id is None or at is None:
            return
        day = timezone.localdate(at)
        if self.mouse.death_date and day > self.mouse.death_date:
            raise ValidationError(
                {
                    self.time_field: f"{self.mouse} died on {self.mouse.death_date}; {day} is after it. Correct the date or the mouse."
                }
            )
        if self.mouse.birth_date and day < self.mouse.birth_date:
            raise ValidationError(
                {
                    self.time_field: f"{self.mouse} was born on {self.mouse.birth_date}; {day} is before it. Correct the date or the mouse."
                }
            )


@tracked
class Weighing(BenchEvent):
    """The body mass of one mouse at one time."""

    key_field: ClassVar[str] = "pk"

    performed_at = models.DateTimeField("weighed at", default=timezone.now)
    body_mass_g = FiniteFloatField("body mass (g)")

    class Meta:
        ordering = ["-performed_at", "-pk"]  # not by mouse: a study has millions, and no index knows its codes
        indexes = [
            models.Index(fields=["study", "performed_at"], name="weighing_study_time"),
            models.Index(fields=["performed_at"], name="weighing_time"),
        ]
        constraints = [
            between("body_mass_g", 1, 100, "g", "weighing_mass_of_a_mouse"),
            UniqueRule(
                fields=("mouse", "performed_at"),
                name="weighing_once_per_time",
                field="performed_at",
                sentence="{row.mouse} was already weighed at {value}; edit that weighing or correct the time.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mouse} {self.body_mass_g} g"


def refuse_future(**moments: Any) -> None:
    """Raise the sentence for every date or instant that has not come yet; None passes.

    Parameters
    ----------
    **moments : date, datetime or None
        By field name.
    """
    now = timezone.now()
    today = timezone.localdate(now)
    errors = {}
    for name, moment in moments.items():
        if moment is None:
            continue
        is_future = moment > now if hasattr(moment, "hour") else moment > today
        if is_future:
            shown = timezone.localtime(moment).strftime("%Y-%m-%d %H:%M") if hasattr(moment, "hour") else moment
            errors[name] = f"{shown} is in the future (today is {today}); enter the day it happened."
    if errors:
        raise ValidationError(errors)
