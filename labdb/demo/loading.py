"""The simulated study as records, through the same checks as a user's own data."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction

from labdb.accounts.roles import install_roles
from labdb.colony.models import Study, StudyMembership
from labdb.demo import parameters as p
from labdb.demo import tracked_tests
from labdb.demo.instrument_file import import_sample_table
from labdb.demo.people import MOLECULAR, ensure_people
from labdb.demo.simulate import SimulatedStudy, simulated_track_files
from labdb.demo.tables import tables
from labdb.registry.history import writing
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import import_dicts
from labdb.registry.record import record_for
from labdb.sequencing.count_import import Quantification, import_counts
from labdb.sequencing.models import Gene
from labdb.treatment.unblinding import unblind

Tell = Callable[[str], None]
DOOR = "demo"
UNBLINDING_REASON = "All re-tests were scored and the mice to sequence were chosen; analysis starts."


class DemoRefusedError(Exception):
    """The demo did not pass the checks that every import passes: a fault of the demo."""


def load(simulated: SimulatedStudy, user: Any, tell: Tell) -> Study:
    """Store the study, all or nothing, and return it.

    Not to be called inside `writing`: each table is a change of its own, with its own reason.
    """
    with transaction.atomic():
        ensure_people()
        study = _add_study(simulated, user)
        user = _as_allocator(user, study)
        for table in tables(simulated):
            tell(str(table.model._meta.verbose_name_plural))
            if table.model is Gene and Gene.objects.filter(annotation=p.ANNOTATION).exists():
                continue  # the other layout brought them
            _add(table.model, table.rows, user, study, table.reason)
        _add_instrument_file(study, simulated, user, tell)
        _add_tracks(study, simulated, user, tell)
        tell("counts")
        with writing(user=user, door=DOOR):
            _add_counts(study, simulated, user)
        _unblind(study, user)
    return study


def _add_study(simulated: SimulatedStudy, user: Any) -> Study:
    layout = simulated.layout
    _add(
        Study,
        [
            {
                "code": layout.code,
                "title": layout.title,
                "question": "In which brain regions does each drug reverse what stress did to susceptible mice?",
                "severity_prospective": "moderate",
                "primary_outcome": "Fraction of the stress signature undone, by region and drug.",
                "planned_n": p.N_CONTROL + p.N_DEFEATED,
                "planned_n_basis": layout.planned_n_basis,
                "is_blinded": True,
                "notes": f"Simulated from seed {simulated.seed}; `manage.py demo_truth` prints the truth behind it.",
            }
        ],
        user,
    )
    return Study.objects.get(code=layout.code)


def _as_allocator(user: Any, study: Study) -> Any:
    """Let the account that loads write the treatments of the blinded study; return it as it is then."""
    install_roles()
    _add(StudyMembership, [{"user": user.username, "role": "allocator"}], user, study)
    return type(user)._default_manager.get(pk=user.pk)


def _add_counts(study: Study, simulated: SimulatedStudy, user: Any) -> None:
    source = Quantification(
        p.ANNOTATION, "simulated", "none", quantified_by=MOLECULAR, notes=f"Simulated, seed {simulated.seed}."
    )
    content = simulated.counts.to_csv().encode()
    import_counts(study, content, name=f"{study.code.lower()}_counts.csv", source=source, user=user)


def _add_instrument_file(study: Study, simulated: SimulatedStudy, user: Any, tell: Tell) -> None:
    tell("file of a TapeStation")
    report = import_sample_table(simulated.tissue.extractions, study, user, DOOR)
    _refuse_errors(report, "file of a TapeStation")


def _add_tracks(study: Study, simulated: SimulatedStudy, user: Any, tell: Tell) -> None:
    if simulated.layout.has_tracks:
        tell("tracks")
        outcome = tracked_tests.store(list(simulated_track_files(simulated)), study, user)
        if outcome.errors:
            raise DemoRefusedError(f"tracks: {outcome.errors[0].sentence}")


def _unblind(study: Study, user: Any) -> None:
    """Open the key as an allocator does: by a row of the log, with a reason that stays in it and in the history."""
    unblind(study, by=user, reason=UNBLINDING_REASON, door=DOOR)
    study.refresh_from_db()


def _add(model: Any, rows: Iterable[dict[str, Any]], user: Any, study: Study | None = None, reason: str = "") -> None:
    record = record_for(model)
    report = import_dicts(record, list(rows), user=user, study=study, door=DOOR, reason=reason)
    _refuse_errors(report, str(model._meta.verbose_name))


def _refuse_errors(report: ImportReport, what: str) -> None:
    if not report.is_stored:
        first = report.refusals()[0]
        raise DemoRefusedError(f"{what} row {first.line}, {first.column}: {first.sentence}")
