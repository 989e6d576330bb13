"""Unblinding: one mouse in an emergency, or the study; and the log of it, which everybody in the study reads."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from analysis.analysis_plan import latest_frozen
from analysis.links import storable
from labdb.accounts.forms import dressed, own_password
from labdb.colony.models import Mouse, Study
from labdb.registry.form_fields import TextField
from labdb.registry.forms import Conflict, conflicts
from labdb.registry.keys import KeyRing
from labdb.registry.permissions import closed_sentence
from labdb.treatment.allocators import holds_key
from labdb.treatment.models import AllocationKey, Unblinding
from labdb.treatment.password_again import wrong_password
from labdb.treatment.unblinding import unblind

LONGEST_REASON = 1000
WHOLE, ONE = "study", "mouse"
NOT_YOURS = "Only who holds the key of study {study} unblinds it: an allocator of the study. A manager can give the role; the history keeps that."


class _AgainForm(forms.Form):
    """A reason, and the password once more; the password is tried last, when all else is right."""

    reason = TextField(label="why it must be known", longest=LONGEST_REASON, help_text="The log keeps it for ever.")
    password = own_password("Once more: a session may be open on someone else's desk.")

    def __init__(self, *args: Any, user: Any, study: Study, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_required_attribute = False  # the server's own sentence, not the browser's
        self.user = user
        self.study = study

    def clean(self) -> dict[str, Any]:
        """Try the password."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and (sentence := wrong_password(self.user, cleaned["password"])):
            self.add_error("password", sentence)
        return cleaned


class StudyForm(_AgainForm):
    """Unblind the study; its code is typed, so that it is never another one."""

    code = TextField(label="code of the study", longest=64, help_text="Typed, so that it is never another study.")
    field_order = ("code", "reason", "password")

    def clean_code(self) -> str:
        """Refuse another code than the study's."""
        code: str = self.cleaned_data["code"]
        if code != self.study.code:
            raise ValidationError(f"{code} is not the code of this study; type {self.study.code}.")
        return code


class MouseForm(_AgainForm):
    """Unblind one mouse."""

    mouse = TextField(label="code of the mouse", longest=64, help_text="As on its cage card.")
    field_order = ("mouse", "reason", "password")

    def clean_mouse(self) -> Mouse:
        """Refuse what is no mouse of the study, and a mouse behind whose code there is no arm."""
        found: Mouse = KeyRing(self.user).find(Mouse, self.cleaned_data["mouse"], self.study)
        if not AllocationKey.objects.filter(allocation__mouse=found, allocation__superseded_by=None).exists():
            raise ValidationError(f"{found} has no key: it was not allocated to an arm. There is nothing to unblind.")
        return found


@dataclass(frozen=True)
class LogRow:
    """One unblinding; what the mouse gets is there for the account that asked, and for nobody else."""

    unblinding: Unblinding
    arm: str = ""
    components: tuple[str, ...] = ()


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters("password")
def unblinding(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page, or unblind."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    may_unblind = holds_key(request.user, study)
    what = request.POST.get("what", "")
    made = {
        name: make(request.POST if what == name else None, user=request.user, study=study, prefix=name)
        for name, make in ((ONE, MouseForm), (WHOLE, StudyForm))
    }
    status = 200
    if request.method == "POST":
        if not may_unblind:
            raise PermissionDenied(NOT_YOURS.format(study=study))
        refusal = _refusal(study)
        if refusal or what not in made:
            messages.error(request, refusal or "Say what to unblind: the study, or one mouse.")
            return redirect("unblinding-page", study.code)
        if _unblinded(request, study, made[what]):
            return redirect("unblinding-page", study.code)
        status = 400
    words = {
        "study": study,
        "may_unblind": may_unblind,
        "not_yours": NOT_YOURS.format(study=study),
        "forms": made if may_unblind and not _refusal(study) else {},
        "mouse_form": dressed(made[ONE]),
        "study_form": dressed(made[WHOLE]),
        "log": _log(study, request.user),
        "frozen_plan": latest_frozen(study),
    }
    return render(request, "desk/unblinding.html", words, status=status)


def _refusal(study: Study) -> str:
    if study.state == "closed":
        return closed_sentence(study)
    return "" if study.is_blinded else f"Study {study} is not blinded; there is nothing to lift."


def _unblinded(request: HttpRequest, study: Study, form: Any) -> bool:
    """Write the log where the form is right; what the form refuses, and the database, is said on it."""
    if not form.is_valid():
        return False
    mouse = form.cleaned_data.get("mouse")
    try:
        with conflicts(Unblinding):
            unblind(study, by=request.user, reason=form.cleaned_data["reason"], mouse=mouse)
    except Conflict as conflict:
        form.add_error(None, str(conflict))
        return False
    done = f"{mouse} is unblinded, for you alone." if mouse else f"Study {study} is unblinded."
    messages.success(request, f"{done} Scores entered from now on are marked for ever.")
    return True


def _log(study: Study, user: Any) -> list[LogRow]:
    rows = Unblinding.objects.visible_to(user).filter(study=study).select_related("mouse", "by", "study")
    own = {row.mouse_id for row in rows if row.mouse_id and row.by_id == user.pk}
    holding = AllocationKey.objects.filter(allocation__mouse__in=own, allocation__superseded_by=None)
    keys = holding.select_related("arm", "allocation")
    found = {key.allocation.mouse_id: key for key in keys.prefetch_related("arm__components__drug")}
    log = []
    for row in rows:
        key = found.get(row.mouse_id) if row.mouse_id and row.by_id == user.pk else None
        parts = tuple(str(part) for part in key.arm.components.all()) if key else ()
        log.append(LogRow(row, key.arm.name if key else "", parts))
    return log
