"""The expression store at the demo's size (22,000 genes x 256 libraries), and from 100 to 10,000 samples of 25,000 genes.

The matrices of 25,000 genes go in by the command, in a process of its own, whose peak memory is measured. The live references hold the same numbers in PostgreSQL without the store's packing (an int4[] a row, read by the same
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
from bench.large_counts import import_by_command, make_genes, make_study, matrix_file, rates
from bench.rows import row

N_GENES, N_LIBRARIES = 22_000, 256
N_READS = 200
N_FULL_READS = 5
TARGET_GENE_MS, TARGET_LIBRARY_MS = 10.0, 5.0
ARRAYS = "bench_arrays"
BLOCKS = ("sequencing_librarycounts", "sequencing_genecounts")


LARGE = 2_000  # samples x 25,000 genes, at which the targets are set
CURVE = (100, 300, 1_000, LARGE, 3_000, 10_000)
FITTED = 1_000  # from here on the counts take the time, and not the start of the program
N_SOME = 100
TARGET_IMPORT_S, TARGET_STORED_MB, TARGET_SOME_S = 60.0, 130.0, 0.5
TARGET_EXPONENT, TARGET_MORE_MB = 1.1, 200.0


def simulate(rng: np.random.Generator) -> np.ndarray:
    """Return counts of the demo's size."""
    mean = rates(rng, N_GENES)
    size_factor = rng.lognormal(0, 0.25, N_LIBRARIES)
    rate = mean[:, None] * size_factor * rng.gamma(10, 0.1, (N_GENES, N_LIBRARIES))
    return rng.poisson(np.minimum(rate, 1e7)).astype(np.int32)


def measure() -> list[dict[str, Any]]:
    """Store, then read one gene, one library and everything, both ways and by the references; then the curve."""
    with throwaway_database(), tempfile.TemporaryDirectory() as folder:
        return [*_measure(Path(folder) / "counts.npz"), *_measure_curve(Path(folder))]


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
    mb, array_mb = _stored_mb(*BLOCKS), _stored_mb(ARRAYS)
    return [
        row(f"one gene over {N_LIBRARIES} samples", gene_ms, "ms", gene_array_ms, "int4[] row", TARGET_GENE_MS),
        row(f"one sample of {N_GENES:,} genes", library_ms, "ms", library_array_ms, "int4[] row", TARGET_LIBRARY_MS),
        row(f"all of {size}", all_ms, "ms", file_ms, ".npz file", None),
        row(f"store {size}, both ways", store_s, "s", array_store_s, "int4[] rows", None),
        row(f"on disk, {size}, both ways", mb, "MB", array_mb, "int4[] rows", None),
    ]  # fmt: skip


def _measure_curve(folder: Path) -> list[dict[str, Any]]:
    """Import ever more samples; read and weigh what is stored at the size the targets are set for."""
    make_genes()
    rows: list[dict[str, Any]] = []
    import_s, peak_mb = {}, {}
    for n_samples in CURVE:
        study = make_study(n_samples)
        before_mb = _stored_mb(*BLOCKS)
        with matrix_file(folder, n_samples) as file:
            import_s[n_samples], peak_mb[n_samples] = import_by_command(file, study.code)
            target = TARGET_IMPORT_S if n_samples == LARGE else None
            reads_s = _median_ms([partial(pd.read_csv, file, index_col=0)]) / 1000
            what = f"import 25,000 genes x {n_samples:,} samples"
            rows.append(row(what, import_s[n_samples], "s", reads_s, "pandas reads it", target))
            if n_samples == LARGE:
                file_mb = file.stat().st_size / 1e6
                stored_mb = _stored_mb(*BLOCKS) - before_mb
                large = _read_large(study)
                large.append(row("... on disk, both ways", stored_mb, "MB", file_mb, "CSV file", TARGET_STORED_MB))
        if n_samples == LARGE:
            rows += large
    fitted = [n for n in CURVE if n >= FITTED]
    exponent = np.polyfit(np.log(fitted), np.log([import_s[n] for n in fitted]), 1)[0]
    more_mb, most = peak_mb[CURVE[-1]] - peak_mb[CURVE[0]], f"{CURVE[-1]:,}"
    what = f"import time ~ samples ^ exponent, from {FITTED:,} to {most} samples"
    return [
        *rows,
        row(what, exponent, "", 1.0, "linear", TARGET_EXPONENT),
        row(f"memory of importing {most} samples beyond that of {CURVE[0]}", more_mb, "MB",
             CURVE[-1] * 25_000 * 4 / 1e6, "its counts", TARGET_MORE_MB),
    ]  # fmt: skip


def _read_large(study: Any) -> list[dict[str, Any]]:
    from labdb.sequencing.expression_store import load_counts, read_gene
    from labdb.sequencing.models import CountMatrix, Gene, Library

    rng = np.random.default_rng(LARGE)
    matrix = CountMatrix.objects.get(study=study)
    stored = Gene.objects.filter(count_blocks__matrix=matrix).order_by("pk")
    genes = [stored[number] for number in rng.integers(0, matrix.n_genes, N_READS).tolist()]
    libraries = list(Library.objects.filter(study=study).order_by("pk"))
    one_each = [libraries[number] for number in rng.integers(0, LARGE, N_READS)]
    gene_ms = _median_ms([partial(read_gene, matrix, gene) for gene in genes])
    library_ms = _median_ms([partial(load_counts, matrix, [library]) for library in one_each])
    some = [rng.choice(np.array(libraries), N_SOME, replace=False).tolist() for _ in range(N_FULL_READS)]
    some_s = _median_ms([partial(load_counts, matrix, chosen) for chosen in some]) / 1000
    return [
        row(f"... one gene over {LARGE:,} samples", gene_ms, "ms", None, "", TARGET_GENE_MS),
        row("... one sample of 25,000 genes", library_ms, "ms", None, "", TARGET_LIBRARY_MS),
        row(f"... {N_SOME} samples of 25,000 genes", some_s, "s", None, "", TARGET_SOME_S),
    ]


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


if __name__ == "__main__":
    for line in measure():
        print(line)
