"""Item 10, results with their variability and size of effect, and what the records know of the recommended set."""

from collections.abc import Iterator

from django.utils import timezone

from analysis.analysis_plan import latest_frozen
from analysis.frames import response_frame
from analysis.models import AnalysisRun
from analysis.summaries import current_runs, gene_counts, percent, probability, response_rates
from labdb.colony.models import Housing, Mouse, WelfareCheck
from labdb.desk.arrive.report import Asked, Item, Section, counted, number, told
from labdb.sequencing.models import CountMatrix

BY_THE_AUTHORS = (
    (11, "Abstract", (("11", "An accurate summary"),)),
    (12, "Background", (("12a", "Scientific background"), ("12b", "Why this species and model"))),
)
AFTERWARDS = (
    (17, "Interpretation", (("17a", "Results in the light of other studies"), ("17b", "Limitations"))),
    (18, "Generalizability", (("18", "Whether it holds for other species or conditions"),)),
)


def results(asked: Asked) -> Section:
    """Return the section of results."""
    return Section(10, "Results", (_descriptive(asked), _effects(asked)))


def _descriptive(asked: Asked) -> Item:
    item = Item("10a", "Each group, with its variability")
    runs = current_runs(asked.study)
    header = ("Group", "n", "Mean", "SD", "Median", "Range")
    if run := runs.get("phenotype"):
        calls = run.results_run.phenotypecalls.exclude(si_ratio=None).order_by("phenotype")
        ratios: dict[str, list[float]] = {}
        for phenotype, ratio in calls.values_list("phenotype", "si_ratio"):
            ratios.setdefault(phenotype, []).append(float(ratio or 0))  # none is empty here
        item.show("SI ratio of the first test", header, [_described(*one) for one in ratios.items()])
    if run := runs.get("response"):
        frame = response_frame(run.results_run, asked.user)
        names = frame["phenotype"] + ", " + frame["label"].fillna(frame["arm"])
        if asked.study.is_blinded:  # the arm of mice that were not randomized is the vehicle's
            names = names.where(frame["is_randomized"], frame["phenotype"])
        ratios = {str(name): list(mice["si_ratio_after"].dropna().astype(float)) for name, mice in frame.groupby(names)}
        item.show("SI ratio of the re-test", header, [_described(*one) for one in ratios.items() if one[1]])
    if not item.tables:
        item.miss("No analysis has current results.")
    return item


def _described(group: str, values: list[float]) -> tuple[str, ...]:
    ordered = sorted(values)
    n = len(ordered)
    mean = sum(ordered) / n
    sd = (sum((value - mean) ** 2 for value in ordered) / (n - 1)) ** 0.5 if n > 1 else None
    median = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    low, high = number(ordered[0], 2), number(ordered[-1], 2)
    return (group, str(n), number(mean, 2), "–" if sd is None else number(sd, 2), number(median, 2), f"{low} to {high}")


def _effects(asked: Asked) -> Item:
    item = Item("10b", "Size of effects, with intervals")
    runs = current_runs(asked.study)
    if run := runs.get("response"):
        _rates(asked, item, run.results_run)
    if run := runs.get("differential_expression"):
        table = gene_counts(run.results_run)
        rows = [
            (contrast, *("–" if one is None else f"{one.up} up, {one.down} down of {one.tested:,}" for one in cells))
            for contrast, cells in table.rows
        ]
        item.show("Genes with adjusted p < .05", ("Contrast", *table.regions), rows)
    if run := runs.get("reversal"):
        tests = (
            run.results_run.signaturereversals.filter(estimand="arm")
            .select_related("region")
            .order_by("region_id", "pk")
        )
        rows = [
            (
                test.region.code, test.arm, percent(test.fraction_undone),
                f"{percent(test.fraction_undone_low)} to {percent(test.fraction_undone_high)}",
                probability(test.p_value), probability(test.adj_p_value),
            )
            if test.fraction_undone is not None
            else (test.region.code, test.arm, "refused", test.messages.replace("\n", " "), "", "")
            for test in tests
        ]  # fmt: skip
        header = ("Region", "Arm", "Fraction undone", "95 % interval", "p", "Adjusted p")
        item.show("Reversal of the stress signature", header, rows)
    if not item.tables:
        item.miss("No effect has been estimated.")
    return item


