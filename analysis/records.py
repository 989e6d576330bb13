from analysis.models import (
    Adoption,
    AnalysisPlan,
    AnalysisRun,
    CalibrationRate,
    Confounding,
    Contrast,
    DrugGene,
    DrugGeneSet,
    GeneResult,
    LibraryQuality,
    MouseReversalScore,
    PhenotypeCall,
    PlaneGroup,
    PlaneMouse,
    QualityDecision,
    QualityFinding,
    ResilienceInduction,
    ResponseCall,
    ReversalDifference,
    ReversedGene,
    RrhoGene,
    RrhoMap,
    RrhoQuadrant,
    Schedule,
    SignatureReversal,
    TargetGene,
)
from analysis.stale_rows import ResultRecord
from labdb.registry.record import Record, register


@register
class ContrastRecord(Record):
    """Contrasts."""

    model = Contrast
    fields = ("study", "name", "group_by", "numerator", "denominator", "covariates", "region", "formula", "notes")


@register
class AnalysisPlanRecord(Record):
    """Analysis plans; they are frozen on their page."""

    model = AnalysisPlan
    fields = (
        "study", "number", "title", "groups", "primary_outcome", "secondary_outcomes", "exclusions", "phenotype_rule",
        "response_rule", "contrasts", "methods", "notes",
    )  # fmt: skip
    computed = ("frozen_at", "frozen_by", "frozen_text", "sha256")
    list_display = ("number", "study", "title", "frozen_at", "frozen_by", "sha256")
    search_fields = ("title", "sha256")
    detail_template = "desk/_analysis_plan_story.html"


@register
class AnalysisRunRecord(Record):
    """Analysis runs."""

    model = AnalysisRun
    fields = (
        "study", "task", "parameters", "status", "done", "total", "doing", "requested_by", "schedule", "queued_at", "started_at",
        "finished_at", "reason", "input_digest", "code_version", "packages", "parent", "same_as", "attempt",
        "input_parts", "code_digest",
    )  # fmt: skip
    list_display = ("task", "study", "status", "queued_at", "finished_at", "requested_by")
    list_filter = ("task", "status")
    search_fields = ("task", "reason")
    read_only = True


@register
class ScheduleRecord(Record):
    """What labdb does by itself, and when; the page of schedules says when each comes next."""

    model = Schedule
    fields = ("name", "task", "cron", "only_study", "parameters", "is_on", "notes")
    list_display = ("name", "task", "cron", "only_study", "is_on")
    list_filter = ("task", "is_on")
    detail_template = "desk/_schedule_story.html"


@register
class AdoptionRecord(Record):
    """Which runs' results are current."""

    model = Adoption
    fields = ("study", "task", "scope", "run", "reason", "adopted_by", "adopted_at")
    search_fields = ("task", "scope")
    read_only = True


@register
class PhenotypeCallRecord(ResultRecord):
    """Phenotype calls."""

    model = PhenotypeCall
    fields = (
        "study", "mouse", "phenotype", "si_ratio", "si_ratio_low", "si_ratio_high", "corner_ratio", "distance_to_cutoff",
        "borderline", "spans_cutoff", "reason", "rule", "si_test", "run",
    )  # fmt: skip
    list_display = (
        "mouse", "phenotype", "si_ratio", "si_ratio_low", "si_ratio_high", "distance_to_cutoff", "borderline",
        "spans_cutoff", "rule", "run",
    )  # fmt: skip
    list_filter = ("phenotype", "borderline", "spans_cutoff", "rule", "mouse__cohort")
    search_fields = ("mouse__code",)


@register
class ResponseCallRecord(ResultRecord):
    """Response calls."""

    model = ResponseCall
    fields = (
        "study", "mouse", "response", "delta_log_ratio", "reliable_change", "borderline", "reason", "rule", "before",
        "after", "run",
    )  # fmt: skip
    list_filter = ("response", "borderline", "rule")
    search_fields = ("mouse__code",)


