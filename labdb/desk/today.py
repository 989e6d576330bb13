"""The day at the bench: what is due, by study and cohort, and what went wrong.

A source takes who asks and the day, asks the database once, and says nothing of closed studies. A new one is a
function in DUE_SOURCES or TROUBLE_SOURCES, wherever it stands.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, TruncDate
from django.urls import reverse
from django.utils import timezone

from analysis.models import AnalysisRun, RunStatus
from labdb.behavior.models import PlannedSiTest, PlannedState, SiTestPlan, SocialInteractionTest
from labdb.colony.mass_loss import mass_alert
from labdb.colony.models import Mouse, Weighing, WelfareAction, WelfareCheck, WelfareFinding
from labdb.defeat.first_day import FIRST_DAY, first_day_of_stress
from labdb.defeat.models import Aggressor, DefeatBout, DefeatCourse, RotationPlan
from labdb.desk.attention import stale_results, undecided_findings
from labdb.desk.weighing_page import ALL
from labdb.registry.due import Due, DueSource, Trouble, TroubleSource
from labdb.registry.import_log import Import
from labdb.registry.record import record_for
from labdb.registry.refused_imports import open_refusals
from labdb.treatment.models import Dose, DoseStatus, Solution

LONGEST_COURSE_DAYS = 61  # the rule of a course's days, and the day after
LATE_DAYS = 14  # a dose that was planned before is no longer given
WELFARE_DAYS = 3
BAD_WOUND = 3  # of 0 to 4, where 4 is beyond the limit of the protocol
ENDPOINT_DAYS = 7
LOSS_DAYS = 14  # what a mouse weighed before says nothing of it today
WAITING_MINUTES = 5
TROUBLES_SHOWN = 8  # of each source
ASKED = TROUBLES_SHOWN + 1  # one more is looked for, to say that there are more
STRESSED = ("defeated", "witness")  # the groups that have bouts


def list_url(model: Any, **query: Any) -> str:
    """Return the address of a list with these filters."""
    return f"{reverse('record-list', args=[record_for(model).resource])}?{urlencode(query)}"


def courses(user: Any, today: date) -> Iterator[Due]:
    """Yield bouts and weighings of cohorts under defeat, and the SI tests of the day after the last bout."""
    for course in _begun_courses(user, today):
        study, cohort = course.study.code, course.cohort.code
        day = (today - course.begins).days + 1
        if day <= course.days:
            bouts = reverse("defeat-course", args=[study, course.code])
            if course.is_planned:
                bouts = reverse("defeat-day", args=[study, course.code, day])
            yield Due(f"bouts of day {day} of {course.days}", bouts, study, cohort, course.n_bouts, course.n_stressed)
            weighings = f"{reverse('bench-weighing', args=[study])}?{urlencode({'cohort': cohort})}"
            yield Due("weighings under defeat", weighings, study, cohort, course.n_weighed, course.n_alive)
        elif day == course.days + 1 and not course.is_test_planned:
            tests = f"{reverse('bench-si-tests', args=[study])}?{urlencode({'cohort': cohort})}"
            yield Due("SI tests after the last bout", tests, study, cohort, course.n_tested, course.n_alive)


def si_test_days(user: Any, today: date) -> Iterator[Due]:
    """Yield the days of SI tests that are planned for the day, by the plan in force of each cohort's test."""
    later = SiTestPlan.objects.filter(
        cohort=OuterRef("plan__cohort"), test_number=OuterRef("plan__test_number"),
        performed_at__gt=OuterRef("plan__performed_at"),
    )  # fmt: skip
    tested = SocialInteractionTest.objects.filter(
        mouse=OuterRef("mouse"), test_number=OuterRef("plan__test_number")
    ).order_by()
    places = PlannedSiTest.objects.all().visible_to(user).filter(
        ~Exists(later), study__state="open", plan__test_date=today, mouse__death_date=None, mouse__exclusions=None
    )  # fmt: skip
    counted = places.order_by().values("study__code", "plan__cohort__code", "plan__test_number").annotate(
        n=Count("pk"), n_done=Count("pk", filter=~Q(state=PlannedState.PLANNED) | Q(Exists(tested)))
    )  # fmt: skip
    for row in counted:
        study, cohort, number = row["study__code"], row["plan__cohort__code"], row["plan__test_number"]
        url = f"{reverse('bench-si-tests', args=[study])}?{urlencode({'cohort': cohort, 'test': number})}"
        yield Due(f"SI tests, number {number}", url, study, cohort, row["n_done"], row["n"])


