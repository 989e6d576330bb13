"""Another rule is looked at without changing anything, run under a name and a reason, and adopted where it was run.

The treated study has the ratios 1.50, 1.52, 1.54 of controls (c) and resilient mice (r), and .50 of six susceptible ones.
"""

import csv
import io
from typing import Any

import pytest
from django.test import Client

from analysis import runs
from analysis.models import Adoption, AnalysisRun, RunStatus
from labdb.behavior.models import PhenotypeRule, SocialInteractionTest
from labdb.colony.models import Exclusion, Mouse, Study
from tests.analysis.small_study import add_mouse, add_test, make_study, make_treated_study
from tests.analysis.treated_study import add_phenotypes, signed_in

pytestmark = pytest.mark.django_db
PAGE = "/studies/S1/phenotype/"
NEW_RULE = {"test_number": "1", "cutoff": "1.53", "borderline": "0.05"}


@pytest.fixture
def study() -> Study:
    study = make_treated_study(n_per_group=3, n_genes=3)
    add_phenotypes(study)
    return study


def looked(client: Client, query: str = "", part: bool = True) -> Any:
    answer = client.get(f"{PAGE}?{query}", headers={"HX-Request": "true"} if part else {})
    assert answer.status_code == 200, answer.content[:500]
    return answer


def tallies(answer: Any) -> dict[str, tuple[int, int | None]]:
    return {one.phenotype: (one.n, one.n_before) for one in answer.context["comparison"].tallies()}


def flips(answer: Any) -> dict[str, tuple[str, str]]:
    return {row["mouse"]: (row["before"], row["phenotype"]) for row in answer.context["comparison"].flip_rows}


def table(client: Client, query: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(client.get(f"{PAGE}labels/?export=csv&{query}").content.decode())))


def test_a_moved_cutoff_says_at_once_whom_it_calls_otherwise_and_changes_nothing(study: Study):
    client = signed_in("technician", study)
    assert tallies(looked(client, part=False)) == {
        "control": (3, 3), "susceptible": (6, 6), "resilient": (3, 3), "unclassified": (0, 0)
    }  # fmt: skip
    before = (PhenotypeRule.objects.count(), AnalysisRun.objects.count(), Adoption.objects.count())
    answer = looked(client, "test_number=1&cutoff=1.53&borderline=0.05")
    assert tallies(answer) == {
        "control": (3, 3), "susceptible": (8, 6), "resilient": (1, 3), "unclassified": (0, 0)
    }  # fmt: skip
    assert flips(answer) == dict.fromkeys(("r0", "r1"), ("resilient", "susceptible"))
    assert (
        answer.context["comparison"].n_borderline == 3
    )  # 1.50, 1.52 and 1.54 lie within .05 of 1.53; controls have no call
    text = answer.content.decode()
    assert "2 mice flip" in text
    assert "/studies/S1/mice/r0/" in text
    assert f"/records/si-tests/{SocialInteractionTest.objects.get(mouse__code='r0', test_number=1).pk}/" in text
    assert (PhenotypeRule.objects.count(), AnalysisRun.objects.count(), Adoption.objects.count()) == before


def test_the_address_holds_what_is_shown(study: Study):
    client = signed_in()
    part = looked(client, "test_number=1&rule=Ratio+below+1&cutoff=1.53&borderline=0.05&control_sd=")
    address = part["HX-Replace-Url"]
    assert address == f"{PAGE}?test_number=1&rule=Ratio+below+1&cutoff=1.53&borderline=0.05"
    whole = client.get(address)
    assert flips(whole) == flips(part)
    assert 'value="1.53"' in whole.content.decode()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("cutoff=0&borderline=0.05", "0 is outside 0.01 to 10"),
        ("cutoff=one&borderline=0.05", "one is not a number"),
        ("cutoff=&borderline=0.05", "This is needed"),
        ("cutoff=1&borderline=0.05&control_sd=11", "11 is outside 0 to 10"),
        ("rule=none+such", "There is no phenotype rule none such; there are: Control mean minus 1 SD"),
        ("test_number=0", "0 is not a whole number from 1 on"),
        ("cutoff=%00", "is not a number"),
    ],
)
def test_what_cannot_be_a_rule_is_said_in_the_words_of_its_form(query: str, said: str, study: Study):
    client = signed_in()
    for url in (f"{PAGE}?{query}", f"{PAGE}ratios.html?{query}"):
        answer = client.get(url)
        assert answer.status_code == 400
        assert said in answer.content.decode()
    assert said in looked(client, query).content.decode()  # a part of a page that is typed into
    assert client.get(f"{PAGE}labels/?{query}").status_code in (200, 400)


