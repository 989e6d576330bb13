"""The pages that make and change an account: names, roles, password, closing it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from labdb.accounts import changes, people
from labdb.accounts.forms import AccountForm, OwnPasswordForm, PasswordForm, ReasonForm, dressed
from labdb.accounts.models import User
from labdb.accounts.people_pages import Secret, person_page
from labdb.registry.deletion import Forbidden, StillNeeded, delete_record
from labdb.registry.forms import Conflict, form_for
from labdb.registry.record import record_for

page_methods = require_http_methods(["GET", "HEAD", "POST"])
TAKEN = "This name was taken by another account at the same moment; choose another."


@page_methods
@never_cache
@sensitive_post_parameters("password")
def person_add(request: HttpRequest) -> HttpResponse:
    """Make an account, and show its one-time password in the answer."""
    people.require_add(request.user)
    data = request.POST if request.method == "POST" else None
    account = AccountForm(data, actor=request.user)
    password = PasswordForm(data, person=account.instance)
    if data is not None and account.is_valid() and password.is_valid():
        text, must_change = password.chosen()
        person: User = account.instance
        person.set_password(text)
        person.must_change_password = must_change
        try:
            with transaction.atomic():
                account.save()
        except IntegrityError:
            account.add_error("username", TAKEN)
        else:
            return _after_password(request, person, password, text, f"Account {person} made.")
    return render(request, "accounts/person_form.html", {"form": dressed(account), "password_form": dressed(password)})


@page_methods
def person_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change the names and the roles in every study."""
    person = get_object_or_404(User, pk=pk)
    people.require_change(request.user, person)
    form = AccountForm(request.POST if request.method == "POST" else None, instance=person, actor=request.user)
    name = str(person)
    if form.is_bound and form.is_valid():
        try:
            with transaction.atomic():
                form.save()
        except IntegrityError:
            form.add_error("username", TAKEN)
        except changes.Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"Account {person} saved.")
            return redirect(person)
    return render(request, "accounts/person_form.html", {"form": dressed(form), "person": person, "name": name})


@page_methods
@never_cache
@sensitive_post_parameters("password")
def person_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Set a new password, or open a closed account again with one; the sessions under the old one end."""
    person = get_object_or_404(User, pk=pk)
    people.require_change(request.user, person)
    if request.user == person:
        return redirect("own-password")
    is_closed = not person.is_active
    form = PasswordForm(request.POST if request.method == "POST" else None, person=person)
    if form.is_bound and form.is_valid():
        text, must_change = form.chosen()
        try:
            (changes.reopen if is_closed else changes.store_password)(person, text, must_change=must_change)
        except changes.Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            done = f"Account {person} is open again." if is_closed else f"The password of {person} is set anew."
            return _after_password(request, person, form, text, done)
    words = {"password_form": dressed(form), "person": person, "is_closed": is_closed}
    return render(request, "accounts/person_password.html", words)


def _after_password(
    request: HttpRequest, person: User, form: PasswordForm, password: str | None, done: str
) -> HttpResponse:
    """Answer with the page of the account; with the password in it where nobody knows it yet."""
    if not form.is_one_time or password is None:
        messages.success(request, done)
        return redirect(person)
    advice = f"It opens one page, on which {person} sets a password of their own."
    return person_page(request, person, secret=Secret(f"{done} One-time password", password, advice))


@page_methods
def person_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Close an account, with a reason."""
    person = get_object_or_404(User, pk=pk)
    people.require_change(request.user, person)
    if not person.is_active:
        return redirect(person)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            changes.close(person, request.user, form.cleaned_data["reason"])
        except changes.Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"Account {person} closed; what it entered stays.")
            return redirect(person)
    return render(request, "accounts/person_close.html", {"form": dressed(form), "person": person})


@require_POST
def study_role_add(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a role in one study, by the form that every door uses."""
    person = get_object_or_404(User, pk=pk)
    people.require_view(request.user, person)
    asked = {name: request.POST.get(name, "") for name in ("study", "role")}
    form = form_for(record_for("study-memberships"))({**asked, "user": person}, user=request.user)
    if form.is_valid():
        try:
            membership = form.save()
        except Conflict as conflict:
            form.add_error(None, str(conflict))
        else:
            messages.success(request, f"{membership}: given.")
            return redirect(person)
    if any(error.code == "forbidden" for error in form.non_field_errors().as_data()):
        raise PermissionDenied(form.non_field_errors()[0])
    return person_page(request, person, form=form)


@require_POST
def study_role_remove(request: HttpRequest, pk: int, membership_pk: int) -> HttpResponse:
    """Take a role in one study away."""
    person = get_object_or_404(User, pk=pk)
    people.require_view(request.user, person)
    membership = get_object_or_404(people.membership_model(), pk=membership_pk, user=person)
    try:
        delete_record(membership, request.user)
    except Forbidden as error:
        raise PermissionDenied(str(error)) from error
    except StillNeeded as error:
        return person_page(request, person, refusal=str(error))
    messages.success(request, f"{person} is no longer {membership.role} in {membership.study}.")
    return redirect(person)


@method_decorator(never_cache, name="dispatch")
class OwnPasswordView(PasswordChangeView):
    """Change one's own password; other sessions of the account end."""

    form_class: Any = OwnPasswordForm
    template_name = "accounts/own_password.html"

    def get_success_url(self) -> str:
        """Return where the person wanted to go."""
        wanted = self.request.POST.get("next", "")
        is_ours = url_has_allowed_host_and_scheme(
            wanted, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )
        return wanted if is_ours else reverse("home")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say where to go afterwards."""
        wanted = self.request.POST.get("next") or self.request.GET.get("next", "")
        context = super().get_context_data(**kwargs)
        return {**context, "form": dressed(context["form"]), "next": wanted}

    def form_valid(self, form: Any) -> HttpResponse:
        """Store the password and say so."""
        messages.success(self.request, "Your password is changed; you are signed out everywhere else.")
        return super().form_valid(form)
