"""What a study's other assays say: every value by group, those that are computed, and how they go along with the SI ratio."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.current import current_run
from analysis.frames import read_frame
from analysis.kernels.association import correlate_by_group
from analysis.kernels.phenotype import CONTROL, DEFEATED_GROUP, RESILIENT, SUSCEPTIBLE
from analysis.links import mouse_urls
from analysis.tasks.si_tests import included_tests
from labdb.behavior.derived_metrics import DERIVED
from labdb.behavior.models import AssayMetric, AssayResult
from labdb.colony.excludable import marks_of_study
from labdb.colony.models import Study
from labdb.desk.study_facts import NOT_CALLED

CALLS = (CONTROL, SUSCEPTIBLE, RESILIENT)
COLUMNS = {
    "mouse_id": "mouse_id", "mouse__code": "mouse", "mouse__group": "group", "metric_id": "metric_id",
    "metric__name": "metric", "metric__unit": "unit", "metric__assay_id": "assay_id", "session": "session",
    "performed_at": "at", "value": "value", "exclusion_criterion": "criterion",
}  # fmt: skip


@dataclass(frozen=True)
class Summary:
    """One metric in one group and session."""

    group: str
    session: str
    n: int
    median: float
    low: float
    high: float


def results(study: Study, user: Any) -> pd.DataFrame:
    """Return every result of a study's assays that this account may see, the computed ones among them.

    Returns
    -------
    pandas.DataFrame
        ``mouse_id``, ``mouse``, ``group`` (the phenotype where the mouse was called), ``metric_id``, ``metric``,
        ``unit``, ``assay_id``, ``session``, ``at``, ``value``, ``is_excluded``, ``is_computed``, ``url``.
    """
    rows = AssayResult.objects.visible_to(user).filter(study=study).order_by("metric_id", "mouse__code", "session")
    found = read_frame(rows, COLUMNS)
    excluded = marks_of_study(study)
    found["is_excluded"] = found.pop("criterion").ne("") | found["mouse_id"].isin(list(excluded))
    found["is_computed"] = False
    found = with_derived(found)
    run = current_run(study, "phenotype")
    calls = dict(run.results_run.phenotypecalls.values_list("mouse_id", "phenotype")) if run else {}
    own = found["group"].replace("", "no group")
    found["group"] = found["mouse_id"].map(calls).fillna(own.replace(DEFEATED_GROUP, NOT_CALLED) if run else own)
    found["url"] = mouse_urls(study.code, found["mouse"])
    return found


def with_derived(found: pd.DataFrame) -> pd.DataFrame:
    """Add what follows from two metrics of a mouse and session, in place of what was typed beside them.

    A part or a whole that is excluded excludes what is computed of it.
    """
    keys = ["mouse_id", "session"]
    for one in DERIVED.values():
        metric = AssayMetric.objects.filter(name=one.name).first()
        part, whole = (found[found["metric"] == name] for name in (one.part, one.whole))
        if metric is None or part.empty or whole.empty:
            continue
        both = part.merge(whole[[*keys, "value", "is_excluded"]], on=keys, suffixes=("", "_whole"))
        both["value"] = [one.of(a, b) for a, b in zip(both["value"], both["value_whole"], strict=True)]
        both = both.dropna(subset=["value"]).assign(metric=one.name, metric_id=metric.pk, unit=metric.unit)
        both = both.assign(is_computed=True, is_excluded=both["is_excluded"] | both["is_excluded_whole"])
        typed = found["metric"].eq(one.name)
        replaced = pd.MultiIndex.from_frame(found[keys]).isin(pd.MultiIndex.from_frame(both[keys]))
        found = pd.concat([found[~(typed & replaced)], both[found.columns]], ignore_index=True)
    return found


def summaries(found: pd.DataFrame) -> list[Summary]:
    """Return n, median and range of one metric by session and group, excluded results left out."""
    included = found[~found["is_excluded"]]
    order = session_order(included)
    rows = []
    for (session, group), some in included.groupby(["session", "group"], sort=False):
        values = some["value"]
        rows.append(
            Summary(str(group), str(session), len(some), values.median(), float(values.min()), float(values.max()))
        )
    return sorted(rows, key=lambda row: (order.index(row.session), _place(row.group)))


def session_order(found: pd.DataFrame) -> list[str]:
    """Return the sessions by the time of their first result, those without a time by name."""
    first = found.assign(at=pd.to_datetime(found["at"], utc=True)).groupby("session")["at"].min()
    return sorted(map(str, first.index), key=lambda name: (pd.isna(first[name]), first[name], name))


def _place(group: str) -> tuple[int, str]:
    return (CALLS.index(group) if group in CALLS else len(CALLS), group)


def correlations(study: Study, found: pd.DataFrame) -> pd.DataFrame:
    """Correlate the mean of each metric over sessions with the SI ratio of the first test; see the kernel."""
    included = found[~found["is_excluded"]]
    means = included.pivot_table(index="mouse_id", columns="metric", values="value", aggfunc="mean")
    tests = included_tests(study).filter(test_number=1).exclude(si_ratio=None)
    ratio = pd.Series(dict(tests.values_list("mouse_id", "si_ratio")), dtype=float)
    group = included.drop_duplicates("mouse_id").set_index("mouse_id")["group"]
    table = correlate_by_group(means, ratio, group[group.isin(CALLS)])
    return table.sort_values("group", key=lambda names: names.map(lambda name: _place(name) if name else (-1, "")))
