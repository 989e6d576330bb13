"""From a list drawn by chance to records: a randomization, codes and their key, all through their forms or not at all.

A stored list is never changed. Late entrants make a further randomization that continues it; a new one replaces it,
and the old allocations stay, each with what superseded it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from secrets import choice, randbelow
from typing import Any

from django.db import transaction
from django.utils import timezone

from labdb.colony.models import Mouse, Study
from labdb.registry.batch import check_rows
from labdb.registry.former_names import history_model
from labdb.registry.forms import Conflict
from labdb.registry.import_report import CheckedSheet
from labdb.registry.import_storing import Storing, store_sheet
from labdb.registry.imports import import_dicts
from labdb.registry.plan_records import LARGEST_SEED, PlanRefused, Repeatable, stored_rows
from labdb.registry.record import record_for
from labdb.treatment.eligibility import ListedMouse
from labdb.treatment.models import Allocation, AllocationKey, Randomization, TreatmentArm
from labdb.treatment.randomization import (
    ALGORITHM_VERSION,
    BLOCKS,
    MINIMIZATION,
    STRATIFIED,
    Design,
    Drawn,
    Entrant,
    draw,
)

CODE_LETTERS = "BCDFGHJKMNPQRTVWXZ2346789"  # none that reads as another, no vowel: no code is a word
CODE_LENGTH = 4


@dataclass(frozen=True)
class ListInputs(Repeatable):
    """All that decides a list, beside its seed."""

    design: Design
    mice: tuple[ListedMouse, ...]
    cuts: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    algorithm_version: str = ALGORITHM_VERSION

    def draw(self, seed: int, *, n_before: int = 0) -> Drawn:
        """Draw the list; RandomizationError where there is none."""
        entrants = [Entrant(mouse.code, mouse.levels) for mouse in self.mice]
        return draw(entrants, self.design, seed, n_before=n_before)

    @classmethod
    def of_snapshot(cls, snapshot: str) -> "ListInputs":
        """Read a snapshot; PlanRefused where it is none of ours."""
        try:
            read = json.loads(snapshot)
            design: dict[str, Any] = {
                name: tuple(one) if isinstance(one, list) else one for name, one in read["design"].items()
            }
            mice = tuple(ListedMouse(**{**mouse, "levels": tuple(mouse["levels"])}) for mouse in read["mice"])
            cuts = {factor: (low, high) for factor, (low, high) in read["cuts"].items()}
            return cls(Design(**design), mice, cuts, read["algorithm_version"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PlanRefused(
                "It was not drawn here: no inputs are stored with which it could be drawn again."
            ) from error


@dataclass(frozen=True)
class Follows:
    """What a new list follows: the one that it continues, or the one that it replaces, and why."""

    continues: Randomization | None = None
    replaces: Randomization | None = None
    reason: str = ""


def store_list(
    study: Study,
    inputs: ListInputs,
    *,
    seed: int | None,
    user: Any,
    follows: Follows = Follows(),
    eligibility: str = "",
    phenotype_run: str = "",
) -> Randomization:
    """Draw a list and store it with its allocations and their key, all or nothing.

    Parameters
    ----------
    seed : int or None
        None lets the system choose it; a list that continues another has that one's.

    Raises
    ------
    RandomizationError, PlanRefused
        It cannot be drawn, or a record's form refuses it; the text is a sentence.
    """
    before = follows.continues
    n_before = len(ListInputs.of_snapshot(before.input_snapshot).mice) if before is not None else 0
    is_typed = before is None and seed is not None
    seed = before.seed if before is not None else randbelow(LARGEST_SEED + 1) if seed is None else seed
    if seed is None:
        raise PlanRefused(f"{before} has no seed, so that nothing can go on from it; randomize anew.")
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)  # two lists at once would draw the same mice
        drawn = inputs.draw(seed, n_before=n_before)
        made = {
            "code": _next_code(study), "seed": seed, "eligibility": eligibility, "phenotype_run": phenotype_run,
            "performed_at": timezone.now(), "algorithm_version": inputs.algorithm_version,
            "input_digest": inputs.digest, "input_snapshot": inputs.snapshot, "continues": before,
            "replaces": follows.replaces, "reason": follows.reason, **_method_words(inputs.design, is_seed_typed=is_typed),
        }  # fmt: skip
        stored = stored_rows(_import(Randomization, [made], user, study, follows.reason))[0]
        if follows.replaces is not None:
            _supersede(follows.replaces, stored, user, follows.reason)
        arms = dict(zip(drawn.mice[n_before:], drawn.arms[n_before:], strict=True))
        _allocate(study, arms, stored, user, follows.reason)
    return stored


def store_vehicle(study: Study, mice: Sequence[str], arm: TreatmentArm, *, user: Any) -> int:
    """Allocate mice (codes) to one arm without randomization and return their number."""
    if not mice:
        raise PlanRefused("No mouse is left that could get vehicle without randomization.")
    with transaction.atomic():
        _allocate(study, dict.fromkeys(mice, arm.name), None, user, "")
    return len(mice)


def chain_of(randomization: Randomization) -> list[Randomization]:
    """Return the lists that one goes on from, the first at the head, itself last."""
    chain = [randomization]
    while (before := chain[0].continues) is not None and before not in chain:
        chain.insert(0, before)
    return chain


def latest_of(randomization: Randomization) -> Randomization:
    """Return the end of the chain that a list is in."""
    known = {randomization.pk}
    while (
        after := Randomization.objects.filter(continues=randomization).first()
    ) is not None and after.pk not in known:
        known.add(after.pk)
        randomization = after
    return randomization


def replacement_of(randomization: Randomization) -> Randomization | None:
    """Return the randomization that replaced the chain of this one."""
    chain = chain_of(latest_of(randomization))
    return Randomization.objects.filter(replaces__in=[one.pk for one in chain]).first()


def _import(model: type[Any], rows: list[dict[str, Any]], user: Any, study: Study, reason: str) -> Any:
    return import_dicts(record_for(model), rows, user=user, study=study, door="web", reason=reason)


def _method_words(design: Design, *, is_seed_typed: bool) -> dict[str, str]:
    """Return what a reader of the record alone should know of the method; a seed that somebody chose is part of it."""
    parameters = ""
    if design.method in (BLOCKS, STRATIFIED):
        parameters = "blocks of " + " or ".join(str(size) for size in sorted(set(design.block_sizes)))
    if design.method == MINIMIZATION:
        weights = design.weights or (1,) * len(design.factors)
        weighed = ", ".join(f"{name} {weight}" for name, weight in zip(design.factors, weights, strict=True))
        chance = f"{design.best_arm_probability:g}"
        parameters = f"best arm with probability {chance}; {design.measure}; weights {weighed}"
    ratio = "; ".join(f"{arm} {share}" for arm, share in zip(design.arms, design.ratio, strict=True))
    return {
        "method": design.method, "ratio": ratio, "strata": "; ".join(design.factors),
        "parameters": "; ".join(filter(None, [parameters, "seed typed" if is_seed_typed else ""])),
    }  # fmt: skip


def _next_code(study: Study) -> str:
    taken = _codes_ever(Randomization, study)
    number = 1
    while f"R{number}" in taken:
        number += 1
    return f"R{number}"


def _supersede(old: Randomization, new: Randomization, user: Any, reason: str) -> None:
    """End what the old list and its continuations allocated, through the form of allocations."""
    chain = chain_of(latest_of(old))
    held = Allocation.objects.filter(Allocation.holding(), randomization__in=[one.pk for one in chain])
    rows = dict(enumerate(held.select_related("study", "mouse", "randomization").order_by("code"), start=1))
    if not rows:
        return
    texts = [(number, {"superseded_by": new}) for number in rows]
    record = record_for(Allocation)
    checked = check_rows(record, texts, user=user, study=new.study, word="row", stored=rows)
    for row in checked:
        for sentences in row.errors.values():
            raise PlanRefused(sentences[0])
    storing = Storing(user, "web", reason, new.study)
    try:
        with storing.history(None):
            store_sheet(CheckedSheet(record, checked), storing, None)
    except Conflict as conflict:
        raise PlanRefused(str(conflict)) from conflict


def _allocate(
    study: Study, arms: Mapping[str, str], randomization: Randomization | None, user: Any, reason: str
) -> None:
    """Write codes and their key in the order of the codes, which follows neither mouse nor arm."""
    mice = {mouse.code: mouse for mouse in Mouse.objects.filter(study=study, code__in=arms).select_related("study")}
    arm_named = {arm.name: arm for arm in TreatmentArm.objects.filter(study=study).select_related("study")}
    codes = dict(zip(_new_codes(study, len(arms)), arms, strict=True))
    allocations = [
        {"mouse": mice[mouse], "code": code, "randomization": randomization} for code, mouse in sorted(codes.items())
    ]
    stored = stored_rows(_import(Allocation, allocations, user, study, reason))
    keys = [{"allocation": one, "arm": arm_named[arms[codes[one.code]]]} for one in stored]
    stored_rows(_import(AllocationKey, keys, user, study, reason))


def _new_codes(study: Study, n: int) -> list[str]:
    """Return random codes that no allocation of the study has or had; no seed makes them again."""
    taken = _codes_ever(Allocation, study)
    codes: list[str] = []
    while len(codes) < n:
        code = "".join(choice(CODE_LETTERS) for _letter in range(CODE_LENGTH))
        if code not in taken:
            codes.append(code)
            taken.add(code)
    return codes


def _codes_ever(model: type[Any], study: Study) -> set[str]:
    """Return the codes that rows of a study have or had: one that is used again would lead old labels astray."""
    return set(history_model(model).objects.filter(study=study.pk).values_list("code", flat=True))
