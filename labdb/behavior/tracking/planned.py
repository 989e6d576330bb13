"""What the plan of a test day knows of tests that come out of trackers' files: nobody types it again."""

from collections.abc import Iterable
from datetime import datetime, time
from typing import Any

from django.conf import settings

from labdb.behavior.models import PlannedSiTest
from labdb.colony.models import Mouse, Study


def planned_places(study: Study, mice: Iterable[Mouse], test_number: int) -> dict[int, PlannedSiTest]:
    """Return the place of each mouse in the newest plan of this test that names it, by the mouse's id."""
    places = PlannedSiTest.objects.filter(study=study, mouse__in=list(mice), plan__test_number=test_number)
    return {
        one.mouse_id: one
        for one in places.select_related("plan", "arena", "target").order_by("plan__performed_at", "plan_id")
    }


def planned_facts(place: PlannedSiTest | None, started_at: datetime | None) -> dict[str, Any]:
    """Return the fields of an SI test that its plan knows; the hour of the light cycle needs the start by the lab's clock."""
    if place is None:
        return {}
    plan = place.plan
    facts = {
        "target": place.target, "order_of_day": place.order_of_day, "room": plan.room, "lux": plan.lux,
        "target_side": plan.target_side,
    }  # fmt: skip
    if started_at is not None:
        facts["light_cycle_hour"] = light_cycle_hour(started_at, plan.lights_on or settings.LIGHTS_ON)
    return {name: value for name, value in facts.items() if value not in (None, "")}


def light_cycle_hour(at: datetime, lights_on: str) -> float:
    """Return the hours since lights on (0 to 24) at a moment by the lab's clock; ``lights_on`` such as ``07:00``."""
    on = datetime.combine(at.date(), time.fromisoformat(lights_on), at.tzinfo)
    return round((at - on).total_seconds() / 3600 % 24, 2)
