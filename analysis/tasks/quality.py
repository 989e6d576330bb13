"""Task `quality`: is each library what its label says and good enough, and can groups be told from pools and runs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels import quality_confounding as confounding
from analysis.kernels.quality import QualityLimits
from analysis.kernels.quality_findings import ERROR, NOTE, WARNING, Finding, library_findings, measure_libraries
from analysis.kernels.quality_records import left_over, record_findings
from analysis.models import AnalysisRun, Confounding, LibraryQuality, QualityFinding
from analysis.progress import Progress
from analysis.tasks import quality_inputs as inputs_of
from analysis.tasks.matrices import MATRIX, chosen_matrix, counts_by_code
from analysis.tasks.si_tests import included_tests
from analysis.tasks.task import Loaded, Parameter, Parameters, Task, number, rows_of, whole_number
from labdb.colony.models import Mouse, Study
from labdb.sequencing.models import CountMatrix, Gene
from labdb.tissue.models import BrainRegion, TissueSample

ORDER = (ERROR, WARNING, NOTE)
MEASURED = [
    "reads_z", "top_50_share", "mitochondrial_share", "median_correlation", "outlier_z", "xist_cpm", "y_cpm",
    "sex_log2_ratio", "sex_called", "region_like", "own_correlation", "region_margin", "distance_from_mean",
    "pc1", "pc2", "pc3", "pc4",
]  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """What is looked at: counts (genes x libraries by code), and the records by themselves."""

    counts: pd.DataFrame
    symbols: pd.Series
    libraries: pd.DataFrame
    groupings: Mapping[str, str]
    si_tests: pd.DataFrame
    extractions: pd.DataFrame
    weighings: pd.DataFrame
    matrix: str
    matrix_id: int | None
    without_counts: tuple[str, ...]
    never_extracted: tuple[str, ...]
    limits: QualityLimits
    markers: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Quality:
    """What was found."""

    findings: list[Finding]
    libraries: pd.DataFrame
    confounding: list[confounding.Confounding]


def missing(study: Study, parameters: Parameters) -> str:
    """Say why there is nothing to look at yet."""
    if CountMatrix.objects.filter(study=study).exists() or included_tests(study).exists():
        return ""
    return f"{study} has neither counts nor SI tests; import a count matrix, or enter tests."


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read counts, libraries and the single records."""
    matrix = _matrix(study, parameters)
    notes: list[str] = []
    groupings = inputs_of.groupings_of(study)
    counts, libraries = pd.DataFrame(), pd.DataFrame()
    symbols: dict[int, str] = {}
    runs: tuple[AnalysisRun, ...] = ()
    if matrix is not None:
        found = inputs_of.read_samples(study, matrix, groupings)
        libraries, runs = found.frame, found.runs
        notes += [f"Counts: {matrix}.", *found.notes]
        if not libraries.empty:
            counts = counts_by_code(matrix, libraries["library"])
            genes = Gene.objects.filter(annotation=matrix.annotation).order_by()  # by key it would name each of them
            symbols = dict(genes.values_list("pk", "symbol"))
    else:
        notes.append(f"{study} has no counts yet: only single records are looked at.")
    inputs = Inputs(
        counts=counts,
        symbols=pd.Series([symbols[gene] for gene in counts.index], index=counts.index, dtype=object),
        libraries=libraries,
        groupings=groupings,
        si_tests=inputs_of.read_single_tests(study),
        extractions=inputs_of.read_extractions(study),
        weighings=inputs_of.read_weighings(study),
        matrix=matrix.code if matrix else "",
        matrix_id=matrix.pk if matrix else None,
        without_counts=inputs_of.libraries_without_counts(study, matrix),
        never_extracted=inputs_of.samples_never_extracted(study),
        limits=QualityLimits(**{field.name: parameters[field.name] for field in fields(QualityLimits)}),
        markers=markers_in(parameters["markers"]),
    )
    return Loaded(inputs, runs, tuple(notes))


def _matrix(study: Study, parameters: Parameters) -> CountMatrix | None:
    has_counts = CountMatrix.objects.filter(study=study).exists()
    return chosen_matrix(study, parameters) if has_counts else None


def compute(inputs: Inputs, progress: Progress) -> Quality:
    """Measure the libraries, then say what is wrong; the log has the numbers of each kind."""
    findings: list[Finding] = []
    measured = pd.DataFrame()
    table: list[confounding.Confounding] = []
    if not inputs.libraries.empty:
        progress.show(0, 3, f"measuring {len(inputs.libraries)} libraries")
        labels = inputs.libraries.assign(mouse=inputs.libraries["mouse_code"])
        of_libraries = measure_libraries(inputs.counts, inputs.symbols, labels["region"], inputs.limits, inputs.markers)
        for note in of_libraries.notes:
            progress.note(note)
        measured = of_libraries.frame
        findings += library_findings(of_libraries, labels, inputs.limits)
        progress.show(1, 3, "groups against pools and runs")
        table = confounding.confounding_table(
            labels, inputs.groupings, inputs_of.OF_LIBRARIES, inputs_of.OF_MICE, inputs.limits
        )
        findings += confounding.confounding_findings(table, inputs.limits)
    progress.show(2, 3, "single records")
    findings += record_findings(inputs.si_tests, inputs.extractions, inputs.weighings, inputs.limits)
    findings += left_over(inputs.without_counts, inputs.matrix, inputs.never_extracted)
    findings.sort(key=lambda finding: ORDER.index(finding.severity))
    counted = {severity: sum(one.severity == severity for one in findings) for severity in ORDER}
    progress.note(f"Findings: {', '.join(f'{severity} {n}' for severity, n in counted.items())}.")
    return Quality(findings, measured, table)


