"""How much SI ratios of like mice differ in a study: what the mice of the next one are planned from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from django.utils.timezone import localtime

from analysis.kernels.power import WithinGroupSpread, within_group_spread
from analysis.tasks.si_tests import included_tests
from labdb.colony.models import Housing, Mouse, Study
from labdb.desk import measure_relations as relations


@dataclass(frozen=True)
class RatioSpread:
    """The spread of one SI test, and in words what like mice are."""

    spread: WithinGroupSpread
    within: str


def ratio_spread(study: Study, user: Any, test_number: int) -> RatioSpread:
    """Return how much the SI ratios of like mice differ, the cage a random effect where it can be estimated.

    Like are mice of one registered group in the first test (phenotypes are cut from its ratios), of one phenotype and, for
    whom arms are shown, one arm in a re-test. While a study is blinded no arm is looked at: from a spread within arms and
    the ratios one could tell who shares one.
    """
    ratios = relations.si_ratios(study, test_number)
    if test_number == min(relations.test_numbers(study), default=test_number):
        registered = dict(Mouse.objects.filter(pk__in=ratios.index.tolist()).values_list("pk", "group"))
        groups, within = {mouse: group for mouse, group in registered.items() if group}, "group as registered"
    else:
        called = relations.groups_of(study, ratios.index)
        groups, within = dict(called.of_mice), "phenotype" if called.run else "group as registered"
        arms = {} if study.is_blinded else relations.arms_of(study, user, ratios.index).of_mice
        if arms:
            groups, within = (
                {mouse: f"{group}, {arms.get(mouse, '')}" for mouse, group in groups.items()},
                f"{within} and arm",
            )
        elif study.is_blinded:
            within += " (arms are not looked at while the study is blinded, so that what they did is part of it)"
    known = ratios[ratios.index.isin(list(groups))]
    return RatioSpread(within_group_spread(known, pd.Series(groups, dtype=object), _cages(study, test_number)), within)


def _cages(study: Study, test_number: int) -> pd.Series | None:
    """Return the cage of each mouse on the day of its test; None where no cage is recorded."""
    tests = included_tests(study).filter(test_number=test_number).values_list("mouse_id", "test_at")
    days: Mapping[int, Any] = {mouse: localtime(at).date() if at else None for mouse, at in tests}
    lived: dict[int, int] = {}
    housed = Housing.objects.filter(study=study, cage__isnull=False, mouse__in=list(days)).order_by("housed_from", "pk")
    for mouse, cage, begun in housed.values_list("mouse_id", "cage_id", "housed_from"):
        if mouse not in lived or days[mouse] is None or begun <= days[mouse]:
            lived[mouse] = cage
    return pd.Series(lived, dtype=object) if lived else None
