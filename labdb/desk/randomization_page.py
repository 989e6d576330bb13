"""One randomization: how it was drawn, how alike its arms came out, and the same list drawn again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from altair.utils.schemapi import debug_mode as altair_checks
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analysis.figure_views import Drawn, FigureError, refuse_figure, require_format, send_figure
from analysis.figures.balance import arm_balance
from analysis.links import storable
from labdb.colony.models import Mouse, Study
from labdb.registry.natural_order import natural
from labdb.registry.permissions import may
from labdb.registry.plan_records import PlanRefused
from labdb.treatment.allocating import ListInputs, chain_of, latest_of, replacement_of
from labdb.treatment.balance import NOTICEABLE, SMALL, Balance, balance_of, counts_of
from labdb.treatment.eligibility import COUNTED, MEASURED
from labdb.treatment.models import AllocationKey, Randomization
from labdb.treatment.repeating import by_name, repeat

FIGURE_TITLE = "How alike the arms are"


@dataclass(frozen=True)
class ListBalance:
    """The arms of a list side by side, the reference first."""

    arms: list[str]
    n: list[int]
    measures: list[Balance]
    counts: list[tuple[str, list[tuple[str, list[int]]]]]


@require_safe
@never_cache
def randomization(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Answer the page of a randomization; with ``?repeat`` it is drawn again."""
    found = _found(request, code, pk)
    chain = chain_of(found)
    keys = list(_keys(chain, request.user))
    balance, sentence = None, ""
    try:
        balance = read_balance(ListInputs.of_snapshot(found.input_snapshot), keys)
    except PlanRefused as error:
        sentence = str(error)
    words = {
        "study": found.study, "randomization": found, "chain": chain, "balance": balance, "no_balance": sentence,
        "keys": sorted(keys, key=lambda key: natural(key.allocation.mouse.code)),
        "latest": latest_of(found), "replacement": replacement_of(found), "lines": (SMALL, NOTICEABLE),
        "figure": {"title": FIGURE_TITLE, "url": reverse("randomization-figure", args=[code, pk, "html"])},
        "may_add": may(request.user, "add", Randomization, found.study),
        **(_repeated(found) if "repeat" in request.GET else {}),
    }  # fmt: skip
    return render(request, "desk/randomization.html", words)


@require_safe
def randomization_figure(request: HttpRequest, code: str, pk: int, file_format: str) -> HttpResponse:
    """Answer the balance as a figure, for the page or as a file."""
    found = _found(request, code, pk)
    try:
        require_format(file_format)
        drawn = _drawn(found, request.user)
    except FigureError as error:
        return refuse_figure(error)
    except PlanRefused as error:
        return refuse_figure(FigureError(str(error), 404))
    return send_figure(request, FIGURE_TITLE, drawn, request.path, (found.study.code, found.code, "balance"))


def _found(request: HttpRequest, code: str, pk: int) -> Randomization:
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    seen = Randomization.objects.visible_to(request.user).select_related("study", "continues", "replaces", "created_by")
    return get_object_or_404(seen, study=study, pk=pk)


def _keys(chain: list[Randomization], user: Any) -> Any:
    keys = AllocationKey.objects.visible_to(user).filter(allocation__randomization__in=[one.pk for one in chain])
    return keys.select_related("arm", "allocation__mouse__study", "allocation__randomization")


def read_balance(inputs: ListInputs, keys: list[AllocationKey]) -> ListBalance:
    """Compare the arms of a list, as stored in its key, in what was known when it was drawn."""
    stored = {key.allocation.mouse_id: key.arm.name for key in keys}
    rows = by_name(Mouse.objects.filter(pk__in=stored), [mouse.code for mouse in inputs.mice])
    mice = [mouse for mouse in inputs.mice if mouse.code in rows]
    arms = [stored[rows[mouse.code].pk] for mouse in mice]
    drawn = [arm for arm in inputs.design.arms if arm in arms]
    order = [*drawn, *sorted(set(arms) - set(drawn), key=natural)]
    return ListBalance(
        order,
        [arms.count(arm) for arm in order],
        [balance_of(label, [getattr(one, name) for one in mice], arms, order) for name, label in MEASURED.items()],
        [(label, counts_of([getattr(one, name) for one in mice], arms, order)) for name, label in COUNTED.items()],
    )


def _drawn(found: Randomization, user: Any) -> Drawn:
    keys = list(_keys(chain_of(found), user))
    balance = read_balance(ListInputs.of_snapshot(found.input_snapshot), keys)
    rows = [
        (measure.name, one.arm, one.other, one.smd, one.by_chance)
        for measure in balance.measures
        for one in measure.differences
        if one.smd is not None
    ]
    frame = pd.DataFrame(rows, columns=["measure", "arm", "versus", "smd", "by_chance"])
    with altair_checks(False):
        chart = arm_balance(frame, (SMALL, NOTICEABLE))
    caption = (
        f"n = {sum(balance.n)} mice. Dashed: {SMALL} and {NOTICEABLE}, the lines in use. Gray: where 95 of 100 "
        "differences of arms of this size lie by chance alone."
    )
    return Drawn(chart, caption)


def _repeated(found: Randomization) -> Mapping[str, Any]:
    try:
        return {"repeated": repeat(found)}
    except PlanRefused as error:
        return {"not_repeated": str(error)}
