"""Questions (contrasts), runs, which run counts (adoption), and results.

Results point to records and to the run that made them; records never point to results.
"""

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from analysis.contrasts import Contrast
from analysis.gene_result_keys import gene_result_triggers
from analysis.run_triggers import run_triggers
from labdb.behavior.models import PhenotypeRule, ResponseRule, SocialInteractionTest
from labdb.colony.models import Mouse, Study
from labdb.registry.fields import FiniteFloatField
from labdb.registry.models import LabQuerySet
from labdb.registry.secrecy import Secrecy
from labdb.sequencing.models import CountMatrix, Gene, Library
from labdb.tissue.models import BrainRegion
from labdb.treatment.key_holders import KNOWN_TO_ALLOCATORS


class RunStatus(models.TextChoices):
    """Where a run stands."""

    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


ENDED = (RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED)


class AnalysisRun(models.Model):
    """One computation and all that is needed to repeat it; written by `analysis.runs` alone."""

    key_field: ClassVar[str] = "pk"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="runs")
    task = models.CharField(max_length=30)
    parameters = models.JSONField(default=dict, help_text="Resolved: as given, and the defaults that filled the rest.")
    input_digest = models.CharField(max_length=64, blank=True)
    code_version = models.CharField(max_length=60)
    packages = models.JSONField(default=dict)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="runs")
    schedule = models.ForeignKey("analysis.Schedule", null=True, on_delete=models.SET_NULL, related_name="runs")
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    depends_on = models.ManyToManyField("self", symmetrical=False, related_name="dependents")
    same_as = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="repeats",
        help_text="The earlier run that had the same inputs, parameters and code; its results stand.",
    )  # fmt: skip
    status = models.CharField(max_length=9, choices=RunStatus, default=RunStatus.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    doing = models.CharField(max_length=200, blank=True)
    log = models.TextField(blank=True)
    reason = models.TextField(blank=True, help_text="Why it failed or was cancelled, in a sentence.")
    attempt = models.PositiveSmallIntegerField(default=0)
    queued_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    is_cancel_asked = models.BooleanField(default=False)

    input_parts = models.JSONField(default=dict, help_text="Digest and rows of each part of what was read.")
    watermark = models.JSONField(default=dict, help_text="Last change of each record when reading began.")
    code_digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the sources that computed.")
    was_blinded = models.BooleanField(default=False, help_text="Arms were read by their letters.")

    objects = LabQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["study", "task", "status"], name="run_study_task_status"),
            models.Index(fields=["status"], name="run_active", condition=Q(status__in=["queued", "running"])),
        ]
        constraints = [
            # Of two requests at once the second finds the first (analysis.runs); steps are asked for by their parent.
            models.UniqueConstraint(
                fields=["study", "task", "parameters"],
                condition=Q(status="queued", parent=None),
                name="run_queued_once",
            )
        ]
        triggers = run_triggers()

    def __str__(self) -> str:
        return f"run {self.pk} ({self.task})"

    @property
    def results_run(self) -> "AnalysisRun":
        """The run that holds the results: an earlier one when nothing had changed."""
        return self.same_as or self


class Adoption(models.Model):
    """Which run's results are current; append-only, the latest counts."""

    key_field: ClassVar[str] = "pk"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="adoptions")
    task = models.CharField(max_length=30)
    scope = models.CharField(
        max_length=100, blank=True, help_text="What within the task, such as a rule or a contrast."
    )
    run = models.ForeignKey(AnalysisRun, on_delete=models.PROTECT, related_name="adoptions")
    reason = models.TextField()
    adopted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    adopted_at = models.DateTimeField(db_default=Now())

    objects = LabQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.run} adopted for {self.study}"


class Result(models.Model):
    """What every result has: its run, and the study for permission and filters."""

    key_field: ClassVar[str] = "pk"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey(AnalysisRun, on_delete=models.CASCADE, related_name="%(class)ss")

    objects = LabQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk} of {self.run}"


class PhenotypeCall(Result):
    """What one SI test says of one mouse under one rule."""

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="phenotype_calls")
    si_test = models.ForeignKey(SocialInteractionTest, on_delete=models.PROTECT, related_name="phenotype_calls")
    rule = models.ForeignKey(PhenotypeRule, on_delete=models.PROTECT, related_name="calls")
    si_ratio = FiniteFloatField("SI ratio", null=True)
    si_ratio_low = FiniteFloatField(
        "SI ratio, 95 % low", null=True, help_text="By the tracks of both trials; empty without them."
    )
    si_ratio_high = FiniteFloatField(
        "SI ratio, 95 % high", null=True, help_text="Empty beside a lower bound: the tracks set none."
    )
    tracks_digest = models.CharField(
        max_length=64, blank=True, help_text="Of what the interval follows from: the same tracks are not read twice."
    )
    corner_ratio = FiniteFloatField(null=True)
    phenotype = models.CharField(max_length=12)
    distance_to_cutoff = FiniteFloatField(null=True)
    borderline = models.BooleanField()
    spans_cutoff = models.BooleanField(
        "interval spans the cutoff", null=True, help_text="Of a mouse that is called, and whose ratio has an interval."
    )
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["run", "mouse"]
        indexes = [models.Index(fields=["run", "mouse"], name="phenotype_call_run_mouse")]


