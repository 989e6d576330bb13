"""Exports of 1,000,000 SI tests and gene results by REST, from a web process as `up` starts it, read through a socket.

The live reference is psql's ``COPY ... TO STDOUT`` of the same query, in the same run. Memory is that of the web process
while it writes, beyond what it held after a first small export of the format.
"""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.bench_lists import copies, fill
from bench.databases import throwaway_database
from bench.rows import row

CHECKOUT = Path(__file__).resolve().parent.parent
TESTS_OF_A_MOUSE = 10  # of 100,000 mice
N_GENES, N_CONTRASTS, REGIONS = 25_000, 10, ("PFC", "NAc", "HIP", "AMY")
N_AT_ONCE = 10
TARGET_FIRST_MS, TARGET_MB, TARGET_PARQUET_S, TARGET_RATIO = 200.0, 50.0, 20.0, 2.0  # 1,000,000 / 50,000 rows/s
TARGET_PAGE_MS = 500.0
ROBOT = "bench_robot"
CHUNK = 2**16
FILLED: dict[str, tuple[dict[str, str], str]] = {
    "SocialInteractionTest": (
        {"study_id": "s.study_id", "mouse_id": "s.id", "test_number": "s.n", "notes": "''",
         "test_at": "timestamptz '2026-01-01 08:00+00' + s.n * interval '1 day' + s.id % 14400 * interval '1 second'",
         "iz_absent_s": "(hashint8(s.id * 10 + s.n) & 32767) / 300.0", "iz_present_s": "(hashint8(s.id * 10 - s.n) & 32767) / 300.0"},
        f"SELECT id, study_id, n FROM colony_mouse, generate_series(2, {TESTS_OF_A_MOUSE + 1}) AS n WHERE id <> {{template}}",
    ),
    "GeneResult": (
        {"contrast_id": "s.contrast", "region_id": "s.region", "gene_id": "s.gene",
         "log2_fold_change": "(hashint8(s.gene * 41 + s.region) & 65535) / 16384.0 - 2",
         "p_value": "((hashint8(s.gene * 43 + s.contrast) & 16777215) + 1) / 16777217.0"},
        """SELECT gene.id AS gene, contrast.id AS contrast, region.id AS region FROM sequencing_gene AS gene,
           analysis_contrast AS contrast, tissue_brainregion AS region WHERE gene.annotation = 'BENCH' AND region.code = ANY
           (ARRAY['PFC', 'NAc', 'HIP', 'AMY']) AND contrast.name LIKE 'bench %%' AND {template} > 0""",
    ),
}  # fmt: skip


@dataclass
class Read:
    """What reading one export took."""

    status: int
    first_ms: float
    total_s: float
    n_lines: int
    n_bytes: int
    grown_mb: float = 0.0


def measure() -> list[dict[str, Any]]:
    """Fill a database, start a web process, and read."""
    with throwaway_database():
        fill(with_weighings=False)
        token = _fill()
        statements = {name: _statement(name) for name in ("si-tests", "gene-results")}
        with _web() as (port, process):
            return _measure(_Reader(port, token, process), statements)


