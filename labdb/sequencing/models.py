from typing import ClassVar

from django.db import models

from labdb.colony.models import refuse_future
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.history import tracked
from labdb.registry.models import LabQuerySet, LabRecord, StudyRecord
from labdb.registry.rules import between, one_per, unique_code
from labdb.tissue.models import TissueSample


@tracked
class RnaExtraction(StudyRecord):
    """RNA from one or more tissue samples, and how good it is."""

    code = CodeField()
    samples = models.ManyToManyField(TissueSample, through="ExtractionSample", related_name="extractions")
    rna_conc_ng_per_ul = FiniteFloatField("RNA concentration (ng/ul)", null=True, blank=True)
    rin = FiniteFloatField("RNA integrity number (RIN)", null=True, blank=True)
    ratio_260_280 = FiniteFloatField("absorbance ratio 260/280", null=True, blank=True)
    batch = models.CharField(max_length=50, blank=True)
    extraction_date = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["study", "code"]
        verbose_name = "RNA extraction"
        constraints = [
            unique_code("rna_extraction", "an RNA extraction"),
            between("rna_conc_ng_per_ul", 0, 100_000, "ng/ul", "rna_extraction_concentration"),
            between("rin", 1, 10, "", "rna_extraction_rin"),
            between("ratio_260_280", 0, 5, "", "rna_extraction_ratio_260_280"),
        ]

    def clean(self) -> None:
        """Refuse an extraction in the future."""
        super().clean()
        refuse_future(extraction_date=self.extraction_date)


@tracked
class ExtractionSample(StudyRecord):
    """A tissue sample that went into an extraction."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "extraction"

    extraction = models.ForeignKey(RnaExtraction, on_delete=models.CASCADE, related_name="inputs")
    sample = models.ForeignKey(TissueSample, on_delete=models.PROTECT, related_name="extraction_inputs")

    class Meta:
        ordering = ["extraction", "sample"]
        constraints = [
            one_per(
                "extraction", "sample", name="extraction_sample_once", field="sample",
                sentence="{value} is already in {row.extraction}.",
            )
        ]  # fmt: skip


class LibraryLayout(models.TextChoices):
    """SRA vocabulary."""

    SINGLE = "SINGLE", "single-end"
    PAIRED = "PAIRED", "paired-end"


@tracked
class SequencingRun(LabRecord):
    """One run of a sequencer; studies may share it."""

    code = CodeField(help_text="The run's id, as the core names it.")
    instrument = models.CharField(max_length=100, blank=True)
    flowcell = models.CharField(max_length=50, blank=True)
    run_date = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            one_per("code", name="sequencing_run_code_once", field="code", sentence="{value} is already a run.")
        ]

    def clean(self) -> None:
        """Refuse a run in the future."""
        super().clean()
        refuse_future(run_date=self.run_date)


@tracked
class Library(StudyRecord):
    """A sequencing library; counts are matched to it by its code."""

    code = CodeField(help_text="As in the header of the count file.")
    extractions = models.ManyToManyField(RnaExtraction, through="LibraryExtraction", related_name="libraries")
    runs = models.ManyToManyField(SequencingRun, through="LibraryRun", related_name="libraries", blank=True)
    pool = models.CharField(
        max_length=50, blank=True, help_text="Libraries sequenced together; a covariate of every contrast."
    )
    condition = models.CharField(
        max_length=100,
        blank=True,
        help_text="The lab's own word for a contrast, if the mouse's group does not say it.",
    )
    kit = models.CharField(max_length=100, blank=True)
    index = models.CharField(max_length=50, blank=True)
    library_layout = models.CharField(max_length=6, choices=LibraryLayout, blank=True)

    class Meta:
        ordering = ["study", "code"]
        verbose_name_plural = "libraries"
        constraints = [unique_code("library", "a library")]


@tracked
class LibraryExtraction(StudyRecord):
    """An extraction that a library was made from."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "library"

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="inputs")
    extraction = models.ForeignKey(RnaExtraction, on_delete=models.PROTECT, related_name="library_inputs")

    class Meta:
        ordering = ["library", "extraction"]
        constraints = [
            one_per(
                "library", "extraction", name="library_extraction_once", field="extraction",
                sentence="{value} is already in {row.library}.",
            )
        ]  # fmt: skip


@tracked
class LibraryRun(StudyRecord):
    """A library on a lane of a run."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "library"

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="run_lanes")
    run = models.ForeignKey(SequencingRun, on_delete=models.PROTECT, related_name="library_lanes")
    lane = models.CharField(max_length=10, blank=True)

    class Meta:
        ordering = ["library", "run", "lane"]
        constraints = [
            one_per(
                "library", "run", "lane", name="library_run_once", field="lane",
                sentence="{row.library} is already on this lane of {row.run}.",
            )
        ]  # fmt: skip


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
        constraints = [
            one_per(
                "annotation", "gene_id", name="gene_once_per_annotation", field="gene_id",
                sentence="{value} is already a gene of {row.annotation}.",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.symbol or self.gene_id


@tracked
class CountMatrix(StudyRecord):
    """Raw counts of one quantification: where they came from; the numbers live in the expression store."""

    code = CodeField()
    annotation = models.CharField(max_length=50)
    quantifier = models.CharField(max_length=50, blank=True)
    genome_build = models.CharField(max_length=50, blank=True)
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField("SHA-256 of the file", max_length=64)
    n_genes = models.PositiveIntegerField("genes")
    n_libraries = models.PositiveIntegerField("libraries")
    is_rounded = models.BooleanField("estimates were rounded", default=False)

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
