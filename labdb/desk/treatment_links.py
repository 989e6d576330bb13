"""Where a study's page leads to in treatment, for whoever may go there."""

from typing import Any

from django.urls import reverse

from analysis.models import AnalysisPlan
from labdb.colony.models import Study
from labdb.registry.permissions import may
from labdb.treatment.models import Dose, Randomization, SolutionKey, TreatmentArm, Unblinding


def treatment_links(study: Study, user: Any) -> list[tuple[str, str]]:
    """Return label and address of each page that this account may open, in the order of the work."""
    pages = (
        ("Arms", "arms-page", may(user, "view", TreatmentArm, study)),
        ("Randomize", "randomize", may(user, "add", Randomization, study)),
        ("Plan doses", "dose-plan", may(user, "add", SolutionKey, study)),
        ("Solutions and syringes", "solutions-page", may(user, "add", SolutionKey, study)),
        ("Give doses", "bench-dosing", may(user, "change", Dose, study)),
        ("Doses by mouse and day", "adherence-page", may(user, "view", Dose, study)),
        ("Analysis plan", "analysis-plan", may(user, "view", AnalysisPlan, study)),
        ("Unblinding", "unblinding-page", may(user, "view", Unblinding, study)),
        ("ARRIVE report", "arrive-page", True),
    )
    links = [(label, reverse(name, args=[study.code])) for label, name, is_open in pages if is_open]
    drawn = Randomization.objects.filter(study=study).visible_to(user).order_by("performed_at", "pk")
    return links + [(f"Randomization {one}", reverse("randomization-page", args=[study.code, one.pk])) for one in drawn]
