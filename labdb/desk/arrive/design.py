"""Items 1 to 5: design, sample size, criteria, randomization, blinding."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from analysis.analysis_plan import latest_frozen
from analysis.frames import arms_of_mice
from analysis.models import AnalysisRun, PhenotypeCall, ResponseCall, RunStatus, SignatureReversal
from analysis.summaries import current_runs
from labdb.behavior.models import AssayResult, SiTestPlan, SocialInteractionTest
from labdb.colony.models import Mouse, Study
from labdb.defeat.models import RotationPlan
from labdb.desk.animal_flow import animal_flow
from labdb.desk.arrive.report import Asked, Item, Section, counted, spelled, told
from labdb.desk.exclusions_page import excluded_rows
from labdb.registry.history import events_of
from labdb.tissue.models import TissueMeasurement
from labdb.treatment.allocators import key_holders
from labdb.treatment.models import Allocation, Randomization, TreatmentArm, Unblinding

SCORES = ((SocialInteractionTest, "scorer"), (AssayResult, "performed_by"), (TissueMeasurement, "rater"))


def sections(asked: Asked) -> Iterator[Section]:
    """Yield the sections that say how the study was planned."""
    yield Section(1, "Study design", (_groups(asked), _unit(asked)))
    yield Section(2, "Sample size", (_n(asked), _n_decided(asked)))
    yield Section(3, "Inclusion and exclusion criteria", (_criteria(asked), _excluded(asked), _n_analyzed(asked)))
    yield Section(4, "Randomization", (_randomization(asked), _confounders(asked)))
    yield Section(5, "Blinding", (_blinding(asked),))


def arm_sizes(asked: Asked) -> dict[str, int]:
    """Return how many mice each arm has; arms are letters while the study is blinded, whoever asks."""
    called = arms_of_mice(asked.study, asked.user)["label"]
    return dict(sorted(Counter(called.dropna()).items()))


def _groups(asked: Asked) -> Item:
    item = Item("1a", "Groups that are compared")
    item.say(asked.study.question)
    mice = asked.rows(Mouse)
    item.show("Mice as entered", ("Group", "n"), [(group or "no group", n) for group, n in _by(mice, "group")])
    if run := current_runs(asked.study).get("phenotype"):
        calls = run.results_run.phenotypecalls.order_by()
        item.show(f"Phenotypes (run {run.pk})", ("Phenotype", "n"), _by(calls, "phenotype"))
    sizes = arm_sizes(asked)
    if asked.study.is_blinded:  # with unequal shares a number tells which arm it is
        item.say(f"Arms: {spelled(list(sizes))}; what each of them gets, allocators alone know." if sizes else "")
    else:
        rows = [(arm, n, _gets(asked, arm)) for arm, n in sizes.items()]
        item.show("Treatment arms", ("Arm", "Mice", "What they get"), rows)
    without = mice.filter(group="").count()
    if not mice.exists():
        item.miss("No mouse is entered.", asked.list_url(Mouse))
    elif without:
        item.miss(f"{counted(without, 'mouse has', 'mice have')} no group.", asked.list_url(Mouse, "group="))
    if not asked.study.question:
        item.miss("What the study asks.", asked.edit_url)
    return item


def _by(rows: Any, name: str) -> list[tuple[Any, int]]:
    counts = Counter(rows.values_list(name, flat=True))
    return sorted(counts.items(), key=lambda one: str(one[0]))


def _gets(asked: Asked, arm: str) -> str:
    found = asked.rows(TreatmentArm).filter(name=arm).prefetch_related("components__drug").first()
    return "; ".join(str(part) for part in found.components.all()) if found else ""


def _unit(asked: Asked) -> Item:
    item = Item("1b", "Experimental unit")
    item.say("The single mouse: it is defeated, tested, allocated and dosed by itself.")
    if SignatureReversal.objects.filter(study=asked.study).exists():
        item.say(
            "In the analyses of expression a mouse gives one library to each region; regions are analyzed apart, and "
            "labels are exchanged between mice, never between samples."
        )
    return item


def _n(asked: Asked) -> Item:
    item = Item("2a", "Number of experimental units", has_flow=True)
    steps = animal_flow(asked.study, current_runs(asked.study).get("phenotype"))
    item.show(
        "Animals by step",
        ("Step", "n", "By group", "Left before it"),
        [
            (
                step.name, step.n, ", ".join(f"{group} {n}" for group, n in step.groups.items()),
                "; ".join(f"{n} {reason}" for reason, n in step.left.items()),
            )
            for step in steps
        ],
    )  # fmt: skip
    planned, actual = asked.study.planned_n, steps[0].n if steps else 0
    if planned is None:
        item.miss("The planned number of mice.", asked.edit_url)
    else:
        item.say(f"Planned {counted(planned, 'mouse', 'mice')}, entered {actual:,}.")
    return item


def _n_decided(asked: Asked) -> Item:
    item = Item("2b", "How the number was decided")
    item.say(asked.study.planned_n_basis)
    if not asked.study.planned_n_basis:
        item.miss("How the number of mice was decided.", asked.edit_url)
    return item


def _criteria(asked: Asked) -> Item:
    item = Item("3a", "Criteria, and whether they were set a priori")
    plan = latest_frozen(asked.study)
    if plan is not None:
        planned = "; ".join(plan.criteria) or "none"
        item.say(f"Planned a priori (analysis plan {plan.number}, frozen {_at(plan.frozen_at)}): {planned}.")
    else:
        page = reverse("analysis-plan", args=[asked.study.code])
        item.miss("An analysis plan that was frozen with the criteria of exclusion.", page)
    for task, run in current_runs(asked.study).items():
        rule = run.parameters.get("rule")
        if rule:
            item.say(f"{task.replace('_', ' ').capitalize()} by the rule “{rule}” (run {run.pk}).")
    rows = excluded_rows(asked.study, asked.user)
    criteria = sorted({(row.criterion, row.a_priori) for row in rows})
    item.show("Criteria of exclusion in use", ("Criterion", "Set a priori"), criteria)
    if any(row.a_priori == "unknown" for row in rows):
        item.miss("Whether every criterion was set a priori.", reverse("exclusions-page", args=[asked.study.code]))
    return item


def _excluded(asked: Asked) -> Item:
    item = Item("3b", "What was excluded, and why")
    rows = excluded_rows(asked.study, asked.user)
    counts = Counter((row.kind, row.criterion, row.a_priori, row.blind, row.unblinded) for row in rows)
    header = ("Kind", "Criterion", "A priori", "Decided blind", "After unblinding", "n")
    item.show("Exclusions", header, [(*key, n) for key, n in sorted(counts.items())])
    if not rows:
        item.say("Nothing was excluded.")
    if any(row.blind == "unknown" for row in rows):
        item.miss("Whether every exclusion was decided blind.", reverse("exclusions-page", args=[asked.study.code]))
    return item


def _n_analyzed(asked: Asked) -> Item:
    item = Item("3c", "Exact n of each analysis")
    runs = {task: run.results_run for task, run in current_runs(asked.study).items()}
    if run := runs.get("phenotype"):
        calls = PhenotypeCall.objects.filter(run=run).order_by()
        item.show("Phenotype", ("Phenotype", "n"), _by(calls, "phenotype"))
    if run := runs.get("response"):
        answers = _by(ResponseCall.objects.filter(run=run).order_by(), "response")
        item.show("Response", ("Response", "n"), [(name.replace("_", "-"), n) for name, n in answers])
    if run := runs.get("reversal"):
        tests = run.signaturereversals.filter(estimand="arm").select_related("region").order_by("region_id", "pk")
        rows = [(one.region, one.arm, one.n_control, one.n_stress, one.n_treated) for one in tests]
        item.show("Reversal", ("Region", "Arm", "Control", "Susceptible, vehicle", "Treated"), rows)
    if not runs:
        item.miss("No analysis has current results.", reverse("study-page", args=[asked.study.code]))
    return item


def _randomization(asked: Asked) -> Item:
    item = Item("4a", "Allocation to groups")
    # Method and factors tell no arm, so they are for all; seed, shares and inputs would give the list away.
    drawn = Randomization.objects.filter(study=asked.study).order_by("performed_at")
    shown = set() if asked.study.is_blinded else {row.pk for row in asked.rows(Randomization)}
    rows = [
        (
            row.code if row.pk in shown else "–", timezone.localdate(row.performed_at), row.method, row.strata,
            row.algorithm_version, row.seed if row.pk in shown else "known to the allocators",
        )
        for row in drawn
    ]  # fmt: skip
    header = ("Randomization", "Day", "Method", "Factors", "Version", "Seed")
    item.show("Randomizations", header, rows)
    holding = Allocation.objects.filter(Allocation.holding(), study=asked.study)
    n_drawn, n_given = (holding.filter(randomization__isnull=empty).count() for empty in (False, True))
    if n_drawn or n_given:
        item.say(
            f"{counted(n_drawn, 'mouse', 'mice')} allocated at random, {n_given:,} given vehicle without randomization."
        )
    for row in drawn:
        if row.pk in shown:
            item.say(f"{row.code}: {row.eligibility}." if row.eligibility else "")
            item.say(f"{row.code} replaced an earlier list: {row.reason}" if row.reason else "")
    if not drawn:
        item.miss("No randomization is recorded.", asked.list_url(Randomization))
    elif n_seedless := sum(row.seed is None for row in drawn):
        item.miss(
            f"{counted(n_seedless, 'randomization')} without a seed cannot be repeated.", asked.list_url(Randomization)
        )
    return item


def _confounders(asked: Asked) -> Item:
    item = Item("4b", "Confounders kept small")
    for model, what in ((RotationPlan, "aggressors"), (SiTestPlan, "SI tests, their order, arenas and targets")):
        plans = asked.rows(model)
        if n := plans.filter(seed__isnull=False).count():
            item.say(f"{counted(n, 'plan')} of {what} drawn at random, each with its seed.")
    tests = asked.rows(SocialInteractionTest)
    if n := tests.filter(order_of_day__isnull=False).count():
        item.say(f"The order of the day is recorded of {n:,} of {counted(tests.count(), 'SI test')}.")
    elif tests.exists():
        item.miss("The order of the SI tests on their day.", asked.list_url(SocialInteractionTest))
    if arenas := told(tests, "arena__name"):
        item.say(f"Arenas of the SI tests: {arenas}.")
    if not item.sentences and not item.gaps:
        item.miss("How order of treatment and test and place of cages were kept from confounding.")
    return item


def _blinding(asked: Asked) -> Item:
    study = asked.study
    item = Item("5", "Who knew the groups, and when")
    log = list(Unblinding.objects.filter(study=study).select_related("mouse", "by").order_by("at"))
    since = _blinded_since(study)
    if study.is_blinded:
        item.say(f"The study is blinded{f' since {_day(since)}' if since else ''}.")
    elif log or since:
        item.say(f"The study was blinded{f' from {_day(since)}' if since else ''} until {_until(study)}.")
    else:
        item.miss("The study was never blinded here; say who knew the groups at each stage.", asked.edit_url)
    if holders := list(key_holders(study)):
        item.say(f"The key is held by {spelled(holders)}; everybody else works with codes.")
    rows = [(_at(row.at), row.mouse or "the study", row.reason, row.by) for row in log]
    item.show("Unblinding", ("When", "What", "Why", "Who"), rows)
    _scores(asked, item, log)
    if ratings := told(asked.rows(TissueMeasurement), "is_rater_blinded", "unknown"):
        item.say(f"Raters of tissue measurements blinded: {ratings.replace('True', 'yes').replace('False', 'no')}.")
    if study.unblinded_at:
        done = AnalysisRun.objects.filter(study=study, status=RunStatus.DONE).exclude(task="pipeline")
        before = done.filter(finished_at__lt=study.unblinded_at).count()
        item.say(f"{before:,} of {counted(done.count(), 'analysis', 'analyses')} were computed before the unblinding.")
    return item


def _blinded_since(study: Study) -> Any:
    """Return when the study was first blinded, by its history."""
    return events_of(study).filter(is_blinded=True).order_by("pgh_id").values_list("pgh_created_at", flat=True).first()


def _until(study: Study) -> str:
    return _at(study.unblinded_at) if study.unblinded_at else "an unblinding of which there is no log"


def _scores(asked: Asked, item: Item, log: list[Unblinding]) -> None:
    """Say of each kind of score how many were entered, or changed, after an unblinding, and by holders of the key."""
    holders = set(key_holders(asked.study).values_list("pk", flat=True))
    rows = []
    for model, scorer in SCORES:
        scores = asked.rows(model)
        if not (n := scores.count()):
            continue
        after = scores.filter(entered_unblinded=True).count()
        changed = _changed_after(model, asked.study)
        by_holders = scores.filter(Q(created_by__in=holders) | Q(**{f"{scorer}__in": holders})).count()
        rows.append((model._meta.verbose_name_plural, n, after, changed, by_holders))
    if log or asked.study.is_blinded:
        header = ("Scores", "n", "Entered after unblinding", "Changed after it", "By holders of the key")
        item.show("Scores and the blind", header, rows)


def _changed_after(model: Any, study: Study) -> int:
    if study.unblinded_at is None:
        return 0
    events = model._meta.get_field("events").related_model.objects
    later = events.filter(study=study, pgh_label="update", pgh_created_at__gt=study.unblinded_at)
    return later.values("pgh_obj_id").distinct().count()


def _day(at: Any) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d}"


def _at(at: Any) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
