"""The one home of permission: who may see a record and who may do what with it.

A closed study can only be looked at, whoever asks; the database holds to it too (labdb.registry.history).

A role is a Django group. Held by the account itself it counts in every study; held by a membership, in that study.
What each role may do stands in labdb.accounts.roles and can be changed in the admin.

Some rows are kept from all but a few while their study is blinded (labdb.registry.secrecy), whatever else a role gives.

A token may narrow the account that it signs in (labdb.registry.narrowing): what it takes away is taken here.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from labdb.registry.narrowing import narrowing_of
from labdb.registry.secrecy import Secrecy

ACTIONS = ("view", "add", "change", "delete")


class _Laboratory:
    """Stands where a study would for a row of all studies: no membership reaches it, only a role held everywhere."""

    pk = 0  # of no study
    state = "open"

    def __str__(self) -> str:
        return "the whole laboratory"


LABORATORY = _Laboratory()


def codename(model: type[Model], action: str) -> str:
    """Return Django's name of a permission, such as ``colony.add_mouse``."""
    return f"{model._meta.app_label}.{action}_{model._meta.model_name}"


def has_role_everywhere(user: Any, permission: str) -> bool:
    """Whether an account may do this in every study (its own groups, or a superuser)."""
    return narrowing_of(user).study_id is None and _is_given_everywhere(user, permission)


def _is_given_everywhere(user: Any, permission: str) -> bool:
    """Whether the account itself is given the permission: Django's answer, by one query instead of two."""
    if not user.is_active or user.is_superuser:
        return bool(user.is_active)
    if not hasattr(user, "_rights_everywhere"):
        granted = Permission.objects.filter(Q(user=user) | Q(group__user=user)).distinct()
        found = granted.order_by().values_list("content_type__app_label", "codename")
        user._rights_everywhere = {f"{app_label}.{name}" for app_label, name in found}
    return permission in user._rights_everywhere


def studies_where(user: Any, permission: str) -> set[Any]:
    """Return the ids of the studies where a membership grants the permission.

    For who is narrowed to one study, a role held everywhere counts as one held there.
    """
    granted = _studies_of_memberships(user, permission)
    only = narrowing_of(user).study_id
    if only is None:
        return granted
    return {only} if only in granted or _is_given_everywhere(user, permission) else set()


def _studies_held(user: Any, permission: str) -> set[Any]:
    """Return the ids of the studies where a role gives a right of the few; to be an administrator is not enough."""
    granted = _studies_of_memberships(user, permission)
    only = narrowing_of(user).study_id
    if only is None:
        return granted
    return {only} if only in granted or _is_given_by_role(user, permission) else set()


def _studies_of_memberships(user: Any, permission: str) -> set[Any]:
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
    condition = _visible_by_role(user, model, path)
    return None if condition is None else condition & _not_kept(user, model, path)


def _visible_by_role(user: Any, model: type[Model], path: str) -> Q | None:
    permission = codename(model, "view")
    if not user.is_authenticated or not user.is_active:
        return None
    if has_role_everywhere(user, permission):
        return Q()
    leads_to_study = study_path(model)
    mine = studies_where(user, permission)
    if leads_to_study is None:
        return _of_all_or(mine, model, path) if mine else None
    leads = "__".join(filter(None, [path, leads_to_study]))
    condition = Q(**{f"{leads}__in": sorted(mine)})
    if (owner := getattr(model, "owner_field", "")) and mine and narrowing_of(user).study_id is None:
        condition |= Q(**{f"{leads}__isnull": True, "__".join(filter(None, [path, owner])): user})
    return condition


def _of_all_or(studies: set[Any], model: Any, path: str) -> Q:
    """Return the condition that a row which may name a study names none, or one of these."""
    if not (name := optional_study(model)):
        return Q()
    leads = "__".join(filter(None, [path, name]))
    return Q(**{f"{leads}__isnull": True}) | Q(**{f"{leads}__in": sorted(studies)})


def seen_at(user: Any, model: type[Model], path: str) -> Q:
    """Return `visible_at` as a condition that can stand beside others: where nothing is seen, no row meets it."""
    condition = visible_at(user, model, path)
    return Q(pk__in=[]) if condition is None else condition


def may(user: Any, action: str, model: type[Model], study: Any = None) -> bool:
    """Whether an account may view, add, change or delete rows of this record (in this study, if it has one).

    Of a row that is known ask by its `place_of`.
    """
    permission = codename(model, action)
    if not user.is_authenticated or not user.is_active or is_closed_to(action, model, study):
        return False
    if _is_beyond_token(user, action, model) or is_kept_from(user, action, model, study):
        return False
    if has_role_everywhere(user, permission):
        return True
    if study is None or not (study_path(model) or optional_study(model)):
        return bool(studies_where(user, permission))
    return study.pk in studies_where(user, permission)


def _is_beyond_token(user: Any, action: str, model: type[Model]) -> bool:
    """Whether the token by which the account signed in leaves this out: writing at all, or a study that it will not see."""
    narrowing = narrowing_of(user)
    makes_a_study = action == "add" and model is study_model()
    return action != "view" and (narrowing.is_read_only or (narrowing.study_id is not None and makes_a_study))


def secrecy_of(model: Any) -> Secrecy | None:
    """Return what a model says of rows that few may know."""
    secrecy: Secrecy | None = getattr(model, "secrecy", None)
    return secrecy


