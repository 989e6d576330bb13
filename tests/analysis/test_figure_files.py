"""Figures as parts of pages and as files: named, permitted, and refused in words."""

import json
import re
from typing import Any

import pytest

from analysis.figure_views import FIGURES
from analysis.models import AnalysisRun
from labdb.colony.models import Study
from tests.analysis.small_study import make_study
from tests.analysis.test_tasks import done
from tests.analysis.treated_study import add_calibrations, add_outside, make_analyzed_study, signed_in

pytestmark = pytest.mark.django_db
BEGINNINGS = {"svg": b"<svg", "pdf": b"%PDF", "png": b"\x89PNG"}


@pytest.fixture
def study() -> Study:
    study = make_analyzed_study()
    add_outside(study)
    return study


def url_of(study: Study, task: str, name: str, file_format: str) -> str:
    return f"/analysis/runs/{AnalysisRun.objects.get(study=study, task=task).pk}/figures/{name}.{file_format}"


@pytest.mark.parametrize("file_format", BEGINNINGS)
def test_a_figure_is_a_file_with_a_speaking_name(study: Study, file_format: str):
    url = url_of(study, "differential_expression", "volcano", file_format)
    answer = signed_in().get(url + "?contrast=susceptible+-+control&region=PFC")
    assert answer.content.startswith(BEGINNINGS[file_format])
    run = AnalysisRun.objects.get(task="differential_expression")
    name = f"S1_run-{run.pk}_volcano_susceptible---control_PFC.{file_format}"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_every_figure_is_drawn_for_a_run_and_for_the_study(study: Study, figure):
    if figure.task == "rrho":
        done(study, "rrho")
    add_calibrations(study)
    client = signed_in("technician", study)
    of_run = client.get(url_of(study, figure.task, figure.name, "html"))
    of_study = client.get(f"/studies/S1/figures/{figure.name}.html")
    for answer in (of_run, of_study):
        assert answer.status_code == 200
        assert figure.title in answer.content.decode()
        assert specification(answer)["$schema"].startswith("https://vega.github.io/schema/vega-lite/")


def specification(answer) -> dict[str, Any]:
    embedded = re.search(r'type="application/json">(.*?)</script>', answer.content.decode(), re.DOTALL)
    assert embedded is not None
    return json.loads(embedded[1])


def test_points_lead_to_mice(study: Study):
    drawn = specification(signed_in().get("/studies/S1/figures/si-scatter.html"))
    points = max(drawn["datasets"].values(), key=len)
    assert len(points) == 12
    assert {point["url"] for point in points if point["mouse"] == "k0"} == {"/studies/S1/mice/k0/"}


def test_genes_lead_to_genes(study: Study):
    drawn = specification(signed_in().get("/studies/S1/figures/volcano.html"))
    assert "/genes/Gene0/" in json.dumps(drawn)


def test_the_page_offers_the_files_of_what_it_shows(study: Study):
    shown = signed_in().get("/studies/S1/figures/volcano.html?region=PFC").content.decode()
    assert 'href="/studies/S1/figures/volcano.pdf?region=PFC"' in shown


def test_another_study_has_no_figures(study: Study):
    client = signed_in("manager", make_study("S2"), "stranger")
    assert client.get(url_of(study, "phenotype", "si-scatter", "svg")).status_code == 404


@pytest.mark.parametrize(
    ("url", "status", "sentence"),
    [
        ("/studies/S1/figures/pie.svg", 404, "pie is not a figure of a study; there are: si-scatter,"),
        ("/studies/S1/figures/si-scatter.gif", 404, "A figure is not drawn as gif; ask for svg, pdf, png."),
        ("/studies/S1/figures/volcano.svg?contrast=x", 400, "x is not a contrast of this run; there are: susceptible - control."),
        ("/studies/S1/figures/volcano.svg?region=NAc", 400, "NAc is not a region of this run; there are: PFC."),
        ("/studies/S1/figures/mouse-scores.svg?arm=x", 400, "x is not an arm of this run; there are: ketamine."),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said(study: Study, url: str, status: int, sentence: str):
    answer = signed_in().get(url)
    assert answer.status_code == status
    assert sentence in answer.content.decode()


def test_a_figure_of_another_task_is_not_one_of_this_run(study: Study):
    answer = signed_in().get(url_of(study, "phenotype", "volcano", "svg"))
    assert answer.status_code == 404
    assert "volcano is not a figure of phenotype; there are: si-scatter" in answer.content.decode()


def test_a_study_without_results_says_what_to_run():
    make_study()
    answer = signed_in().get("/studies/S1/figures/reversal-forest.svg")
    assert answer.status_code == 404
    assert answer.content.decode() == "S1 has no current results of reversal; run reversal first."


def test_the_slope_shows_saline_beside_the_drug(study: Study):
    drawn = json.dumps(specification(signed_in().get("/studies/S1/figures/si-slope.html")))
    assert "saline (n = 3)" in drawn
    assert "ketamine (n = 3)" in drawn
