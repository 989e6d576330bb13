"""What the task `quality` reads of the records, frame by frame."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from django.utils import timezone

from analysis.current import current_run
from analysis.design_frame import Libraries, read_libraries
from analysis.library_fields import ARM, IS_RANDOMIZED, OUTCOME, PHENOTYPE, TREATMENT, check_field
from analysis.models import Contrast
from analysis.tasks.si_tests import included_tests
from labdb.colony.models import Housing, Mouse, Study, Weighing
from labdb.sequencing.models import CountMatrix, ExtractionSample, Library, LibraryExtraction, LibraryRun
from labdb.tissue.models import TissueSample

GROUP = "mouse__group"
OF_ARMS = (ARM, IS_RANDOMIZED, OUTCOME, TREATMENT)
OF_LIBRARIES, OF_MICE = ("pool", "run", "batch"), ("cohort", "cage", "litter")
FIELDS = {"pool": "library__pool", "cohort": "mouse__cohort", "litter": "mouse__litter", "sex": "mouse__sex"}


def groupings_of(study: Study) -> dict[str, str]:
    """Return the fields by which contrasts make groups, and their names; without contrasts those they will use.

    While a study is blinded, arms are left out: that a pool or cage holds one letter would say whose letter is whose.
    """
    asked = list(Contrast.objects.filter(study=study).order_by("name").values_list("group_by", flat=True)) or [OUTCOME]
    known = []
    for field in dict.fromkeys(PHENOTYPE if study.is_blinded and one in OF_ARMS else one for one in asked):
        try:
            check_field(field)
        except ValueError:  # the contrast itself is refused where it is asked
            continue
        known.append(field)
    if not known or current_run(study, "phenotype") is None:  # then nothing but the group is known of the defeated
        known.append(GROUP)
    return {field: field.rpartition("__")[2].replace("_", " ") for field in dict.fromkeys(known)}


def read_samples(study: Study, matrix: CountMatrix, groupings: Mapping[str, str]) -> Libraries:
    """Return the libraries of a matrix with whatever could go along with their groups.

    Beside the columns of `read_libraries`: ``mouse_code``, ``pool``, ``run``, ``batch``, ``cohort``, ``cage``, ``litter``,
    ``sex``, ``sample`` (primary key of the first) and the groupings. The cage is the first: where a mouse grew up.
    """
    found = read_libraries(study, matrix, [*FIELDS.values(), *groupings])
    frame = found.frame
    if frame.empty:
        return found
    frame = frame.assign(**{name: frame[field] for name, field in FIELDS.items()})
    mice = Mouse.objects.filter(pk__in=set(frame["mouse"])).order_by().values_list("pk", "code")
    keys = set(frame["library"])
    inputs = LibraryExtraction.objects.filter(library__in=keys).order_by("pk")
    lanes = LibraryRun.objects.filter(library__in=keys).order_by("run__code")
    columns: dict[str, tuple[str, dict[int, Any]]] = {
        "mouse_code": ("mouse", dict(mice)),
        "run": ("library", _joined(lanes.values_list("library_id", "run__code"))),
        "batch": ("library", _joined(inputs.values_list("library_id", "extraction__batch"))),
        "sample": ("library", _first(inputs.values_list("library_id", "extraction__inputs__sample_id"))),
        "cage": ("mouse", _first(_cages(study))),
    }
    for name, (by, values) in columns.items():
        frame[name] = pd.Series([values.get(key) for key in frame[by]], index=frame.index, dtype=object)
    return Libraries(frame, found.notes, found.runs)


def _cages(study: Study) -> Any:
    housed = Housing.objects.filter(study=study, cage__isnull=False).order_by("housed_from", "pk")
    return housed.values_list("mouse_id", "cage__code")


def _first(pairs: Any) -> dict[int, Any]:
    first: dict[int, Any] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    return first


def _joined(pairs: Any) -> dict[int, str]:
    """Return what belongs to each key as one text: a library on two runs shares neither with one that is on the first."""
    values: dict[int, dict[str, None]] = {}
    for key, value in pairs:
        if value:
            values.setdefault(key, {})[value] = None
    return {key: " + ".join(some) for key, some in values.items()}


def read_single_tests(study: Study) -> pd.DataFrame:
    """Return the SI tests that analyses read."""
    columns = {
        "pk": "si_test", "mouse__code": "mouse", "test_number": "test_number", "iz_absent_s": "iz_absent_s",
        "iz_present_s": "iz_present_s",
    }  # fmt: skip
    rows = included_tests(study).order_by("mouse__code", "test_number").values_list(*columns)
    return pd.DataFrame.from_records(list(rows), columns=list(columns.values()))


def read_extractions(study: Study) -> pd.DataFrame:
    """Return the extractions of samples that analyses read, with RIN and the first sample of each."""
    included = TissueSample.objects.filter(TissueSample.included(), study=study)
    rows = ExtractionSample.objects.filter(study=study, sample__in=included).order_by("extraction__code", "pk")
    columns = ["extraction", "sample", "mouse", "rin"]
    values = rows.values_list("extraction__code", "sample__code", "sample__mouse__code", "extraction__rin")
    frame = pd.DataFrame.from_records(list(values), columns=columns).drop_duplicates("extraction", ignore_index=True)
    return frame.astype({"rin": float})


def read_weighings(study: Study) -> pd.DataFrame:
    """Return every weighing in order of time."""
    rows = Weighing.objects.filter(study=study).order_by("mouse__code", "performed_at")
    found = [
        (mouse, str(timezone.localdate(at)), mass_g)
        for mouse, at, mass_g in rows.values_list("mouse__code", "performed_at", "body_mass_g")
    ]
    return pd.DataFrame.from_records(found, columns=["mouse", "day", "body_mass_g"]).astype({"body_mass_g": float})


def libraries_without_counts(study: Study, matrix: CountMatrix | None) -> tuple[str, ...]:
    """Return the codes of libraries that a matrix does not hold."""
    if matrix is None:
        return ()
    rows = Library.objects.filter(study=study).exclude(pk__in=matrix.library_blocks.values("library"))
    return tuple(rows.order_by("code").values_list("code", flat=True))


def samples_never_extracted(study: Study) -> tuple[str, ...]:
    """Return the codes of samples without an extraction, where others have one."""
    samples = TissueSample.objects.filter(TissueSample.included(), study=study)
    if not samples.exclude(extraction_inputs=None).exists():
        return ()
    return tuple(samples.filter(extraction_inputs=None).order_by("code").values_list("code", flat=True))
