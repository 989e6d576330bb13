"""What doses say against the keys of their syringes and against each other."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from labdb.registry.findings import Finding, Grade, stored_beside

PLAN_TOLERANCE = 0.1  # of the planned volume: more is another volume, not rounding; ours
WRONG_UNIT_ML_PER_KG = 100.0  # ours: ten times the usual limit is a slip of the unit (ul entered as ml, kg as g)


def large_volumes(rows: Sequence[Any]) -> Iterator[Finding]:
    """Warn of more fluid in the abdomen than the lab allows."""
    for number, dose in enumerate(rows):
        if dose.route != "i.p." or not dose.volume_ml or not dose.body_mass_g:
            continue
        ml_per_kg = 1000 * dose.volume_ml / dose.body_mass_g
        if ml_per_kg > settings.IP_LIMIT_ML_PER_KG * (1 + 1e-9):  # 0.25 ml for 25 g is the limit itself
            sentence = f"{dose.volume_ml:g} ml for {dose.body_mass_g:g} g is {ml_per_kg:.3g} ml/kg i.p., more than the limit of {settings.IP_LIMIT_ML_PER_KG} ml/kg; correct it, or say why."
            yield Finding(number, "volume_ml", sentence, Grade.WARNING)


def unplanned_volumes(rows: Sequence[Any]) -> Iterator[Finding]:
    """Warn of a given volume that is not what the plan makes of the body mass; a partial dose may be less."""
    for number, dose in enumerate(rows):
        if dose.status not in ("given", "partial") or not (
            dose.volume_ml and dose.volume_ml_per_kg and dose.body_mass_g
        ):
            continue
        planned_ml = volume_ml(dose.volume_ml_per_kg, dose.body_mass_g)
        allowed_ml = max(2 * settings.SYRINGE_STEP_UL / 1000, PLAN_TOLERANCE * planned_ml)
        is_less = dose.volume_ml < planned_ml - allowed_ml and dose.status == "given"
        if is_less or dose.volume_ml > planned_ml + allowed_ml:
            sentence = f"{dose.volume_ml:g} ml for {dose.body_mass_g:g} g, where {dose.volume_ml_per_kg:g} ml/kg are planned ({planned_ml:g} ml); correct it, or say why."
            yield Finding(number, "volume_ml", sentence, Grade.WARNING)


def volume_ml(ml_per_kg: float, body_mass_g: float) -> float:
    """Return what is drawn into the syringe, to the step of its marks."""
    step_ml = settings.SYRINGE_STEP_UL / 1000
    steps = max(int(ml_per_kg * body_mass_g / 1000 / step_ml + 0.5 + 1e-9), 1)
    return round(steps * step_ml, 4)


def exchanged_syringes(rows: Sequence[Any], model: type[Any]) -> Iterator[Finding]:
    """Warn of a syringe that was filled for another mouse and not for this one."""
    coded = [(number, dose) for number, dose in enumerate(rows) if dose.solution_code and dose.mouse_id]
    if not coded:
        return
    planned = stored_beside(model, rows).exclude(volume_ml_per_kg=None).filter(
        study__in={dose.study_id for _number, dose in coded}, solution_code__in={dose.solution_code for _n, dose in coded}
    )  # fmt: skip
    owners: dict[tuple[int, str], dict[int, str]] = {}
    for study, code, mouse, name in planned.order_by("mouse").values_list(
        "study", "solution_code", "mouse", "mouse__code"
    ):
        owners.setdefault((study, code), {})[mouse] = name
    doubtful = [
        (number, dose, owners[dose.study_id, dose.solution_code])
        for number, dose in coded
        if dose.mouse_id not in owners.get((dose.study_id, dose.solution_code), {dose.mouse_id: ""})
        and dose.status != "planned"
    ]
    own = _own_codes(model, [dose.pk for _number, dose, _others in doubtful if dose.pk is not None])
    for number, dose, others in doubtful:
        if (dose.mouse_id, dose.solution_code) not in own:
            sentence = f"Syringe {dose.solution_code} was filled for {', '.join(others.values())}, not for {dose.mouse}; take the syringe of {dose.mouse}, or say what happened."
            yield Finding(number, "solution_code", sentence, Grade.WARNING)


def _own_codes(model: type[Any], ids: list[int]) -> set[tuple[int, str]]:
    """Return what is stored of doses that are changed: a planned dose that is given now keeps its syringe."""
    if not ids:
        return set()
    return set(model._default_manager.filter(pk__in=ids).values_list("mouse", "solution_code"))


def solutions(rows: Sequence[Any], key_model: type[Any]) -> Iterator[Finding]:
    """Warn of a code that no syringe of the study has, and of a solution that was not usable at the time.

    Of a blinded study no date is told: bottles are made and expire by drug.
    """
    coded = [(number, dose) for number, dose in enumerate(rows) if dose.solution_code]
    if not coded:
        return
    keys = key_model._default_manager.filter(
        study__in={dose.study_id for _number, dose in coded}, code__in={dose.solution_code for _number, dose in coded}
    )
    usable = {
        (study, code): (prepared_at, expires_at)
        for study, code, prepared_at, expires_at in keys.values_list(
            "study", "code", "solution__prepared_at", "solution__expires_at"
        )
    }
    for number, dose in coded:
        key = dose.study_id, dose.solution_code
        if key not in usable:
            sentence = f"No syringe of study {dose.study} has the code {dose.solution_code}; correct it, or say why it is not in the key."
        else:
            sentence = _unusable(dose, *usable[key])
            if sentence and dose.study.is_blinded:
                sentence = f"Solution {dose.solution_code} was not usable at the time of this dose ({_spelled(dose.given_at or dose.planned_at)}); correct the code or the time, or ask an allocator and say why."
        if sentence:
            yield Finding(number, "solution_code", sentence, Grade.WARNING)


def _unusable(dose: Any, prepared_at: datetime | None, expires_at: datetime | None) -> str:
    at = dose.given_at or dose.planned_at
    if dose.status == "missed":
        return ""
    if prepared_at is not None and at < prepared_at:
        return f"Solution {dose.solution_code} was prepared at {_spelled(prepared_at)}, after this dose ({_spelled(at)}); correct the code or the time, or say why."
    if expires_at is not None and at > expires_at:
        return f"Solution {dose.solution_code} was usable until {_spelled(expires_at)}, this dose is of {_spelled(at)}; correct the code or the time, or say why."
    return ""


def repeated(rows: Sequence[Any], model: type[Any]) -> Iterator[Finding]:
    """Warn of two doses of one solution that a mouse was given on one day of the laboratory's clock."""
    given = [
        (number, dose)
        for number, dose in enumerate(rows)
        if dose.given_at is not None and dose.solution_code and dose.mouse_id
    ]
    if not given:
        return
    times = [dose.given_at for _number, dose in given]
    first: dict[tuple[int, str, date], datetime] = {}
    stored = stored_beside(model, rows).filter(
        mouse__in={dose.mouse_id for _number, dose in given},
        given_at__range=(min(times) - timedelta(days=1), max(times) + timedelta(days=1)),
    )
    for mouse_id, code, at in stored.order_by("given_at").values_list("mouse", "solution_code", "given_at"):
        first.setdefault((mouse_id, code, timezone.localdate(at)), at)
    for number, dose in given:
        day = dose.mouse_id, dose.solution_code, timezone.localdate(dose.given_at)
        if day in first:
            sentence = f"{dose.mouse} was already given {dose.solution_code} that day, at {_spelled(first[day])}; correct it, or say why twice."
            yield Finding(number, "given_at", sentence, Grade.WARNING)
        first.setdefault(day, dose.given_at)


def _spelled(at: datetime) -> str:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M")
