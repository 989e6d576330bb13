from labdb.behavior.models import Assay, AssayMetric, AssayResult, PhenotypeRule, ResponseRule, SocialInteractionTest
from labdb.registry.record import Record, register


@register
class SITestRecord(Record):
    """Social-interaction tests."""

    model = SocialInteractionTest
    resource = "si-tests"
    fields = (
        "mouse", "test_number", "test_at", "trial_s", "iz_absent_s", "iz_present_s", "corner_absent_s",
        "corner_present_s", "distance_absent_cm", "distance_present_cm", "velocity_absent_cm_per_s",
        "velocity_present_cm_per_s", "performed_by", "notes",
    )  # fmt: skip
    computed = ("si_ratio", "corner_ratio")
    list_display = ("mouse", "test_number", "test_at", "iz_absent_s", "iz_present_s", "si_ratio")
    list_filter = ("mouse__cohort", "mouse__group", "test_number")
    search_fields = ("mouse__code",)


@register
class PhenotypeRuleRecord(Record):
    """Phenotype rules."""

    model = PhenotypeRule
    fields = ("name", "cutoff", "control_sd", "min_iz_present_s", "max_corner_ratio", "borderline", "notes")


@register
class ResponseRuleRecord(Record):
    """Response rules."""

    model = ResponseRule
    fields = ("name", "cutoff", "reliable_change", "borderline", "notes")


@register
class AssayRecord(Record):
    """Assays."""

    model = Assay
    fields = ("name", "description", "notes")


@register
class AssayMetricRecord(Record):
    """Metrics of assays."""

    model = AssayMetric
    fields = ("assay", "name", "unit", "minimum", "maximum", "notes")
    list_filter = ("assay",)


@register
class AssayResultRecord(Record):
    """Results of assays."""

    model = AssayResult
    fields = ("mouse", "metric", "session", "performed_at", "value", "performed_by", "notes")
    list_filter = ("metric", "mouse__group")
    search_fields = ("mouse__code",)
