"""A part of an arm is a drug or a device: what goes with the one is refused beside the other."""

from django.db.models import Q

from labdb.registry.rules import RowRule

NUMBERS = ("dose_mg_per_kg", "frequency_hz", "pulse_width_us", "current_ua", "hours_per_day")


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
