"""The search over 100,000 mice and 400,000 samples, with a former name of every tenth: server time while one types."""

import statistics
import time
from typing import Any

from bench import bench_lists
from bench.bench_lists import GUEST, LAB, copies
from bench.databases import throwaway_database

N_REQUESTS = 5
TARGET_MS = 100.0
SAMPLES_OF_A_MOUSE = 4

FILL_SEARCH: dict[str, tuple[dict[str, str], str]] = {
    "TissueSample": (
        {"study_id": "s.study_id", "mouse_id": "s.id", "code": "s.code || '-' || (ARRAY['NAc', 'PFC', 'AMY', 'HIP'])[s.n]"},
        f"""SELECT mouse.*, n FROM colony_mouse AS mouse, generate_series(1, {SAMPLES_OF_A_MOUSE}) AS n
            WHERE cohort_id <> {{template}}""",
    ),
    "MouseIdentification": (
        {"study_id": "s.study_id", "mouse_id": "s.id", "value": "'T' || lpad(s.id::text, 6, '0')"},
        "SELECT * FROM colony_mouse WHERE cohort_id <> {template} AND id % 2 = 0",
    ),
    "Cage": (
        {"study_id": "s.study_id", "code": "'K' || substr(s.code, 2)"},
        "SELECT * FROM colony_mouse WHERE cohort_id <> {template} AND id % 4 = 0",
    ),
    "Library": (
        {"study_id": "s.study_id", "code": "'L' || substr(s.code, 2)"},
        "SELECT * FROM colony_mouse WHERE cohort_id <> {template} AND id % 8 = 0",
    ),
    "Gene": (
        {"gene_id": "'ENSMUSG' || lpad(s.n::text, 11, '0')", "symbol": "'Gene' || s.n"},
        "SELECT n FROM generate_series(1, 55000) AS n",
    ),
}  # fmt: skip
FORMER = """INSERT INTO {table} ({names}) SELECT {chosen} FROM {table} AS template, {source} AS s WHERE template.code = 'TEMPLATE'"""
SEARCHES = (
    "M", "m0", "M0012", "M00123", "m00123", "B00-M00123", "B00-M0012", "M00123-PFC", "m00123-p", "01234", "T000777", "K00400",
    "L00800", "B03", "C003", "Gene12345", "gene1", "ENSMUSG00000000042", "OLD00120", "old00120", "123", "00123", "PFC", "pfc",
    "nothing", "M0O123", "#12", "run 7", "9999", "B00-M99999", "zz", "M00123-",
)  # fmt: skip


def measure() -> list[dict[str, Any]]:
    """Fill a database, then type every text: as what opens below the box, and as the page."""
    with throwaway_database():
        fill()
        return [*_measured("below the box", {"HX-Request": "true"}), *_measured("page", {})]


def fill() -> None:
    """Fill without triggers, by copies of one row of each table, and give every tenth mouse a name that it had."""
    from django.db import connection

    from labdb.database_backend import as_owner
    from labdb.postgres import server_address
    from labdb.postgres.roles import SUPERUSER
    from labdb.registry.history import writing

    bench_lists.fill(with_weighings=False)
    with writing(door="benchmark"):
        templates = _templates()
    cohort = templates.pop(0)
    with server_address(connection.settings_dict["EMBEDDED_FOLDER"]).connect(SUPERUSER) as server:
        server.execute("SET session_replication_role = replica")
        for template in templates:
            server.execute(copies(template, cohort, FILL_SEARCH))
        server.execute(_former_names())
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _templates() -> list[Any]:
    """Make one row of each table, with the defaults of all its fields."""
    from labdb.colony.models import Cage, Cohort, Mouse, MouseIdentification, Study
    from labdb.sequencing.models import Gene, Library
    from labdb.tissue.models import BrainRegion, TissueSample

    study = Study.objects.create(code="TEMPLATE", title="Template")
    cohort = Cohort.objects.create(study=study, code="C")
    mouse = Mouse.objects.create(study=study, code="TEMPLATE", cohort=cohort)
    region = BrainRegion.objects.create(code="NAc", name="nucleus accumbens")
    return [
        cohort,
        TissueSample.objects.create(study=study, mouse=mouse, code="TEMPLATE", region=region),
        MouseIdentification.objects.create(study=study, mouse=mouse, value="TEMPLATE"),
        Cage.objects.create(study=study, code="TEMPLATE"),
        Library.objects.create(study=study, code="TEMPLATE"),
        Gene.objects.create(annotation="bench", gene_id="TEMPLATE", symbol="TEMPLATE"),
    ]


def _former_names() -> str:
    """Return the statement that remembers, for every mouse its name, and for every tenth one that it had."""
    from labdb.colony.models import Mouse

    events = Mouse.events.rel.related_model  # type: ignore[attr-defined]
    columns = [f.column for f in events._meta.concrete_fields if not f.primary_key]
    values = {"code": "s.code", "pgh_obj_id": "s.id", "study_id": "s.study_id"}
    names = ", ".join(f'"{column}"' for column in columns)
    chosen = ", ".join(values.get(column, f'template."{column}"') for column in columns)
    return FORMER.format(
        table=events._meta.db_table, names=names, chosen=chosen,
        source="""(SELECT id, study_id, code FROM colony_mouse UNION ALL
                   SELECT id, study_id, 'OLD' || substr(code, 2) FROM colony_mouse WHERE right(code, 1) = '0')""",
    )  # fmt: skip


def _measured(what: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext, override_settings

    from labdb.accounts.models import User

    plain_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # nothing has collected them
    times: dict[str, float] = {}
    queries: dict[str, int] = {}
    with override_settings(STORAGES={"staticfiles": plain_files}, ALLOWED_HOSTS=["testserver"]):
        for name in (LAB, GUEST):
            client = Client(headers=headers)
            client.force_login(User.objects.get(username=name))
            for text in SEARCHES:
                asked = {"q": text, "all": "1"}
                with CaptureQueriesContext(connection) as log:
                    client.get("/search/", asked)
                queries[f"{text} by {name}"] = len(log)
                times[f"{text} by {name}"] = statistics.median(_ms(client, asked) for _ in range(N_REQUESTS))
    slowest = max(times, key=lambda key: times[key])
    most = max(queries, key=lambda key: queries[key])
    return [
        _row(f"search, {what}, {len(times)} texts", statistics.median(times.values()), "ms", TARGET_MS),
        _row(f"  the slowest: {slowest}", times[slowest], "ms", None),
        _row(f"  the most queries: {most}", queries[most], "queries", None),
    ]


def _ms(client: Any, asked: dict[str, str]) -> float:
    begun = time.perf_counter()
    answer = client.get("/search/", asked)
    if answer.status_code != 200:
        raise RuntimeError(f"{asked} answered {answer.status_code}")
    return (time.perf_counter() - begun) * 1e3


def _row(what: str, measured: float, unit: str, target: float | None) -> dict[str, Any]:
    return {
        "what": what, "measured": measured, "unit": unit, "reference": None, "reference_what": "", "target": target,
    }  # fmt: skip


if __name__ == "__main__":
    for row in measure():
        print(row)
