"""Who holds the key of a study: its allocators, by a role there or everywhere; no superuser holds it as such."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Count, Q, QuerySet

from labdb.accounts.models import SYSTEM, User
from labdb.colony.models import Study
from labdb.registry.permissions import holds
from labdb.treatment.key_holders import HOLD_KEY
from labdb.treatment.models import AllocationKey


def key_holders(study: Study) -> QuerySet[User]:
    """Return the people to whom a role gives the key of this study; labdb's own account types for others."""
    app_label, codename = HOLD_KEY.split(".")
    right = Permission.objects.filter(content_type__app_label=app_label, codename=codename)
    here = Q(memberships__study=study, memberships__role__permissions__in=right)
    held = Q(groups__permissions__in=right) | here
    return User.objects.filter(held, is_active=True).exclude(username=SYSTEM).distinct().order_by("username")


def holds_key(user: Any, study: Study) -> bool:
    """Whether a role gives the account the key of this study."""
    return holds(user, HOLD_KEY, study)


def n_keys(studies: Sequence[int]) -> dict[int, int]:
    """Return how many allocation keys the studies have, by study."""
    keys = AllocationKey.objects.filter(study__in=studies).order_by()
    return dict(keys.values_list("study").annotate(n=Count("pk")))
