"""What a run keeps of where its numbers come from; and what the same task would read today."""

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError

from analysis.declared_inputs import models_read
from analysis.input_digest import code_digest, part_digests
from analysis.models import AnalysisRun
from analysis.tasks.matrices import counts_unread
from analysis.tasks.task import Loaded, Task
from analysis.watermark import Mark, mark_now, tables_of
from labdb.colony.models import Study

Parts = Mapping[str, Mapping[str, Any]]
WORDS = {
    "tests": "SI tests",
    "before": "first SI tests, with phenotypes",
    "after": "re-tests",
    "tracks": "tracks of SI tests",
    "rule": "the rule",
    "rule_id": "which rule",
    "counts": "counts",
    "libraries": "libraries, with what is known of their mice",
    "questions": "contrasts",
    "arms": "drug arms",
    "vehicles": "vehicle arms",
    "matrix_id": "the count matrix",
    "matrix": "the count matrix by its code",
    "regions": "brain regions",
    "reversals": "reversals that scores stand beside",
    "symbols": "gene symbols",
    "groupings": "groupings",
    "si_tests": "SI tests",
    "extractions": "RNA extractions",
    "weighings": "weighings",
    "without_counts": "libraries without counts",
    "never_extracted": "samples never extracted",
    "limits": "limits, from the parameters",
    "markers": "markers, from the parameters",
    "results": "results of two contrasts",
    "names": "which contrasts",
    "contrasts": "which contrasts",
    "sizes": "numbers of mice",
    "nulls": "what the contrasts share",
    "without_null": "regions where that is not known",
    "pair": "two named contrasts",
    "with_drug_pairs": "which pairs, from the parameters",
    "comparisons": "comparisons of arms",
    "step": "step, from the parameters",
    "population_offset": "population offset, from the parameters",
    "seed": "seed, from the parameters",
    "selected": "how mice were chosen for sequencing",
    "retest_ratios": "SI ratios of re-tests",
    "region": "which region",
    "arm": "which arm",
    "n_replicates": "simulated studies, from the parameters",
    "n_random": "random relabelings, from the parameters",
}


@dataclass(frozen=True)
class InputsNow:
    """What a task would read now; `problem` says why it could not."""

    parts: Parts
    problem: str = ""


def mark_of(run: AnalysisRun) -> Mark:
    """Return the watermark of the records that a run is about to read."""
    return mark_now(tables_of(models_read(run.task)))


def keep_inputs(run: AnalysisRun, loaded: Loaded, mark: Mark) -> None:
    """Write down what a run has read.

    Parameters
    ----------
    mark : dict
        Taken before anything was read.
    """
    run.input_parts, run.watermark = part_digests(loaded.inputs), mark
    run.code_digest, run.was_blinded = code_digest(), run.study.is_blinded
    run.save(update_fields=["input_parts", "watermark", "code_digest", "was_blinded"])


def inputs_now(task: Task, study: Study, parameters: Mapping[str, Any], *, was_blinded: bool) -> InputsNow:
    """Read what a task would read now, counts aside, and return the digests of its parts.

    Parameters
    ----------
    was_blinded : bool
        Read arms by their letters, as a run did while the study was blinded: unblinding alone changes no result.
    """
    try:
        loaded = load_as_then(task, study, parameters, was_blinded=was_blinded, with_counts=False)
    except (ValueError, ValidationError, ObjectDoesNotExist, KeyError) as error:
        return InputsNow({}, str(error))
    return InputsNow(part_digests(loaded.inputs))


def load_as_then(
    task: Task, study: Study, parameters: Mapping[str, Any], *, was_blinded: bool, with_counts: bool = True
) -> Loaded:
    """Load a task's inputs from the records of today; ValueError where that is not possible any more."""
    study = copy.copy(study)
    study.is_blinded = was_blinded
    if why_not := task.missing(study, parameters):
        raise ValueError(why_not)
    if with_counts:
        return task.load(study, parameters)
    with counts_unread():
        return task.load(study, parameters)


def question_of(parameters: Mapping[str, Any], *, was_blinded: bool) -> str:
    """Return the SHA-256 that names a question: the same inputs are read for it, whoever asks."""
    text = json.dumps([dict(parameters), was_blinded], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def changed_parts(then: Parts, now: Parts) -> list[str]:
    """Return the names of the parts that are not the same any more."""
    names = dict.fromkeys((*then, *now))
    return [name for name in names if then.get(name, {}).get("digest") != now.get(name, {}).get("digest")]


def words_for(parts: list[str]) -> str:
    """Return what parts are called, each once."""
    return ", ".join(dict.fromkeys(WORDS.get(name, name.replace("_", " ")) for name in parts))


def spoken_parts(parts: Parts) -> list[tuple[str, int | None, str]]:
    """Return what was read as a page lists it: what it is, how many rows, and the digest."""
    return [(words_for([name]), part.get("rows"), part["digest"]) for name, part in parts.items()]
