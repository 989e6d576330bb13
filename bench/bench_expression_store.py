"""Reading the expression store at the demo's size: 22,000 genes x 256 libraries, in a database of its own.

The live references hold the same numbers in PostgreSQL without the store's packing (an int4[] a row, read by the same
connection), and in a compressed .npz file, read in the same run.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.databases import throwaway_database

N_GENES, N_LIBRARIES = 22_000, 256
N_READS = 200
N_FULL_READS = 5
TARGET_GENE_MS, TARGET_LIBRARY_MS = 10.0, 5.0
ARRAYS = "bench_arrays"


def simulate(rng: np.random.Generator) -> np.ndarray:
    """Return counts as RNA-seq has them: a third of the genes silent, most small, some in the hundred thousands."""
    mean = np.where(rng.random(N_GENES) < 0.33, 0.02, rng.lognormal(4, 2.2, N_GENES))
    size_factor = rng.lognormal(0, 0.25, N_LIBRARIES)
    rate = mean[:, None] * size_factor * rng.gamma(10, 0.1, (N_GENES, N_LIBRARIES))
    return rng.poisson(np.minimum(rate, 1e7)).astype(np.int32)


def measure() -> list[dict[str, Any]]:
    """Store, then read one gene, one library and everything, both ways and by the references."""
    with throwaway_database(), tempfile.TemporaryDirectory() as folder:
        return _measure(Path(folder) / "counts.npz")


def _measure(file: Path) -> list[dict[str, Any]]:
    from labdb.sequencing.expression_store import load_counts, read_gene
    from labdb.sequencing.models import Gene, Library

    rng = np.random.default_rng(256)
    values = simulate(rng)
    store_s, matrix = _store(values)
    array_store_s = _store_arrays(values)
    np.savez_compressed(file, counts=values)
    genes = list(Gene.objects.order_by("pk"))
    libraries = list(Library.objects.order_by("pk"))
    some_genes = rng.integers(0, N_GENES, N_READS).tolist()
    some_libraries = rng.integers(0, N_LIBRARIES, N_READS).tolist()
    _check(values, matrix, genes, libraries, some_genes[0], some_libraries[0])
    gene_ms = _median_ms([partial(read_gene, matrix, genes[number]) for number in some_genes])
    gene_array_ms = _median_ms([partial(_read_array, "gene", number) for number in some_genes])
    library_ms = _median_ms([partial(load_counts, matrix, [libraries[number]]) for number in some_libraries])
    library_array_ms = _median_ms([partial(_read_array, "library", number) for number in some_libraries])
    all_ms = _median_ms([partial(load_counts, matrix)] * N_FULL_READS)
    file_ms = _median_ms([lambda: np.load(file)["counts"]] * N_FULL_READS)
    size = f"{N_GENES:,} genes x {N_LIBRARIES} samples"
    mb, array_mb = _stored_mb("sequencing_librarycounts", "sequencing_genecounts"), _stored_mb(ARRAYS)
    return [
        _row(f"one gene over {N_LIBRARIES} samples", gene_ms, "ms", gene_array_ms, "int4[] row", TARGET_GENE_MS),
        _row(f"one sample of {N_GENES:,} genes", library_ms, "ms", library_array_ms, "int4[] row", TARGET_LIBRARY_MS),
        _row(f"all of {size}", all_ms, "ms", file_ms, ".npz file", None),
        _row(f"store {size}, both ways", store_s, "s", array_store_s, "int4[] rows", None),
        _row(f"on disk, {size}, both ways", mb, "MB", array_mb, "int4[] rows", None),
    ]  # fmt: skip


def _store(values: np.ndarray) -> tuple[float, Any]:
    """Return seconds to store, and the matrix."""
    from labdb.colony.models import Study
    from labdb.registry.history import writing
    from labdb.sequencing.expression_store import store_counts
    from labdb.sequencing.models import CountMatrix, Gene, Library

    with writing(door="benchmark"):
        study = Study.objects.create(code="BENCH", title="Benchmark")
        Gene.objects.bulk_create(Gene(annotation="A", gene_id=f"g{number:05d}") for number in range(N_GENES))
        Library.objects.bulk_create(Library(study=study, code=f"L{number:03d}") for number in range(N_LIBRARIES))
        matrix = CountMatrix.objects.create(
            study=study, code="m", annotation="A", file_name="m.csv", sha256="0" * 64,
            n_genes=N_GENES, n_libraries=N_LIBRARIES,
        )  # fmt: skip
        genes = list(Gene.objects.order_by("pk").values_list("pk", flat=True))
        libraries = list(Library.objects.order_by("pk").values_list("pk", flat=True))
        begun = time.perf_counter()
        store_counts(matrix, pd.DataFrame(values, index=genes, columns=libraries))
        return time.perf_counter() - begun, matrix


def _store_arrays(values: np.ndarray) -> float:
    """Return seconds to store the same numbers as one int4[] a library and one a gene."""
    from django.db import connection, transaction

    from labdb.database_backend import as_owner

    app_role = connection.settings_dict["USER"]
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {ARRAYS} (way text, number int, counts int4[], PRIMARY KEY (way, number))")
        cursor.execute(f'GRANT SELECT, INSERT ON {ARRAYS} TO "{app_role}"')
    begun = time.perf_counter()
    with (
        transaction.atomic(),
        connection.cursor() as cursor,
        cursor.copy(f"COPY {ARRAYS} FROM STDIN") as copy,
    ):
        for way, rows in (("library", values.T), ("gene", values)):
            for number, row in enumerate(rows):
                copy.write_row((way, number, row.tolist()))
    return time.perf_counter() - begun


def _read_array(way: str, number: int) -> np.ndarray:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT counts FROM {ARRAYS} WHERE way = %s AND number = %s", [way, number])
        return np.array(cursor.fetchone()[0])


def _check(values: np.ndarray, matrix: Any, genes: list[Any], libraries: list[Any], gene: int, library: int) -> None:
    """Measure only what is right."""
    from labdb.sequencing.expression_store import load_counts, read_gene

    np.testing.assert_array_equal(read_gene(matrix, genes[gene]), values[gene])
    np.testing.assert_array_equal(load_counts(matrix, [libraries[library]]).to_numpy()[:, 0], values[:, library])
    np.testing.assert_array_equal(_read_array("gene", gene), values[gene])


def _median_ms(works: list[Callable[[], object]]) -> float:
    times = []
    for work in works:
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times)


def _stored_mb(*tables: str) -> float:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) AS name", [list(tables)]
        )
        return float(cursor.fetchone()[0]) / 1e6


def _row(
    what: str, measured: float, unit: str, reference: float, reference_what: str, target: float | None
) -> dict[str, Any]:
    return {
        "what": what, "measured": measured, "unit": unit, "reference": reference, "reference_what": reference_what,
        "target": target,
    }  # fmt: skip


if __name__ == "__main__":
    for row in measure():
        print(row)
