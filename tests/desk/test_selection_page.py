"""Who is sequenced: a rule and a lot with its seed, before or after the re-test by its days, held against the runs."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Exclusion, Mouse, Study
from labdb.sequencing.models import LibraryRun, SelectionMoment, SelectionMouse, SequencingRun, SequencingSelection
from labdb.sequencing.selecting import SelectionInputs, draw_lots, moment_of
from labdb.treatment.models import Allocation, Randomization
from tests.analysis.small_study import add_library, add_mouse, add_test, make_study
from tests.sequencing.lab import member, signed_in

pytestmark = pytest.mark.django_db
URL = "/studies/S1/selection/"


@pytest.fixture
def study() -> Study:
    """M0 and M1 randomized, M2 allocated without, K0 to K3 controls."""
    study = make_study()
    randomization = Randomization.objects.create(study=study, code="R1", method="simple")
    for number in range(3):
        mouse = add_mouse(study, f"M{number}")
        made = randomization if number < 2 else None
        Allocation.objects.create(study=study, mouse=mouse, code=f"X{number}", randomization=made)
    for number in range(4):
        add_mouse(study, f"K{number}", "control")
    return study


def text_of(answer: Any, status: int = 200) -> str:
    text = " ".join(answer.content.decode().split())
    assert answer.status_code == status, text
    return text


def looked(text: str) -> str:
    found = re.search(r'name="looked" value="([^"]+)"', text)
    assert found, text
    return found.group(1)


def test_a_rule_a_lot_and_a_list_make_a_selection(study: Study):
    client = signed_in(member(study, "technician"))
    asked = {"allocated": "yes", "lot-control": "2", "listed": "M2", "seed": "5"}
    text = text_of(client.post(URL, asked))
    assert "No mouse was tested again yet: the choice is made before the re-test." in text
    assert not SequencingSelection.objects.exists()
    codes = looked(text)
    assert len(codes.split("; ")) == 5 and codes.endswith("M0; M1; M2")
    assert "Other mice come out" in text_of(
        client.post(URL, {**asked, "seed": "6", "save": "yes", "looked": "M0"}), 409
    )
    assert client.post(URL, {**asked, "save": "yes", "looked": codes}).status_code == 302
    stored = SequencingSelection.objects.get()
    assert stored.rule == ("all randomized mice; 2 control drawn by lot (seed 5); 1 by name; without excluded mice")
    assert (stored.decided, stored.decided_by.username) == ("before", "a technician")
    run = SequencingRun.objects.create(code="RUN1")
    for mouse in (study_mouse(study, "M0"), add_mouse(study, "NEW")):
        LibraryRun.objects.create(study=study, library=add_library(mouse, "PFC"), run=run)
    text = text_of(client.get(URL))
    assert "1 of 5 chosen mice sequenced" in text
    assert "Sequenced, not chosen (1):</strong> NEW" in text
    assert "Chosen, not sequenced (4):" in text


def study_mouse(study: Study, code: str) -> Any:
    return Allocation.objects.get(study=study, mouse__code=code).mouse


def test_a_choice_after_a_retest_says_so_and_a_wrong_word_is_found_by_the_days(study: Study):
    test = add_test(study_mouse(study, "M0"), 50, 60, number=2)
    now = timezone.now()
    SocialInteractionTest.objects.filter(pk=test.pk).update(test_at=now - timedelta(days=3))
    client = signed_in(member(study, "technician"))
    assert "the choice is made after the re-test" in text_of(client.post(URL, {"listed": "M0"}))
    SequencingSelection.objects.create(study=study, code="OLD", rule="x", decided="before", decided_at=now)
    assert "By the days of the re-tests it was after the re-test" in text_of(client.get(URL))


def test_a_selection_is_chosen_again_from_what_it_was_decided_from(study: Study):
    client = signed_in(member(study, "technician"))
    asked = {"allocated": "yes", "lot-control": "2", "listed": "M2", "seed": "5"}
    codes = looked(text_of(client.post(URL, asked)))
    client.post(URL, {**asked, "save": "yes", "looked": codes})
    stored = SequencingSelection.objects.get()
    again = f"{URL}?again={stored.pk}"
    text = text_of(client.get(again))
    assert "<strong>The same 5 mice.</strong> Chosen again from the stored seed and inputs." in text
    assert "What the rule looked at is as it was then." in text
    inputs = SelectionInputs.of_snapshot(stored.input_snapshot)
    assert [one.code for one in inputs.candidates if one.is_allocated] == ["M0", "M1"]
    assert (inputs.digest, inputs.lots, stored.seed) == (stored.input_digest, (("control", 2),), 5)

    Mouse.objects.filter(code="M0").update(code="M0-NEW")  # what it is called changes nothing
    Mouse.objects.filter(code="K0").update(group="witness")
    Exclusion.objects.create(study=study, mouse=Mouse.objects.get(code="K1"), criterion="ill")
    chosen = stored.mice.get(code="M2")
    SelectionMouse.objects.filter(selection=stored, mouse=chosen).delete()
    SelectionMouse.objects.create(selection=stored, study=study, mouse=add_mouse(study, "NEW"))
    text = text_of(client.get(again))
    assert "<strong>Not the same mice.</strong>" in text
    for sentence in (
        "M2 comes out, and is not in the selection.", "NEW is in the selection, and does not come out.",
        "K0 was control and is witness.", "K1 is excluded now.", "NEW was entered since.",
    ):  # fmt: skip
        assert f"<li>{sentence}</li>" in text
    assert "M0-NEW" not in text.split("Known otherwise since")[1].split("</ul>")[0]

    SequencingSelection.objects.update(input_snapshot=stored.input_snapshot.replace("M0", "M9"))
    assert "do not have its digest: one of the two was changed since" in text_of(client.get(again))
    SequencingSelection.objects.update(input_snapshot="")
    assert "It was not chosen here: what it was decided from is not stored." in text_of(client.get(again))


def test_what_cannot_be_chosen_is_said(study: Study):
    client = signed_in(member(study, "technician"))
    for asked, says in [
        ({}, "Nobody is chosen yet"),
        ({"lot-control": "9"}, "9 control mice are wanted and 4 can be drawn"),
        ({"lot-control": "two"}, "control: two is no whole number"),
        ({"listed": "M99"}, "M99"),
        ({"listed": "M0", "seed": "-3"}, "seed: -3 is no whole number"),
    ]:
        assert says in text_of(client.post(URL, asked), 400), asked
    assert not SequencingSelection.objects.exists()
    assert signed_in(member(study, "scorer")).post(URL, {"listed": "M0"}).status_code == 403


def test_who_may_not_know_the_lists_of_a_blinded_study_chooses_among_all_allocated(study: Study):
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    text = text_of(signed_in(member(study, "technician")).get(URL))
    assert "All allocated mice (3)" in text and "randomized" not in text


def test_a_lot_is_drawn_again_by_its_seed():
    groups = {"control": [f"K{n}" for n in range(20)], "resilient": [f"R{n}" for n in range(20)]}
    wanted = {"control": 5, "resilient": 8}
    drawn = draw_lots(groups, wanted, seed=3)
    assert drawn == draw_lots(groups, wanted, seed=3) != draw_lots(groups, wanted, seed=4)
    assert (len(set(drawn)), sum(code.startswith("K") for code in drawn)) == (13, 5)


def test_the_moment_follows_from_the_days():
    now = timezone.now()
    before, after = now - timedelta(days=1), now + timedelta(days=1)
    assert moment_of(None, []) == SelectionMoment.UNKNOWN
    assert moment_of(now, []) == moment_of(now, [after]) == SelectionMoment.BEFORE
    assert moment_of(now, [after, before, None]) == SelectionMoment.AFTER
    assert moment_of(now, [after, None]) == SelectionMoment.UNKNOWN
