"""One row for each mouse, sample or gene, with everything known and computed: one statement, which every format takes.

A value that a run computed stands beside the number of that run. What an account may not know is no column or an empty
cell, by the rules of the records themselves; results that are out of date are left out unless they are asked for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import (
    Avg,
    Case,
    Count,
    Exists,
    F,
    Max,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast

from analysis.current import current_run, current_run_of_contrast
from analysis.models import (
    AnalysisRun,
    Contrast,
    GeneResult,
    LibraryQuality,
    MouseReversalScore,
    PhenotypeCall,
    PlaneMouse,
    ResponseCall,
)
from analysis.staleness import stale_ids
from labdb.behavior.models import AssayResult, SocialInteractionTest
from labdb.colony.models import Exclusion, Mouse, Study, Weighing
from labdb.defeat.models import DefeatBout
from labdb.registry.export_columns import ExportColumn, Kind, kind_of, record_columns
from labdb.registry.permissions import may, visible
from labdb.registry.record import field_of, record_for
from labdb.sequencing.models import ExtractionSample, Library, LibraryExtraction, RnaExtraction
from labdb.tissue.models import BrainRegion, Dissection, TissueMeasurement, TissueSample
from labdb.treatment.models import Allocation, AllocationKey, Dose
from labdb.treatment.models.doses import GIVEN

MAX_COLUMNS = 1_500  # PostgreSQL takes 1,664
TESTED = ("test_at", "iz_absent_s", "iz_present_s", "corner_absent_s", "corner_present_s", "si_ratio", "corner_ratio")
CALLED = ("phenotype", "si_ratio", "corner_ratio", "distance_to_cutoff", "borderline", "reason")
RESPONDED = ("response", "delta_log_ratio", "reliable_change", "borderline", "reason")
EXTRACTED = ("code", "batch", "extraction_date", "rna_conc_ng_per_ul", "rin", "dv200_percent", "ratio_260_280")
SEQUENCED = ("code", "pool", "condition", "kit", "library_layout", "library_selection", "strandedness")
MEASURED = (
    "library_size", "genes_detected", "top_50_share", "mitochondrial_share", "median_correlation", "outlier_z",
    "sex_called", "region_like",
)  # fmt: skip
TESTED_GENES = ("log2_fold_change", "p_value", "adj_p_value")
BETWEEN = "|"  # of the parts of a heading


class TableError(Exception):
    """A table cannot be made as it was asked for; the text is a sentence."""


@dataclass(frozen=True)
class WideTable:
    """Rows and columns.

    Attributes
    ----------
    rows : QuerySet
        What the account may see, in order.
    columns : sequence of ExportColumn
    runs : dict of str to int
        The run behind the columns of a task, or of a contrast.
    notes : tuple of str
        What was left out, and why.
    """

    rows: QuerySet
    columns: Sequence[ExportColumn]
    runs: dict[str, int]
    notes: tuple[str, ...] = ()

    @property
    def runs_text(self) -> str:
        """The runs as one line."""
        return ", ".join(f"{what}: {run}" for what, run in self.runs.items()) or "none"


@dataclass
class _Asked:
    """A study, who asks, and which runs count."""

    study: Study
    user: Any
    with_stale: bool

    def __post_init__(self) -> None:
        self.runs: dict[str, int] = {}
        self.notes: list[str] = []

    def seen(self, model: type[Model]) -> QuerySet:
        """Return the rows of a record of this study that the account may see."""
        return visible(model._default_manager.filter(study=self.study), self.user).order_by()

    def may_see(self, *models: type[Model]) -> bool:
        return all(may(self.user, "view", model, self.study) for model in models)

    @cached_property
    def stale(self) -> set[int]:
        return set() if self.with_stale else stale_ids([self.study])

    def results(self, model: type[Model], task: str) -> QuerySet | None:
        """Return the current results of a task as far as the account may see them; None without any."""
        run = current_run(self.study, task)
        if run is None or not self.may_see(model):
            return None
        if self.refuses(run, task.replace("_", " ")):
            return None
        self.runs[task] = run.results_run.pk
        return visible(model._default_manager.filter(run=run.results_run), self.user).order_by()

    def refuses(self, run: AnalysisRun, what: str) -> bool:
        """Whether the results of a run are out of date and were not asked for."""
        if run.results_run.pk not in self.stale:
            return False
        self.notes.append(f"Run {run.results_run.pk} ({what}) is out of date and left out; include_stale=1 takes it.")
        return True

    def table(self, rows: QuerySet, columns: Sequence[ExportColumn]) -> WideTable:
        if len(columns) > MAX_COLUMNS:
            raise TableError(
                f"This table would have {len(columns):,} columns, and a database takes {MAX_COLUMNS:,}; ask for one region or "
                "contrast, or take the rows of the list."
            )
        return WideTable(rows, columns, self.runs, tuple(self.notes))


# ---- columns of related rows ----


def _value(rows: QuerySet, path: str, heading: str, field: Any = None) -> ExportColumn:
    """Return a column with the value of the first of some rows."""
    found = field or field_of(rows.model, path)
    value = F(path)
    kind = kind_of(found)
    if kind == Kind.YES_NO:
        value = Cast(value, TextField())  # type: ignore[assignment]  # as every export has it
    return ExportColumn(heading, kind, Subquery(rows.values(cell=value)[:1]))


def _computed(rows: QuerySet, aggregate: Any, heading: str, kind: Kind, by: str = "mouse") -> ExportColumn:
    """Return a column with an aggregate of some rows."""
    return ExportColumn(heading, kind, Subquery(rows.values(by).annotate(cell=aggregate).values("cell")))


def _run(rows: QuerySet, heading: str) -> ExportColumn:
    return ExportColumn(heading, Kind.WHOLE, Subquery(rows.values("run_id")[:1]))


def _calls(asked: _Asked, mouse: str) -> list[ExportColumn]:
    """Return what the current runs call a mouse, each call beside its run."""
    columns = []
    for model, task, names in ((PhenotypeCall, "phenotype", CALLED), (ResponseCall, "response", RESPONDED)):
        rows = asked.results(model, task)
        if rows is not None:
            of_mouse = rows.filter(mouse=OuterRef(mouse))
            columns += [_value(of_mouse, name, name if name == task else f"{task}_{name}") for name in names]
            columns.append(_run(of_mouse, f"{task}_run"))
    return columns


def _treatment(asked: _Asked, mouse: str) -> list[ExportColumn]:
    columns = []
    if asked.may_see(Allocation):
        rows = asked.seen(Allocation).filter(Allocation.holding(), mouse=OuterRef(mouse))
        columns.append(_value(rows, "code", "allocation"))
    if asked.may_see(AllocationKey):  # kept from most while the study is blinded
        keys = asked.seen(AllocationKey).filter(allocation__superseded_by=None, allocation__mouse=OuterRef(mouse))
        columns.append(ExportColumn("arm", Kind.TEXT, Subquery(keys.values("arm__name")[:1])))
    return columns


# ---- mice ----


def animal_table(study: Study, user: Any, *, with_stale: bool = False) -> WideTable:
    """Return one row for each mouse of a study that the account may see."""
    asked = _Asked(study, user, with_stale)
    record = record_for(Mouse)
    columns = [
        *record_columns(record, ["id", *record.columns()], user), *_exclusions(asked), *_body_mass(asked),
        *_defeat(asked), *_si_tests(asked), *_assays(asked), *_measurements(asked), *_treatment(asked, "pk"),
        *_doses(asked), *_tissue(asked), *_calls(asked, "pk"), *_scores(asked),
    ]  # fmt: skip
    return asked.table(visible(Mouse.objects.filter(study=study), user).order_by("code", "pk"), columns)


def _exclusions(asked: _Asked) -> list[ExportColumn]:
    if not asked.may_see(Exclusion):
        return []
    rows = asked.seen(Exclusion).filter(mouse=OuterRef("pk"))
    is_excluded = Case(When(Exists(rows), then=Value("true")), default=Value("false"), output_field=TextField())
    return [ExportColumn("is_excluded", Kind.YES_NO, is_excluded), _value(rows, "criterion", "exclusion_criterion")]


def _body_mass(asked: _Asked) -> list[ExportColumn]:
    if not asked.may_see(Weighing):
        return []
    rows = asked.seen(Weighing).filter(mouse=OuterRef("pk"))
    latest = rows.order_by("-performed_at", "-pk")
    return [
        _computed(rows, Count("pk"), "n_weighings", Kind.WHOLE),
        _value(rows.order_by("performed_at", "pk"), "body_mass_g", "first_body_mass_g"),
        _value(latest, "body_mass_g", "last_body_mass_g"),
        _value(latest, "performed_at", "last_weighed_at"),
    ]


def _defeat(asked: _Asked) -> list[ExportColumn]:
    if not asked.may_see(DefeatBout):
        return []
    rows = asked.seen(DefeatBout).filter(mouse=OuterRef("pk"))
    return [
        _computed(rows, Count("pk"), "n_defeat_bouts", Kind.WHOLE),
        _computed(rows, Sum("physical_s"), "defeat_physical_s", Kind.NUMBER),
        _computed(rows, Sum("attacks"), "defeat_attacks", Kind.WHOLE),
        _computed(rows, Max("wound_score"), "defeat_wound_score", Kind.WHOLE),
    ]


def _si_tests(asked: _Asked) -> list[ExportColumn]:
    """Return the scoring that counts of each test, by its number; an excluded test says why."""
    if not asked.may_see(SocialInteractionTest):
        return []
    tests = asked.seen(SocialInteractionTest).filter(counts=True)
    columns = []
    for number in sorted(set(tests.values_list("test_number", flat=True))):
        rows = tests.filter(mouse=OuterRef("pk"), test_number=number)
        columns += [_value(rows, name, f"si_{number}_{name.removeprefix('si_')}") for name in TESTED]
        columns.append(_value(rows, "exclusion_criterion", f"si_{number}_exclusion_criterion"))
    return columns


def _assays(asked: _Asked) -> list[ExportColumn]:
    if not asked.may_see(AssayResult):
        return []
    results = asked.seen(AssayResult)
    columns = []
    for metric, name, session in sorted(set(results.values_list("metric", "metric__name", "session")), key=str):
        rows = results.filter(mouse=OuterRef("pk"), metric=metric, session=session)
        columns.append(_value(rows, "value", BETWEEN.join(filter(None, [name, session]))))
    return columns


def _measurements(asked: _Asked) -> list[ExportColumn]:
    """Return means over replicates, a column for each region, side and metric."""
    if not asked.may_see(TissueMeasurement):
        return []
    found = asked.seen(TissueMeasurement)
    parts = ("region__code", "hemisphere", "modality", "metric", "unit")
    columns = []
    for values in sorted(set(found.values_list(*parts)), key=str):
        rows = found.filter(mouse=OuterRef("pk"), **dict(zip(parts, values, strict=True)))
        columns.append(_computed(rows, Avg("value"), BETWEEN.join(filter(None, values)), Kind.NUMBER))
    return columns


def _doses(asked: _Asked) -> list[ExportColumn]:
    if not asked.may_see(Dose):
        return []
    rows = asked.seen(Dose).filter(mouse=OuterRef("pk"), status__in=GIVEN)
    return [
        _computed(rows, Count("pk"), "n_doses_given", Kind.WHOLE),
        _value(rows.order_by("given_at"), "given_at", "first_dose_at"),
        _value(rows.order_by("-given_at"), "given_at", "last_dose_at"),
    ]


def _tissue(asked: _Asked) -> list[ExportColumn]:
    columns = []
    if asked.may_see(Dissection):
        rows = asked.seen(Dissection).filter(mouse=OuterRef("pk")).order_by("performed_at")
        columns.append(_value(rows, "performed_at", "dissected_at"))
    if asked.may_see(TissueSample):
        rows = asked.seen(TissueSample).filter(mouse=OuterRef("pk"))
        columns.append(_computed(rows, Count("pk"), "n_tissue_samples", Kind.WHOLE))
    return columns


def _scores(asked: _Asked) -> list[ExportColumn]:
    """Return where a mouse lies in each region, each value beside its run."""
    columns = []
    if (scores := asked.results(MouseReversalScore, "mouse_scores")) is not None:
        found = sorted(set(scores.values_list("region__code", "arm")))
        for region, arm in found:
            rows = scores.filter(mouse=OuterRef("pk"), region__code=region, arm=arm)
            heading = BETWEEN.join(["reversal_score", region, arm])
            columns += [
                _value(rows, "score", heading),
                *(_value(rows, name, f"{heading}{BETWEEN}{name}") for name in ("low", "high", "group")),
                _run(rows, f"{heading}{BETWEEN}run"),
            ]
    if (places := asked.results(PlaneMouse, "resilience")) is not None:
        for (region,) in sorted(set(places.values_list("region__code"))):
            rows = places.filter(mouse=OuterRef("pk"), region__code=region)
            columns += [
                *(_value(rows, name, BETWEEN.join(["plane", region, name])) for name in ("susceptible", "resilient")),
                _run(rows, BETWEEN.join(["plane", region, "run"])),
            ]
    return columns


# ---- samples ----


def sample_table(study: Study, user: Any, *, with_stale: bool = False) -> WideTable:
    """Return one row for each tissue sample: its mouse, its latest extraction and library, and how good they are."""
    asked = _Asked(study, user, with_stale)
    record = record_for(TissueSample)
    columns = [
        *record_columns(record, ["id", *record.columns()], user), *_mouse_of_sample(asked), *_treatment(asked, "mouse"),
        *_calls(asked, "mouse"), *_extraction(asked), *_library(asked),
    ]  # fmt: skip
    return asked.table(visible(TissueSample.objects.filter(study=study), user).order_by("code", "pk"), columns)


def _mouse_of_sample(asked: _Asked) -> list[ExportColumn]:
    if not asked.may_see(Mouse):
        return []
    paths = {
        "sex": "sex", "group": "group", "genotype": "genotype", "birth_date": "birth_date", "cohort": "cohort__code",
        "strain": "strain__name", "litter": "litter__code",
    }  # fmt: skip
    return [
        ExportColumn(f"mouse_{name}", kind_of(field_of(Mouse, name)), F(f"mouse__{path}"))
        for name, path in paths.items()
    ]


def _extraction(asked: _Asked) -> list[ExportColumn]:
    if not asked.may_see(RnaExtraction, ExtractionSample):
        return []
    inputs = asked.seen(ExtractionSample).filter(sample=OuterRef("pk"))
    latest = inputs.order_by("-extraction__extraction_date", "-extraction__pk")
    return [
        _computed(inputs, Count("pk"), "n_extractions", Kind.WHOLE, by="sample"),
        *(
            _value(
                latest, f"extraction__{name}", "extraction" if name == "code" else name, field_of(RnaExtraction, name)
            )
            for name in EXTRACTED
        ),
    ]


def _library(asked: _Asked) -> list[ExportColumn]:
    if not asked.may_see(Library, LibraryExtraction, ExtractionSample):
        return []
    made = asked.seen(LibraryExtraction).filter(extraction__inputs__sample=OuterRef("pk")).order_by("-library__pk")
    columns = [
        _value(made, f"library__{name}", "library" if name == "code" else name, field_of(Library, name))
        for name in SEQUENCED
    ]
    if (qualities := asked.results(LibraryQuality, "quality")) is not None:
        rows = qualities.filter(library__inputs__extraction__inputs__sample=OuterRef("pk")).order_by("-library__pk")
        columns += [_value(rows, name, name) for name in MEASURED]
        columns.append(_run(rows, "quality_run"))
    return columns


# ---- genes ----


def gene_table(study: Study, user: Any, *, with_stale: bool = False, contrast: str = "", region: str = "") -> WideTable:
    """Return one row for each gene, with change, p and adjusted p of every contrast in every region.

    Headings are ``contrast|region|log2_fold_change``. Each contrast is that of the run which is current for it.

    Raises
    ------
    TableError
        No such contrast or region.
    """
    asked = _Asked(study, user, with_stale)
    contrasts = list(Contrast.objects.visible_to(user).filter(study=study).order_by("name"))
    if contrast and contrast not in {one.name for one in contrasts}:
        known = ", ".join(one.name for one in contrasts) or "none"
        raise TableError(f"{study} has no contrast {contrast[:100]}; there are: {known}.")
    if region and not BrainRegion.objects.filter(code=region).exists():
        raise TableError(f"There is no region {region[:50]}; enter its code, such as NAc.")
    found: list[tuple[Contrast, AnalysisRun]] = []
    for one in contrasts:
        run = current_run_of_contrast(one) if contrast in ("", one.name) else None
        if run is not None and not asked.refuses(run, one.name):
            asked.runs[one.name] = run.results_run.pk
            found.append((one, run.results_run))
    of_each = Q(pk__in=[])
    for one, run in found:
        of_each |= Q(run=run, contrast=one)
    rows = GeneResult.objects.visible_to(user).filter(of_each)
    if region:
        rows = rows.filter(region__code=region)
    columns = [
        ExportColumn("gene_id", Kind.TEXT, F("gene__gene_id")),
        ExportColumn("symbol", Kind.TEXT, F("gene__symbol")),
    ]
    regions = dict(BrainRegion.objects.filter(pk__in=_regions(rows, found)).order_by("code").values_list("pk", "code"))
    for one, run in found:
        for region_pk, code in regions.items():
            here = Q(run=run, contrast=one, region=region_pk)
            if not rows.filter(here).exists():
                continue
            columns += [
                ExportColumn(BETWEEN.join([one.name, code, name]), Kind.NUMBER, Max(name, filter=here))
                for name in TESTED_GENES
            ]
    by_gene = rows.order_by().values("gene").annotate(n_results=Count("pk"))
    return asked.table(by_gene.order_by("gene__gene_id", "gene"), columns)


def _regions(rows: QuerySet, found: Sequence[tuple[Contrast, AnalysisRun]]) -> set[int]:
    """Return the regions of some results: one look into the index for each, whatever the number of genes."""
    regions = BrainRegion.objects.values_list("pk", flat=True)
    return set(regions.filter(Exists(rows.order_by().filter(region=OuterRef("pk"))))) if found else set()


TABLES: dict[str, tuple[str, str, Callable[..., WideTable]]] = {
    "animal-table": ("Animals", "one row a mouse: records, tests, calls and scores, each beside its run", animal_table),
    "sample-table": ("Samples", "one row a tissue sample: its mouse, RNA, library and their quality", sample_table),
    "gene-table": ("Genes", "one row a gene: change, p and adjusted p of each contrast and region", gene_table),
}
