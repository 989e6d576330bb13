"""A cohort on the day after its last bout, and the plan of its SI tests."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from labdb.behavior.models import Arena
from labdb.colony.models import Mouse
from labdb.defeat.models import DefeatBout, DefeatCourse
from tests.defeat.lab import make_aggressors, make_course

ROOT = "/studies/S1/bench/si-tests/"
COHORT = "?cohort=DC1-C"


def make_day(n_mice: int = 6, n_controls: int = 2, n_targets: int = 6) -> DefeatCourse:
    """Make a cohort that was defeated until yesterday, two boxes, and targets that the first of them met."""
    course = make_course(n_mice=n_mice, n_controls=n_controls, start=timezone.localdate() - timedelta(days=10))
    targets = make_aggressors(n_targets)
    for number, mouse in enumerate(Mouse.objects.filter(group="defeated").order_by("code")):
        DefeatBout.objects.create(study=course.study, mouse=mouse, day=1, aggressor=targets[number % n_targets])
    Arena.objects.bulk_create(Arena(name=f"box {number}") for number in (1, 2))
    return course


def words(**more: Any) -> dict[str, Any]:
    arenas = list(Arena.objects.filter(name__startswith="box ").order_by("name").values_list("pk", flat=True))
    today = timezone.localdate()
    return {
        "test_number": 1,
        "test_date": today,
        "trial_s": "150",
        "lights_on": "07:00",
        "seed": 7,
        "arenas": arenas,
        **more,
    }


def save_day(client: Client, **more: Any) -> Any:
    """Preview a day and save what was shown; return the last answer."""
    shown = client.post(f"{ROOT}plan/{COHORT}", words(**more))
    if shown.status_code != 200:
        return shown
    return client.post(
        f"{ROOT}plan/{COHORT}", {**words(**more), "save": "yes", "digest": shown.context["inputs"].digest}
    )


def sheet_of(client: Client) -> dict[str, Any]:
    return client.get(f"{ROOT}{COHORT}").context["sheet"]
