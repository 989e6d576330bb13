"""What a mouse would be called by the study's current rule, before anything is stored."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.current import current_run
from analysis.kernels.phenotype import DEFEATED_GROUP, classify_phenotype
from analysis.phenotype_comparison import rule_of
from analysis.tasks import phenotype
from analysis.tasks.si_tests import TIMES, read_si_tests
from labdb.behavior.models import PhenotypeRule
from labdb.colony.models import Mouse, Study


def current_rule(study: Study) -> PhenotypeRule | None:
    """Return the rule of the study's adopted phenotypes, else the one that a run would take; None if that is gone."""
    run = current_run(study, phenotype.TASK.name)
    if run is not None:
        return rule_of(run)
    return PhenotypeRule.objects.filter(name=phenotype.TASK.parameters["rule"].default).first()


def preview_calls(
    study: Study, test_number: int, times: Mapping[Mouse, Mapping[str, float | None]], rule: PhenotypeRule
) -> dict[int, dict[str, Any]]:
    """Return the call of each mouse, as a row of `classify_phenotype` with None for what is missing, beside all that is stored.

    Parameters
    ----------
    times : mapping of Mouse to mapping of str to float
        Zone times and length of the trial (s), by the fields' names; a mouse without both zone times gets no call.
    """
    stored = read_si_tests(study, test_number)
    rows = {
        mouse.pk: {
            "group": mouse.group, "cohort": mouse.cohort.code if mouse.cohort else None,
            **{name: values.get(name) for name in TIMES},
        }
        for mouse, values in times.items()
    }  # fmt: skip
    new = pd.DataFrame.from_dict(rows, orient="index", columns=["group", "cohort", *TIMES])
    new[TIMES] = new[TIMES].astype(float)
    others = stored.drop(columns="si_test")[~stored.index.isin(new.index)]
    tests = new if others.empty else pd.concat([others, new])
    calls = classify_phenotype(tests, rule.to_kernel()).astype(object)
    return calls.mask(calls.isna(), other=None).loc[list(rows)].to_dict("index")  # type: ignore[return-value]


def class_words(mouse: Mouse, test_number: int, times: Mapping[str, float | None]) -> dict[str, Any]:
    """Return what a page says of one mouse with these times: its call, the rule, and both in a sentence."""
    if mouse.group != DEFEATED_GROUP:
        return {"phenotype": "", "sentence": "Only defeated mice are classified."}
    rule = current_rule(mouse.study)
    if rule is None:
        return {"phenotype": "", "sentence": "No phenotype rule is entered; the ratio stands for itself."}
    call = preview_calls(mouse.study, test_number, {mouse: times}, rule)[mouse.pk]
    return {**call, "rule": str(rule), "sentence": _sentence(call)}


def _sentence(call: Mapping[str, Any]) -> str:
    if call["reason"]:
        return f"{call['phenotype']}: {call['reason']}"
    distance = call["distance_to_cutoff"]
    side = "above" if distance >= 0 else "below"
    near = ", borderline" if call["borderline"] else ""
    return f"{call['phenotype']}, {abs(distance):.2f} {side} the cutoff{near}"
