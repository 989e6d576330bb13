"""What another rule would call the mice of a study: looked at freely, run under a rule with a name, adopted there.

Looking stores nothing. What counts changes by the adoption of a run alone.
"""

from typing import Any
from urllib.parse import urlencode

from altair.utils.schemapi import debug_mode as altair_checks
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from analysis import runs
from analysis.figure_views import Drawn, FigureError, refuse_figure, require_format, send_figure
from analysis.figures.rule_strip import rule_strip
from analysis.kernels.phenotype import PhenotypeRule as KernelRule
from analysis.links import storable
from analysis.models import AnalysisRun, RunStatus
from analysis.phenotype_comparison import compare
from analysis.tasks.si_tests import included_tests
from labdb.behavior.models import PhenotypeRule, SocialInteractionTest
from labdb.colony.models import Study
from labdb.desk.asked_rule import RULE_FIELDS, AskedError, AskedRule, read_rule
from labdb.registry.forms import complete, forbidden_sentence, form_for
from labdb.registry.history import writing
from labdb.registry.permissions import may
from labdb.registry.record import record_for

FIGURE_TITLE = "SI ratios and the cutoff"


@require_safe
def comparison(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page, or for htmx the parts that follow from the rule."""
    study = study_of_rules(request, code)
    is_part = "HX-Request" in request.headers
    try:
        asked = read_rule(study, request.GET.dict(), request.user)
    except AskedError as error:
        context = {"study": study, "sentence": str(error)}
        return render(request, "desk/phenotype.html", context, status=200 if is_part else 400)
    context = {**_words(study, asked), **_rights(request.user, study, asked)}
    if asked.rule is not None:
        context["comparison"] = compare(study, asked.test_number, asked.rule, asked.run)
    if not is_part:
        context |= _choices(study, asked)
        return render(request, "desk/phenotype.html", context, status=400 if asked.errors else 200)
    response = render(request, "desk/_phenotype_parts.html", context | {"is_part": True})
    response["HX-Replace-Url"] = f"{context['page_url']}?{asked.query}"
    return response


def study_of_rules(request: HttpRequest, code: str) -> Study:
    """Return a study whose SI tests, and the rules for them, the account may see."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    for model in (SocialInteractionTest, PhenotypeRule):
        if not may(request.user, "view", model, study):
            raise PermissionDenied(forbidden_sentence("view", model, study))
    return study


def _words(study: Study, asked: AskedRule) -> dict[str, Any]:
    page_url = reverse("phenotype-page", args=[study.code])
    figure_url = reverse("phenotype-figure", args=[study.code, "html"])
    return {
        "study": study,
        "asked": asked,
        "page_url": page_url,
        "figure": {"title": FIGURE_TITLE, "url": f"{figure_url}?{asked.query}"},
        "labels_url": reverse("phenotype-labels", args=[study.code]),
    }


def _rights(user: Any, study: Study, asked: AskedRule) -> dict[str, Any]:
    done = AnalysisRun.objects.visible_to(user).filter(study=study, task="phenotype", status=RunStatus.DONE)
    same = {"rule": asked.stored.name, "test_number": asked.test_number} if asked.rule and asked.stored else None
    return {
        "may_run": may(user, "add", AnalysisRun, study),
        "may_add_rule": may(user, "add", PhenotypeRule),
        "same_run": done.filter(parameters=same).order_by("-pk").first() if same else None,
        "next_name": asked.start.next_name() if asked.start else "",
    }


def _choices(study: Study, asked: AskedRule) -> dict[str, Any]:
    """Return the stored rules and the test numbers, each with the address that asks about it."""
    url = reverse("phenotype-page", args=[study.code])
    numbers = sorted(set(included_tests(study).order_by().values_list("test_number", flat=True)))
    rules = PhenotypeRule.objects.order_by("name")
    form = form_for(record_for(PhenotypeRule))
    return {
        "rules": [
            (rule, f"{url}?{urlencode({'test_number': asked.test_number, 'rule': rule.name})}") for rule in rules
        ],
        "numbers": [(number, f"{url}?{urlencode({'test_number': number})}") for number in numbers],
        "entries": [(name, form.base_fields[name], asked.texts[name]) for name in RULE_FIELDS],
    }


@require_safe
def figure(request: HttpRequest, code: str, file_format: str) -> HttpResponse:
    """Answer the figure of a rule, as a part of the page or as a file."""
    study = study_of_rules(request, code)
    try:
        require_format(file_format)
        drawn = _drawn(study, read_rule(study, request.GET.dict(), request.user))
    except (AskedError, FigureError) as error:
        return refuse_figure(error if isinstance(error, FigureError) else FigureError(str(error)))
    return send_figure(request, FIGURE_TITLE, drawn, request.path, (study.code, "phenotype-rule"))


def _drawn(study: Study, asked: AskedRule) -> Drawn:
    if asked.rule is None:
        raise FigureError(" ".join(said for some in asked.errors.values() for said in some))
    with altair_checks(False):
        return _draw(study, asked, asked.rule)


def _draw(study: Study, asked: AskedRule, rule: KernelRule) -> Drawn:
    compared = compare(study, asked.test_number, rule, asked.run)
    chart = rule_strip(
        compared.frame, borderline=rule.borderline, max_corner_ratio=rule.max_corner_ratio,
        adopted=asked.adopted_cutoff,
    )  # fmt: skip
    n_all, n_drawn = len(compared.frame), int(compared.frame["si_ratio"].notna().sum())
    without = f" ({n_all - n_drawn} more without a ratio)" if n_all > n_drawn else ""
    caption = f"n = {n_drawn} mice{without}, SI test {asked.test_number}. In the gray band a call may flip on noise."
    if compared.frame["si_ratio_low"].notna().any():
        caption += " Thin lines: the 95 % interval of a ratio, by the tracks of both trials."
    if asked.run:
        caption += f" Ringed: called otherwise than by run {asked.run.pk}, which counts (its cutoff dotted)."
    return Drawn(chart, caption, (f"cutoff-{rule.cutoff:g}",))


@require_POST
def run_rule(request: HttpRequest, code: str) -> HttpResponse:
    """Run the phenotype task under the rule, which is stored first where no stored rule says the same."""
    study = study_of_rules(request, code)
    if not may(request.user, "add", AnalysisRun, study):
        raise PermissionDenied(forbidden_sentence("add", AnalysisRun, study))
    try:
        asked = read_rule(study, request.POST.dict(), request.user)
    except AskedError as error:
        messages.error(request, str(error))
        return redirect("phenotype-page", study.code)
    try:
        with transaction.atomic():
            rule = asked.stored if asked.rule and asked.stored else _stored_anew(request, asked)
            parameters = {"rule": rule.name, "test_number": asked.test_number}
            run = runs.request_run("phenotype", study, parameters, user=request.user)
    except ValidationError as error:
        for sentence in error.messages:
            messages.error(request, sentence)
        return redirect(f"{reverse('phenotype-page', args=[study.code])}?{asked.query}")
    return redirect("analysis-run", run.pk)


def _stored_anew(request: HttpRequest, asked: AskedRule) -> PhenotypeRule:
    record = record_for(PhenotypeRule)
    reason = request.POST.get("reason", "").strip().replace("\0", "")
    texts = {**asked.texts, "name": request.POST.get("name", ""), "notes": reason}
    form = form_for(record)(complete(texts, record), user=request.user)
    if not reason:
        form.add_error("notes", "Say why the rule is needed; the rule keeps it as its notes.")
    if not form.is_valid():
        raise ValidationError([said for some in form.errors.values() for said in some])
    with writing(user=request.user, door="web", reason=reason):
        return form.save()
