"""What the task `quality` leaves: findings, the numbers of each library, the confounding table; and what people decided.

A finding is of one run. A decision is of the study: it names the finding by kind, subject and evidence, so that it
holds in every later run in which these are the same.
"""

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from analysis.models import Result
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Mouse, Study
from labdb.registry.fields import FiniteFloatField
from labdb.registry.models import LabQuerySet
from labdb.registry.rules import RowRule
from labdb.sequencing.models import CountMatrix, Library
from labdb.tissue.models import BrainRegion, TissueSample


class Severity(models.TextChoices):
    """How much a finding asks for."""

    ERROR = "error", "error"
    WARNING = "warning", "warning"
    NOTE = "note", "note"


class QualityFinding(Result):
    """Something that is wrong with a library, a mouse or a sample, or may be."""

    severity = models.CharField(
        max_length=7, choices=Severity,
        help_text="error: a mistake, or a library not to be used as it is; warning: look before it is used; note: good to know.",
    )  # fmt: skip
    kind = models.CharField(max_length=30, help_text="The question that found it, such as swapped_pair or low_reads.")
    subject = models.CharField(max_length=250, help_text="What it is about, as people call it.")
    sentence = models.TextField(help_text="What was found, with its numbers.")
    evidence = models.TextField(help_text="What a decision rests on: it holds in later runs while this is the same.")
    value = FiniteFloatField(null=True)
    threshold = FiniteFloatField(null=True)
    mouse = models.ForeignKey(Mouse, null=True, on_delete=models.PROTECT, related_name="quality_findings")
    si_test = models.ForeignKey(
        SocialInteractionTest, null=True, on_delete=models.PROTECT, related_name="quality_findings"
    )
    sample = models.ForeignKey(TissueSample, null=True, on_delete=models.PROTECT, related_name="quality_findings")
    library = models.ForeignKey(Library, null=True, on_delete=models.PROTECT, related_name="quality_findings")
    other_library = models.ForeignKey(
        Library, null=True, on_delete=models.PROTECT, related_name="quality_findings_as_other",
        help_text="The second of a pair.",
    )  # fmt: skip

    class Meta:
        ordering = ["pk"]  # as written: errors first
        indexes = [models.Index(fields=["study", "kind", "subject"], name="quality_finding_subject")]

    def __str__(self) -> str:
        return f"{self.subject}: {self.kind.replace('_', ' ')}"


class LibraryQuality(Result):
    """The quality of one library in numbers."""

    matrix = models.ForeignKey(CountMatrix, on_delete=models.PROTECT, related_name="library_qualities")
    library = models.ForeignKey(Library, on_delete=models.PROTECT, related_name="qualities")
    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="library_qualities")
    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="library_qualities")
    library_size = models.BigIntegerField("library size (reads)")
    reads_z = FiniteFloatField("reads, robust z", null=True, help_text="Of the logarithm, over the study.")
    genes_detected = models.PositiveIntegerField(help_text="With at least one read.")
    top_50_share = FiniteFloatField("share of the top 50 genes", null=True)
    mitochondrial_share = FiniteFloatField(null=True)
    median_correlation = FiniteFloatField(null=True, help_text="With the other libraries of the region.")
    outlier_z = FiniteFloatField("median correlation, robust z", null=True)
    xist_cpm = FiniteFloatField("Xist (counts per million)", null=True)
    y_cpm = FiniteFloatField("genes on Y (counts per million)", null=True)
    sex_log2_ratio = FiniteFloatField("Xist over genes on Y (log2)", null=True)
    sex_called = models.CharField(
        max_length=1, blank=True, help_text="M or F by its genes; empty where they do not say."
    )
    region_like = models.CharField(max_length=50, blank=True, help_text="The region whose mean it is nearest to.")
    own_correlation = FiniteFloatField("correlation with its own region's mean", null=True)
    region_margin = FiniteFloatField(
        null=True, help_text="That correlation less the highest with another region; below 0 it looks like the other."
    )
    pc1 = FiniteFloatField("component 1", null=True)
    pc2 = FiniteFloatField("component 2", null=True)
    pc3 = FiniteFloatField("component 3", null=True)
    pc4 = FiniteFloatField("component 4", null=True)
    distance_from_mean = FiniteFloatField(
        "distance from the mean (log2)", null=True, help_text="Over the same genes as the components."
    )

    class Meta:
        ordering = ["run", "library"]
        verbose_name_plural = "library qualities"
        constraints = [models.UniqueConstraint(fields=["run", "library"], name="library_quality_once")]


