"""The results of differential expression: storing 512,000 of them, and a volcano of 20,000 genes.

The task's own way of storing, and the addresses of the page as a browser asks for them. The live reference of storing is
the same rows by COPY into a table without keys and indexes, on the same connection.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bench.databases import throwaway_database
from bench.rows import row

N_GENES, N_CONTRASTS, REGIONS = 16_000, 8, ("PFC", "NAc", "HIP", "AMY")
N_VOLCANO = 20_000
N_LOOKS = 5
TARGET_STORE_S, TARGET_VOLCANO_MS = 12.0, 300.0
BARE = "bench_gene_results"


def measure() -> list[dict[str, Any]]:
    """Store once, then look."""
    with throwaway_database():
        return _measure()


def _measure() -> list[dict[str, Any]]:
    run, contrasts, regions, genes = _records()
    answers = _answers(contrasts[:N_CONTRASTS], regions, genes[:N_GENES])
    n_results = len(answers) * N_GENES
    bare_s = _store_bare(run, answers)
    store_s = _store(run, answers)
    _store(run, _answers(contrasts[N_CONTRASTS:], regions[:1], genes))
    looked = _look(run, contrasts[-1], regions[0])
    return [
        row(f"store {n_results:,} gene results", store_s, "s", bare_s, "no keys, no indexes", TARGET_STORE_S),
        *looked,
    ]


def _records() -> tuple[Any, list[Any], list[Any], list[int]]:
    from analysis.models import AnalysisRun, Contrast, RunStatus
    from labdb.colony.models import Mouse, Study
    from labdb.registry.history import writing
    from labdb.sequencing.models import Gene
    from labdb.tissue.models import BrainRegion, TissueSample

    with writing(door="benchmark"):
        study = Study.objects.create(code="BENCH", title="Benchmark")
        mouse = Mouse.objects.create(study=study, code="M1", group="control", sex="M")
        regions = [BrainRegion.objects.get_or_create(code=code, defaults={"name": code})[0] for code in REGIONS]
        for region in regions:
            TissueSample.objects.create(study=study, code=f"T-{region.code}", mouse=mouse, region=region)
        contrasts = [
            Contrast.objects.create(study=study, name=f"c{n}", group_by="mouse__group", numerator="a", denominator="b")
            for n in range(N_CONTRASTS + 1)
        ]
        Gene.objects.bulk_create(
            Gene(annotation="A", gene_id=f"g{number:05d}", symbol=f"Gene{number}") for number in range(N_VOLCANO)
        )
        run = AnalysisRun.objects.create(
            study=study, task="differential_expression", code_version="bench",
            parameters={"contrast": "", "matrix": ""},
        )  # fmt: skip
        for status in (RunStatus.RUNNING, RunStatus.DONE):
            AnalysisRun.objects.filter(pk=run.pk).update(status=status)
    run.refresh_from_db()
    return run, contrasts, regions, list(Gene.objects.order_by("pk").values_list("pk", flat=True))


def _answers(contrasts: list[Any], regions: list[Any], genes: list[int]) -> list[Any]:
    """Return results in which a tenth of the genes differ."""
    from analysis.kernels.differential_expression import adjust_p_values
    from analysis.tasks.differential_expression import Answer

    rng, answers = np.random.default_rng(512), []
    for region in regions:
        for contrast in contrasts:
            p_value = np.where(
                rng.random(len(genes)) < 0.1, 10 ** rng.uniform(-12, -3, len(genes)), rng.random(len(genes))
            )
            change = rng.normal(0, 0.5, len(genes))
            table = pd.DataFrame(
                {
                    "log2_fold_change": change, "average_expression": rng.uniform(0, 12, len(genes)), "t": 4 * change,
                    "p_value": p_value, "adj_p_value": adjust_p_values(p_value),
                },
                index=genes,
            )  # fmt: skip
            answers.append(Answer(contrast.pk, region.pk, table))
    return answers


def _store(run: Any, answers: list[Any]) -> float:
    """Return seconds until the results are committed."""
    from django.db import transaction

    from analysis.tasks.differential_expression import store

    begun = time.perf_counter()
    with transaction.atomic():
        store(run, None, answers)  # type: ignore[arg-type]
    return time.perf_counter() - begun


def _store_bare(run: Any, answers: list[Any]) -> float:
    from django.db import connection, transaction

    from analysis.tasks.differential_expression import RESULT_COLUMNS, _blocks
    from labdb.database_backend import as_owner
    from labdb.registry.binary_copy import HEADER, TRAILER, rows_of_numbers

    app_role = connection.settings_dict["USER"]
    types = ["bigint"] * 5 + ["double precision"] * len(RESULT_COLUMNS)
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {BARE} ({', '.join(f'c{number} {one}' for number, one in enumerate(types))})")
        cursor.execute(f'GRANT SELECT, INSERT ON {BARE} TO "{app_role}"')
    blocks = list(_blocks(run, answers))
    begun = time.perf_counter()
    with (
        transaction.atomic(),
        connection.cursor() as cursor,
        cursor.copy(f"COPY {BARE} FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.write(HEADER)
        for block in blocks:
            copy.write(rows_of_numbers(types, block).tobytes())
        copy.write(TRAILER)
    return time.perf_counter() - begun


def _look(run: Any, contrast: Any, region: Any) -> list[dict[str, Any]]:
    """Ask for the volcano and for its page, the page once before anything is known of the run."""
    from django.test import Client, override_settings

    from labdb.accounts.models import User

    plain_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # nothing has collected them
    root, chosen = f"/analysis/runs/{run.pk}/", f"contrast={contrast.name}&region={region.code}"
    with override_settings(STORAGES={"staticfiles": plain_files}, ALLOWED_HOSTS=["testserver"]):
        client = Client()
        client.force_login(User.objects.create(username="bench", is_superuser=True))
        begun = time.perf_counter()
        _get(client, f"{root}?{chosen}")
        first_ms = 1000 * (time.perf_counter() - begun)
        page_ms = _median_ms(lambda: _get(client, f"{root}?{chosen}"))
        volcano_ms = _median_ms(lambda: _get(client, f"{root}figures/volcano.html?{chosen}"))
    return [
        row(f"volcano of {N_VOLCANO:,} genes", volcano_ms, "ms", None, "", TARGET_VOLCANO_MS),
        row("its page, which lists the genes", page_ms, "ms", None, "", TARGET_VOLCANO_MS),
        row("... the first time, counting all genes", first_ms, "ms", None, "", None),
    ]


def _get(client: Any, address: str) -> None:
    answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address}: {answer.status_code} {answer.content[:300]!r}")


def _median_ms(work: Callable[[], None]) -> float:
    times = []
    for _ in range(N_LOOKS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    for line in measure():
        print(line)
