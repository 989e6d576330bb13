"""A cohort about to be defeated, and aggressors that were screened."""

import json
import uuid
from datetime import date, datetime, time, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from labdb.accounts.models import Role, User
from labdb.colony.models import Cohort, Mouse, Study, StudyMembership
from labdb.defeat.models import Aggressor, AggressorScreening, DefeatCourse, ScreeningRule


def make_course(
    study: Study | None = None, *, code: str = "DC1", n_mice: int = 24, n_controls: int = 4, start: date | None = None,
    **fields: Any,
) -> DefeatCourse:  # fmt: skip
    """Make a cohort with its course; by default the course ends today."""
    study = study or Study.objects.create(code="S1", title="first")
    cohort = Cohort.objects.create(study=study, code=f"{code}-C")
    Mouse.objects.bulk_create(
        Mouse(study=study, code=f"{code}-{letter}{number:02}", cohort=cohort, group=group)
        for letter, group, count in (("M", "defeated", n_mice), ("K", "control", n_controls))
        for number in range(1, count + 1)
    )
    fields = {"days": 10, "bout_length_min": 5.0, "sensory_contact_h": 24.0, **fields}
    start = start or timezone.localdate() - timedelta(days=fields["days"] - 1)
    return DefeatCourse.objects.create(study=study, code=code, cohort=cohort, start_date=start, **fields)


def make_aggressors(number: int, *, passed: bool = True, prefix: str = "R") -> list[Aggressor]:
    """Make aggressors that attacked in every session, some sooner than others; or in none."""
    ScreeningRule.objects.get_or_create(name="2 sessions in a row within 60 s")
    made = [Aggressor.objects.create(code=f"{prefix}{place}") for place in range(1, number + 1)]
    AggressorScreening.objects.bulk_create(
        AggressorScreening(
            aggressor=one, day=day, latency_s=5.0 + place if passed else None, attacks=number - place if passed else 0
        )
        for place, one in enumerate(made)
        for day in (1, 2, 3)
    )
    return made


def client_of(role: str = "", study: Study | None = None) -> Client:
    """Return the browser of a superuser, or of an account with a role in a study."""
    if role:
        user = User.objects.create_user(role, password="a long password")
        StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))  # type: ignore[misc]
    else:
        user = User.objects.create_superuser("boss", password="a long password")
    client = Client()
    client.force_login(user)
    return client


def page_of(course: DefeatCourse, end: str = "") -> str:
    return f"/studies/{course.study.code}/defeat/{course.code}/{end}"


def save_plan(client: Client, course: DefeatCourse, **more: Any) -> Any:
    """Preview a plan and save what was shown; return the last answer."""
    words = {"from_day": 1, "seed": 7, "rule": ScreeningRule.objects.latest("pk").pk, **more}
    shown = client.post(page_of(course, "plan/"), words)
    if shown.status_code != 200:
        return shown
    return client.post(page_of(course, "plan/"), {**words, "save": "yes", "digest": shown.context["inputs"].digest})


def rack_of(client: Client, course: DefeatCourse, day: int) -> dict[str, Any]:
    """Return what the page of a day knows."""
    return client.get(page_of(course, f"day/{day}/")).context["rack"]


def send_bouts(client: Client, course: DefeatCourse, day: int, **swaps: str) -> list[dict[str, Any]]:
    """Store the bouts of a day as the rack sends them, and return the answers; `swaps` by mouse, dashes as underscores."""
    at = timezone.make_aware(datetime.combine(course.date_of(day) or timezone.localdate(), time(0, 0)))
    entries = []
    for number, tile in enumerate(rack_of(client, course, day)["tiles"]):
        other = swaps.get(tile["mouse"].replace("-", "_"))
        values = {
            "study": course.study.code, "mouse": tile["mouse"], "course": course.code, "day": day,
            "performed_at": (at + timedelta(seconds=number)).isoformat(), "aggressor": other or tile["aggressor"],
            "physical_s": 300, "attack_latency_s": 10, "attacks": 12, "substituted": bool(other),
            "substitution_reason": "did not attack" if other else "", "stopped_early": False, "cage": tile["cage"],
        }  # fmt: skip
        entries.append({"key": str(uuid.uuid4()), "record": "defeat-bouts", "action": "add", "values": values})
    answer = client.post("/bench/entries/", json.dumps({"entries": entries}), content_type="application/json")
    return answer.json()["answers"]
