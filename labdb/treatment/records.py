from labdb.registry.record import Record, register
from labdb.treatment.models import Allocation, AllocationKey, Drug, Randomization, TreatmentArm, TreatmentComponent


@register
class DrugRecord(Record):
    """Drugs."""

    model = Drug
    fields = ("name", "drug_class", "is_vehicle", "notes")


@register
class TreatmentArmRecord(Record):
    """Treatment arms."""

    model = TreatmentArm
    fields = ("study", "name", "is_vehicle", "notes")


@register
class TreatmentComponentRecord(Record):
    """Components of treatment arms."""

    model = TreatmentComponent
    fields = ("arm", "day_from", "day_to", "drug", "dose_mg_per_kg", "route", "notes")
    list_filter = ("arm", "drug")
    search_fields = ("arm__name", "drug__name")


@register
class RandomizationRecord(Record):
    """Randomizations."""

    model = Randomization
    fields = (
        "study", "code", "method", "strata", "seed", "algorithm_version", "input_digest", "phenotype_run",
        "performed_at", "notes",
    )  # fmt: skip


@register
class AllocationRecord(Record):
    """Allocations."""

    model = Allocation
    fields = ("mouse", "code", "randomization", "notes")
    search_fields = ("code", "mouse__code")


@register
class AllocationKeyRecord(Record):
    """What allocation codes stand for."""

    model = AllocationKey
    fields = ("allocation", "arm", "notes")
    list_filter = ("arm",)
    search_fields = ("allocation__code", "allocation__mouse__code")
    relations = {"mouse": "allocation__mouse"}
