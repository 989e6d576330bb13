"""Versioned rules by which tests are read."""

from django.db import models

from analysis.kernels import phenotype, response
from labdb.registry.fields import FiniteFloatField
from labdb.registry.history import tracked
from labdb.registry.rules import between, one_per
from labdb.registry.versioned_rule import Rule


@tracked
class PhenotypeRule(Rule):
    """How an SI test makes a defeated mouse susceptible or resilient."""

    kernel_rule = phenotype.PhenotypeRule

    cutoff = FiniteFloatField("cutoff (SI ratio)", default=1.0, help_text="Below it a defeated mouse is susceptible.")
    control_sd = FiniteFloatField(
        "cutoff as control mean minus k SD", null=True, blank=True,
        help_text="If set, k: the cutoff is the control mean minus k SD of the same cohort (needs 8 controls).",
    )  # fmt: skip
    min_iz_present_s = FiniteFloatField(
        "least time in IZ with target, resilient (s)", null=True, blank=True,
        help_text="If set, a mouse with less is not called resilient.",
    )  # fmt: skip
    max_corner_ratio = FiniteFloatField(
        "greatest corner ratio, resilient", null=True, blank=True,
        help_text="If set, a mouse with more is not called resilient; above 1 it avoids the target.",
    )  # fmt: skip
    borderline = FiniteFloatField(
        "borderline half-width (SI ratio)", default=0.05, help_text="Calls this near to the cutoff are marked."
    )

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

    cutoff = FiniteFloatField(
        "cutoff (SI ratio)", default=1.0, help_text="At or above it, a mouse that was below it responds."
    )
    reliable_change = models.BooleanField(
        "require a reliable change", default=True, help_text="The change must exceed what re-tested controls show."
    )
    borderline = FiniteFloatField(
        "borderline half-width (SI ratio)", default=0.05, help_text="A crossing within this band is no response."
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            one_per(
                "name", name="response_rule_name_once", field="name", sentence="{value} is already a response rule."
            ),
            between("cutoff", 0.01, 10, "", "response_rule_cutoff"),
            between("borderline", 0, 1, "", "response_rule_borderline"),
        ]
