"""What one part of an arm may say: it is a drug or a device, and what goes with the one is refused beside the other."""

from typing import Any

from django.db.models import F, Q

from labdb.registry.rules import RowRule, between, one_per

MOST_ML_PER_KG = 100.0  # ours: ten times what is usual is a slip of the unit

NUMBERS = ("dose_mg_per_kg", "volume_ml_per_kg", "frequency_hz", "pulse_width_us", "current_ua", "hours_per_day")


def only_with_drug(field: str) -> RowRule:
    """Return the rule that this field is empty where the part is a device."""
    return RowRule(
        condition=Q(drug__isnull=False) | _is_empty(field),
        name=f"component_{field}_of_a_drug",
        field=field,
        sentence="{value} goes with a drug; empty it, or enter the drug.",
    )


def only_with_device(field: str) -> RowRule:
    """Return the rule that this field is empty where the part is a drug."""
    return RowRule(
        condition=~Q(device="") | _is_empty(field),
        name=f"component_{field}_of_a_device",
        field=field,
        sentence="{value} goes with a device; empty it, or enter the device.",
    )


def _is_empty(field: str) -> Q:
    return Q(**{f"{field}__isnull": True}) if field in NUMBERS else Q(**{field: ""})


def component_rules() -> list[Any]:
    """Return the rules on one part of an arm."""
    return [
        one_per(
            "arm", "part", name="component_once", field="part",
            sentence="{row.arm} already has a part {value}; edit that component or enter the next number.",
        ),
        RowRule(
            condition=Q(part__gte=1), name="component_part_from_1", field="part",
            sentence="{value} is not the number of a part; the first is 1.",
        ),
        RowRule(
            condition=Q(day_to__gte=F("day_from")), name="component_days_in_order", field="day_to",
            sentence="day {value} is before the first day ({row.day_from}); exchange the two.",
        ),
        RowRule(
            condition=Q(time_of_day="") | Q(time_of_day__regex=r"^([01][0-9]|2[0-3]):[0-5][0-9](:00)?$"),
            name="component_time_of_day", field="time_of_day",
            sentence="{value} is not a time of day; enter hours and minutes such as 09:00.",
        ),
        RowRule(
            condition=Q(drug__isnull=False, device="") | (Q(drug__isnull=True) & ~Q(device="")),
            name="component_drug_or_device", field="drug",
            sentence="A part is one drug or one device; enter one of the two, and the other as a part of its own.",
        ),
        *(only_with_drug(field) for field in ("dose_mg_per_kg", "volume_ml_per_kg", "drug_form", "route", "vehicle")),
        *(
            only_with_device(field)
            for field in ("device_target", "frequency_hz", "pulse_width_us", "current_ua", "hours_per_day")
        ),
        between("dose_mg_per_kg", 0.0001, 2000, "mg/kg", "component_dose"),
        between("frequency_hz", 0, 10_000, "Hz", "component_frequency"),
        between("pulse_width_us", 1, 1_000_000, "us", "component_pulse_width"),
        between("current_ua", 0.1, 1_000_000, "uA", "component_current"),
        between("hours_per_day", 0.01, 24, "h", "component_hours_per_day"),
        RowRule(
            condition=~Q(device="") | Q(is_sham=False), name="component_sham_of_a_device", field="is_sham",
            sentence="Sham goes with a device; a drug that is left out is its vehicle.",
        ),
        RowRule(
            condition=Q(is_sham=False) | Q(current_ua__isnull=True), name="component_sham_without_current",
            field="current_ua",
            sentence="{value} uA: a sham passes no current; empty it, or say that the part is no sham.",
        ),
        between("volume_ml_per_kg", 0.1, MOST_ML_PER_KG, "ml/kg", "component_volume_per_kg"),
    ]  # fmt: skip
