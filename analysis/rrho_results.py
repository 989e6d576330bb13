"""Results of `rrho`: the map of two signatures in a region, its quadrants, and the genes of each maximum."""

from django.db import models

from analysis.models import AnalysisRun, Contrast, Result
from labdb.colony.models import Study
from labdb.registry.fields import FiniteFloatField
from labdb.sequencing.models import CountMatrix, Gene
from labdb.tissue.models import BrainRegion


class RrhoKind(models.TextChoices):
    """Which two signatures are compared."""

    STRESS_DRUG = "stress_drug", "stress against a drug"
    DRUG_DRUG = "drug_drug", "two drugs"
    CONTRASTS = "contrasts", "two contrasts"


class Quadrant(models.TextChoices):
    """Which end of the first and of the second list."""

    UP_UP = "up_up", "up in both"
    DOWN_DOWN = "down_down", "down in both"
    UP_DOWN = "up_down", "up in the first, down in the second"
    DOWN_UP = "down_up", "down in the first, up in the second"


class RrhoMap(Result):
    """How two signatures of a region overlap, by rank (RRHO). The map describes; its p comes from relabeled animals."""

    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="rrho_maps")
    matrix = models.ForeignKey(
        CountMatrix, null=True, on_delete=models.PROTECT, related_name="rrho_maps", help_text="Empty for two contrasts."
    )
    kind = models.CharField(max_length=11, choices=RrhoKind)
    first = models.CharField("first signature", max_length=200)
    second = models.CharField("second signature", max_length=200)
    first_contrast = models.ForeignKey(Contrast, null=True, on_delete=models.PROTECT, related_name="+")
    second_contrast = models.ForeignKey(Contrast, null=True, on_delete=models.PROTECT, related_name="+")
    groups = models.CharField("mice by group", max_length=300, blank=True)
    direction = models.CharField(max_length=8, blank=True, help_text="What p is of: opposite or same changes.")
    p_value = FiniteFloatField(null=True)
    p_floor = FiniteFloatField(null=True)
    n_relabelings = models.PositiveIntegerField(null=True)
    adj_p_value = FiniteFloatField("adjusted p over the maps of a kind (Benjamini-Hochberg)", null=True)
    correlation = FiniteFloatField("correlation of both signatures", null=True)
    correlation_null = FiniteFloatField("correlation expected of the shared group alone", null=True)
    n_genes = models.PositiveIntegerField("genes in both lists")
    n_dropped = models.PositiveIntegerField("genes left out")
    n_tied = models.PositiveIntegerField("genes with tied values")
    step = models.PositiveIntegerField("genes from row to row", null=True)
    population_offset = models.PositiveSmallIntegerField(help_text="1: counted as R's RRHO2 does.")
    n_up_first = models.PositiveIntegerField("genes up in the first")
    n_down_first = models.PositiveIntegerField("genes down in the first")
    n_up_second = models.PositiveIntegerField("genes up in the second")
    n_down_second = models.PositiveIntegerField("genes down in the second")
    refusal = models.CharField(max_length=60, blank=True)
    messages = models.TextField(blank=True)
    cells = models.BinaryField(null=True, help_text="Both maps, packed (analysis.rrho_cells).")
    cells_sha256 = models.CharField("SHA-256 of the maps", max_length=64, blank=True)

    class Meta:
        ordering = ["run", "kind", "first", "second", "region"]
        verbose_name = "RRHO map"
        constraints = [
            models.UniqueConstraint(fields=["run", "region", "first", "second"], name="rrho_map_once"),
        ]

    def __str__(self) -> str:
        return f"{self.region.code}: {self.second} against {self.first}"

    def ends(self, quadrant: str) -> tuple[int, int]:
        """Return how many genes the quadrant takes at most from the first and from the second list."""
        first, second = quadrant.split("_")
        return (
            self.n_up_first if first == "up" else self.n_down_first,
            self.n_up_second if second == "up" else self.n_down_second,
        )


class RrhoQuadrant(Result):
    """The most improbable overlap in one quadrant of a map, at the resolution of single genes."""

    rrho_map = models.ForeignKey(RrhoMap, on_delete=models.CASCADE, related_name="quadrants")
    quadrant = models.CharField(max_length=9, choices=Quadrant)
    n_first = models.PositiveIntegerField("genes taken of the first")
    n_second = models.PositiveIntegerField("genes taken of the second")
    overlap = models.PositiveIntegerField("genes in both")
    expected = FiniteFloatField("genes expected in both, were genes independent")
    log10_p = FiniteFloatField("log10 of the hypergeometric p")
    p_value = FiniteFloatField("p from relabelings", null=True)

    class Meta:
        ordering = ["rrho_map", "pk"]
        verbose_name = "RRHO quadrant"
        constraints = [models.UniqueConstraint(fields=["rrho_map", "quadrant"], name="rrho_quadrant_once")]

    def __str__(self) -> str:
        return f"{self.rrho_map}, {self.get_quadrant_display()}"


class RrhoGene(Result):
    """A gene in both lists where the overlap of a quadrant is most improbable."""

    # Many thousand rows a run: two indexes serve every question.
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+", db_index=False)
    run = models.ForeignKey(AnalysisRun, on_delete=models.CASCADE, related_name="rrhogenes", db_index=False)
    rrho_quadrant = models.ForeignKey(RrhoQuadrant, on_delete=models.CASCADE, related_name="genes", db_index=False)
    gene = models.ForeignKey(Gene, on_delete=models.PROTECT, related_name="rrho_genes", db_index=False)
    place = models.PositiveIntegerField(help_text="1: furthest from 0 in both lists.")
    t_first = FiniteFloatField("t in the first")
    t_second = FiniteFloatField("t in the second")

    class Meta:
        ordering = ["rrho_quadrant", "place"]
        verbose_name = "RRHO gene"
        indexes = [
            models.Index(fields=["rrho_quadrant", "place"], name="rrho_gene_ranked"),
            models.Index(fields=["gene", "run"], name="rrho_gene_gene"),
        ]
