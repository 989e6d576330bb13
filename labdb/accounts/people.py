"""Who may see and change accounts: managers everywhere; in one study its managers give and take roles there."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import models

from labdb.accounts.models import User
from labdb.registry import permissions


def manages_accounts(viewer: Any) -> bool:
    """Whether an account may change accounts; a role in one study is not enough, for an account is in all."""
    return permissions.has_role_everywhere(viewer, permissions.codename(User, "change"))


def may_add(viewer: Any) -> bool:
    """Whether an account may make others."""
    return permissions.has_role_everywhere(viewer, permissions.codename(User, "add"))


def membership_model() -> Any:
    """Return the model of a role in one study, which a later room defines."""
    return User._meta.get_field("memberships").related_model


def managed_studies(viewer: Any) -> models.QuerySet:
    """Return the studies in which an account gives and takes roles."""
    studies = permissions.study_model()._default_manager.all()
    permission = permissions.codename(membership_model(), "add")
    if permissions.has_role_everywhere(viewer, permission):
        return studies
    return studies.filter(pk__in=permissions.studies_where(viewer, permission))


def sees_people(viewer: Any) -> bool:
    """Whether an account has the list of people."""
    if not viewer.is_authenticated:
        return False
    return manages_accounts(viewer) or may_add(viewer) or managed_studies(viewer).exists()


def may_change(viewer: Any, person: User) -> bool:
    """Whether an account may change this one."""
    return not _refusal(viewer, person)


def require_change(viewer: Any, person: User) -> None:
    """Refuse, in a sentence, to change an account that the viewer may not change."""
    if sentence := _refusal(viewer, person):
        raise PermissionDenied(sentence)


def require_add(viewer: Any) -> None:
    """Refuse, in a sentence, to make an account."""
    if not may_add(viewer):
        raise PermissionDenied("Your role may not make accounts; ask a manager.")


def require_own_or_change(viewer: Any, person: User) -> None:
    """Refuse what only the person and a manager may do: their tokens."""
    if viewer != person:
        require_change(viewer, person)


def require_view(viewer: Any, person: User) -> None:
    """Refuse another's page to whom has no part in it."""
    if viewer != person and not sees_people(viewer):
        raise PermissionDenied("Your role may not see other accounts; ask a manager.")


def _refusal(viewer: Any, person: User) -> str:
    if person.is_system:
        return f"{person} is the account that labdb itself acts as; it stays as it is."
    if not manages_accounts(viewer):
        return "Your role may not change accounts; ask a manager."
    if person.is_superuser and not viewer.is_superuser:
        return f"{person} is an administrator; only an administrator may change that account."
    return ""
