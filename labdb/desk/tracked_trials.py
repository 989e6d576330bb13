"""A tracked trial taken away, so that its file can be read anew: the same for every kind of test."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from labdb.behavior.models.tracked_trial import TrialOfFile
from labdb.registry.attachments import attachments_of
from labdb.registry.entry import reason_of
from labdb.registry.forms import Conflict, conflicts, forbidden_sentence
from labdb.registry.history import writing
from labdb.registry.permissions import may


def take_away(request: HttpRequest, trial: TrialOfFile, what_stays: str) -> bool:
    """Delete a trial with the file that is attached to it alone, for a reason; say so, and return whether it is gone."""
    model = type(trial)
    if not may(request.user, "change", model, trial.study):
        raise PermissionDenied(forbidden_sentence("change", model, trial.study))
    reason, name = reason_of(request), str(trial)
    if not reason:
        messages.error(request, "Say why the trial is taken away.")
        return False
    try:
        with conflicts(model), writing(user=request.user, door="web", reason=reason):
            attachments_of(trial).delete()
            trial.delete()
    except Conflict as conflict:
        messages.error(request, str(conflict))
        return False
    messages.success(request, f"{name} taken away; {what_stays} until the file is read anew.")
    return True
