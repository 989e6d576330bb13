"""Results of a run as the frames that figures and pages draw: one query each, never one a row."""

from typing import Any

import numpy as np
import pandas as pd
from django.db.models import Min, QuerySet
from django.urls import reverse
from django.utils import timezone

from analysis.figures.theme import finite_rows
from analysis.kernels.phenotype import CONTROL_GROUP, DEFEATED_GROUP, RESILIENT, SUSCEPTIBLE
from analysis.kernels.response import NON_RESPONDER
from analysis.kernels.retest import RegressionToMean, regression_to_mean, retest_error
from analysis.links import gene_urls, mouse_urls
from analysis.models import AnalysisRun, Contrast, GeneResult, PhenotypeCall
from analysis.tasks.si_tests import included_tests
from labdb.colony.models import Mouse, Study, Weighing
from labdb.tissue.models import BrainRegion
from labdb.treatment.arm_labels import arm_labels
from labdb.treatment.models import Allocation, AllocationKey, Dose

NOT_ALLOCATED, ARM_NOT_SHOWN = "not allocated", "arm not shown to you"
OF_AGGREGATES = ["label", "is_vehicle", "is_randomized"]  # columns that are told of many mice, not of one
EXPECTED_POINTS = 40  # of a line that is straight on log scales, whose band is too


def read_frame(rows: QuerySet, columns: dict[str, str]) -> pd.DataFrame:
    """Return a query as a frame.

    Parameters
    ----------
    columns : dict of str to str
        Path for the ORM -> name of the column.
    """
    return pd.DataFrame.from_records(list(rows.values_list(*columns)), columns=list(columns.values()))


def phenotype_frame(run: AnalysisRun) -> pd.DataFrame:
    """Return every call with the zone times that it rests on; ``cutoff`` is the one that was used for the mouse."""
    columns = {
        "mouse__code": "mouse", "mouse__group": "group", "mouse__cohort__code": "cohort", "phenotype": "phenotype",
        "si_ratio": "si_ratio", "corner_ratio": "corner_ratio", "distance_to_cutoff": "distance_to_cutoff",
        "si_ratio_low": "si_ratio_low", "si_ratio_high": "si_ratio_high", "borderline": "borderline", "reason": "reason",
        "si_test_id": "si_test",
        "si_test__iz_absent_s": "iz_absent_s", "si_test__iz_present_s": "iz_present_s",
        "si_test__corner_absent_s": "corner_absent_s", "si_test__corner_present_s": "corner_present_s",
    }  # fmt: skip
    calls = read_frame(run.phenotypecalls.order_by("mouse__code"), columns)
    calls["url"] = mouse_urls(run.study.code, calls["mouse"])
    calls["cutoff"] = (calls["si_ratio"].astype(float) - calls["distance_to_cutoff"].astype(float)).round(6)
    return calls


def arms_of_mice(study: Study, user: Any) -> pd.DataFrame:
    """Return the arm of every mouse, as far as this account may know it, indexed by mouse.

    Returns
    -------
    pandas.DataFrame
        ``arm`` (of a mouse alone: missing where the account may not know it), ``label`` (what results by arm call it: a
        letter in a blinded study, whoever asks), ``is_vehicle`` (false as long: to be the vehicle is told by no letter),
        ``is_randomized``.
    """
    columns = {
        "allocation__mouse_id": "mouse_id", "arm_id": "arm_id", "arm__name": "arm", "arm__is_vehicle": "is_vehicle",
        "allocation__randomization_id": "randomization",
    }  # fmt: skip
    holding = AllocationKey.objects.filter(study=study, allocation__superseded_by=None)
    seen = holding.visible_to(user).order_by("arm__name")
    if not study.is_blinded:
        keys = read_frame(seen, columns).assign(label=lambda frame: frame["arm"])
    else:
        keys = read_frame(holding, columns)
        keys["label"] = keys["arm_id"].map(arm_labels(study))
        keys["arm"] = keys["arm"].where(keys["mouse_id"].isin(seen.values_list("allocation__mouse_id", flat=True)))
        keys["is_vehicle"] = False
    keys["is_randomized"] = keys.pop("randomization").notna()
    return keys.drop(columns="arm_id").set_index("mouse_id")


