"""The one home of permission: who may see a record and who may do what with it.

A closed study can only be looked at, whoever asks; the database holds to it too (labdb.registry.history).

A role is a Django group. Held by the account itself it counts in every study; held by a membership, in that study.
What each role may do stands in labdb.accounts.roles and can be changed in the admin.
"""

from collections import defaultdict
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission
from django.db.models import Model, Q, QuerySet

ACTIONS = ("view", "add", "change", "delete")


def codename(model: type[Model], action: str) -> str:
    """Return Django's name of a permission, such as ``colony.add_mouse``."""
    return f"{model._meta.app_label}.{action}_{model._meta.model_name}"


def has_role_everywhere(user: Any, permission: str) -> bool:
    """Whether an account may do this in every study (its own groups, or a superuser).

    Django's answer, by one query instead of two.
    """
    if not user.is_active or user.is_superuser:
        return bool(user.is_active)
    if not hasattr(user, "_rights_everywhere"):
        granted = Permission.objects.filter(Q(user=user) | Q(group__user=user)).distinct()
        found = granted.order_by().values_list("content_type__app_label", "codename")
        user._rights_everywhere = {f"{app_label}.{name}" for app_label, name in found}
    return permission in user._rights_everywhere


def studies_where(user: Any, permission: str) -> set[Any]:
    """Return the ids of the studies where a membership grants the permission.

    One query answers for all permissions, and the account remembers it as it does its own permissions (Django's
    `_perm_cache`): until it is loaded again, with the next request. Ids, and no subquery: so that the planner sees
    which part of an index by study it needs.
    """
    if not hasattr(user, "_studies_by_permission"):
        found: dict[str, set[Any]] = defaultdict(set)
        granted = study_model()._default_manager.filter(memberships__user=user).order_by()
        rights = "memberships__role__permissions"
        for pk, app_label, name in granted.values_list(
            "pk", f"{rights}__content_type__app_label", f"{rights}__codename"
        ):
            found[f"{app_label}.{name}"].add(pk)
        user._studies_by_permission = found
    return user._studies_by_permission.get(permission, set())


def visible(queryset: QuerySet, user: Any) -> QuerySet:
    """Return the rows of a list that this account may see.

    Rows of a study need a role there (or everywhere) that may view them; rows of a table without studies need the
    role anywhere. Where a row may do without a study (an import of aggressors), its owner sees it.
    """
    condition = visible_at(user, queryset.model)
    return queryset.none() if condition is None else queryset.filter(condition)


def visible_at(user: Any, model: type[Model], path: str = "") -> Q | None:
    """Return the condition that rows of this model are ones that the account may see; None if it sees none at all.

    Parameters
    ----------
    path : str
        Leads to the rows from those that are filtered; empty for the filtered rows themselves.
    """
    permission = codename(model, "view")
    if not user.is_authenticated or not user.is_active:
        return None
    if has_role_everywhere(user, permission):
        return Q()
    leads_to_study = study_path(model)
    if leads_to_study is None:
        return Q() if studies_where(user, permission) else None
    mine = studies_where(user, permission)
    leads = "__".join(filter(None, [path, leads_to_study]))
    condition = Q(**{f"{leads}__in": sorted(mine)})
    if (owner := getattr(model, "owner_field", "")) and mine:
        condition |= Q(**{f"{leads}__isnull": True, "__".join(filter(None, [path, owner])): user})
    return condition


def may(user: Any, action: str, model: type[Model], study: Any = None) -> bool:
    """Whether an account may view, add, change or delete rows of this record (in this study, if it has one)."""
    permission = codename(model, action)
    if not user.is_authenticated or not user.is_active or is_closed_to(action, model, study):
        return False
    if has_role_everywhere(user, permission):
        return True
    if study_path(model) is None or study is None:
        return bool(studies_where(user, permission))
    return study.pk in studies_where(user, permission)


def may_add_anything(user: Any) -> bool:
    """Whether some role of the account, anywhere, may add some record."""
    if not user.is_authenticated or not user.is_active:
        return False
    if any(".add_" in permission for permission in user.get_all_permissions()):
        return True
    adds = Q(memberships__user=user, memberships__role__permissions__codename__startswith="add_")
    return study_model()._default_manager.filter(adds).exists()


def is_closed_to(action: str, model: type[Model], study: Any) -> bool:
    """Whether the study is closed and what would be done to it is more than looking at it."""
    if action == "view" or study is None or study.state != "closed":
        return False
    if model is study_model():
        return action == "delete"  # a change may open it again; its form and the database see to the rest
    return getattr(model, "closes_with_study", False)


def closed_sentence(study: Any) -> str:
    """Say that a study takes no changes; the database says it in the same words."""
    return f"Study {study} is closed; a manager can open it again."


def study_path(model: type[Model]) -> str | None:
    """Return the field that leads from a row to its study: ``pk`` for a study itself, None for a global record."""
    if model is study_model():
        return "pk"
    return "study" if any(field.name == "study" for field in model._meta.fields) else None


def study_of(record: Model) -> Any:
    """Return the study a row belongs to, or None."""
    path = study_path(type(record))
    return record if path == "pk" else getattr(record, "study", None) if path else None


def study_model() -> type[Model]:
    """Return the model of a study, which a later room defines."""
    from labdb.registry.models import StudyRecord

    name: Any = StudyRecord._meta.get_field("study").remote_field.model  # abstract, so still the name: colony.Study
    return apps.get_model(name)