class ResponseCall(Result):
    """Whether one mouse's re-test shows a response (saline mice too)."""

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="response_calls")
    before = models.ForeignKey(SocialInteractionTest, on_delete=models.PROTECT, related_name="response_calls_before")
    after = models.ForeignKey(SocialInteractionTest, on_delete=models.PROTECT, related_name="response_calls_after")
    rule = models.ForeignKey(ResponseRule, on_delete=models.PROTECT, related_name="calls")
    response = models.CharField(max_length=13)
    delta_log_ratio = FiniteFloatField(null=True)
    reliable_change = models.BooleanField(null=True)
    borderline = models.BooleanField()
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["run", "mouse"]
        indexes = [models.Index(fields=["run", "mouse"], name="response_call_run_mouse")]


class GeneResult(Result):
    """One gene in one contrast and region."""

    # Half a million rows a run: the two indexes below serve every question, one per key would triple the writing. What
    # they refer to is checked once a statement (analysis.gene_result_keys): five foreign keys a row took most of it.
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    run = models.ForeignKey(
        AnalysisRun, on_delete=models.CASCADE, related_name="generesults", db_index=False, db_constraint=False
    )
    contrast = models.ForeignKey(
        Contrast, on_delete=models.PROTECT, related_name="gene_results", db_index=False, db_constraint=False
    )
    region = models.ForeignKey(
        BrainRegion, on_delete=models.PROTECT, related_name="gene_results", db_index=False, db_constraint=False
    )
    gene = models.ForeignKey(
        Gene, on_delete=models.PROTECT, related_name="gene_results", db_index=False, db_constraint=False
    )
    log2_fold_change = FiniteFloatField()
    average_expression = FiniteFloatField("average expression (log2 CPM)")
    t = FiniteFloatField()
    p_value = FiniteFloatField()
    adj_p_value = FiniteFloatField("adjusted p (Benjamini-Hochberg)")

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["run", "contrast", "region", "p_value"], name="gene_result_ranked"),
            models.Index(fields=["gene", "run"], name="gene_result_gene"),
        ]
        triggers = gene_result_triggers()


class SignatureReversal(Result):
    """How much of the stress signature one arm undoes in one region, and how sure that is."""

    matrix = models.ForeignKey(CountMatrix, on_delete=models.PROTECT, related_name="reversals")
    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="reversals")
    arm = models.CharField(max_length=50, help_text="As it was called when it was computed: a letter if blinded.")
    response = models.CharField(max_length=13, blank=True, help_text="Empty: the whole arm.")
    estimand = models.CharField(
        max_length=20,
        help_text="arm: the whole randomized arm against all with vehicle; responder: its responders, the arm relabeled; "
        "matched: against mice with vehicle of the same outcome, a description.",
    )
    n_control = models.PositiveSmallIntegerField()
    n_stress = models.PositiveSmallIntegerField()
    n_treated = models.PositiveSmallIntegerField()
    statistic = FiniteFloatField(null=True)
    p_value = FiniteFloatField(null=True)
    p_floor = FiniteFloatField(null=True)
    n_relabelings = models.PositiveIntegerField(null=True)
    n_relabelings_available = FiniteFloatField(null=True)
    adj_p_value = FiniteFloatField(
        "adjusted p over arms and regions (Benjamini-Hochberg)", null=True,
        help_text="Over the tests of one estimand; a description has none.",
    )  # fmt: skip
    max_t_p_value = FiniteFloatField(
        "p adjusted over regions (max-T)", null=True, help_text="The same mice relabeled in all regions at once."
    )
    relabeled = ArrayField(
        models.FloatField(), null=True,
        help_text="Statistic of the relabelings that have one, the true labeling first; negative: reversal.",
    )  # fmt: skip
    fraction_undone = FiniteFloatField(null=True)
    fraction_undone_se = FiniteFloatField(null=True)
    fraction_undone_low = FiniteFloatField("fraction undone, 95 % low", null=True)
    fraction_undone_high = FiniteFloatField("fraction undone, 95 % high", null=True)
    cosine = FiniteFloatField(null=True)
    cosine_null_mean = FiniteFloatField("cosine expected without any reversal", null=True)
    p_stress_axis = FiniteFloatField(null=True)
    n_vehicle_retested = models.PositiveSmallIntegerField(
        "re-tested with vehicle", null=True, help_text="Sequenced here, with a call."
    )
    n_vehicle_responded = models.PositiveSmallIntegerField(
        "of them called responders", null=True, help_text="With no drug, by the same rule."
    )
    retest_n = models.PositiveSmallIntegerField(
        "mice with vehicle, score and re-test",
        null=True,
        help_text="Of the correlation below; of the whole arm's test.",
    )
    retest_rho = FiniteFloatField(
        "their score against their re-test SI ratio (Spearman)", null=True,
        help_text="How large the bias of choosing responders can be: 0 none.",
    )  # fmt: skip
    retest_rho_low = FiniteFloatField("95 % low of it", null=True)
    retest_rho_high = FiniteFloatField("95 % high of it", null=True)
    retest_reason = models.CharField("why there is none", max_length=200, blank=True)
    refusal = models.CharField(max_length=60, blank=True)
    messages = models.TextField(blank=True)

    class Meta:
        ordering = ["run", "region", "arm", "pk"]


