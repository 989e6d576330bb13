"""Other assays: a sheet with a column for each metric, what is computed of two intakes, groups, and the SI ratio."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from labdb.behavior.models import Assay, AssayMetric, AssayResult
from labdb.colony.models import Exclusion, Mouse, Study
from labdb.registry.import_log import Import
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.treated_study import add_phenotypes, signed_in

pytestmark = pytest.mark.django_db
N_MICE = 7


@pytest.fixture
def study() -> Study:
    """D1 to D6 defeated with ratios .2, .4 ... 1.2, and a control."""
    study = make_study()
    for number in range(1, N_MICE):
        add_test(add_mouse(study, f"D{number}"), 50, 10 * number)
    add_test(add_mouse(study, "C1", "control"), 50, 60)
    add_phenotypes(study)
    return study


def sucrose() -> Assay:
    return Assay.objects.get(name="sucrose preference")


def metric(name: str) -> AssayMetric:
    return AssayMetric.objects.get(name=name)


def send(client: Client, assay: Assay, session: str = "day 1", **sent: object):
    return client.post(f"/studies/S1/assays/{assay.pk}/entry/?session={session}", sent)


def cells(**values: tuple[str, str]) -> dict[str, str]:
    """Sucrose and total intake (g) by mouse."""
    names = [metric(name).pk for name in ("sucrose_intake_g", "sucrose_total_intake_g")]
    pks = dict(Mouse.objects.values_list("code", "pk"))
    return {
        f"value-{pks[mouse]}-{name}": text
        for mouse, texts in values.items()
        for name, text in zip(names, texts, strict=True)
    }


def stored() -> set[tuple[str, str, str, float]]:
    return set(AssayResult.objects.values_list("mouse__code", "metric__name", "session", "value"))


def test_a_sheet_takes_all_values_or_none_and_changes_for_a_reason(study: Study):
    client, assay = signed_in(), sucrose()
    answer = send(client, assay, what="sheet", **cells(D1=("6", "8"), D2=("9", "8"), D3=("x", "8")))
    text = answer.content.decode()
    assert answer.status_code == 400
    assert "x is not a number" in text
    assert "sucrose_intake_g of D2 is 9, more than sucrose_total_intake_g (8); correct one of the two." in text
    assert 'value="6"' in text
    assert stored() == set()
    assert send(client, assay, what="sheet", **cells(D1=("6", "8"), D2=("2", ""))).status_code == 302
    first = {
        ("D1", "sucrose_intake_g", "day 1", 6.0), ("D1", "sucrose_total_intake_g", "day 1", 8.0),
        ("D2", "sucrose_intake_g", "day 1", 2.0),
    }  # fmt: skip
    assert stored() == first
    warned = send(client, assay, what="sheet", **cells(D1=("7", "8"), D2=("2", "4")))
    assert "6.0 is stored; 7.0 would replace it." in warned.content.decode()
    assert stored() == first
    send(client, assay, what="sheet", history_reason="misread", **cells(D1=("7", "8"), D2=("2", "4")))
    assert ("D1", "sucrose_intake_g", "day 1", 7.0) in stored()
    assert ("D2", "sucrose_total_intake_g", "day 1", 4.0) in stored()


def test_a_wide_table_is_previewed_and_imported_as_a_whole_and_can_be_undone(study: Study):
    client, assay = signed_in(), sucrose()
    table = "mouse;session;sucrose_intake_g;sucrose_total_intake_g\nD1;day 2;6,5;8\nD9;day 2;1;2\nD2;day 2;;4\n"
    answer = send(client, assay, what="file", step="check", text=table)
    text = answer.content.decode()
    assert text.count("There is no mouse D9 in study S1") == 1  # once, not for each of its values
    assert answer.status_code == 400
    wrong = send(client, assay, what="file", step="check", text="mouse,sucrose_preference_percent,weight\nD1,80,3\n")
    text = wrong.content.decode()
    assert "sucrose_preference_percent is computed (sucrose_intake_g / sucrose_total_intake_g × 100)" in text
    assert "weight is no metric of sucrose preference; known are mouse, session" in text
    file = SimpleUploadedFile("sucrose.csv", table.replace("D9;day 2;1;2\n", "").encode())
    checked = send(client, assay, what="file", step="check", file=file)
    assert "Import 3 results" in checked.content.decode()
    assert stored() == set()
    token = checked.context["token"]
    assert send(client, assay, what="file", step="import", token=token).status_code == 302
    assert stored() == {
        ("D1", "sucrose_intake_g", "day 2", 6.5), ("D1", "sucrose_total_intake_g", "day 2", 8.0),
        ("D2", "sucrose_total_intake_g", "day 2", 4.0),
    }  # fmt: skip
    log = Import.objects.get()
    assert (log.file_name, log.n_created) == ("sucrose.csv", 3)
    client.post(f"/records/imports/{log.pk}/undo/", {"reason": "wrong day"})
    assert stored() == set()


def test_the_page_shows_groups_sessions_the_computed_percent_and_the_correlation(study: Study):
    client, assay = signed_in(), sucrose()
    sent = {f"D{number}": (str(number), "10") for number in range(1, N_MICE)} | {"C1": ("8", "10")}
    send(client, assay, what="sheet", **cells(**sent))
    mouse = Mouse.objects.get(code="D1")
    AssayResult.objects.create(
        study=study, mouse=mouse, metric=metric("sucrose_preference_percent"), session="day 1", value=99
    )
    page = client.get(f"/studies/S1/assays/{assay.pk}/")
    found = {one["metric"].name: one for one in page.context["metrics"]}
    percent = found["sucrose_preference_percent"]
    assert percent["n_computed"] == 7
    # D1 to D4 (10 to 40 %) are below the cutoff of 1, D5 (ratio 1) and D6 are not; what was typed of D1 does not count.
    assert [(row.group, row.n, row.median, row.low, row.high) for row in percent["summaries"]] == [
        ("control", 1, 80, 80, 80), ("susceptible", 4, 25, 10, 40), ("resilient", 2, 55, 50, 60),
    ]  # fmt: skip
    pooled = percent["correlations"][0]
    # Ratio ranks 1 to 6 of D1-D6 and 6.5 for D6 and C1 (both 1.2): ranks 1..5, 6.5, 6.5 against 1..7;
    # rho = 27.5 / sqrt(27.5 x 28) = sqrt(27.5 / 28) = .9910
    assert (pooled["group"], pooled["n"]) == ("", 7)
    assert pooled["rho"] == pytest.approx(0.99103, abs=1e-5)
    assert "a rank correlation needs 5 mice" in percent["correlations"][1]["reason"]
    figure = client.get(f"/studies/S1/assays/{assay.pk}/figures/{percent['metric'].pk}.html").content.decode()
    assert "n = 7 mice, 7 results" in figure
    Exclusion.objects.create(study=study, mouse=mouse, criterion="ill")
    AssayResult.objects.filter(mouse__code="D2", metric__name="sucrose_intake_g").update(exclusion_criterion="spilled")
    page = client.get(f"/studies/S1/assays/{assay.pk}/")
    percent = {one["metric"].name: one for one in page.context["metrics"]}["sucrose_preference_percent"]
    assert [(row.group, row.n) for row in percent["summaries"]] == [
        ("control", 1),
        ("susceptible", 2),
        ("resilient", 2),
    ]
    assert [row["mouse"] for row in percent["excluded"]] == ["D1", "D2"]
    index = " ".join(client.get("/studies/S1/assays/").content.decode().split())
    assert "sucrose preference</a>" in index
    assert client.get(f"/studies/S1/assays/{assay.pk}/figures/999999.svg").status_code == 404


def test_an_assay_of_the_lab_is_defined_with_its_metrics_on_one_page(study: Study):
    client = signed_in()
    sent = {
        "name": "marble burying",
        "name-1": "marbles_buried",
        "minimum-1": "0",
        "maximum-1": "20",
        "name-3": "dig_s",
    }
    wrong = client.post("/studies/S1/assays/new/", {**sent, "minimum-1": "30", "unit-3": "s"})
    assert "20 is below the minimum (30)" in wrong.content.decode()
    assert not Assay.objects.filter(name="marble burying").exists()
    assert "enter a metric" in client.post("/studies/S1/assays/new/", {"name": "nothing"}).content.decode()
    made = client.post("/studies/S1/assays/new/", {**sent, "unit-3": "s"})
    assay = Assay.objects.get(name="marble burying")
    assert made["Location"] == f"/studies/S1/assays/{assay.pk}/entry/"
    assert set(assay.metrics.values_list("name", "unit", "maximum")) == {
        ("marbles_buried", "", 20.0),
        ("dig_s", "s", None),
    }
    assert client.get("/studies/S1/assays/new/").status_code == 200
    assert signed_in("investigator", study, "ina").get("/studies/S1/assays/new/").status_code == 403
    assert signed_in("manager", make_study("S2"), "sue").get("/studies/S1/assays/").status_code == 404


def test_controls_tested_twice_say_what_cannot_be_told_from_the_cutoff(study: Study):
    client = signed_in()
    text = " ".join(client.get("/studies/S1/scoring/").content.decode().split())
    assert "The error of a test needs 5 controls tested twice with a ratio above 0, there are 0." in text
    # Ratios 1 and 1 e^(.1 x d) with d = -2, -1, 0, 1, 2: SD of the differences .1 sqrt(10 / 4) = .15811, SEM .1118;
    # e^(1.96 x .1118) = 1.245, so .803 to 1.245; of .2, .4 ... 1.2 the ratios 1 and 1.2 lie there.
    for number, second in enumerate([40.9365, 45.2419, 50, 55.2585, 61.0701]):
        mouse = add_mouse(study, f"C{number + 2}", "control")
        add_test(mouse, 50, 50 + 0.0001 * number)
        add_test(mouse, 50, second, number=2)
    text = " ".join(client.get("/studies/S1/scoring/").content.decode().split())
    assert "0.112 of the log ratio" in text
    assert "A ratio from 0.80 to 1.24 cannot be told from the cutoff of 1.00 by one test" in text
    assert "2 of 6 defeated mice lie there" in text
