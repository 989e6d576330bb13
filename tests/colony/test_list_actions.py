"""Many mice or cages chosen in a list, and one thing done to all: asked, shown, then all of it or nothing."""

import re
import uuid
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from labdb.colony.cage_cards import SHEETS, Card, CardMouse, cards_pdf
from labdb.colony.card_action import cards_of
from labdb.colony.models import Cage, Cohort, Exclusion, Housing, Mouse, Study
from labdb.registry import pdf_letters, selection
from labdb.registry.page_context import PageContext
from labdb.registry.pdf_letters import in_latin_letters
from tests import qr_codes
from tests.analysis.small_study import add_mouse, make_study
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db
DAY = "2026-03-05"


@pytest.fixture
def study() -> Study:
    study = make_study()
    for code in ("M1", "M2", "M3"):
        add_mouse(study, code, "defeated", cohort="C1")
    for code in ("K1", "K2"):
        Cage.objects.create(study=study, code=code, room="R1")
    Housing.objects.create(
        study=study, mouse=Mouse.objects.get(code="M1"), cage=Cage.objects.get(code="K1"), housed_from=date(2026, 3, 1)
    )
    return study


def mouse(code: str) -> Mouse:
    return Mouse.objects.get(code=code)


def ids(*codes: str) -> str:
    return " ".join(str(mouse(code).pk) for code in codes)


def act(client: Client, action: str, rows: str, resource: str = "mice", **sent: str) -> Any:
    """Preview, then do what was previewed."""
    url = f"/records/{resource}/selected/{action}/"
    shown = client.post(url, {"row": rows, "step": "preview", **sent})
    seen = shown.context["chosen"].versions
    return client.post(url, {"row": rows, "step": "do", "seen": seen, "key": str(uuid.uuid4()), **sent}, follow=True)


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def housings(code: str) -> list[tuple[str, str, str | None]]:
    rows = Housing.objects.filter(mouse__code=code).order_by("housed_from")
    return [(str(row.cage), str(row.housed_from), str(row.housed_to) if row.housed_to else None) for row in rows]


def test_mice_are_moved_and_their_housing_before_ends(study: Study):
    move = {"cage": "K2", "kind": "group", "housed_from": DAY, "notes": ""}
    answer = act(signed_in("technician", study), "move", ids("M1", "M2"), **move)
    assert "Move to a cage: done for 2 mice (3 records written)." in text_of(answer)
    assert housings("M1") == [("K1", "2026-03-01", DAY), ("K2", DAY, None)]
    assert housings("M2") == [("K2", DAY, None)]


def test_who_lives_there_already_stays(study: Study):
    answer = act(signed_in(), "move", ids("M1"), cage="K1", kind="", housed_from=DAY, notes="")
    assert "nothing is left to do" in text_of(answer)
    assert housings("M1") == [("K1", "2026-03-01", None)]


def test_one_mouse_that_is_refused_keeps_all_where_they_are(study: Study):
    Mouse.objects.filter(code="M2").update(death_date=date(2026, 3, 2))
    answer = act(signed_in(), "move", ids("M1", "M2", "M3"), cage="K2", kind="", housed_from=DAY, notes="")
    assert f"M2 died on 2026-03-02; {DAY} is after it." in text_of(answer)
    assert Housing.objects.count() == 1


def test_without_a_cage_nobody_is_moved(study: Study):
    answer = act(signed_in(), "move", ids("M1"), cage=" ", kind="", housed_from=DAY, notes="")
    assert "Enter the cage first." in text_of(answer)
    assert housings("M1") == [("K1", "2026-03-01", None)]


def test_a_cage_that_nobody_knows_is_said_once_for_all(study: Study):
    answer = act(signed_in(), "move", ids("M1", "M2"), cage="K9", kind="", housed_from=DAY, notes="")
    assert text_of(answer).count("There is no cage K9 in study S1; there are K1, K2.") == 1


