"""What a single test or sample says of its exclusion; that of a whole mouse is a record of its own."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from labdb.registry.rules import RowRule

EXCLUSION_FIELDS = ("exclusion_criterion", "is_exclusion_a_priori", "excluded_by")


class Excludable(models.Model):
    """A test or sample that an analysis leaves out when a criterion stands beside it.

    A child's Meta names ``*Excludable.Meta.constraints`` among its own, its record ``*EXCLUSION_FIELDS``.
    """

    exclusion_criterion = models.CharField(
        max_length=200,
        blank=True,
        help_text="Why analyses leave it out, such as fell off the platform; empty keeps it in.",
    )
    is_exclusion_a_priori = models.BooleanField(
        "criterion set a priori",
        null=True,
        blank=True,
        help_text="Whether the criterion was written down before any result was seen; empty when nobody knows.",
    )
    excluded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who decided it.",
    )

    class Meta:
        abstract = True
        constraints: ClassVar[list[Any]] = [
            RowRule(
                condition=~Q(exclusion_criterion="") | Q(is_exclusion_a_priori=None, excluded_by=None),
                name="%(class)s_exclusion_has_criterion",
                field="exclusion_criterion",
                sentence="An exclusion needs its criterion; enter it, or leave a priori and excluded by empty.",
            )
        ]

    @classmethod
    def included(cls) -> Q:
        """Return the condition of rows that analyses read: neither the row nor its mouse is excluded."""
        return Q(exclusion_criterion="", mouse__exclusions=None)
