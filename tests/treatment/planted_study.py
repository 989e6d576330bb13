"""A blinded study whose treatments are called by words that stand nowhere else, with all that may tell of them.

`exchange` changes nothing but what is secret: who is in which arm, which doses, lots and seeds there are, and how many
bottles and drugs. Whoever is blinded must not be able to tell the study before from the one after.
"""

from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Case, F, Value, When
from django.utils import timezone

from analysis.checked_inputs import CheckedInputs
from analysis.declared_inputs import all_models_read
from analysis.models import Contrast
from analysis.watermark import OPEN, mark_now, tables_of
from labdb.accounts.models import Role, User
from labdb.colony.models import Study, StudyMembership
from labdb.registry.attachments import attach
from labdb.registry.history import writing
from labdb.registry.imports import import_table
from labdb.registry.record import record_for
from labdb.registry.saved_view import SavedView
from labdb.treatment.arm_labels import arm_labels
from labdb.treatment.models import (
    Allocation,
    AllocationKey,
    ArmLetter,
    Dose,
    Drug,
    Randomization,
    Solution,
    SolutionKey,
    TreatmentArm,
    TreatmentComponent,
)
from tests.analysis.small_study import make_treated_study
from tests.analysis.test_tasks import done

TASKS = ("phenotype", "response", "quality", "differential_expression", "reversal", "mouse_scores")
ARMS = ("zephrosal", "quorvexin")
FORMER, DELETED = "oldquorvex", "gonevexin"  # what an arm was called before, and an arm that is gone
DRUGS = ("zephrosaline", "quorvexidol")
BOTTLES = ("BTLZ31", "BTLQ31")
LOT, DOSE, SEED, DRAWN = "LOT77QX31", 17.31, 918273645, "RND5519"
SECRETS = ("zephrosal", "quorvex", "gonevex", *BOTTLES, LOT, "17.31", "18.47", str(SEED), DRAWN, "vorplast", "LOT88")


def make_planted_study() -> Study:
    """Sixteen mice: controls and resilient ones on the vehicle, susceptible ones drawn for it or for the drug."""
    study = make_treated_study(n_per_group=4, n_genes=60)
    Study.objects.filter(pk=study.pk).update(is_blinded=True, title="A planted study")
    study.refresh_from_db()
    vehicle, drug = (TreatmentArm.objects.get(study=study, name=name) for name in ("saline", "ketamine"))
    drawn = Randomization.objects.get(study=study)
    Randomization.objects.filter(pk=drawn.pk).update(code=DRAWN, seed=SEED, input_snapshot=f'["k0 {ARMS[1]}"]')
    _name_arms(vehicle, drug)
    bottles = [_bottle(study, number, arm) for number, arm in enumerate((vehicle, drug))]
    now = timezone.now() - timedelta(hours=30)
    for number, key in enumerate(AllocationKey.objects.filter(study=study).select_related("allocation__mouse")):
        code = f"SYR{number:02}"
        SolutionKey.objects.create(study=study, code=code, solution=bottles[key.arm_id == drug.pk])
        Dose.objects.create(
            study=study, mouse=key.allocation.mouse, planned_at=now, given_at=now, solution_code=code,
            body_mass_g=25, volume_ml=0.25,
        )  # fmt: skip
    _ask_questions(study, arm_labels(study))
    for task in TASKS:
        done(study, task)
    return study


def _ask_questions(study: Study, labels: dict[int, str]) -> None:
    """Compare phenotypes, and the two arms by their letters."""
    phenotypes = ("mouse__phenotype", "susceptible", "control")
    for group_by, numerator, denominator in (phenotypes, ("mouse__arm", *labels.values())):
        Contrast.objects.create(
            study=study, name=f"{numerator} - {denominator}", group_by=group_by, numerator=numerator,
            denominator=denominator,
        )  # fmt: skip