def _begun_courses(user: Any, today: date) -> QuerySet[Any]:
    """Return the courses that may still run, with the numbers of their living mice."""
    alive = Mouse.objects.filter(cohort=OuterRef("cohort"), death_date=None, exclusions=None)
    begun = DefeatCourse.objects.all().visible_to(user).annotate(begins=FIRST_DAY).filter(
        study__state="open", begins__range=(today - timedelta(days=LONGEST_COURSE_DAYS), today)
    )  # fmt: skip
    return (
        begun.exclude(cohort=None)
        .select_related("study", "cohort")
        .annotate(
            is_planned=Exists(RotationPlan.objects.filter(course=OuterRef("pk"))),
            is_test_planned=Exists(SiTestPlan.objects.filter(cohort=OuterRef("cohort"), test_number=1)),
            n_alive=_number(alive),
            n_stressed=_number(alive.filter(group__in=STRESSED)),
            n_bouts=_number(alive.filter(pk__in=_of(DefeatBout, "performed_at", today).values("mouse"))),
            n_weighed=_number(alive.filter(pk__in=_of(Weighing, "performed_at", today).values("mouse"))),
            n_tested=_number(alive.filter(pk__in=_of(SocialInteractionTest, "test_at", today).values("mouse"))),
        )
    )


def _number(mice: QuerySet) -> Coalesce:
    counted = mice.order_by().values("cohort").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def _of(model: Any, at: str, today: date) -> QuerySet:
    """Return the rows of a day by the laboratory's clock; its study decides which part of an index is read."""
    begin, end = _day(today)
    return model.objects.filter(study=OuterRef("study"), **{f"{at}__gte": begin, f"{at}__lt": end}).order_by()


def _day(today: date) -> tuple[datetime, datetime]:
    begin, end = (datetime.combine(day, time.min) for day in (today, today + timedelta(days=1)))
    return timezone.make_aware(begin), timezone.make_aware(end)


def doses(user: Any, today: date) -> Iterator[Due]:
    """Yield the doses planned for the day, and those of the days before that nobody gave."""
    begin, end = _day(today)
    is_open = Q(status=DoseStatus.PLANNED)
    asked = Dose.objects.all().visible_to(user).filter(study__state="open").filter(
        Q(planned_at__gte=begin) | is_open, planned_at__gte=begin - timedelta(days=LATE_DAYS), planned_at__lt=end
    )  # fmt: skip
    is_late = Q(planned_at__lt=begin)
    counted = asked.order_by().values("study__code", "mouse__cohort__code", "performed_by__username").annotate(
        n_today=Count("pk", filter=~is_late), n_done=Count("pk", filter=~is_late & ~is_open),
        n_late=Count("pk", filter=is_late),
    )  # fmt: skip
    for row in counted:
        study, cohort, who = row["study__code"], row["mouse__cohort__code"] or "", row["performed_by__username"] or ""
        of_cohort = {"study": study, **({"mouse__cohort": cohort} if cohort else {})}
        if row["n_today"]:
            url = f"{reverse('bench-dosing', args=[study])}?{urlencode({'cohort': cohort or ALL})}"
            yield Due("doses", url, study, cohort, row["n_done"], row["n_today"], who)
        if row["n_late"]:
            url = list_url(Dose, **of_cohort, status=DoseStatus.PLANNED, planned_at__lt=today)
            yield Due("doses of days before, given or missed", url, study, cohort, 0, row["n_late"], who, is_late=True)


def solutions(user: Any, today: date) -> Iterator[Due]:
    """Yield the solutions that are usable today for the last time."""
    begin, end = _day(today)
    ending = Solution.objects.all().visible_to(user).filter(
        study__state="open", expires_at__gte=begin, expires_at__lt=end + timedelta(days=1)
    )  # fmt: skip
    for solution in ending.select_related("study").order_by("expires_at"):
        until = timezone.localtime(solution.expires_at)
        day = "today" if until.date() == today else "tomorrow"
        url = reverse("record-detail", args=[record_for(Solution).resource, solution.pk])
        yield Due(f"solution {solution} anew: usable until {day}, {until:%H:%M}", url, solution.study.code)


