"""How many mice the next study needs: for SI ratios by their spread, for a reversal by simulation; and how often it errs."""

from typing import Any

import numpy as np
import pandas as pd
from altair.utils.schemapi import debug_mode as altair_checks
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from analysis import calibration_figures as calibrations
from analysis.contrast_check import hides_arms
from analysis.figure_views import Drawn, FigureError, refuse_figure, require_format, send_figure
from analysis.figures.calibration import ratio_power
from analysis.kernels.power import MAX_N, SampleSize, mice_per_arm, power_curve
from analysis.links import storable
from analysis.models import AnalysisRun
from analysis.runs import request_or_find
from analysis.tasks import calibration, reversal_power
from analysis.tasks.task import Task
from labdb.colony.models import Study
from labdb.desk.measure_relations import test_numbers
from labdb.desk.ratio_spread import RatioSpread, ratio_spread
from labdb.registry.forms import forbidden_sentence
from labdb.registry.permissions import may
from labdb.tissue.models import BrainRegion
from labdb.treatment.arm_labels import arm_labels
from labdb.treatment.models import TreatmentArm

TITLE = "Power to tell two arms by their SI ratio"
OF_ALLOCATORS = (
    "Which letter is a drug's belongs to the key: while the study is blinded, only its allocators ask for a simulation."
)
MOST_POINTS = 60  # of the curve
SHORTEST_CURVE = 20  # mice per arm
SIMULATIONS: dict[str, Task] = {task.name: task for task in (reversal_power.TASK, calibration.TASK)}
ASKED = ("region", "arm", "n_per_arm", "n_replicates")  # of a simulation


def _number(label: str, lowest: float, highest: float, field: Any = forms.FloatField) -> Any:
    """Return a field of a number whose one sentence says what would be right; what was typed stays to be seen."""
    kind = "number" if field is forms.FloatField else "whole number"
    sentence = f"Enter a {kind} from {lowest:g} to {highest:g}."
    return field(
        label=label, min_value=lowest, max_value=highest, widget=forms.TextInput({"inputmode": "decimal", "size": 8}),
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), sentence),
    )  # fmt: skip


class PlanForm(forms.Form):
    """The difference to find, and how mice will live."""

    test = forms.TypedChoiceField(label="SI test", coerce=int)
    difference = _number("Difference of the SI ratio", 0.01, 10)
    power = _number("Power wanted (%)", 10, 99)
    mice_per_cage = _number("Mice in a cage, all of one arm", 1, 5, forms.IntegerField)

    def __init__(self, given: Any, numbers: list[int]) -> None:
        usual = {"test": numbers[-1], "difference": 0.5, "power": 80, "mice_per_cage": 1}
        super().__init__({name: given.get(name, value) for name, value in usual.items()})
        chosen: Any = self.fields["test"]
        chosen.choices = [(number, f"test {number}" + (" (re-test)" if number > 1 else "")) for number in numbers]
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "form-select" if name == "test" else "form-control"
            if self.errors.get(name):
                field.widget.attrs["class"] += " is-invalid"


@require_http_methods(["GET", "HEAD", "POST"])
def power(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of a study's power and calibration; a POST asks for a simulation, and leads to its run."""
    study = _study(request, code)
    return _ask(request, study) if request.method == "POST" else _show(request, study)


def _ask(request: HttpRequest, study: Study) -> HttpResponse:
    """Queue a simulation; what is wrong with what was entered is said beside it."""
    if not may(request.user, "add", AnalysisRun, study):
        raise PermissionDenied(forbidden_sentence("add", AnalysisRun, study))
    if hides_arms(study, request.user):
        raise PermissionDenied(OF_ALLOCATORS)
    name = request.POST.get("task", "")
    given = {one: value for one in ASKED if (value := request.POST.get(one, "").strip())}
    if name not in SIMULATIONS:
        said = {"": f"{storable(name) or 'Nothing'} is not simulated here; ask for {' or '.join(SIMULATIONS)}."}
        return _show(request, study, {"said": said})
    _resolved, wrong = SIMULATIONS[name].read(study, given)
    if not wrong:
        try:
            run, is_new = request_or_find(name, study, given, user=request.user)
        except ValidationError as error:
            wrong = {"": " ".join(error.messages)}
        else:
            if not is_new:
                messages.info(request, f"Run {run.pk} computes the same and is {run.status}: it answers this too.")
            return redirect("analysis-run", run.pk)
    return _show(request, study, {name: {"wrong": wrong, "given": given}})


def _show(request: HttpRequest, study: Study, refused: dict[str, Any] | None = None) -> HttpResponse:
    numbers = test_numbers(study)
    form = PlanForm(request.GET, numbers) if numbers else None
    context: dict[str, Any] = {"study": study, "form": form}
    if form and form.is_valid():
        found = ratio_spread(study, request.user, form.cleaned_data["test"])
        url = f"{reverse('power-figure', args=[study.code, 'html'])}?{request.GET.urlencode()}"
        context |= {
            "found": found,
            "size": _size(found, form.cleaned_data),
            "most": MAX_N,
            "figure": {"title": TITLE, "url": url},
        }
    context |= _simulated(study, request.user) | {"refused": refused or {}}
    is_well = not refused and (form is None or form.is_valid())
    return render(request, "desk/power.html", context, status=200 if is_well else 400)


def _study(request: HttpRequest, code: str) -> Study:
    return get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))