def test_a_cutoff_by_the_controls_needs_eight_of_them(study: Study):
    answer = looked(signed_in(), "cutoff=1&borderline=0.05&control_sd=1")
    assert tallies(answer)["unclassified"] == (9, 0)
    assert tallies(answer)["control"] == (3, 3)  # never classified
    assert (
        "9 unclassified: cohort C1 has 3 controls with a ratio; a cutoff from their SD needs 8."
        in answer.content.decode()
    )


def test_mice_that_came_or_went_since_the_run_are_counted_apart(study: Study):
    add_test(add_mouse(study, "n0"), 50, 10)
    Exclusion.objects.create(study=study, mouse=Mouse.objects.get(code="r0"), criterion="ill")
    answer = looked(signed_in())
    assert (answer.context["comparison"].n_new, answer.context["comparison"].n_gone) == (1, 1)
    assert flips(answer) == {}


def test_a_study_without_a_run_or_a_test_can_be_looked_at():
    study = make_study()
    client = signed_in()
    text = looked(client, part=False).content.decode()
    assert "no phenotype run counts yet" in text
    assert "no social" not in text
    assert client.get(f"{PAGE}labels/").status_code == 200
    assert "no SI test has a ratio" in client.get(f"{PAGE}ratios.html").content.decode()
    add_test(add_mouse(study, "M1"), 50, 10)
    assert tallies(looked(client))["susceptible"] == (1, None)


def test_the_figure_is_one_specification_for_page_and_paper(study: Study):
    client = signed_in()
    query = "cutoff=1.53&borderline=0.05&max_corner_ratio=1.2"
    page = client.get(f"{PAGE}ratios.html?{query}").content.decode()
    assert "cutoff 1.53" in page
    assert "n = 12 mice, SI test 1." in page
    svg = client.get(f"{PAGE}ratios.svg?{query}")
    assert svg["Content-Type"] == "image/svg+xml"
    assert "cutoff 1.53" in svg.content.decode()
    assert client.get(f"{PAGE}ratios.gif?{query}").status_code == 404


def test_labels_under_every_rule_have_those_that_contradict_each_other_on_top(study: Study):
    PhenotypeRule.objects.exclude(name="Ratio below 1").delete()
    PhenotypeRule.objects.create(name="mouse", cutoff=1.53)  # a name is a name, whatever columns are called
    PhenotypeRule.objects.create(name="long visits", min_iz_present_s=76)  # r0 stayed 75 s, r1 76 s
    client = signed_in()
    query = "test_number=1&cutoff=0.4&borderline=0.05"
    header, *rows = table(client, query)
    assert header[7:] == [
        "si_ratio", "si_ratio_low", "si_ratio_high", "corner_ratio", "Ratio below 1", "cutoff = 0.4, borderline = 0.05", "long visits", "mouse",
        "rules that differ from the first",
    ]  # fmt: skip
    labels = {row[0]: row[11:] for row in rows}
    assert labels["r0"] == ["resilient", "resilient", "unclassified", "susceptible", "2"]
    assert labels["s0"] == ["susceptible", "resilient", "susceptible", "susceptible", "1"]
    assert labels["c0"] == ["control"] * 4 + ["0"]
    assert [row[0] for row in rows[:2]] == ["r0", "k0"]
    differing = table(client, f"{query}&differ=1")
    assert {row[0] for row in differing[1:]} == {"r0", "r1", "s0", "s1", "s2", "k0", "k1", "k2"}
    text = " ".join(client.get(f"{PAGE}labels/?{query}").content.decode().split())
    assert "8 of 12 mice differ, 8 between susceptible and resilient" in text


