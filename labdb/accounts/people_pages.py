"""The list of people and the page of one account."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from labdb.accounts import people
from labdb.accounts.account_history import account_history
from labdb.accounts.models import NEVER_DELETED, Role, User
from labdb.accounts.rest_token import RestToken, studies_for, tokens_of
from labdb.registry import permissions
from labdb.registry.form_fields import is_storable

PAGE_ROWS = 50
STATES: dict[str, Q] = {"active": Q(is_active=True), "closed": Q(is_active=False), "all": Q()}


@dataclass(frozen=True)
class Secret:
    """A password or token that is shown this once, in the answer to the request that made it, and kept nowhere."""

    what: str
    text: str
    advice: str


@require_safe
def people_list(request: HttpRequest) -> HttpResponse:
    """Show the accounts: all of each to those who manage them, else the roles of one's own studies."""
    if not people.sees_people(request.user):
        raise PermissionDenied("Your role may not see other accounts; ask a manager.")
    search = request.GET.get("search", "").strip()
    state = request.GET.get("state", "active")
    found = _found(search).filter(STATES.get(state, Q()))
    page = Paginator(_with_roles(found, request.user), PAGE_ROWS).get_page(request.GET.get("page"))
    words = {
        "page": page,
        "search": search,
        "state": state,
        "states": list(STATES),
        "query": _query(search, state),
        "sees_all": people.manages_accounts(request.user),
        "may_add": people.may_add(request.user),
    }
    return render(request, "accounts/people.html", words)


def _found(search: str) -> QuerySet[User]:
    accounts = User.objects.all()
    if not is_storable(search):
        return accounts.none()
    for word in search.split():
        accounts = accounts.filter(
            Q(username__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
        )
    return accounts


def _query(search: str, state: str) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in (("search", search), ("state", state)) if value})
    return query.urlencode()


def _with_roles(accounts: QuerySet[User], viewer: Any) -> QuerySet[User]:
    """Fetch with the accounts their roles, of the studies that the viewer sees, and whether they have a token."""
    return accounts.annotate(
        has_token=Exists(RestToken.objects.filter(user=OuterRef("pk"), revoked_at=None))
    ).prefetch_related(
        Prefetch("groups", Role.objects.all(), to_attr="roles_everywhere"),
        Prefetch("memberships", _memberships(viewer), to_attr="roles_in_studies"),
    )


def _memberships(viewer: Any) -> QuerySet:
    studies = permissions.visible(permissions.study_model()._default_manager.all(), viewer)
    rows = people.membership_model()._default_manager.filter(study__in=studies.order_by().values("pk"))
    return rows.select_related("study", "role").order_by("study__code", "role__name")


@require_safe
@never_cache
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one account."""
    return person_page(request, get_object_or_404(User, pk=pk))


def person_page(
    request: HttpRequest,
    person: User,
    *,
    secret: Secret | None = None,
    refusal: str = "",
    form: Any = None,
    token_form: Any = None,
) -> HttpResponse:
    """Answer with the page of an account.

    Parameters
    ----------
    secret : Secret, optional
        What this request made; it stands in this answer and nowhere else.
    refusal : str
        Why what was asked was not done.
    form : StudyMembership's form, optional
        A role that was refused.
    token_form : TokenForm, optional
        A token that was refused.
    """
    viewer: Any = request.user
    people.require_view(viewer, person)
    may_change = people.may_change(viewer, person)
    is_own = viewer == person
    managed = people.managed_studies(viewer)
    ids = set(managed.values_list("pk", flat=True))
    shown = _with_roles(User.objects.filter(pk=person.pk), viewer).get()
    sees_all = is_own or people.manages_accounts(viewer)
    words = {
        "person": shown,
        "is_own": is_own,
        "sees_all": sees_all,
        "sees_people": people.sees_people(viewer),
        "may_change": may_change,
        "may_clear_pin": is_own or may_change,
        "may_make_token": person.is_active and (is_own or may_change),
        "roles": [(membership, membership.study_id in ids) for membership in shown.roles_in_studies],  # type: ignore[attr-defined]
        "managed_studies": managed,
        "all_roles": Role.objects.all(),
        "role_errors": [sentence for some in form.errors.values() for sentence in some] if form else [],
        "asked": form.data if form else {},
        "tokens": tokens_of(person) if sees_all else [],
        "token_studies": permissions.visible(studies_for(person), viewer) if sees_all else [],
        "token_errors": [sentence for some in token_form.errors.values() for sentence in some] if token_form else [],
        "token_asked": token_form.data if token_form else {},
        "changes": account_history(person, viewer) if sees_all else [],
        "secret": secret,
        "refusal": refusal,
        "never_deleted": NEVER_DELETED,
    }
    return render(request, "accounts/person.html", words, status=409 if refusal else 200)
