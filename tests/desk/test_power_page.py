"""The page of power and calibration: the spread by hand, the difference a person enters, what is not known yet."""

import math

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from analysis.kernels.power import smallest_n
from analysis.models import AnalysisRun
from labdb.colony.models import Cage, Housing, Study
from labdb.desk.ratio_spread import ratio_spread
from tests.analysis.small_study import add_mouse, add_test, make_study, make_treated_study
from tests.analysis.test_tasks import done
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in()


def page(client: Client, study: Study, **asked: str) -> HttpResponse:
    return client.get(reverse("power-page", args=[study.code]), asked)


def test_mice_per_arm_follow_from_the_spread_of_like_mice_and_the_difference_that_is_entered(client):
    study = make_study()
    # Ratios .5, 1.5 of controls and .2, 1.2 of defeated mice: within each the variance is .5, on 1 + 1 degrees of freedom.
    for code, group, present_s in (
        ("c0", "control", 25),
        ("c1", "control", 75),
        ("d0", "defeated", 10),
        ("d1", "defeated", 60),
    ):
        add_test(add_mouse(study, code, group), 50, present_s)
    found = ratio_spread(study, None, 1)
    assert (found.spread.sd, found.spread.df) == (pytest.approx(math.sqrt(0.5)), 2)
    answer = page(client, study, difference="1", power="90").content.decode()
    needed = smallest_n(1.0, math.sqrt(0.5), 0.9)
    assert f"<strong>{needed}</strong> mice per arm" in answer
    assert "0.71, from 4 mice, 2 degrees of freedom" in answer
    assert "No cage is given; mice are taken to be independent." in answer
    url = reverse("power-figure", args=[study.code, "svg"])
    assert "mice per arm" in client.get(url, {"difference": "1"}).content.decode()


def test_the_cage_is_the_one_of_the_day_of_the_test():
    study = make_study()
    cages = [Cage.objects.create(study=study, code=f"K{number}") for number in range(8)]
    for number in range(8):
        mouse = add_mouse(study, f"d{number}")
        test = add_test(mouse, 50, 20 + 5 * (number // 2) + number % 2)
        type(test).objects.filter(pk=test.pk).update(test_at="2026-03-10T09:00Z")
        Housing.objects.create(study=study, mouse=mouse, cage=cages[number // 2], housed_from="2026-03-01")
        Housing.objects.create(study=study, mouse=mouse, cage=cages[number], housed_from="2026-03-20")
    spread = ratio_spread(study, None, 1).spread
    # Four cages of two: mice of a cage differ by 1 / 50, cages by 5 / 50 and more.
    assert (spread.n_cages, spread.messages) == (4, ())
    assert spread.cage_correlation == pytest.approx(1, abs=0.05)


def test_a_re_test_is_within_arms_once_they_are_known_and_never_while_a_study_is_blinded(client):
    study = make_treated_study(n_per_group=4, n_genes=20)
    done(study, "phenotype")
    user = page(client, study).wsgi_request.user
    open_ = ratio_spread(study, user, 2)
    assert open_.within == "phenotype and arm"
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    study.refresh_from_db()
    blinded = ratio_spread(study, user, 2)
    assert blinded.within.startswith("phenotype (arms are not looked at")
    # Saline and ketamine are one group of eight susceptible mice, not two of four.
    assert blinded.spread.df == open_.spread.df + 1
    assert "ketamine" not in page(client, study).content.decode()


def test_what_cannot_be_planned_is_said_in_words_at_its_place(client):
    study = make_study()
    assert "S1 has no SI test yet" in page(client, study).content.decode()
    add_test(add_mouse(study, "d0"), 50, 20)
    first = page(client, study)
    assert first.status_code == 200
    assert "a spread needs at least 2 mice more than groups; there are 1 in 1" in first.content.decode()
    wrong = page(client, study, difference="0", mice_per_cage="x", test="7")
    assert wrong.status_code == 400
    for said in (
        "Enter a number from 0.01 to 10.", "Enter a whole number from 1 to 5.", "7 is not one of the available choices",
        'name="mice_per_cage" value="x"',
    ):  # fmt: skip
        assert said in wrong.content.decode()
    figure = client.get(reverse("power-figure", args=[study.code, "svg"]), {"difference": "nan"})
    assert (figure.status_code, figure["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert "S1 has no counts" in first.content.decode()


def test_a_simulation_that_cannot_be_is_refused_beside_its_field_and_one_that_can_leads_to_its_run(client):
    study = make_treated_study(n_per_group=4, n_genes=20)
    done(study, "phenotype")
    url = reverse("power-page", args=[study.code])
    asked = {"task": "reversal_power", "region": "PFC", "arm": "ketamine", "n_per_arm": "2 900", "n_replicates": "few"}
    refused = client.post(url, asked)
    assert refused.status_code == 400
    text = refused.content.decode()
    for said in (
        "2, 900: give 1 to 12 whole numbers from 3 to 100", "few is not a whole number from 10 on.",
        'value="2 900"', 'value="few"', "<option selected>ketamine</option>",
    ):  # fmt: skip
        assert said in text
    assert "n_per_arm:" not in text
    assert not AnalysisRun.objects.filter(task="reversal_power").exists()
    assert client.post(url, {"task": "pipeline"}).status_code == 400
    answer = client.post(url, asked | {"n_per_arm": "4, 6", "n_replicates": "10"})
    run = AnalysisRun.objects.get(task="reversal_power")
    assert answer["Location"] == reverse("analysis-run", args=[run.pk])
    assert (run.parameters["n_per_arm"], run.parameters["n_replicates"]) == ("4 6", 10)
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    for role, status in (("technician", 403), ("analyst", 403)):
        assert signed_in(role, study, name=role).post(url, asked).status_code == status
