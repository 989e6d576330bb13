"""The day of defeat at the rack: every cage as a tile, and the same on paper."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from labdb.accounts.bench_shell import bench_words
from labdb.colony.models import Mouse
from labdb.defeat import course_facts
from labdb.defeat.aggressor_facts import AggressorFacts, all_facts, newest_rule
from labdb.defeat.course_page import found_course
from labdb.defeat.models import ControlRotation, DefeatBout, DefeatCourse, PlannedBout
from labdb.defeat.partners import plan_partners
from labdb.registry.natural_order import natural
from labdb.registry.permissions import may

USUAL_BOUT_S = 300.0  # where the course does not say; 5 to 10 min (Golden et al. 2011)


@require_safe
def day_page(request: HttpRequest, code: str, course: str, day: int) -> HttpResponse:
    """Show the rack; all that happens on the page goes through the outbox of the bench."""
    study, found = found_course(request, code, course)
    _refuse_other_days(found, day)
    facts = {one.code: one for one in all_facts(newest_rule())}
    tiles = _tiles(found, day, facts)
    may_enter = may(request.user, "add", DefeatBout, study)
    back_url = reverse("defeat-course", args=[study.code, found.code])
    words = {
        "study": study,
        "course": found,
        "day": day,
        "date": found.date_of(day),
        "bench": bench_words(request, study, DefeatBout, back=found.code, back_url=back_url),
        "tiles": tiles,
        "lost": _died_before(found, day),
        "sheet_url": reverse("defeat-day-sheet", args=[study.code, found.code, day]),
        "plan_url": reverse("defeat-plan", args=[study.code, found.code]),
        "may_enter": may_enter,
        "rack": {
            "study": study.code,
            "course": found.code,
            "day": day,
            "date": str(found.date_of(day) or ""),
            "bout_s": 60 * found.bout_length_min if found.bout_length_min else USUAL_BOUT_S,
            "stagger_s": settings.BOUT_STAGGER_S,
            "sensory_contact_h": found.sensory_contact_h if day < found.days else None,
            "tiles": tiles,
            "free": _free(tiles, facts),
            "pairs": _pairs(found, day),
            "may_enter": may_enter,
            "stored_url": reverse("defeat-day-stored", args=[study.code, found.code, day]),
        },
    }
    return render(request, "defeat/day.html", words)


@never_cache
@require_safe
def stored_bouts(request: HttpRequest, code: str, course: str, day: int) -> JsonResponse:
    """Tell what is stored of the day, whichever device entered it."""
    _study, found = found_course(request, code, course)
    bouts = course_facts.bouts_of(found, course_facts.course_mice(found))
    stored = {bout.mouse.code: _stored(bout) for (_mouse, its_day), bout in bouts.items() if its_day == day}
    return JsonResponse({"bouts": stored, "pairs": _pairs_stored(found, day), "now": timezone.now().isoformat()})


@require_safe
def day_sheet(request: HttpRequest, code: str, course: str, day: int) -> HttpResponse:
    """Show the day as a sheet to print and to fill in by hand, in the order of the rack."""
    study, found = found_course(request, code, course)
    _refuse_other_days(found, day)
    tiles = _tiles(found, day, {one.code: one for one in all_facts(newest_rule())})
    words = {"study": study, "course": found, "day": day, "date": found.date_of(day), "tiles": tiles}
    return render(request, "defeat/day_sheet.html", {**words, "pairs": _pairs(found, day)})


def _refuse_other_days(course: DefeatCourse, day: int) -> None:
    if not 1 <= day <= course.days:
        raise Http404(f"Course {course} has {course.days} days; there is no day {day}.")


def _tiles(course: DefeatCourse, day: int, facts: dict[str, AggressorFacts]) -> list[dict[str, Any]]:
    """Return the cages of the day in the order of the rack: what is planned, and what is stored already."""
    mice = course_facts.course_mice(course)
    planned, bouts = course_facts.planned_of(course), course_facts.bouts_of(course, mice)
    when = course.date_of(day) or timezone.localdate()
    tiles = []
    for mouse in mice:
        plan, bout = planned.get((mouse.pk, day)), bouts.get((mouse.pk, day))
        is_gone = mouse.death_date is not None and mouse.death_date < when
        if bout is not None or (plan is not None and not is_gone):
            tiles.append(_tile(mouse, plan, bout, facts, _met(mouse, bouts, day), when))
    return sorted(tiles, key=lambda tile: (tile["place"] or 10_000, natural(tile["aggressor"]), natural(tile["mouse"])))


def _met(mouse: Mouse, bouts: dict[tuple[int, int], DefeatBout], day: int) -> dict[str, int]:
    """Return whom a mouse met on other days, with the day."""
    mine = [bout for (pk, its_day), bout in bouts.items() if pk == mouse.pk and its_day != day and bout.aggressor]
    return {bout.aggressor.code: bout.day for bout in mine}  # type: ignore[union-attr]


def _tile(
    mouse: Mouse,
    plan: PlannedBout | None,
    bout: DefeatBout | None,
    facts: dict[str, AggressorFacts],
    met: dict[str, int],
    when: Any,
) -> dict[str, Any]:
    aggressor = plan.aggressor if plan else bout.aggressor if bout else None
    one = facts.get(aggressor.code) if aggressor else None
    cage = (plan.cage if plan else None) or (bout.cage if bout else None)
    place = plan.place if plan else None
    return {
        "mouse": mouse.code,
        "aggressor": aggressor.code if aggressor else "",
        "hardness": one.hardness_word if one else "",
        "place": place,
        "cage": cage.code if cage else "",
        "label": cage.code if cage else str(place or (aggressor.code if aggressor else mouse.code)),
        "met": met,
        "warning": _warning(aggressor, met, when) if bout is None else "",
        "stored": _stored(bout) if bout else None,
    }


def _warning(aggressor: Any, met: dict[str, int], when: Any) -> str:
    if aggressor is None:
        return ""
    if aggressor.code in met:
        return f"met {aggressor.code} on day {met[aggressor.code]}: swap"
    why = aggressor.unfit_on(when)
    return f"{aggressor.code} {why}: swap" if why else ""


def _stored(bout: DefeatBout) -> dict[str, Any]:
    return {
        "id": bout.pk,
        "version": bout.version,
        "aggressor": bout.aggressor.code if bout.aggressor else "",
        "at": bout.performed_at.isoformat() if bout.performed_at else "",
        "physical_s": bout.physical_s,
        "latency_s": bout.attack_latency_s,
        "attacks": bout.attacks,
        "wound_score": bout.wound_score,
        "substituted": bout.substituted,
        "stopped_early": bout.stopped_early,
        "by": str(bout.performed_by) if bout.performed_by else "",
        "url": reverse("record-detail", args=["defeat-bouts", bout.pk]),
    }


def _free(tiles: list[dict[str, Any]], facts: dict[str, AggressorFacts]) -> list[dict[str, str]]:
    """Return who can step in today: passed, in use, and with no mouse of the day; softer ones last."""
    busy = {tile["aggressor"] for tile in tiles} | {tile["stored"]["aggressor"] for tile in tiles if tile["stored"]}
    free = [one for one in facts.values() if one.has_passed and not one.state and one.code not in busy]
    free.sort(key=lambda one: (-one.hardness, natural(one.code)))
    return [{"code": one.code, "hardness": one.hardness_word} for one in free]


def _died_before(course: DefeatCourse, day: int) -> list[Mouse]:
    when = course.date_of(day)
    mice = course_facts.course_mice(course)
    return [mouse for mouse in mice if mouse.death_date and when and mouse.death_date < when]


def _pairs(course: DefeatCourse, day: int) -> list[dict[str, Any]]:
    """Return the controls that live side by side from this day on, those stored already as they are."""
    stored = _pairs_stored(course, day)
    known = {code for pair in stored for code in pair}
    controls = [mouse for mouse in course_facts.course_controls(course) if mouse.code not in known]
    met = course_facts.met_partners(controls, before_day=day)
    plan = plan_partners([mouse.code for mouse in controls], [day], met=met)
    planned = plan.partner[day].items() if len(controls) else ()
    again = {frozenset((one, other)) for one, other, _day in plan.repeats}
    new = [
        {"mice": [str(one), other or ""], "is_again": frozenset((one, other)) in again, "is_stored": False}
        for one, other in planned
        if other is None or str(one) < other
    ]
    return [{"mice": list(pair), "is_again": False, "is_stored": True} for pair in stored] + new


def _pairs_stored(course: DefeatCourse, day: int) -> list[tuple[str, str]]:
    controls = course_facts.course_controls(course)
    moves = ControlRotation.objects.filter(mouse__in=controls, day=day).values_list("mouse__code", "partner__code")
    return sorted({(min(pair), max(pair)) for pair in moves})
