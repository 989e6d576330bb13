"""The views of a list: which an account is offered, and how one is kept."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django.urls import reverse

from labdb.registry import permissions
from labdb.registry.asked import Asker
from labdb.registry.filters import FilterError, read_filters, resolve
from labdb.registry.form_fields import is_storable
from labdb.registry.list_filters import changed
from labdb.registry.page_context import PageContext
from labdb.registry.questions import read_question
from labdb.registry.saved_view import SavedView

LONGEST_QUERY = 2_000  # what every browser and server passes on


@dataclass(frozen=True)
class OfferedView:
    """One line of a list's menu of views."""

    pk: int
    name: str
    url: str
    is_current: bool
    is_own: bool
    is_shared: bool
    owner: str


def views_of(context: PageContext) -> list[OfferedView]:
    """Return the views that an account has of a list, its own first, then those shared with it."""
    user = context.user
    seen = Q(study=None) | Q(study__in=[study.pk for study in context.studies])
    views = SavedView.objects.filter(Q(owner=user) | Q(is_shared=True), seen, resource=context.record.resource)
    here = changed(context.query)
    url = reverse("record-list", args=[context.record.resource])
    offered = [
        OfferedView(
            view.pk, view.name, f"{url}?{view.query}" if view.query else url, view.query == here,
            view.owner_id == user.pk, view.is_shared, str(view.owner),
        )
        for view in views.select_related("owner", "study")
        if view.owner_id == user.pk or not _tells_what_is_kept(context, view)
    ]  # fmt: skip
    return sorted(offered, key=lambda view: not view.is_own)


def _tells_what_is_kept(context: PageContext, view: SavedView) -> bool:
    """Whether a view shared by another filters by what is kept from this account: its name and address would tell."""
    asked = QueryDict(view.query)
    studies = [view.study] if view.study is not None else context.studies
    models = {context.record.model}
    for name in {*asked, *(word.removeprefix("-") for word in asked.get("ordering", "").split(","))}:
        try:
            models |= resolve(context.record, name).models
        except ValidationError:
            continue  # no filter: a search, a page
    if text := asked.get("ask"):
        for study in studies:
            try:
                read_question(context.record, text, Asker(context.user, study))
            except ValidationError:
                return True  # it asks for what is kept, or what this account may not ask
    return any(permissions.is_kept_from(context.user, "view", model, study) for model in models for study in studies)


def save_view(context: PageContext, name: str, query: str, *, is_shared: bool) -> tuple[SavedView, bool]:
    """Keep a view under a name, in place of the account's own one of that name; say whether there was one.

    Raises
    ------
    ValidationError
        The name is empty or too long, or the address asks for what the list does not understand.
    """
    name = " ".join(name.split())
    if not name or len(name) > 80 or not is_storable(name):
        raise ValidationError("A view needs a name of at most 80 characters, such as resilient females.")
    if len(query) > LONGEST_QUERY:
        raise ValidationError("This list is filtered by more than a view can hold; take some filters away.")
    asked = QueryDict(query)
    try:
        read_filters(context.record, asked, context.user)
    except FilterError as error:
        raise ValidationError([said for some in error.errors.values() for said in some]) from error
    study = PageContext(context.record, context.user, asked).study if context.has_study else None
    values = {"query": changed(asked), "study": study, "is_shared": is_shared, "name": name}
    own = SavedView.objects.filter(owner=context.user, resource=context.record.resource, name__iexact=name).first()
    if own is None:
        return SavedView.objects.create(owner=context.user, resource=context.record.resource, **values), False
    for field, value in values.items():
        setattr(own, field, value)
    own.save()
    return own, True


def own_view(user: Any, pk: int) -> SavedView | None:
    """Return a view of the account's own."""
    return SavedView.objects.filter(owner=user, pk=pk).first()
