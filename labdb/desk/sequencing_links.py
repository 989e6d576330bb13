"""Where a study's page leads to on the way from tissue to counts, for whoever may go there."""

from typing import Any

from django.urls import reverse

from labdb.colony.models import Study
from labdb.registry.permissions import may
from labdb.sequencing.models import Library, RnaExtraction


def sequencing_links(study: Study, user: Any) -> list[tuple[str, str]]:
    """Return label and address of each page that this account may open, in the order of the work."""
    pages = (
        ("RNA quality files", "rna-quality", may(user, "change", RnaExtraction, study)),
        ("Pools and lanes", "pools-page", may(user, "view", Library, study)),
    )
    return [(label, reverse(name, args=[study.code])) for label, name, is_open in pages if is_open]
