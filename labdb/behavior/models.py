from dataclasses import fields as dataclass_fields
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import NullIf

from analysis.kernels import phenotype, response
from labdb.colony.models import BenchEvent, Mouse
from labdb.registry.fields import FiniteFloatField
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord
from labdb.registry.rules import RowRule, between, one_per


def _within_trial(field: str, where: str) -> RowRule:
    return RowRule(
        condition=Q(**{f"{field}__range": (0, F("trial_s"))}),
        name=f"si_test_{field.removesuffix('_s')}_within_trial",
        field=field,
        sentence="{value} s in the "
        + where
        + " does not fit a trial of {row.trial_s} s; enter 0 to the trial's length.",
    )


def _ratio(present: str, absent: str) -> models.GeneratedField:
    return models.GeneratedField(
        expression=F(present) / NullIf(F(absent), 0.0),
        output_field=models.FloatField(null=True),
        db_persist=True,
    )


@tracked
class SocialInteractionTest(BenchEvent):
    """Social interaction (SI) test: one mouse, one day, two trials.

    Times are seconds in the interaction zone (IZ) and in the two corners, target absent / present.
    """

    key_field: ClassVar[str] = "pk"
    time_field: ClassVar[str] = "test_at"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="si_tests")
    test_number = models.PositiveSmallIntegerField(
        default=1, help_text="1 is the test after the defeats, 2 the first re-test, and so on."
    )
    test_at = models.DateTimeField("tested at", null=True, blank=True)
    trial_s = FiniteFloatField("trial length (s)", default=150)  # Golden et al., Nat Protoc 6, 1183 (2011)
    iz_absent_s = FiniteFloatField("time in IZ, target absent (s)")
    iz_present_s = FiniteFloatField("time in IZ, target present (s)")
    corner_absent_s = FiniteFloatField("time in corners, target absent (s)", null=True, blank=True)
    corner_present_s = FiniteFloatField("time in corners, target present (s)", null=True, blank=True)
    distance_absent_cm = FiniteFloatField("distance, target absent (cm)", null=True, blank=True)
    distance_present_cm = FiniteFloatField("distance, target present (cm)", null=True, blank=True)
    velocity_absent_cm_per_s = FiniteFloatField("mean velocity, target absent (cm/s)", null=True, blank=True)
    velocity_present_cm_per_s = FiniteFloatField("mean velocity, target present (cm/s)", null=True, blank=True)
    si_ratio = _ratio("iz_present_s", "iz_absent_s")
    corner_ratio = _ratio("corner_present_s", "corner_absent_s")

    class Meta:
        ordering = ["mouse", "test_number"]
        verbose_name = "SI test"
        indexes = [models.Index(fields=["study", "test_at"], name="si_test_study_time")]
        constraints = [
            between("trial_s", 10, 3600, "s", "si_test_trial_length"),
            _within_trial("iz_absent_s", "zone"),
            _within_trial("iz_present_s", "zone"),
            _within_trial("corner_absent_s", "corners"),
            _within_trial("corner_present_s", "corners"),
            *(
                between(f"{what}_{target}_{unit}", 0, high, shown, f"si_test_{what}_{target}")
                for what, unit, shown, high in (
                    ("distance", "cm", "cm", 100_000), ("velocity", "cm_per_s", "cm/s", 300),
                )
                for target in ("absent", "present")
            ),
            RowRule(
                condition=Q(test_number__gte=1), name="si_test_number_from_1", field="test_number",
                sentence="{value} is not a test number; the first test is 1.",
            ),
            one_per(
                "mouse", "test_number", name="si_test_once_per_number", field="test_number",
                sentence="{row.mouse} already has SI test {value}; edit that test or enter the next number.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse} SI test {self.test_number}"


class Rule(LabRecord):
    """A versioned rule: its fields are those of the kernel's dataclass, which it builds and does not repeat."""

    key_field: ClassVar[str] = "name"
    kernel_rule: ClassVar[type[Any]]

    name = models.CharField(max_length=100, help_text="State the version in it: a used rule is superseded, not edited.")

    class Meta:
        abstract = True

    def to_kernel(self) -> Any:
        """Return the kernel's dataclass with this rule's values."""
        return self.kernel_rule(**{f.name: getattr(self, f.name) for f in dataclass_fields(self.kernel_rule)})


@tracked
class PhenotypeRule(Rule):
    """How an SI test makes a defeated mouse susceptible or resilient."""

    kernel_rule = phenotype.PhenotypeRule

    cutoff = FiniteFloatField("cutoff (SI ratio)", default=1.0, help_text="Below it a defeated mouse is susceptible.")
    control_sd = FiniteFloatField(
        "cutoff as control mean minus k SD", null=True, blank=True,
        help_text="If set, k: the cutoff is the control mean minus k SD of the same cohort (needs 8 controls).",
    )  # fmt: skip
    min_iz_present_s = FiniteFloatField("least time in IZ with target, resilient (s)", null=True, blank=True)
    max_corner_ratio = FiniteFloatField("greatest corner ratio, resilient", null=True, blank=True)
    borderline = FiniteFloatField("borderline half-width (SI ratio)", default=0.05)

    class Meta:
        ordering = ["name"]
        constraints = [
            one_per(
                "name", name="phenotype_rule_name_once", field="name", sentence="{value} is already a phenotype rule."
            ),
            between("cutoff", 0.01, 10, "", "phenotype_rule_cutoff"),
            between("control_sd", 0, 10, "", "phenotype_rule_control_sd"),
            between("min_iz_present_s", 0, 3600, "s", "phenotype_rule_min_iz_present"),
            between("max_corner_ratio", 0.01, 100, "", "phenotype_rule_max_corner_ratio"),
            between("borderline", 0, 1, "", "phenotype_rule_borderline"),
        ]


@tracked
class ResponseRule(Rule):
    """How a re-test makes a treated mouse a responder."""

    kernel_rule = response.ResponseRule

    cutoff = FiniteFloatField("cutoff (SI ratio)", default=1.0)
    reliable_change = models.BooleanField(
        "require a reliable change", default=True, help_text="The change must exceed what re-tested controls show."
    )
    borderline = FiniteFloatField("borderline half-width (SI ratio)", default=0.05)

    class Meta:
        ordering = ["name"]
        constraints = [
            one_per(
                "name", name="response_rule_name_once", field="name", sentence="{value} is already a response rule."
            ),
            between("cutoff", 0.01, 10, "", "response_rule_cutoff"),
            between("borderline", 0, 1, "", "response_rule_borderline"),
        ]


@tracked
class Assay(LabRecord):
    """A behavioral test other than social interaction: sucrose preference, forced swim, or the lab's own."""

    key_field: ClassVar[str] = "name"

    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [one_per("name", name="assay_name_once", field="name", sentence="{value} is already an assay.")]


@tracked
class AssayMetric(LabRecord):
    """What an assay measures, its unit and its possible range."""

    key_field: ClassVar[str] = "name"

    assay = models.ForeignKey(Assay, on_delete=models.PROTECT, related_name="metrics")
    name = models.CharField(max_length=100, help_text="Unique over assays, such as forced_swim_immobile.")
    unit = models.CharField(max_length=30, blank=True, help_text="Empty for counts and ratios.")
    minimum = FiniteFloatField(null=True, blank=True)
    maximum = FiniteFloatField(null=True, blank=True)

    class Meta:
        ordering = ["assay", "name"]
        constraints = [
            one_per("name", name="assay_metric_name_once", field="name", sentence="{value} is already a metric."),
            RowRule(
                condition=Q(maximum__gte=F("minimum")), name="assay_metric_range", field="maximum",
                sentence="{value} is below the minimum ({row.minimum}); exchange the two.",
            ),
        ]  # fmt: skip


@tracked
class AssayResult(BenchEvent):
    """One value of one metric of one mouse in one session."""

    key_field: ClassVar[str] = "pk"

    metric = models.ForeignKey(AssayMetric, on_delete=models.PROTECT, related_name="results")
    session = models.CharField(max_length=50, blank=True, help_text="Trial or day, in the lab's own words.")
    performed_at = models.DateTimeField("tested at", null=True, blank=True)
    value = FiniteFloatField(help_text="In the metric's unit.")

    class Meta:
        ordering = ["mouse", "metric", "session"]
        constraints = [
            one_per(
                "mouse", "metric", "session", name="assay_result_once", field="session",
                sentence="{row.mouse} already has {row.metric} in session {value}; edit that result.",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse} {self.metric} {self.value}"

    def clean(self) -> None:
        """Refuse a value outside its metric's range."""
        super().clean()
        if self.metric_id is None or self.value is None:
            return
        low, high = self.metric.minimum, self.metric.maximum
        if (low is not None and self.value < low) or (high is not None and self.value > high):
            allowed = f"{'' if low is None else f'{low:g}'} to {'' if high is None else f'{high:g}'} {self.metric.unit}"
            raise ValidationError(
                {"value": f"{self.value:g} is outside the range of {self.metric} ({allowed.strip()}); check the unit."}
            )
