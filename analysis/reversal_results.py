"""What is asked beside reversal: where and by which drug more, induction of resilience, the plane, genes of drugs."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from analysis.models import Result
from labdb.colony.models import Mouse
from labdb.registry.fields import FiniteFloatField
from labdb.registry.secrecy import Secrecy
from labdb.sequencing.models import CountMatrix, Gene, Library
from labdb.tissue.models import BrainRegion
from labdb.treatment.key_holders import KNOWN_TO_ALLOCATORS

ARM_HELP = "As it was called when it was computed: a letter if blinded."


class ReversalDifference(Result):
    """Whether one arm undoes more in one region than in another, or one arm more than another in one region."""

    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="reversal_differences")
    arm = models.CharField(max_length=50, help_text=ARM_HELP)
    other_region = models.ForeignKey(
        BrainRegion, null=True, on_delete=models.PROTECT, related_name="reversal_differences_as_other",
        help_text="Empty: the same region.",
    )  # fmt: skip
    other_arm = models.CharField(max_length=50, blank=True, help_text="Empty: the same arm.")
    difference = FiniteFloatField(
        "difference of fractions undone", null=True, help_text="The first less the other; paired."
    )
    se = FiniteFloatField(null=True)
    low = FiniteFloatField("95 % low", null=True)
    high = FiniteFloatField("95 % high", null=True)
    p_value = FiniteFloatField("p, two-sided", null=True)
    p_floor = FiniteFloatField(null=True)
    adj_p_value = FiniteFloatField(
        "adjusted p (Benjamini-Hochberg)", null=True, help_text="Over the differences between regions, or between arms."
    )
    n_relabelings = models.PositiveIntegerField(null=True)
    refusal = models.CharField(max_length=60, blank=True)
    messages = models.TextField(blank=True)

    class Meta:
        ordering = ["run", "region", "arm", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(other_region=None) ^ Q(other_arm=""), name="reversal_difference_regions_or_arms"
            )
        ]


class ResilienceInduction(Result):
    """Whether an arm makes susceptible mice more like resilient ones: R - C against T - S, which share no mouse."""

    matrix = models.ForeignKey(CountMatrix, on_delete=models.PROTECT, related_name="inductions")
    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="inductions")
    arm = models.CharField(max_length=50, help_text=ARM_HELP)
    n_control = models.PositiveSmallIntegerField()
    n_resilient = models.PositiveSmallIntegerField()
    n_stress = models.PositiveSmallIntegerField()
    n_treated = models.PositiveSmallIntegerField()
    share_induced = FiniteFloatField(
        "share of the resilience signature induced", null=True, help_text="0 none, 1 all, below 0 the other way."
    )
    share_induced_se = FiniteFloatField(null=True)
    share_induced_low = FiniteFloatField("share induced, 95 % low", null=True)
    share_induced_high = FiniteFloatField("share induced, 95 % high", null=True)
    p_value = FiniteFloatField("p, one-sided", null=True)
    p_floor = FiniteFloatField(null=True)
    adj_p_value = FiniteFloatField("adjusted p over arms and regions (Benjamini-Hochberg)", null=True)
    n_relabelings = models.PositiveIntegerField(null=True)
    n_relabelings_available = FiniteFloatField(null=True)
    cosine = FiniteFloatField(null=True, help_text="Of the two comparisons; 0 is expected without induction.")
    p_signature = FiniteFloatField(
        null=True, help_text="Whether resilient mice differ from controls, so that there is something to induce."
    )
    refusal = models.CharField(max_length=60, blank=True)
    messages = models.TextField(blank=True)

    class Meta:
        ordering = ["run", "region", "arm"]


class PlaneGroup(Result):
    """Where a treated group lies in the plane of control (0, 0), susceptible (1, 0) and resilient (0, 1)."""

    matrix = models.ForeignKey(CountMatrix, on_delete=models.PROTECT, related_name="plane_groups")
    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="plane_groups")
    group = models.CharField(max_length=100, help_text="Such as imipramine responder, or the whole arm.")
    n = models.PositiveSmallIntegerField("mice")
    susceptible = FiniteFloatField("susceptible (0 to 1)", null=True)
    susceptible_se = FiniteFloatField(null=True)
    susceptible_low = FiniteFloatField("susceptible, 95 % low", null=True)
    susceptible_high = FiniteFloatField("susceptible, 95 % high", null=True)
    resilient = FiniteFloatField("resilient (0 to 1)", null=True)
    resilient_se = FiniteFloatField(null=True)
    resilient_low = FiniteFloatField("resilient, 95 % low", null=True)
    resilient_high = FiniteFloatField("resilient, 95 % high", null=True)
    axis_cosine = FiniteFloatField(
        "cosine of the axes", null=True, help_text="Of S - C and R - C, noise taken out; near 1 there is no plane."
    )
    refusal = models.CharField(max_length=60, blank=True)
    messages = models.TextField(blank=True)

    class Meta:
        ordering = ["run", "region", "group"]


class PlaneMouse(Result):
    """Where one mouse lies in that plane in one region; the corners too."""

    secrecy: ClassVar[Secrecy | None] = KNOWN_TO_ALLOCATORS  # its group says which mice have one letter

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="plane_places")
    library = models.ForeignKey(Library, on_delete=models.PROTECT, related_name="plane_places")
    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="plane_places")
    group = models.CharField(max_length=100, help_text="Stress and treatment, such as imipramine responder.")
    susceptible = FiniteFloatField("susceptible (0 to 1)", null=True)
    susceptible_se = FiniteFloatField(null=True)
    resilient = FiniteFloatField("resilient (0 to 1)", null=True)
    resilient_se = FiniteFloatField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["run", "region", "group", "mouse"]
        verbose_name_plural = "plane mice"
        constraints = [models.UniqueConstraint(fields=["run", "library"], name="plane_mouse_once")]


class DrugGeneKind(models.TextChoices):
    """What the genes of a set have in common."""

    SHARED = "shared", "shared by two drugs"
    SPECIFIC = "specific", "of one drug, not of the other"
    NON_RESPONDER = "non_responder", "of non-responders alone"


class DrugGeneSet(Result):
    """Genes that two drugs share, that one has and the other has not, or that non-responders alone have."""

    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="drug_gene_sets")
    kind = models.CharField(max_length=13, choices=DrugGeneKind)
    arm = models.CharField(max_length=50, help_text=ARM_HELP)
    other_arm = models.CharField(max_length=50, blank=True, help_text="The drug it is compared with.")
    rule = models.TextField(help_text="In words.")
    n_tested = models.PositiveIntegerField(null=True)
    n_genes = models.PositiveIntegerField("genes in the set", null=True)
    n_changed = models.PositiveIntegerField(
        "genes that non-responders change", null=True, help_text="Against mice with vehicle of the same outcome."
    )
    n_opposing = models.PositiveIntegerField(
        "of them the other way in responders", null=True,
        help_text="Half is expected where nothing opposes: the two comparisons share no mouse.",
    )  # fmt: skip
    refusal = models.TextField("why there is none", blank=True)

    class Meta:
        ordering = ["run", "region", "kind", "arm", "pk"]

    def __str__(self) -> str:
        return f"{self.region}: {self.arm}, {self.get_kind_display()}"


class DrugGene(Result):
    """A gene of such a set."""

    gene_set = models.ForeignKey(DrugGeneSet, on_delete=models.CASCADE, related_name="genes")
    gene = models.ForeignKey(Gene, on_delete=models.PROTECT, related_name="drug_genes")
    log2_fold_change = FiniteFloatField(help_text="Of the arm; of its non-responders where the set is theirs.")
    other_log2_fold_change = FiniteFloatField(help_text="Of the other arm; of the responders.")
    adj_p_value = FiniteFloatField("adjusted p (Benjamini-Hochberg)")
    adj_p_between = FiniteFloatField("adjusted p of the difference between the two")
    is_opposing = models.BooleanField("the other way", help_text="The two change the gene in opposite directions.")

    class Meta:
        ordering = ["gene_set", "adj_p_value", "pk"]


class TargetGene(Result):
    """A gene that stress moves, ranked by how far drugs move it back over regions and drugs: a table to choose from."""

    matrix = models.ForeignKey(CountMatrix, on_delete=models.PROTECT, related_name="target_genes")
    gene = models.ForeignKey(Gene, on_delete=models.PROTECT, related_name="target_rows")
    rank = models.PositiveIntegerField()
    n_regions = models.PositiveSmallIntegerField("regions where stress moves it")
    n_comparisons = models.PositiveSmallIntegerField("drugs x these regions")
    n_opposite = models.PositiveSmallIntegerField("comparisons that go against stress")
    n_reversed = models.PositiveSmallIntegerField("of them with one-sided p at most .05")
    fraction_undone = FiniteFloatField("fraction undone, median")
    worst_fraction = FiniteFloatField("fraction undone, smallest")
    mice_moved_back = FiniteFloatField(
        "share of treated samples moved back", null=True,
        help_text="Treated mice, over these regions, that lie on the controls' side of the mean with vehicle.",
    )  # fmt: skip
    expression = FiniteFloatField("average expression (log2 CPM)")
    where = models.TextField("region by region", help_text="Fraction undone by each drug where stress moves the gene.")

    class Meta:
        ordering = ["run", "rank"]
        constraints = [models.UniqueConstraint(fields=["run", "gene"], name="target_gene_once")]
