"""Gene results name records that are there and stay there, by whatever door: what foreign keys of the database promise."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, NotSupportedError, OperationalError, connection, transaction
from django.db.models import ProtectedError

from analysis.models import Contrast, GeneResult
from analysis.tasks.differential_expression import RESULT_COLUMNS, Answer, store
from labdb.tissue.models import BrainRegion
from tests.analysis.small_study import make_genes, make_study
from tests.analysis.treated_study import add_run

PARENTS = {
    "study": "colony_study", "run": "analysis_analysisrun", "contrast": "analysis_contrast",
    "region": "tissue_brainregion", "gene": "sequencing_gene",
}  # fmt: skip
NUMBERS = {"log2_fold_change": 1.0, "average_expression": 5.0, "t": 2.0, "p_value": 0.01, "adj_p_value": 0.05}
NOBODY = 987_654_321


def make_named() -> dict[str, Any]:
    """Records that nothing but a gene result will name: the study has no run and no contrast of its own."""
    asked = make_study("S1")
    return {
        "study": make_study("S2"),
        "run": add_run(asked, "differential_expression", is_adopted=False),
        "contrast": Contrast.objects.create(
            study=asked, name="a - b", group_by="mouse__group", numerator="a", denominator="b"
        ),
        "region": BrainRegion.objects.create(code="XYZ", name="Nowhere"),
        "gene": make_genes(1)[0],
    }


@pytest.fixture
def named(db: None) -> dict[str, Any]:
    return make_named()


@pytest.fixture
def result(named: dict[str, Any]) -> GeneResult:
    return GeneResult.objects.create(**named, **NUMBERS)


def run_sql(statement: str, *values: Any) -> None:
    """Raw SQL, and what the end of the transaction would check."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("what", PARENTS)
def test_raw_sql_deletes_no_record_that_a_result_names(what: str, result: GeneResult) -> None:
    record = getattr(result, what)
    with pytest.raises(IntegrityError, match=f"Gene results refer to row {record.pk} of {PARENTS[what]}") as refused:
        run_sql(f"DELETE FROM {PARENTS[what]} WHERE id = %s", record.pk)
    assert getattr(refused.value.__cause__, "sqlstate", "") == "23503"
    assert type(record).objects.filter(pk=record.pk).exists()


