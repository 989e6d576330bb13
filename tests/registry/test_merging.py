"""Two records that are one mouse become one, all of it or nothing."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from analysis.models import AnalysisRun, PhenotypeCall
from labdb.accounts.models import Role, User
from labdb.behavior.models import PhenotypeRule, SocialInteractionTest
from labdb.colony.models import Mouse, Study, StudyMembership, Weighing
from labdb.registry.attachments import Attachment, attach
from labdb.registry.deletion import Forbidden
from labdb.registry.former_names import former_names, merged_ids
from labdb.registry.imports import import_dicts
from labdb.registry.keys import KeyRing
from labdb.registry.merging import Merge, merge_records
from labdb.registry.record import record_for
from labdb.treatment.models import Allocation
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db
REASON = "ear tag read twice"


@pytest.fixture
def writer() -> Any:
    """The account that entered M001 (allocated, with tissue) and, as another mouse, M01."""
    user = make_world()
    Mouse.objects.create(study=Study.objects.get(code="S1"), code="M01", ear_tag="77", death_date="2025-07-30")
    return user


def mice() -> tuple[Mouse, Mouse]:
    return Mouse.objects.get(code="M001", study__code="S1"), Mouse.objects.get(code="M01")


def weigh(mouse: Mouse, day: int, body_mass_g: float) -> Weighing:
    return Weighing.objects.create(mouse=mouse, performed_at=f"2025-06-{day:02}T00:00Z", body_mass_g=body_mass_g)


def si_test(mouse: Mouse, iz_present_s: float) -> SocialInteractionTest:
    return SocialInteractionTest.objects.create(
        mouse=mouse, test_number=1, iz_absent_s=60, iz_present_s=iz_present_s, trial_s=150
    )


def merge(user: Any, names: tuple[str, ...] = (), **options: Any) -> Merge:
    kept, dropped = mice()
    return merge_records(kept, dropped, names, user=user, **{"reason": REASON, **options})


def test_everything_moves_and_the_code_leads_to_the_mouse_that_stays(writer: Any) -> None:
    kept, dropped = mice()
    moved = weigh(dropped, 1, 25)
    attach(dropped, SimpleUploadedFile("a.txt", b"scan"), user=writer)
    done = merge(writer, ("ear_tag", "death_date"))
    assert not done.obstacles
    assert done.moved == {Weighing: 1, Attachment: 1}
    kept.refresh_from_db()
    assert (kept.code, kept.ear_tag, str(kept.birth_date), str(kept.death_date)) == (
        "M001",
        "77",
        "2025-01-01",
        "2025-07-30",
    )
    moved.refresh_from_db()
    assert moved.mouse == kept
    assert Attachment.objects.get().record_id == kept.pk
    assert not Mouse.objects.filter(code="M01").exists()
    assert KeyRing(writer).find(Mouse, "M01") == kept
    event = type(moved).events.rel.related_model.objects.filter(pgh_obj_id=moved.pk).latest("pgh_id")
    assert event.pgh_context.metadata["reason"] == REASON


def test_rows_that_both_have_alike_are_kept_once(writer: Any) -> None:
    kept, dropped = mice()
    for mouse in (kept, dropped):
        weigh(mouse, 1, 25)
        attach(mouse, SimpleUploadedFile("a.txt", b"scan"), user=writer)
    done = merge(writer)
    assert not done.obstacles
    assert done.doubled == {Weighing: 1, Attachment: 1}
    assert Weighing.objects.get().mouse == kept


def test_fields_of_the_labs_own_are_chosen_and_make_rows_differ(writer: Any, client: Client) -> None:
    fields = [
        {"resource": resource, "name": "coat", "label": "coat", "kind": "text"} for resource in ("mice", "weighings")
    ]
    assert not import_dicts(record_for("lab-fields"), fields, user=writer).errors
    kept, dropped = mice()
    Mouse.objects.filter(pk=dropped.pk).update(lab_values={"coat": "rough"})
    ours, theirs = weigh(kept, 1, 25), weigh(dropped, 1, 25)
    Weighing.objects.filter(pk=theirs.pk).update(lab_values={"coat": "wet"})
    (obstacle,) = merge(writer).obstacles
    assert {url for _name, url in obstacle.rows} == {f"/records/weighings/{row.pk}/" for row in (ours, theirs)}
    Weighing.objects.filter(pk=theirs.pk).delete()
    client.force_login(writer)
    page = client.get("/studies/S1/mice/M001/merge/?with=M01").content.decode()
    assert 'name="take_coat" value="dropped" checked' in page
    assert not merge(writer, ("coat",)).obstacles
    assert Mouse.objects.get(code="M001").lab_values == {"coat": "rough"}


def test_what_contradicts_is_listed_with_its_rows_and_nothing_moves(writer: Any) -> None:
    kept, dropped = mice()
    first, second = si_test(kept, 30), si_test(dropped, 90)
    weigh(dropped, 1, 25)
    Allocation.objects.create(mouse=dropped, code="X2")
    done = merge(writer)
    said = {obstacle.sentence: [url for _name, url in obstacle.rows] for obstacle in done.obstacles}
    assert {sentence.split(";")[0].split(" ")[2] for sentence in said} == {
        "allocation",
        "social" if "social" in str(said) else "SI",
    }
    urls = {url for rows in said.values() for url in rows}
    assert {f"/records/si-tests/{first.pk}/", f"/records/si-tests/{second.pk}/"} <= urls
    assert Weighing.objects.get().mouse == dropped
    assert Mouse.objects.filter(code="M01").exists()


def test_a_row_that_lies_before_the_birth_of_the_mouse_that_stays_stands_in_the_way(writer: Any) -> None:
    weigh(mice()[1], 1, 25)
    Weighing.objects.update(performed_at="2024-06-01T00:00Z")  # M001 is born on 2025-01-01, of M01 nothing is known
    (obstacle,) = merge(writer).obstacles
    assert obstacle.sentence.startswith("M001 was born on 2025-01-01; 2024-06-01 is before it.")


def test_fields_that_contradict_each_other_stand_in_the_way(writer: Any) -> None:
    Mouse.objects.filter(code="M01").update(death_date="2024-12-31")
    (obstacle,) = merge(writer, ("death_date",)).obstacles
    assert obstacle.sentence.startswith("2024-12-31 is before its birth (2025-01-01)")
    assert Mouse.objects.filter(code="M01").exists()


def call(mouse: Mouse) -> None:
    run, _new = AnalysisRun.objects.get_or_create(study=mouse.study, task="phenotype", code_version="x")
    rule, _new = PhenotypeRule.objects.get_or_create(name="test rule")
    test = SocialInteractionTest.objects.create(
        mouse=mouse, test_number=mouse.pk, iz_absent_s=60, iz_present_s=30, trial_s=150
    )
    PhenotypeCall.objects.create(
        run=run, study=mouse.study, mouse=mouse, si_test=test, rule=rule, phenotype="susceptible", borderline=False
    )


def test_results_of_both_cannot_stand_so_those_of_the_dropped_go(writer: Any) -> None:
    kept, dropped = mice()
    call(kept)
    call(dropped)
    done = merge(writer)
    assert not done.obstacles
    assert done.results_deleted == {PhenotypeCall: 1}
    assert "1 phenotype calls of the record that goes are deleted; run the analyses again." in done.sentences()
    assert PhenotypeCall.objects.get().mouse == kept


def test_results_of_the_dropped_alone_move(writer: Any) -> None:
    call(mice()[1])
    done = merge(writer)
    assert done.results_moved == {PhenotypeCall: 1}
    assert PhenotypeCall.objects.get().mouse.code == "M001"


def test_names_lead_over_several_merges(writer: Any) -> None:
    kept, dropped = mice()
    gone = sorted([kept.pk, dropped.pk])
    last = Mouse.objects.create(study=kept.study, code="M1", birth_date="2025-01-01", death_date="2025-12-01")
    Allocation.objects.all().delete()
    assert not merge(writer, ("ear_tag",)).obstacles
    kept.refresh_from_db()
    assert not merge_records(last, kept, (), user=writer, reason=REASON).obstacles
    last.refresh_from_db()
    assert KeyRing(writer).find(Mouse, "M01") == KeyRing(writer).find(Mouse, "M001") == last
    assert {(one.name, one.is_merged) for one in former_names(last)} == {("M001", True), ("M01", True)}
    assert merged_ids(last) == gone


def test_a_trial_changes_nothing(writer: Any) -> None:
    weigh(mice()[1], 1, 25)
    assert merge(writer, is_trial=True, reason="").moved == {Weighing: 1}
    assert Weighing.objects.get().mouse.code == "M01"


def test_a_merge_needs_a_reason_and_both_rights_and_an_open_study(writer: Any) -> None:
    assert [one.sentence for one in merge(writer, reason=" ").obstacles] == [
        "Say why the two are one; the history keeps it."
    ]
    anna = User.objects.get(username="anna")
    role = Role.objects.get(name="technician")  # may change mice, not delete them
    StudyMembership.objects.create(study=Study.objects.get(code="S1"), user=anna, role=role)
    with pytest.raises(Forbidden, match="Your role may not delete mice in study S1"):
        merge(anna)
    Study.objects.filter(code="S1").update(state="closed")
    with pytest.raises(Forbidden, match="Study S1 is closed"):
        merge(writer)
    assert Mouse.objects.filter(code="M01").exists()


def test_mice_of_two_studies_are_not_one(writer: Any) -> None:
    other = Mouse.objects.create(study=Study.objects.get(code="S2"), code="M01")
    done = merge_records(mice_kept := Mouse.objects.get(code="M001"), other, (), user=writer, reason=REASON)
    assert [one.sentence for one in done.obstacles] == ["Choose two different records of one study."]
    assert not merge_records(mice_kept, mice_kept, (), user=writer, reason=REASON).moved


def test_the_page_shows_both_and_merges(writer: Any, client: Client) -> None:
    client.force_login(writer)
    weigh(mice()[1], 1, 25)
    assert "/studies/S1/mice/M001/merge/" in client.get("/studies/S1/mice/M001/").content.decode()
    unknown = client.get("/studies/S1/mice/M001/merge/?with=M999")
    assert (unknown.status_code, "There is no mouse M999" in unknown.content.decode()) == (400, True)
    page = client.get("/studies/S1/mice/M001/merge/?with=M01").content.decode()
    assert 'name="take_ear_tag" value="dropped" checked' in page  # only M01 has one
    assert 'name="take_birth_date" value="kept" checked' in page
    assert "1 weighings move." in page
    sent = {"with": "M01", "step": "merge", "take_ear_tag": "dropped"}
    assert client.post("/studies/S1/mice/M001/merge/", sent).status_code == 409
    done = client.post("/studies/S1/mice/M001/merge/", {**sent, "reason": REASON}, follow=True)
    assert done.redirect_chain == [("/studies/S1/mice/M001/", 302)]
    assert "M01 was merged into M001" in done.content.decode()
    led = client.get("/studies/S1/mice/M01/", follow=True).content.decode()
    assert "M01 was merged into M001 on" in led
    record = client.get(f"/records/mice/{Mouse.objects.get(code='M001').pk}/").content.decode()
    assert "Formerly M01" in record
    assert '<span class="text-secondary">M01:</span>' in record  # the history of both
    assert REASON in record
