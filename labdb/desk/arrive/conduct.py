"""Items 6 to 9: outcome measures, statistics, animals, procedures."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from django.db.models import Max, Min
from django.utils import timezone

from analysis.analysis_plan import latest_frozen
from analysis.frames import body_mass_frame
from analysis.models import Contrast
from analysis.summaries import current_runs
from labdb.behavior.models import AssayMetric, AssayResult, SocialInteractionTest
from labdb.colony.models import Cage, Litter, Mouse, Shipment, Study
from labdb.defeat.models import DefeatBout, DefeatCourse
from labdb.desk.arrive.report import Asked, Item, Section, counted, number, spread, told
from labdb.desk.plan_deviations import deviations
from labdb.sequencing.models import CountMatrix, RnaExtraction
from labdb.tissue.models import Dissection, TissueMeasurement, TissueSample
from labdb.treatment.models import GIVEN, Dose, TreatmentComponent

# What each task does, in a sentence of a methods section; the sources stand in docs/statistics.md.
METHODS = {
    "phenotype": "Defeated mice were called susceptible or resilient by the SI ratio of their first test; controls are never called.",
    "response": "Response: the ratio crosses the cutoff and changes by more than re-tested controls do. Rates with Wilson intervals, differences by Newcombe's interval and Barnard's exact test.",
    "quality": "Libraries were checked for region, sex, duplicates, reads and likeness to the others, and groups for confounding with pools, runs, cages and cohorts (Cramer's V).",
    "differential_expression": "Differential expression by limma-voom on TMM-normalized counts within each region; p adjusted by Benjamini and Hochberg.",
    "reversal": "Reversal of the stress signature by the debiased fraction undone; p by exchanging arms between mice within sequencing runs, adjusted over arms and regions.",
    "mouse_scores": "Each mouse placed between the means of control and susceptible mice, leaving it out where it anchors the axis.",
    "resilience": "Resilient less control against treated less susceptible mice, tested by relabeling mice within sequencing runs; and every mouse placed between control, susceptible and resilient.",
    "drug_genes": "limma-voom of whole arms and of outcomes beside vehicle of the same outcome; genes shared by drugs or of one alone by the comparison of the drugs with each other.",
}
ASSUMES = {
    "response": "Exact tests and score intervals hold at small n.",
    "differential_expression": "The variance is modeled as a trend of the mean (voom) and moderated over genes.",
    "reversal": "Tests by exchanging labels assume no distribution, only that mice could have been in either arm.",
}


def sections(asked: Asked) -> Iterator[Section]:
    """Yield the sections that say what was done and measured."""
    yield Section(6, "Outcome measures", (_outcomes(asked), _primary(asked)))
    yield Section(7, "Statistical methods", (_methods(asked), _assumptions(asked)))
    yield Section(8, "Experimental animals", (_animals(asked), _provenance(asked)))
    procedures = (_what(asked), _when(asked), _where(asked), _why(asked))
    yield Section(9, "Experimental procedures", procedures)


def _outcomes(asked: Asked) -> Item:
    item = Item("6a", "All outcome measures")
    if asked.rows(SocialInteractionTest).exists():
        item.say(
            "SI ratio: seconds in the interaction zone with the target over seconds in it without. Corner ratio: the "
            "same of the two corners."
        )
    metrics = AssayMetric.objects.filter(results__in=asked.rows(AssayResult)).select_related("assay").distinct()
    rows = [(one.assay, one.name, one.unit or "–") for one in metrics.order_by("assay__name", "name")]
    item.show("Other assays", ("Assay", "Metric", "Unit"), rows)
    measured = asked.rows(TissueMeasurement).values_list("modality", "metric", "unit").distinct().order_by("metric")
    item.show("Tissue", ("Modality", "Metric", "Unit"), list(measured))
    if "reversal" in current_runs(asked.study):
        item.say(
            "Expression: log2 fold changes by region, and the fraction of the stress signature that an arm undoes."
        )
    if not item.sentences and not item.tables:
        item.miss("No outcome is recorded.", asked.list_url(SocialInteractionTest))
    return item


def _primary(asked: Asked) -> Item:
    item = Item("6b", "Primary outcome")
    item.say(asked.study.primary_outcome)
    if not asked.study.primary_outcome:
        item.miss("The primary outcome, by which the number of mice was decided.", asked.edit_url)
    return item


def _methods(asked: Asked) -> Item:
    item = Item("7a", "Statistical methods and software")
    if plan := latest_frozen(asked.study):
        n = len(deviations(plan, asked.user))
        item.say(
            f"Analysis plan {plan.number}, frozen {timezone.localdate(plan.frozen_at)}, SHA-256 {plan.sha256}; "
            f"{counted(n, 'deviation')}.",
            plan.methods,
        )
    runs = current_runs(asked.study)
    item.say(*(METHODS.get(task, "") for task in runs))
    rows = [
        (
            run.pk,
            task.replace("_", " "),
            _spelled(run.parameters),
            run.code_version,
            _packages(run.results_run.packages),
        )
        for task, run in runs.items()
    ]
    item.show("Current analyses", ("Run", "Task", "Parameters", "Code", "Packages"), rows)
    contrasts = asked.rows(Contrast).order_by("name")
    rows = [(one.name, one.group_by, one.numerator, one.denominator, one.covariates) for one in contrasts]
    item.show("Contrasts", ("Contrast", "Groups by", "Numerator", "Denominator", "Adjusted for"), rows)
    if not runs:
        item.miss("No analysis has current results.", asked.edit_url)
    return item


def _spelled(parameters: dict[str, Any]) -> str:
    return "; ".join(f"{name} {value}" for name, value in parameters.items() if value not in ("", None))


def _packages(packages: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))


def _assumptions(asked: Asked) -> Item:
    item = Item("7b", "Whether the data meet the assumptions")
    item.say(*(ASSUMES.get(task, "") for task in current_runs(asked.study)))
    item.miss("How the assumptions were checked, and what was done where they did not hold.")
    return item


def _animals(asked: Asked) -> Item:
    item = Item("8a", "Species, strain, sex, age, mass")
    mice = asked.rows(Mouse)
    if not mice.exists():
        item.miss("No mouse is entered.", asked.list_url(Mouse))
        return item
    sexes = told(mice, "sex").replace("M ", "male ").replace("F ", "female ").replace("U ", "unknown ")
    item.say("Mus musculus.", f"Strain: {told(mice, 'strain__name')}.", f"Sex: {sexes}.")
    ages = _ages(mice)
    if not ages.empty:
        item.say(
            f"Age at the start of the stress: {number(ages.mean())} weeks ({number(ages.min())} to "
            f"{number(ages.max())}, n = {len(ages)})."
        )
    item.say(_first_mass(asked.study))
    gaps = (
        ("strain=None", {"strain": None}, "no strain", "strain__isnull=true"),
        ("sex", {"sex": "U"}, "an unknown sex", "sex=U"),
        ("birth", {"birth_date": None}, "no birth date", "birth_date__isnull=true"),
    )
    for _name, condition, lacks, query in gaps:
        if n := mice.filter(**condition).count():
            item.miss(f"{counted(n, 'mouse has', 'mice have')} {lacks}.", asked.list_url(Mouse, query))
    if n := mice.filter(cohort__start_date=None).count():
        item.miss(f"Age at the start is not known of {n:,}: their cohort has no first day.", asked.list_url(Mouse))
    if not mice.filter(weighings__isnull=False).exists():
        item.miss("No mouse was weighed.", asked.list_url(Mouse))
    return item


def _ages(mice: Any) -> pd.Series:
    known = mice.exclude(birth_date=None).exclude(cohort__start_date=None)
    days = [(start - born).days for born, start in known.values_list("birth_date", "cohort__start_date")]
    return pd.Series(days, dtype=float) / 7


def _first_mass(study: Study) -> str:
    weighings = body_mass_frame(study, {})
    if weighings.empty:
        return ""
    first = weighings.drop_duplicates("mouse_id")["body_mass_g"].astype(float)  # they come by time
    sd = f" ± {number(first.std(ddof=1))}" if len(first) > 1 else ""
    return (
        f"Body mass at the first weighing: {number(first.mean())}{sd} g ({number(first.min())} to "
        f"{number(first.max())}, n = {len(first)})."
    )


def _provenance(asked: Asked) -> Item:
    item = Item("8b", "Source, health, genotype, earlier procedures")
    mice = asked.rows(Mouse)
    item.say(f"Genotype: {told(mice, 'genotype')}." if mice.exists() else "")
    shipments, litters = asked.rows(Shipment).order_by("code"), asked.rows(Litter)
    rows = [(one.code, one.vendor, one.arrival_date, one.health_report) for one in shipments]
    item.show("Shipments", ("Shipment", "Vendor", "Arrived", "Health report"), rows)
    if n := litters.count():
        born = mice.filter(litter__isnull=False).count()
        item.say(f"{counted(born, 'mouse', 'mice')} born in the house, in {counted(n, 'litter')}.")
    if n := mice.filter(litter=None, shipment=None).count():
        query = "litter__isnull=true&shipment__isnull=true"
        item.miss(f"The source of {counted(n, 'mouse', 'mice')}: litter or shipment.", asked.list_url(Mouse, query))
    if n := shipments.filter(health_report="").count():
        item.miss(f"The health report of {counted(n, 'shipment')}.", asked.list_url(Shipment, "health_report="))
    if litters.exists() and not shipments.exists():
        item.miss("The health status of the house.")
    if mice.exists() and mice.filter(genotype="").count():
        item.miss(
            f"The genotype of {counted(mice.filter(genotype='').count(), 'mouse', 'mice')}.",
            asked.list_url(Mouse, "genotype="),
        )
    return item


def _what(asked: Asked) -> Item:
    item = Item("9a", "What was done, how, and with what")
    for say in (_defeat, _si_test, _dosing, _dissection, _sequencing):
        item.say(*say(asked))
    missing = (
        (DefeatBout, "Social defeat: no bout is recorded."),
        (SocialInteractionTest, "No SI test is recorded."),
        (Dose, "No dose is recorded."),
        (Dissection, "No dissection is recorded."),
    )
    for model, sentence in missing:
        if not asked.rows(model).exists():
            item.miss(sentence, asked.list_url(model))
    dissections = asked.rows(Dissection)
    if dissections.filter(anesthesia="").exists():
        item.miss("The anesthesia of every dissection.", asked.list_url(Dissection, "anesthesia="))
    return item


def _defeat(asked: Asked) -> Iterator[str]:
    for course in asked.rows(DefeatCourse).select_related("cohort").order_by("code"):
        length = f", bouts of {number(course.bout_length_min)} min" if course.bout_length_min else ""
        contact = f", then {number(course.sensory_contact_h)} h of sensory contact" if course.sensory_contact_h else ""
        model = course.stress_model_detail or course.get_stress_model_display()
        yield f"Course {course.code} (cohort {course.cohort}): {model}, {course.days} days{length}{contact}."
    bouts = asked.rows(DefeatBout)
    if n := bouts.count():
        mice = bouts.values("mouse").distinct().count()
        aggressors = bouts.exclude(aggressor=None).values("aggressor").distinct().count()
        yield (
            f"{counted(n, 'bout')} of {counted(mice, 'mouse', 'mice')} by {counted(aggressors, 'aggressor')}: "
            f"{_or_unknown('contact', spread(bouts, 'physical_s', 's', 0))}; "
            f"{_or_unknown('latency to the first attack', spread(bouts, 'attack_latency_s', 's'))}."
        )
        if stopped := bouts.filter(stopped_early=True).count():
            yield f"{counted(stopped, 'bout was', 'bouts were')} cut short for the welfare of the mouse."


def _or_unknown(what: str, text: str) -> str:
    return f"{what} {text or 'not recorded'}"


def _si_test(asked: Asked) -> Iterator[str]:
    tests = asked.rows(SocialInteractionTest).filter(counts=True)
    if not tests.exists():
        return
    lengths = ", ".join(f"{number(value, 0)} s" for value in sorted(set(tests.values_list("trial_s", flat=True))))
    yield f"SI test: two trials of {lengths} each, without and with a target behind mesh; {told(tests, 'test_number', '?')} tests by number."
    arenas = tests.exclude(arena=None).values_list("arena__name", "arena__width_cm", "arena__length_cm").distinct()
    for name, width, length in arenas.order_by("arena__name"):
        yield f"Arena {name}: {number(width)} x {number(length)} cm."
    if lux := spread(tests, "lux", "lux", 0):
        yield f"Light at the floor: {lux}."


def _dosing(asked: Asked) -> Iterator[str]:
    doses = asked.rows(Dose)
    if not (n := doses.count()):
        return
    given = doses.filter(status__in=GIVEN)
    yield f"{counted(given.count(), 'dose')} given of {n:,} ({told(doses, 'status')}), by route: {told(given, 'route')}."
    volumes = given.exclude(body_mass_g=None).exclude(volume_ml=None).values_list("volume_ml", "body_mass_g")
    if per_kg := [1000 * volume / mass for volume, mass in volumes]:
        series = pd.Series(per_kg)
        yield f"Volume: {number(series.mean())} ml/kg ({number(series.min())} to {number(series.max())})."
    if asked.study.is_blinded:
        return
    for part in asked.rows(TreatmentComponent).select_related("arm", "drug").order_by("arm__name", "part"):
        vehicle = f" in {part.vehicle}" if part.vehicle else ""
        yield f"{part.arm}: {part}{vehicle}."


def _dissection(asked: Asked) -> Iterator[str]:
    rows = asked.rows(Dissection)
    if not (n := rows.count()):
        return
    yield f"{counted(n, 'dissection')}; method of death: {told(rows, 'death_method')}; anesthesia: {told(rows, 'anesthesia')}."
    if minutes := spread(rows, "minutes_to_freeze", "min"):
        yield f"Death to frozen tissue: {minutes}."
    samples = asked.rows(TissueSample)
    if samples.exists():
        yield f"{counted(samples.count(), 'tissue sample')}: {told(samples, 'region__code')}."


def _sequencing(asked: Asked) -> Iterator[str]:
    extractions = asked.rows(RnaExtraction)
    if rin := spread(extractions, "rin", ""):
        yield f"RNA: RIN {rin}."
    for matrix in asked.rows(CountMatrix).order_by("pk"):
        yield f"Counts {matrix}: {matrix.quantifier}, annotation {matrix.annotation}, genome {matrix.genome_build or 'not stated'}."


def _when(asked: Asked) -> Item:
    item = Item("9b", "When and how often")
    spans = (
        (DefeatBout, "performed_at"),
        (SocialInteractionTest, "test_at"),
        (Dose, "given_at"),
        (Dissection, "performed_at"),
    )
    rows = []
    for model, at in spans:
        found = asked.rows(model).exclude(**{at: None}).aggregate(first=Min(at), last=Max(at))
        if found["first"]:
            days = [timezone.localdate(found[name]) for name in ("first", "last")]
            n = asked.rows(model).exclude(**{at: None}).count()
            rows.append((model._meta.verbose_name_plural, n, *days))
    item.show("Days", ("What", "n", "First", "Last"), rows)
    tests = asked.rows(SocialInteractionTest)
    if hours := spread(tests, "light_cycle_hour", "h after lights on"):
        item.say(f"SI tests: {hours}.")
    elif tests.exists():
        item.miss(
            "The hour of the light cycle of the SI tests.",
            asked.list_url(SocialInteractionTest, "light_cycle_hour__isnull=true"),
        )
    if n := tests.filter(test_at=None).count():
        item.miss(
            f"When {counted(n, 'SI test was', 'SI tests were')} done.",
            asked.list_url(SocialInteractionTest, "test_at__isnull=true"),
        )
    return item


def _where(asked: Asked) -> Item:
    item = Item("9c", "Where")
    cages, tests = asked.rows(Cage), asked.rows(SocialInteractionTest)
    item.say(f"Rooms of the cages: {told(cages, 'room')}." if cages.exclude(room="").exists() else "")
    item.say(f"Rooms of the SI tests: {told(tests, 'room')}." if tests.exclude(room="").exists() else "")
    if not cages.exclude(room="").exists():
        item.miss("The room of the cages.", asked.list_url(Cage, "room="))
    if tests.filter(room="").exists():
        item.miss("The room of every SI test.", asked.list_url(SocialInteractionTest, "room="))
    return item


def _why(asked: Asked) -> Item:
    item = Item("9d", "Why it was done so")
    item.miss("The rationale of the procedures.")
    return item
