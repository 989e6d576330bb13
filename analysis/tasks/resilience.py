"""Task `resilience`: does a drug make mice like resilient ones, and where do they lie between the three phenotypes?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.kernels.adjusting import benjamini_hochberg
from analysis.kernels.phenotype import CONTROL, RESILIENT, SUSCEPTIBLE
from analysis.kernels.phenotype_plane import MESSAGES, PhenotypePlane, phenotype_plane
from analysis.kernels.reversal_messages import MIN_GROUP_SIZE
from analysis.kernels.signature_test import SignatureTest, signature_test
from analysis.models import AnalysisRun, PlaneGroup, PlaneMouse, ResilienceInduction
from analysis.progress import Progress
from analysis.tasks import arm_comparisons
from analysis.tasks.arm_comparisons import TREATED, ArmComparisons
from analysis.tasks.matrices import MATRIX
from analysis.tasks.reversal_differences import REFUSED
from analysis.tasks.task import Loaded, Parameter, Parameters, Task, rows_of, whole_number
from labdb.colony.models import Study

PLACE_COLUMNS = ["susceptible", "susceptible_se", "resilient", "resilient_se"]
INTERVALS = ["susceptible_low", "susceptible_high", "resilient_low", "resilient_high"]
NO_GROUP_TO_PLACE = f"No treated group has {MIN_GROUP_SIZE} mice here; there is nothing to place."


@dataclass(frozen=True)
class Inputs:
    """The comparisons, and how relabelings are drawn."""

    comparisons: ArmComparisons
    seed: int
    n_random: int


@dataclass(frozen=True)
class Induction:
    """One arm in one region; ``sizes``: control, resilient, susceptible, treated."""

    region: str
    arm: str
    sizes: tuple[int, int, int, int]
    test: SignatureTest


@dataclass(frozen=True)
class RegionPlane:
    """The plane of one region, and the sizes of the groups that were to be placed in it."""

    region: str
    sizes: dict[str, int]
    plane: PhenotypePlane


@dataclass(frozen=True)
class Found:
    """What was asked of every region."""

    inductions: list[Induction]
    planes: list[RegionPlane]


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read the comparisons."""
    loaded = arm_comparisons.load(study, parameters)
    return Loaded(Inputs(loaded.inputs, parameters["seed"], parameters["n_random"]), loaded.reads, loaded.notes)


def compute(inputs: Inputs, progress: Progress) -> Found:
    """Test induction by every arm and place every mouse, region by region."""
    comparisons = inputs.comparisons
    found = Found([], [])
    for number, region in enumerate(comparisons.regions):
        progress.show(number, len(comparisons.regions), region)
        expression = comparisons.expression(region)
        for arm in comparisons.arms:
            found.inductions.append(_induction(inputs, expression, region, arm))
            progress.note(_sentence(found.inductions[-1]))
        found.planes.append(_plane(inputs, expression, region))
        progress.note(f"{region}, plane: {_plane_sentence(found.planes[-1])}")
    return found


def _induction(inputs: Inputs, expression: pd.DataFrame, region: str, arm: str) -> Induction:
    groups = inputs.comparisons.groups(region, arm)
    control, resilient, stress, treated = (
        int((groups == name).sum()) for name in (CONTROL, RESILIENT, SUSCEPTIBLE, TREATED)
    )
    test = signature_test(
        expression, groups, signature=(RESILIENT, CONTROL), between=(TREATED, SUSCEPTIBLE),
        pools=inputs.comparisons.pools(region), seed=inputs.seed, n_random=inputs.n_random,
    )  # fmt: skip
    return Induction(region, arm, (control, resilient, stress, treated), test)


def _sentence(one: Induction) -> str:
    parts = list(one.test.sentences)
    if one.test.share is not None and one.test.share_interval is not None:
        low, high = one.test.share_interval
        p_value = "" if one.test.p_value is None else f", p {one.test.p_value:.4g} (floor {one.test.p_floor:.4g})"
        parts.insert(
            0, f"share of the resilience signature induced {one.test.share:.2f} ({low:.2f} to {high:.2f}){p_value}"
        )
    return f"{one.region}, {one.arm}: {'; '.join(parts)}"


def _plane(inputs: Inputs, expression: pd.DataFrame, region: str) -> RegionPlane:
    comparisons = inputs.comparisons
    groups = comparisons.outcomes(region)
    for arm in comparisons.arms:
        drug = comparisons.is_of(region, arm)
        if (groups[drug].value_counts() < MIN_GROUP_SIZE).any():  # the whole arm, where a part of it is too small
            groups = groups.mask(drug, arm)
    is_treated = pd.concat([comparisons.is_of(region, arm) for arm in comparisons.arms], axis="columns").any(axis=1)
    counted = groups[is_treated].value_counts().sort_index()
    sizes = {str(group): int(n) for group, n in counted.items()}
    placed = [group for group, n in sizes.items() if n >= MIN_GROUP_SIZE]
    if not placed:
        return RegionPlane(region, sizes, PhenotypePlane())
    plane = phenotype_plane(
        expression, groups, treated=placed, pools=comparisons.pools(region), seed=inputs.seed
    )  # fmt: skip
    return RegionPlane(region, sizes, plane)


