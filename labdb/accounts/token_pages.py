"""Making a REST token with its limits, shown once in the answer, and revoking it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from labdb.accounts import people
from labdb.accounts.models import User
from labdb.accounts.people_pages import Secret, person_page
from labdb.accounts.rest_token import LONGEST_NAME, TokenRefused, make_token, revoke, studies_for, tokens_of
from labdb.registry.form_fields import DayField, TextField


class TokenForm(forms.Form):
    """What a token is called, what it may, and how long."""

    name = TextField(label="name", longest=LONGEST_NAME)
    is_read_only = forms.BooleanField(label="only reads", required=False)
    study = TextField(label="only this study", required=False)
    last_day = DayField(label="last day", required=False)

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person

    def clean_study(self) -> Any:
        """Return the study; None for all that the account sees."""
        code = self.cleaned_data["study"]
        if not code:
            return None
        study = studies_for(self.person).filter(code=code).first()
        if study is None:
            raise ValidationError(f"{self.person} sees no study {code}; choose one of those that are offered.")
        return study


@require_POST
@never_cache
def token_add(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a token, and show it in the answer."""
    person = get_object_or_404(User, pk=pk)
    people.require_own_or_change(request.user, person)
    form = TokenForm(request.POST, person=person)
    if not form.is_valid():
        return person_page(request, person, token_form=form)
    try:
        token = make_token(person, maker=request.user, **form.cleaned_data)
    except TokenRefused as refusal:
        if not person.is_active:  # there is no form on the page of a closed account
            return person_page(request, person, refusal=str(refusal))
        form.add_error(None, str(refusal))
        return person_page(request, person, token_form=form)
    advice = "A script sends it as the header Authorization: Token ..."
    return person_page(request, person, secret=Secret(f"REST token {form.cleaned_data['name']}", token, advice))


@require_POST
def token_revoke(request: HttpRequest, pk: int, token_pk: int) -> HttpResponse:
    """End a token: with the next request of its script."""
    person = get_object_or_404(User, pk=pk)
    people.require_own_or_change(request.user, person)
    token = get_object_or_404(tokens_of(person), pk=token_pk)
    revoke(token, request.user)
    messages.success(request, f"The REST token {token} of {person} is revoked.")
    return redirect(person)
