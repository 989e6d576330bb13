"""How often the reversal test erred and found in simulated studies of a real one's shape."""

from django.db import models
from django.db.models import F, Q

from analysis.models import Result
from labdb.registry.fields import FiniteFloatField
from labdb.tissue.models import BrainRegion


class CalibrationRate(Result):
    """How often one test called reversal in simulated studies in which one thing was true."""

    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="calibration_rates")
    arm = models.CharField(max_length=50, help_text="As it was called when it was computed: a letter if blinded.")
    n_per_arm = models.PositiveSmallIntegerField(
        "mice per arm", null=True, help_text="Planned; empty: the study as it is."
    )
    n_control = models.PositiveSmallIntegerField()
    n_stress = models.PositiveSmallIntegerField()
    n_treated = models.PositiveSmallIntegerField()
    has_stress = models.BooleanField("stress has an effect")
    undone = FiniteFloatField("fraction undone in truth")
    selection = FiniteFloatField(
        null=True,
        help_text="Correlation of the re-test with the tissue, by which responders are chosen; empty: nobody is.",
    )
    test = models.CharField(
        max_length=10, help_text="arm: the whole arm. responder: the arm relabeled. chosen: responders, the plain way."
    )
    n_replicates = models.PositiveIntegerField("simulated studies")
    n_answered = models.PositiveIntegerField("of them with a p")
    n_called = models.PositiveIntegerField("of these called reversal", help_text="p at most .05.")
    rate = FiniteFloatField("rate of calls", null=True)
    mc_error = FiniteFloatField("Monte Carlo error of the rate", null=True)
    low = FiniteFloatField("rate, 95 % low", null=True)
    high = FiniteFloatField("rate, 95 % high", null=True)
    n_shown = models.PositiveIntegerField("of them with an effect")
    mean_fraction_undone = FiniteFloatField(null=True)
    coverage = FiniteFloatField("intervals that hold the truth", null=True)

    class Meta:
        ordering = ["run", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(n_called__lte=F("n_answered"), n_answered__lte=F("n_replicates")),
                name="calibration_rate_counts_are_parts",
            )
        ]