def _rates(asked: Asked, item: Item, run: AnalysisRun) -> None:
    first = run.responsecalls.select_related("rule").first()
    rates = response_rates(response_frame(run, asked.user), first.rule.cutoff) if first else []
    rows = []
    for rate in rates:
        against = rate.against_vehicle
        difference = (
            f"{percent(against.difference)} ({percent(against.low)} to {percent(against.high)}), "
            f"p = {probability(against.p_value)}"
            if against
            else "–"
        )
        interval = f"{percent(rate.low)} to {percent(rate.high)}"
        rows.append((rate.arm, f"{rate.responders} of {rate.called}", percent(rate.rate), interval, difference))
    item.show("Response", ("Arm", "Responders", "Rate", "95 % interval", "Difference from vehicle"), rows)


def recommended(asked: Asked) -> Iterator[Section]:
    """Yield the recommended set."""
    yield from _written(BY_THE_AUTHORS)
    objective = Item("13", "Question and hypotheses")
    objective.say(asked.study.question)
    if not asked.study.question:
        objective.miss("What the study asks.", asked.edit_url)
    yield Section(13, "Objectives", (objective,))
    yield Section(14, "Ethical statement", (_ethics(asked),))
    yield Section(15, "Housing and husbandry", (_housing(asked),))
    yield Section(16, "Animal care and monitoring", tuple(_care(asked)))
    yield from _written(AFTERWARDS)
    registration = Item("19", "Whether a protocol was registered before the study")
    if plan := latest_frozen(asked.study):
        registration.say(
            f"Analysis plan {plan.number} was frozen {timezone.localdate(plan.frozen_at)}; SHA-256 {plan.sha256}."
        )
    registration.miss("Whether, and where, the protocol was registered.")
    yield Section(19, "Protocol registration", (registration,))
    yield Section(20, "Data access", (_data(asked),))
    yield from _written(((21, "Declaration of interests", (("21a", "Interests"), ("21b", "Funding"))),))


def _written(topics: tuple[tuple[int, str, tuple[tuple[str, str], ...]], ...]) -> Iterator[Section]:
    """Yield sections of which no record knows anything."""
    for place, title, names in topics:
        items = tuple(Item(name, what) for name, what in names)
        for item in items:
            item.miss("To be written by the authors.")
        yield Section(place, title, items)


def _ethics(asked: Asked) -> Item:
    study = asked.study
    item = Item("14", "Approval")
    if study.ethics_number:
        of = f" of {study.ethics_animals_approved:,} approved animals" if study.ethics_animals_approved else ""
        used = f", {study.ethics_animals_used:,} used{of}" if study.ethics_animals_used is not None else ""
        item.say(f"Approval {study.ethics_number}{used}.")
    else:
        item.miss("The number of the ethics approval.", asked.edit_url)
    if study.severity_prospective:
        item.say(
            f"Severity, prospective: {study.severity_prospective}; actual: {study.severity_actual or 'not stated'}."
        )
    else:
        item.miss("The prospective severity.", asked.edit_url)
    return item


def _housing(asked: Asked) -> Item:
    item = Item("15", "Housing")
    housings = asked.rows(Housing)
    if housings.exists():
        item.say(f"Stays in cages by kind: {told(housings, 'kind')}.")
    else:
        item.miss("How the mice were housed.", asked.list_url(Housing))
    item.miss("Food, water, bedding, enrichment, temperature and light cycle of the rooms.")
    return item


def _care(asked: Asked) -> Iterator[Item]:
    pain = Item("16a", "What was done against pain and distress")
    checks = asked.rows(WelfareCheck)
    if checks.exists():
        pain.say(f"After welfare checks: {told(checks, 'action')}.")
    else:
        pain.miss("What was done against pain, suffering and distress.", asked.list_url(WelfareCheck))
    yield pain
    adverse = Item("16b", "Adverse events")
    adverse.say(
        f"{counted(checks.count(), 'welfare check')}: {told(checks, 'finding')}."
        if checks.exists()
        else "No welfare check is recorded."
    )
    mice = asked.rows(Mouse)
    died = mice.exclude(death_date=None)
    adverse.say(f"Deaths: {told(died, 'death_reason')}." if died.exists() else "")
    yield adverse
    humane = Item("16c", "Humane endpoints")
    humane.say(f"Reached by {counted(mice.filter(is_humane_endpoint=True).count(), 'mouse', 'mice')}.")
    humane.miss("The humane endpoints of the protocol, and how often the mice were looked at.")
    yield humane


def _data(asked: Asked) -> Item:
    item = Item("20", "Where the data are")
    for matrix in asked.rows(CountMatrix).order_by("pk"):
        item.say(f"Counts {matrix}: SHA-256 {matrix.sha256}.")
    item.say("Every record can be exported as CSV or XLSX, the whole study as one workbook.")
    item.miss("Where the published data are.")
    return item
