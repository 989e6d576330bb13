from labdb.behavior.models import (
    Arena,
    ArenaZone,
    Assay,
    AssayMetric,
    AssayReading,
    AssayResult,
    PhenotypeRule,
    PlannedSiTest,
    ResponseRule,
    SiTestPlan,
    SocialInteractionTest,
    TrackedAssayTrial,
    TrackedTrial,
    TrackerMapping,
)
from labdb.colony.excludable import EXCLUSION_FIELDS
from labdb.registry.record import Record, register


@register
class ArenaRecord(Record):
    """Arenas."""

    model = Arena
    fields = (
        "name", "width_cm", "length_cm", "zone_width_cm", "zone_depth_cm", "corner_cm", "px_per_cm", "origin_x_px",
        "origin_y_px", "notes",
    )  # fmt: skip


@register
class ArenaZoneRecord(Record):
    """Zones of arenas."""

    model = ArenaZone
    fields = ("arena", "name", "role", "target_side", "shape", "geometry", "notes")
    list_filter = ("arena", "role")


@register
class TrackerMappingRecord(Record):
    """What is known of trackers' files."""

    model = TrackerMapping
    fields = (
        "arena", "tracker_format", "scored_from", "interaction_zones", "corners", "assay_zones", "body_point",
        "position_unit", "origin_x_cm", "origin_y_cm", "frame_rate_hz", "told_by", "told_variable", "absent_says", "present_says",
        "target_side", "subject_variable", "notes",
    )  # fmt: skip
    list_display = ("arena", "tracker_format", "scored_from", "interaction_zones", "body_point", "told_by")
    list_filter = ("arena", "tracker_format")


@register
class SITestRecord(Record):
    """Social-interaction tests."""

    model = SocialInteractionTest
    resource = "si-tests"
    fields = (
        "mouse", "test_number", "test_at", "trial_s", "iz_absent_s", "iz_present_s", "corner_absent_s",
        "corner_present_s", "distance_absent_cm", "distance_present_cm", "velocity_absent_cm_per_s",
        "velocity_present_cm_per_s", "arena", "room", "lux", "light_cycle_hour", "gap_between_trials_min",
        "order_of_day", "target_side", "target", "estrous_stage", "scorer", "scoring_number", "counts", "tracker_file",
        "tracker_sha256", *EXCLUSION_FIELDS, "performed_by", "notes",
    )  # fmt: skip
    computed = ("si_ratio", "corner_ratio", "entered_unblinded")
    list_display = ("mouse", "test_number", "test_at", "iz_absent_s", "iz_present_s", "si_ratio", "entered_unblinded")
    list_filter = ("mouse__cohort", "mouse__group", "test_number", "arena", "counts", "entered_unblinded")
    search_fields = ("mouse__code",)
    detail_template = "desk/_si_test_story.html"


@register
class TrackedTrialRecord(Record):
    """Trials as trackers saw them; they come in by their files alone."""

    model = TrackedTrial
    fields = (
        "si_test", "target", "file_name", "sha256", "tracker_format", "trial_name", "subject", "started_at",
        "scored_from", "interaction_zones", "corners", "body_point", "position_unit", "origin_x_cm", "origin_y_cm",
        "frame_rate_hz", "likelihood_cutoff", "max_gap_s", "zones_as_scored", "zone_s", "corner_s", "entries", "latency_s",
        "distance_cm", "velocity_cm_per_s", "covered_s", "missing_share", "longest_gap_s", "notes",
    )  # fmt: skip
    list_display = ("si_test", "target", "file_name", "subject", "zone_s", "corner_s", "missing_share")
    list_filter = ("target", "tracker_format", "scored_from")
    search_fields = ("file_name", "si_test__mouse__code")
    read_only = True


@register
class SiTestPlanRecord(Record):
    """Days of SI tests as planned."""

    model = SiTestPlan
    resource = "si-test-plans"
    fields = (
        "cohort", "code", "performed_at", "test_number", "test_date", "trial_s", "room", "lux", "lights_on",
        "target_side", "reason", "seed", "algorithm_version", "input_digest", "input_snapshot", "notes",
    )  # fmt: skip
    list_display = ("code", "cohort", "test_number", "test_date", "performed_at", "reason", "seed")
    list_filter = ("cohort", "test_number")


@register
class PlannedSiTestRecord(Record):
    """SI tests as planned."""

    model = PlannedSiTest
    resource = "planned-si-tests"
    fields = ("plan", "mouse", "order_of_day", "turn", "arena", "target", "state", "state_reason", "notes")
    list_display = ("plan", "order_of_day", "turn", "mouse", "arena", "target", "state", "state_reason")
    list_filter = ("plan", "mouse__cohort", "arena", "target", "state")
    search_fields = ("mouse__code", "target__code")


@register
class PhenotypeRuleRecord(Record):
    """Phenotype rules."""

    model = PhenotypeRule
    fields = ("name", "cutoff", "control_sd", "min_iz_present_s", "max_corner_ratio", "borderline", "notes")
    detail_template = "registry/_rule_versions.html"


@register
class ResponseRuleRecord(Record):
    """Response rules."""

    model = ResponseRule
    fields = ("name", "cutoff", "reliable_change", "borderline", "notes")
    detail_template = "registry/_rule_versions.html"


@register
class AssayRecord(Record):
    """Assays."""

    model = Assay
    fields = ("name", "description", "trial_s", "notes")


@register
class AssayMetricRecord(Record):
    """Metrics of assays."""

    model = AssayMetric
    fields = ("assay", "name", "unit", "minimum", "maximum", "notes")
    list_filter = ("assay",)


@register
class AssayReadingRecord(Record):
    """What metrics are in trackers' files."""

    model = AssayReading
    fields = ("metric", "statistic", "zones", "share_of", "notes")
    list_filter = ("metric__assay", "statistic")


@register
class TrackedAssayTrialRecord(Record):
    """Trials of assays as trackers saw them; they come in by their files alone."""

    model = TrackedAssayTrial
    fields = (
        "mouse", "assay", "session", "arena", "trial_s", "file_name", "sha256", "tracker_format", "trial_name",
        "subject", "started_at", "scored_from", "tracker_zones", "body_point", "position_unit", "origin_x_cm",
        "origin_y_cm", "frame_rate_hz", "likelihood_cutoff", "max_gap_s", "zones_as_scored", "readings_as_scored",
        "distance_cm", "velocity_cm_per_s", "covered_s", "missing_share", "longest_gap_s", "notes",
    )  # fmt: skip
    list_display = ("mouse", "assay", "session", "file_name", "subject", "covered_s", "missing_share")
    list_filter = ("assay", "mouse__group", "tracker_format", "scored_from")
    search_fields = ("file_name", "mouse__code")
    read_only = True
    detail_template = "desk/_assay_trial_story.html"


@register
class AssayResultRecord(Record):
    """Results of assays."""

    model = AssayResult
    fields = (
        "mouse", "metric", "session", "performed_at", "value", *EXCLUSION_FIELDS, "performed_by", "notes",
    )  # fmt: skip
    computed = ("entered_unblinded",)
    list_display = ("mouse", "metric", "session", "performed_at", "value", "entered_unblinded")
    list_filter = ("metric", "mouse__group", "entered_unblinded")
    search_fields = ("mouse__code",)
