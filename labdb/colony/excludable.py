"""What a single test or sample says of its exclusion; that of a whole mouse is a record of its own."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Q

from labdb.registry.rules import RowRule

EXCLUSION_FIELDS = ("exclusion_criterion", "is_exclusion_a_priori", "is_exclusion_blind", "excluded_by")
SEEN_BLIND = (
    "Yes when who decided knew neither group nor treatment of the mouse, no when one of them; empty when nobody knows."
)


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
    is_exclusion_blind = models.BooleanField("decided blind", null=True, blank=True, help_text=SEEN_BLIND)
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
                condition=~Q(exclusion_criterion="")
                | Q(is_exclusion_a_priori=None, is_exclusion_blind=None, excluded_by=None),
                name="%(class)s_exclusion_has_criterion",
                field="exclusion_criterion",
                sentence="An exclusion needs its criterion; enter it, or leave a priori, blind and excluded by empty.",
            )
        ]

    @classmethod
    def included(cls) -> Q:
        """Return the condition of rows that analyses read: neither the row nor its mouse is excluded."""
        return Q(exclusion_criterion="", mouse__exclusions=None)

    @classmethod
    def marks(cls, rows: Sequence[Self]) -> dict[Any, str]:
        """Return why analyses leave rows out: their own criterion, else that of the mouse."""
        own = {row.pk: f"excluded: {row.exclusion_criterion}" for row in rows if row.exclusion_criterion}
        mice: dict[Any, Any] = {row.pk: getattr(row, "mouse_id") for row in rows}  # noqa: B009 (a child has the mouse)
        of_mice = marks_of_mice(mice.values())
        return {pk: f"mouse {of_mice[mouse]}" for pk, mouse in mice.items() if mouse in of_mice} | own


def marks_of_mice(mice: Iterable[int]) -> dict[int, str]:
    """Return why analyses leave these mice out, by primary key."""
    return _marks(mouse__in=set(mice))


def marks_of_study(study: Any) -> dict[int, str]:
    """Return why analyses leave mice of a study out, by primary key; none is named, of which a study may have thousands."""
    return _marks(study=study)


def _marks(**of: Any) -> dict[int, str]:
    rows = apps.get_model("colony", "Exclusion").objects.filter(**of).order_by("mouse", "criterion")
    criteria: dict[int, list[str]] = {}
    for mouse, criterion in rows.values_list("mouse_id", "criterion"):
        criteria.setdefault(mouse, []).append(criterion)
    return {mouse: f"excluded: {'; '.join(some)}" for mouse, some in criteria.items()}
