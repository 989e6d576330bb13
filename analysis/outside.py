"""What comes from outside the laboratory's own counts: gene sets, results and signatures of others, and tests against them."""

from typing import ClassVar

from django.db import models

from analysis.models import Contrast, Result
from labdb.colony.models import Mouse
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.history import tracked
from labdb.registry.models import LabQuerySet, LabRecord, StudyRecord
from labdb.registry.rules import one_per, unique_code
from labdb.registry.secrecy import Secrecy
from labdb.sequencing.models import Gene, Library
from labdb.tissue.models import BrainRegion
from labdb.treatment.key_holders import KNOWN_TO_ALLOCATORS


@tracked
class GeneSetCollection(LabRecord):
    """A file of gene sets (GMT), kept under its digest and read from there."""

    key_field: ClassVar[str] = "name"

    name = models.CharField(max_length=100, help_text="With its version, such as MSigDB M2 2024.1.")
    source = models.CharField(max_length=300, help_text="Where it comes from: an address, a paper, a person.")
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField("SHA-256 of the file", max_length=64)
    n_sets = models.PositiveIntegerField("sets")
    n_gene_names = models.PositiveIntegerField("different gene names")
    messages = models.TextField("what was not taken as it stood", blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            one_per(
                "name", name="gene_set_collection_name_once", field="name",
                sentence="{value} is already a collection; choose another name.",
            ),
            one_per(
                "sha256", name="gene_set_collection_file_once", field="file_name",
                sentence="{value} was already uploaded (same content).",
            ),
        ]  # fmt: skip


class SignatureOrigin(models.TextChoices):
    """Whose animals an outside signature was learnt from."""

    OWN = "own", "own analysis, done elsewhere"
    PUBLISHED = "published", "published by others"
    COMPOUND = "compound", "a compound's own experiment"


class RankedBy(models.TextChoices):
    """Which number orders the genes of an outside signature."""

    STATISTIC = "statistic", "the statistic of the file"
    SIGNED_P = "signed p", "p-value, with the sign of the fold change"
    LOG2_FOLD_CHANGE = "log2 fold change", "log2 fold change"


@tracked
class OutsideSignature(StudyRecord):
    """A ranked list or a table of differential expression that labdb did not compute: its file, and who made it how."""

    code = CodeField(help_text="Such as GSE81672-NAc or Li2024-DG.")
    title = models.CharField(max_length=200, blank=True)
    up_means = models.CharField(
        "a positive value means", max_length=200, help_text="Such as: higher in susceptible than in control mice."
    )
    origin = models.CharField(max_length=9, choices=SignatureOrigin, default=SignatureOrigin.OWN)
    source = models.CharField(
        max_length=300, help_text="Accession, paper, or who computed it from which counts, such as GSE81672."
    )
    software = models.CharField(max_length=100, blank=True, help_text="With its version, such as DESeq2 1.42.")
    computed_by = models.CharField(max_length=100, blank=True, help_text="Person or group; who uploaded it is known.")
    annotation = models.CharField(max_length=50, help_text="The one that its genes were found in.")
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField("SHA-256 of the file", max_length=64)
    columns_read = models.CharField(max_length=500)
    ranked_by = models.CharField(max_length=16, choices=RankedBy)
    n_rows = models.PositiveIntegerField("rows")
    n_genes = models.PositiveIntegerField("genes kept")
    n_by_id = models.PositiveIntegerField("found by gene id")
    n_by_symbol = models.PositiveIntegerField("found by symbol")
    n_by_synonym = models.PositiveIntegerField("found by synonym")
    n_unknown = models.PositiveIntegerField("not found")
    n_repeated = models.PositiveIntegerField("further rows of a gene")
    n_without_number = models.PositiveIntegerField("without a number")

    class Meta:
        ordering = ["study", "code"]
        constraints = [
            unique_code("outside_signature", "an outside signature"),
            one_per(
                "study", "sha256", "annotation", name="outside_signature_file_once", field="file_name",
                sentence="{value} was already uploaded into this study (same content).",
            ),
        ]  # fmt: skip


class OutsideGene(models.Model):
    """One gene of an outside signature, as its file says it."""

    key_field: ClassVar[str] = "pk"

    study = models.ForeignKey("colony.Study", on_delete=models.PROTECT, related_name="+", db_index=False)
    signature = models.ForeignKey(OutsideSignature, on_delete=models.CASCADE, related_name="genes", db_index=False)
    gene = models.ForeignKey(Gene, on_delete=models.PROTECT, related_name="outside_genes")
    written_as = models.CharField(max_length=100)
    value = FiniteFloatField("value that ranks it")
    log2_fold_change = FiniteFloatField(null=True)
    p_value = FiniteFloatField(null=True)
    adj_p_value = FiniteFloatField("adjusted p", null=True)

    objects = LabQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["signature", "gene"], name="outside_gene_once")]

    def __str__(self) -> str:
        return f"{self.gene} in {self.signature}"


class OutsideTest(Result):
    """Whether one contrast moves the study's own mice along an outside signature, in one region."""

    signature = models.ForeignKey(OutsideSignature, on_delete=models.PROTECT, related_name="tests")
    contrast = models.ForeignKey(Contrast, on_delete=models.PROTECT, related_name="outside_tests")
    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="outside_tests")
    n_genes = models.PositiveIntegerField("genes in both")
    n_numerator = models.PositiveSmallIntegerField()
    n_denominator = models.PositiveSmallIntegerField()
    difference = FiniteFloatField("difference of mean scores (SD of mice)", null=True)
    difference_low = FiniteFloatField("difference, 95 % low", null=True)
    difference_high = FiniteFloatField("difference, 95 % high", null=True)
    correlation = FiniteFloatField("correlation over genes", null=True)
    correlation_null_low = FiniteFloatField("correlation by chance, 95 % low", null=True)
    correlation_null_high = FiniteFloatField("correlation by chance, 95 % high", null=True)
    p_value = FiniteFloatField(null=True)
    adj_p_value = FiniteFloatField("adjusted p over all tests of the run (Benjamini-Hochberg)", null=True)
    p_floor = FiniteFloatField(null=True)
    n_relabelings = models.PositiveIntegerField(null=True)
    n_relabelings_available = FiniteFloatField(null=True)
    refusal = models.CharField(max_length=60, blank=True)
    messages = models.TextField(blank=True)

    class Meta:
        ordering = ["run", "signature", "contrast", "region"]


class OutsideScore(Result):
    """Where one mouse lies along an outside signature, in one region."""

    secrecy: ClassVar[Secrecy | None] = KNOWN_TO_ALLOCATORS  # its group says which mice have one letter

    test = models.ForeignKey(OutsideTest, on_delete=models.CASCADE, related_name="scores")
    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="outside_scores")
    library = models.ForeignKey(Library, on_delete=models.PROTECT, related_name="outside_scores")
    group = models.CharField(max_length=100)
    score = FiniteFloatField("score (SD of mice)")

    class Meta:
        ordering = ["run", "test", "group", "mouse"]
        constraints = [models.UniqueConstraint(fields=["test", "library"], name="outside_score_once")]
