"""A blinded study whose treatments have names that stand nowhere else, and accounts that may or may not know them."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from labdb.accounts.models import Role, User
from labdb.colony.models import Cohort, Mouse, Study, StudyMembership
from labdb.treatment.models import (
    Allocation,
    AllocationKey,
    Dose,
    Drug,
    Randomization,
    Solution,
    SolutionKey,
    TreatmentArm,
    TreatmentComponent,
)
from labdb.treatment.unblinding import Unblinding

CODE = "BLIND"
DRUGS = ("zorvexine", "plumbosol")
ARMS = ("zeta-arm", "plumb-arm")
LOT = "LOT-QX77"
BOTTLES = ("BOTTLE-91", "BOTTLE-92")
RANDOMIZATION = "RND-4711"
SEED = 90210417
SECRETS = (*DRUGS, *ARMS, LOT, *BOTTLES, RANDOMIZATION, str(SEED), "17.25")


def make_blinded_study(code: str = CODE) -> Study:
    """Four mice in two arms of two drugs that no other study uses; every second mouse is in the first arm."""
    study = Study.objects.create(code=code, title="A blinded study", is_blinded=True)
    cohort = Cohort.objects.create(study=study, code="C1")
    randomization = Randomization.objects.create(
        study=study, code=RANDOMIZATION, method="simple", seed=SEED, input_snapshot='["M1"]'
    )
    arms, bottles = [], []
    now = timezone.now()
    for number, (name, drug_name) in enumerate(zip(ARMS, DRUGS, strict=True)):
        drug, _is_new = Drug.objects.get_or_create(name=drug_name)
        arm = TreatmentArm.objects.create(study=study, name=name, is_vehicle=number == 0)
        TreatmentComponent.objects.create(study=study, arm=arm, drug=drug, dose_mg_per_kg=17.25, route="i.p.")
        arms.append(arm)
        bottles.append(
            Solution.objects.create(
                study=study, code=BOTTLES[number], drug=drug, lot=LOT, expires_at=now - timedelta(days=3)
            )
        )
    for number in range(4):
        mouse = Mouse.objects.create(study=study, code=f"M{number + 1}", group="defeated", cohort=cohort, sex="M")
        allocation = Allocation.objects.create(
            study=study, mouse=mouse, code=f"A{number + 1}", randomization=randomization if number else None
        )
        AllocationKey.objects.create(study=study, allocation=allocation, arm=arms[number % 2])
        SolutionKey.objects.create(study=study, code=f"S{number + 1}", solution=bottles[number % 2])
        Dose.objects.create(
            study=study, mouse=mouse, planned_at=now, given_at=now, solution_code=f"S{number + 1}",
            body_mass_g=25, volume_ml=0.25,
        )  # fmt: skip
    return study


def account(name: str, *, role: str = "", everywhere: str = "", study: Study | None = None, **fields: Any) -> User:
    """An account with a role in a study, one everywhere, or both."""
    user = User.objects.create(username=name, **fields)
    if role:
        StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))  # type: ignore[misc]
    if everywhere:
        user.groups.add(Role.objects.get(name=everywhere))
    return user


def blind_accounts(study: Study) -> dict[str, User]:
    """Who works on the study and must not know its treatments, by what might let it: rights here, all rights, a key elsewhere."""
    roles = ("scorer", "manager")
    return {
        **{role: account(f"a {role}", role=role, study=study, is_staff=True) for role in roles},
        "administrator": account("root", is_superuser=True, is_staff=True),
        "allocator elsewhere": account(
            "other allocator", role="allocator", study=Study.objects.create(code="ELSE", title="x", is_blinded=True),
            everywhere="scorer", is_staff=True,
        ),
    }  # fmt: skip


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def unblind(study: Study) -> None:
    """Lift the blinding of a study as the database asks for it: with a row that says who and why."""
    Unblinding.objects.create(study=study, by=User.objects.order_by("pk")[0], reason="All tests are scored.")
    Study.objects.filter(pk=study.pk).update(is_blinded=False)
    study.refresh_from_db()
