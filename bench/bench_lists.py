"""Lists over 100,000 mice and 2,000,000 weighings: server time of pages and REST, and how often they ask the database.

The live reference is the bare SQL of the same answer: the statements that the request sent, sent again by a cursor.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.databases import throwaway_database
from bench.rows import row

N_STUDIES = 11
N_MICE_FIRST, N_MICE_OTHERS = 50_000, 5_000  # in B00, and in each of the other ten studies
N_WEIGHINGS = 20  # of each mouse
COHORT_MICE = 250
N_REQUESTS = 5
TARGET_MS, TARGET_QUERIES = 100.0, 12
LAB = "bench_lab"  # an account that sees every study
GUEST = "bench_guest"  # a member of the last study alone, whose rows are the oldest

# model -> what differs from the template row, and the rows to copy it for (`s`; {template}: the cohort to leave out)
FILL: dict[str, tuple[dict[str, str], str]] = {
    "Study": (
        {"code": "'B' || lpad(s.n::text, 2, '0')", "title": "'Study ' || s.n"},
        f"SELECT n FROM generate_series(0, {N_STUDIES - 1}) AS n",
    ),
    "Cohort": (
        {"study_id": "s.id", "code": "'C' || lpad(s.n::text, 3, '0')",
         "start_date": "date '2026-06-01' - substr(s.code, 2)::int * 100 - s.n"},
        f"""SELECT id, code, n FROM colony_study, generate_series(0, {N_MICE_FIRST // COHORT_MICE - 1}) AS n
            WHERE code LIKE 'B__' AND (code = 'B00' OR n < {N_MICE_OTHERS // COHORT_MICE})""",
    ),
    "Mouse": (
        {"study_id": "s.study_id", "cohort_id": "s.id",
         "code": f"'M' || lpad((substr(s.code, 2)::int * {COHORT_MICE} + s.n)::text, 5, '0')",
         "ear_tag": "lpad((hashint8(s.id * 1000 + s.n) & 65535)::text, 5, '0')",
         "sex": "CASE WHEN s.n % 4 = 0 THEN 'F' ELSE 'M' END", "birth_date": "s.start_date - 56 - s.n % 7",
         "group": "CASE WHEN s.n % 10 < 3 THEN 'control' WHEN s.n % 50 = 9 THEN 'witness' ELSE 'defeated' END",
         "death_date": "CASE WHEN s.n % 2 = 0 THEN s.start_date + 40 + s.n % 5 END"},
        f"""SELECT cohort.*, n FROM colony_cohort AS cohort, generate_series(0, {COHORT_MICE - 1}) AS n
            WHERE cohort.id <> {{template}}""",
    ),
    "Weighing": (
        {"study_id": "s.study_id", "mouse_id": "s.id",
         "performed_at": "s.start_date + s.n + time '08:00' + s.id % 14400 * interval '1 second'",
         "body_mass_g": "round((21 + 0.1 * s.n + (hashint8(s.id * 100 + s.n) & 4095) / 1000.0)::numeric, 1)"},
        f"""SELECT mouse.id, mouse.study_id, cohort.start_date, n FROM generate_series(0, {N_WEIGHINGS - 1}) AS n,
            colony_mouse AS mouse JOIN colony_cohort AS cohort ON cohort.id = mouse.cohort_id
            WHERE cohort.id <> {{template}}""",
    ),
}  # fmt: skip

INDEXES = """SELECT indexdef FROM pg_indexes WHERE tablename = 'colony_weighing' AND indexdef NOT LIKE '%UNIQUE%'"""

MICE = (
    "", "page=2", "page=500", "page=2000", "study=B00", "study=B00&page=1000", "study=B07", "cohort=C003", "study=B00&cohort=C003",
    "group=control", "group=witness", "study=B00&group=witness", "sex=F", "study=B00&group=control&sex=F",
    "search=M00123", "search=m00123", "search=123", "search=nothing", "study=B00&search=123", "death_date__gte=2026-01-01",
    *(f"{study}ordering={sign}{column}" for study in ("", "study=B00&") for sign in ("", "-")
      for column in ("code", "study", "group", "birth_date", "death_date")),
)  # fmt: skip
WEIGHINGS = (
    "", "page=2", "page=500", "page=20000", "study=B00", "study=B07", "study=B00&page=2000", "study=B00&mouse=M00123",
    "mouse=M00123", "mouse__cohort=C003", "study=B00&mouse__cohort=C003", "mouse__group=control", "mouse__group=witness",
    "study=B07&mouse__group=witness", "search=M00123", "search=123", "study=B00&search=123",
    "performed_at__gte=2026-01-01&performed_at__lt=2026-01-08", "study=B00&performed_at__gte=2026-01-01&performed_at__lt=2026-01-08",
    *(f"{study}ordering={sign}{column}" for study in ("", "study=B00&", "study=B07&") for sign in ("", "-")
      for column in ("performed_at", "mouse", "body_mass_g")),
)  # fmt: skip


LISTS = {"mice": MICE, "weighings": WEIGHINGS}
ONE = "home, pages of one mouse and study"  # no lists, and without a target: home asks each source of its work once
SQL = "its SQL alone"


@dataclass(frozen=True)
class Measured:
    """What one address took."""

    address: str
    ms: float
    sql_ms: float
    queries: int


def measure() -> list[dict[str, Any]]:
    """Fill a database, then ask for every page as an account that sees all, and for some as a guest."""
    with throwaway_database():
        fill()
        return measure_pages()


def fill(*, with_weighings: bool = True) -> None:
    """Fill without triggers, by copies of one row of each table, and sign up two accounts."""
    from django.db import connection

    from labdb.accounts.models import Role, User
    from labdb.accounts.roles import install_roles
    from labdb.colony.models import Study, StudyMembership
    from labdb.database_backend import as_owner
    from labdb.postgres import server_address
    from labdb.postgres.roles import SUPERUSER
    from labdb.registry.history import writing

    with writing(door="benchmark"):
        install_roles()
        User.objects.create_superuser(LAB)
        guest = User.objects.create_user(GUEST)
        templates = _templates()
    with server_address(connection.settings_dict["EMBEDDED_FOLDER"]).connect(SUPERUSER) as server:
        server.execute("SET session_replication_role = replica")  # the lists are measured, not the history
        indexes = [definition for (definition,) in server.execute(INDEXES)]  # quicker made at once than row by row
        for template in templates[:-1]:
            server.execute(copies(template, templates[1]))
        for name in [definition.split()[2] for definition in indexes]:
            server.execute(f"DROP INDEX {name}")
        if with_weighings:
            server.execute(copies(templates[-1], templates[1]))
        for definition in indexes:
            server.execute(definition)
        for template in templates:
            server.execute(f"DELETE FROM {template._meta.db_table} WHERE id = {template.pk}")
    with writing(door="benchmark"):
        study = Study.objects.get(code=f"B{N_STUDIES - 1:02}")
        StudyMembership.objects.create(study=study, user=guest, role=Role.objects.get(name="technician"))
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _templates() -> list[Any]:
    """Make one row of each table, with the defaults of all its fields."""
    from django.utils import timezone

    from labdb.colony.models import Cohort, Mouse, Strain, Study, Weighing

    study = Study.objects.create(code="TEMPLATE", title="Template")
    cohort = Cohort.objects.create(study=study, code="C", start_date=timezone.localdate())
    strain = Strain.objects.create(name="Bench/J")
    mouse = Mouse.objects.create(study=study, code="M", cohort=cohort, strain=strain, genotype="wt")
    weighing = Weighing.objects.create(study=study, mouse=mouse, body_mass_g=20)
    return [study, cohort, mouse, weighing]


def copies(template: Any, cohort: Any, rows: dict[str, tuple[dict[str, str], str]] = FILL) -> str:
    """Return the statement that copies a template; columns that it does not name stay as they are."""
    values, source = rows[type(template).__name__]
    columns = [f.column for f in template._meta.concrete_fields if not f.generated and not f.primary_key]
    chosen = ", ".join(values.get(column, f'template."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    table = template._meta.db_table
    return (
        f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {table} AS template,"
        f" ({source.format(template=cohort.pk)}) AS s WHERE template.id = {template.pk}"
    )


def addresses() -> dict[str, list[tuple[str, str]]]:
    """Return who asks for what, by kind."""
    from labdb.colony.models import Mouse

    mouse = Mouse.objects.get(study__code="B00", code="M00123").pk
    by_rest = {name: [query for query in queries if "page" not in query] for name, queries in LISTS.items()}
    kinds = {f"list of {name}": [f"/records/{name}/?{query}" for query in queries] for name, queries in LISTS.items()}
    for name, queries in by_rest.items():
        kinds[f"REST, {name}"] = [f"/api/v1/{name}/?limit=50&{query}" for query in ("offset=25000", *queries)]
    kinds["names while one types"] = [
        f"/records/mice/keys/?{query}" for query in ("q=", "q=M0012", "q=123", "q=m0012&study=B00", "q=none")
    ]
    kinds["index of records"] = ["/records/", "/records/?study=B00"]
    kinds[ONE] = [
        "/",
        f"/records/mice/{mouse}/",
        f"/api/v1/mice/{mouse}/",
        "/studies/B00/mice/M00123/",
        "/studies/B00/",
    ]
    asked = {kind: [(LAB, address) for address in found] for kind, found in kinds.items()}
    asked["lists of a member of one study"] = [
        (GUEST, address)
        for name in LISTS
        for address in (
            f"/records/{name}/", f"/records/{name}/?page=2", f"/records/{name}/?search=M00123", f"/api/v1/{name}/",
        )
    ]  # fmt: skip
    return asked


def measure_pages() -> list[dict[str, Any]]:
    """Return, of each kind of address, the median server time, that of the slowest, and the most queries.

    The target of time holds for the median, that of queries for every address.
    """
    from django.test import Client
    from django.test.utils import override_settings

    plain_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # nothing has collected them
    rows = []
    with override_settings(STORAGES={"staticfiles": plain_files}, ALLOWED_HOSTS=["testserver"]):
        clients = {name: _signed_in(Client(), name) for name in (LAB, GUEST)}
        for kind, asked in addresses().items():
            measured = [_measured(clients[who], address) for who, address in asked]
            rows += _rows(kind, measured)
    return rows


def _rows(kind: str, measured: list[Measured]) -> list[dict[str, Any]]:
    target_ms, target_queries = (None, None) if kind == ONE else (TARGET_MS, TARGET_QUERIES)
    median, sql = (statistics.median(getattr(one, name) for one in measured) for name in ("ms", "sql_ms"))
    slowest = max(measured, key=lambda one: one.ms)
    most = max(measured, key=lambda one: one.queries)
    return [
        row(f"{kind}, {len(measured)} addresses", median, "ms", sql, SQL, target_ms),
        row(f"  the slowest: {slowest.address}", slowest.ms, "ms", slowest.sql_ms, SQL, None),
        row(f"  the most queries: {most.address}", most.queries, "queries", None, "", target_queries),
    ]


def _signed_in(client: Any, name: str) -> Any:
    from labdb.accounts.models import User

    client.force_login(User.objects.get(username=name))
    return client


def _measured(client: Any, address: str) -> Measured:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}: {answer.content[:300]!r}")
    n_queries = len(queries)  # before the next request, which begins the log anew
    statements = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    ms = _median_ms(lambda: client.get(address))
    return Measured(address, ms, _median_ms(lambda: _ask(statements)), n_queries)


def _ask(statements: list[str]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            cursor.fetchall()


def _median_ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(N_REQUESTS):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times)


if __name__ == "__main__":
    for line in measure():
        print(line)
