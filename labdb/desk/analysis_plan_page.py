"""The analysis plan of a study: its versions, freezing it, and where the study went another way."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from analysis.analysis_plan import AnalysisPlan, freeze
from analysis.links import storable
from analysis.models import Contrast
from analysis.summaries import current_runs
from labdb.colony.models import Mouse, Study
from labdb.desk.arrive.conduct import METHODS
from labdb.desk.plan_deviations import deviations
from labdb.registry.forms import Conflict, conflicts, forbidden_sentence
from labdb.registry.permissions import closed_sentence, may

COPIED = (
    "title", "groups", "primary_outcome", "secondary_outcomes", "exclusions", "phenotype_rule", "response_rule",
    "contrasts", "methods",
)  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def analysis_plan(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of the plan, the latest or ``?number=``; a POST freezes it."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    rows = AnalysisPlan.objects.visible_to(request.user).filter(study=study)
    plans = list(rows.select_related("study", "frozen_by", "phenotype_rule", "response_rule"))
    if request.method == "POST":
        return _freeze(request, study, plans)
    asked = request.GET.get("number", "")
    plan = next((one for one in plans if str(one.number) == asked), None if asked else next(iter(plans), None))
    if asked and plan is None:
        messages.error(request, f"{study} has no plan {asked}; choose one of those listed.")
        return redirect("analysis-plan", study.code)
    may_write = may(request.user, "add", AnalysisPlan, study)
    words = {
        "study": study,
        "plan": plan,
        "plans": plans,
        "lines": [line.partition(": ")[::2] for line in _text(plan).splitlines()] if plan else [],
        "deviations": deviations(plan, request.user) if plan else [],
        "may_write": may_write,
        "may_change": plan is not None and plan.frozen_at is None and may(request.user, "change", AnalysisPlan, study),
        "next_url": _next_url(study, plans, request.user) if may_write else "",
    }
    return render(request, "desk/analysis_plan.html", words)


def _text(plan: AnalysisPlan) -> str:
    return plan.frozen_text or plan.text()


def _freeze(request: HttpRequest, study: Study, plans: list[AnalysisPlan]) -> HttpResponse:
    """Freeze the plan that the page showed, as it was shown."""
    if not may(request.user, "add", AnalysisPlan, study):
        sentence = closed_sentence(study) if study.state == "closed" else forbidden_sentence("add", AnalysisPlan, study)
        raise PermissionDenied(sentence)
    plan = next((one for one in plans if str(one.number) == request.POST.get("number")), None)
    if plan is None:
        messages.error(request, "Say which plan is frozen; reload the page.")
    elif plan.frozen_at is not None:
        messages.error(request, f"Plan {plan.number} is frozen already; make the next version.")
    elif plan.digest != request.POST.get("digest"):
        messages.error(request, f"Plan {plan.number} was changed meanwhile; read it again, then freeze it.")
    else:
        try:
            with conflicts(AnalysisPlan):
                freeze(plan, request.user)
        except Conflict as conflict:
            messages.error(request, str(conflict))
        else:
            messages.success(request, f"Plan {plan.number} is frozen; its digest is {plan.sha256}.")
    return redirect("analysis-plan", study.code)


def _next_url(study: Study, plans: list[AnalysisPlan], user: Any) -> str:
    """Return where the next version is entered, filled in from the last one, else from what the study knows."""
    values = _of_plan(plans[0]) if plans else _of_study(study, user)
    given = {name: value for name, value in values.items() if value}
    number = plans[0].number + 1 if plans else 1
    query = urlencode({"study": study.code, "number": number, **given})
    return f"{reverse('record-add', kwargs={'resource': 'analysis-plans'})}?{query}"


def _of_plan(plan: AnalysisPlan) -> dict[str, str]:
    return {name: str(getattr(plan, name) or "") for name in COPIED}


def _of_study(study: Study, user: Any) -> dict[str, str]:
    runs = current_runs(study)
    rules = {task: runs[task].parameters.get("rule", "") if task in runs else "" for task in ("phenotype", "response")}
    groups = sorted(set(Mouse.objects.filter(study=study).exclude(group="").values_list("group", flat=True)))
    sizes = [f"{group} {Mouse.objects.filter(study=study, group=group).count()}" for group in groups]
    contrasts = Contrast.objects.visible_to(user).filter(study=study).order_by("name").values_list("name", flat=True)
    return {
        "title": f"Analysis of {study.title}"[:200],
        "groups": "; ".join(sizes),
        "primary_outcome": study.primary_outcome,
        "phenotype_rule": rules["phenotype"],
        "response_rule": rules["response"],
        "contrasts": "; ".join(contrasts),
        "methods": "\n".join(METHODS.values()),
    }