def response_frame(run: AnalysisRun, user: Any) -> pd.DataFrame:
    """Return every re-tested mouse: both ratios, its arm, and what it was before; columns on arms as `arms_of_mice`.

    ``panel`` is where figures draw it: the arm of a mouse that was susceptible before, else what it was; ``relapse``
    marks a mouse that was resilient before and is susceptible after, by the response rule.
    """
    columns = {
        "mouse_id": "mouse_id", "mouse__code": "mouse", "mouse__group": "group", "response": "response",
        "before__si_ratio": "si_ratio_before", "after__si_ratio": "si_ratio_after", "before_id": "before",
        "after_id": "after", "delta_log_ratio": "delta_log_ratio", "reliable_change": "reliable_change",
        "borderline": "borderline", "reason": "reason",
    }  # fmt: skip
    calls = read_frame(run.responsecalls.order_by("mouse__code"), columns)
    calls["url"] = mouse_urls(run.study.code, calls["mouse"])
    calls = calls.join(arms_of_mice(run.study, user), on="mouse_id")
    calls["phenotype"] = calls["mouse_id"].map(phenotypes_read_by(run))
    held = Allocation.objects.filter(Allocation.holding(), study=run.study)
    allocated = calls["mouse_id"].isin(held.values_list("mouse_id", flat=True))
    calls["arm"] = calls["arm"].fillna(allocated.map({True: ARM_NOT_SHOWN, False: NOT_ALLOCATED}))
    for name in ("is_vehicle", "is_randomized"):
        calls[name] = calls[name].eq(True)
    was_susceptible = calls["phenotype"] == SUSCEPTIBLE
    calls["panel"] = calls["arm"].where(was_susceptible, calls["phenotype"].fillna(calls["group"]))
    # The kernel calls a mouse that was resilient a non-responder when it relapsed, and else not at all.
    calls["relapse"] = (calls["phenotype"] == RESILIENT) & (calls["response"] == NON_RESPONDER)
    return calls


def expected_second_ratios(run: AnalysisRun, calls: pd.DataFrame) -> tuple[pd.DataFrame, RegressionToMean]:
    """Return the second ratio that a first one leads to expect where nothing is done, and what that follows from.

    The error is that of the run's re-tested controls; the mean is that of all defeated mice whose first test the run's
    phenotypes rest on, re-tested or not.

    Parameters
    ----------
    calls : pandas.DataFrame
        As `response_frame`.

    Returns
    -------
    expected : pandas.DataFrame
        ``si_ratio_before`` from the lowest to the highest first ratio of `calls`, ``expected``, ``low``, ``high`` (95 %
        of single mice); empty where nothing can be expected.
    regression : RegressionToMean
    """
    controls = calls[calls["group"] == CONTROL_GROUP]
    defeated = _calls_read_by(run).filter(mouse__group=DEFEATED_GROUP, si_ratio__isnull=False)
    firsts = np.array(defeated.values_list("si_ratio", flat=True), dtype=float)
    pair = (controls[name].astype(float) for name in ("si_ratio_before", "si_ratio_after"))
    regression = regression_to_mean(retest_error(*pair), firsts)
    seen = finite_rows(calls, ["si_ratio_before"], above=0.0)["si_ratio_before"]
    if regression.reason or seen.empty:
        return pd.DataFrame(columns=["si_ratio_before", "expected", "low", "high"]), regression
    grid = np.geomspace(float(seen.min()), float(seen.max()), EXPECTED_POINTS)
    return regression.second_ratio(grid).rename(columns={"first_ratio": "si_ratio_before"}), regression


def course_frame(calls: pd.DataFrame, study: Study, user: Any, since: str) -> pd.DataFrame:
    """Return every test of the mice of a response run, on the axis that is asked for.

    Parameters
    ----------
    calls : pandas.DataFrame
        As `response_frame`.
    since : {"test", "first-test", "first-dose"}
        ``x`` is the test's number, or whole days by the laboratory's clock from the mouse's first test or its first
        dose that was given; missing where a date is.
    """
    columns = {"mouse_id": "mouse_id", "test_number": "test_number", "test_at": "test_at", "si_ratio": "si_ratio"}
    rows = included_tests(study).filter(mouse__in=list(calls["mouse_id"])).order_by("mouse__code", "test_number")
    tests = read_frame(rows, columns)
    tests = tests.join(calls.set_index("mouse_id")[["mouse", "panel", "response", "url"]], on="mouse_id")
    if since == "test":
        return tests.assign(x=tests["test_number"])
    days = _local_days(tests["test_at"])
    if since == "first-test":
        start = days.groupby(tests["mouse_id"]).transform("min")
    else:
        given = Dose.objects.visible_to(user).filter(study=study, given_at__isnull=False).order_by()
        first = dict(given.values_list("mouse_id").annotate(first=Min("given_at")))
        start = _local_days(tests["mouse_id"].map(first))
    return tests.assign(x=(days - start).dt.days.astype(float))


def _local_days(instants: pd.Series) -> pd.Series:
    """Return the days of instants by the laboratory's clock."""
    local = pd.to_datetime(instants, utc=True).dt.tz_convert(timezone.get_current_timezone_name())
    return local.dt.tz_localize(None).dt.normalize()


