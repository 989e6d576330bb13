"""A decision on a finding and what it does to the records, in one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from analysis.models import QualityFinding
from analysis.quality_exclusions import Target, leave_out, left_out_by, refusal, take_in, targets_of
from analysis.quality_results import DecisionKind, decide, exclusion_reasons
from labdb.registry.history import writing

DOOR = "web"


def carry_out(finding: QualityFinding, user: Any, sent: Mapping[str, str], chosen: Sequence[str]) -> str:
    """Keep a decision; leave out what it is about, or take that in again; return what was done in a sentence.

    Parameters
    ----------
    sent : mapping
        ``decision``, ``reason``; for an exclusion ``a_priori`` and ``blind``; ``take_in``, if what an earlier decision
        left out is to be read again.
    chosen : sequence of str
        Keys of the targets to leave out, where there are several.

    Raises
    ------
    ValidationError
        Nothing of it is done.
    Conflict
        Someone else changed a record meanwhile; nothing of it is done.
    """
    reason = sent["reason"].strip()
    targets = targets_of([finding])[finding.pk]
    reasons = exclusion_reasons(finding.study).get((finding.kind, finding.subject), ())
    with transaction.atomic(), writing(user=user, door=DOOR, reason=reason):
        made = decide(finding, user, sent["decision"], reason)
        said = f"{finding.subject}: {made.get_decision_display()}."
        if made.decision == DecisionKind.EXCLUDED:
            if why_not := refusal(targets, user, finding.study):
                raise ValidationError(why_not)
            done = leave_out(_chosen(targets, chosen), user, reason, sent)
            return f"{said} Left out from now on: {', '.join(done)}." if done else f"{said} It was left out already."
        if sent["take_in"]:
            done = take_in(tuple(left_out_by(reasons, targets)), user, reason)
            return f"{said} Taken in again: {', '.join(done)}." if done else said
    return said


def _chosen(targets: Sequence[Target], keys: Sequence[str]) -> Sequence[Target]:
    if len(targets) == 1:
        return targets
    chosen = [target for target in targets if target.key in keys]
    if not chosen:
        raise ValidationError(f"Tick what is to be left out: {', '.join(target.label for target in targets)}.")
    return chosen