def _measure(reader: "_Reader", statements: dict[str, str]) -> list[dict[str, Any]]:
    rows = []
    for name, statement in statements.items():
        psql_s, n_lines = _psql_s(statement)
        print(f"psql, {name}: {psql_s:.1f} s", file=sys.stderr, flush=True)
        address = f"/api/v1/{name}/?study=B00" if name == "gene-results" else f"/api/v1/{name}/?"
        reader.read(f"{address}&export=csv&id=1")
        csv = reader.read(f"{address}&export=csv")
        if csv.n_lines != n_lines + 1 or n_lines < 990_000:
            raise RuntimeError(f"{name}: {csv.n_lines} lines, psql wrote {n_lines}")
        what = f"CSV of {n_lines:,} {name}"
        rows += [
            row(what, csv.total_s, "s", psql_s, "psql's COPY", TARGET_RATIO * psql_s),
            row("  rows a second (as s for a million)", 1e6 * csv.total_s / n_lines, "s", None, "", None),
            row("  until the first byte", csv.first_ms, "ms", None, "", TARGET_FIRST_MS),
            row("  memory of the web process grows by", csv.grown_mb, "MB", None, "", TARGET_MB),
        ]
        for kind, target in (("parquet", TARGET_PARQUET_S), ("ndjson", None)):
            reader.read(f"{address}&export={kind}&id=1")
            found = reader.read(f"{address}&export={kind}")
            rows += [
                row(f"{kind} of {n_lines:,} {name}", found.total_s, "s", csv.total_s, "CSV", target),
                # NDJSON has no header to send before the first row is sorted
                row("  until the first byte", found.first_ms, "ms", None, "", TARGET_FIRST_MS if target else None),
                row("  memory of the web process grows by", found.grown_mb, "MB", None, "", None),
            ]
    sheet = reader.read("/api/v1/si-tests/?study=B01&export=xlsx")
    rows.append(row("xlsx of 50,000 si-tests", sheet.total_s, "s", None, "", None))
    return [*rows, *_crowd(reader)]


def _crowd(reader: "_Reader") -> list[dict[str, Any]]:
    """Return what a page takes while ten exports are asked for at once, and how many were refused in words."""
    alone_ms = _median_page_ms(reader)
    found: list[Read] = []
    readers = [
        threading.Thread(target=lambda: found.append(reader.read("/api/v1/si-tests/?export=csv", watch=False)))
        for _one in range(N_AT_ONCE)
    ]
    for one in readers:
        one.start()
    time.sleep(0.3)
    page_ms = _median_page_ms(reader)
    for one in readers:
        one.join()
    served = sum(one.status == 200 for one in found)
    if {one.status for one in found} - {200, 429} or not served:
        raise RuntimeError(f"ten exports at once were answered {[one.status for one in found]}")
    what = f"a page of mice beside {served} exports ({len(found) - served} asked to come again)"
    return [row(what, page_ms, "ms", alone_ms, "alone", TARGET_PAGE_MS)]


def _median_page_ms(reader: "_Reader") -> float:
    times = sorted(reader.read("/api/v1/mice/?study=B01&limit=50", watch=False).total_s for _look in range(9))
    return 1000 * times[4]


@dataclass
class _Reader:
    """Reads addresses of the web process, looking at its memory meanwhile."""

    port: int
    token: str
    process: psutil.Process

    def read(self, address: str, *, watch: bool = True) -> Read:
        worker = self.process.children()[0]
        before = highest = worker.memory_info().rss
        server = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        begun = time.perf_counter()
        server.request("GET", address, headers={"Authorization": f"Token {self.token}"})
        answer = server.getresponse()
        first = answer.read(1)
        first_ms = 1000 * (time.perf_counter() - begun)
        n_bytes, n_lines = 1, first.count(b"\n")
        looked = time.perf_counter()
        while piece := answer.read(CHUNK):
            n_bytes += len(piece)
            n_lines += piece.count(b"\n")
            if watch and time.perf_counter() - looked > 0.05:
                highest, looked = max(highest, worker.memory_info().rss), time.perf_counter()
        total_s = time.perf_counter() - begun
        server.close()
        if answer.status not in (200, 429) or (watch and answer.status != 200):
            raise RuntimeError(f"{address} answered {answer.status}")
        found = Read(answer.status, first_ms, total_s, n_lines, n_bytes, (highest - before) / 2**20)
        if watch:
            print(f"{address}: {found}", file=sys.stderr, flush=True)
        return found


