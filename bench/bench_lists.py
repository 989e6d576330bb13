"""Lists over 100,000 mice and 2,000,000 weighings: server time of pages and REST, and how often they ask the database.

The live reference is the bare SQL of the same answer: the statements that the request sent, sent again by a cursor.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.databases import throwaway_database

N_STUDIES = 11
N_MICE_FIRST, N_MICE_OTHERS = 50_000, 5_000  # in B00, and in each of the other ten studies
N_WEIGHINGS = 20  # of each mouse
COHORT_MICE = 250
N_REQUESTS = 7
TARGET_MS, TARGET_QUERIES = 100.0, 12
LAB = "bench_lab"  # an account that sees every study
GUEST = "bench_guest"  # a member of the last study alone, whose rows are the oldest

FILL = (
    f"""INSERT INTO colony_study (code, title, question, ethics_number, severity_prospective, severity_actual,
            primary_outcome, planned_n_basis, is_blinded, state, notes, created_at, modified_at, version)
        SELECT 'B' || lpad(n::text, 2, '0'), 'Study ' || n, '', '', '', '', '', '', false, 'open', '', now(), now(), 1
        FROM generate_series(0, {N_STUDIES - 1}) AS n""",
    "INSERT INTO colony_strain (name, vendor, stock_number, notes) VALUES ('Bench/J', '', '', '')",
    f"""INSERT INTO colony_cohort (study_id, code, start_date, notes)
        SELECT id, 'C' || lpad(n::text, 3, '0'), date '2026-06-01' - substr(code, 2)::int * 100 - n, ''
        FROM colony_study, generate_series(0, {N_MICE_FIRST} / {COHORT_MICE} - 1) AS n
        WHERE code = 'B00' OR n < {N_MICE_OTHERS} / {COHORT_MICE}""",
    f"""INSERT INTO colony_mouse (study_id, code, ear_tag, sex, strain_id, genotype, birth_date, cohort_id, "group",
            death_date, death_reason, is_humane_endpoint, notes)
        SELECT cohort.study_id, 'M' || lpad((substr(cohort.code, 2)::int * {COHORT_MICE} + n)::text, 5, '0'),
            lpad((hashint8(cohort.id * 1000 + n) & 65535)::text, 5, '0'), CASE WHEN n % 4 = 0 THEN 'F' ELSE 'M' END,
            (SELECT id FROM colony_strain WHERE name = 'Bench/J'), 'wt', cohort.start_date - 56 - n % 7, cohort.id,
            CASE WHEN n % 10 < 3 THEN 'control' WHEN n % 50 = 9 THEN 'witness' ELSE 'defeated' END,
            CASE WHEN n % 2 = 0 THEN cohort.start_date + 40 + n % 5 END, '', false, ''
        FROM colony_cohort AS cohort, generate_series(0, {COHORT_MICE - 1}) AS n""",
    f"""INSERT INTO colony_weighing (study_id, mouse_id, performed_at, body_mass_g, notes)
        SELECT mouse.study_id, mouse.id, cohort.start_date + n + time '08:00' + mouse.id % 14400 * interval '1 second',
            round((21 + 0.1 * n + (hashint8(mouse.id * 100 + n) & 4095) / 1000.0)::numeric, 1), ''
        FROM generate_series(0, {N_WEIGHINGS - 1}) AS n, colony_mouse AS mouse
        JOIN colony_cohort AS cohort ON cohort.id = mouse.cohort_id""",
)
FILLED = ("colony_study", "colony_strain", "colony_cohort", "colony_mouse", "colony_weighing")

MICE = (
    "", "page=2", "page=500", "page=2000", "study=B00", "study=B00&page=1000", "study=B07", "cohort=C003", "study=B00&cohort=C003",
    "group=control", "group=witness", "study=B00&group=witness", "sex=F", "study=B00&group=control&sex=F",
    "search=M00123", "search=m00123", "search=123", "search=nothing", "study=B00&search=123", "death_date__gte=2026-01-01",
    *(f"{study}ordering={sign}{column}" for study in ("", "study=B00&") for sign in ("", "-")
      for column in ("code", "study", "cohort", "group", "sex", "birth_date", "death_date")),
)  # fmt: skip
WEIGHINGS = (
    "", "page=2", "page=500", "page=20000", "study=B00", "study=B07", "study=B00&page=2000", "study=B00&mouse=M00123",
    "mouse=M00123", "mouse__cohort=C003", "study=B00&mouse__cohort=C003", "mouse__group=control", "mouse__group=witness",
    "study=B07&mouse__group=witness", "search=M00123", "search=123", "study=B00&search=123",
    "performed_at__gte=2026-01-01&performed_at__lt=2026-01-08", "study=B00&performed_at__gte=2026-01-01&performed_at__lt=2026-01-08",
    *(f"{study}ordering={sign}{column}" for study in ("", "study=B00&", "study=B07&") for sign in ("", "-")
      for column in ("performed_at", "mouse", "body_mass_g", "performed_by")),
)  # fmt: skip


def measure() -> list[dict[str, Any]]:
    """Fill a database, then ask for every page as an account that sees all, and for some as a guest."""
    with throwaway_database():
        fill()
        return measure_pages()


def fill() -> None:
    """Fill as the owner, without the triggers: the lists are measured, not the history."""
    from django.db import connection

    from labdb.accounts.models import Role, User
    from labdb.accounts.roles import install_roles
    from labdb.colony.models import Study, StudyMembership
    from labdb.database_backend import as_owner
    from labdb.registry.history import writing

    with as_owner(connection), connection.cursor() as cursor:
        for table in FILLED:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in FILL:
            cursor.execute(statement)
        for table in FILLED:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    with writing(door="benchmark"):
        install_roles()
        User.objects.create_superuser(LAB)
        guest = User.objects.create_user(GUEST)
        study = Study.objects.get(code=f"B{N_STUDIES - 1:02}")
        StudyMembership.objects.create(study=study, user=guest, role=Role.objects.get(name="technician"))
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def addresses() -> list[tuple[str, str]]:
    """Return who asks for what."""
    from labdb.colony.models import Mouse

    mouse = Mouse.objects.get(study__code="B00", code="M00123").pk
    asked = [f"/records/mice/?{query}" for query in MICE]
    asked += [f"/records/weighings/?{query}" for query in WEIGHINGS]
    asked += [f"/api/v1/mice/?limit=50&{query}" for query in MICE if "page" not in query]
    asked += [f"/api/v1/weighings/?limit=50&{query}" for query in WEIGHINGS if "page" not in query]
    asked += ["/api/v1/mice/?limit=50&offset=25000", "/api/v1/weighings/?limit=50&offset=100000"]
    asked += [f"/api/v1/mice/{mouse}/", f"/records/mice/{mouse}/", "/studies/B00/mice/M00123/", "/records/", "/"]
    asked += ["/records/?study=B00", "/studies/B00/"]
    asked += [f"/records/mice/keys/?{query}" for query in ("q=", "q=M0012", "q=123", "q=m0012&study=B00", "q=none")]
    guest = [f"/records/{one}/{query}" for one in ("mice", "weighings") for query in ("", "?page=2", "?search=M00123")]
    guest += [
        "/records/",
        "/",
        "/api/v1/weighings/",
        "/records/weighings/?ordering=body_mass_g",
        "/records/mice/keys/?q=M0012",
    ]
    return [(LAB, address) for address in asked] + [(GUEST, address) for address in guest]


def measure_pages() -> list[dict[str, Any]]:
    """Return the median server time of each answer, and the most queries that one of them takes."""
    from django.test.utils import override_settings

    plain_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # nothing has collected them
    with override_settings(STORAGES={"staticfiles": plain_files}, ALLOWED_HOSTS=["testserver"]):
        return _measure_pages()


def _measure_pages() -> list[dict[str, Any]]:
    from django.test import Client

    clients = {name: _signed_in(Client(), name) for name in (LAB, GUEST)}
    rows, counts = [], {}
    for who, address in addresses():
        what = f"{address} ({who.removeprefix('bench_')})"
        row, counts[what] = _measured(clients[who], address, what)
        rows.append(row)
    most = max(counts, key=lambda what: counts[what])
    rows.append(_row(f"most queries of one answer: {most}", counts[most], "queries", None, "", TARGET_QUERIES))
    return rows


def _signed_in(client: Any, name: str) -> Any:
    from labdb.accounts.models import User

    client.force_login(User.objects.get(username=name))
    return client


def _measured(client: Any, address: str, what: str) -> tuple[dict[str, Any], int]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}: {answer.content[:300]!r}")
    statements = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    measured = _median_ms(lambda: client.get(address))
    reference = _median_ms(lambda: _ask(statements))
    return _row(what, measured, "ms", reference, "its SQL alone", TARGET_MS), len(queries)


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


def _row(
    what: str, measured: float, unit: str, reference: float | None, reference_what: str, target: float
) -> dict[str, Any]:
    return {
        "what": what, "measured": measured, "unit": unit, "reference": reference, "reference_what": reference_what,
        "target": target,
    }  # fmt: skip


if __name__ == "__main__":
    for row in measure():
        print(row)
