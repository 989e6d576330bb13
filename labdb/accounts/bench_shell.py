"""What every page of the bench shows above its own: who works there, and the way back."""

from typing import Any

from django.db import models
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from labdb.accounts.bench_pin import WrongPin, check_pin, people_with_pin
from labdb.accounts.models import User
from labdb.registry import permissions
from labdb.registry.bench_person import person_token
from labdb.registry.json_doors import answered_in_json, sentence
from labdb.registry.record import record_for

IN_SESSION = "bench_person"


def bench_words(
    request: HttpRequest, study: Any, model: type[models.Model], *, back: str, back_url: str
) -> dict[str, Any]:
    """Return what `templates/bench/base.html` needs, as ``bench``.

    Parameters
    ----------
    model : type
        What is entered on the page: who may enter it in the study, and has a PIN, can be chosen.
    study : Study or None
        None on a page of what belongs to no study: then who may enter it in any study that the account sees.
    """
    account: Any = request.user
    people = list(people_with_pin(model, *([study] if study else _studies(account))))
    chosen = next((one for one in people if one.get_username() == request.session.get(IN_SESSION)), None)
    words = {
        "people": [_shown(one) for one in people],
        "account": _shown(account),
        "current": _chosen(account, chosen),
        "study": study.code if study else "",
        "record": record_for(model).resource,
        "address": reverse("bench-person"),
    }
    return {"back": back, "back_url": back_url, "now": timezone.now(), **words, "for_script": words}


def _shown(person: User) -> dict[str, str]:
    return {"username": person.get_username(), "name": person.get_full_name() or person.get_username()}


def _chosen(account: Any, person: User | None) -> dict[str, str] | None:
    return {**_shown(person), "token": person_token(account, person)} if person is not None else None


@answered_in_json()
@never_cache
@sensitive_post_parameters("pin")
@require_POST
def bench_person(request: HttpRequest) -> JsonResponse:
    """Choose who works at this device from now on, by PIN; an empty name is the account signed in."""
    user: Any = request.user
    username = request.POST.get("person", "")
    if not username:
        request.session.pop(IN_SESSION, None)
        return JsonResponse({"person": None})
    person = _who_may_enter(request, user, username)
    if person is None:
        return sentence(f"{username[:50]} cannot be chosen here: without a PIN, or not of this study.", 403)
    try:
        check_pin(person, request.POST.get("pin", ""))
    except WrongPin as error:
        return sentence(str(error), 403)
    request.session[IN_SESSION] = person.get_username()
    return JsonResponse({"person": _chosen(user, person)})


def _studies(user: Any) -> models.QuerySet:
    return permissions.visible(permissions.study_model()._default_manager.all(), user)


def _who_may_enter(request: HttpRequest, user: Any, username: str) -> User | None:
    code, resource = request.POST.get("study", ""), request.POST.get("record", "")
    if "\0" in code + username:
        return None
    try:
        model = record_for(resource).model
    except KeyError:
        return None
    studies = _studies(user)
    if code or permissions.study_path(model) is not None:
        studies = studies.filter(code=code)
    found = list(studies)
    return people_with_pin(model, *found).filter(username=username).first() if found else None
