"""A study of three arms with their bottles, whose mice are allocated: what planning and giving doses starts from."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from labdb.accounts.models import Role, User
from labdb.colony.models import Cage, Cohort, Housing, Mouse, Study, StudyMembership, Weighing
from labdb.treatment.models import (
    Allocation,
    AllocationKey,
    Drug,
    Solution,
    TreatmentArm,
    TreatmentComponent,
)

N_MICE = 6
ARMS = ("saline", "imipramine", "ketamine")


def member(study: Study, name: str, role: str) -> User:
    """Return a new account with a role in the study."""
    user = User.objects.create_user(name)
    StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))
    return user


def make_study(*, is_blinded: bool = True, weighed_h_ago: float = 2, **bottle: Any) -> Study:
    """Return study S1: M1 to M6 (25 g, in cages K6 to K1), two in each arm, the bottles usable for 20 days."""
    study = Study.objects.create(code="S1", title="one", is_blinded=is_blinded)
    cohort = Cohort.objects.create(study=study, code="C1")
    arms = [TreatmentArm.objects.create(study=study, name=name) for name in ARMS]
    _components(study, arms)
    _bottles(study, **bottle)
    for number in range(1, N_MICE + 1):
        mouse = Mouse.objects.create(study=study, cohort=cohort, code=f"M{number}")
        cage = Cage.objects.create(study=study, code=f"K{number}", position=f"B{N_MICE + 1 - number}")
        Housing.objects.create(
            study=study, mouse=mouse, cage=cage, housed_from=timezone.localdate() - timedelta(days=30)
        )
        at = timezone.now() - timedelta(hours=weighed_h_ago)
        Weighing.objects.create(study=study, mouse=mouse, performed_at=at, body_mass_g=25.0)
        allocation = Allocation.objects.create(study=study, mouse=mouse, code=f"X{number}")
        AllocationKey.objects.create(study=study, allocation=allocation, arm=arms[number % len(arms)])
    return study


def _components(study: Study, arms: list[TreatmentArm]) -> None:
    saline, imipramine, ketamine = arms
    facts = {"study": study, "time_of_day": "09:00", "route": "i.p.", "volume_ml_per_kg": 10.0}
    drug = {one.name: one for one in Drug.objects.all()}
    parts: list[dict[str, Any]] = [
        {"arm": saline, "drug": drug["saline"], "day_to": 14},
        {"arm": imipramine, "drug": drug["imipramine"], "day_to": 14, "dose_mg_per_kg": 20.0, "drug_form": "salt"},
        {"arm": ketamine, "drug": drug["saline"], "day_to": 13},
        {
            "arm": ketamine, "part": 2, "drug": drug["ketamine"], "day_from": 14, "day_to": 14, "dose_mg_per_kg": 10.0,
            "drug_form": "salt",
        },
    ]  # fmt: skip
    for part in parts:
        TreatmentComponent.objects.create(**facts, **part)


def _bottles(study: Study, **more: Any) -> None:
    prepared_at = timezone.now() - timedelta(hours=3)
    facts = {"study": study, "prepared_at": prepared_at, "expires_at": prepared_at + timedelta(days=20), **more}
    stocks = {"saline": None, "imipramine": 2.0, "ketamine": 1.0}
    for name, stock in stocks.items():
        form = "salt" if stock else ""
        Solution.objects.create(
            code=f"{name[:3].upper()}1",
            drug=Drug.objects.get(name=name),
            stock_mg_per_ml=stock,
            drug_form=form,
            **facts,
        )


def at(day: int, hour: int = 9) -> datetime:
    """Return an hour of a day, counted from today as day 1."""
    start = timezone.localtime().replace(hour=hour, minute=0, second=0, microsecond=0)
    return start + timedelta(days=day - 1)
