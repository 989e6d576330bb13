"""Where mice come from: a litter of the house, or a shipment."""

from collections.abc import Iterator, Sequence
from typing import Self

from django.db import models
from django.db.models import F, Q

from labdb.colony.models.dates import refuse_future
from labdb.colony.models.study import Strain
from labdb.registry.fields import CodeField
from labdb.registry.findings import Finding, Grade
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import RowRule, between, unique_code

NAMED = 5  # mice named in a sentence; the list shows all


@tracked
class Litter(StudyRecord):
    """Mice born together in the house."""

    code = CodeField(help_text="As on the breeding card; unique in the study.")
    strain = models.ForeignKey(Strain, null=True, blank=True, on_delete=models.PROTECT, related_name="litters")
    dam = models.CharField(max_length=50, blank=True, help_text="The mother, as the breeding book names her.")
    sire = models.CharField(max_length=50, blank=True, help_text="The father, as the breeding book names him.")
    birth_date = models.DateField(null=True, blank=True)
    born_count = models.PositiveSmallIntegerField("pups born", null=True, blank=True)
    wean_date = models.DateField("weaned on", null=True, blank=True)
    weaned_count = models.PositiveSmallIntegerField("pups weaned", null=True, blank=True)

    class Meta:
        ordering = ["study", "code"]
        constraints = [
            unique_code("litter", "a litter"),
            between("born_count", 1, 30, "", "litter_born_count"),
            RowRule(
                condition=Q(wean_date__gte=F("birth_date")), name="litter_weaned_after_birth", field="wean_date",
                sentence="{value} is before the birth ({row.birth_date}); correct one of the two dates.",
            ),
            RowRule(
                condition=Q(weaned_count__lte=F("born_count")), name="litter_weans_what_was_born",
                field="weaned_count",
                sentence="{value} pups weaned are more than were born ({row.born_count}); correct one of the two.",
            ),
        ]  # fmt: skip

    def clean(self) -> None:
        """Refuse births and weanings that lie in the future."""
        super().clean()
        refuse_future(birth_date=self.birth_date, wean_date=self.wean_date)

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Warn of mice that were born on another day than their litter."""
        yield from super().findings(rows)
        known = {row.pk: number for number, row in enumerate(rows) if row.pk and row.birth_date}
        litters = cls.objects.filter(pk__in=known, mice__birth_date__isnull=False).order_by("mice__code")
        others: dict[int, list[str]] = {}
        for litter, code, born in litters.values_list("pk", "mice__code", "mice__birth_date"):
            if born != rows[known[litter]].birth_date:
                others.setdefault(known[litter], []).append(f"{code} ({born})")
        for number, named in others.items():
            yield Finding(
                number,
                "birth_date",
                f"Mice of this litter were born on another day: {_listed(named)}; correct them as well.",
                Grade.WARNING,
            )


@tracked
class Shipment(StudyRecord):
    """Mice that a vendor or another laboratory sent."""

    code = CodeField(help_text="Order or delivery number; unique in the study.")
    vendor = models.CharField(max_length=100, blank=True, help_text="Who sent them: a company or a laboratory.")
    strain = models.ForeignKey(Strain, null=True, blank=True, on_delete=models.PROTECT, related_name="shipments")
    arrival_date = models.DateField("arrived on", null=True, blank=True)
    birth_date_from = models.DateField(
        "born from", null=True, blank=True, help_text="First day of the birth window that the vendor states."
    )
    birth_date_to = models.DateField(
        "born to", null=True, blank=True, help_text="Last day of the birth window that the vendor states."
    )
    animal_count = models.PositiveSmallIntegerField("animals", null=True, blank=True)
    health_report = models.TextField(
        blank=True, help_text="What the report says, such as FELASA negative, 12 March; attach the file itself."
    )

    class Meta:
        ordering = ["study", "code"]
        constraints = [
            unique_code("shipment", "a shipment"),
            between("animal_count", 1, 5000, "", "shipment_animal_count"),
            RowRule(
                condition=Q(birth_date_to__gte=F("birth_date_from")), name="shipment_birth_window",
                field="birth_date_to",
                sentence="{value} is before the first day of the window ({row.birth_date_from}); exchange the two.",
            ),
            RowRule(
                condition=Q(arrival_date__gte=F("birth_date_to")), name="shipment_arrives_after_births",
                field="arrival_date",
                sentence="{value} is before the last birth ({row.birth_date_to}); correct one of the two dates.",
            ),
        ]  # fmt: skip

    def clean(self) -> None:
        """Refuse arrivals and births that lie in the future."""
        super().clean()
        refuse_future(
            arrival_date=self.arrival_date, birth_date_from=self.birth_date_from, birth_date_to=self.birth_date_to
        )


def _listed(named: list[str]) -> str:
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return ", ".join(named[:NAMED]) + more
