"""The page of pools: a plan is looked at, warned of, stored with its seed, and keeps arms from who may not know them."""

import re
from typing import Any

import pytest

from labdb.colony.models import Mouse, Study
from labdb.registry.batch import check_rows
from labdb.registry.record import record_for
from labdb.sequencing.models import Library, LibraryRun, PoolPlan, SequencingRun
from tests.analysis.small_study import add_library, add_mouse, make_study
from tests.sequencing.lab import member, signed_in
from tests.treatment.blinded_study import account, browser, make_blinded_study

pytestmark = pytest.mark.django_db
URL = "/studies/S1/pools/"
ASKED = {"n_pools": "2", "names": "P", "first": "group within region", "factors": ["cohort"], "seed": "7"}


@pytest.fixture
def study() -> Study:
    """Four controls and four defeated mice in two cohorts, two regions each."""
    study = make_study()
    for number in range(8):
        group = "control" if number < 4 else "defeated"
        mouse = add_mouse(study, f"M{number}", group, cohort=f"C{number % 2}")
        for region in ("PFC", "NAc"):
            add_library(mouse, region)
    SequencingRun.objects.create(code="RUN1")
    return study


def text_of(answer: Any, status: int = 200) -> str:
    text = " ".join(answer.content.decode().split())
    assert answer.status_code == status, text
    return text


def digest_in(text: str) -> str:
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', text)
    assert found, text
    return found.group(1)


def groups_by_pool() -> dict[tuple[str, str, str], int]:
    counts: dict[tuple[str, str, str], int] = {}
    path = "extractions__samples__mouse__group", "extractions__samples__region__code"
    for cell in Library.objects.values_list("pool", *path):
        counts[cell] = counts.get(cell, 0) + 1
    return counts


def test_a_plan_is_looked_at_stored_and_dealt_again(study: Study):
    client = signed_in(member(study, "technician"))
    asked = {**ASKED, "run": "RUN1", "lanes": "1; 2", "spread": "own", "reads_million": "25"}
    text = text_of(client.post(URL, asked))
    assert "Nothing that contrasts are made of goes together with the pools." in text
    assert 'aria-label="Group x lane"' in text  # before anything is on a lane
    assert not PoolPlan.objects.exists() and not Library.objects.exclude(pool="").exists()
    answer = client.post(URL, {**asked, "save": "yes", "digest": digest_in(text)})
    assert answer.status_code == 302, answer.content.decode()
    cells = {
        (pool, group, region) for pool in ("P1", "P2") for group in ("control", "defeated") for region in ("PFC", "NAc")
    }
    assert groups_by_pool() == dict.fromkeys(cells, 2)
    plan = PoolPlan.objects.get()
    assert (plan.seed, plan.n_libraries, plan.lanes) == (7, 16, "RUN1 lane 1, 2")
    assert plan.evenness.startswith("group within region 0 (0)")
    lanes = LibraryRun.objects.filter(library__pool="P1")
    assert {(one.lane, one.planned_reads_million) for one in lanes} == {("1", 25.0)}
    again = text_of(client.get(URL, {"again": plan.pk}))
    assert "16 of 16 libraries are where its seed puts them" in again
    assert "Nothing is left to plan: every library is on a run." in again
    assert 'aria-label="Group x lane"' in again and "RUN1 lane 2</th>" in again
    one = Library.objects.filter(pool="P1").first()
    assert one is not None
    one.pool = "P2"
    one.save()
    assert "15 of 16 libraries" in text_of(client.get(URL, {"again": plan.pk}))


def test_what_is_missing_is_said_and_nothing_is_stored(study: Study):
    client = signed_in(member(study, "technician"))
    for wrong, says in [
        ({"per_pool": "8"}, "one of the two"),
        ({"n_pools": ""}, "one of the two"),
        ({"n_pools": "17"}, "17 pools are more than the 16 libraries"),
        ({"n_pools": "x"}, "number of pools"),
        ({"lanes": "1"}, "choose the run"),
        ({"run": "RUN1", "lanes": "0"}, "0 is no lane"),
        ({"first": "shoe size"}, "most important"),
        ({"names": "a b"}, "a b cannot begin"),
        ({"names": "\0"}, ""),
        ({"seed": "-1"}, "seed"),
    ]:
        answer = client.post(URL, {**ASKED, **wrong})
        assert answer.status_code in (400, 409), (wrong, answer.status_code)
        assert says in answer.content.decode(), wrong
    assert "Libraries were changed" in text_of(client.post(URL, {**ASKED, "save": "yes", "digest": "0" * 64}), 409)
    assert not PoolPlan.objects.exists()


