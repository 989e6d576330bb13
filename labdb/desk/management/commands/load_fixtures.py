"""`load_fixtures`: what every laboratory starts with. What exists is left as it is."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import models

from labdb.accounts.roles import install_roles
from labdb.registry.history import writing
from labdb.registry.record import record_for

FIXTURES = (
    "strains", "drugs", "brain-regions", "screening-rules", "phenotype-rules", "response-rules", "arenas", "arena-zones",
    "assays", "assay-metrics", "assay-readings", "schedules",
)  # fmt: skip
PARTS = {"arena-zones": "arena", "assay-readings": "metric"}  # added where what they belong to has none
ONCE = ("schedules",)  # one that the lab has renamed or deleted does not come back


class Command(BaseCommand):
    """Load roles, regions, strains, drugs, arenas, assays, default rules and schedules."""

    help = "Load what every laboratory starts with; rows that exist are left as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load every fixture."""
        with writing(door="fixture"):
            made = install_roles() + sum(_load(resource) for resource in FIXTURES)
        if options["verbosity"]:
            self.stdout.write(f"{made} fixture rows added.")


def _load(resource: str) -> int:
    """Add the rows of one file that are missing, by their names; parts by the name of their whole."""
    model: Any = record_for(resource).model
    rows = json.loads((settings.CHECKOUT / "fixtures" / f"{resource}.json").read_text())
    whole = PARTS.get(resource)
    key = whole or model.key_field
    known = set(model.objects.values_list(f"{whole}__name" if whole else key, flat=True))
    if resource in ONCE:
        known |= set(model.events.rel.related_model.objects.values_list(key, flat=True))
    missing = [row for row in rows if row[key] not in known]
    for row in missing:
        record: models.Model = model(**{name: _value(model, name, value) for name, value in row.items()})
        record.full_clean()
        record.save()
    return len(missing)


def _value(model: type[models.Model], name: str, value: Any) -> Any:
    """Return a value as the model takes it; a related record is named in the file."""
    related: Any = model._meta.get_field(name).related_model
    return related.objects.get(**{related.key_field: value}) if related else value
