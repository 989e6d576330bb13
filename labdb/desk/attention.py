"""What of the analyses waits for a person, for the first page; worked out when it is opened, for who opens it."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from analysis.models import Adoption, QualityDecision, QualityFinding
from analysis.quality_results import Severity
from labdb.registry.due import Trouble


def undecided_findings(user: Any, _today: date) -> Iterator[Trouble]:
    """Yield the studies whose quality run that counts found what nobody has decided on."""
    latest = Adoption.objects.filter(task="quality", scope="", study__state="open").order_by("study_id", "-pk")
    current = latest.distinct("study_id").annotate(results=Coalesce("run__same_as_id", "run_id")).values("results")
    decided = QualityDecision.objects.filter(
        study=OuterRef("study"), kind=OuterRef("kind"), subject=OuterRef("subject")
    ).order_by("-pk")
    found = QualityFinding.objects.all().visible_to(user).filter(run__in=current).exclude(severity=Severity.NOTE)
    found = found.annotate(
        decided_on=Subquery(decided.values("evidence")[:1])
    )  # on the same evidence, or it is open anew
    is_open = Q(decided_on=None) | ~Q(decided_on=F("evidence"))
    by_study: dict[str, Counter[str]] = {}
    for study, severity in found.filter(is_open).order_by("study__code").values_list("study__code", "severity"):
        by_study.setdefault(study, Counter())[severity] += 1
    for study, counts in by_study.items():
        named = [f"{n} {severity}{'s' if n > 1 else ''}" for severity in Severity.values if (n := counts[severity])]
        said = f"{' and '.join(named)} that nobody has decided on. Look at each, and decide."
        yield Trouble(f"{study}, quality", said, reverse("study-quality", args=[study]))
