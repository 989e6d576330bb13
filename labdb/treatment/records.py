from typing import Any

from django.db.models import Q

from labdb.colony.models import Mouse
from labdb.registry.kin import Kin, declare
from labdb.registry.record import Record, register
from labdb.treatment.models import (
    Allocation,
    AllocationKey,
    Dose,
    Drug,
    Randomization,
    Solution,
    SolutionKey,
    TreatmentArm,
    TreatmentComponent,
    Unblinding,
)


@register
class DrugRecord(Record):
    """Drugs."""

    model = Drug
    fields = (
        "name", "drug_class", "is_vehicle", "salt", "molar_mass_g_per_mol", "base_molar_mass_g_per_mol", "notes",
    )  # fmt: skip


@register
class SolutionRecord(Record):
    """Solutions."""

    model = Solution
    fields = (
        "study", "code", "drug", "drug_form", "stock_mg_per_ml", "vehicle", "lot", "prepared_at", "expires_at", "notes",
    )  # fmt: skip
    list_filter = ("drug",)
    search_fields = ("code", "drug__name", "lot")


@register
class SolutionKeyRecord(Record):
    """What codes on syringes stand for."""

    model = SolutionKey
    fields = ("code", "solution", "notes")
    list_filter = ("solution",)
    search_fields = ("code", "solution__code")


@register
class TreatmentArmRecord(Record):
    """Treatment arms."""

    model = TreatmentArm
    fields = ("study", "name", "is_vehicle", "notes")


@register
class TreatmentComponentRecord(Record):
    """Components of treatment arms."""

    model = TreatmentComponent
    fields = (
        "arm", "part", "day_from", "day_to", "time_of_day", "drug", "dose_mg_per_kg", "drug_form", "route",
        "volume_ml_per_kg", "vehicle", "device", "device_target", "frequency_hz", "pulse_width_us", "current_ua",
        "hours_per_day", "is_sham", "notes",
    )  # fmt: skip
    list_display = ("arm", "part", "day_from", "day_to", "drug", "dose_mg_per_kg", "route", "device")
    list_filter = ("arm", "drug", "device")
    search_fields = ("arm__name", "drug__name")


@register
class RandomizationRecord(Record):
    """Randomizations."""

    model = Randomization
    fields = (
        "study", "code", "method", "ratio", "strata", "parameters", "eligibility", "seed", "algorithm_version",
        "input_digest", "input_snapshot", "phenotype_run", "performed_at", "continues", "replaces", "reason", "notes",
    )  # fmt: skip
    list_display = ("code", "method", "ratio", "strata", "performed_at", "continues", "replaces")


@register
class AllocationRecord(Record):
    """Allocations."""

    model = Allocation
    fields = ("mouse", "code", "randomization", "superseded_by", "notes")
    search_fields = ("code", "mouse__code")


@register
class AllocationKeyRecord(Record):
    """What allocation codes stand for."""

    model = AllocationKey
    fields = ("allocation", "arm", "notes")
    list_filter = ("arm",)
    search_fields = ("allocation__code", "allocation__mouse__code")
    relations = {"mouse": "allocation__mouse"}


@register
class DoseRecord(Record):
    """Doses."""

    model = Dose
    fields = (
        "mouse", "planned_at", "status", "given_at", "solution_code", "body_mass_g", "volume_ml_per_kg", "volume_ml", "route",
        "reason", "performed_by", "notes",
    )  # fmt: skip
    list_display = ("mouse", "planned_at", "status", "given_at", "solution_code", "volume_ml")
    list_filter = ("mouse__cohort", "status", "solution_code")
    search_fields = ("mouse__code", "solution_code")


@register
class UnblindingRecord(Record):
    """Unblindings, by the page of unblinding alone."""

    model = Unblinding
    fields = ("study", "mouse", "reason", "by", "at")
    list_filter = ("study", "by")
    search_fields = ("mouse__code", "reason")
    read_only = True


def _holding(user: Any, study: Any) -> Q:
    return Q(allocation__superseded_by=None)


declare(
    Kin(
        "treatment", Mouse, AllocationKey, "allocation__mouse", {"arm": "arm", "drug": "arm__components__drug"},
        counting=_holding,
    )
)  # fmt: skip
