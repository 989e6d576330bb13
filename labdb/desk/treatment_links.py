"""Where a study's treatment is set up and looked at."""

from typing import Any

from django.urls import reverse

from labdb.colony.models import Study
from labdb.registry.permissions import may
from labdb.treatment.models import Dose, SolutionKey, TreatmentArm


def treatment_links(study: Study, user: Any) -> list[tuple[str, str]]:
    """Return the pages that this account may open, as label and address."""
    pages = (
        ("Arms", "arms-page", may(user, "view", TreatmentArm, study)),
        ("Plan doses", "dose-plan", may(user, "add", SolutionKey, study)),
        ("Solutions and syringes", "solutions-page", may(user, "add", SolutionKey, study)),
        ("Give doses", "bench-dosing", may(user, "change", Dose, study)),
        ("Doses by mouse and day", "adherence-page", may(user, "view", Dose, study)),
    )
    return [(label, reverse(name, args=[study.code])) for label, name, is_open in pages if is_open]
