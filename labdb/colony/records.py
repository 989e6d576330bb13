from labdb.colony.models import Cohort, Mouse, Strain, Study, StudyMembership, Weighing
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
    computed = ("closed_at",)
    list_display = ("code", "title", "state", "closed_at", "is_blinded", "planned_n")
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
class MouseRecord(Record):
    """Mice."""

    model = Mouse
    fields = (
        "study", "code", "ear_tag", "sex", "strain", "genotype", "birth_date", "cohort", "group", "death_date",
        "death_reason", "is_humane_endpoint", "notes",
    )  # fmt: skip
    list_display = ("code", "study", "cohort", "group", "sex", "birth_date", "death_date")
    list_filter = ("cohort", "group", "sex")
    search_fields = ("code", "ear_tag")
    detail_template = "desk/_mouse_story.html"


@register
class WeighingRecord(Record):
    """Weighings."""

    model = Weighing
    fields = ("mouse", "performed_at", "body_mass_g", "performed_by", "notes")
    list_display = ("mouse", "performed_at", "body_mass_g", "performed_by")
    list_filter = ("mouse__cohort", "mouse__group")
    search_fields = ("mouse__code",)