def screenings(user: Any, today: date) -> Iterator[Due]:
    """Yield how many aggressors have rested long enough to be screened again."""
    rested = Aggressor.objects.all().visible_to(user).filter(resting_until__lt=today, is_resting=True)
    n_rested = rested.filter(Q(retired_date=None) | Q(retired_date__gt=today)).count()
    if n_rested:
        url = list_url(Aggressor, is_resting="true", resting_until__lt=today)
        yield Due("screenings of aggressors whose rest is over", url, n_due=n_rested)


def _first(troubles: Iterable[Trouble]) -> Iterator[Trouble]:
    """Yield those that are always named, then the first of the others, and where there are more, say so."""
    all_of_kind = list(troubles)
    yield from (one for one in all_of_kind if one.is_always_named)
    found = [one for one in all_of_kind if not one.is_always_named]
    yield from found[:TROUBLES_SHOWN]
    if len(found) > TROUBLES_SHOWN:
        more = f"Only the first {TROUBLES_SHOWN} of this kind are named here; the next follows when one of them is settled."
        yield Trouble(f"{found[TROUBLES_SHOWN].what}, and perhaps more", more, found[TROUBLES_SHOWN].url)


def failed_runs(user: Any, _today: date) -> Iterator[Trouble]:
    """Yield runs that failed, where none of the same task and study was asked for later, and runs that wait long."""
    waiting = Q(status=RunStatus.QUEUED, queued_at__lt=timezone.now() - timedelta(minutes=WAITING_MINUTES))
    later = AnalysisRun.objects.filter(study=OuterRef("study"), task=OuterRef("task"), pk__gt=OuterRef("pk"))
    failed = Q(status=RunStatus.FAILED) & ~Exists(later)
    runs = AnalysisRun.objects.all().visible_to(user).filter(failed | waiting, study__state="open", parent=None)
    for run in runs.select_related("study").order_by("-pk")[:ASKED]:
        said = run.reason if run.status == RunStatus.FAILED else f"It waits for a worker since {_clock(run.queued_at)}."
        task = run.task.replace("_", " ")
        yield Trouble(f"{run.study.code}, {task}, run {run.pk}", said, reverse("analysis-run", args=[run.pk]))


def _clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"


def light_mice(user: Any, today: date) -> Iterator[Trouble]:
    """Yield living mice whose newest mass is at the humane endpoint, then those whose mass falls and nobody decided."""
    begin, _end = _day(today - timedelta(days=LOSS_DAYS - 1))
    shown = Weighing.objects.all().visible_to(user).order_by("performed_at", "pk")
    lately = shown.filter(performed_at__gte=begin, study__state="open").order_by().values("mouse")
    own = shown.filter(mouse=OuterRef("pk"))
    later = Weighing.objects.filter(mouse=OuterRef("mouse"), performed_at__gt=OuterRef("performed_at"))
    checks = WelfareCheck.objects.filter(~Exists(later), mouse=OuterRef("pk"))  # made since the newest mass
    mice = Mouse.objects.all().visible_to(user).filter(death_date=None, pk__in=lately).annotate(
        begins=first_day_of_stress(), is_decided=Exists(checks), masses_g=ArraySubquery(own.values("body_mass_g")),
        days=ArraySubquery(own.annotate(day=TruncDate("performed_at")).values("day")),
    )  # fmt: skip
    for mouse in mice.select_related("study").only("code", "study__code").order_by("study__code", "code"):
        masses = list(zip(mouse.days, mouse.masses_g, strict=True))
        alert = mass_alert(masses, mouse.begins, settings.HUMANE_ENDPOINT_PERCENT)
        if alert and (alert.is_limit or not mouse.is_decided):
            limit = f"; the humane endpoint is {settings.HUMANE_ENDPOINT_PERCENT} %" if alert.is_limit else ""
            said = f"{mouse.days[-1]}: {alert.sentence}{limit}. Decide what is done with it."
            yield Trouble(f"{mouse.study.code}, {mouse}", said, _page(mouse), is_always_named=alert.is_limit)


