"""What is asked of 100,000 mice through their results, arms and samples: filters of a list, and questions in words.

The live reference is the bare SQL of the same answer: the statements that the request sent, sent again by a cursor.
"""

import statistics
from typing import Any

from bench.bench_lists import LAB, SQL, Measured, _measured, _signed_in, copies, fill
from bench.databases import throwaway_database
from bench.rows import row

LIST_MS, QUESTION_MS = 80.0, 500.0
REGIONS = ("NAc", "PFC")
TASKS = ("phenotype", "mouse_scores")

# model -> what differs from the template row, and the rows to copy it for, as in `bench_lists.FILL`; in this order
OF_MICE = "SELECT id, study_id, code FROM colony_mouse WHERE id <> {template}"  # the one that has the template rows
FILL: dict[str, tuple[dict[str, str], str]] = {
    "SocialInteractionTest": ({"study_id": "s.study_id", "mouse_id": "s.id", "iz_present_s": "20 + s.id % 80"}, OF_MICE),
    "PhenotypeCall": (
        {"study_id": "s.study_id", "run_id": "s.run_id", "mouse_id": "s.mouse_id", "si_test_id": "s.id",
         "phenotype": "CASE WHEN s.mouse_id % 10 < 5 THEN 'susceptible' ELSE 'resilient' END"},
        "SELECT test.*, run.id AS run_id FROM behavior_socialinteractiontest AS test JOIN analysis_analysisrun AS run"
        " ON run.study_id = test.study_id AND run.task = 'phenotype'",
    ),
    "Allocation": ({"study_id": "s.study_id", "mouse_id": "s.id", "code": "'A' || s.code"}, OF_MICE),
    "AllocationKey": (
        {"study_id": "s.study_id", "allocation_id": "s.id", "arm_id": "s.arm_id"},
        "SELECT allocation.*, arm.id AS arm_id FROM treatment_allocation AS allocation JOIN treatment_treatmentarm AS arm"
        " ON arm.study_id = allocation.study_id AND (arm.name = 'ketamine') = (allocation.mouse_id % 3 = 0)",
    ),
    "TissueSample": (
        {"study_id": "s.study_id", "mouse_id": "s.id", "code": "'T' || s.code || s.region_code", "region_id": "s.region_id"},
        "SELECT mouse.id, mouse.study_id, mouse.code, region.id AS region_id, region.code AS region_code"
        " FROM colony_mouse AS mouse, tissue_brainregion AS region WHERE region.code IN ('NAc', 'PFC')"
        " AND mouse.id <> {template}",
    ),
    "RnaExtraction": (
        {"study_id": "s.study_id", "code": "s.code", "rin": "7 + (hashint8(s.id) & 2047) / 1024.0"},
        "SELECT id, study_id, code FROM tissue_tissuesample",
    ),
    "ExtractionSample": (
        {"study_id": "s.study_id", "extraction_id": "s.extraction_id", "sample_id": "s.id"},
        "SELECT sample.*, extraction.id AS extraction_id FROM tissue_tissuesample AS sample"
        " JOIN sequencing_rnaextraction AS extraction USING (study_id, code)",
    ),
    "Library": (
        {"study_id": "s.study_id", "code": "s.code"},
        "SELECT study_id, code FROM tissue_tissuesample WHERE code LIKE '%NAc'",
    ),
    "MouseReversalScore": (
        {"study_id": "s.study_id", "run_id": "s.run_id", "mouse_id": "s.mouse_id", "region_id": "s.region_id",
         "library_id": "s.library_id", "score": "(hashint8(s.mouse_id) & 1023) / 1024.0"},
        "SELECT sample.*, library.id AS library_id, run.id AS run_id FROM tissue_tissuesample AS sample"
        " JOIN sequencing_library AS library USING (study_id, code) JOIN analysis_analysisrun AS run"
        " ON run.study_id = sample.study_id AND run.task = 'mouse_scores'",
    ),
}  # fmt: skip