def run_it(client: Client, **fields: str) -> Any:
    return client.post(f"{PAGE}run/", {**NEW_RULE, **fields}, follow=True)


def test_a_new_rule_is_stored_with_its_reason_run_shown_beside_the_calls_that_count_and_adopted(study: Study):
    client = signed_in("analyst", study)
    answer = run_it(client, rule="Ratio below 1", name="Ratio below 1, version 2", reason="agreed on 3 June")
    rule = PhenotypeRule.objects.get(name="Ratio below 1, version 2")
    assert (rule.cutoff, rule.notes, str(rule.created_by)) == (1.53, "agreed on 3 June", "tina")
    assert rule.events.get().pgh_context.metadata["reason"] == "agreed on 3 June"
    run = AnalysisRun.objects.latest("pk")
    assert answer.redirect_chain[-1][0] == f"/analysis/runs/{run.pk}/"
    assert run.parameters == {"rule": rule.name, "test_number": 1}
    runs.execute(run.pk)
    text = " ".join(client.get(f"/analysis/runs/{run.pk}/").content.decode().split())
    assert 'Mice called otherwise than now <span class="text-secondary fw-normal">2</span>' in text
    assert ">r0</a></td><td>resilient</td><td>susceptible</td>" in text
    assert flips(looked(client)) == {}  # the run that counts is still the first one
    client.post(f"/analysis/runs/{run.pk}/adopt/", {"reason": "agreed on 3 June"})
    assert looked(client).context["comparison"].run == run
    assert looked(client).context["asked"].stored == rule
    assert "Mice called otherwise than now" not in client.get(f"/analysis/runs/{run.pk}/").content.decode()


def test_a_rule_that_is_stored_already_is_run_and_not_stored_again(study: Study):
    n_rules = PhenotypeRule.objects.count()
    run_it(signed_in(), cutoff="1", name="another name", reason="because")
    assert PhenotypeRule.objects.count() == n_rules
    assert AnalysisRun.objects.latest("pk").parameters["rule"] == "Ratio below 1"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "version 2", "reason": " "}, "Say why the rule is needed"),
        ({"name": "", "reason": "because"}, "This is needed"),
        ({"name": "Ratio below 1", "reason": "because"}, "Ratio below 1 is already a phenotype rule."),
        ({"name": "version 2", "reason": "because", "cutoff": "0"}, "0 is outside 0.01 to 10"),
    ],
)
def test_a_rule_that_cannot_be_stored_is_not_run_either(fields: dict[str, str], said: str, study: Study):
    n_runs, n_rules = AnalysisRun.objects.count(), PhenotypeRule.objects.count()
    answer = run_it(signed_in(), **fields)
    assert said in answer.content.decode()
    assert (AnalysisRun.objects.count(), PhenotypeRule.objects.count()) == (n_runs, n_rules)


def test_who_may_not_run_may_look_and_is_told_who_may(study: Study):
    client = signed_in("technician", study)
    assert "Your role runs no analyses in this study" in looked(client).content.decode()
    assert run_it(client, name="mine", reason="because").status_code == 403
    investigator = signed_in("investigator", study, "pia")  # runs analyses, stores no rules
    assert "your role stores none" in looked(investigator, "cutoff=1.53&borderline=0.05").content.decode()
    answer = run_it(investigator, name="mine", reason="because")
    assert "Your role may not add phenotype rules" in answer.content.decode()
    assert not AnalysisRun.objects.filter(status=RunStatus.QUEUED).exists()


def test_a_study_of_others_is_not_found(study: Study):
    client = signed_in("manager", make_study("S2"), "stranger")
    for url in (PAGE, f"{PAGE}labels/", f"{PAGE}ratios.svg"):
        assert client.get(url).status_code == 404
    assert client.post(f"{PAGE}run/", NEW_RULE).status_code == 404


def test_study_and_run_lead_to_the_page(study: Study):
    client = signed_in()
    assert PAGE in client.get("/studies/S1/").content.decode()
    run = AnalysisRun.objects.get(task="phenotype")
    assert f"{PAGE}?test_number=1&amp;rule=Ratio+below+1" in client.get(f"/analysis/runs/{run.pk}/").content.decode()
