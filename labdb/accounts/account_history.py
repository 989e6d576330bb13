"""What was done to an account: its names and state, its password and token, its roles everywhere and in each study."""

from collections.abc import Iterable
from typing import Any

from labdb.accounts.models import Role, RoleHeld, User
from labdb.accounts.people import membership_model
from labdb.registry import permissions
from labdb.registry.past_changes import SHOWN, PastChange, past_changes, told_changes

WORDS = {"insert": "given", "update": "changed", "delete": "taken away"}


def account_history(person: User, viewer: Any) -> list[PastChange]:
    """Return what was done to an account, newest first, with roles of the studies that the viewer sees."""
    changes = [*_role_changes(person), *_membership_changes(person, viewer), *past_changes(person, viewer)]
    return sorted(changes, key=lambda change: change.at, reverse=True)[:SHOWN]


def _role_changes(person: User) -> list[PastChange]:
    events = _newest(_events_of(RoleHeld).filter(user_id=person.pk))
    names = _role_names(event.group_id for event in events)
    return told_changes(
        [(event, f"Role {names[event.group_id]} in every study: {WORDS[event.pgh_label]}") for event in events]
    )


def _membership_changes(person: User, viewer: Any) -> list[PastChange]:
    studies = permissions.visible(permissions.study_model()._default_manager.all(), viewer)
    events = _newest(_events_of(membership_model()).filter(user_id=person.pk, study_id__in=studies.values("pk")))
    names = _role_names(event.role_id for event in events)
    codes = {study.pk: str(study) for study in studies}
    return told_changes(
        [
            (event, f"Role {names[event.role_id]} in {codes[event.study_id]}: {WORDS[event.pgh_label]}")
            for event in events
        ]
    )


def _events_of(model: Any) -> Any:
    return model.pgh_event_model._default_manager


def _newest(events: Any) -> list[Any]:
    return list(events.select_related("pgh_context").order_by("-pgh_id")[:SHOWN])


def _role_names(ids: Iterable[int]) -> dict[int, str]:
    """Return what roles are called; one that is gone keeps its number."""
    wanted = set(ids)
    roles = Role.objects.in_bulk(wanted)
    return {pk: roles[pk].name if pk in roles else f"#{pk}" for pk in wanted}
