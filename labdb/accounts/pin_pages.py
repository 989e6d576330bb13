"""The pages of the bench PIN: one sets one's own; a manager may clear it, and nobody sees it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from labdb.accounts import people
from labdb.accounts.bench_pin import clear_pin, set_pin
from labdb.accounts.forms import PinForm, dressed
from labdb.accounts.models import User


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("password", "pin", "again")
def own_pin(request: HttpRequest) -> HttpResponse:
    """Set one's own PIN."""
    person: Any = request.user
    form = PinForm(request.POST if request.method == "POST" else None, person=person)
    if form.is_bound and form.is_valid():
        set_pin(person, form.cleaned_data["pin"])
        messages.success(request, "Your PIN is set; choose your name at the bench and type it there.")
        return redirect(person)
    return render(request, "accounts/own_pin.html", {"form": dressed(form), "person": person})


@require_POST
def person_pin_clear(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a PIN away."""
    person = get_object_or_404(User, pk=pk)
    people.require_own_or_change(request.user, person)
    clear_pin(person)
    messages.success(request, f"{person} has no PIN any more.")
    return redirect(person)
