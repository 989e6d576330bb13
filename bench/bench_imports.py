"""Files in: 10,000 weighings from one workbook, and the whole demo study out and into an empty database."""

import datetime as dt
import io
import resource
import time
from collections.abc import Callable
from typing import Any

from bench.databases import throwaway_database

N_MICE, N_WEIGHINGS = 500, 10_000
TARGET_S, TARGET_MB, TARGET_WORKBOOK_S = 10.0, 500.0, 60.0


def measure() -> list[dict[str, Any]]:
    with throwaway_database():
        from django.core.management import call_command

        call_command("load_fixtures", verbosity=0)
        rows = weighings()
        rows += workbook_of_the_demo()
    return rows


def weighings() -> list[dict[str, Any]]:
    from labdb.accounts.first_account import system_account
    from labdb.colony.models import Mouse, Study, Weighing
    from labdb.registry.imports import import_table
    from labdb.registry.record import record_for

    study = Study.objects.create(code="BENCH", title="a benchmark")
    Mouse.objects.bulk_create(Mouse(study=study, code=f"M{number:04}") for number in range(N_MICE))
    data = workbook_of_weighings()
    record, user = record_for("weighings"), system_account()
    before_mb = peak_mb()

    def take(*, dry_run: bool) -> Any:
        report = import_table(record, data, "w.xlsx", user=user, study=study, dry_run=dry_run)
        assert not report.errors, report.errors[0]
        return report

    check_s = seconds(lambda: take(dry_run=True))
    store_s = seconds(lambda: take(dry_run=False))
    assert Weighing.objects.count() == N_WEIGHINGS
    parse_s = seconds(lambda: rows_of(data))
    again_s = seconds(lambda: take(dry_run=True))
    return [
        row("10,000 weighings from XLSX: dry run", check_s, "s", TARGET_S, parse_s, "openpyxl reads the same file"),
        row("10,000 weighings from XLSX: commit", store_s, "s", TARGET_S, parse_s, "openpyxl reads the same file"),
        row("10,000 weighings from XLSX, stored already: dry run", again_s, "s", TARGET_S, parse_s, "the same"),
        row("10,000 weighings from XLSX: peak memory", peak_mb(), "MB", TARGET_MB, before_mb, "Django before it"),
    ]


def workbook_of_the_demo() -> list[dict[str, Any]]:
    """Out of one database and into another: the study is deleted in between by making the database anew."""
    from django.core.management import call_command

    from labdb.accounts.first_account import system_account
    from labdb.colony.models import Study
    from labdb.registry.workbook_export import study_workbook

    call_command("load_demo", verbosity=0, stdout=io.StringIO())
    study, user = Study.objects.get(code="DEMO"), system_account()
    held: list[bytes] = []
    out_s = seconds(lambda: held.append(study_workbook(study, user)))
    with empty_database():
        from labdb.registry.workbook_import import import_workbook

        reports: list[Any] = []

        def take() -> None:
            reports.append(
                import_workbook(held[0], "demo.xlsx", study="DEMO", user=system_account(), reason="a benchmark")
            )

        in_s = seconds(take)
        assert reports[0].is_stored, reports[0].refusals()[:3]
        again = study_workbook(Study.objects.get(code="DEMO"), system_account())
        differing = differences(held[0], again)
    parse_s = seconds(lambda: rows_of(held[0]))
    what = f"demo as a workbook ({reports[0].rows:,} rows)"
    return [
        row(f"{what}: out", out_s, "s", None, parse_s, "openpyxl reads it"),
        row(
            f"{what}: out, and into an empty database",
            out_s + in_s,
            "s",
            TARGET_WORKBOOK_S,
            parse_s,
            "openpyxl reads it",
        ),
        row(f"{what}: sheets that differ when exported anew", float(differing), "sheets", 0.0, None, ""),
    ]


def empty_database() -> Any:
    """Work in a second database of the same server."""
    from contextlib import contextmanager

    from django.core.management import call_command
    from django.db import connection

    from labdb.database_backend import as_owner

    @contextmanager
    def working() -> Any:
        before = connection.settings_dict["NAME"]
        with as_owner(connection), connection.cursor() as cursor:
            cursor.execute('CREATE DATABASE "second"')
        connection.close()
        connection.settings_dict["NAME"] = "second"
        call_command("migrate", interactive=False, verbosity=0)
        call_command("load_fixtures", verbosity=0)
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before

    return working()


def differences(one: bytes, other: bytes) -> int:
    old, new = rows_of(one), rows_of(other)
    return sum(old.get(name) != new.get(name) for name in old.keys() | new.keys())


def rows_of(data: bytes) -> dict[str, list[tuple[Any, ...]]]:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), read_only=True)
    return {name: list(book[name].iter_rows(values_only=True)) for name in book.sheetnames}


def workbook_of_weighings() -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("weighings")
    sheet.append(["mouse", "performed_at", "body_mass_g", "notes"])
    start = dt.datetime(2026, 1, 1, 8)
    for number in range(N_WEIGHINGS):
        day, mouse = divmod(number, N_MICE)
        mass_g = 20 + (mouse % 80) / 10 + day / 10  # no change that is asked about
        sheet.append([f"M{mouse:04}", start + dt.timedelta(days=day, seconds=mouse), round(mass_g, 1), "calm"])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def row(
    what: str, measured: float, unit: str, target: float | None, reference: float | None, by: str
) -> dict[str, Any]:
    return {
        "what": what, "measured": measured, "unit": unit, "reference": reference, "reference_what": by, "target": target,
    }  # fmt: skip
