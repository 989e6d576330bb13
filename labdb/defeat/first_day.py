"""The first day of a course: its own, else that of its cohort. In SQL here, of a loaded course in `DefeatCourse`."""

from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from labdb.defeat.models import DefeatCourse

FIRST_DAY = Coalesce("start_date", "cohort__start_date")  # of a course


def first_day_of_stress() -> Coalesce:
    """Return, for a query of mice, the first day of the first course that a mouse goes through, else its cohort's."""
    its = Q(cohort=OuterRef("cohort")) | Q(cohort=None, study=OuterRef("study"))
    courses = DefeatCourse.objects.filter(its).annotate(begins=FIRST_DAY).exclude(begins=None)
    return Coalesce(Subquery(courses.order_by("begins").values("begins")[:1]), F("cohort__start_date"))
