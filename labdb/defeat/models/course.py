"""The days of stress that a cohort goes through."""

from datetime import date, timedelta

from django.db import models
from django.db.models import Q

from labdb.colony.models import Cohort
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import RowRule, between, unique_code


class StressModel(models.TextChoices):
    """How mice are stressed."""

    CSDS = "CSDS", "chronic social defeat stress"
    WITNESS = "witness", "witness (vicarious) defeat"
    CNSDS = "CNSDS", "chronic non-discriminatory social defeat"
    SUBTHRESHOLD = "subthreshold", "subthreshold defeat"
    OTHER = "other", "other"


@tracked
class DefeatCourse(StudyRecord):
    """The days of stress that the mice of a cohort go through."""

    code = CodeField()
    cohort = models.ForeignKey(Cohort, null=True, blank=True, on_delete=models.PROTECT, related_name="defeat_courses")
    stress_model = models.CharField(max_length=12, choices=StressModel, default=StressModel.CSDS)
    stress_model_detail = models.CharField(
        "stress model in words",
        max_length=200,
        blank=True,
        help_text="What the lab does differently, or what other is.",
    )
    start_date = models.DateField(
        "first day of defeat", null=True, blank=True, help_text="Day 1; the days follow one another."
    )
    days = models.PositiveSmallIntegerField(
        "days of defeat", default=10, help_text="10 in the standard protocol (Golden et al. 2011)."
    )
    bout_length_min = FiniteFloatField(
        "length of a bout (min)", null=True, blank=True, help_text="Planned physical contact a day, commonly 5 to 10."
    )
    sensory_contact_h = FiniteFloatField(
        "sensory contact after a bout (h)",
        null=True,
        blank=True,
        help_text="Planned time across the divider, commonly 24.",
    )

    class Meta:
        ordering = ["study", "code"]
        constraints = [
            unique_code("defeat_course", "a defeat course"),
            between("days", 1, 60, "days", "defeat_course_days"),
            between("bout_length_min", 0.1, 60, "min", "defeat_course_bout_length"),
            between("sensory_contact_h", 0, 72, "h", "defeat_course_sensory_contact"),
            RowRule(
                condition=~Q(stress_model=StressModel.OTHER) | ~Q(stress_model_detail=""),
                name="defeat_course_other_in_words", field="stress_model_detail",
                sentence="The stress model is other; say in words which.",
            ),
        ]  # fmt: skip

    @property
    def first_day(self) -> date | None:
        """Its own first day, else that of its cohort; in SQL it is `labdb.defeat.first_day.FIRST_DAY`."""
        return self.start_date or (self.cohort.start_date if self.cohort else None)

    def date_of(self, day: int) -> date | None:
        """Return the date of a day of the course; None while its first day is not entered."""
        return self.first_day + timedelta(days=day - 1) if self.first_day else None

    def day_on(self, when: date) -> int | None:
        """Return the day of the course on a date; None outside its days."""
        if self.first_day is None:
            return None
        day = (when - self.first_day).days + 1
        return day if 1 <= day <= self.days else None
