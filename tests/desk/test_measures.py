"""Neuroplasticity: one value a mouse, how it goes along with behavior, arms by letter, and a wide table brought in."""

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from scipy.stats import mannwhitneyu, spearmanr, ttest_ind

from labdb.accounts.models import User
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Exclusion, Mouse, Study
from labdb.registry.import_log import Import
from labdb.tissue.models import BrainRegion, TissueMeasurement
from labdb.treatment.models import ArmLetter
from tests.analysis.small_study import add_mouse, add_test, make_study, make_treated_study
from tests.analysis.treated_study import add_phenotypes, add_responses, add_reversal, add_run, add_scores, signed_in
from tests.treatment.blinded_study import account, browser

pytestmark = pytest.mark.django_db
# Ratio rises from D1 to D6 (susceptible) and D7 to D12 (resilient); the volume falls, but for one exchange in each.
VOLUMES = [30.0, 29, 27, 28, 26, 25, 24, 22, 23, 21, 20, 19]


def measure(
    mouse: Mouse, value: float, metric: str = "volume", region: str = "HIP", **fields: object
) -> TissueMeasurement:
    place = BrainRegion.objects.get(code=region)
    known = {"modality": "MRI", "unit": "mm3", "hemisphere": "B"}
    return TissueMeasurement.objects.create(
        study=mouse.study, mouse=mouse, region=place, metric=metric, value=value, **{**known, **fields}
    )  # fmt: skip


@pytest.fixture
def study() -> Study:
    """D1 to D12 with ratios .15, .30 ... 1.80 and volumes; C1 is a control with neither."""
    study = make_study()
    for number, volume in enumerate(VOLUMES, start=1):
        mouse = add_mouse(study, f"D{number}")
        add_test(mouse, 80, 12 * number)
        measure(mouse, volume)
    add_mouse(study, "C1", "control")
    add_phenotypes(study)
    return study


def page(client: Client, **asked: object):
    return client.get("/studies/S1/measures/", asked)


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_correlations_stand_pooled_and_within_the_phenotypes_and_leave_excluded_mice_out(study: Study):
    client = signed_in()
    answer = page(client)
    found = {one.group: one for one in answer.context["relations"]}
    # Two exchanges of neighbors in a falling order of 12: rho = -(1 - 6 x 4 / (12 x 143)) = -.98601 (SciPy agrees).
    assert found[""].found.rho == pytest.approx(-(1 - 24 / (12 * 143)))
    assert found[""].found.rho == pytest.approx(spearmanr(range(12), VOLUMES).statistic)
    assert found[""].adj_p_value == pytest.approx(found[""].found.p_value)  # one measure is a family of one
    # One exchange in a falling order of six: -(1 - 6 x 2 / (6 x 35)); Kendall's table has P(rho >= .943) = .0083.
    assert [(found[name].found.n, round(found[name].found.rho, 4)) for name in ("susceptible", "resilient")] == [
        (6, round(-(1 - 12 / 210), 4))
    ] * 2
    assert found["resilient"].found.p_value == pytest.approx(2 * 6 / 720)
    said = text_of(answer)
    assert "Pooled, a correlation is mostly the difference of the groups" in said
    assert "over 1 measure (region" in said
    Exclusion.objects.create(study=study, mouse=Mouse.objects.get(code="D1"), criterion="ill")
    add_phenotypes(study)
    answer = page(client)
    assert answer.context["relations"][0].found.n == 11
    assert "Left out, 1 excluded mouse: " in text_of(answer)
    few = Mouse.objects.filter(code__in=["D2", "D3", "D4", "D5"])
    for mouse in few:
        measure(mouse, 7, "spine_density", "PFC", unit="per 10 um", modality="histology")
    reasons = {one.found.reason for one in page(client).context["relations"] if one.measure.metric == "spine_density"}
    assert "a rank correlation needs 5 mice with both values, there are 4" in reasons
    measure(Mouse.objects.get(code="D6"), 7, "spine_density", "PFC", unit="per 10 um", modality="histology")
    assert "one of the measures is the same in all mice" in text_of(page(client))


