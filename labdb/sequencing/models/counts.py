"""Genes, and the counts of libraries."""

from typing import ClassVar

from django.db import models

from labdb.registry.fields import CodeField
from labdb.registry.history import tracked
from labdb.registry.models import LabQuerySet, LabRecord, StudyRecord
from labdb.registry.name_search import folded_index
from labdb.registry.rules import one_per, unique_code
from labdb.sequencing.kit_strands import Strandedness
from labdb.sequencing.models.libraries import Library


@tracked
class Gene(LabRecord):
    """A gene of one annotation."""

    key_field: ClassVar[str] = "gene_id"

    annotation = models.CharField(max_length=50, help_text="Name and release, such as GENCODE-M25.")
    gene_id = models.CharField(max_length=100)
    symbol = models.CharField(max_length=100, blank=True, db_index=True)
    synonyms = models.CharField(max_length=500, blank=True, help_text="Separated by semicolons.")

    class Meta:
        ordering = ["annotation", "gene_id"]
        indexes = [folded_index("symbol", "gene_symbol_folded"), folded_index("gene_id", "gene_id_folded")]
        constraints = [
            one_per(
                "annotation", "gene_id", name="gene_once_per_annotation", field="gene_id",
                sentence="{value} is already a gene of {row.annotation}.",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.symbol or self.gene_id


def _recorded(name: str) -> models.PositiveIntegerField:
    """Make a number that matrices imported before it was kept have not."""
    return models.PositiveIntegerField(name, null=True, blank=True)


@tracked
class CountMatrix(StudyRecord):
    """Raw counts of one quantification: where they came from; the numbers live in the expression store."""

    code = CodeField()
    annotation = models.CharField(max_length=50)
    quantifier = models.CharField(max_length=50, blank=True, help_text="With its version, such as kallisto 0.43.")
    genome_build = models.CharField(max_length=50, blank=True, help_text="Such as GRCm38.")
    quantified_by = models.CharField(max_length=100, blank=True, help_text="Person or core; who imported it is known.")
    quantified_date = models.DateField("quantified on", null=True, blank=True)
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField("SHA-256 of the file", max_length=64)
    original_sha256 = models.CharField(
        "SHA-256 of what is kept", max_length=64, blank=True,
        help_text="Of the file as it was sent; of a folder, of an archive of it.",
    )  # fmt: skip
    n_genes = models.PositiveIntegerField("genes")
    n_libraries = models.PositiveIntegerField("libraries")
    is_rounded = models.BooleanField("estimates were rounded", default=False)
    format = models.CharField(max_length=20, blank=True, help_text="Which program wrote the file, by its content.")
    strandedness = models.CharField(
        max_length=10, choices=Strandedness, blank=True, help_text="The column taken of STAR's files."
    )
    n_names_mapped = _recorded("columns named by a person")
    n_names_normalized = _recorded("columns matched but for their spelling")
    n_ids_unversioned = _recorded("gene ids cut by their version")
    n_ids_by_symbol = _recorded("genes found by symbol or synonym")
    n_genes_summed = _recorded("genes added up of several lines")

    class Meta:
        ordering = ["study", "code"]
        verbose_name_plural = "count matrices"
        constraints = [
            unique_code("count_matrix", "a count matrix"),
            one_per(
                "study", "sha256", name="count_matrix_file_once", field="file_name",
                sentence="{value} was already imported into this study (same content).",
            ),
        ]  # fmt: skip


class GeneOrder(models.Model):
    """The genes of a matrix in the order of every library block, as int64 primary keys: one read, no join."""

    matrix = models.OneToOneField(CountMatrix, on_delete=models.CASCADE, related_name="gene_order")
    block = models.BinaryField()

    objects = LabQuerySet.as_manager()

    class Meta:
        ordering = ["matrix"]

    def __str__(self) -> str:
        return f"genes of {self.matrix}"


class LibraryCounts(models.Model):
    """Counts of all genes of one library: the block that reads one sample."""

    matrix = models.ForeignKey(CountMatrix, on_delete=models.CASCADE, related_name="library_blocks")
    library = models.ForeignKey(Library, on_delete=models.PROTECT, related_name="count_blocks")
    position = models.PositiveIntegerField()  # of this library in every gene block
    block = models.BinaryField()

    objects = LabQuerySet.as_manager()

    class Meta:
        ordering = ["matrix", "position"]
        constraints = [
            models.UniqueConstraint(fields=["matrix", "library"], name="library_counts_once"),
            models.UniqueConstraint(fields=["matrix", "position"], name="library_counts_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.library} in {self.matrix}"


class GeneCounts(models.Model):
    """Counts of one gene in all libraries of a matrix: the block that reads one gene."""

    matrix = models.ForeignKey(CountMatrix, on_delete=models.CASCADE, related_name="gene_blocks")
    gene = models.ForeignKey(Gene, on_delete=models.PROTECT, related_name="count_blocks")
    block = models.BinaryField()

    objects = LabQuerySet.as_manager()

    class Meta:
        ordering = ["matrix", "gene"]
        constraints = [models.UniqueConstraint(fields=["matrix", "gene"], name="gene_counts_once")]

    def __str__(self) -> str:
        return f"{self.gene} in {self.matrix}"
