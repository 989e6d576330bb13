from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord
from labdb.registry.rules import RowRule, UniqueRule, between, one_per, unique_code


class Severity(models.TextChoices):
    """Severity of a procedure on animals (Directive 2010/63/EU)."""

    UNKNOWN = "", "not stated"
    NON_RECOVERY = "non-recovery", "non-recovery"
    MILD = "mild", "mild"
    MODERATE = "moderate", "moderate"
    SEVERE = "severe", "severe"


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
    state = models.CharField(max_length=6, choices=[("open", "open"), ("closed", "closed")], default="open")

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


@tracked
class StudyMembership(StudyRecord):
    """A role that an account holds in one study."""

    key_field: ClassVar[str] = "pk"

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
        # What a list of a hundred thousand is sorted and filtered by, in one study and over all. The id comes last: it
        # decides between equal values, so a page is read off the index whole, from either end. Sexes are too few and
        # cohorts too optional to be sorted by; both are filtered by.
        indexes = [
            models.Index(fields=["code", "id"], name="mouse_code"),  # a code without its study, as the search asks
            models.Index(fields=["group", "id"], name="mouse_group"),
            models.Index(fields=["birth_date", "id"], name="mouse_birth"),
            models.Index(fields=["death_date", "id"], name="mouse_death"),
            models.Index(fields=["study", "group", "id"], name="mouse_study_group"),
            models.Index(fields=["study", "birth_date", "id"], name="mouse_study_birth"),
            models.Index(fields=["study", "death_date", "id"], name="mouse_study_death"),
        ]
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

    # Every weighing is written into every index, so these two have none of their own: the rule "once per mouse and
    # time" and the study's indexes below begin with them.
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+", db_index=False)
    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="weighings", db_index=False)
    performed_at = models.DateTimeField("weighed at", default=timezone.now)
    body_mass_g = FiniteFloatField("body mass (g)")

    class Meta:
        ordering = ["-performed_at", "-pk"]  # not by mouse: a study has millions, and no index knows its codes
        # Two million are listed by time, in one study and over all, and by mass to find what was mistyped; the id
        # decides between equal values, so that a page is read off the index whole.
        indexes = [
            models.Index(fields=["study", "performed_at", "id"], name="weighing_study_time"),
            models.Index(fields=["study", "body_mass_g", "id"], name="weighing_study_mass"),
            models.Index(fields=["performed_at", "id"], name="weighing_time"),
            models.Index(fields=["body_mass_g", "id"], name="weighing_mass"),
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
