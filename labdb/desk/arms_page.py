"""The arms of a study on one page: their parts in a form, what they look like over days, and what tells them apart."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from labdb.colony.models import Study
from labdb.desk.arm_rows import PartRow, posted_rows, rows_of_arm
from labdb.desk.arm_strip import strips
from labdb.registry.deletion import Forbidden, StillNeeded, delete_record
from labdb.registry.entry import reason_of
from labdb.registry.form_fields import AS_WRITTEN
from labdb.registry.forms import Conflict, forbidden_sentence
from labdb.registry.grid_entry import NEEDS_REASON, STORED, GridSheet, save_grid
from labdb.registry.history import writing
from labdb.registry.imports import import_dicts
from labdb.registry.permissions import may
from labdb.registry.plan_records import PlanRefused, stored_rows
from labdb.registry.record import record_for
from labdb.treatment.arm_presets import PRESETS, preset_named
from labdb.treatment.blinding_check import differences
from labdb.treatment.component_findings import parts_of
from labdb.treatment.dose_planning import arms_of
from labdb.treatment.models import Drug, TreatmentArm, TreatmentComponent


class Refused(Exception):
    """Nothing was stored; the sentences that stand beside no cell."""

    def __init__(self, sentences: list[str], *, needs_reason: bool = False) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences
        self.needs_reason = needs_reason


@require_http_methods(["GET", "HEAD", "POST"])
def arms(request: HttpRequest, code: str) -> HttpResponse:
    """Show the arms; store changed parts, a new arm, or a preset."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    if not may(request.user, "view", TreatmentArm, study):
        raise PermissionDenied(forbidden_sentence("view", TreatmentArm, study))
    found = arms_of(study, request.user)
    rows = {arm.pk: rows_of_arm(arm) for arm in found}
    if request.method != "POST":
        return _answer(request, study, found, rows)
    if not may(request.user, "add", TreatmentComponent, study):
        raise PermissionDenied(forbidden_sentence("add", TreatmentComponent, study))
    try:
        if "preset" in request.POST:
            said = _add_preset(request, study)
        elif "arm" in request.POST:
            said = _add_arm(request, study)
        else:
            rows = {arm.pk: posted_rows(arm, request.POST) for arm in found}
            said = _save_parts(request, study, [row for some in rows.values() for row in some])
    except Refused as refusal:
        return _answer(request, study, found, rows, refusal)
    messages.success(request, said)
    return redirect("arms-page", study.code)


def _answer(
    request: HttpRequest, study: Study, found: list[Any], rows: dict[int, list[PartRow]], refusal: Refused | None = None
) -> HttpResponse:
    parts = parts_of([component for arm in found for component in arm.components.all()])
    pictures = strips(parts)
    words = {
        "study": study,
        "arms": [(arm, pictures.get(arm.name), rows[arm.pk]) for arm in found],
        "last_day": max((part.day_to for part in parts), default=0),
        "differences": differences(parts),
        "may_edit": may(request.user, "add", TreatmentComponent, study),
        "may_remove": may(request.user, "delete", TreatmentComponent, study),
        "presets": PRESETS,
        "drugs": Drug.objects.all().visible_to(request.user),
        "refusal": refusal,
        "key": request.POST.get("key") or uuid.uuid4(),
        "reason": reason_of(request) if request.method == "POST" else "",
        "posted": request.POST,
    }
    return render(request, "desk/arms.html", words, status=400 if refusal else 200)


def _add_preset(request: HttpRequest, study: Study) -> str:
    preset = preset_named(request.POST["preset"])
    if preset is None:
        raise Refused(["Choose one of the presets."])
    arms = [{"study": study, "name": arm, "is_vehicle": preset.is_vehicle(arm)} for arm in preset.arms]
    said: dict[str, Any] = {"user": request.user, "study": study, "door": "web", "reason": reason_of(request)}
    try:
        with transaction.atomic():
            made = stored_rows(import_dicts(record_for(TreatmentArm), arms, **said))
            parts = [
                {"arm": arm, "part": number, **part}
                for arm in made
                for number, part in enumerate(preset.arms[arm.name], start=1)
            ]
            report = import_dicts(record_for(TreatmentComponent), parts, **said)
            if report.lacks_reason:
                sentences = list(dict.fromkeys(one.sentence for one in report.warnings))
                raise Refused(sentences, needs_reason=True)
            stored_rows(report)
    except PlanRefused as refusal:
        raise Refused([str(refusal)]) from refusal
    return f"{', '.join(preset.arms)} added; change what your protocol says otherwise."


def _add_arm(request: HttpRequest, study: Study) -> str:
    values = {"study": study, "name": request.POST["arm"].strip(), "is_vehicle": "is_vehicle" in request.POST}
    report = import_dicts(record_for(TreatmentArm), [values], user=request.user, study=study, door="web")
    if not report.is_stored:
        raise Refused([one.sentence for one in report.refusals()])
    return f"Arm {values['name']} added; say now what it gets."


def _save_parts(request: HttpRequest, study: Study, rows: list[PartRow]) -> str:
    """Delete the parts that are ticked and store the others, all or none."""
    written = [row for row in rows if row.is_written]
    removed = [row for row in rows if row.is_removed and row.component is not None]
    if not written and not removed:
        return "Nothing was changed."
    try:
        with transaction.atomic():
            with writing(user=request.user, door="web", reason=reason_of(request)):
                for row in removed:
                    delete_record(row.component, request.user)
            _store(request, study, written)
    except (Forbidden, StillNeeded, Conflict) as error:
        raise Refused([str(error)]) from error
    names = sorted({row.arm.name for row in (*written, *removed)})
    return f"Saved: {', '.join(names)}."


def _store(request: HttpRequest, study: Study, rows: list[PartRow]) -> None:
    if not rows:
        return
    for number, row in enumerate(rows, start=1):
        row.number = number
    sheet = GridSheet([row.for_grid() for row in rows], AS_WRITTEN, reason_of(request))
    answer = save_grid(record_for(TreatmentComponent), sheet, _key(request), user=request.user, study=study)
    if answer["state"] == STORED:
        return
    others = [*answer.get("sentences", []), *([answer["said"]] if "said" in answer else [])]
    for row in rows:
        said = answer["rows"].get(row.number, {"errors": {}, "warnings": {}})
        others += row.take({**said["warnings"], **said["errors"]})
        if row.number in answer["theirs"]:
            others.append(f"Somebody else changed part {row.part} of {row.arm}; reload the page and look at it.")
    raise Refused(list(dict.fromkeys(others)), needs_reason=answer["state"] == NEEDS_REASON)


def _key(request: HttpRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        return uuid.uuid4()
