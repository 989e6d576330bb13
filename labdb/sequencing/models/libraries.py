"""Libraries, and the lanes that they are sequenced on."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.db import models

from labdb.colony.models import refuse_future
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord
from labdb.registry.name_search import folded_index
from labdb.registry.rules import between, one_per, unique_code
from labdb.sequencing import amount_findings, link_findings, pool_findings
from labdb.sequencing.kit_strands import Strandedness
from labdb.sequencing.models.extractions import ExtractionSample, RnaExtraction
from labdb.sequencing.sra import LibraryLayout, LibrarySelection, LibrarySource, LibraryStrategy, Platform


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
