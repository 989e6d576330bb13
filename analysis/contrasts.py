"""The questions of differential expression: contrasts of groups, or of the coefficients of a formula."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from analysis.kernels.formula import EXAMPLE, parse_combination, parse_formula
from analysis.library_fields import check_field
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import RowRule, one_per
from labdb.tissue.models import BrainRegion


@tracked
class Contrast(StudyRecord):
    """A comparison of two sets of libraries: numerator minus denominator."""

    key_field: ClassVar[str] = "name"

    name = models.CharField(max_length=100)
    group_by = models.CharField(
        max_length=100,
        help_text="The field that makes the groups: mouse__group, mouse__phenotype, mouse__arm, mouse__treatment_outcome, mouse__treatment (the same by whole arms), library__condition, ...",
    )
    numerator = models.CharField(
        max_length=300,
        help_text="Value of that field; several are separated by semicolons. With a formula: coefficients, such as a - b.",
    )
    denominator = models.CharField(
        max_length=300, blank=True,
        help_text="Value of that field; several are separated by semicolons. With a formula: may be empty.",
    )  # fmt: skip
    covariates = models.CharField(
        max_length=300, blank=True, default="library__pool",
        help_text="Fields adjusted for where they vary within a region, separated by semicolons.",
    )  # fmt: skip
    formula = models.CharField(
        max_length=500, blank=True,
        help_text=f"A model of one's own in place of groups and covariates, such as {EXAMPLE}; a:b is an interaction.",
    )  # fmt: skip
    region = models.ForeignKey(
        BrainRegion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="contrasts",
        help_text="Empty: each region.",
    )

    class Meta:
        ordering = ["study", "name"]
        constraints = [
            one_per(
                "study", "name", name="contrast_name_once", field="name",
                sentence="{value} is already a contrast of this study; choose another name.",
            ),
            RowRule(
                condition=~Q(denominator="") | ~Q(formula=""), name="contrast_against_something", field="denominator",
                sentence="Nothing to compare {row.numerator} with; name a group, or write a formula and its coefficients.",
            ),
        ]  # fmt: skip

    def clean(self) -> None:
        """Refuse fields that do not exist, and what a formula cannot be read from."""
        super().clean()
        errors: dict[str, list[str]] = {}
        for where in ("group_by", "covariates"):
            for name in self.values_of(getattr(self, where) or ""):
                _tell(errors, where, check_field, name)
        if self.formula:
            for name in _tell(errors, "formula", _fields_of_formula, self.formula) or ():
                _tell(errors, "formula", check_field, name)
            for where in ("numerator", "denominator"):
                _tell(errors, where, parse_combination, getattr(self, where) or "")
        if errors:
            raise ValidationError(errors)

    @staticmethod
    def values_of(text: str) -> list[str]:
        """Return the values of a field that holds several."""
        return [value.strip() for value in text.split(";") if value.strip()]


def _tell(errors: dict[str, list[str]], where: str, check: Callable[[str], Any], text: str) -> Any:
    """Return what a check makes of a text; what it says against it is kept by field."""
    try:
        return check(text)
    except ValueError as error:
        errors.setdefault(where, []).append(str(error))
        return None


def _fields_of_formula(text: str) -> tuple[str, ...]:
    return parse_formula(text).fields
