from labdb.colony.card_action import CageCards
from labdb.colony.models import (
    Cage,
    Cohort,
    Exclusion,
    Housing,
    Litter,
    Mouse,
    MouseIdentification,
    Shipment,
    Strain,
    Study,
    StudyMembership,
    Weighing,
    WelfareCheck,
)
from labdb.colony.mouse_actions import Exclude, MoveToCage, Note
from labdb.registry.list_actions import offer
from labdb.registry.record import Record, register


@register
class StudyRecordDeclaration(Record):
    """Studies."""

    model = Study
    resource = "studies"
    fields = (
        "code", "title", "question", "ethics_number", "ethics_animals_approved", "ethics_animals_used",
        "severity_prospective", "severity_actual", "primary_outcome", "planned_n", "planned_n_basis", "is_blinded",
        "state", "notes",
    )  # fmt: skip
    computed = ("closed_at", "unblinded_at")
    list_display = ("code", "title", "state", "closed_at", "is_blinded", "unblinded_at", "planned_n")
    list_filter = ("state", "is_blinded")
    search_fields = ("code", "title")


@register
class StudyMembershipRecord(Record):
    """Who works on a study, and as what."""

    model = StudyMembership
    fields = ("study", "user", "role", "notes")
    list_filter = ("role",)
    search_fields = ("user__username",)


@register
class CohortRecord(Record):
    """Cohorts."""

    model = Cohort
    fields = ("study", "code", "start_date", "notes")


@register
class StrainRecord(Record):
    """Strains."""

    model = Strain
    fields = ("name", "vendor", "stock_number", "notes")
    search_fields = ("name", "stock_number")


@register
class LitterRecord(Record):
    """Litters."""

    model = Litter
    fields = (
        "study", "code", "strain", "dam", "sire", "birth_date", "born_count", "wean_date", "weaned_count", "notes",
    )  # fmt: skip
    list_display = ("code", "study", "strain", "dam", "sire", "birth_date", "weaned_count")
    list_filter = ("strain",)
    search_fields = ("code", "dam", "sire")


@register
class ShipmentRecord(Record):
    """Shipments."""

    model = Shipment
    fields = (
        "study", "code", "vendor", "strain", "arrival_date", "birth_date_from", "birth_date_to", "animal_count",
        "health_report", "notes",
    )  # fmt: skip
    list_display = ("code", "study", "vendor", "strain", "arrival_date", "animal_count")
    list_filter = ("vendor", "strain")
    search_fields = ("code", "vendor")


@register
class CageRecord(Record):
    """Cages."""

    model = Cage
    fields = ("study", "code", "room", "rack", "position", "kind", "notes")
    list_filter = ("room", "kind")


@register
class MouseRecord(Record):
    """Mice."""

    model = Mouse
    fields = (
        "study", "code", "ear_tag", "sex", "strain", "genotype", "birth_date", "litter", "shipment", "cohort",
        "group", "death_date", "death_reason", "is_humane_endpoint", "notes",
    )  # fmt: skip
    computed = ("unblinded_at",)
    list_display = ("code", "study", "cohort", "group", "sex", "birth_date", "death_date")
    list_filter = ("cohort", "group", "sex")
    search_fields = ("code", "ear_tag", "identifications__value")
    detail_template = "desk/_mouse_story.html"


@register
class MouseIdentificationRecord(Record):
    """Marks of mice, also those they no longer bear."""

    model = MouseIdentification
    fields = ("mouse", "kind", "value", "applied_date", "removed_date", "performed_by", "notes")
    list_filter = ("kind", "mouse__cohort")
    search_fields = ("value", "mouse__code")


@register
class HousingRecord(Record):
    """Which mouse lived where."""

    model = Housing
    fields = ("mouse", "cage", "side", "kind", "housed_from", "housed_to", "performed_by", "notes")
    list_filter = ("cage", "kind", "mouse__cohort")
    search_fields = ("mouse__code", "cage__code")


@register
class WeighingRecord(Record):
    """Weighings."""

    model = Weighing
    fields = ("mouse", "performed_at", "body_mass_g", "performed_by", "notes")
    list_display = ("mouse", "performed_at", "body_mass_g", "performed_by")
    list_filter = ("mouse__cohort", "mouse__group")
    search_fields = ("mouse__code",)


@register
class WelfareCheckRecord(Record):
    """Mice that did not do well, and what was done about it."""

    model = WelfareCheck
    fields = (
        "mouse", "performed_at", "finding", "finding_detail", "action", "action_detail", "performed_by", "notes",
    )  # fmt: skip
    list_display = ("mouse", "performed_at", "finding", "finding_detail", "action", "performed_by")
    list_filter = ("finding", "action", "mouse__cohort", "mouse__group")
    search_fields = ("mouse__code", "finding_detail", "action_detail")


@register
class ExclusionRecord(Record):
    """Mice that analyses leave out."""

    model = Exclusion
    fields = ("mouse", "criterion", "is_a_priori", "is_blind", "decided_by", "decided_at", "notes")
    list_filter = ("is_a_priori", "is_blind", "mouse__cohort", "mouse__group")
    search_fields = ("mouse__code", "criterion")


CARDS = (CageCards("A4"), CageCards("Letter"))
offer("mice", MoveToCage(), Exclude(), Note(), *CARDS)
offer("cages", MoveToCage("Move their mice"), Exclude("Exclude their mice"), Note(), *CARDS)
