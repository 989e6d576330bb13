"""A stored list drawn again from its inputs, and held against the allocations and their key: is it the same?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet

from labdb.colony.models import Mouse
from labdb.registry.former_names import rows_formerly
from labdb.registry.plan_records import PlanRefused, refuse_untrusted
from labdb.treatment.allocating import ListInputs, chain_of, latest_of, replacement_of
from labdb.treatment.eligibility import ListedMouse, with_levels
from labdb.treatment.models import AllocationKey, Randomization, TreatmentArm
from labdb.treatment.randomization import ALGORITHM_VERSION, RandomizationError


@dataclass(frozen=True)
class Repeated:
    """A list drawn again.

    Attributes
    ----------
    n, n_same : int
        Mice in the list; those whose stored arm is the one that was drawn.
    differences : tuple of str
        A sentence for each mouse that differs.
    """

    n: int
    n_same: int
    differences: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether every mouse has the arm that was drawn, and nobody else is allocated by the list."""
        return not self.differences

    @property
    def sentence(self) -> str:
        """Say what came out."""
        if self.is_same:
            return f"The same list, {self.n_same} of {self.n}."
        return f"Not the same list: {self.n_same} of {self.n} mice have the arm that was drawn."


def repeat(randomization: Randomization) -> Repeated:
    """Draw a list again from its stored inputs and compare it with what is stored.

    Raises
    ------
    PlanRefused
        It cannot be repeated: its inputs are missing or were changed, or another version of the algorithm drew it.
    """
    inputs = trusted_inputs(randomization)
    chain = chain_of(randomization)
    n_before = len(ListInputs.of_snapshot(chain[-2].input_snapshot).mice) if len(chain) > 1 else 0
    try:
        drawn = inputs.draw(randomization.seed or 0, n_before=n_before)
    except RandomizationError as error:
        raise PlanRefused(str(error)) from error
    mice = by_name(Mouse.objects.filter(study=randomization.study_id), drawn.mice)
    arms = by_name(TreatmentArm.objects.filter(study=randomization.study_id), inputs.design.arms)
    keys = AllocationKey.objects.filter(allocation__randomization__in=[one.pk for one in chain])
    stored = {key.allocation.mouse_id: key for key in keys.select_related("arm", "allocation__mouse")}
    differences = list(_differences(drawn.by_mouse, mice, arms, stored))
    in_list = {mouse.pk for mouse in mice.values()}
    others = [key for mouse, key in stored.items() if mouse not in in_list]
    n_same = len(drawn.mice) - len(differences)
    differences += [f"{key.allocation.mouse} was not drawn, and has {key.arm} by this list." for key in others]
    return Repeated(len(drawn.mice), n_same, tuple(differences))


def trusted_inputs(randomization: Randomization) -> ListInputs:
    """Return the inputs of a stored list, as they were when it was drawn; PlanRefused where they are not."""
    inputs = ListInputs.of_snapshot(randomization.input_snapshot)
    refuse_untrusted(randomization, inputs.algorithm_version, ALGORITHM_VERSION)
    return inputs


def continued_inputs(before: Randomization, late: Sequence[ListedMouse]) -> ListInputs:
    """Return the inputs of a list with late entrants at its end, who are parted by the cuts of the first mice.

    PlanRefused where the list does not hold any more, goes on elsewhere, or does not repeat.
    """
    if (replacement := replacement_of(before)) is not None:
        raise PlanRefused(f"{before} was replaced by {replacement}; late entrants go there.")
    if (latest := latest_of(before)) != before:
        raise PlanRefused(f"{before} goes on in {latest}; late entrants go there.")
    inputs = trusted_inputs(before)
    if not (repeated := repeat(before)).is_same:
        raise PlanRefused(f"{before} cannot go on, for drawn again it is another list. {repeated.differences[0]}")
    if not late:
        raise PlanRefused(f"No mouse is eligible that is not in {before} yet.")
    entered = with_levels(late, inputs.design.factors, dict(inputs.cuts))
    return replace(inputs, mice=(*inputs.mice, *entered))


def by_name(rows: QuerySet[Any], names: Iterable[str]) -> dict[str, Any]:
    """Return those of the rows that have, or once had, each of these names."""
    key = rows.model.key_field
    found = {str(getattr(row, key)): row for row in rows.filter(**{f"{key}__in": list(names)})}
    former = rows_formerly(rows, {name for name in names if name not in found})
    return found | {name: some[0] for name, some in former.items() if len(some) == 1}


def _differences(
    drawn: Mapping[str, str], mice: Mapping[str, Any], arms: Mapping[str, Any], stored: Mapping[int, Any]
) -> Iterable[str]:
    for code, arm in drawn.items():
        mouse = mice.get(code)
        key = stored.get(mouse.pk) if mouse is not None else None
        if mouse is None:
            yield f"{code} was drawn for {arm}, and there is no such mouse any more."
        elif key is None:
            yield f"{mouse} was drawn for {arm}, and the key says nothing of it."
        elif arm not in arms or key.arm_id != arms[arm].pk:
            yield f"{mouse} was drawn for {arm}, and has {key.arm} by the key."
