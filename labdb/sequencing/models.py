from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.db import models

from labdb.colony.models import Mouse, refuse_future
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import LabQuerySet, LabRecord, StudyRecord
from labdb.registry.name_search import folded_index
from labdb.registry.rules import between, one_per, unique_code
from labdb.sequencing import amount_findings, link_findings, pool_findings
from labdb.sequencing.kit_strands import Strandedness
from labdb.sequencing.sra import LibraryLayout, LibrarySelection, LibrarySource, LibraryStrategy, Platform
from labdb.tissue.models import TissueSample


@tracked
class RnaExtraction(StudyRecord):
    """RNA from one or more tissue samples, and how good it is."""

    code = CodeField()
    samples = models.ManyToManyField(TissueSample, through="ExtractionSample", related_name="extractions")
    rna_conc_ng_per_ul = FiniteFloatField("RNA concentration (ng/ul)", null=True, blank=True)
    volume_ul = FiniteFloatField("volume (ul)", null=True, blank=True, help_text="Eluted.")
    rin = FiniteFloatField("RNA integrity number (RIN)", null=True, blank=True)
    dv200_percent = FiniteFloatField(
        "DV200 (%)", null=True, blank=True, help_text="Share of RNA fragments longer than 200 nucleotides."
    )
    ratio_260_280 = FiniteFloatField("absorbance ratio 260/280", null=True, blank=True)
    batch = models.CharField(max_length=50, blank=True, help_text="Extractions done together.")
    extraction_date = models.DateField(null=True, blank=True)
    performed_by = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Who did it."
    )

    class Meta:
        ordering = ["study", "code"]
        indexes = [folded_index("code", "rna_extraction_code_folded")]
        verbose_name = "RNA extraction"
        constraints = [
            unique_code("rna_extraction", "an RNA extraction"),
            between("rna_conc_ng_per_ul", 0, 100_000, "ng/ul", "rna_extraction_concentration"),
            between("volume_ul", 0.1, 10_000, "ul", "rna_extraction_volume"),
            between("rin", 1, 10, "", "rna_extraction_rin"),
            between("dv200_percent", 0, 100, "%", "rna_extraction_dv200"),
            between("ratio_260_280", 0, 5, "", "rna_extraction_ratio_260_280"),
        ]

    def clean(self) -> None:
        """Refuse an extraction in the future."""
        super().clean()
        refuse_future(extraction_date=self.extraction_date)

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse RNA from tissue that was not taken yet; warn where it is of more than one mouse, or the tissue is used up."""
        yield from super().findings(rows)
        yield from link_findings.extractions(rows)
        yield from amount_findings.used_up_samples(rows, ExtractionSample)


@tracked
class ExtractionSample(StudyRecord):
    """A tissue sample that went into an extraction."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "extraction"

    extraction = models.ForeignKey(RnaExtraction, on_delete=models.CASCADE, related_name="inputs")
    sample = models.ForeignKey(TissueSample, on_delete=models.PROTECT, related_name="extraction_inputs")
    amount_used_mg = FiniteFloatField("tissue used (mg)", null=True, blank=True)
    is_used_up = models.BooleanField("sample is used up", null=True, blank=True, help_text="Empty when not recorded.")

    class Meta:
        ordering = ["extraction", "sample"]
        verbose_name = "extraction input"
        constraints = [
            one_per(
                "extraction", "sample", name="extraction_sample_once", field="sample",
                sentence="{value} is already in {row.extraction}.",
            ),
            between("amount_used_mg", 0.01, 1000, "mg", "extraction_sample_amount"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.sample} in {self.extraction}"

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Warn where an extraction gets tissue of a second mouse, or of a sample that is used up."""
        yield from super().findings(rows)
        yield from link_findings.extraction_inputs(rows, cls)
        yield from amount_findings.used_up_inputs(rows, cls)


@tracked
class SequencingRun(LabRecord):
    """One run of a sequencer; studies may share it."""

    code = CodeField(help_text="The run's id, as the core names it.")
    center = models.CharField("sequencing center", max_length=100, blank=True)
    platform = models.CharField(max_length=16, choices=Platform, blank=True, help_text="As SRA spells it.")
    instrument = models.CharField("instrument model", max_length=100, blank=True, help_text="Such as NovaSeq 6000.")
    flowcell = models.CharField(max_length=50, blank=True)
    chemistry = models.CharField(max_length=50, blank=True, help_text="Kit and version, such as S4 v1.5.")
    read_length_bp = models.PositiveSmallIntegerField(
        "read length (bp)", null=True, blank=True, help_text="Of one read; of the first where the two differ."
    )
    run_date = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            one_per("code", name="sequencing_run_code_once", field="code", sentence="{value} is already a run."),
            between("read_length_bp", 10, 30_000, "bp", "sequencing_run_read_length"),
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
    index_i7 = models.CharField("index i7", max_length=50, blank=True, help_text="Sequence, or name in the kit.")
    index_i5 = models.CharField("index i5", max_length=50, blank=True, help_text="Empty where there is one index.")
    fragment_length_bp = FiniteFloatField(
        "fragment length (bp)", null=True, blank=True, help_text="Mean, adapters included."
    )
    library_conc_nm = FiniteFloatField("concentration (nM)", null=True, blank=True)
    library_strategy = models.CharField(
        max_length=20, choices=LibraryStrategy, blank=True, help_text="As SRA spells it."
    )
    library_source = models.CharField(max_length=30, choices=LibrarySource, blank=True, help_text="As SRA spells it.")
    library_selection = models.CharField(
        max_length=20, choices=LibrarySelection, blank=True, help_text="As SRA spells it."
    )
    library_layout = models.CharField(max_length=6, choices=LibraryLayout, blank=True, help_text="As SRA spells it.")
    strandedness = models.CharField(
        max_length=10, choices=Strandedness, blank=True, help_text="Of the kit; a count of another strand is refused."
    )

    class Meta:
        ordering = ["study", "code"]
        indexes = [folded_index("code", "library_code_folded")]
        verbose_name_plural = "libraries"
        constraints = [
            unique_code("library", "a library"),
            between("fragment_length_bp", 20, 100_000, "bp", "library_fragment_length"),
            between("library_conc_nm", 0, 100_000, "nM", "library_concentration"),
        ]

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse libraries that no read could be told apart by; warn of a pool that holds one group alone."""
        yield from super().findings(rows)
        yield from link_findings.equal_indexes(rows, cls)
        yield from pool_findings.index_changes_on_a_lane(rows, LibraryRun)
        yield from pool_findings.one_group_alone(rows, cls, ExtractionSample)


@tracked
class LibraryExtraction(StudyRecord):
    """An extraction that a library was made from."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "library"

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="inputs")
    extraction = models.ForeignKey(RnaExtraction, on_delete=models.PROTECT, related_name="library_inputs")
    input_ng = FiniteFloatField("RNA used (ng)", null=True, blank=True)
    volume_used_ul = FiniteFloatField("volume used (ul)", null=True, blank=True)

    class Meta:
        ordering = ["library", "extraction"]
        verbose_name = "library input"
        constraints = [
            one_per(
                "library", "extraction", name="library_extraction_once", field="extraction",
                sentence="{value} is already in {row.library}.",
            ),
            between("input_ng", 0.001, 100_000, "ng", "library_extraction_input"),
            between("volume_used_ul", 0.01, 10_000, "ul", "library_extraction_volume"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.extraction} in {self.library}"

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Warn where libraries take more of an extraction than there is."""
        yield from super().findings(rows)
        yield from amount_findings.spent_extractions(rows, cls)


@tracked
class LibraryRun(StudyRecord):
    """A library on a lane of a run."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "library"

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="run_lanes")
    run = models.ForeignKey(SequencingRun, on_delete=models.PROTECT, related_name="library_lanes")
    lane = models.CharField(max_length=10, blank=True, help_text="Empty when all lanes, or not known.")
    planned_reads_million = FiniteFloatField("reads planned (million)", null=True, blank=True)
    received_reads_million = FiniteFloatField("reads received (million)", null=True, blank=True)

    class Meta:
        ordering = ["library", "run", "lane"]
        verbose_name = "library lane"
        constraints = [
            one_per(
                "library", "run", "lane", name="library_run_once", field="lane",
                sentence="{row.library} is already on this lane of {row.run}.",
            ),
            between("planned_reads_million", 0.001, 100_000, "million", "library_run_planned_reads"),
            between("received_reads_million", 0, 100_000, "million", "library_run_received_reads"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.library} on {self.run}{f' lane {self.lane}' if self.lane else ''}"

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse two libraries on one lane that no read could be told apart by."""
        yield from super().findings(rows)
        yield from pool_findings.equal_indexes_on_a_lane(rows, cls)


class SelectionMoment(models.TextChoices):
    """Whether the outcome could have steered the choice."""

    BEFORE = "before", "before the re-test"
    AFTER = "after", "after the re-test"
    UNKNOWN = "unknown", "unknown"


@tracked
class SequencingSelection(StudyRecord):
    """Which mice were sequenced, and by what rule they were chosen."""

    code = CodeField()
    rule = models.TextField(help_text="As decided, such as: all randomized mice, and 8 resilient drawn by lot.")
    decided = models.CharField(
        max_length=7, choices=SelectionMoment, default=SelectionMoment.UNKNOWN,
        help_text="A choice made after the re-test may have followed its outcome: results say so.",
    )  # fmt: skip
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    mice = models.ManyToManyField(Mouse, through="SelectionMouse", related_name="sequencing_selections", blank=True)

    class Meta:
        ordering = ["study", "code"]
        constraints = [unique_code("sequencing_selection", "a selection")]

    def clean(self) -> None:
        """Refuse a decision in the future."""
        super().clean()
        refuse_future(decided_at=self.decided_at)


@tracked
class SelectionMouse(StudyRecord):
    """A mouse that was chosen for sequencing."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "selection"

    selection = models.ForeignKey(SequencingSelection, on_delete=models.CASCADE, related_name="chosen")
    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="selections")

    class Meta:
        ordering = ["selection", "mouse"]
        constraints = [
            one_per(
                "selection", "mouse", name="selection_mouse_once", field="mouse",
                sentence="{value} is already in {row.selection}.",
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


# A table in a file of its own; it is built on the bases above.
import labdb.sequencing.pool_plan_record  # noqa: E402, F401
