"""The page of randomization: nothing is drawn before it is stored, one click stores it, and it can be repeated."""

import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Study, StudyMembership
from labdb.treatment.models import Allocation, AllocationKey, Randomization, TreatmentArm
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.treated_study import add_phenotypes

pytestmark = pytest.mark.django_db
URL = "/studies/S1/randomize/"
STRATIFIED = {"method": "stratified", "factors": ["cohort"], "phenotypes": ["susceptible"]}


@pytest.fixture
def study() -> Study:
    """Twelve susceptible mice in two cohorts, two resilient ones and two controls."""
    study = make_study()
    for number in range(1, 13):
        add_test(add_mouse(study, f"M{number}", cohort=f"C{1 + number % 2}"), 50, 20 + number)
    for number in (1, 2):
        add_test(add_mouse(study, f"R{number}"), 50, 80)
        add_test(add_mouse(study, f"K{number}", "control"), 50, 80)
    for name in ("ketamine", "saline"):
        TreatmentArm.objects.create(study=study, name=name, is_vehicle=name == "saline")
    add_phenotypes(study)
    return study


def member(study: Study, role: str) -> Client:
    user = User.objects.create(username=role.replace(" ", "-"))
    StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def shares(study: Study, **share_of: int) -> dict[str, str]:
    pks = dict(TreatmentArm.objects.filter(study=study).values_list("name", "pk"))
    return {f"share-{pks[name]}": str(share) for name, share in share_of.items()}


def post(client: Client, url: str, sent: dict[str, Any], status: int) -> str:
    answer = client.post(url, sent)
    text = " ".join(answer.content.decode().split())
    assert answer.status_code == status, text
    return text


def digest_in(text: str) -> str:
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', text)
    assert found, text
    return found.group(1)


def randomized(client: Client, study: Study, url: str = URL, **more: Any) -> Randomization:
    sent = {**STRATIFIED, **shares(study, saline=1, ketamine=1), **more}
    digest = digest_in(post(client, url, sent, 200))
    post(client, url, {**sent, "digest": digest, "save": "yes"}, 302)
    latest = Randomization.objects.order_by("pk").last()
    assert latest is not None
    return latest


def test_who_is_eligible_is_shown_and_nothing_is_drawn_before_one_click_stores_it(study: Study):
    client = member(study, "allocator")
    assert URL in client.get("/studies/S1/").content.decode()
    assert client.get(URL).status_code == 200
    sent = {**STRATIFIED, **shares(study, saline=1, ketamine=1)}
    text = post(client, URL, sent, 200)
    assert "12 eligible" in text
    assert "alive, not excluded, not allocated. Drawn in this order." in text
    assert '<td>resilient</td><td class="number">2</td><td>R1, R2</td>' in text
    assert '<td>C1</td><td class="number">6</td>' in text
    preview = text.split('id="preview"')[1].split("</form>")[0].split('id="vehicle"')[0]
    assert "ketamine" not in preview
    assert not Randomization.objects.exists()
    # A mouse that dies meanwhile changes what was looked at.
    Mouse.objects.filter(code="M12").update(death_date="2025-01-01")
    assert "were changed since you looked" in post(client, URL, {**sent, "digest": digest_in(text), "save": "yes"}, 409)
    Mouse.objects.filter(code="M12").update(death_date=None)
    post(client, URL, {**sent, "digest": digest_in(text), "save": "yes"}, 302)
    stored = Randomization.objects.get()
    assert (stored.code, stored.method, stored.strata, stored.parameters) == (
        "R1",
        "stratified",
        "cohort",
        "blocks of 2 or 4",
    )
    assert stored.eligibility == f"susceptible by run {stored.phenotype_run}; alive, not excluded, not allocated"
    n_saline = AllocationKey.objects.filter(arm__name="saline").count()
    assert AllocationKey.objects.filter(arm__name="ketamine").count() == 12 - n_saline
    assert 4 <= n_saline <= 8  # of each stratum at most the rest of a block of 4 is uneven, by two mice
    page = client.get(f"/studies/S1/randomizations/{stored.pk}/?repeat=yes").content.decode()
    assert "The same list, 12 of 12." in page
    assert stored.input_digest in page
    # Ratios .42 to .64: known; nobody has a birth date or was weighed.
    assert "SI ratio" in page
    assert page.count('<a href="/studies/S1/mice/M') == 12
    figure = f"/studies/S1/randomizations/{stored.pk}/balance"
    assert "lie by chance alone" in client.get(f"{figure}.html").content.decode()
    assert client.get(f"{figure}.svg").status_code == 200
    assert client.get(f"{figure}.gif").status_code == 404
    call_command("check_randomization", "S1", "R1")
    AllocationKey.objects.update(arm=TreatmentArm.objects.get(name="saline"))
    with pytest.raises(CommandError, match=f"Not the same list: {n_saline} of 12"):
        call_command("check_randomization", "S1", "R1")
    with pytest.raises(CommandError, match="There is no randomization R9 in study S1"):
        call_command("check_randomization", "S1", "R9")