def store(run: AnalysisRun, inputs: Inputs, quality: Quality) -> None:
    """Write findings, the numbers of the libraries, and the confounding table."""
    _store_findings(run, inputs, quality.findings)
    of = {"study_id": run.study_id, "run": run}
    if not inputs.libraries.empty:
        frame = inputs.libraries.join(quality.libraries.reindex(columns=[*MEASURED, "library_size", "genes_detected"]))
        keys = {"library": "library_id", "mouse": "mouse_id", "region_id": "region_id"}
        rows = frame[[*keys, *MEASURED, "library_size", "genes_detected"]].rename(columns=keys)
        rows = rows.astype({"library_size": np.int64, "genes_detected": np.int64})
        of_matrix = {**of, "matrix_id": inputs.matrix_id}
        LibraryQuality.objects.bulk_create(LibraryQuality(**of_matrix, **row) for row in rows_of(rows))
    regions = dict(BrainRegion.objects.values_list("code", "pk"))
    Confounding.objects.bulk_create(
        Confounding(
            **of, grouping=row.grouping, factor=row.factor, region_id=regions.get(row.region), n=row.n,
            n_levels=row.n_levels, association=row.v, association_corrected=row.v_corrected, p_value=row.p_value,
            is_confounded=row.is_confounded, sentence=row.sentence,
        )
        for row in quality.confounding
    )  # fmt: skip


def _store_findings(run: AnalysisRun, inputs: Inputs, findings: list[Finding]) -> None:
    mice = dict(Mouse.objects.filter(study_id=run.study_id).values_list("code", "pk"))
    samples = dict(TissueSample.objects.filter(study_id=run.study_id).values_list("code", "pk"))
    keys = inputs.si_tests[["mouse", "test_number", "si_test"]].itertuples(index=False)
    tests = {(mouse, test_number): key for mouse, test_number, key in keys}
    libraries = {} if inputs.libraries.empty else inputs.libraries["library"].to_dict()
    of_libraries = {} if inputs.libraries.empty else inputs.libraries["sample"].to_dict()
    QualityFinding.objects.bulk_create(
        QualityFinding(
            study_id=run.study_id, run=run, severity=one.severity, kind=one.check, subject=one.subject,
            sentence=one.sentence, evidence=one.evidence, value=one.value, threshold=one.limit,
            mouse_id=mice.get(one.mouse), si_test_id=tests.get((one.mouse, one.test_number)),
            sample_id=samples.get(one.sample) or of_libraries.get(one.library), library_id=libraries.get(one.library),
            other_library_id=libraries.get(one.other_library),
        )
        for one in findings
    )  # fmt: skip


def markers_in(text: str) -> dict[str, tuple[str, ...]]:
    """Return the marker genes by region of ``PFC: Cux2 Fezf2; NAc: Drd1 Drd2``."""
    parts = [part.partition(":") for part in text.split(";") if part.strip()]
    return {region.strip(): tuple(genes.replace(",", " ").split()) for region, _colon, genes in parts}


def _markers(study: Study, value: Any) -> str:
    text = str(value or "").strip()
    known = set(BrainRegion.objects.values_list("code", flat=True))
    for region, genes in markers_in(text).items():
        if region not in known or not genes:
            raise ValueError(
                f"{region} is not a region with its markers; write PFC: Cux2 Fezf2; NAc: Drd1, with regions of "
                f"{', '.join(sorted(known)) or 'none yet'}."
            )
    return text


_WHOLE = {"n_variable_genes": 10, "min_sex_reads": 1}
_RANGES = {
    "outlier_z": (1, 100),
    "min_reads_z": (0, 100),
    "min_rin": (1, 10),
    "sex_log2_ratio": (0, 20),
    "marker_margin_log2": (0, 20),
}
_HELP = {
    "n_variable_genes": "Most variable genes on which libraries are compared.",
    "min_reads_share": "Of the study's median library size; fewer reads are an error.",
    "min_reads_z": "Robust SD below the median that such a library must lie as well.",
    "outlier_z": "Robust SD below the median correlation of its region.",
    "duplicate_correlation": "Of two libraries, above which they are one.",
    "min_sex_reads": "Of Xist and genes on Y together, below which they say nothing.",
    "sex_log2_ratio": "Of Xist to genes on Y, beyond which the sex is called.",
    "region_margin": "By how much another region's mean must be nearer than its own.",
    "marker_margin_log2": "By how much another region's markers must be higher than those of its own.",
    "max_mitochondrial_share": "Of all reads.",
    "min_rin": "RNA integrity number.",
    "max_cramers_v": "Of group with pool, run, cage ..., corrected for bias.",
    "max_mass_change_share": "Between two weighings of a mouse.",
}  # fmt: skip


def _limit(name: str, default: Any) -> Parameter:
    read = whole_number(_WHOLE[name]) if name in _WHOLE else number(*_RANGES.get(name, (0, 1)))
    return Parameter(default, read, _HELP[name])


TASK = Task(
    name="quality",
    parameters={
        "matrix": MATRIX,
        "markers": Parameter(
            "", _markers, "Genes higher in one region than in the others: PFC: Cux2 Fezf2; NAc: Drd1."
        ),
        **{field.name: _limit(field.name, field.default) for field in fields(QualityLimits)},
    },
    missing=missing,
    load=load,
    compute=compute,
    store=store,
)
