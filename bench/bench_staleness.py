"""Staleness of a study with 1,000 mice, 400 samples and 50 runs: what a page view pays, and when a change is seen.

The runs keep the digests of what their tasks would read, as after a run; no result is computed. The live reference is
reading the 50 runs with one query.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from bench.databases import throwaway_database

N_MICE, N_SEQUENCED, N_GENES, N_CONTRASTS = 1_000, 100, 20_000, 20
REGIONS = ("PFC", "NAc", "HIP", "AMY")
N_RUNS = 50
N_REPEATS = 20
TARGET_VIEW_MS, TARGET_SEEN_S = 50.0, 2.0


def measure() -> list[dict[str, Any]]:
    """Measure, as `make bench` prints it."""
    with throwaway_database():
        return _measured()


def _measured() -> list[dict[str, Any]]:
    from analysis.models import AnalysisRun
    from analysis.refresh_views import refresh_of
    from analysis.staleness import stale_runs
    from labdb.accounts.models import User
    from labdb.behavior.models import SocialInteractionTest
    from labdb.colony.models import Mouse

    study, boss = _make_study(), User.objects.create(username="bench", is_superuser=True)
    if stale := stale_runs(study):
        raise AssertionError(f"nothing has changed, and {len(stale)} runs are stale")
    reference = _median(lambda: list(AnalysisRun.objects.filter(study=study)))
    nothing = _median(lambda: stale_runs(study))
    Mouse.objects.filter(study=study).update(death_reason="end of the study")  # 1,000 changes of what nobody reads
    first_unread = _once(lambda: stale_runs(study))
    after_unread = _median(lambda: stale_runs(study))
    test = SocialInteractionTest.objects.filter(study=study, test_number=2).order_by("pk")
    test.filter(pk=test[0].pk).update(iz_present_s=1)
    seen = _once(lambda: stale_runs(study))
    n_stale = len(stale_runs(study))
    if n_stale != N_RUNS - 1:  # all but the phenotypes, which read the first test alone
        raise AssertionError(f"one re-test has changed, and {n_stale} of {N_RUNS} runs are stale")
    with_words = _median(lambda: refresh_of(study, boss))
    rows = [
        ("nothing has changed: a page view", nothing, "ms", TARGET_VIEW_MS),
        ("1,000 changes of fields that nobody reads: the first view", first_unread, "s", TARGET_SEEN_S),
        ("... and each view after it", after_unread, "ms", TARGET_VIEW_MS),
        (f"one re-test changed, {n_stale} runs stale: the first view", seen, "s", TARGET_SEEN_S),
        ("... the study page's list of what is stale and why", with_words, "ms", TARGET_VIEW_MS),
    ]
    return [
        {
            "what": f"staleness, {N_MICE:,} mice, {N_SEQUENCED * len(REGIONS)} samples, {N_RUNS} runs; {what} "
            f"(computing here {took.computing_ms:.0f} ms)",
            "measured": took.ms / (1000 if unit == "s" else 1), "unit": unit,
            "reference": reference.ms / (1000 if unit == "s" else 1),
            "reference_what": "reading the runs, one query (this run)", "target": target,
        }
        for what, took, unit, target in rows
    ]  # fmt: skip


def _make_study() -> Any:
    """A study of which every part is as large as it says, and runs that have read it."""
    from labdb.behavior.models import SocialInteractionTest
    from labdb.colony.models import Cohort, Mouse, Study

    study = Study.objects.create(code="BENCH", title="Bench")
    cohort = Cohort.objects.create(study=study, code="C1")
    mice = Mouse.objects.bulk_create(
        Mouse(study=study, code=f"M{n:04}", cohort=cohort, sex="M", group="control" if n % 10 == 0 else "defeated")
        for n in range(N_MICE)
    )
    SocialInteractionTest.objects.bulk_create(
        SocialInteractionTest(
            study=study, mouse=mouse, test_number=number, iz_absent_s=60, iz_present_s=20 + (n * 7 + number) % 100
        )
        for n, mouse in enumerate(mice)
        for number in (1, 2)
    )
    _sequence(study, mice[:N_SEQUENCED])
    _allocate(study, mice[:N_SEQUENCED])
    _make_runs(study)
    return study


def _sequence(study: Any, mice: list[Any]) -> None:
    import numpy as np
    from django.db import transaction

    from labdb.sequencing.expression_store import PK_TYPE, write_library_blocks
    from labdb.sequencing.models import (
        CountMatrix,
        ExtractionSample,
        Gene,
        GeneOrder,
        Library,
        LibraryExtraction,
        RnaExtraction,
    )
    from labdb.tissue.models import BrainRegion, TissueSample

    regions = [BrainRegion.objects.get_or_create(code=code, defaults={"name": code})[0] for code in REGIONS]
    places = [(mouse, region, f"{mouse.code}-{region.code}") for mouse in mice for region in regions]
    samples = TissueSample.objects.bulk_create(
        TissueSample(study=study, code=f"T{code}", mouse=mouse, region=region) for mouse, region, code in places
    )
    extractions = RnaExtraction.objects.bulk_create(
        RnaExtraction(study=study, code=f"E{code}") for _mouse, _region, code in places
    )
    libraries = Library.objects.bulk_create(
        Library(study=study, code=code, pool=f"P{n % 8}") for n, (_mouse, _region, code) in enumerate(places)
    )
    ExtractionSample.objects.bulk_create(
        ExtractionSample(study=study, extraction=one, sample=sample)
        for one, sample in zip(extractions, samples, strict=True)
    )
    LibraryExtraction.objects.bulk_create(
        LibraryExtraction(study=study, library=library, extraction=one)
        for library, one in zip(libraries, extractions, strict=True)
    )
    genes = Gene.objects.bulk_create(
        Gene(annotation="bench", gene_id=f"ENS{n:06}", symbol=f"Gene{n}") for n in range(N_GENES)
    )
    matrix = CountMatrix.objects.create(
        study=study, code="X1", annotation="bench", file_name="X1.csv", sha256="0" * 64, n_genes=N_GENES,
        n_libraries=len(libraries),
    )  # fmt: skip
    # Staleness reads which libraries and genes there are, and no count: zeros are as good, and soon written.
    GeneOrder.objects.create(matrix=matrix, block=np.asarray([gene.pk for gene in genes], dtype=PK_TYPE).tobytes())
    blocks = np.zeros((len(libraries), N_GENES), dtype=np.int32)
    with transaction.atomic():
        write_library_blocks(matrix, blocks, [library.pk for library in libraries], range(len(libraries)))


def _allocate(study: Any, mice: list[Any]) -> None:
    from labdb.treatment.models import Allocation, AllocationKey, Randomization, TreatmentArm

    saline = TreatmentArm.objects.create(study=study, name="saline", is_vehicle=True)
    drug = TreatmentArm.objects.create(study=study, name="ketamine")
    drawn = Randomization.objects.create(study=study, code="R1", method="simple", seed=1)
    for n, mouse in enumerate(mice):
        allocation = Allocation.objects.create(study=study, mouse=mouse, code=f"A{n}", randomization=drawn)
        AllocationKey.objects.create(study=study, allocation=allocation, arm=drug if n % 2 else saline)


def _make_runs(study: Any) -> None:
    """As many done runs as asked, by every task; the first of each counts."""
    from analysis import runs
    from analysis.models import Contrast
    from labdb.behavior.models import PhenotypeRule, ResponseRule

    PhenotypeRule.objects.create(name="Ratio below 1", cutoff=1.0)
    ResponseRule.objects.create(name="Ratio 1 and reliable change")
    asked: list[tuple[str, dict[str, Any]]] = [("phenotype", {}), ("response", {})]
    for name, parameters in asked:
        run = runs.request_run(name, study, parameters, queue=False)
        runs.execute(run.pk)
    for n in range(N_CONTRASTS):
        Contrast.objects.create(
            study=study,
            name=f"contrast {n}",
            group_by="mouse__phenotype",
            numerator="susceptible",
            denominator="control",
        )
    tasks: list[tuple[str, dict[str, Any]]] = [
        ("quality", {}),
        ("differential_expression", {}),
        ("reversal", {}),
        ("mouse_scores", {}),
    ]
    tasks += [("differential_expression", {"contrast": f"contrast {n}"}) for n in range(N_CONTRASTS)]
    tasks += [("reversal", {"seed": seed}) for seed in range(1, N_RUNS - len(asked) - len(tasks) + 1)]
    for name, parameters in tasks:
        _store_run(study, name, parameters)


def _store_run(study: Any, name: str, parameters: dict[str, Any]) -> None:
    """Write down a run that has read what there is, without its results."""
    from analysis.models import Adoption, AnalysisRun, RunStatus
    from analysis.provenance import inputs_now, mark_of
    from analysis.runs import task_named

    task = task_named(name)
    resolved = task.resolve(study, parameters)
    run = AnalysisRun(study=study, task=name, parameters=resolved, code_version="bench")
    run.watermark = mark_of(run)
    now = inputs_now(task, study, resolved, was_blinded=False)
    if now.problem:
        raise AssertionError(f"{name} cannot be read: {now.problem}")
    run.input_parts = now.parts
    run.save()
    for status in (RunStatus.RUNNING, RunStatus.DONE):
        AnalysisRun.objects.filter(pk=run.pk).update(status=status)
    run.depends_on.set(AnalysisRun.objects.filter(study=study, task__in=("phenotype", "response")))
    scope = task.scope(resolved)
    if not Adoption.objects.filter(study=study, task=name, scope=scope).exists():
        Adoption.objects.create(study=study, task=name, scope=scope, run=run, reason="The first run.")


class Took(NamedTuple):
    """By the clock, and what of it this process computed: on a machine that is busy they are far apart."""

    ms: float
    computing_ms: float


def _median(work: Callable[[], object]) -> Took:
    times = [_once(work) for _ in range(N_REPEATS)]
    return Took(*(statistics.median(column) for column in zip(*times, strict=True)))


def _once(work: Callable[[], object]) -> Took:
    start, started = time.perf_counter(), time.process_time()
    work()
    return Took(1000 * (time.perf_counter() - start), 1000 * (time.process_time() - started))


if __name__ == "__main__":
    for row in measure():
        print(row)
