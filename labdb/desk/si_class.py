"""What the times of an SI test would make of a mouse: its class by the study's current rule, before anything is stored."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.current import current_run
from analysis.kernels.phenotype import DEFEATED_GROUP, PhenotypeRule, classify_phenotype
from analysis.tasks import phenotype
from analysis.tasks.si_tests import TIMES, read_si_tests
from labdb.behavior.models import PhenotypeRule as RuleRecord
from labdb.colony.models import Mouse, Study


def current_rule(study: Study) -> RuleRecord | None:
    """Return the rule of the study's adopted phenotypes, else the one that a run would take; None where it is gone."""
    run = current_run(study, phenotype.TASK.name)
    name = run.parameters["rule"] if run else phenotype.TASK.parameters["rule"].default
    return RuleRecord.objects.filter(name=name).first()


def class_preview(mouse: Mouse, test_number: int, times: dict[str, float | None]) -> dict[str, Any]:
    """Return ratio and class of a defeated mouse as the rule would call it with these times.

    Parameters
    ----------
    times : dict
        ``trial_s`` and the four times (s), None where not measured; the stored ones of this mouse are put aside.
    """
    rule = current_rule(mouse.study)
    if mouse.group != DEFEATED_GROUP:
        return {"phenotype": "", "sentence": "Only defeated mice are classified."}
    kernel = rule.to_kernel() if rule else PhenotypeRule()
    call = classify_phenotype(_with(mouse, test_number, times), kernel).loc[mouse.pk]
    return {
        "phenotype": call["phenotype"],
        "borderline": bool(call["borderline"]),
        "distance": _number(call["distance_to_cutoff"]),
        "si_ratio": _number(call["si_ratio"]),
        "corner_ratio": _number(call["corner_ratio"]),
        "reason": call["reason"],
        "rule": str(rule) if rule else "ratio below 1",
        "sentence": _sentence(call),
    }


def _with(mouse: Mouse, test_number: int, times: dict[str, float | None]) -> pd.DataFrame:
    """Return the tests of the study with this one in place: a cutoff may hang on the controls of the cohort."""
    stored = read_si_tests(mouse.study, test_number).drop(index=mouse.pk, errors="ignore")
    cohort = mouse.cohort.code if mouse.cohort else None
    own = {name: np.nan if times.get(name) is None else times[name] for name in TIMES}
    row = pd.DataFrame(
        {"group": [mouse.group], "cohort": [cohort], **{name: [own[name]] for name in TIMES}}, index=[mouse.pk]
    )
    return pd.concat([stored[row.columns], row]) if len(stored) else row


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _sentence(call: Any) -> str:
    if call["reason"]:
        return f"{call['phenotype']}: {call['reason']}"
    distance = call["distance_to_cutoff"]
    side = "above" if distance >= 0 else "below"
    near = ", borderline" if call["borderline"] else ""
    return f"{call['phenotype']}, {abs(distance):.2f} {side} the cutoff{near}"
