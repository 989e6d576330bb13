"""Where a study went another way than its analysis plan: planned against done, each a sentence with a link."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone

from analysis.analysis_plan import AnalysisPlan, parts_of
from analysis.frames import arms_of_mice
from analysis.models import Adoption, AnalysisRun, Contrast, GeneResult
from analysis.summaries import current_runs
from labdb.colony.models import Mouse, Study
from labdb.desk.exclusions_page import excluded_rows


@dataclass(frozen=True)
class Deviation:
    """One difference between plan and study."""

    sentence: str
    url: str = ""


def deviations(plan: AnalysisPlan, user: Any) -> list[Deviation]:
    """Return the differences, in the order of the plan; nothing of the arms of a blinded study."""
    study = plan.study
    runs = current_runs(study)
    found = [*_frozen_late(plan, study), *_sizes(plan, study, runs, user), *_outcome(plan, study), *_rules(plan, runs)]
    return [*found, *_contrasts(plan, study, runs), *_exclusions(plan, study, user)]


def _frozen_late(plan: AnalysisPlan, study: Study) -> Iterator[Deviation]:
    if plan.frozen_at is None:
        yield Deviation("The plan is not frozen: it can still be changed.")
        return
    if study.unblinded_at and study.unblinded_at < plan.frozen_at:
        sentence = f"The plan was frozen after the study was unblinded ({_at(study.unblinded_at)})."
        yield Deviation(sentence, reverse("unblinding-page", args=[study.code]))
    # Who is susceptible is known before treatment; what treatment did is not.
    before = Adoption.objects.filter(study=study, adopted_at__lt=plan.frozen_at).exclude(task="phenotype")
    first = before.select_related("run").order_by("pk").first()
    if first is not None:
        sentence = (
            f"The plan was frozen when results were known already: {first.run} was adopted {_at(first.adopted_at)}."
        )
        yield Deviation(sentence, reverse("analysis-run", args=[first.run_id]))


def actual_sizes(study: Study, runs: dict[str, AnalysisRun], user: Any) -> dict[str, int]:
    """Return how many mice that are not excluded each name stands for: a group, a phenotype, an arm, or both.

    No arm while the study is blinded: its number could tell which it is.
    """
    mice = dict(Mouse.objects.filter(study=study, exclusions=None).values_list("pk", "group"))
    run = runs.get("phenotype")
    calls = dict(run.results_run.phenotypecalls.values_list("mouse_id", "phenotype")) if run else {}
    # The arm of controls is the vehicle's, and of unequal arms the number tells which it is.
    arms = {} if study.is_blinded else arms_of_mice(study, user)["label"].dropna().to_dict()
    counts: Counter[str] = Counter()
    for mouse, group in mice.items():
        names = {group, calls.get(mouse, ""), arms.get(mouse, "")}
        names |= {f"{first} {arms[mouse]}" for first in (group, calls.get(mouse)) if first and mouse in arms}
        counts.update(names - {""})
    return dict(counts)


def _sizes(plan: AnalysisPlan, study: Study, runs: dict[str, AnalysisRun], user: Any) -> Iterator[Deviation]:
    actual = actual_sizes(study, runs, user)
    listed = reverse("record-list", kwargs={"resource": "mice"}) + f"?study={study.code}"
    for name, planned in plan.planned.items():
        if name not in actual and study.is_blinded:
            yield Deviation(f"{name}: {planned} planned; arms are not counted while the study is blinded.", listed)
        elif name not in actual:
            yield Deviation(f"{name}: {planned} planned, and no mouse is called so.", listed)
        elif actual[name] != planned:
            yield Deviation(f"{name}: {planned} planned, {actual[name]} there (excluded ones not counted).", listed)


def _outcome(plan: AnalysisPlan, study: Study) -> Iterator[Deviation]:
    said, planned = (" ".join(text.split()) for text in (study.primary_outcome, plan.primary_outcome))
    if said and said != planned:
        url = reverse("record-detail", args=["studies", study.pk])
        yield Deviation(f"The study names another primary outcome than the plan: {said}", url)


def _rules(plan: AnalysisPlan, runs: dict[str, AnalysisRun]) -> Iterator[Deviation]:
    for task, rule in (("phenotype", plan.phenotype_rule), ("response", plan.response_rule)):
        used = runs[task].parameters.get("rule") if task in runs else None
        if used and (rule is None or rule.name != used):
            planned = f"“{rule}” was planned" if rule else "no rule was planned"
            url = reverse("analysis-run", args=[runs[task].pk])
            yield Deviation(f"{task.capitalize()} counts by the rule “{used}”; {planned}.", url)


def _contrasts(plan: AnalysisPlan, study: Study, runs: dict[str, AnalysisRun]) -> Iterator[Deviation]:
    planned = parts_of(plan.contrasts)
    run = runs.get("differential_expression")
    done: set[str] = set()
    if run is not None:
        results = GeneResult.objects.filter(run=run.results_run).order_by()
        done = set(Contrast.objects.filter(pk__in=results.values("contrast")).values_list("name", flat=True))
    listed = reverse("record-list", kwargs={"resource": "contrasts"}) + f"?study={study.code}"
    for name in planned:
        if name not in done:
            yield Deviation(f"The contrast “{name}” was planned and has no current results.", listed)
    for name in sorted(done - set(planned)):
        yield Deviation(f"The contrast “{name}” was computed and not planned.", listed)


def _exclusions(plan: AnalysisPlan, study: Study, user: Any) -> Iterator[Deviation]:
    planned = {criterion.casefold() for criterion in plan.criteria}
    page = reverse("exclusions-page", args=[study.code])
    rows = excluded_rows(study, user)
    for (kind, criterion), n in Counter((row.kind, row.criterion) for row in rows).items():
        if " ".join(criterion.split()).casefold() not in planned:
            yield Deviation(f"{n} excluded ({kind.lower()}) by a criterion that is not in the plan: {criterion}.", page)
    later = [row for row in rows if row.a_priori == "no"]
    if later:
        yield Deviation(f"{len(later)} excluded by a criterion that was not set a priori.", page)
    after = [row for row in rows if row.is_unblinded]
    if after:
        yield Deviation(f"{len(after)} excluded after an unblinding.", page)


def _at(at: Any) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
