"""What of the analyses waits for a person, for the first page; worked out when it is opened, for who opens it."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from analysis.models import Adoption, AnalysisRun, QualityDecision, QualityFinding
from analysis.quality_results import Severity
from analysis.refresh import stale_chain
from labdb.colony.models import Study
from labdb.registry.due import Trouble

STUDIES_LOOKED_AT = 20  # a handful of questions to the database for each; the page of a study always says it


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


def stale_results(user: Any, _today: date) -> Iterator[Trouble]:
    """Yield the studies whose results that count no longer follow from their records; which ones, the page says."""
    counting = AnalysisRun.objects.all().visible_to(user).filter(study__state="open", adoptions__isnull=False)
    for study in Study.objects.filter(pk__in=counting.order_by().values("study")).order_by("code")[:STUDIES_LOOKED_AT]:
        tasks = dict.fromkeys(one.run.task.replace("_", " ") for one in stale_chain(study))
        if tasks:
            said = f"{', '.join(tasks)}: out of date since records changed. See why, and bring them up to date."
            yield Trouble(f"{study.code}, results", said, reverse("study-page", args=[study.code]))