LISTS = (
    "phenotype=susceptible", "drug=ketamine", "region=NAc&rin__gte=8", "score__lt=0.5", "phenotype=susceptible&drug=ketamine",
    "phenotype=susceptible&drug=ketamine&region=NAc&rin__gte=8&score__lt=0.5", "phenotype=resilient&sex=F&group=defeated",
    "score__lt=0.001", "phenotype=susceptible&ordering=-birth_date",
)  # fmt: skip
QUESTIONS = (
    'phenotype = "susceptible" and drug = "ketamine" and region = "NAc" and rin > 8 and score < 0.5',
    'phenotype = "susceptible" and drug = "ketamine" and rna.region = "PFC" and rin > 8.9 and score < 0.001',
    'phenotype != "resilient" and (drug = "ketamine" or score > 0.9) and sample.region = "NAc"',
    '(rna.region = "NAc" and rin > 8) and (rna.region = "PFC" and rin > 8) and drug = "ketamine"',
)
STUDIES = ("study=B00&", "study=B07&")


def measure() -> list[dict[str, Any]]:
    """Fill a database, ask for pages by the web and by REST, then ask the questions."""
    with throwaway_database():
        fill(with_weighings=False)
        fill_relations()
        return measure_pages()


def fill_relations() -> None:
    """Give every mouse a test, a call, an arm, two samples with RNA, and a score; results are of runs that count."""
    from django.db import connection

    from labdb.database_backend import as_owner
    from labdb.postgres import server_address
    from labdb.postgres.roles import SUPERUSER
    from labdb.registry.history import writing

    with writing(door="benchmark"):
        templates = _templates()
        runs = _add_runs()
    with server_address(connection.settings_dict["EMBEDDED_FOLDER"]).connect(SUPERUSER) as server:
        server.execute("SET session_replication_role = replica")  # the questions are measured, not the history
        for template in templates:
            server.execute(f"ANALYZE {template._meta.db_table}")
            server.execute(copies(template, templates[0].mouse, FILL))
            server.execute(f"DELETE FROM {template._meta.db_table} WHERE id = {template.pk}")
            server.execute(f"ANALYZE {template._meta.db_table}")
    _say_that_nothing_changed(runs)
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _templates() -> list[Any]:
    """Make one row of each table, and the arms of each study."""
    from analysis.models import AnalysisRun, MouseReversalScore, PhenotypeCall
    from labdb.behavior.models import PhenotypeRule, SocialInteractionTest
    from labdb.colony.models import Mouse, Study
    from labdb.sequencing.models import ExtractionSample, Library, RnaExtraction
    from labdb.tissue.models import BrainRegion, TissueSample
    from labdb.treatment.models import Allocation, AllocationKey, Drug, TreatmentArm, TreatmentComponent

    drugs = {name: Drug.objects.get_or_create(name=name)[0] for name in ("saline", "ketamine")}
    for study in Study.objects.all():
        for name, drug in drugs.items():
            arm = TreatmentArm.objects.create(study=study, name=name)
            TreatmentComponent.objects.create(study=study, arm=arm, drug=drug, route="i.p.")
    regions = [BrainRegion.objects.get_or_create(code=code, defaults={"name": code})[0] for code in REGIONS]
    mouse = Mouse.objects.select_related("study").order_by("pk")[0]
    of: dict[str, Any] = {"study": mouse.study}
    test = SocialInteractionTest.objects.create(
        **of, mouse=mouse, test_at="2026-01-01T09:00Z", iz_absent_s=60, iz_present_s=30
    )
    run = AnalysisRun.objects.create(**of, task="template", code_version="bench")
    call = PhenotypeCall.objects.create(
        **of, run=run, mouse=mouse, si_test=test, rule=PhenotypeRule.objects.create(name="Bench"), si_ratio=0.5, phenotype="x",
        borderline=False,
    )  # fmt: skip
    allocation = Allocation.objects.create(**of, mouse=mouse, code="template")
    key = AllocationKey.objects.create(**of, allocation=allocation, arm=TreatmentArm.objects.filter(**of)[0])
    sample = TissueSample.objects.create(**of, mouse=mouse, code="template", region=regions[0])
    extraction = RnaExtraction.objects.create(**of, code="template")
    made_from = ExtractionSample.objects.create(**of, extraction=extraction, sample=sample)
    library = Library.objects.create(**of, code="template")
    score = MouseReversalScore.objects.create(
        **of, run=run, mouse=mouse, library=library, region=regions[0], arm="ketamine", group="ketamine", score=0.5
    )
    return [test, call, allocation, key, sample, extraction, made_from, library, score]