@register
class GeneResultRecord(ResultRecord):
    """Differential expression, gene by gene."""

    model = GeneResult
    fields = (
        "study", "contrast", "region", "gene", "log2_fold_change", "average_expression", "t", "p_value", "adj_p_value",
        "run",
    )  # fmt: skip
    list_display = ("gene", "contrast", "region", "log2_fold_change", "p_value", "adj_p_value")
    list_filter = ("contrast", "region")
    search_fields = ("gene__symbol", "gene__gene_id")


@register
class SignatureReversalRecord(ResultRecord):
    """Signature reversals."""

    model = SignatureReversal
    fields = (
        "study", "region", "arm", "response", "estimand", "fraction_undone", "fraction_undone_low",
        "fraction_undone_high", "fraction_undone_se", "p_value", "adj_p_value", "max_t_p_value", "p_floor", "n_relabelings",
        "cosine", "cosine_null_mean", "p_stress_axis", "refusal", "messages", "n_control", "n_stress", "n_treated",
        "n_vehicle_retested", "n_vehicle_responded", "retest_n", "retest_rho", "retest_rho_low", "retest_rho_high",
        "retest_reason", "statistic", "matrix", "run",
    )  # fmt: skip
    list_display = ("region", "arm", "response", "estimand", "fraction_undone", "p_value", "refusal")
    list_filter = ("region", "arm", "estimand", "response")
    search_fields = ("region__code", "arm")


@register
class ReversedGeneRecord(ResultRecord):
    """Reversed genes."""

    model = ReversedGene
    fields = (
        "study", "reversal", "gene", "t_stress", "t_merged", "t_drug", "p_merged", "p_drug", "q_value", "listed",
        "q_strict", "listed_strict", "run",
    )  # fmt: skip
    list_display = ("gene", "reversal", "t_stress", "t_drug", "q_value", "listed", "listed_strict")
    list_filter = ("reversal", "listed", "listed_strict")
    search_fields = ("gene__symbol", "gene__gene_id")


@register
class RrhoMapRecord(ResultRecord):
    """Overlaps of two signatures by rank; the map itself is a file of its run's page."""

    model = RrhoMap
    fields = (
        "study", "region", "kind", "first", "second", "groups", "direction", "p_value", "adj_p_value", "p_floor",
        "n_relabelings", "correlation", "correlation_null", "n_genes", "n_dropped", "n_tied", "step",
        "population_offset", "n_up_first", "n_down_first", "n_up_second", "n_down_second", "refusal", "messages",
        "first_contrast", "second_contrast", "matrix", "cells_sha256", "run",
    )  # fmt: skip
    list_display = ("region", "first", "second", "direction", "p_value", "correlation", "correlation_null", "run")
    list_filter = ("region", "kind")
    search_fields = ("first", "second")


@register
class RrhoQuadrantRecord(ResultRecord):
    """The most improbable overlap in each quadrant of a map."""

    model = RrhoQuadrant
    fields = (
        "study",
        "rrho_map",
        "quadrant",
        "n_first",
        "n_second",
        "overlap",
        "expected",
        "log10_p",
        "p_value",
        "run",
    )
    list_display = ("rrho_map", "quadrant", "n_first", "n_second", "overlap", "expected", "log10_p", "p_value")
    list_filter = ("rrho_map", "quadrant")


@register
class RrhoGeneRecord(ResultRecord):
    """Genes in both lists at the maximum of a quadrant."""

    model = RrhoGene
    fields = ("study", "rrho_quadrant", "place", "gene", "t_first", "t_second", "run")
    list_display = ("place", "gene", "t_first", "t_second", "rrho_quadrant")
    list_filter = ("rrho_quadrant",)
    search_fields = ("gene__symbol", "gene__gene_id")


