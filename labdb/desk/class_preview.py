"""What a mouse would be called by the study's current rule, before anything is stored."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.current import current_run
from analysis.kernels.phenotype import classify_phenotype
from analysis.tasks import phenotype
from analysis.tasks.si_tests import TIMES, read_si_tests
from labdb.behavior.models import PhenotypeRule
from labdb.colony.models import Mouse, Study


def current_rule(study: Study) -> PhenotypeRule | None:
    """Return the rule of the current phenotypes, else the one that a run would take by itself; None if that is gone."""
    run = current_run(study, "phenotype")
    call = run.results_run.phenotypecalls.select_related("rule").first() if run else None
    if call is not None:
        return call.rule
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
