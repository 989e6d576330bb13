"""From a plan of pools to records: libraries in their pools, lanes with planned reads, and the plan itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from labdb.colony.models import Study
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import import_dicts, import_rows
from labdb.registry.natural_order import natural
from labdb.registry.plan_records import PlanRefused, Repeatable, stored_rows
from labdb.registry.record import record_for
from labdb.sequencing.library_facts import lane_names
from labdb.sequencing.models import Library, LibraryRun, PoolPlan, SequencingRun
from labdb.sequencing.pool_plan import ALGORITHM, Evenness, PoolDesign, PooledLibrary, deal, evenness, faults

HIDDEN = "not shown"  # a level in a snapshot that whoever reads it must not know
CHANGED = "Libraries were changed since you looked; look at the plan again, then store it."


@dataclass(frozen=True)
class Lanes:
    """Where the pools are to be sequenced.

    Attributes
    ----------
    lanes : tuple of str
        Of the run; empty where the whole run or none is meant.
    is_spread : bool
        Every pool on every lane, instead of each on lanes of its own.
    reads_million : float or None
        Planned per library, over all its lanes.
    """

    run: str = ""
    lanes: tuple[str, ...] = ()
    is_spread: bool = False
    reads_million: float | None = None

    def of_pools(self, n_pools: int) -> list[list[str]]:
        """Return the lanes of each pool, dealt in turn; one empty text stands for the whole run."""
        if not self.run:
            return [[] for _pool in range(n_pools)]
        lanes = self.lanes or ("",)
        if self.is_spread:
            return [list(lanes) for _pool in range(n_pools)]
        if n_pools >= len(lanes):
            return [[lanes[pool % len(lanes)]] for pool in range(n_pools)]
        return [list(lanes[pool::n_pools]) for pool in range(n_pools)]

    def meets(self, n_pools: int) -> tuple[int, ...]:
        """Return a number per pool: pools of one number meet on a lane."""
        if not self.run:
            return tuple(range(n_pools))
        firsts = [lanes[0] for lanes in self.of_pools(n_pools)]
        return tuple(firsts.index(lane) for lane in firsts)


@dataclass(frozen=True)
class PoolInputs(Repeatable):
    """All that decides a plan, beside its seed."""

    design: PoolDesign
    libraries: tuple[PooledLibrary, ...]
    lanes: Lanes
    algorithm_version: str = ALGORITHM

    def faults(self) -> list[str]:
        """Return why it cannot be dealt, each a sentence."""
        return faults(self.libraries, self.design)

    def deal(self, seed: int) -> list[str]:
        """Return the pool of each library; PlanRefused where there is none."""
        try:
            return deal(self.libraries, self.design, seed)
        except ValueError as error:
            raise PlanRefused(str(error)) from error

    def evenness(self, pools: Sequence[str]) -> list[Evenness]:
        """Return how even each factor came out."""
        return evenness(self.libraries, self.design, pools)

    def without(self, hidden: frozenset[str]) -> "PoolInputs":
        """Return the inputs as others may read them: no level of these factors."""
        places = [place for place, factor in enumerate(self.design.factors) if factor in hidden]
        shown = tuple(
            replace(one, levels=tuple(HIDDEN if place in places else level for place, level in enumerate(one.levels)))
            for one in self.libraries
        )
        return replace(self, libraries=shown)

    @classmethod
    def of_snapshot(cls, snapshot: str) -> "PoolInputs":
        """Read a snapshot; PlanRefused where it is none of ours."""
        try:
            read = json.loads(snapshot)
            design = PoolDesign(**{name: tuple(value) for name, value in read["design"].items()})
            libraries = tuple(
                PooledLibrary(one["code"], tuple(one["levels"]), one["index"]) for one in read["libraries"]
            )
            lanes = Lanes(**{**read["lanes"], "lanes": tuple(read["lanes"]["lanes"])})
            return cls(design, libraries, lanes, read["algorithm_version"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PlanRefused("It was not planned here: no inputs are stored to plan it again from.") from error


def again(plan: PoolPlan, levels: Mapping[str, Mapping[str, str]] | None = None) -> dict[str, str]:
    """Deal a stored plan anew and return the pool by library; PlanRefused where that is not possible.

    Parameters
    ----------
    levels : mapping, optional
        By factor that the snapshot hides, the level of each library (by code).
    """
    inputs = PoolInputs.of_snapshot(plan.input_snapshot)
    shown = tuple(
        replace(
            one,
            levels=tuple(
                (levels or {}).get(factor, {}).get(one.code, level) if level == HIDDEN else level
                for factor, level in zip(inputs.design.factors, one.levels, strict=True)
            ),
        )
        for one in inputs.libraries
    )
    inputs = replace(inputs, libraries=shown)
    if inputs.digest != plan.input_digest or plan.seed is None:
        raise PlanRefused("Its inputs are not all known here, so it cannot be dealt again.")
    return dict(zip((one.code for one in shown), inputs.deal(plan.seed), strict=True))


def store_plan(
    study: Study, inputs: PoolInputs, seed: int, *, user: Any, hidden: frozenset[str] = frozenset(), reason: str = ""
) -> PoolPlan:
    """Deal and store everything through the forms of the records, all or nothing.

    Parameters
    ----------
    hidden : frozenset of str
        Factors whose levels are left out of the stored snapshot.

    Raises
    ------
    PlanRefused
        It cannot be dealt, or a record's form refuses it; the text is a sentence.
    """
    pools = inputs.deal(seed)
    pool_of = dict(zip((one.code for one in inputs.libraries), pools, strict=True))
    lanes_of = dict(zip(inputs.design.pools, inputs.lanes.of_pools(len(inputs.design.pools)), strict=True))
    made = {
        "code": _next_code(study), "factors": "; ".join(inputs.design.factors), "n_pools": len(inputs.design.pools),
        "n_libraries": len(pools), "seed": seed, "planned_at": timezone.now(), "evenness": evenness_words(inputs.evenness(pools)),
        "lanes": lane_names((inputs.lanes.run, lane) for lane in sorted({one for some in lanes_of.values() for one in some}, key=natural)),
        "algorithm_version": inputs.algorithm_version, "input_digest": inputs.digest,
        "input_snapshot": inputs.without(hidden).snapshot,
    }  # fmt: skip
    with transaction.atomic():
        Study.objects.select_for_update(no_key=True).get(pk=study.pk)  # two plans at once would take the same code
        plan = stored_rows(_import(PoolPlan, [made], user, study, reason))[0]
        rows = [(number, [code, pool]) for number, (code, pool) in enumerate(pool_of.items(), start=1)]
        stored_rows(
            import_rows(record_for(Library), ["code", "pool"], rows, user=user, study=study, reason=reason, door="web")
        )
        if inputs.lanes.run:
            _store_lanes(study, inputs.lanes, pool_of, lanes_of, user, reason)
    return plan


def _store_lanes(
    study: Study,
    lanes: Lanes,
    pool_of: Mapping[str, str],
    lanes_of: Mapping[str, Sequence[str]],
    user: Any,
    reason: str,
) -> None:
    run = SequencingRun.objects.get(code=lanes.run)
    libraries = {one.code: one for one in Library.objects.filter(study=study, code__in=pool_of).select_related("study")}
    rows = []
    for code, pool in pool_of.items():
        for lane in lanes_of[pool]:
            reads = lanes.reads_million / len(lanes_of[pool]) if lanes.reads_million else None
            rows.append({"library": libraries[code], "run": run, "lane": lane, "planned_reads_million": reads})
    stored_rows(_import(LibraryRun, rows, user, study, reason))


def _import(model: type[Any], rows: list[dict[str, Any]], user: Any, study: Study, reason: str) -> ImportReport:
    return import_dicts(record_for(model), rows, user=user, study=study, door="web", reason=reason)


def _next_code(study: Study) -> str:
    taken = set(PoolPlan.objects.filter(study=study).values_list("code", flat=True))
    number = 1
    while f"PLAN{number}" in taken:
        number += 1
    return f"PLAN{number}"


def evenness_words(found: Sequence[Evenness]) -> str:
    """Say how even each factor is: ``group 0.5 (0.5); sex 1 (0)``."""
    return "; ".join(f"{one.factor} {one.worst:.2g} ({one.least:.2g})" for one in found)