def test_a_run_that_is_out_of_date_is_not_read(study: Study):
    SocialInteractionTest.objects.filter(mouse__code="D1").update(iz_present_s=140)
    answer = page(signed_in())
    assert "of phenotype is out of date (SI tests or exclusions changed)" in text_of(answer)
    assert {one.group for one in answer.context["relations"]} == {"", "defeated"}
    add_phenotypes(study)
    assert {one.group for one in page(signed_in(name="tom")).context["relations"]} == {"", "susceptible", "resilient"}


def test_replicates_are_averaged_within_a_rater_and_raters_are_compared(study: Study):
    ann, bob = User.objects.create(username="ann"), User.objects.create(username="bob")
    for number, (first, again, second) in enumerate([(8, 10, 10), (10, 12, 12), (12, 14, 14), (14, 16, 17)], start=1):
        mouse = Mouse.objects.get(code=f"D{number}")
        for replicate, (value, rater) in enumerate([(first, ann), (again, ann), (second, bob)], start=1):
            measure(mouse, value, "spines", "PFC", unit="", replicate=replicate, rater=rater, is_rater_blinded=True)
    answer = page(signed_in())
    measured = answer.context["measured"]
    key = "PFC|B|MRI|spines"
    # D1: ann's mean 9, bob 10: 9.5, not the mean of all three readings (9.33)
    assert measured.values[key].dropna().round(6).tolist() == [9.5, 11.5, 13.5, 16.0]
    [both] = measured.readers
    assert (both.first, both.second, both.n_mice) == ("ann", "bob", 4)
    assert both.limits.difference == pytest.approx((-1 - 1 - 1 - 2) / 4)
    assert "Read by two raters" in text_of(answer)
    assert "12 of 12" in text_of(answer)


def test_a_metric_in_two_units_is_refused_with_its_rows(study: Study):
    odd = Mouse.objects.get(code="D3")
    TissueMeasurement.objects.filter(mouse=odd).update(unit="cm3", value=0.027)
    answer = page(signed_in())
    said = text_of(answer)
    assert "HIP both sides volume, MRI is in mm3 in 11 rows and in cm3 in 1 row, so nothing is computed of it" in said
    assert f'/records/tissue-measurements/{TissueMeasurement.objects.get(mouse=odd).pk}/">D3: 0.027 cm3</a>' in said
    assert answer.context["measured"].measures == []


def test_figures_lead_to_the_mice_and_are_files_for_a_paper(study: Study):
    client = signed_in()
    add_test(Mouse.objects.get(code="D1"), 100, 60, number=2)
    root = "/studies/S1/measures/figures"
    scatter = client.get(f"{root}/si-scatter.html?measure=HIP|B|MRI|volume&test=1").content.decode()
    spec = json.loads(re.search(r'<script id="[^"]+-spec" type="application/json">(.*?)</script>', scatter)[1])
    drawn = json.dumps(spec)
    assert '"url": "/studies/S1/mice/D1/"' in drawn
    assert "all, pooled: n = 12" in drawn
    assert "susceptible (n = 6)" in drawn
    assert (
        b"n = 1 mice; 11 more without an SI ratio"
        in client.get(f"{root}/si-scatter.html?measure=HIP|B|MRI|volume&test=2").content
    )
    forest = client.get(f"{root}/forest.svg")
    assert forest["Content-Type"] == "image/svg+xml"
    assert b"HIP both sides volume, MRI, all, pooled" in forest.content
    assert client.get(f"{root}/forest.pdf").content[:4] == b"%PDF"
    for address, sentence in (
        (
            "si-scatter.html?measure=HIP|B|MRI|weight",
            "HIP|B|MRI|weight is not a measure of this study in one unit; there are: HIP|B",
        ),
        ("spiral.html", "spiral is not a figure of measures"),
        ("forest.gif", "A figure is not drawn as gif"),
    ):
        refused = client.get(f"{root}/{address}")
        assert (refused.status_code, sentence in refused.content.decode()) == (404, True), address
    assert signed_in("manager", make_study("S2"), "sue").get("/studies/S1/measures/").status_code == 404


def treated_and_measured() -> tuple[Study, dict[str, list[float]]]:
    """Six mice in each of two arms with volumes, those of the drug higher; the other mice as well."""
    study = make_treated_study(n_per_group=6, n_genes=10)
    values: dict[str, list[float]] = {}
    for place, mouse in enumerate(Mouse.objects.filter(study=study).order_by("code")):
        value = 20 + 0.37 * place % 2.9 + (2 if mouse.code[0] == "k" else 0)
        values.setdefault(mouse.code[0], []).append(value)
        measure(mouse, value)
    return study, values


