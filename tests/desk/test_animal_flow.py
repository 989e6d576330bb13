"""An excluded mouse, test and sample leave every analysis, stay visible, and the flow of animals counts them."""

import pytest
from django.test import Client

from analysis.design_frame import read_libraries
from analysis.runs import execute, request_run
from labdb.colony.models import Exclusion, Mouse, Study
from labdb.desk.animal_flow import animal_flow
from labdb.sequencing.models import CountMatrix
from labdb.tissue.models import TissueSample
from tests.analysis.small_study import add_mouse, add_test, make_treated_study
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """Three each of controls (c0-c2), resilient (r), saline (s) and ketamine (k), with what befell some of them."""
    study = make_treated_study(n_per_group=3, n_genes=30)
    mice = {mouse.code: mouse for mouse in Mouse.objects.filter(study=study)}
    Exclusion.objects.create(study=study, mouse=mice["c0"], criterion="fell ill", is_blind=True)
    mice["r0"].si_tests.filter(test_number=1).update(exclusion_criterion="fell off")
    mice["s0"].si_tests.filter(test_number=2).update(exclusion_criterion="no video")
    TissueSample.objects.filter(mouse=mice["k1"]).update(exclusion_criterion="RIN below 7")
    add_mouse(study, "x1")  # never tested
    add_test(add_mouse(study, "x2"), 0, 30)  # no ratio
    return study


def run(study: Study, task: str) -> set[str]:
    done = request_run(task, study, queue=False)
    execute(done.pk)
    calls = done.phenotypecalls if task == "phenotype" else done.responsecalls
    return set(calls.values_list("mouse__code", flat=True))


def test_what_is_excluded_leaves_every_analysis_and_stays_visible(study: Study):
    everyone = {f"{kind}{number}" for kind in "crsk" for number in range(3)}
    assert run(study, "phenotype") == everyone - {"c0", "r0"} | {"x2"}
    assert run(study, "response") == everyone - {"c0", "r0", "s0"}
    read = read_libraries(study, CountMatrix.objects.get(study=study), ()).frame
    assert set(read.index) == {f"{code}-PFC" for code in everyone - {"c0", "k1"}}
    client = signed_in()
    groups = client.get("/studies/S1/").context["groups"]
    # c1, c2; r1, r2; s and k; r0 has no call (its test is out) nor x1, and x2 none for its 0 s.
    assert {(row["group"], row["phenotype"]): row["n"] for row in groups} == {
        ("control", "control"): 2, ("control", "excluded"): 1, ("defeated", "resilient"): 2,
        ("defeated", "susceptible"): 6, ("defeated", "not called"): 2, ("defeated", "unclassified"): 1,
    }  # fmt: skip
    scatter = client.get("/studies/S1/figures/si-scatter.html").content.decode()
    assert "n = 11 mice" in scatter
    assert_marked(client, "mice", "excluded: fell ill")
    assert_marked(client, "si-tests", "excluded: fell off")
    assert_marked(client, "si-tests", "mouse excluded: fell ill")
    assert_marked(client, "tissue-samples", "excluded: RIN below 7")


def assert_marked(client: Client, resource: str, words: str) -> None:
    text = client.get(f"/records/{resource}/?study=S1").content.decode()
    assert f'<span class="badge bg-yellow-lt">{words}</span>' in text


def test_the_flow_of_animals_adds_up(study: Study):
    run(study, "phenotype")
    done = request_run("phenotype", study, queue=False)
    execute(done.pk)
    done.refresh_from_db()
    steps = animal_flow(study, done)
    assert [(step.name, step.n, step.left, step.joined) for step in steps] == [
        ("entered", 14, {}, {}),
        # 14 - c0 - r0 - x1 = 11
        (
            "in the SI test",
            11,
            {"mouse excluded: fell ill": 1, "no SI test": 1, "test excluded: fell off": 1},
            {},
        ),
        # - x2 = 10
        (
            "called by phenotype",
            10,
            {"unclassified: 0 s in the interaction zone without target: the ratio is undefined": 1},
            {},
        ),
        ("allocated to treatment", 11, {}, {"without a call": 1}),  # + r0, which was allocated all the same
        ("re-tested", 10, {"test excluded: no video": 1}, {}),  # - s0
        ("sequenced", 11, {}, {"without a re-test": 1}),  # + s0
        ("read by the analysis of expression", 10, {"sample excluded: RIN below 7": 1}, {}),  # - k1
    ]
    assert steps[0].groups == {"control": 3, "defeated": 11}
    # c1, c2; s0-s2, k0, k2; r1, r2; r0, whose first test is out and who has no call
    assert steps[-1].groups == {"control": 2, "defeated": 1, "susceptible": 5, "resilient": 2}
    text = signed_in().get("/studies/S1/figures/animal-flow.html").content.decode()
    assert "called by phenotype, n = 10" in text
    assert "1 test excluded: fell off" in text