class Confounding(Result):
    """How strongly a grouping goes along with a factor: pool, run, batch, cohort, cage or litter."""

    grouping = models.CharField(max_length=100, help_text="The field that makes the groups.")
    factor = models.CharField(max_length=20)
    region = models.ForeignKey(
        BrainRegion, null=True, on_delete=models.PROTECT, related_name="confoundings",
        help_text="Empty: over the sequenced mice.",
    )  # fmt: skip
    n = models.PositiveIntegerField(help_text="Libraries, or mice.")
    n_levels = models.PositiveIntegerField("levels")
    association = FiniteFloatField("Cramer's V", null=True)
    association_corrected = FiniteFloatField("Cramer's V, corrected for bias", null=True)
    p_value = FiniteFloatField(null=True)
    is_confounded = models.BooleanField("confounded")
    sentence = models.TextField()

    class Meta:
        ordering = ["pk"]  # as written: by grouping, factor, region


class DecisionKind(models.TextChoices):
    """What became of a finding."""

    CONFIRMED = "confirmed", "it is so"
    NOT_AN_ERROR = "not_an_error", "not an error"
    EXCLUDED = "excluded", "left out of analyses"
    CORRECTED = "corrected", "corrected in the records"


class QualityDecision(models.Model):
    """What was decided on a finding, by whom and why; append-only, the latest counts."""

    key_field: ClassVar[str] = "pk"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="quality_decisions")
    kind = models.CharField(max_length=30)
    subject = models.CharField(max_length=250)
    evidence = models.TextField()
    decision = models.CharField(max_length=12, choices=DecisionKind)
    reason = models.TextField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(db_default=Now())

    objects = LabQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["study", "kind", "subject"], name="quality_decision_subject")]
        constraints = [
            RowRule(
                condition=models.Q(reason__regex=r"\S"), name="quality_decision_has_reason", field="reason",
                sentence="Say why; the decision keeps its reason for ever.",
            )
        ]  # fmt: skip
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.subject}: {self.get_decision_display()}"


def decide(finding: QualityFinding, user: Any, decision: str, reason: str) -> QualityDecision:
    """Write down what was decided on a finding.

    Raises
    ------
    ValidationError
        No such decision, or no reason.
    """
    made = QualityDecision(
        study_id=finding.study_id, kind=finding.kind, subject=finding.subject, evidence=finding.evidence,
        decision=decision, reason=reason.strip(), decided_by=user,
    )  # fmt: skip
    if decision not in DecisionKind.values:
        raise ValidationError(
            {"decision": f"{decision or 'Nothing'} is not a decision; choose one of {', '.join(DecisionKind.values)}."}
        )
    made.validate_constraints()
    made.save(force_insert=True)
    return made


def latest_decisions(study: Study) -> dict[tuple[str, str], QualityDecision]:
    """Return the decision that counts for each kind and subject of a study."""
    rows = QualityDecision.objects.filter(study=study).select_related("decided_by")
    return {(row.kind, row.subject): row for row in rows.order_by("pk")}


def exclusion_reasons(study: Study) -> dict[tuple[str, str], set[str]]:
    """Return why people decided to leave out what a kind and subject are about: by it the exclusions are recognized."""
    rows = QualityDecision.objects.filter(study=study, decision=DecisionKind.EXCLUDED).order_by()
    reasons: dict[tuple[str, str], set[str]] = {}
    for kind, subject, reason in rows.values_list("kind", "subject", "reason"):
        reasons.setdefault((kind, subject), set()).add(reason)
    return reasons