def test_arms_are_compared_with_the_vehicle_among_randomized_mice(db: None):
    study, values = treated_and_measured()
    responses = add_responses(study, add_phenotypes(study))
    reversal = add_run(study, "reversal")
    add_scores(study, add_reversal(reversal))
    answer = page(signed_in())
    [one] = answer.context["by_arm"]
    assert (one.name, one.reference) == ("ketamine", "saline")
    assert (one.by_means.n, one.by_means.n_reference) == (
        6,
        6,
    )  # controls and resilient mice with vehicle are not drawn by lot
    theirs = ttest_ind(values["k"], values["s"], equal_var=False)
    assert one.by_means.p_value == pytest.approx(theirs.pvalue)
    assert (one.by_means.low, one.by_means.high) == pytest.approx(tuple(theirs.confidence_interval()))
    [answered] = answer.context["by_response"]
    responders = [value for place, value in enumerate(values["k"]) if place % 2 == 0]
    others = [*(value for place, value in enumerate(values["k"]) if place % 2), *values["s"]]
    assert (answered.by_ranks.n, answered.by_ranks.n_reference) == (3, 9)
    assert answered.by_ranks.p_value == pytest.approx(mannwhitneyu(responders, others, method="exact").pvalue)
    assert f"/analysis/runs/{responses.pk}/" in text_of(answer)
    [scored] = answer.context["by_score"]
    assert (scored.arm, scored.region, scored.found.n) == ("ketamine", "PFC", 6)
    assert scored.found.reason == "one of the measures is the same in all mice"  # add_scores gives all .38
    tom = signed_in(name="tom")
    figure = tom.get("/studies/S1/measures/figures/arms.html?measure=HIP|B|MRI|volume").content.decode()
    assert "/studies/S1/mice/k0/" in figure
    newer = add_phenotypes(study)  # adopted: what was read of the older one is out of date
    said = text_of(page(tom))
    assert f"of response is out of date (run {newer.pk} of phenotype is current now)" in said
    assert "Responders against non-responders" not in said
    assert tom.get("/studies/S1/measures/?test=9").status_code == 404


def test_a_blinded_study_is_compared_by_letter_and_no_mouse_is_told(db: None):
    study, values = treated_and_measured()
    add_scores(study, add_reversal(add_run(study, "reversal")))
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    client = browser(account("ann", role="analyst", study=study))
    answer = page(client)
    [one] = answer.context["by_arm"]
    assert {one.name, one.reference} == {"arm A", "arm B"}
    means = {f"arm {row.letter}": sum(values[row.arm.name[0]]) / 6 for row in ArmLetter.objects.select_related("arm")}
    assert (one.by_means.mean, one.by_means.reference_mean) == pytest.approx((means[one.name], means[one.reference]))
    said = text_of(answer)
    assert "none is told to be the vehicle" in said
    assert "scores say which mice share an arm" in said
    figure = client.get("/studies/S1/measures/figures/arms.html?measure=HIP|B|MRI|volume").content.decode()
    for text in (said, figure):
        assert not [name for name in ("saline", "ketamine") if name in text]
    assert "/mice/" not in figure
    assert "arm A (n = 6)" in figure
    TissueMeasurement.objects.filter(mouse__code__in=["k0", "k1"]).delete()
    [one] = page(client).context["by_arm"]
    assert one.by_means.mean is None
    assert "letters are told of 5 mice or more in each arm" in one.by_means.reason


def send(client: Client, **sent: object):
    return client.post("/studies/S1/measures/entry/", {"modality": "MRI", **sent})


