"""What components of arms say against the lab's limit, and against the other arms of a blinded study."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings

from labdb.registry.findings import Finding, Grade, stored_beside
from labdb.treatment.blinding_check import differences
from labdb.treatment.dosing_schedule import Part


def component_findings(rows: Sequence[Any], model: type[Any]) -> Iterator[Finding]:
    """Warn of large volumes, and of what lets arms of a blinded study be told apart."""
    for number, row in enumerate(rows):
        if row.route == "i.p." and (row.volume_ml_per_kg or 0) > settings.IP_LIMIT_ML_PER_KG * (1 + 1e-9):
            sentence = f"{row.volume_ml_per_kg:g} ml/kg i.p. is more than the limit of {settings.IP_LIMIT_ML_PER_KG} ml/kg; take a stronger stock, or say why."
            yield Finding(number, "volume_ml_per_kg", sentence, Grade.WARNING)
    blinded = {row.study_id: row.study for row in rows if row.study_id and row.study.is_blinded}
    for study in blinded.values():
        yield from _told_apart([(n, row) for n, row in enumerate(rows) if row.study_id == study.pk], model)


def _told_apart(numbered: list[tuple[int, Any]], model: type[Any]) -> Iterator[Finding]:
    rows = [row for _number, row in numbered]
    stored = stored_beside(model, rows).filter(study=rows[0].study_id).select_related("arm", "drug")
    place = {(row.arm.name, row.part): number for number, row in numbered}
    first_of = {row.arm.name: number for number, row in reversed(numbered)}
    for one in differences(parts_of([*stored, *rows]), changed=set(first_of)):
        number = place.get((one.arm, one.part), first_of[one.arm])
        yield Finding(number, one.field, f"{one.sentence} It tells the arms of a blinded study apart.", Grade.WARNING)


def parts_of(components: Sequence[Any]) -> list[Part]:
    """Return components as parts, by the names of their arms and drugs."""
    return [Part.of(one, one.arm.name, one.drug.name if one.drug_id else "") for one in components]
