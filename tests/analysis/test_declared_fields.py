"""Every field that a task reads is declared: a change of one that is not would leave stale results unmarked."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, models, transaction
from django.test.utils import CaptureQueriesContext

from analysis.declared_inputs import EVERY_FIELD, fields_read
from analysis.models import Contrast
from analysis.outside import OutsideGene, OutsideSignature
from analysis.provenance import inputs_now, load_as_then
from analysis.staleness import BY_NAME
from labdb.behavior.models import Arena, SocialInteractionTest
from labdb.colony.models import Cage, Cohort, Exclusion, Housing, Mouse, Strain, Study, Weighing
from labdb.registry.record import all_records
from labdb.sequencing.models import Gene, Library, LibraryRun, SequencingRun
from labdb.tissue.models import BrainRegion
from tests.analysis.small_study import ANNOTATION, make_treated_study
from tests.analysis.test_staleness import carried_out

pytestmark = pytest.mark.django_db
TASKS = sorted(name for name, task in BY_NAME.items() if not task.is_composite)
TABLE_ALIAS = re.compile(r'"(\w+)" ([A-Z]\d+)\b')
COLUMN = re.compile(r'(?:"(\w+)"|\b([A-Z]\d+))\."(\w+)"')
ALWAYS = {"id", "study_id"}  # a row that comes, goes or moves to another study nominates what reads its table


def made_study(contrasts: tuple[dict[str, Any], ...]) -> Study:
    """A study with something in every table that tasks read."""
    study = make_treated_study(n_per_group=3, n_genes=30)
    mouse = Mouse.objects.get(code="c0")
    Mouse.objects.update(strain=Strain.objects.create(name="S1"))
    cage = Cage.objects.create(study=study, code="K1")
    Housing.objects.create(study=study, mouse=mouse, cage=cage, housed_from="2026-03-01")
    Weighing.objects.create(study=study, mouse=mouse, performed_at="2026-03-02T09:00Z", body_mass_g=25)
    run = SequencingRun.objects.create(code="R1")
    LibraryRun.objects.bulk_create(
        LibraryRun(study=study, library=library, run=run) for library in Library.objects.all()
    )
    SocialInteractionTest.objects.update(arena=Arena.objects.create(name="A1", width_cm=42, length_cm=42))
    Exclusion.objects.create(study=study, mouse=Mouse.objects.get(code="r0"), criterion="ill")
    counted = (
        "n_rows",
        "n_genes",
        "n_by_id",
        "n_by_symbol",
        "n_by_synonym",
        "n_unknown",
        "n_repeated",
        "n_without_number",
    )
    signature = OutsideSignature.objects.create(
        study=study, code="G1", annotation=ANNOTATION, file_name="g.csv", sha256="0" * 64, columns_read="gene, t",
        **dict.fromkeys(counted, 1),
    )  # fmt: skip
    OutsideGene.objects.create(
        study=study, signature=signature, gene=Gene.objects.all()[0], written_as="Gene0", value=1.0
    )
    for number, contrast in enumerate(contrasts):
        Contrast.objects.create(study=study, name=f"contrast {number}", **contrast)
    for task in ("phenotype", "response"):
        carried_out(study, task)
    return study


STRESS = {"group_by": "mouse__phenotype", "numerator": "susceptible", "denominator": "control"}
CONTRASTS: dict[str, tuple[dict[str, Any], ...]] = {
    "none": (),
    "groups": (STRESS | {"covariates": "library__pool; mouse__strain"},),
    "arms": (
        {
            "group_by": "mouse__treatment_outcome", "numerator": "susceptible", "denominator": "control",
            "covariates": "mouse__cohort",
        },
    ),
    "formula": (
        {
            "group_by": "mouse__phenotype", "formula": "~ 0 + mouse__phenotype + library__pool",
            "numerator": "mouse__phenotype[susceptible] - mouse__phenotype[control]", "denominator": "",
            "covariates": "",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("contrasts", CONTRASTS)
def test_every_field_that_a_task_asks_the_database_for_is_declared(contrasts: str):
    study = made_study(CONTRASTS[contrasts])
    tracked = {
        record.model._meta.db_table: record.model
        for record in all_records()
        if getattr(record.model, "_has_history", False) and record.model is not Study
    }
    undeclared, n_loaded = [], 0
    for name in TASKS:
        task = BY_NAME[name]
        declared = fields_read(name, study)
        parameters = task.resolve(study, {})
        with CaptureQueriesContext(connection) as asked:
            try:
                load_as_then(task, study, parameters, was_blinded=False, with_counts=False)
            except ValueError:
                assert contrasts == "none" or (name, contrasts) == ("outside_signature", "formula"), name
            else:
                n_loaded += 1
        for table, columns in _columns_asked([query["sql"] for query in asked.captured_queries]).items():
            if table not in tracked or EVERY_FIELD in (names := declared.get(tracked[table], set())):
                continue
            for column in sorted(columns - ALWAYS):
                needed = _fields_of_column(tracked[table], column)
                undeclared += [f"{name}: {tracked[table].__name__}.{field}" for field in needed - names]
            if tracked[table] not in declared:
                undeclared.append(f"{name}: {tracked[table].__name__}")
    assert not undeclared, "; ".join(sorted(set(undeclared)))
    assert n_loaded >= 7


def _columns_asked(statements: list[str]) -> dict[str, set[str]]:
    """Return by table the columns that statements name, except where a whole row is fetched."""
    found: dict[str, set[str]] = defaultdict(set)
    for statement in statements:
        if not statement.startswith("SELECT"):
            continue
        of_alias = {alias: table for table, alias in TABLE_ALIAS.findall(statement)}
        chosen, _, rest = statement.partition(" FROM ")
        of_chosen: dict[str, set[str]] = defaultdict(set)
        for quoted, alias, column in COLUMN.findall(chosen):
            of_chosen[quoted or alias].add(column)
        for name, columns in of_chosen.items():
            table = of_alias.get(name, name)
            found[table] |= set() if "modified_at" in columns else columns
        for quoted, alias, column in COLUMN.findall(rest):
            found[of_alias.get(quoted or alias, quoted or alias)].add(column)
    return found


def _fields_of_column(model: type[models.Model], column: str) -> set[str]:
    """Return the field of a column, or those that a generated column follows from."""
    field: Any = next(one for one in model._meta.fields if one.column == column)
    return set(_named_in(field.expression)) if field.generated else {field.name}


def _named_in(expression: Any) -> Iterator[str]:
    if isinstance(expression, models.F):
        yield expression.name
        return
    for one in expression.get_source_expressions():
        if one is not None:
            yield from _named_in(one)


OTHER_VALUES = {
    models.CharField: lambda value: f"{value[:-1]}{'y' if value.endswith('x') else 'x'}",
    models.BooleanField: lambda value: not value,
    models.FloatField: lambda value: (value or 0) + 1,
    models.IntegerField: lambda value: (value or 0) + 1,
}  # fmt: skip


@pytest.mark.parametrize("name", TASKS)
def test_what_is_read_of_whole_rows_is_declared_too(name: str):
    """Rows that are fetched whole: each value is changed in turn, and whoever reads something else then has said so."""
    study = made_study(CONTRASTS["groups"])
    task, declared = BY_NAME[name], fields_read(name, study)
    parameters = task.resolve(study, {})
    then = inputs_now(task, study, parameters, was_blinded=False)
    assert then.parts and not then.problem
    unsaid, n_changed = [], 0
    for model in {Contrast, OutsideSignature, *declared} | {BrainRegion, Cohort}:
        names = declared.get(model, set())
        for field in model._meta.fields:
            other = next((make for kind, make in OTHER_VALUES.items() if isinstance(field, kind)), None)
            if other is None or field.generated or field.primary_key or {field.name, EVERY_FIELD} & names:
                continue
            row: Any = model._default_manager.order_by("pk").first()
            if row is None or field.name in ("version", "notes"):
                continue
            with transaction.atomic():
                try:
                    with transaction.atomic():
                        model._default_manager.filter(pk=row.pk).update(**{field.name: other(getattr(row, field.name))})
                except (DataError, IntegrityError):
                    continue
                n_changed += 1
                if inputs_now(task, study, parameters, was_blinded=False) != then:
                    unsaid.append(f"{model.__name__}.{field.name}")
                transaction.set_rollback(True)
    assert unsaid == []
    assert n_changed > 5