def holds_everywhere(user: Any, permission: str) -> bool:
    """Whether a role of the account's own gives it the right in every study; to be an administrator is not enough."""
    return narrowing_of(user).study_id is None and _is_given_by_role(user, permission)


def _is_given_by_role(user: Any, permission: str) -> bool:
    if not user.is_authenticated or not user.is_active:
        return False
    if not hasattr(user, "_rights_of_roles"):
        given = Permission.objects.filter(group__user=user).order_by().distinct()
        found = given.values_list("content_type__app_label", "codename")
        user._rights_of_roles = {f"{app_label}.{name}" for app_label, name in found}
    return permission in user._rights_of_roles


def holds(user: Any, permission: str, study: Any) -> bool:
    """Whether a role gives the account the right in this study."""
    return holds_everywhere(user, permission) or study.pk in _studies_held(user, permission)


def is_kept(action: str, model: type[Model], study: Any) -> bool:
    """Whether a study keeps these rows, or the writing of them, from all but the holders of the right."""
    secrecy = secrecy_of(model)
    if secrecy is None or (action == "view" and (not secrecy.hides or secrecy.used_by)):
        return False
    if secrecy.used_by:  # a name that is taken already would tell what such a study uses
        return study_model()._default_manager.filter(**{secrecy.flag: True}).exists()
    return study is not None and getattr(study, secrecy.flag)


def is_kept_from(user: Any, action: str, model: type[Model], study: Any) -> bool:
    """Whether the rows, or the writing of them, are kept from this account."""
    secrecy = secrecy_of(model)
    if secrecy is None or not is_kept(action, model, study) or holds_everywhere(user, secrecy.permission):
        return False
    held = _studies_held(user, secrecy.permission)
    return not held if secrecy.used_by else study.pk not in held


def _not_kept(user: Any, model: Any, path: str) -> Q:
    """Return the condition that rows are not kept from the account; the parameters of `visible_at`."""
    if hasattr(model, "not_kept_at"):
        condition: Q = model.not_kept_at(user, path)
        return condition
    secrecy = secrecy_of(model)
    if secrecy is None or not secrecy.hides or holds_everywhere(user, secrecy.permission):
        return Q()
    if not secrecy.used_by:
        return open_at(user, secrecy, "__".join(filter(None, [path, str(study_path(model))])))
    uses = [model._meta.get_field(name) for name in secrecy.used_by]
    rows = [use.related_model._default_manager.filter(**{use.field.name: OuterRef("pk")}).order_by() for use in uses]
    shown, unused = Q(), Q()
    for using in rows:
        shown |= Q(Exists(using.filter(open_at(user, secrecy, "study"))))
        unused &= ~Q(Exists(using))
    return Q(**{f"{path or 'pk'}__in": model._default_manager.filter(shown | unused).order_by().values("pk")})


def open_at(user: Any, secrecy: Secrecy, study: str) -> Q:
    """Return the condition that a study keeps nothing from the account, by the path to it.

    Said without a negation, so that beside another condition on the same rows it speaks of those rows.
    """
    condition = Q(**{f"{study}__{secrecy.flag}": False})
    held = _studies_held(user, secrecy.permission)
    return condition | Q(**{f"{study}__in": sorted(held)}) if held else condition


def is_any_shut(user: Any, secrecy: Secrecy) -> bool:
    """Whether any study keeps something from the account."""
    kept = study_model()._default_manager.filter(**{secrecy.flag: True})
    return kept.exclude(pk__in=_studies_held(user, secrecy.permission)).exists()


def hidden_relations(model: type[Model]) -> list[Any]:
    """Return the fields of a row that name a record which may be kept from who sees the row.

    None of a row that is itself kept from the same people: what it names is of its study.
    """
    own = secrecy_of(model)
    if own is not None and own.hides:
        return []
    return [
        field
        for field in model._meta.concrete_fields
        if field.is_relation and (secrecy := secrecy_of(field.related_model)) is not None and secrecy.hides
    ]


def known_at(user: Any, model: type[Model], name: str) -> Q | None:
    """Return the condition under which the account may know what a field names; None where it always may."""
    field = next((field for field in hidden_relations(model) if field.name == name), None)
    return (seen_at(user, field.related_model, name) or None) if field is not None else None


def conceal(rows: Iterable[Any], user: Any) -> list[Any]:
    """Return rows that are to be shown, each without the related records that are kept from the account.

    A query for each such relation, none for a record without one. What was concealed is not to be saved.
    """
    rows = list(rows)
    for field in hidden_relations(type(rows[0])) if rows else ():
        ids = {getattr(row, field.attname) for row in rows} - {None}
        seen = set(visible(field.related_model._default_manager.filter(pk__in=ids), user).values_list("pk", flat=True))
        for row in rows:
            if getattr(row, field.attname) not in seen:
                setattr(row, field.name, None)
    return rows


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


def optional_study(model: type[Model]) -> str:
    """Return the field that names the study of some rows of a record of the laboratory; empty for most records."""
    return str(getattr(model, "optional_study", ""))


def place_of(record: Model) -> Any:
    """Return where a role must hold to write a row: its study, the laboratory where it could name one, else None."""
    name = optional_study(type(record))
    return getattr(record, name) or LABORATORY if name else study_of(record)


def study_model() -> type[Model]:
    """Return the model of a study, which a later room defines."""
    from labdb.registry.models import StudyRecord

    name: Any = StudyRecord._meta.get_field("study").remote_field.model  # abstract, so still the name: colony.Study
    return apps.get_model(name)
