"""The roles a new laboratory starts with.

A role that exists is never overwritten: what it may do is changed in the admin. A record that is new in this version
is the exception: no role of a laboratory could know it, so these roles get their rights on it after `migrate`.
"""

from typing import Any

from django.apps import AppConfig
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Permission
from django.db.models import Model, Q

from labdb.accounts.models import Role
from labdb.registry.permissions import ACTIONS

EVERYTHING = ("registry", "accounts", "colony", "defeat", "behavior", "treatment", "tissue", "sequencing", "analysis")
BENCH = ("colony", "defeat", "behavior", "tissue", "sequencing")

# role -> action -> rooms whose records it may act on, or single records of a room: who doses knows a code, not the arm
DOSING = ("treatment.dose",)
ROLES: dict[str, dict[str, tuple[str, ...]]] = {
    "technician": {"view": EVERYTHING, "add": (*BENCH, *DOSING), "change": (*BENCH, *DOSING)},
    "blind scorer": {"add": ("behavior.socialinteractiontest",)},  # sees nothing but the tests to be scored again
    "scorer": {"view": EVERYTHING, "add": ("behavior",), "change": ("behavior",)},
    "analyst": {"view": EVERYTHING, "add": ("analysis", "behavior", "sequencing"), "change": ("analysis", "behavior")},
    "allocator": {
        "view": EVERYTHING,
        "add": ("treatment",),
        "change": ("treatment",),
        "hold": ("treatment.allocationkey",),
        "delete": ("treatment.treatmentarm", "treatment.treatmentcomponent"),
    },
    "investigator": {"view": EVERYTHING, "add": ("analysis",)},
    "manager": dict.fromkeys(ACTIONS, EVERYTHING),
}
# Who belongs to a study, a study itself, and what labdb does by the clock are a manager's business.
MANAGED_MODELS = ("colony.study", "colony.studymembership", "analysis.schedule")
MANAGED = Q(content_type__app_label="accounts")
for _room, _dot, _name in (one.partition(".") for one in MANAGED_MODELS):
    MANAGED |= Q(content_type__app_label=_room, content_type__model=_name)


def may_enter(model: type[Model]) -> list[str]:
    """Return the roles that enter records of this model, as a new laboratory starts with them."""
    room, name = model._meta.app_label, str(model._meta.model_name)
    is_managed = room == "accounts" or f"{room}.{name}" in MANAGED_MODELS
    return [
        role
        for role, rights in ROLES.items()
        if {room, f"{room}.{name}"}.intersection(rights.get("add", ())) and (role == "manager" or not is_managed)
    ]


def install_roles() -> int:
    """Make the roles that are missing and return their number."""
    made = 0
    for name in ROLES:
        role, is_new = Role.objects.get_or_create(name=name)
        if is_new:
            role.permissions.set(_permissions(name))
            made += 1
    return made


def grant_new_records(app_config: AppConfig, **signal: Any) -> None:
    """Give the roles that still have their names the rights on records that no role has any right on."""
    if not _has_groups(signal["apps"]):
        return  # a migration to a state before there were accounts
    create_permissions(app_config, **signal)  # Django's own receiver may come after this one; both make them once
    of_room = Permission.objects.filter(content_type__app_label=app_config.label)
    known = of_room.filter(group__isnull=False).values("content_type")
    new = set(of_room.exclude(content_type__in=known))
    if not new:
        return
    for role in Role.objects.filter(name__in=ROLES):
        role.permissions.add(*new.intersection(_permissions(role.name)))


def _has_groups(apps: Apps) -> bool:
    try:
        apps.get_model("auth", "Group")
    except LookupError:
        return False
    return True


def _permissions(role: str) -> list[Permission]:
    """Return what a role of a new laboratory may do."""
    granted: list[Permission] = []
    for action, rooms in ROLES[role].items():
        acted_on = Q(content_type__app_label__in=rooms)
        for room, _dot, name in (one.partition(".") for one in rooms if "." in one):
            acted_on |= Q(content_type__app_label=room, content_type__model=name)
        found = Permission.objects.filter(acted_on, codename__startswith=f"{action}_")
        granted.extend(found if role == "manager" or action == "view" else found.exclude(MANAGED))
    return granted
