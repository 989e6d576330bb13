from labdb.defeat.models import (
    Aggressor,
    AggressorScreening,
    ControlRotation,
    DefeatBout,
    DefeatCourse,
    PlannedBout,
    RotationPlan,
    ScreeningRule,
)
from labdb.registry.record import Record, register


@register
class DefeatCourseRecord(Record):
    """Courses of stress."""

    model = DefeatCourse
    fields = (
        "study", "code", "cohort", "stress_model", "stress_model_detail", "start_date", "days", "bout_length_min",
        "sensory_contact_h", "notes",
    )  # fmt: skip
    list_display = ("code", "study", "cohort", "stress_model", "start_date", "days", "bout_length_min")
    list_filter = ("cohort", "stress_model")
    detail_template = "defeat/_course_story.html"


@register
class AggressorRecord(Record):
    """Aggressors."""

    model = Aggressor
    fields = (
        "code", "strain", "birth_date", "arrival_date", "retired_date", "is_resting", "resting_from", "resting_until",
        "notes",
    )  # fmt: skip
    list_filter = ("strain", "is_resting")
    detail_template = "defeat/_aggressor_story.html"


@register
class AggressorScreeningRecord(Record):
    """Screenings of aggressors."""

    model = AggressorScreening
    fields = (
        "aggressor", "series", "day", "performed_at", "screener", "latency_s", "attacks", "passed", "notes",
    )  # fmt: skip
    list_display = ("aggressor", "series", "day", "performed_at", "latency_s", "attacks", "passed")
    list_filter = ("aggressor", "passed")
    search_fields = ("aggressor__code", "screener")


@register
class ScreeningRuleRecord(Record):
    """Rules by which screening keeps aggressors."""

    model = ScreeningRule
    fields = ("name", "max_latency_s", "consecutive_sessions", "sessions", "notes")
    detail_template = "registry/_rule_versions.html"


@register
class RotationPlanRecord(Record):
    """Plans of who meets whom."""

    model = RotationPlan
    fields = (
        "course", "code", "performed_at", "from_day", "reason", "screening_rule", "seed", "algorithm_version",
        "input_digest", "input_snapshot", "notes",
    )  # fmt: skip
    list_display = ("code", "course", "performed_at", "from_day", "reason", "seed")
    list_filter = ("course",)


@register
class PlannedBoutRecord(Record):
    """Bouts as planned."""

    model = PlannedBout
    fields = ("plan", "mouse", "day", "aggressor", "place", "cage", "notes")
    list_display = ("plan", "day", "place", "mouse", "aggressor", "cage")
    list_filter = ("plan", "mouse__cohort", "aggressor")
    search_fields = ("mouse__code", "aggressor__code")


@register
class DefeatBoutRecord(Record):
    """Bouts of defeat."""

    model = DefeatBout
    fields = (
        "mouse", "course", "day", "performed_at", "aggressor", "kind", "physical_s", "attack_latency_s", "attacks",
        "score", "wound_score", "substituted", "substitution_reason", "stopped_early", "sensory_contact_h", "cage",
        "performed_by", "notes",
    )  # fmt: skip
    list_display = ("mouse", "day", "performed_at", "aggressor", "attack_latency_s", "attacks", "wound_score")
    list_filter = ("mouse__cohort", "course", "aggressor", "kind")
    search_fields = ("mouse__code", "aggressor__code")


@register
class ControlRotationRecord(Record):
    """Daily partners of controls."""

    model = ControlRotation
    fields = ("mouse", "day", "performed_at", "partner", "cage", "performed_by", "notes")
    list_filter = ("mouse__cohort",)
    search_fields = ("mouse__code", "partner__code")
