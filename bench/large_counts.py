"""Large count matrices for the benchmark of the expression store: simulated, written as CSV, and imported by the command."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

N_GENES = 25_000
ANNOTATION = "A25"
ROOT = Path(__file__).resolve().parents[1]
ROWS_AT_ONCE = 500
LOOKS_EVERY_S = 0.02
SMALL = [str(number) for number in range(10_000)]  # as text once, most counts are small


def rates(rng: np.random.Generator, n_genes: int) -> np.ndarray:
    """Return mean counts as RNA-seq has them: a third of the genes silent, most small, some in the hundred thousands."""
    return np.where(rng.random(n_genes) < 0.33, 0.02, rng.lognormal(4, 2.2, n_genes))


def simulated_rows(n_samples: int) -> Iterator[np.ndarray]:
    """Yield counts of some genes at a time, shape (n, n_samples)."""
    rng = np.random.default_rng(n_samples)
    mean = rates(rng, N_GENES)
    size_factor = rng.lognormal(0, 0.25, n_samples)
    for start in range(0, N_GENES, ROWS_AT_ONCE):
        some = mean[start : start + ROWS_AT_ONCE, None]
        rate = some * size_factor * rng.gamma(10, 0.1, (len(some), n_samples))
        yield rng.poisson(np.minimum(rate, 1e7)).astype(np.int32)


def gene_id(number: int) -> str:
    """Return an id as Ensembl writes them."""
    return f"ENSMUSG{number:011d}"


@contextmanager
def matrix_file(folder: Path, n_samples: int) -> Iterator[Path]:
    """Write a matrix of samples L00000, L00001, ... for as long as it is needed."""
    path = folder / f"counts{n_samples}.csv"
    with path.open("w") as file:
        file.write(",".join(["gene", *(f"L{number:05d}" for number in range(n_samples))]) + "\n")
        for start, rows in enumerate(simulated_rows(n_samples)):
            for offset, row in enumerate(rows.tolist()):
                cells = [SMALL[count] if count < len(SMALL) else str(count) for count in row]
                file.write(f"{gene_id(start * ROWS_AT_ONCE + offset)},{','.join(cells)}\n")
    try:
        yield path
    finally:
        path.unlink()


def make_genes() -> None:
    """Store the annotation, so that the first import is like the others."""
    from labdb.registry.history import writing
    from labdb.sequencing.models import Gene

    with writing(door="benchmark"):
        Gene.objects.bulk_create(
            (Gene(annotation=ANNOTATION, gene_id=gene_id(number)) for number in range(N_GENES)), batch_size=5000
        )


def make_study(n_samples: int) -> Any:
    """Store a study with a library for each sample."""
    from labdb.colony.models import Study
    from labdb.registry.history import writing
    from labdb.sequencing.models import Library

    with writing(door="benchmark"):
        study = Study.objects.create(code=f"B{n_samples}", title="Benchmark")
        Library.objects.bulk_create(
            (Library(study=study, code=f"L{number:05d}") for number in range(n_samples)), batch_size=5000
        )
    return study


def import_by_command(file: Path, study: str) -> tuple[float, float]:
    """Import in a process of its own, as a user does; return its seconds, and its peak memory (MB)."""
    command = [sys.executable, "manage.py", "import_counts", str(file), "--study", study, "--annotation", ANNOTATION]
    begun, peak_kb = time.perf_counter(), 0
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        # not ru_maxrss, which a child takes over from the memory of the process that started it
        if found := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text()):
            peak_kb = int(found[1])
        time.sleep(LOOKS_EVERY_S)
    if process.returncode:
        raise RuntimeError(f"the import of {file.name} failed")
    return time.perf_counter() - begun, peak_kb / 1024