@contextmanager
def _web() -> Iterator[tuple[int, psutil.Process]]:
    """Run one web process of gunicorn with the threads that `up` gives it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "labdb.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--workers", "1", "--threads", "4", "--no-control-socket"]
    command += ["--log-level", "warning", "--timeout", "120", "--graceful-timeout", "5"]
    process = subprocess.Popen(command, cwd=CHECKOUT, env={**os.environ, "ALLOWED_HOSTS": "127.0.0.1"})
    try:
        for _try in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0 and psutil.Process(process.pid).children():
                    break
            time.sleep(0.1)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _fill() -> str:
    """Copy a million SI tests and gene results; return the token of an account that sees them."""
    from django.db import connection

    from analysis.models import AnalysisRun, Contrast, GeneResult, RunStatus
    from labdb.accounts.models import User
    from labdb.accounts.rest_token import make_token
    from labdb.behavior.models import SocialInteractionTest
    from labdb.colony.models import Mouse, Study
    from labdb.database_backend import as_owner
    from labdb.postgres import server_address
    from labdb.postgres.roles import SUPERUSER
    from labdb.registry.history import writing
    from labdb.sequencing.models import Gene
    from labdb.tissue.models import BrainRegion

    with writing(door="benchmark"):
        study = Study.objects.get(code="B00")
        mouse = Mouse.objects.filter(study=study).order_by("pk")[0]
        regions = [BrainRegion.objects.get_or_create(code=code, defaults={"name": code})[0] for code in REGIONS]
        contrasts = [
            Contrast.objects.create(
                study=study, name=f"bench {n}", group_by="mouse__group", numerator="a", denominator="b"
            )
            for n in range(N_CONTRASTS)
        ]
        genes = Gene.objects.bulk_create(
            Gene(annotation="BENCH", gene_id=f"ENSMUSG{n:08}", symbol=f"Gene{n}") for n in range(N_GENES)
        )
        run = AnalysisRun.objects.create(study=study, task="differential_expression", code_version="bench")
        for status in (RunStatus.RUNNING, RunStatus.DONE):
            AnalysisRun.objects.filter(pk=run.pk).update(status=status)
        test = SocialInteractionTest.objects.create(
            study=study, mouse=mouse, test_number=99, iz_absent_s=50, iz_present_s=50
        )
        result = GeneResult.objects.create(
            study=study, run=run, contrast=contrasts[0], region=regions[0], gene=genes[0], log2_fold_change=1,
            average_expression=5, t=2, p_value=0.5, adj_p_value=0.6,
        )  # fmt: skip
        user = User.objects.create_superuser(ROBOT)
        token = make_token(user, "bench")
    with server_address(connection.settings_dict["EMBEDDED_FOLDER"]).connect(SUPERUSER) as server:
        server.execute("SET session_replication_role = replica")
        for template, number in ((test, 0), (result, 1)):
            server.execute(copies(template, _Number(number), FILLED).replace("%%", "%"))
    with writing(door="benchmark"):
        test.delete()
        GeneResult.objects.filter(pk=result.pk).delete()
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    return token


@dataclass
class _Number:
    """Stands where a row is to be left out."""

    pk: int


def _statement(name: str) -> str:
    """Return the statement that an export sends, without its format."""
    from labdb.accounts.models import User
    from labdb.registry.export_columns import ExportTable, record_columns
    from labdb.registry.export_formats import FORMATS
    from labdb.registry.permissions import visible
    from labdb.registry.record import record_for

    record = record_for(name)
    user = User.objects.get(username=ROBOT)
    rows = visible(record.model._default_manager.all(), user)
    table = ExportTable.of(rows, record_columns(record, record.columns(), user))
    return FORMATS["csv"].statement(table, False)


def _psql_s(statement: str) -> tuple[float, int]:
    """Return how long psql takes, reading what it writes as the export is read."""
    from django.db import connection

    from labdb.postgres import server_address
    from labdb.postgres.binaries import find_binaries

    address = server_address(connection.settings_dict["EMBEDDED_FOLDER"])
    command = [
        find_binaries().program("psql"),
        "-h",
        str(address.socket_folder),
        "-U",
        address.app,
        "-d",
        address.database,
    ]
    begun, n_lines = time.perf_counter(), 0
    environ = {**os.environ, "PGTZ": "UTC"}
    with subprocess.Popen([*command, "-q", "-c", statement], stdout=subprocess.PIPE, env=environ) as psql:
        while piece := psql.stdout.read(CHUNK):  # type: ignore[union-attr]
            n_lines += piece.count(b"\n")
    return time.perf_counter() - begun, n_lines


if __name__ == "__main__":
    for line in measure():
        print(line)
