"""RNA of tissue samples."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.db import models

from labdb.colony.models import refuse_future
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.name_search import folded_index
from labdb.registry.rules import between, one_per, unique_code
from labdb.sequencing import amount_findings, link_findings
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