@pytest.mark.parametrize("what", PARENTS)
def test_raw_sql_deletes_a_record_whose_results_go_in_the_same_transaction(what: str, result: GeneResult) -> None:
    record = getattr(result, what)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {PARENTS[what]} WHERE id = %s", [record.pk])
        cursor.execute("DELETE FROM analysis_generesult WHERE id = %s", [result.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert not type(record).objects.filter(pk=record.pk).exists()


@pytest.mark.parametrize("what", PARENTS)
def test_raw_sql_gives_no_other_id_to_a_record_that_a_result_names(what: str, result: GeneResult) -> None:
    with pytest.raises(IntegrityError, match="Gene results refer to row"):
        run_sql(f"UPDATE {PARENTS[what]} SET id = %s WHERE id = %s", NOBODY, getattr(result, what).pk)


@pytest.mark.parametrize("what", [what for what in PARENTS if what != "run"])
def test_django_deletes_no_record_that_a_result_names(what: str, result: GeneResult) -> None:
    with pytest.raises(ProtectedError) as refused:
        getattr(result, what).delete()
    assert refused.value.protected_objects == {result}


def test_django_deletes_the_results_with_their_run(result: GeneResult) -> None:
    result.run.delete()
    assert not GeneResult.objects.exists()


@pytest.mark.parametrize("what", PARENTS)
def test_what_no_result_names_is_deleted(what: str, named: dict[str, Any]) -> None:
    run_sql(f"DELETE FROM {PARENTS[what]} WHERE id = %s", named[what].pk)
    assert not type(named[what]).objects.filter(pk=named[what].pk).exists()


@pytest.mark.parametrize("what", PARENTS)
def test_a_result_of_nothing_is_refused_and_says_of_what(what: str, named: dict[str, Any]) -> None:
    keys = {f"{name}_id": record.pk for name, record in named.items()} | {f"{what}_id": NOBODY}
    with pytest.raises(IntegrityError, match=f"There is no {what} {NOBODY}") as refused, transaction.atomic():
        GeneResult.objects.create(**keys, **NUMBERS)
    assert getattr(refused.value.__cause__, "sqlstate", "") == "23503"


@pytest.mark.parametrize("what", PARENTS)
def test_a_result_is_not_given_to_nothing(what: str, result: GeneResult) -> None:
    with pytest.raises(IntegrityError, match=f"There is no {what} {NOBODY}"), transaction.atomic():
        GeneResult.objects.update(**{f"{what}_id": NOBODY})


def test_one_bad_row_among_many_leaves_none(named: dict[str, Any]) -> None:
    genes = [gene.pk for gene in make_genes(50)]
    with pytest.raises(IntegrityError, match=f"There is no gene {NOBODY}"), transaction.atomic():
        store(named["run"], None, [answer(named, genes), answer(named, [NOBODY])])  # type: ignore[arg-type]
    assert not GeneResult.objects.exists()


def test_results_are_stored_to_the_bit_and_in_order(named: dict[str, Any]) -> None:
    genes = [gene.pk for gene in make_genes(50)]
    stored = answer(named, genes)
    store(named["run"], None, [stored])  # type: ignore[arg-type]
    assert list(GeneResult.objects.values_list("gene_id", *RESULT_COLUMNS)) == list(stored.genes.itertuples(name=None))
    keys = {
        "study_id": named["run"].study_id,
        **{f"{what}_id": named[what].pk for what in ("run", "contrast", "region")},
    }
    assert GeneResult.objects.filter(**keys).count() == 50


def test_a_result_that_is_no_number_is_refused(named: dict[str, Any]) -> None:
    broken = answer(named, [named["gene"].pk])
    broken.genes["t"] = np.nan
    with pytest.raises(IntegrityError, match="t_check"), transaction.atomic():
        store(named["run"], None, [broken])  # type: ignore[arg-type]


def answer(named: dict[str, Any], genes: list[int]) -> Answer:
    rng = np.random.default_rng(9)
    table = pd.DataFrame({name: rng.random(len(genes)) for name in RESULT_COLUMNS}, index=genes)
    return Answer(named["contrast"].pk, named["region"].pk, table)


def test_the_study_of_a_contrast_with_results_stays(result: GeneResult) -> None:
    other, contrast = make_study("S3"), result.contrast
    with pytest.raises(IntegrityError, match="The study cannot change: gene results depend on this record"):
        run_sql("UPDATE analysis_contrast SET study_id = %s WHERE id = %s", other.pk, contrast.pk)
    contrast.study = other
    with pytest.raises(ValidationError, match="1 gene results depend on this record"):
        contrast.clean()


@pytest.mark.parametrize("what", [what for what in PARENTS if what != "study"])
def test_no_table_is_emptied_under_its_results(what: str, result: GeneResult) -> None:
    run_sql("SET CONSTRAINTS ALL IMMEDIATE")  # TRUNCATE waits for none
    with pytest.raises(NotSupportedError, match=f"Gene results refer to rows of {PARENTS[what]}; empty both at once"):
        run_sql(f"TRUNCATE {PARENTS[what]} CASCADE")
    run_sql(f"TRUNCATE {PARENTS[what]}, analysis_generesult CASCADE")
    assert not GeneResult.objects.exists()


# Two transactions at once.


@pytest.fixture
def committed(transactional_db: None) -> dict[str, Any]:
    return make_named()


@pytest.fixture
def somebody_else() -> Iterator[ThreadPoolExecutor]:
    """Another connection; it waits for nobody."""
    with ThreadPoolExecutor(1, initializer=_impatient) as other:
        yield other
        other.submit(lambda: connection.close()).result()


def _impatient() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")


@pytest.mark.parametrize("what", PARENTS)
def test_who_deletes_waits_for_results_that_are_being_written(
    what: str, committed: dict[str, Any], somebody_else: ThreadPoolExecutor
) -> None:
    delete = f"DELETE FROM {PARENTS[what]} WHERE id = %s"
    with transaction.atomic():
        GeneResult.objects.create(**committed, **NUMBERS)
        with pytest.raises(OperationalError, match="lock timeout"):
            somebody_else.submit(run_sql, delete, committed[what].pk).result()
    with pytest.raises(IntegrityError, match="Gene results refer to row"):
        somebody_else.submit(run_sql, delete, committed[what].pk).result()


@pytest.mark.parametrize("what", PARENTS)
def test_who_writes_results_waits_for_a_deletion_and_is_refused_after_it(
    what: str, committed: dict[str, Any], somebody_else: ThreadPoolExecutor
) -> None:
    keys = {f"{name}_id": record.pk for name, record in committed.items()}

    def write() -> None:
        GeneResult.objects.create(**keys, **NUMBERS)

    with transaction.atomic():
        run_sql(f"DELETE FROM {PARENTS[what]} WHERE id = %s", committed[what].pk)
        with pytest.raises(OperationalError, match="lock timeout"):
            somebody_else.submit(write).result()
    with pytest.raises(IntegrityError, match=f"There is no {what}"):
        somebody_else.submit(write).result()
