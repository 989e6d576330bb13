from labdb.registry.record import Record, register
from labdb.sequencing.models import CountMatrix, Gene, Library, RnaExtraction, SequencingRun


@register
class RnaExtractionRecord(Record):
    """RNA extractions."""

    model = RnaExtraction
    fields = (
        "study", "code", "samples", "rna_conc_ng_per_ul", "rin", "ratio_260_280", "batch", "extraction_date", "notes",
    )  # fmt: skip
    list_display = ("code", "samples", "rin", "rna_conc_ng_per_ul", "ratio_260_280", "batch")
    list_filter = ("batch",)
    search_fields = ("code", "samples__code")
    relations = {"mouse": "samples__mouse", "region": "samples__region"}


@register
class SequencingRunRecord(Record):
    """Sequencing runs."""

    model = SequencingRun
    fields = ("code", "instrument", "flowcell", "run_date", "notes")


@register
class LibraryRecord(Record):
    """Libraries."""

    model = Library
    fields = (
        "study", "code", "extractions", "runs", "pool", "condition", "kit", "index", "library_layout", "notes",
    )  # fmt: skip
    list_display = ("code", "extractions", "pool", "runs", "condition")
    list_filter = ("pool", "runs")
    search_fields = ("code", "extractions__code")
    relations = {
        "mouse": "extractions__samples__mouse",
        "region": "extractions__samples__region",
        "rin": "extractions__rin",
    }


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
        "study", "code", "annotation", "quantifier", "genome_build", "file_name", "sha256", "n_genes", "n_libraries",
        "is_rounded", "notes",
    )  # fmt: skip
    list_display = ("code", "annotation", "file_name", "n_genes", "n_libraries", "created_at")
    read_only = True
