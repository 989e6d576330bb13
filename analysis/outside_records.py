"""How what comes from outside shows at every door."""

from analysis.outside import GeneSetCollection, OutsideGene, OutsideScore, OutsideSignature, OutsideTest
from analysis.stale_rows import ResultRecord
from labdb.registry.record import Record, register


@register
class GeneSetCollectionRecord(Record):
    """Collections of gene sets; they come in by file, on the page of gene sets."""

    model = GeneSetCollection
    fields = ("name", "source", "file_name", "sha256", "n_sets", "n_gene_names", "messages", "notes")
    list_display = ("name", "source", "n_sets", "n_gene_names", "file_name", "created_at")
    search_fields = ("name", "source")
    detail_template = "analysis/_gene_set_collection.html"
    read_only = True


@register
class OutsideSignatureRecord(Record):
    """Results and signatures that labdb did not compute; they come in by file, on a page of their own."""

    model = OutsideSignature
    fields = (
        "study", "code", "title", "up_means", "origin", "source", "software", "computed_by", "annotation", "file_name",
        "sha256", "columns_read", "ranked_by", "n_rows", "n_genes", "n_by_id", "n_by_symbol", "n_by_synonym",
        "n_unknown", "n_repeated", "n_without_number", "notes",
    )  # fmt: skip
    list_display = ("code", "up_means", "origin", "source", "n_genes", "created_at")
    list_filter = ("origin", "annotation")
    search_fields = ("code", "title", "source")
    detail_template = "analysis/_outside_links.html"
    read_only = True


@register
class OutsideGeneRecord(Record):
    """Outside signatures, gene by gene."""

    model = OutsideGene
    resource = "outside-signature-genes"
    fields = ("study", "signature", "gene", "written_as", "value", "log2_fold_change", "p_value", "adj_p_value")
    list_display = ("gene", "signature", "value", "log2_fold_change", "p_value", "adj_p_value")
    list_filter = ("signature",)
    search_fields = ("gene__symbol", "gene__gene_id")
    read_only = True


@register
class OutsideTestRecord(ResultRecord):
    """Tests of outside signatures against the study's own mice."""

    model = OutsideTest
    fields = (
        "study", "signature", "contrast", "region", "difference", "difference_low", "difference_high", "p_value",
        "adj_p_value", "p_floor", "n_relabelings", "n_relabelings_available", "correlation", "correlation_null_low",
        "correlation_null_high", "n_genes", "n_numerator", "n_denominator", "refusal", "messages", "run",
    )  # fmt: skip
    list_display = ("signature", "contrast", "region", "difference", "p_value", "refusal")
    list_filter = ("signature", "contrast", "region")
    search_fields = ("signature__code", "contrast__name")


@register
class OutsideScoreRecord(ResultRecord):
    """Scores of mice along outside signatures."""

    model = OutsideScore
    fields = ("study", "mouse", "test", "group", "score", "library", "run")
    list_display = ("mouse", "test", "group", "score")
    list_filter = ("test", "group")
    search_fields = ("mouse__code",)