def test_equal_indexes_that_no_plan_can_part_are_refused(study: Study):
    Library.objects.filter(code__in=["M0-PFC", "M1-PFC", "M2-PFC"]).update(index_i7="ACGTACGT", index_i5="TTGGTTGG")
    client = signed_in(member(study, "technician"))
    text = text_of(client.post(URL, ASKED), 409)
    assert "3 libraries have the index ACGTACGT + TTGGTTGG (M0-PFC, M1-PFC, M2-PFC)" in text


def test_groups_parted_by_batch_are_warned_of_before_anything_is_sequenced(study: Study):
    for one in Library.objects.all():
        extraction = one.extractions.get()
        extraction.batch = "B1" if "control" in str(extraction.samples.get().mouse.group) else "B2"
        extraction.save()
    client = signed_in(member(study, "technician"))
    text = text_of(client.post(URL, ASKED))
    assert (
        "Group and extraction batch are confounded: no extraction batch holds both sides of control | defeated" in text
    )
    saved = {**ASKED, "save": "yes", "digest": digest_in(text)}
    assert "say why it is stored all the same" in text_of(client.post(URL, saved), 400)
    assert client.post(URL, {**saved, "reason": "The batches are done."}).status_code == 302
    assert PoolPlan.objects.count() == 1


def test_a_pool_of_one_group_by_hand_needs_a_reason(study: Study):
    user = member(study, "technician")
    record = record_for(Library)
    controls = [f"M{number}-PFC" for number in range(4)]
    rows = [(line, {"study": "S1", "code": code, "pool": "P1"}) for line, code in enumerate(controls, 2)]
    rows.append((9, {"study": "S1", "code": "M4-PFC", "pool": "P2"}))
    checked = check_rows(record, rows, user=user, given={"code", "pool"})
    warnings = [(row.line, name, said) for row in checked for name, said in row.warnings]
    assert len(warnings) == 1
    assert warnings[0][:2] == (2, "pool")
    assert warnings[0][2].startswith("Pool P1 would hold 4 libraries of control alone, while others are of defeated")
    mixed = [*rows[:3], (5, {"study": "S1", "code": "M5-PFC", "pool": "P1"}), rows[4]]
    assert not [row.warnings for row in check_rows(record, mixed, user=user, given={"code", "pool"}) if row.warnings]


def test_a_library_is_refused_on_a_lane_that_has_its_index(study: Study):
    user = member(study, "technician")
    Library.objects.filter(code__in=["M0-PFC", "M1-PFC"]).update(index_i7="ACGTACGT")
    Library.objects.filter(code="M0-PFC").update(pool="P1")
    Library.objects.filter(code="M1-PFC").update(pool="P2", index_i7="acgtacgt")
    record = record_for(LibraryRun)
    rows = [(line, {"library": code, "run": "RUN1", "lane": "1"}) for line, code in enumerate(["M0-PFC", "M1-PFC"], 2)]
    first, second = check_rows(record, rows, user=user, study=study)
    assert not first.errors
    assert second.errors == {
        "lane": [
            "M0-PFC has the index acgtacgt on lane 1 of RUN1 already; choose another lane, or give one of the two "
            "another index."
        ]
    }
    run = SequencingRun.objects.get()
    Library.objects.filter(code="M1-PFC").update(index_i7="TTTTACGT")
    for code in ("M0-PFC", "M1-PFC"):
        LibraryRun.objects.create(study=study, library=Library.objects.get(code=code), run=run, lane="1")
    changed = [(2, {"study": "S1", "code": "M1-PFC", "index_i7": "ACGTACGT"})]
    [row] = check_rows(record_for(Library), changed, user=user, given={"code", "index_i7"})
    assert "M0-PFC has this index on lane 1 of RUN1" in row.errors["index_i7"][0]


def test_arms_of_a_blinded_study_are_balanced_by_holders_and_stored_without_their_levels():
    study = make_blinded_study()
    for mouse in Mouse.objects.filter(study=study):
        add_library(mouse, "PFC")
    holder = account("holder", role="manager", study=study, everywhere="allocator")
    other = account("other", role="manager", study=study)
    url = f"/studies/{study.code}/pools/"
    asked = {"n_pools": "2", "names": "P", "first": "arm", "seed": "3"}
    refused = text_of(browser(other).post(url, asked), 400)
    assert "arm A" not in refused and "most important" in refused
    text = text_of(browser(holder).post(url, asked))
    assert "arm A" in text
    answer = browser(holder).post(url, {**asked, "save": "yes", "digest": digest_in(text)})
    assert answer.status_code == 302, answer.content.decode()
    plan = PoolPlan.objects.get()
    assert "not shown" in plan.input_snapshot and "arm A" not in plan.input_snapshot
    assert "zeta" not in plan.input_snapshot
    assert "4 of 4 libraries are where its seed puts them" in text_of(browser(holder).get(url, {"again": plan.pk}))
    seen = text_of(browser(other).get(url, {"again": plan.pk}))
    assert "arm A" not in seen and "cannot be dealt again" in seen