@register
class MouseReversalScoreRecord(ResultRecord):
    """Reversal scores of mice."""

    model = MouseReversalScore
    fields = (
        "study", "mouse", "region", "arm", "group", "score", "se", "low", "high", "reason", "library", "reversal", "run",
    )  # fmt: skip
    list_display = ("mouse", "region", "arm", "group", "score", "low", "high")
    list_filter = ("region", "arm", "group")
    search_fields = ("mouse__code",)


@register
class ReversalDifferenceRecord(ResultRecord):
    """Differences in the fraction undone: between regions, and between arms."""

    model = ReversalDifference
    fields = (
        "study", "region", "arm", "other_region", "other_arm", "difference", "se", "low", "high", "p_value", "adj_p_value",
        "p_floor", "n_relabelings", "refusal", "messages", "run",
    )  # fmt: skip
    list_display = ("region", "arm", "other_region", "other_arm", "difference", "low", "high", "p_value", "refusal")
    list_filter = ("region", "arm", "other_region", "other_arm")
    search_fields = ("region__code", "arm", "other_arm")


@register
class ResilienceInductionRecord(ResultRecord):
    """Induction of the resilience signature."""

    model = ResilienceInduction
    fields = (
        "study", "region", "arm", "share_induced", "share_induced_se", "share_induced_low", "share_induced_high", "p_value",
        "adj_p_value", "p_floor", "n_relabelings", "n_relabelings_available", "cosine", "p_signature", "refusal", "messages",
        "n_control", "n_resilient", "n_stress", "n_treated", "matrix", "run",
    )  # fmt: skip
    list_display = ("region", "arm", "share_induced", "share_induced_low", "share_induced_high", "p_value", "refusal")
    list_filter = ("region", "arm")
    search_fields = ("region__code", "arm")


@register
class PlaneGroupRecord(ResultRecord):
    """Places of treated groups in the plane of control, susceptible and resilient."""

    model = PlaneGroup
    fields = (
        "study", "region", "group", "n", "susceptible", "susceptible_se", "susceptible_low", "susceptible_high",
        "resilient", "resilient_se", "resilient_low", "resilient_high", "axis_cosine", "refusal", "messages", "matrix", "run",
    )  # fmt: skip
    list_display = ("region", "group", "n", "susceptible", "resilient", "axis_cosine", "refusal")
    list_filter = ("region", "group")
    search_fields = ("region__code", "group")


@register
class PlaneMouseRecord(ResultRecord):
    """Places of single mice in that plane."""

    model = PlaneMouse
    fields = (
        "study", "mouse", "region", "group", "susceptible", "susceptible_se", "resilient", "resilient_se", "reason",
        "library", "run",
    )  # fmt: skip
    list_display = ("mouse", "region", "group", "susceptible", "resilient", "reason")
    list_filter = ("region", "group")
    search_fields = ("mouse__code",)


@register
class DrugGeneSetRecord(ResultRecord):
    """Sets of genes by drug, and the rule of each."""

    model = DrugGeneSet
    fields = (
        "study", "region", "kind", "arm", "other_arm", "rule", "n_tested", "n_genes", "n_changed", "n_opposing", "refusal",
        "run",
    )  # fmt: skip
    list_display = ("region", "kind", "arm", "other_arm", "n_genes", "n_opposing", "refusal")
    list_filter = ("region", "kind", "arm")
    search_fields = ("region__code", "arm")


@register
class DrugGeneRecord(ResultRecord):
    """Genes of these sets."""

    model = DrugGene
    fields = (
        "study", "gene_set", "gene", "log2_fold_change", "other_log2_fold_change", "adj_p_value", "adj_p_between",
        "is_opposing", "run",
    )  # fmt: skip
    list_filter = ("gene_set", "is_opposing")
    search_fields = ("gene__symbol", "gene__gene_id")