def test_late_entrants_go_on_and_a_new_list_needs_a_reason(study: Study):
    client = member(study, "allocator")
    first = randomized(client, study, seed="7")
    assert first.seed == 7
    late = f"{URL}?continues={first.pk}"
    sent = {"phenotypes": ["susceptible"]}
    assert "No mouse is eligible that is not in R1 yet" in post(client, late, sent, 409)
    for number in (13, 14, 15):
        add_mouse(study, f"M{number}", cohort="C1")
    text = post(client, late, {"phenotypes": []}, 200)  # newcomers without a test, and R1, R2, K1, K2
    assert "7 eligible" in text
    assert "after the 12 that the list has" in text
    post(client, late, {"phenotypes": [], "digest": digest_in(text), "save": "yes"}, 302)
    second = Randomization.objects.get(continues=first)
    assert (second.seed, second.allocations.count()) == (7, 7)
    assert (
        "The same list, 19 of 19." in client.get(f"/studies/S1/randomizations/{second.pk}/?repeat=yes").content.decode()
    )

    anew = f"{URL}?replaces={first.pk}"
    sent = {**STRATIFIED, **shares(study, saline=1, ketamine=2)}
    digest = digest_in(post(client, anew, sent, 200))
    said = post(client, anew, {**sent, "digest": digest, "save": "yes"}, 400)
    assert "Say why it is randomized anew" in said
    assert Randomization.objects.count() == 2
    post(client, anew, {**sent, "digest": digest, "save": "yes", "reason": "wrong ratio"}, 302)
    third = Randomization.objects.get(replaces=second)
    assert third.allocations.count() == 12
    assert Allocation.objects.filter(superseded_by=third).count() == 19
    old = client.get(f"/studies/S1/randomizations/{first.pk}/?repeat=yes").content.decode()
    assert "The same list, 12 of 12." in old
    assert f"replaced by {third}" in old
    # What counts mice by arm reads what holds, not what was replaced.
    flow = client.get("/studies/S1/").context["flow"]
    assert sum(row["is_allocated"] for row in flow) == 12


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"block_sizes": "3"}, "A block of 3 cannot hold the ratio 1:1; use multiples of 2"),
        ({"block_sizes": "two"}, "block sizes: two is no whole number from 1 to 200"),
        ({"factors": []}, "Choose a factor"),
        ({"factors": ["sex", "SI ratio tertile", "cohort", "cage"], "cohorts": ["C9"]}, "C9 is not one of the available"),
        ({"method": "coin"}, "coin is not one of the available choices"),
        ({"seed": "-1"}, "greater than or equal to 0"),
        ({"phenotypes": ["control"], "factors": ["cohort"], "method": "minimization", "best_arm_probability": "3"}, "3 is no chance of the best arm"),
        ({"phenotypes": ["unclassified"]}, "more arms (2) than mice (0)"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said_and_not_offered(study: Study, sent: dict[str, Any], sentence: str):
    client = member(study, "allocator")
    answer = client.post(URL, {**STRATIFIED, **shares(study, saline=1, ketamine=1), **sent})
    text = " ".join(answer.content.decode().split())
    assert sentence in text
    assert 'name="save"' not in text
    assert answer.status_code in (200, 400)


def test_a_forged_click_stores_nothing_that_cannot_be_drawn(study: Study):
    client = member(study, "allocator")
    Mouse.objects.filter(code="M1").update(cohort=add_mouse(study, "N1", cohort="C3").cohort)
    sent = {**STRATIFIED, **shares(study, saline=1, ketamine=1)}
    text = post(client, URL, sent, 200)
    assert "The stratum C3 has one mouse" in text
    from labdb.treatment.allocating import ListInputs  # its digest, as a script would compute it

    context = client.post(URL, sent).context["preview"]
    assert isinstance(context.inputs, ListInputs)
    assert "The stratum C3 has one mouse" in post(
        client, URL, {**sent, "digest": context.inputs.digest, "save": "y"}, 409
    )
    assert not Allocation.objects.exists()


def test_controls_and_resilient_mice_get_vehicle_at_one_click(study: Study):
    client = member(study, "allocator")
    assert "2 controls" in client.get(URL).content.decode()
    assert "2 resilient mice" in client.get(URL).content.decode()
    saline = TreatmentArm.objects.get(name="saline")
    client.post(f"{URL}vehicle/", {"arm": "no", "who": ["control"]})
    assert not Allocation.objects.exists()
    client.post(f"{URL}vehicle/", {"arm": saline.pk, "who": ["control", "resilient"]})
    given = AllocationKey.objects.filter(allocation__randomization=None, arm=saline)
    assert set(given.values_list("allocation__mouse__code", flat=True)) == {"K1", "K2", "R1", "R2"}
    assert "0 controls" in client.get(URL).content.decode()


def test_only_who_may_allocate_comes_here(study: Study):
    stored = randomized(member(study, "allocator"), study)
    for role in ("technician", "scorer", "analyst"):
        client = member(study, role)
        assert client.get(URL).status_code == 403
        assert client.post(URL, {}).status_code == 403
        assert client.post(f"{URL}vehicle/", {}).status_code == 403
        assert URL not in client.get("/studies/S1/").content.decode()
    other = member(make_study("S2"), "investigator")
    assert other.get(URL).status_code == 404
    assert other.get(f"/studies/S1/randomizations/{stored.pk}/").status_code == 404
    assert other.get(f"/studies/S2/randomizations/{stored.pk}/").status_code == 404
    assert member(study, "manager").get(f"{URL}?continues=99999999999999999999").status_code == 404


def test_in_a_blinded_study_only_its_allocators_see_a_list_or_make_one(study: Study):
    client = member(study, "allocator")
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    stored = randomized(client, study)
    page = f"/studies/S1/randomizations/{stored.pk}/"
    assert "ketamine" in client.get(page).content.decode()
    boss = Client()
    boss.force_login(User.objects.create(username="boss", is_superuser=True))
    for other in (boss, member(study, "manager"), member(study, "technician"), member(study, "analyst")):
        assert other.get(URL).status_code == 403
        for address in (page, f"{page}?repeat=yes", f"{page}balance.html", f"{page}balance.svg"):
            assert other.get(address).status_code == 404
        assert page not in other.get("/studies/S1/").content.decode()


def test_what_is_allowed_and_unwise_is_said_before_it_is_drawn(study: Study):
    client = member(study, "allocator")
    sent = {**STRATIFIED, **shares(study, saline=1, ketamine=1)}
    assert 'class="alert' not in post(client, URL, sent, 200)
    assert "2 of 2 strata have fewer mice than a block" in post(client, URL, {**sent, "block_sizes": "8"}, 200)
    sure = {**sent, "method": "minimization", "best_arm_probability": "1"}
    assert "With probability 1 whoever knows the list so far" in post(client, URL, sure, 200)
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    unequal = post(client, URL, {**sent, **shares(study, saline=1, ketamine=2)}, 200)
    assert "counts of mice by letter tell which arm is which" in unequal
    assert 'name="save"' in unequal
