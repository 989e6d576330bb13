"""Where a study's page leads to in treatment, for whoever may go there."""

from typing import Any

from django.urls import reverse

from labdb.colony.models import Study
from labdb.registry.permissions import may
from labdb.treatment.models import Randomization


def treatment_links(study: Study, user: Any) -> list[tuple[str, str]]:
    """Return label and address of each page."""
    links = []
    if may(user, "add", Randomization, study):
        links.append(("Randomize", reverse("randomize", args=[study.code])))
    seen = Randomization.objects.filter(study=study).visible_to(user).order_by("performed_at", "pk")
    for one in seen:
        links.append((f"Randomization {one}", reverse("randomization-page", args=[study.code, one.pk])))
    return links