@register
class TargetGeneRecord(ResultRecord):
    """The target table: genes that stress moves, ranked by how far drugs move them back."""

    model = TargetGene
    fields = (
        "study", "rank", "gene", "n_regions", "n_comparisons", "n_opposite", "n_reversed", "fraction_undone",
        "worst_fraction", "mice_moved_back", "expression", "where", "matrix", "run",
    )  # fmt: skip
    list_display = (
        "rank", "gene", "n_regions", "n_comparisons", "n_opposite", "n_reversed", "fraction_undone", "worst_fraction",
        "mice_moved_back", "expression",
    )  # fmt: skip
    list_filter = ("n_regions", "n_reversed")
    search_fields = ("gene__symbol", "gene__gene_id")


@register
class CalibrationRateRecord(ResultRecord):
    """How often the reversal test erred and found in simulated studies of this shape."""

    model = CalibrationRate
    fields = (
        "study", "region", "arm", "n_per_arm", "n_control", "n_stress", "n_treated", "has_stress", "undone", "selection",
        "test", "n_replicates", "n_answered", "n_called", "rate", "mc_error", "low", "high", "n_shown",
        "mean_fraction_undone", "coverage", "run",
    )  # fmt: skip
    list_display = (
        "region",
        "arm",
        "n_per_arm",
        "has_stress",
        "undone",
        "selection",
        "test",
        "rate",
        "mc_error",
        "run",
    )
    list_filter = ("region", "arm", "test")
    search_fields = ("region__code", "arm")


@register
class QualityFindingRecord(ResultRecord):
    """What the quality task found."""

    model = QualityFinding
    fields = (
        "study", "severity", "kind", "subject", "sentence", "evidence", "value", "threshold", "mouse", "si_test", "sample",
        "library", "other_library", "run",
    )  # fmt: skip
    list_display = ("severity", "kind", "subject", "sentence", "value", "threshold", "run")
    list_filter = ("severity", "kind", "library", "mouse")
    search_fields = ("subject", "sentence")


@register
class LibraryQualityRecord(ResultRecord):
    """The quality of libraries in numbers."""

    model = LibraryQuality
    fields = (
        "study", "library", "mouse", "region", "library_size", "reads_z", "genes_detected", "top_50_share",
        "mitochondrial_share", "median_correlation", "outlier_z", "xist_cpm", "y_cpm", "sex_log2_ratio", "sex_called",
        "region_like", "own_correlation", "region_margin", "pc1", "pc2", "pc3", "pc4", "distance_from_mean", "matrix", "run",
    )  # fmt: skip
    list_display = (
        "library", "region", "library_size", "genes_detected", "top_50_share", "mitochondrial_share",
        "median_correlation", "outlier_z", "sex_called", "region_like", "run",
    )  # fmt: skip
    list_filter = ("region", "sex_called", "region_like", "mouse")
    search_fields = ("library__code", "mouse__code")


@register
class ConfoundingRecord(ResultRecord):
    """The confounding table: groups against pools, runs, batches, cohorts, cages and litters."""

    model = Confounding
    fields = (
        "study", "grouping", "factor", "region", "n", "n_levels", "association", "association_corrected", "p_value",
        "is_confounded", "sentence", "run",
    )  # fmt: skip
    list_display = ("grouping", "factor", "region", "n", "n_levels", "association_corrected", "is_confounded", "run")
    list_filter = ("grouping", "factor", "region", "is_confounded")
    search_fields = ("grouping", "factor")


@register
class QualityDecisionRecord(Record):
    """What was decided on findings; it is decided on the quality page."""

    model = QualityDecision
    fields = ("study", "kind", "subject", "decision", "reason", "evidence", "decided_by", "decided_at")
    list_display = ("kind", "subject", "decision", "reason", "decided_by", "decided_at")
    list_filter = ("kind", "decision")
    search_fields = ("subject", "reason")
    read_only = True


from analysis import outside_records  # noqa: E402, F401  # a module of their own, after these in the order of lists
