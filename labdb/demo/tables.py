"""The simulated study as tables: the rows of every record, in the order of the experiment."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from labdb.behavior.models import Arena, AssayResult, SocialInteractionTest
from labdb.colony.models import Cage, Cohort, Housing, Litter, Mouse, Shipment, Weighing
from labdb.defeat.models import Aggressor, AggressorScreening, ControlRotation, DefeatBout, DefeatCourse
from labdb.demo import parameters as p
from labdb.demo import people
from labdb.demo.instrument_file import without_measured
from labdb.demo.simulate import SimulatedStudy
from labdb.demo.simulate_defeat import day_of
from labdb.sequencing.models import Gene, Library, LibraryRun, RnaExtraction, SequencingRun, SequencingSelection
from labdb.tissue.models import (
    BoxCheck,
    CheckedTube,
    Dissection,
    StorageBox,
    TissueMeasurement,
    TissueSample,
    TubeEvent,
)
from labdb.treatment.models import (
    Allocation,
    AllocationKey,
    Dose,
    Randomization,
    Solution,
    SolutionKey,
    TreatmentArm,
    TreatmentComponent,
)

EVENING_H = 18  # on the day of the first test: who is susceptible is known


@dataclass(frozen=True)
class Table:
    """Rows of one record.

    Attributes
    ----------
    reason : str
        Said for every warning that the rows bring, which are true to life.
    """

    model: Any
    rows: list[dict[str, Any]]
    reason: str = ""


def tables(study: SimulatedStudy) -> Iterator[Table]:
    """Yield what is stored, in the order of the experiment."""
    yield from _colony(study)
    yield from _defeat(study)
    yield from _behavior(study)
    yield from _treatment(study)
    yield from _tissue(study)
    yield from _sequencing(study)


def _colony(study: SimulatedStudy) -> Iterator[Table]:
    bench = study.bench
    yield Table(Cohort, [{"code": code, "start_date": day} for code, day in p.COHORTS.items()])
    yield Table(Shipment, rows_of(bench.colony.shipments, "code"))
    yield Table(Litter, rows_of(bench.colony.litters, "code"))
    yield Table(Cage, rows_of(bench.colony.cages.assign(room=p.HOUSING_ROOM), "code"))
    yield Table(Mouse, rows_of(bench.mice.drop(columns="is_sequenced"), "code"))
    yield Table(Housing, rows_of(_by_technician(bench.colony.housings, bench.mice)))
    yield Table(Weighing, rows_of(_by_technician(bench.weighings.drop(columns="day"), bench.mice)))


def _defeat(study: SimulatedStudy) -> Iterator[Table]:
    defeat = study.bench.defeat
    yield Table(Aggressor, rows_of(defeat.aggressors.drop(columns=["cohort", "role", "vigor"]), "code"))
    yield Table(AggressorScreening, rows_of(defeat.screenings))
    yield Table(
        DefeatCourse,
        [
            {
                "code": _course(cohort),
                "cohort": cohort,
                "stress_model": "CSDS",
                "start_date": p.COHORTS[cohort],
                "days": p.DEFEAT_DAYS,
                "bout_length_min": p.BOUT_S / 60,
                "sensory_contact_h": p.SENSORY_CONTACT_H,
            }
            for cohort in p.COHORTS
        ],
    )
    bouts = _by_technician(defeat.bouts, study.bench.mice).drop(columns=["cohort", "resident"])
    bouts["course"] = defeat.bouts["cohort"].map(_course)
    bouts["substitution_reason"] = bouts["is_substituted"].map({True: "The resident did not attack.", False: ""})
    yield Table(
        DefeatBout,
        rows_of(bouts.rename(columns={"is_substituted": "substituted", "is_stopped_early": "stopped_early"})),
    )
    moves = defeat.rotations.dropna(subset="partner").drop(columns=["cohort", "side"])
    yield Table(
        ControlRotation,
        rows_of(_by_technician(moves, study.bench.mice)),
        reason="A cohort has five controls: after five days partners come round again.",
    )


def _behavior(study: SimulatedStudy) -> Iterator[Table]:
    tests = _by_technician(study.bench.si_tests, study.bench.mice)
    yield Table(Arena, [{"name": name, **p.ARENA_CM} for name in sorted(set(tests["arena"]))])
    yield Table(SocialInteractionTest, rows_of(tests.assign(scorer=people.SCORER)))
    if study.layout.has_tracks:
        yield Table(AssayResult, rows_of(_by_technician(study.assays, study.bench.mice)))


def _treatment(study: SimulatedStudy) -> Iterator[Table]:
    allocations, dosing = study.behavior.allocations, study.bench.dosing
    cohort_of = study.behavior.mice["cohort"]
    yield Table(
        TreatmentArm, [{"name": arm, "is_vehicle": arm not in p.DRUGS} for arm in (*p.ARMS, p.UNRANDOMIZED_ARM)]
    )
    yield Table(TreatmentComponent, _components())
    yield Table(Solution, rows_of(dosing.solutions, "code"))
    yield Table(SolutionKey, rows_of(dosing.keys, "code"))
    yield Table(
        Randomization,
        [
            {
                "code": _randomization(cohort),
                "method": "permuted blocks",
                "strata": "cohort",
                "seed": study.seed,
                "performed_at": day_of(cohort, p.FIRST_TEST_DAY, EVENING_H),
            }
            for cohort in p.COHORTS
        ],
    )
    yield Table(
        Allocation,
        [
            {
                "mouse": mouse,
                "code": row.allocation_code,
                "randomization": _randomization(cohort_of[str(mouse)]) if row.is_randomized else None,
            }
            for mouse, row in allocations.iterrows()
        ],
    )
    keys = [{"allocation": row.allocation_code, "arm": row.arm} for _mouse, row in allocations.iterrows()]
    yield Table(AllocationKey, keys)
    doses = _by_technician(dosing.doses, study.bench.mice).drop(columns=["cohort", "day"])
    yield Table(Dose, rows_of(doses.assign(route="i.p.", volume_ml_per_kg=p.DOSE_VOLUME_ML_PER_KG)))


def _components() -> list[dict[str, Any]]:
    components = pd.DataFrame(p.COMPONENTS, columns=["arm", "drug", "day_from", "day_to", "dose_mg_per_kg"])
    has_dose = components["dose_mg_per_kg"].notna()
    return rows_of(
        components.assign(
            part=1 + components.groupby("arm").cumcount(),
            route="i.p.",
            volume_ml_per_kg=p.DOSE_VOLUME_ML_PER_KG,
            time_of_day=f"{p.DOSE_HOUR:02d}:00",
            drug_form=has_dose.map({True: p.DRUG_FORM, False: ""}),
            vehicle=has_dose.map({True: p.DRUG_VEHICLE, False: ""}),
        )
    )


def _tissue(study: SimulatedStudy) -> Iterator[Table]:
    tissue, bench = study.tissue, study.bench
    dissections = tissue.dissections.assign(anesthesia="none", death_method="cervical dislocation")
    yield Table(Dissection, rows_of(_by_technician(dissections.rename_axis("mouse").reset_index(), bench.mice)))
    yield Table(StorageBox, rows_of(bench.boxes, "code"))
    samples = tissue.samples.assign(dissection=tissue.samples["mouse"], hemisphere="B", thaws=1)
    yield Table(TissueSample, rows_of(samples.join(bench.places), "code"))
    yield Table(TubeEvent, rows_of(_tube_events(study)))
    yield Table(BoxCheck, rows_of(bench.freezer.checks.assign(performed_by=people.MOLECULAR), "code"))
    yield Table(CheckedTube, rows_of(bench.freezer.checked))
    measurements = _by_technician(bench.measurements, bench.mice).drop(columns="cohort")
    yield Table(TissueMeasurement, rows_of(measurements.assign(rater=people.RATER, is_rater_blinded=True)))


def _tube_events(study: SimulatedStudy) -> pd.DataFrame:
    """Name the technician of the mouse as who put a tube away, and who does RNA for all that came after."""
    events, samples = study.bench.freezer.events, study.tissue.samples
    technician = events["sample"].map(samples["mouse"]).map(study.bench.mice["cohort"]).map(people.TECHNICIANS)
    return events.assign(performed_by=technician.mask(events["sample"].duplicated(), people.MOLECULAR))


def _sequencing(study: SimulatedStudy) -> Iterator[Table]:
    tissue, layout, mice = study.tissue, study.layout, study.behavior.mice
    last_cohort = max(p.COHORTS, key=p.COHORTS.__getitem__)
    decided_day = p.FIRST_TEST_DAY if layout.decided == "before" else p.RETEST_DAY
    yield Table(
        SequencingSelection,
        [
            {
                "code": "SEL1",
                "rule": layout.selection_rule,
                "decided": layout.decided,
                "decided_at": day_of(last_cohort, decided_day, EVENING_H + 2),
                "decided_by": people.ALLOCATOR,
                "mice": list(mice.index[mice["is_sequenced"]]),
            }
        ],
    )
    extractions = without_measured(tissue.extractions).rename(columns={"sample": "samples"})
    yield Table(RnaExtraction, rows_of(extractions.assign(performed_by=people.MOLECULAR), "code"))
    yield Table(SequencingRun, rows_of(tissue.runs.assign(platform="ILLUMINA"), "code"))
    libraries = tissue.libraries[["extraction", "pool", "index_i7", "index_i5"]].assign(**p.LIBRARY_VOCABULARY)
    yield Table(Library, rows_of(libraries.rename(columns={"extraction": "extractions"}), "code"))
    lanes = tissue.libraries[["run", "lane"]].assign(
        planned_reads_million=p.PLANNED_READS_MILLION,
        received_reads_million=(study.counts.sum() / tissue.libraries["assigned_share"] / 1e6).round(2),
    )
    yield Table(LibraryRun, rows_of(lanes, "library"))
    yield Table(Gene, rows_of(study.genes, "gene_id"))


def _course(cohort: str) -> str:
    return f"CSDS-{cohort}"


def _randomization(cohort: str) -> str:
    return f"R{1 + list(p.COHORTS).index(cohort)}"


def _by_technician(events: pd.DataFrame, mice: pd.DataFrame) -> pd.DataFrame:
    """Name the technician of each mouse's cohort as the one who did it."""
    return events.assign(performed_by=events["mouse"].map(mice["cohort"]).map(people.TECHNICIANS))


def rows_of(frame: pd.DataFrame, index_field: str = "") -> list[dict[str, Any]]:
    """Return the rows of a frame as a file would hold them; missing values are empty."""
    named = frame.rename_axis(index_field).reset_index() if index_field else frame
    rows = named.to_dict("records")
    return [{str(name): None if pd.isna(value) else value for name, value in row.items()} for row in rows]