class ReversedGene(Result):
    """A gene that stress moved and the drug moved back."""

    reversal = models.ForeignKey(SignatureReversal, on_delete=models.CASCADE, related_name="genes")
    gene = models.ForeignKey(Gene, on_delete=models.PROTECT, related_name="reversals")
    t_stress = FiniteFloatField()
    t_merged = FiniteFloatField()
    t_drug = FiniteFloatField()
    p_merged = FiniteFloatField()
    p_drug = FiniteFloatField()
    q_value = FiniteFloatField(null=True)
    listed = models.BooleanField()
    q_strict = FiniteFloatField()
    listed_strict = models.BooleanField()

    class Meta:
        ordering = ["reversal", "q_strict"]


class MouseReversalScore(Result):
    """Where one mouse lies between control (0) and susceptible (1) in one region."""

    secrecy: ClassVar[Secrecy | None] = KNOWN_TO_ALLOCATORS  # its group says which mice have one letter

    reversal = models.ForeignKey(
        SignatureReversal, null=True, on_delete=models.CASCADE, related_name="scores",
        help_text="The comparison whose axis it lies on.",
    )  # fmt: skip
    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="reversal_scores")
    library = models.ForeignKey(Library, on_delete=models.PROTECT, related_name="reversal_scores")
    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="reversal_scores")
    arm = models.CharField(
        max_length=50,
        help_text="The treated arm of the comparison; controls and susceptible mice get a score in each.",
    )
    group = models.CharField(max_length=100, help_text="Stress and treatment, such as imipramine responder.")
    score = FiniteFloatField(null=True)
    se = FiniteFloatField(null=True)
    low = FiniteFloatField("95 % low", null=True)
    high = FiniteFloatField("95 % high", null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["run", "region", "arm", "mouse"]
        constraints = [
            models.UniqueConstraint(fields=["run", "library", "arm"], name="mouse_reversal_score_once"),
            models.CheckConstraint(
                condition=Q(score__isnull=False) | ~Q(reason=""), name="mouse_reversal_score_or_reason"
            ),
        ]


# Tables of their own, built on those of the records.
from analysis.analysis_plan import AnalysisPlan  # noqa: E402, F401
from analysis.calibration_results import CalibrationRate  # noqa: E402, F401
from analysis.checked_inputs import CheckedInputs  # noqa: E402, F401
from analysis.notices import RunNotice  # noqa: E402, F401
from analysis.outside import (  # noqa: E402
    GeneSetCollection,  # noqa: F401
    OutsideGene,  # noqa: F401
    OutsideScore,  # noqa: F401
    OutsideSignature,  # noqa: F401
    OutsideTest,  # noqa: F401
)
from analysis.quality_results import (  # noqa: E402
    Confounding,  # noqa: F401
    LibraryQuality,  # noqa: F401
    QualityDecision,  # noqa: F401
    QualityFinding,  # noqa: F401
)
from analysis.reversal_results import (  # noqa: E402
    DrugGene,  # noqa: F401
    DrugGeneSet,  # noqa: F401
    PlaneGroup,  # noqa: F401
    PlaneMouse,  # noqa: F401
    ResilienceInduction,  # noqa: F401
    ReversalDifference,  # noqa: F401
    TargetGene,  # noqa: F401
)
from analysis.rrho_results import RrhoGene, RrhoMap, RrhoQuadrant  # noqa: E402, F401
from analysis.run_parts import RunPart  # noqa: E402, F401
from analysis.schedules import Schedule, ScheduleTurn  # noqa: E402, F401