def _name_arms(vehicle: TreatmentArm, drug: TreatmentArm) -> None:
    """Give the arms their words; one had another before, and there was one more."""
    gone = TreatmentArm.objects.create(study=vehicle.study, name=DELETED)
    allocation = Allocation.objects.filter(study=vehicle.study).order_by("pk")[0]
    with writing(user=None, door="web", reason="a correction"):
        key = AllocationKey.objects.get(allocation=allocation)
        arm, key.arm = key.arm, gone
        key.save()
        key.arm = arm
        key.save()
    gone.delete()
    for arm, name in ((drug, FORMER), (drug, ARMS[1]), (vehicle, ARMS[0])):
        arm.name = name
        arm.save()


def _bottle(study: Study, number: int, arm: TreatmentArm) -> Solution:
    drug = Drug.objects.create(name=DRUGS[number])
    TreatmentComponent.objects.create(
        study=study, arm=arm, drug=drug, day_to=14, dose_mg_per_kg=DOSE, route="i.p.", vehicle=ARMS[0]
    )
    return Solution.objects.create(study=study, code=BOTTLES[number], drug=drug, lot=LOT, vehicle=ARMS[0])


def traces_of_the_allocator(study: Study, allocator: User) -> None:
    """What the allocator left behind: files that came in and were refused, a view of a list, a file at an arm."""
    _import(study, allocator, "allocation-keys", "allocation,arm\nAk9,quorvexin\n")  # no such mouse
    _import(study, allocator, "treatment-arms", "study,name\nS1,quorvexin\nS1,\n")
    _import(study, allocator, "treatment-arms", f"study,name,notes\nS1,{ARMS[0]},{LOT}\n")
    _import(study, allocator, "drugs", "name,base_molar_mass_g_per_mol\nquorvexidol,x\n")
    for resource, query in (("allocation-keys", f"arm={ARMS[1]}"), ("mice", f"allocations__key__arm__name={ARMS[1]}")):
        SavedView.objects.create(
            owner=allocator, resource=resource, name=f"all of {ARMS[1]}", query=query, study=study, is_shared=True
        )
    arm = TreatmentArm.objects.get(study=study, name=ARMS[1])
    attach(arm, SimpleUploadedFile(f"{ARMS[1]}.txt", f"how {DRUGS[1]} is given".encode()), f"of {LOT}", user=allocator)


def _import(study: Study, user: User, resource: str, text: str) -> None:
    data = text.encode()
    import_table(record_for(resource), data, f"{ARMS[1]}-{resource}.csv", user=user, study=study, reason="a list")


def exchange(study: Study) -> None:
    """Put every mouse into the other arm, and change what else is secret; letters stay with the mice."""
    first, second = TreatmentArm.objects.filter(study=study).order_by("pk")
    _swap(AllocationKey.objects.filter(study=study), "arm", first.pk, second.pk)
    one, other = Solution.objects.filter(study=study).order_by("pk")
    _swap(SolutionKey.objects.filter(study=study), "solution", one.pk, other.pk)
    letters = dict(ArmLetter.objects.values_list("arm_id", "letter"))
    ArmLetter.objects.all().delete()
    for arm, letter in ((first.pk, letters[second.pk]), (second.pk, letters[first.pk])):
        ArmLetter.objects.create(arm_id=arm, letter=letter)
    TreatmentComponent.objects.filter(study=study).update(dose_mg_per_kg=18.47, day_to=F("day_to") + 1)
    Solution.objects.filter(study=study).update(lot="LOT88")
    Randomization.objects.filter(study=study).update(seed=5, input_snapshot="[]")
    Solution.objects.create(study=study, code="vorplast", drug=Drug.objects.create(name="vorplast"))
    # That results are out of date tells that a key changed, which here is the test's doing, and not which arm is whose.
    # Transactions of the server's other databases are of no account: their end would have the inputs read anew.
    mark = {name: last for name, last in mark_now(tables_of(all_models_read())).items() if name != OPEN}
    CheckedInputs.objects.filter(study=study).update(watermark=mark)


def _swap(rows: Any, field: str, first: int, second: int) -> None:
    column = f"{field}_id"
    rows.update(**{column: Case(When(**{column: first}, then=Value(second)), default=Value(first))})


def member(study: Study, role: str) -> User:
    """Who has a role in the study, and may look at the admin."""
    user = User.objects.create(username=role.replace(" ", "."), is_staff=True)
    StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))
    return user