def test_mice_are_moved_by_their_cages(study: Study):
    cage = Cage.objects.get(code="K1")
    act(signed_in(), "move", str(cage.pk), "cages", cage="K2", kind="", housed_from=DAY, notes="")
    assert housings("M1")[-1] == ("K2", DAY, None)
    assert housings("M2") == []


def test_a_warning_asks_for_a_reason(study: Study):
    client = signed_in()
    sent = {"cage": "K1", "kind": "single", "housed_from": DAY, "notes": ""}
    answer = act(client, "move", ids("M2"), **sent)
    assert "M1 is in cage K1 on the same days" in text_of(answer)
    assert housings("M2") == []
    act(client, "move", ids("M2"), history_reason="M1 leaves tonight", **sent)
    assert housings("M2") == [("K1", DAY, None)]
    event = Housing.objects.get(mouse__code="M2").events.first()  # type: ignore[attr-defined]
    assert event.pgh_context.metadata["reason"] == "M1 leaves tonight"


def test_mice_are_excluded_by_a_criterion(study: Study):
    sent = {"criterion": "fell ill", "is_a_priori": "true", "is_blind": "false", "decided_by": "", "decided_at": ""}
    act(signed_in(), "exclude", ids("M1", "M3"), **sent, notes="")
    assert set(Exclusion.objects.values_list("mouse__code", "criterion", "is_a_priori", "is_blind")) == {
        ("M1", "fell ill", True, False), ("M3", "fell ill", True, False),
    }  # fmt: skip


def test_a_note_stands_below_those_there_are(study: Study):
    Mouse.objects.filter(code="M1").update(notes="calm")
    act(signed_in(), "note", ids("M1", "M2"), notes="ear bleeds")
    first, second = mouse("M1").notes.split("\n")
    assert first == "calm"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d tina: ear bleeds", second)
    assert mouse("M2").notes == second


def test_a_field_is_set_after_a_look_at_old_and_new(study: Study):
    client = signed_in()
    Mouse.objects.filter(code="M1").update(group="control")
    url = "/records/mice/selected/change/"
    page = client.post(url, {"row": ids("M1", "M2"), "field": "group"})
    assert [entry.bound.name for entry in page.context["fields"]] == ["group"]
    shown = client.post(url, {"row": ids("M1", "M2"), "field": "group", "step": "preview", "group": "witness"})
    assert [(one.field, one.old, one.new) for _write, row in shown.context["shown"].lines for one in row.differences] == [
        ("group", "control", "witness"), ("group", "defeated", "witness"),
    ]  # fmt: skip
    assert mouse("M1").group == "control"
    act(client, "change", ids("M1", "M2"), field="group", group="witness")
    assert set(Mouse.objects.values_list("code", "group")) == {("M1", "witness"), ("M2", "witness"), ("M3", "defeated")}


def test_a_wrong_value_is_refused_by_the_rule_of_its_field(study: Study):
    answer = act(signed_in(), "change", ids("M1", "M2"), field="sex", sex="Q")
    assert "Q is not one of M, F, U; choose one of these." in text_of(answer)


@pytest.mark.parametrize("name", ["code", "study", "created_by", "nothing"])
def test_what_names_a_row_is_not_set_for_many(study: Study, name: str):
    page = signed_in().post("/records/mice/selected/change/", {"row": ids("M1"), "field": name})
    assert page.context["fields"] == []
    assert name not in dict(page.context["choices"])


def test_a_row_changed_since_the_preview_is_shown_anew(study: Study):
    client, url = signed_in(), "/records/mice/selected/change/"
    sent = {"row": ids("M1"), "field": "group", "group": "witness"}
    seen = client.post(url, {**sent, "step": "preview"}).context["chosen"].versions
    Mouse.objects.filter(code="M1").update(group="control")
    answer = client.post(url, {**sent, "step": "do", "seen": seen, "key": str(uuid.uuid4())})
    assert "Some of these rows were changed since this was shown" in text_of(answer)
    assert mouse("M1").group == "control"


