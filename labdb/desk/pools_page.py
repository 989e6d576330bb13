"""Pools and lanes: how groups lie in them now, and a plan that keeps them even, looked at before it is stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from secrets import randbelow
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from labdb.colony.models import Study
from labdb.desk.library_crossings import ARM, WITHIN, Crossing, Libraries
from labdb.desk.pools_form import PoolsForm
from labdb.registry.forms import forbidden_sentence
from labdb.registry.permissions import may
from labdb.registry.plan_records import LARGEST_SEED, PlanRefused
from labdb.sequencing.library_facts import BATCH, LANE, POOL, REGION, index_of, lane_names
from labdb.sequencing.models import Library, LibraryRun, PoolPlan, SequencingRun
from labdb.sequencing.pool_plan import Evenness, PoolDesign, PooledLibrary
from labdb.sequencing.pooling import CHANGED, PoolInputs, again, store_plan

RUN = "run"
NO_REASON = "Group and pool go together in this plan; say why it is stored all the same, or change it."


@dataclass(frozen=True)
class Preview:
    """A plan before it is stored."""

    inputs: PoolInputs
    seed: int
    pools: list[tuple[str, list[str], str]]  # name, libraries, lanes
    evenness: list[Evenness]
    crossings: list[Crossing]

    @property
    def sentences(self) -> list[str]:
        """What goes together that should not."""
        return [sentence for one in self.crossings for sentence in one.sentences]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def pools(request: HttpRequest, code: str) -> HttpResponse:
    """Show how groups lie in pools, plan pools, and store a plan."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    if not may(request.user, "view", Library, study):
        raise PermissionDenied(forbidden_sentence("view", Library, study))
    page = PoolsPage(request, study)
    return page.answer() if request.method == "POST" else page.show()