def _plane_sentence(one: RegionPlane) -> str:
    if one.plane.groups is None:
        return " ".join(one.plane.sentences) or NO_GROUP_TO_PLACE
    places = (
        f"{group} {row.susceptible:.2f} susceptible, {row.resilient:.2f} resilient"
        for group, row in one.plane.groups.iterrows()
    )
    return "; ".join([*places, *one.plane.sentences])


def store(run: AnalysisRun, inputs: Inputs, found: Found) -> None:
    """Write one row an arm and region, a group and region, a mouse and region."""
    adjusted = benjamini_hochberg([one.test.p_value for one in found.inductions])
    ResilienceInduction.objects.bulk_create(
        _induction_row(run, inputs.comparisons, one, q) for one, q in zip(found.inductions, adjusted, strict=True)
    )
    for plane in found.planes:
        PlaneGroup.objects.bulk_create(_group_rows(run, inputs.comparisons, plane))
        PlaneMouse.objects.bulk_create(_mouse_rows(run, inputs.comparisons, plane))


def _induction_row(
    run: AnalysisRun, comparisons: ArmComparisons, one: Induction, adj_p_value: float | None
) -> ResilienceInduction:
    test = one.test
    low, high = test.share_interval or (None, None)
    n_control, n_resilient, n_stress, n_treated = one.sizes
    return ResilienceInduction(
        study_id=run.study_id, run=run, matrix_id=comparisons.matrix_id, region_id=comparisons.regions[one.region],
        arm=one.arm, n_control=n_control, n_resilient=n_resilient, n_stress=n_stress, n_treated=n_treated,
        share_induced=test.share, share_induced_se=test.share_se, share_induced_low=low, share_induced_high=high,
        p_value=test.p_value, p_floor=test.p_floor, adj_p_value=adj_p_value, n_relabelings=test.n_relabelings,
        n_relabelings_available=test.n_relabelings_available, cosine=test.cosine, p_signature=test.p_signature,
        refusal=_refusal(test.messages), messages="\n".join(test.sentences),
    )  # fmt: skip


def _refusal(messages: tuple[str, ...]) -> str:
    return next((code for code in messages if code.startswith(REFUSED)), "")


def _group_rows(run: AnalysisRun, comparisons: ArmComparisons, one: RegionPlane) -> Iterator[PlaneGroup]:
    plane = one.plane
    for group, n_mice in one.sizes.items():
        known = plane.groups is not None and group in plane.groups.index
        numbers: dict[str, Any] = {}
        if plane.groups is not None and known:
            numbers = next(rows_of(plane.groups.loc[[group], PLACE_COLUMNS + INTERVALS]))
        said = "\n".join(plane.sentences) if known or plane.messages else NO_GROUP_TO_PLACE
        if not known and plane.groups is not None:
            said = MESSAGES["REFUSED_TOO_FEW"]
        yield PlaneGroup(
            study_id=run.study_id, run=run, matrix_id=comparisons.matrix_id,
            region_id=comparisons.regions[one.region], group=group, n=n_mice, **numbers,
            axis_cosine=plane.axis_cosine, refusal="" if known else next(iter(plane.messages), "REFUSED_TOO_FEW"),
            messages=said,
        )  # fmt: skip


def _mouse_rows(run: AnalysisRun, comparisons: ArmComparisons, one: RegionPlane) -> Iterator[PlaneMouse]:
    if one.plane.mice is None:
        return
    mice = one.plane.mice
    libraries = comparisons.libraries.loc[mice.index]
    frame = mice[[*PLACE_COLUMNS, "reason"]].assign(
        library_id=libraries["library"], mouse_id=libraries["mouse"], group=libraries["outcome"]
    )
    region_id = comparisons.regions[one.region]
    for row in rows_of(frame):
        yield PlaneMouse(study_id=run.study_id, run=run, region_id=region_id, **row)


TASK = Task(
    name="resilience",
    parameters={
        "seed": Parameter(0, whole_number(0), "Of the random relabelings."),
        "n_random": Parameter(1_999, whole_number(19), "Random relabelings, where more than 5000 exist."),
        "matrix": MATRIX,
    },
    missing=arm_comparisons.missing,
    load=load,
    compute=compute,
    store=store,
)
