from labdb.colony.models import Mouse
from labdb.registry.kin import Kin, declare
from labdb.registry.record import Record, register
from labdb.sequencing.models import (
    CountMatrix,
    ExtractionSample,
    Gene,
    Library,
    LibraryExtraction,
    LibraryRun,
    PoolPlan,
    RnaExtraction,
    SequencingRun,
    SequencingSelection,
)
from labdb.tissue.models import TissueSample

RNA_WORDS = {"rin": "extraction__rin"}


@register
class RnaExtractionRecord(Record):
    """RNA extractions."""

    model = RnaExtraction
    fields = (
        "study", "code", "samples", "rna_conc_ng_per_ul", "volume_ul", "rin", "dv200_percent", "ratio_260_280", "batch",
        "extraction_date", "performed_by", "notes",
    )  # fmt: skip
    list_display = ("code", "samples", "rin", "rna_conc_ng_per_ul", "ratio_260_280", "batch")
    list_filter = ("batch",)
    search_fields = ("code", "samples__code")
    relations = {"mouse": "samples__mouse", "region": "samples__region"}
    detail_template = "desk/_line_story.html"


@register
class ExtractionInputRecord(Record):
    """Samples that went into extractions."""

    model = ExtractionSample
    resource = "extraction-inputs"
    fields = ("extraction", "sample", "amount_used_mg", "is_used_up", "notes")
    search_fields = ("extraction__code", "sample__code")
    relations = {"mouse": "sample__mouse", "region": "sample__region"}


@register
class SequencingRunRecord(Record):
    """Sequencing runs."""

    model = SequencingRun
    fields = (
        "code", "center", "platform", "instrument", "flowcell", "chemistry", "read_length_bp", "run_date", "notes",
    )  # fmt: skip
    list_display = ("code", "center", "instrument", "flowcell", "run_date")
    list_filter = ("platform",)
    search_fields = ("code", "flowcell")
    detail_template = "desk/_run_story.html"


@register
class LibraryRecord(Record):
    """Libraries."""

    model = Library
    fields = (
        "study", "code", "extractions", "runs", "pool", "condition", "kit", "index_i7", "index_i5",
        "fragment_length_bp", "library_conc_nm", "library_strategy", "library_source", "library_selection",
        "library_layout", "strandedness", "notes",
    )  # fmt: skip
    list_display = ("code", "extractions", "pool", "runs", "condition")
    list_filter = ("pool", "runs")
    search_fields = ("code", "extractions__code")
    relations = {
        "mouse": "extractions__samples__mouse",
        "region": "extractions__samples__region",
        "rin": "extractions__rin",
    }
    detail_template = "desk/_line_story.html"


@register
class LibraryInputRecord(Record):
    """Extractions that libraries were made from."""

    model = LibraryExtraction
    resource = "library-inputs"
    fields = ("library", "extraction", "input_ng", "volume_used_ul", "notes")
    search_fields = ("library__code", "extraction__code")


@register
class LibraryLaneRecord(Record):
    """Libraries on lanes of runs."""

    model = LibraryRun
    resource = "library-lanes"
    fields = ("library", "run", "lane", "planned_reads_million", "received_reads_million", "notes")
    list_filter = ("run", "lane")
    search_fields = ("library__code", "run__code")


@register
class PoolPlanRecord(Record):
    """Plans of which library goes into which pool."""

    model = PoolPlan
    fields = (
        "study", "code", "factors", "n_pools", "n_libraries", "lanes", "evenness", "seed", "algorithm_version",
        "input_digest", "input_snapshot", "planned_at", "notes",
    )  # fmt: skip
    list_display = ("code", "factors", "n_pools", "n_libraries", "lanes", "evenness", "planned_at")


@register
class SequencingSelectionRecord(Record):
    """Which mice were sequenced, and why these."""

    model = SequencingSelection
    fields = (
        "study", "code", "rule", "decided", "decided_at", "decided_by", "mice", "seed", "algorithm_version",
        "input_digest", "input_snapshot", "notes",
    )  # fmt: skip
    list_display = ("code", "rule", "decided", "decided_at", "decided_by")
    list_filter = ("decided",)
    search_fields = ("code", "rule")


@register
class GeneRecord(Record):
    """Genes."""

    model = Gene
    fields = ("annotation", "gene_id", "symbol", "synonyms", "notes")
    list_filter = ("annotation",)
    search_fields = ("symbol", "gene_id", "synonyms")


@register
class CountMatrixRecord(Record):
    """Count matrices; they come in by file: count_page, rest, or `import_counts`."""

    model = CountMatrix
    fields = (
        "study", "code", "annotation", "quantifier", "genome_build", "quantified_by", "quantified_date",
        "file_name", "sha256", "original_sha256", "n_genes", "n_libraries", "is_rounded", "format", "strandedness", "n_names_mapped",
        "n_names_normalized", "n_ids_unversioned", "n_ids_by_symbol", "n_genes_summed", "notes",
    )  # fmt: skip
    list_display = ("code", "annotation", "file_name", "n_genes", "n_libraries", "created_at")
    detail_template = "sequencing/_count_original.html"
    read_only = True


# By the inputs of extractions: of RNA pooled from two samples, each sample is a row with its own region and mouse.
declare(
    Kin("rna", Mouse, ExtractionSample, "sample__mouse", RNA_WORDS, shared=("region",)),
    Kin("rna", TissueSample, ExtractionSample, "sample", RNA_WORDS),
)