class PoolsPage:
    """One request to the page."""

    def __init__(self, request: HttpRequest, study: Study) -> None:
        self.request, self.study = request, study
        self.libraries = Libraries(study, request.user)

    @property
    def may_plan(self) -> bool:
        """Whether this account may store a plan."""
        rights = (("change", Library), ("add", LibraryRun), ("add", PoolPlan))
        return all(may(self.request.user, action, model, self.study) for action, model in rights)

    def answer(self) -> HttpResponse:
        """Show the plan that was asked for, or store it."""
        if not self.may_plan:
            raise PermissionDenied(forbidden_sentence("add", PoolPlan, self.study))
        form = self._form(self.request.POST)
        if not form.is_valid():
            return self.show(form, sentences=form.sentences, status=400)
        try:
            preview = self._preview(form)
        except PlanRefused as refused:
            return self.show(form, sentences=[str(refused)], status=409)
        if "save" not in self.request.POST:
            return self.show(form, preview=preview)
        if self.request.POST.get("digest") != preview.inputs.digest:
            return self.show(form, preview=preview, sentences=[CHANGED], status=409)
        reason = form.cleaned_data["reason"]
        if preview.sentences and not reason:
            return self.show(form, preview=preview, sentences=[NO_REASON], status=400)
        return self._store(form, preview, reason)

    def _store(self, form: PoolsForm, preview: Preview, reason: str) -> HttpResponse:
        hidden = frozenset({ARM, f"{ARM}{WITHIN}"}) if self.study.is_blinded else frozenset[str]()
        user = self.request.user
        try:
            plan = store_plan(self.study, preview.inputs, preview.seed, user=user, hidden=hidden, reason=reason)
        except PlanRefused as refused:
            return self.show(form, preview=preview, sentences=[str(refused)], status=409)
        messages.success(self.request, f"{plan} stored: {plan.n_libraries} libraries in {_pools_word(plan.n_pools)}.")
        return redirect("pools-page", self.study.code)

    def show(
        self,
        form: PoolsForm | None = None,
        *,
        preview: Preview | None = None,
        sentences: Sequence[str] = (),
        status: int = 200,
    ) -> HttpResponse:
        """Show the pools as they are, the form, and the plan if there is one."""
        waiting, pooled = self._eligible(pooled_too=False), self._eligible(pooled_too=True)
        words = {
            "study": self.study,
            "form": form or self._form(),
            "may_plan": self.may_plan,
            "n_waiting": len(waiting),
            "n_pooled": len(pooled) - len(waiting),
            "crossings": self._as_they_are(),
            "runs": list(SequencingRun.objects.filter(library_lanes__study=self.study).distinct().order_by("code")),
            "plans": [(plan, self._now(plan) if self._is_asked(plan) else "") for plan in self._plans()],
            "preview": preview,
            "sentences": sentences,
            "knows_arms": self.libraries.knows_arms,
        }
        return render(self.request, "desk/pools.html", words, status=status)

    def _form(self, data: Any = None) -> PoolsForm:
        regions = sorted({levels[REGION] for levels in self.libraries.levels.values()})
        return PoolsForm(self.libraries.factors, regions, self.request.user, data)

    def _eligible(self, *, pooled_too: bool, regions: Iterable[str] = ()) -> list[Any]:
        """Return the libraries that can be dealt: on no run yet, and in no pool unless these are dealt anew."""
        chosen = set(regions)
        return [
            one
            for one in self.libraries.rows
            if one.pk not in self.libraries.lanes
            and (pooled_too or not one.pool)
            and (not chosen or self.libraries.levels[one.pk][REGION] in chosen)
        ]

    def _preview(self, form: PoolsForm) -> Preview:
        said = form.cleaned_data
        rows = self._eligible(pooled_too=said["pooled_too"], regions=said["regions"])
        n_pools, where, factors = form.pool_count(len(rows)), form.where(), form.kept_even()
        taken = {one.pool for one in self.libraries.rows} - (
            {one.pool for one in rows} if said["pooled_too"] else set()
        )
        design = PoolDesign(factors, tuple(_names(said["names"], n_pools, taken)), where.meets(n_pools))
        dealt = tuple(
            PooledLibrary(one.code, tuple(self.libraries.level(one, factor) for factor in factors), index_of(one))
            for one in rows
        )
        inputs = PoolInputs(design, dealt, where)
        if wrong := inputs.faults():
            raise PlanRefused(" ".join(wrong))
        seed = randbelow(LARGEST_SEED + 1) if said["seed"] is None else said["seed"]
        pools = inputs.deal(seed)
        pool_of = {one.pk: pool for one, pool in zip(rows, pools, strict=True)}
        by_pool: dict[str, list[str]] = {name: [] for name in design.pools}
        for one in rows:
            by_pool[pool_of[one.pk]].append(one.code)
        lanes = dict(zip(design.pools, where.of_pools(n_pools), strict=True))
        shown = {name: ", ".join(filter(None, some)) for name, some in lanes.items()}
        lane_of = {pk: shown[pool] for pk, pool in pool_of.items()}
        crossings = self.libraries.crossings(rows, {POOL: pool_of, LANE: lane_of, BATCH: self.libraries.batches()})
        listed = [(name, codes, shown[name]) for name, codes in by_pool.items()]
        return Preview(inputs, seed, listed, inputs.evenness(pools), crossings)

    def _as_they_are(self) -> list[Crossing]:
        rows = self.libraries.rows
        runs = {pk: " + ".join(sorted({run for run, _lane in some})) for pk, some in self.libraries.lanes.items()}
        lanes = {pk: lane_names(some) for pk, some in self.libraries.lanes.items() if any(lane for _run, lane in some)}
        pools = {one.pk: one.pool for one in rows}
        places = {POOL: pools, LANE: lanes, RUN: runs, BATCH: self.libraries.batches()}
        return self.libraries.crossings(rows, places)

    def _plans(self) -> Any:
        return PoolPlan.objects.filter(study=self.study).visible_to(self.request.user).order_by("planned_at", "pk")

    def _is_asked(self, plan: PoolPlan) -> bool:
        return self.request.GET.get("again", "") == str(plan.pk)

    def _now(self, plan: PoolPlan) -> str:
        """Say what became of a plan: dealt again from its seed, and held against where the libraries are."""
        by_code = {one.code: one for one in self.libraries.rows}
        hidden = {
            factor: {code: self.libraries.level(one, factor) for code, one in by_code.items()}
            for factor in (ARM, f"{ARM}{WITHIN}")
            if self.libraries.knows_arms and ARM in self.libraries.labels
        }
        try:
            planned = again(plan, hidden)
        except PlanRefused as refused:
            return str(refused)
        there = sum(code in by_code and by_code[code].pool == pool for code, pool in planned.items())
        return f"{there} of {len(planned)} libraries are where its seed puts them"


def _names(prefix: str, n: int, taken: set[str]) -> Iterable[str]:
    """Yield names that no pool has."""
    number = 0
    for _pool in range(n):
        number += 1
        while f"{prefix}{number}" in taken:
            number += 1
        yield f"{prefix}{number}"


def _pools_word(n: int) -> str:
    return f"{n} pool{'s' if n != 1 else ''}"
