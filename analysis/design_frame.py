"""What is known of every sequenced library: the table that groups and covariates of a design come from.

Fields are named as in Django, from the library or its mouse: ``library__pool``, ``mouse__cohort``, ``mouse__strain__name``;
and what runs and allocation say of the mouse: ``mouse__phenotype``, ``mouse__response``, ``mouse__arm``,
``mouse__is_randomized``, ``mouse__treatment_outcome``, and ``mouse__treatment``, which is the same by whole arms.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from django.db.models import QuerySet

from analysis.current import current_run
from analysis.kernels.phenotype import CONTROL, CONTROL_GROUP, DEFEATED_GROUP, RESILIENT, SUSCEPTIBLE
from analysis.kernels.response import NON_RESPONDER, RESPONDER
from analysis.library_fields import ARM, COMPUTED, IS_RANDOMIZED, OUTCOME, PHENOTYPE, RESPONSE, TREATMENT, lookup_of
from analysis.models import AnalysisRun
from analysis.shared_reading import shared
from labdb.colony.models import Mouse, Study
from labdb.registry.models import LabRecord
from labdb.sequencing.models import CountMatrix, LibraryExtraction
from labdb.tissue.models import TissueSample
from labdb.treatment.arm_labels import arm_labels
from labdb.treatment.models import AllocationKey


@dataclass(frozen=True)
class Libraries:
    """The libraries of a matrix.

    Attributes
    ----------
    frame : pandas.DataFrame
        Indexed by library code: ``library``, ``mouse``, ``region_id`` (primary keys), ``region`` (code), and the fields
        asked for, by name; None where there is no value.
    notes : tuple of str
        Which libraries were left out, and why.
    runs : tuple of AnalysisRun
        Current runs that columns were taken from.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    runs: tuple[AnalysisRun, ...]


def read_libraries(study: Study, matrix: CountMatrix, fields: Iterable[str]) -> Libraries:
    """Read fields of all libraries of a matrix, in a handful of queries.

    Raises
    ------
    ValueError
        A field does not exist; names those that do.
    """
    return _read_libraries(study, matrix, tuple(dict.fromkeys(fields)))


@shared
def _read_libraries(study: Study, matrix: CountMatrix, fields: tuple[str, ...]) -> Libraries:
    frame, notes = _origins(matrix)
    frame = frame.copy()
    runs: dict[int, AnalysisRun] = {}
    computed = _Computed(study, runs)
    for name in fields:
        source = name.partition("__")[0]
        if name in COMPUTED:
            frame[name] = _by_key(frame["mouse"], computed.column(name))
        else:
            model, lookup = lookup_of(name)
            frame[name] = _by_key(frame[source], _values(model, lookup, frozenset(frame[source])))
    return Libraries(frame, tuple(notes), tuple(runs.values()))


@shared
def values_of_mice(study: Study, name: str) -> dict[int, Any]:
    """Return by mouse what the current runs and the allocation say: phenotype, response, arm or outcome."""
    return _Computed(study, {}).column(name)


def _by_key(keys: pd.Series, values: dict[int, Any]) -> pd.Series:
    looked_up = [values.get(key) for key in keys]
    return pd.Series(looked_up, index=keys.index, dtype=None if looked_up else object)


@shared
def _origins(matrix: CountMatrix) -> tuple[pd.DataFrame, list[str]]:
    """Return the mouse and region of every library that has one of each, and words on those that have not."""
    sample = "extraction__inputs__sample"
    codes = dict(matrix.library_blocks.order_by("library__code").values_list("library_id", "library__code"))
    found = LibraryExtraction.objects.filter(library__in=codes).order_by()
    columns = ["library", "mouse", "region_id", "region"]
    rows = found.values_list("library_id", f"{sample}__mouse_id", f"{sample}__region_id", f"{sample}__region__code")
    origins = pd.DataFrame(rows.distinct(), columns=columns).dropna().astype({"mouse": int, "region_id": int})
    mixed = set(origins["library"][origins["library"].duplicated()])
    lost = set(codes) - set(origins["library"])
    notes = []
    if mixed:
        notes.append(f"{_listed(codes, mixed)} left out: made from several mice or regions.")
    excluded = set(found.filter(**{f"{sample}__in": _excluded_samples(matrix.study)}).values_list("library", flat=True))
    excluded -= mixed | lost
    if excluded:
        notes.append(f"{_listed(codes, excluded)} left out by exclusion; the study's exclusions say why.")
    if lost:
        notes.append(f"{_listed(codes, lost)} left out: no tissue sample leads to a mouse and a region.")
    origins = origins[~origins["library"].isin(mixed | excluded)]
    origins.index = pd.Index([codes[library] for library in origins["library"]], name="library__code", dtype=object)
    return origins.sort_index(), notes


def _excluded_samples(study: Study) -> QuerySet[TissueSample]:
    """Return the samples that no analysis reads."""
    included = TissueSample.objects.filter(TissueSample.included(), study=study)
    return TissueSample.objects.filter(study=study).exclude(pk__in=included.values("pk"))


def _listed(codes: dict[int, str], keys: set[int], shown: int = 8) -> str:
    names = sorted(codes[key] for key in keys)
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{len(names)} {'library' if len(names) == 1 else 'libraries'} ({', '.join(names[:shown])}{more})"