def _size(found: RatioSpread, asked: dict[str, Any]) -> SampleSize | None:
    sizes = mice_per_arm(
        found.spread, asked["difference"], power=asked["power"] / 100, mice_per_cage=asked["mice_per_cage"]
    )
    return sizes[0] if sizes else None


def _simulated(study: Study, user: Any) -> dict[str, Any]:
    """Return the latest calibration and simulated power, and what a run of either may be asked for."""
    is_hidden = hides_arms(study, user)
    vehicles = set(TreatmentArm.objects.filter(study=study, is_vehicle=True).values_list("pk", flat=True))
    regions = BrainRegion.objects.filter(tissue_samples__study=study).distinct().order_by("pk")
    return {
        "calibration": _latest(calibrations.latest_calibration(study), "calibration"),
        "reversal_power": _latest(calibrations.latest_power(study), "reversal-power"),
        "may_run": may(user, "add", AnalysisRun, study) and not is_hidden,
        "hidden": OF_ALLOCATORS if is_hidden else "",
        "regions": regions.values_list("code", flat=True),
        "drug_arms": [] if is_hidden else [one for arm, one in arm_labels(study).items() if arm not in vehicles],
        "why_not": calibration.TASK.missing(study, calibration.TASK.resolve(study, {})),
        "sizes": reversal_power.SIZES,
        "replicates": {"power": reversal_power.N_REPLICATES, "calibration": calibration.N_REPLICATES},
    }


def _latest(run: AnalysisRun | None, figure: str) -> dict[str, Any]:
    if run is None:
        return {}
    url = reverse("run-figure", args=[run.pk, figure, "html"])
    titles = {one.name: one.title for one in calibrations.FIGURES}
    sentence = calibrations.calibration_sentence(run) if run.task == calibration.TASK.name else ""
    return {
        "run": run,
        "rows": calibrations.rate_rows(run),
        "figure": {"title": titles[figure], "url": url},
        "sentence": sentence,
    }


@require_safe
def ratio_figure(request: HttpRequest, code: str, file_format: str) -> HttpResponse:
    """Answer the figure of power against mice per arm, for a page or as a file."""
    study = _study(request, code)
    path = reverse("power-figure", args=[study.code, file_format])
    try:
        require_format(file_format)
        numbers = test_numbers(study)
        form = PlanForm(request.GET, numbers) if numbers else None
        if form is None or not form.is_valid():
            raise FigureError(f"{_said(form)} Ask on the page of power and calibration.")
        with altair_checks(False):
            drawn = _draw(study, request.user, form.cleaned_data)
    except FigureError as error:
        return refuse_figure(error)
    return send_figure(request, TITLE, drawn, path, (study.code, "power"))


def _said(form: PlanForm | None) -> str:
    if form is None:
        return "There is no SI test yet."
    return " ".join(
        f"{form.fields[name].label}: {' '.join(map(str, errors))}"
        for name, errors in form.errors.get_json_data().items()
    )


def _draw(study: Study, user: Any, asked: dict[str, Any]) -> Drawn:
    found = ratio_spread(study, user, asked["test"])
    size = _size(found, asked)
    most = max((size.n_per_arm_high or size.n_per_arm or 0) if size else 0, SHORTEST_CURVE)
    numbers = np.unique(np.linspace(2, most, min(MOST_POINTS, most - 1)).round().astype(int))
    curve = power_curve(found.spread, asked["difference"], numbers, mice_per_cage=asked["mice_per_cage"])
    needed = pd.DataFrame(columns=["n_per_arm", "power", "power_wanted"])
    if size and size.n_per_arm:
        needed.loc[0] = [size.n_per_arm, size.power, asked["power"] / 100]
    caption = (
        f"Two-sided t test at 5 %, difference {asked['difference']:g}, SI test {asked['test']}; n = {found.spread.n_mice} "
        "mice gave the spread. Band: the 80 % interval of that spread."
    )
    return Drawn(ratio_power(curve, needed), caption, (f"test-{asked['test']}", f"difference-{asked['difference']:g}"))