def _add_runs() -> list[Any]:
    """Give each study a run of each task, done and adopted."""
    from analysis.models import Adoption, AnalysisRun, RunStatus
    from labdb.colony.models import Study

    runs = []
    for study in Study.objects.all():
        for task in TASKS:
            run = AnalysisRun.objects.create(
                study=study, task=task, code_version="bench", input_parts={"all": {"digest": "0"}}
            )
            for status in (RunStatus.RUNNING, RunStatus.DONE):
                AnalysisRun.objects.filter(pk=run.pk).update(status=status)
            run.refresh_from_db()
            Adoption.objects.create(study=study, task=task, run=run, reason="For the benchmark.")
            runs.append(run)
    return runs


def _say_that_nothing_changed(runs: list[Any]) -> None:
    """Keep what each run's question is answered from as just looked into: the questions are measured, not staleness."""
    from analysis.checked_inputs import CheckedInputs
    from analysis.declared_inputs import all_models_read
    from analysis.provenance import question_of
    from analysis.watermark import mark_now, tables_of

    mark = mark_now(tables_of(all_models_read()))
    for run in runs:
        CheckedInputs.objects.create(
            study=run.study, task=run.task, question=question_of(run.parameters, was_blinded=run.was_blinded),
            parts=run.input_parts, watermark=mark,
        )  # fmt: skip


def measure_pages() -> list[dict[str, Any]]:
    """Return the median and the slowest of each kind, and whether a large study takes more queries than a small one."""
    from urllib.parse import quote

    from django.test import Client
    from django.test.utils import override_settings

    from analysis.kin import counting_runs
    from labdb.accounts.models import User

    if any(
        len(found) != 11 for task, found in counting_runs(User.objects.get(username=LAB), None).items() if task in TASKS
    ):
        raise RuntimeError("the results of the benchmark do not count; see analysis.kin")
    asked = [f"ask={quote(question)}" for question in QUESTIONS]
    kinds = {
        ("100 mice by REST, filtered over relations in one study", LIST_MS): _by_rest(LISTS, STUDIES),
        ("100 mice by REST, filtered over relations in eleven studies", LIST_MS): _by_rest(LISTS, ("",)),
        ("page of the list, filtered over relations in one study", LIST_MS): _of_list(LISTS, STUDIES),
        ("a question across mouse, phenotype, arm, sample by REST", QUESTION_MS): _by_rest(asked, ("", *STUDIES)),
        ("a question in the admin", QUESTION_MS): [
            f"/admin/colony/mouse/?q-l=on&q={quote(question)}" for question in QUESTIONS
        ],
        ("groups of a list, phenotype by arm", QUESTION_MS): [
            f"/records/mice/counts/?by=phenotype&across=arm&{study}" for study in ("", *STUDIES)
        ],
    }  # fmt: skip
    plain_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # nothing has collected them
    rows = []
    with override_settings(STORAGES={"staticfiles": plain_files}, ALLOWED_HOSTS=["testserver"]):
        User.objects.filter(username=LAB).update(is_staff=True)
        client = _signed_in(Client(), LAB)
        for (kind, target), addresses in kinds.items():
            rows += _rows(kind, target, [_measured(client, address) for address in addresses])
    return rows


def _by_rest(queries: Any, studies: tuple[str, ...]) -> list[str]:
    return [f"/api/v1/mice/?limit=100&{study}{query}" for query in queries for study in studies]


def _of_list(queries: Any, studies: tuple[str, ...]) -> list[str]:
    return [f"/records/mice/?{study}{query}" for query in queries for study in studies]


def _rows(kind: str, target: float, measured: list[Measured]) -> list[dict[str, Any]]:
    median, sql = (statistics.median(getattr(one, name) for one in measured) for name in ("ms", "sql_ms"))
    slowest = max(measured, key=lambda one: one.ms)
    rows = [
        row(f"{kind}, {len(measured)} addresses", median, "ms", sql, SQL, target),
        row(f"  the slowest: {slowest.address[:110]}", slowest.ms, "ms", slowest.sql_ms, SQL, None),
        row("  the most queries", max(one.queries for one in measured), "queries", None, "", None),
    ]
    by_query: dict[str, list[int]] = {}
    for one in measured:
        for study in STUDIES:
            if study in one.address:
                by_query.setdefault(one.address.replace(study, ""), []).append(one.queries)
    if by_query:
        more = max(max(found) - min(found) for found in by_query.values())
        counts = 1 if "page of the list" in kind else 0  # a page counts only where there is a next one
        rows.append(row("  queries more for 50,000 mice than for 5,000", more, "queries", None, "", counts))
    return rows


if __name__ == "__main__":
    for line in measure():
        print(line)