@shared
def _values(model: type[LabRecord], lookup: str, keys: frozenset[int]) -> dict[int, Any]:
    """Return a field of these rows by primary key; an empty text counts as no value."""
    rows = model.objects.filter(pk__in=keys).order_by().values_list("pk", lookup)
    return {pk: None if value == "" else value for pk, value in rows}


class _Computed:
    """What runs and allocation say of the mice of a study; read when first asked for."""

    def __init__(self, study: Study, runs: dict[int, AnalysisRun]) -> None:
        self.study = study
        self.runs = runs  # filled with the runs that were used
        self._columns: dict[str, dict[int, Any]] = {}

    @cached_property
    def _mouse_groups(self) -> list[tuple[int, str]]:
        return _groups_of_mice(self.study)

    def column(self, name: str) -> dict[int, Any]:
        """Return values by mouse."""
        if name not in self._columns:
            read = {
                PHENOTYPE: self._phenotypes, RESPONSE: self._responses, OUTCOME: self._outcomes, TREATMENT: self._treatments,
            }  # fmt: skip
            self._columns[name] = read[name]() if name in read else self._allocations()[name]
        return self._columns[name]

    def _current(self, task: str) -> AnalysisRun | None:
        run = current_run(self.study, task)
        if run is None:
            return None
        self.runs[run.pk] = run
        return run.results_run

    def _phenotypes(self) -> dict[int, Any]:
        run = self._current("phenotype")
        return _phenotypes_of(run) if run else {}

    def _responses(self) -> dict[int, Any]:
        run = self._current("response")
        return _responses_of(run) if run else {}

    def _allocations(self) -> dict[str, dict[int, Any]]:
        rows, is_blinded = _allocated(self.study), self.study.is_blinded
        # Only the vehicle is given without randomization: with a letter for these mice too, its group would be told.
        self._columns[ARM] = {
            mouse: arm for mouse, arm, _, randomization in rows if not is_blinded or randomization is not None
        }
        self._columns[IS_RANDOMIZED] = {mouse: randomization is not None for mouse, _, _, randomization in rows}
        self._columns["is_vehicle"] = {mouse: is_vehicle for mouse, _, is_vehicle, _ in rows}
        return self._columns

    def _outcomes(self) -> dict[int, Any]:
        return self._groups(self.column(RESPONSE))

    def _treatments(self) -> dict[int, Any]:
        return self._groups({})

    def _groups(self, response: dict[int, Any]) -> dict[int, Any]:
        phenotype = self.column(PHENOTYPE)
        arm, is_vehicle = self.column(ARM), self.column("is_vehicle")
        return {
            mouse: treatment_outcome(
                group, phenotype.get(mouse), arm.get(mouse), is_vehicle.get(mouse, False),
                response.get(mouse) if response else "",
            )
            for mouse, group in self._mouse_groups
        }  # fmt: skip


@shared
def _groups_of_mice(study: Study) -> list[tuple[int, str]]:
    return list(Mouse.objects.filter(study=study).order_by().values_list("pk", "group"))


@shared
def _phenotypes_of(run: AnalysisRun) -> dict[int, Any]:
    return dict(run.phenotypecalls.order_by().values_list("mouse_id", "phenotype"))


@shared
def _responses_of(run: AnalysisRun) -> dict[int, Any]:
    return dict(run.responsecalls.order_by().values_list("mouse_id", "response"))


@shared
def _allocated(study: Study) -> list[tuple[int, str, bool, int | None]]:
    """Return mouse, arm as it is called now, whether it is a vehicle, and the randomization."""
    keys = AllocationKey.objects.filter(study=study, allocation__superseded_by=None).order_by()
    called = arm_labels(study) if study.is_blinded else {}
    return [
        (mouse, called.get(arm, name), is_vehicle, randomization)
        for mouse, arm, name, is_vehicle, randomization in keys.values_list(
            "allocation__mouse_id", "arm_id", "arm__name", "arm__is_vehicle", "allocation__randomization_id"
        )
    ]


def treatment_outcome(
    group: str, phenotype: str | None, arm: str | None, is_vehicle: bool, response: str | None
) -> str | None:
    """Return stress, drug and what became of it in the words of a figure; None when a part is not known.

    ``control``, ``resilient``, ``susceptible saline``, ``imipramine responder``, ``imipramine non-responder``,
    ``imipramine response unknown``; ``imipramine treated`` where no re-test was judged (`response` is empty). In a
    blinded study the arms are letters: ``susceptible arm B``, ``arm C responder``.
    """
    given = "" if arm is None or is_vehicle else f" {arm}"
    if group == CONTROL_GROUP:
        return CONTROL + given
    if group != DEFEATED_GROUP:
        return group + given if group else None
    if phenotype == RESILIENT:
        return RESILIENT + given
    if phenotype != SUSCEPTIBLE:
        return None
    if not given:
        return SUSCEPTIBLE if arm is None else f"{SUSCEPTIBLE} {arm}"
    said: dict[str | None, str] = {RESPONDER: "responder", NON_RESPONDER: "non-responder", "": "treated"}
    return f"{arm} {said.get(response, 'response unknown')}"