def phenotypes_read_by(run: AnalysisRun) -> dict[int, str]:
    """Return the phenotype of each mouse as the run read it."""
    return dict(_calls_read_by(run).values_list("mouse_id", "phenotype"))


def _calls_read_by(run: AnalysisRun) -> QuerySet[PhenotypeCall]:
    read = run.depends_on.filter(task="phenotype").select_related("same_as").first()
    return read.results_run.phenotypecalls.all() if read else PhenotypeCall.objects.none()


def gene_frame(run: AnalysisRun, contrast: Contrast, region: BrainRegion) -> pd.DataFrame:
    """Return all genes of one contrast in one region."""
    columns = {
        "gene__symbol": "symbol", "gene__gene_id": "gene_id", "log2_fold_change": "log2_fold_change",
        "average_expression": "average_expression", "p_value": "p_value", "adj_p_value": "adj_p_value",
    }  # fmt: skip
    rows = GeneResult.objects.filter(run=run, contrast=contrast, region=region).order_by()
    genes = read_frame(rows, columns)
    genes["gene"] = genes["symbol"].where(genes["symbol"] != "", genes["gene_id"])
    genes["url"] = gene_urls(genes["gene"])
    return genes.drop(columns=["symbol", "gene_id"])


def reversal_frame(run: AnalysisRun) -> pd.DataFrame:
    """Return every reversal of a run; ``refusal`` is the sentence that stands where a number is missing."""
    numbers = [
        "fraction_undone", "fraction_undone_low", "fraction_undone_high", "p_value", "p_floor", "n_relabelings",
        "cosine", "cosine_null_mean", "n_control", "n_stress", "n_treated", "estimand", "response", "messages",
    ]  # fmt: skip
    columns = {"pk": "pk", "region__code": "region", "arm": "arm", **{name: name for name in numbers}}
    rows = read_frame(run.signaturereversals.order_by("region_id", "arm", "pk"), columns)
    rows["refusal"] = [messages.replace("\n", " ") for messages in rows.pop("messages")]
    rows["url"] = [reverse("reversal-page", args=[pk]) for pk in rows["pk"]]
    return rows


def score_frame(run: AnalysisRun, arm: str = "") -> pd.DataFrame:
    """Return the scores of a run, or of one arm's comparisons; ``si_ratio`` is that of the mouse's last test.

    ``is_treated`` marks mice of the arm itself: controls and susceptible mice anchor the axis.
    """
    columns = {
        "mouse_id": "mouse_id", "mouse__code": "mouse", "region__code": "region", "arm": "arm", "group": "group",
        "score": "score", "low": "low", "high": "high", "reason": "reason", "reversal_id": "reversal",
    }  # fmt: skip
    rows = run.mousereversalscores.order_by("region_id", "arm", "group", "mouse__code")
    scores = read_frame(rows.filter(arm=arm) if arm else rows, columns)
    tests = included_tests(run.study).order_by("test_number")
    scores["si_ratio"] = scores["mouse_id"].map(dict(tests.values_list("mouse_id", "si_ratio"))).astype(float)
    scores["is_treated"] = [
        group.startswith(f"{arm} ") for group, arm in zip(scores["group"], scores["arm"], strict=True)
    ]
    scores["url"] = mouse_urls(run.study.code, scores["mouse"])
    return scores


def has_weighings(study: Study) -> bool:
    """Whether any mouse of a study was weighed."""
    return Weighing.objects.filter(study=study).exists()


def body_mass_frame(study: Study, phenotypes: dict[int, str], mouse: Mouse | None = None) -> pd.DataFrame:
    """Return every weighing (of one mouse) with its day from the cohort's start, else from the first weighing."""
    columns = {
        "mouse_id": "mouse_id", "mouse__code": "mouse", "mouse__group": "group", "body_mass_g": "body_mass_g",
        "performed_at": "performed_at", "mouse__cohort__start_date": "start_date",
    }  # fmt: skip
    rows = Weighing.objects.filter(study=study).order_by("performed_at")
    rows = rows.filter(mouse=mouse) if mouse else rows
    weighings = read_frame(rows, columns)
    if weighings.empty:
        return weighings.assign(day=[], url=[])
    days = _local_days(weighings["performed_at"])
    first = days.groupby(weighings["mouse_id"]).transform("min")
    start = pd.to_datetime(weighings["start_date"]).fillna(first)
    called = weighings["mouse_id"].map(phenotypes)
    weighings["group"] = called.fillna(weighings["group"]).replace("", "no group")
    return weighings.assign(day=(days - start).dt.days, url=mouse_urls(study.code, weighings["mouse"]))