def test_a_double_click_does_it_once(study: Study):
    client, url = signed_in(), "/records/mice/selected/note/"
    sent = {"row": ids("M1"), "notes": "ear bleeds", "key": str(uuid.uuid4()), "step": "do"}
    seen = client.post(url, {**sent, "step": "preview"}).context["chosen"].versions
    for _click in range(2):
        answer = client.post(url, {**sent, "seen": seen}, follow=True)
        assert "Note: done for 1 mouse" in text_of(answer)
    assert mouse("M1").notes.count("ear bleeds") == 1


def test_all_that_the_filters_select_are_chosen(study: Study):
    Mouse.objects.filter(code="M3").update(group="control")
    page = signed_in().post("/records/mice/selected/note/", {"all": "1", "filters": "study=S1&group=defeated"})
    assert [row.code for row in page.context["chosen"].rows] == ["M1", "M2"]


@pytest.mark.parametrize("filters", ["group__gt__x=1", "study=S9"])
def test_filters_that_are_not_understood_are_said(study: Study, filters: str):
    answer = signed_in().post("/records/mice/selected/note/", {"all": "1", "filters": filters}, follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain
    assert 'role="alert"' in text_of(answer)


def test_more_rows_than_one_action_takes_are_refused(study: Study, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(selection, "MOST_ROWS", 2)
    for sent in ({"all": "1", "filters": "study=S1"}, {"row": ids("M1", "M2", "M3")}):
        answer = signed_in(name=f"u{len(sent)}").post("/records/mice/selected/note/", sent, follow=True)
        assert "These are more than 2 mice, which one action takes; filter for fewer." in text_of(answer)


@pytest.mark.parametrize("sent", [{}, {"row": "x"}, {"row": "0"}, {"row": "99999999999999999999999"}])
def test_nothing_chosen_is_said(study: Study, sent: dict[str, str]):
    answer = signed_in().post("/records/mice/selected/note/", sent, follow=True)
    assert "No mice are chosen; tick some in the list." in text_of(answer)


def test_the_way_back_never_leads_elsewhere(study: Study):
    client = signed_in()
    for back in ("https://evil.example/", "//evil.example", "/accounts/people/"):
        answer = client.post("/records/mice/selected/note/", {"back": back})
        assert answer["Location"].startswith("/records/mice/")


def test_mice_of_another_study_cannot_be_chosen(study: Study):
    stranger = signed_in("manager", make_study("S2"), "stranger")
    answer = stranger.post("/records/mice/selected/note/", {"row": ids("M1")}, follow=True)
    assert "No mice are chosen" in text_of(answer)


def test_who_may_not_write_is_offered_cards_alone(study: Study):
    client = signed_in("investigator", study, "boss")
    names = [action.name for action in client.get("/records/mice/?study=S1").context["actions"]]
    assert names == ["cards-a4", "cards-letter"]
    assert client.post("/records/mice/selected/note/", {"row": ids("M1")}).status_code == 404


def test_a_closed_study_takes_none(study: Study):
    client = signed_in()
    rows = ids("M1")
    study.state = "closed"
    study.save()
    assert client.post("/records/mice/selected/note/", {"row": rows, "notes": "x", "step": "do"}).status_code == 403
    assert mouse("M1").notes == ""


def test_chosen_mice_are_weighed_in_a_round_of_their_own(study: Study):
    client = signed_in("technician", study)
    answer = client.post("/records/mice/selected/weigh/", {"row": ids("M1", "M3")}, follow=True)
    assert answer.redirect_chain[0][0].startswith("/studies/S1/bench/weighing/?cohort=all&mice=")
    assert [row.mouse.code for row in answer.context["rows"]] == ["M1", "M3"]
    cage = str(Cage.objects.get(code="K1").pk)
    answer = client.post("/records/cages/selected/weigh/", {"row": cage}, follow=True)
    assert [row.mouse.code for row in answer.context["rows"]] == ["M1"]


def test_a_round_is_of_one_study(study: Study):
    add_mouse(make_study("S2"), "X1")
    answer = signed_in().post("/records/mice/selected/weigh/", {"row": ids("M1", "X1")}, follow=True)
    assert "A round weighs up to 200 mice of one study, and these are 2 mice of 2 studies" in text_of(answer)


def card_context(resource: str) -> PageContext:
    from labdb.accounts.models import User
    from labdb.registry.record import record_for

    return PageContext(record_for(resource), User.objects.create_superuser("boss"), QueryDict(mutable=True))


def test_a_card_says_what_a_cage_holds(study: Study):
    Cohort.objects.filter(code="C1").update(start_date=date(2026, 3, 1))
    Mouse.objects.filter(code="M1").update(ear_tag="0421", sex="M", birth_date=date(2026, 1, 5))
    (card,) = cards_of(card_context("cages"), [Cage.objects.get(code="K1")], "http://lab")
    cage = Cage.objects.get(code="K1")
    assert card == Card(
        "K1", "study S1", f"http://lab/records/cages/{cage.pk}/", "room R1", "cohort C1 from 2026-03-01",
        (CardMouse("M1", "0421", "M", "2026-01-05", "defeated", "2026-03-01"),),
    )  # fmt: skip


def test_mice_bring_the_cards_of_their_cages_and_one_of_each_without(study: Study):
    cards = cards_of(card_context("mice"), [mouse("M1"), mouse("M2")], "")
    assert [(card.title, card.place) for card in cards] == [("K1", "room R1"), ("M2", "no cage")]


@pytest.mark.parametrize("sheet", ["a4", "letter"])
def test_cards_are_a_file_to_print(study: Study, sheet: str):
    answer = signed_in().post(f"/records/mice/selected/cards-{sheet}/", {"row": ids("M1", "M2")})
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


@pytest.mark.parametrize("sheet", list(SHEETS))
def test_eight_cards_fit_on_a_sheet(sheet: str):
    cards = [Card(f"K{number}", "study S1", "http://lab/records/cages/1/") for number in range(17)]
    data = cards_pdf(cards, sheet, "2026-03-05", compress=False)
    assert len(re.findall(rb"/Type /Page\b(?!s)", data)) == 3


def test_the_code_of_each_card_leads_to_its_cage(study: Study):
    addresses = [f"http://lab{path}" for path in ("/a/", "/records/cages/7/", f"/records/mice/1234567/?{'x' * 40}")]
    addresses += [f"https://labdb.example.org/records/cages/{number}/" for number in range(7)]
    data = cards_pdf([Card("K1", "study S1", one) for one in addresses], "A4", "2026-03-05", compress=False)
    assert [qr_codes.read(code) for code in qr_codes.modules_of_pdf(data)] == addresses


def test_cards_are_printed_on_a_machine_without_the_font(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    mouse = CardMouse("α-1", "鼠", "M", "2026-01-05", "Δ9", "€")
    cards = [Card("Käfig β", "study S1", "http://lab/records/cages/1/", "room Ω", "cohort C1", (mouse,) * 9)]
    assert cards_pdf(cards, "A4", "2026-03-05").startswith(b"%PDF-")
    (tmp_path / "DejaVuSans.ttf").touch()  # half of a font is none
    monkeypatch.setattr(pdf_letters, "FONT_FOLDERS", (tmp_path, tmp_path / "missing"))
    data = cards_pdf(cards, "A4", "2026-03-05", compress=False)
    assert [qr_codes.read(code) for code in qr_codes.modules_of_pdf(data)] == ["http://lab/records/cages/1/"]
    for words in ("K\xe4fig beta", "room omega", "alpha-1", "delta9", "and 3 more"):
        assert words.encode("latin-1") in data


def test_letters_that_a_font_lacks_are_spelled():
    assert in_latin_letters("α-syn Δ9 é 鼠") == "alpha-syn delta9 é ?"