def test_a_wide_table_is_read_by_its_column_names_and_imported_as_a_whole(study: Study):
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    TissueMeasurement.objects.all().delete()
    tina = account("tina", role="technician", study=study)
    client = browser(tina)
    table = "mouse;HIP_gray_matter_volume_mm3;lh PFC Spine density (per 10 µm);AMY_r_fa;group\nD1;25,5;14;0,4;x\nD2;26;;0.5;x\n"
    refused = send(client, step="check", text=table, rater="tina")
    assert refused.status_code == 400
    assert "group begins with no region; known are" in text_of(refused)
    file = SimpleUploadedFile("scan.csv", table.replace("0.5", "0,5").encode())
    checked = send(client, step="check", file=file, rater="tina", leave_out="on", rated_date="2026-03-14")
    assert [(one.region, one.hemisphere, one.metric, one.unit) for one in checked.context["header"].measures] == [
        ("HIP", "", "gray_matter_volume", "mm3"), ("PFC", "L", "Spine_density", "per 10 um"), ("AMY", "R", "fa", ""),
    ]  # fmt: skip
    assert "Import 5 measurements" in text_of(checked)
    assert "yes for 5, no for 0" in text_of(checked)
    assert not TissueMeasurement.objects.exists()
    sent = {"rater": "tina", "leave_out": "on", "rated_date": "2026-03-14", "token": checked.context["token"]}
    stored = send(client, step="import", **sent)
    assert stored["Location"] == "/studies/S1/measures/"
    rows = TissueMeasurement.objects.order_by("pk")
    assert set(rows.values_list("mouse__code", "region__code", "hemisphere", "value", "unit")) == {
        ("D1", "HIP", "", 25.5, "mm3"), ("D1", "PFC", "L", 14.0, "per 10 um"), ("D1", "AMY", "R", 0.4, ""),
        ("D2", "HIP", "", 26.0, "mm3"), ("D2", "AMY", "R", 0.5, ""),
    }  # fmt: skip
    assert set(rows.values_list("rater", "is_rater_blinded", "modality")) == {(tina.pk, True, "MRI")}
    assert Import.objects.get().n_created == 5
    # The unit that a column does not say is the stored one, and a metric is spelled as before.
    again = send(
        client, step="check", text="mouse,HIP Gray Matter Volume\nD3,-24\nD99,24\n", rater="nobody", replicate="0"
    )
    assert again.context["header"].measures[0].note == "in mm3, as stored before"
    wrong = text_of(again)
    assert "There is no mouse D99 in study S1" in wrong
    assert wrong.count("There is no account nobody") == 1  # once for the whole table
    negative = send(client, step="check", text="mouse,HIP_gray_matter_volume\nD3,-24\n")
    assert "-24 mm3 is below 0, which gray_matter_volume cannot be" in text_of(negative)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("HIP_volume_mm3\n25\n", "The column mouse is missing"),
        ("mouse,HIP_volume_mm3,HIP volume (mm3)\nD1,2,3\n", "stand for the same measure"),
        ("mouse,Mouse,HIP_volume_mm3\nD1,D2,3\n", "Two columns stand for mouse"),
        ("mouse,HIP_L\nD1,2\n", "HIP_L says no metric"),
        ("mouse,HIP_volume_mm3\nD1,\n", "No value stands below the names of the measures"),
        ("mouse\nD1\n", "There is no column of a measure"),
        ("mouse,HIP_volume_mm3\nD1,big\n", "big is not a number"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(study: Study, table: str, sentence: str):
    answer = send(signed_in(), step="check", text=table)
    assert answer.status_code == 400
    assert sentence in text_of(answer)


def test_who_holds_the_key_is_not_blind_and_says_why_all_the_same(study: Study):
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    client = browser(account("al", role="allocator", everywhere="technician", study=study))
    answer = send(client, step="check", text="mouse,PFC_volume_mm3\nD1,6\n", rater="al")
    said = text_of(answer)
    assert "yes for 0, no for 1" in said
    assert "the key of study S1, which is blinded; let somebody score who does not know the arms" in said


def test_a_mouse_shows_its_measurements_with_their_pictures(study: Study, settings, tmp_path):
    settings.DATA_DIR = settings.MEDIA_ROOT = tmp_path
    client = signed_in()
    row = TissueMeasurement.objects.get(mouse__code="D1")
    png = bytes.fromhex("89504e470d0a1a0a") + b"not much of a picture"
    client.post(
        f"/records/tissue-measurements/{row.pk}/attachments/",
        {"file": SimpleUploadedFile("slice.png", png), "description": "slice 12"},
    )
    said = text_of(client.get("/studies/S1/mice/D1/"))
    assert "Neuroplasticity" in said
    assert "30.00 mm3" in said
    assert re.search(r'<img class="measurement-image" src="/[^"]+" alt="slice 12"', said)
    assert 'id="neuroplasticity"' not in text_of(client.get("/studies/S1/mice/C1/"))