def open_checks(user: Any, today: date) -> Iterator[Trouble]:
    """Yield the living mice whose last welfare check asks for another look that nobody has taken since.

    A later check closes it, whatever it finds; a later weighing does where a mass was to be watched or fed up, and says
    by itself (`light_mice`) when it is no better.
    """
    later = WelfareCheck.objects.filter(mouse=OuterRef("mouse"))
    after = Q(performed_at__gt=OuterRef("performed_at")) | Q(
        performed_at=OuterRef("performed_at"), pk__gt=OuterRef("pk")
    )
    weighed = Weighing.objects.filter(mouse=OuterRef("mouse"), performed_at__gt=OuterRef("performed_at"))
    is_of_mass = Q(
        finding__in=[WelfareFinding.MASS_LIMIT, WelfareFinding.MASS_FALLING],
        action__in=[WelfareAction.WATCH, WelfareAction.FEED],
    )
    checks = WelfareCheck.objects.all().visible_to(user).filter(study__state="open", mouse__death_date=None).exclude(
        action__in=[WelfareAction.NONE, WelfareAction.KILLED]
    ).filter(~Exists(later.filter(after)), ~(is_of_mass & Exists(weighed)))  # fmt: skip
    for check in checks.select_related("mouse", "study").order_by("performed_at")[:ASKED]:
        seen = ", ".join(filter(None, [check.get_finding_display(), check.finding_detail]))
        done = ", ".join(filter(None, [check.get_action_display(), check.action_detail]))
        said = f"{_clock(check.performed_at)}: {seen}; {done}. Look at it again and enter what you find."
        yield Trouble(f"{check.study.code}, {check.mouse}", said, _page(check.mouse))


def refused_imports(user: Any, _today: date) -> Iterator[Trouble]:
    """Yield imports that were refused, where none of the same record and person succeeded since."""
    refused = open_refusals(user).select_related("study", "created_by").order_by("-pk")
    for one in refused[:ASKED]:
        first = one.refusal.partition("\n")[0]
        errors = f"{one.n_errors:,} error{'' if one.n_errors == 1 else 's'}"
        what = ", ".join(filter(None, [one.study and one.study.code, f"import of {one.resource}", one.file_name]))
        url = reverse("record-detail", args=[record_for(Import).resource, one.pk])
        yield Trouble(what, f"Refused for {one.created_by} at {_clock(one.created_at)}, {errors}: {first}", url)


def hurt_mice(user: Any, today: date) -> Iterator[Trouble]:
    """Yield living mice that came out of a bout with bad wounds, or whose bout was cut short."""
    begin, _end = _day(today - timedelta(days=WELFARE_DAYS - 1))
    bouts = DefeatBout.objects.all().visible_to(user).filter(
        Q(wound_score__gte=BAD_WOUND) | Q(stopped_early=True), study__state="open", performed_at__gte=begin,
        mouse__death_date=None,
    )  # fmt: skip
    for bout in bouts.select_related("mouse", "study").order_by("-performed_at")[:ASKED]:
        wound = f"wound score {bout.wound_score}" if (bout.wound_score or 0) >= BAD_WOUND else ""
        said = ", ".join(filter(None, [wound, "bout cut short" if bout.stopped_early else ""]))
        yield Trouble(
            f"{bout.study.code}, {bout.mouse}", f"Day {bout.day}: {said}. Look at it today.", _page(bout.mouse)
        )


def endpoints(user: Any, today: date) -> Iterator[Trouble]:
    """Yield the mice that reached a humane endpoint in the last days."""
    mice = Mouse.objects.all().visible_to(user).filter(
        study__state="open", is_humane_endpoint=True, death_date__gt=today - timedelta(days=ENDPOINT_DAYS)
    )  # fmt: skip
    for mouse in mice.select_related("study").order_by("-death_date", "code")[:ASKED]:
        reason = f" ({mouse.death_reason})" if mouse.death_reason else ""
        yield Trouble(
            f"{mouse.study.code}, {mouse}", f"Humane endpoint on {mouse.death_date}{reason}.", _page(mouse)
        )  # fmt: skip


def _page(mouse: Mouse) -> str:
    return reverse("mouse-page", args=[mouse.study.code, mouse.code])


DUE_SOURCES: tuple[DueSource, ...] = (courses, si_test_days, doses, solutions, screenings)
TROUBLE_SOURCES: tuple[TroubleSource, ...] = (
    light_mice, hurt_mice, open_checks, endpoints, refused_imports, failed_runs, undecided_findings,
    stale_results,
)  # fmt: skip


def due_today(user: Any) -> list[Due]:
    """Return what is due: late first, one's own before that of others, then by study and cohort; done last."""
    today = timezone.localdate()
    found = [one for source in DUE_SOURCES for one in source(user, today) if one.n_due]
    own = user.get_username()
    return sorted(found, key=lambda one: (one.is_done, not one.is_late, one.who != own, one.study, one.cohort))


def troubles(user: Any) -> list[Trouble]:
    """Return what went wrong: animals first."""
    today = timezone.localdate()
    return [one for source in TROUBLE_SOURCES for one in _first(source(user, today))]
