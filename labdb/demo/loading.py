"""The simulated study as records, through the same checks as a user's own data."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pandas as pd
from django.db import transaction

from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Cohort, Mouse, Study, Weighing
from labdb.demo import parameters as p
from labdb.demo.simulate import SimulatedStudy
from labdb.registry.imports import import_dicts
from labdb.registry.record import record_for
from labdb.sequencing.count_import import Quantification, import_counts
from labdb.sequencing.models import Gene, Library, RnaExtraction, SequencingRun
from labdb.tissue.models import Dissection, TissueSample
from labdb.treatment.models import Allocation, AllocationKey, Randomization, TreatmentArm, TreatmentComponent

STUDY = "DEMO"
RANDOMIZATION = "R1"
Tell = Callable[[str], None]


class DemoRefusedError(Exception):
    """The demo did not pass the checks that every import passes: a fault of the demo."""


def load(simulated: SimulatedStudy, user: Any, tell: Tell) -> Study:
    """Store the study, all or nothing, and return it."""
    with transaction.atomic():
        study = _add_study(simulated.seed, user)
        for model, rows in _tables(simulated):
            tell(str(model._meta.verbose_name_plural))
            _add(model, rows, user, study)
        tell("counts")
        import_counts(
            study,
            simulated.counts.to_csv().encode(),
            name="demo_counts.csv",
            source=Quantification(p.ANNOTATION, "simulated", "none", notes=f"Simulated, seed {simulated.seed}."),
            user=user,
        )
    return study


def _add_study(seed: int, user: Any) -> Study:
    _add(
        Study,
        [
            {
                "code": STUDY,
                "title": "Do imipramine and ketamine undo the transcriptional signature of social defeat? (simulated)",
                "question": "In which brain regions does each drug reverse what stress did to susceptible mice?",
                "severity_prospective": "moderate",
                "primary_outcome": "Fraction of the stress signature undone, by region and drug.",
                "planned_n": p.N_CONTROL + p.N_DEFEATED,
                "planned_n_basis": "16 a drug arm: a 50 % reversal is found in most studies of this size.",
                "notes": f"Simulated from seed {seed}; `manage.py demo_truth` prints the truth behind it.",
            }
        ],
        user,
    )
    return Study.objects.get(code=STUDY)


def _tables(simulated: SimulatedStudy) -> Iterator[tuple[Any, Iterable[dict[str, Any]]]]:
    """Yield what is stored, in the order of the experiment."""
    behavior, tissue = simulated.behavior, simulated.tissue
    yield Cohort, [{"code": code, "start_date": day} for code, day in p.COHORTS.items()]
    yield Mouse, _rows(behavior.mice.drop(columns="is_sequenced"), "code")
    yield Weighing, _rows(behavior.weighings)
    yield SocialInteractionTest, _rows(behavior.si_tests.drop(columns="order_of_day"))
    yield from _treatment(simulated)
    yield Dissection, _rows(tissue.dissections, "mouse")
    yield TissueSample, _rows(tissue.samples.assign(dissection=tissue.samples["mouse"]), "code")
    yield RnaExtraction, _rows(tissue.extractions.rename(columns={"sample": "samples"}), "code")
    yield SequencingRun, _rows(tissue.runs, "code")
    libraries = tissue.libraries.drop(columns=["mouse", "region"])
    yield Library, _rows(libraries.rename(columns={"extraction": "extractions", "run": "runs"}), "code")
    yield Gene, _rows(simulated.genes, "gene_id")


def _treatment(simulated: SimulatedStudy) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    allocations = simulated.behavior.allocations
    yield TreatmentArm, [{"name": arm, "is_vehicle": arm not in p.DRUGS} for arm in (*p.ARMS, p.UNRANDOMIZED_ARM)]
    yield (
        TreatmentComponent,
        [
            {
                "arm": arm,
                "part": 1 + sum(other == arm for other, *_rest in p.COMPONENTS[:place]),
                "drug": drug,
                "day_from": first,
                "day_to": last,
                "dose_mg_per_kg": dose,
                "route": "i.p.",
            }
            for place, (arm, drug, first, last, dose) in enumerate(p.COMPONENTS)
        ],
    )
    yield (
        Randomization,
        [
            {
                "code": RANDOMIZATION,
                "method": "simple",
                "seed": simulated.seed,
                "performed_at": f"{min(p.COHORTS.values()) + pd.Timedelta(days=p.FIRST_TEST_DAY)} 18:00",
            }
        ],
    )
    yield (
        Allocation,
        [
            {"mouse": mouse, "code": row.allocation_code, "randomization": RANDOMIZATION if row.is_randomized else None}
            for mouse, row in allocations.iterrows()
        ],
    )
    yield AllocationKey, [{"allocation": row.allocation_code, "arm": row.arm} for _mouse, row in allocations.iterrows()]


def _rows(frame: pd.DataFrame, index_field: str = "") -> list[dict[str, Any]]:
    """Return the rows of a frame as a file would hold them; missing values are empty."""
    named = frame.rename_axis(index_field).reset_index() if index_field else frame
    rows = named.to_dict("records")
    return [{str(name): None if pd.isna(value) else value for name, value in row.items()} for row in rows]


def _add(model: Any, rows: Iterable[dict[str, Any]], user: Any, study: Study | None = None) -> None:
    report = import_dicts(record_for(model), list(rows), user=user, study=study)
    if report.errors:
        first = report.errors[0]
        raise DemoRefusedError(f"{model._meta.verbose_name} row {first.line}, {first.column}: {first.sentence}")
