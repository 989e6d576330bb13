"""`python -m bench [NAME ...]`: every benchmark, or those named, as one table; `long_NAME.py` only when named.

Each `bench_NAME.py` has `measure()`, which returns rows with ``what``, ``measured``, ``unit``, ``reference`` (the same unit,
or None), ``reference_what`` and ``target`` (at most; or None). Each runs in a process of its own, so that none finds
memory, threads or a database that another left behind.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
HEADER = ("what", "measured", "reference", "ratio", "target", "met?")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def known() -> list[str]:
    """Return the names of all benchmarks."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def long_ones() -> list[str]:
    """Return the names of those that take an hour, and run only when they are named."""
    return sorted(path.stem.removeprefix("long_") for path in HERE.glob("long_*.py"))


def module_of(name: str) -> str:
    """Return the module of a benchmark."""
    return f"bench.{'long' if name in long_ones() else 'bench'}_{name}"


def main(arguments: list[str] | None = None) -> int:
    """Run, print one table; 1 when a benchmark failed or a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Run benchmarks and print one table.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(known())}; by default all these; and {', '.join(long_ones())}, which take long",
    )
    parser.add_argument("--rows-to", type=Path, help=argparse.SUPPRESS)  # how a benchmark's own process answers
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in known() + long_ones()]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(known() + long_ones())}")
    if options.rows_to:
        rows = importlib.import_module(module_of(options.names[0])).measure()
        options.rows_to.write_text(json.dumps(rows))
        return 0
    rows, failed = run(options.names or known())
    print(table(rows))
    for name in failed:
        print(f"{name} failed; see above.", file=sys.stderr)
    return 1 if failed or any(met(row) is False for row in rows) else 0


def run(names: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows of each benchmark, and which of them failed."""
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(names, start=1):
            print(f"{number} of {len(names)}: {name}", file=sys.stderr, flush=True)
            answer = Path(folder) / f"{name}.json"
            command = [sys.executable, "-m", "bench", name, "--rows-to", str(answer)]
            done = subprocess.run(command, cwd=HERE.parent, env={**ONE_THREAD, **os.environ}, check=False)
            if done.returncode == 0:
                rows += json.loads(answer.read_text())
            else:
                failed.append(name)
    return rows, failed


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as text in columns; lower is better throughout, ratio is measured / reference."""
    lines = [HEADER, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def met(row: dict[str, Any]) -> bool | None:
    """Whether the target was reached; None without one."""
    return None if row["target"] is None else bool(row["measured"] <= row["target"])


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    unit, reference, target = row["unit"], row["reference"], row["target"]
    return (
        row["what"],
        f"{_number(row['measured'])} {unit}",
        "" if reference is None else f"{_number(reference)} {unit} ({row['reference_what']})",
        "" if not reference else _number(row["measured"] / reference),
        "" if target is None else f"{_number(target)} {unit}",
        {None: "", True: "yes", False: "NO"}[met(row)],
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
