"""Labels of tubes: what they say, that a scanner reads it, and that nothing leaves its label."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from fpdf import FPDF

from labdb.colony.models import Mouse, Study
from labdb.registry import pdf_letters
from labdb.tissue.label_sheets import SHEETS_MM, STOCKS, LabelError, Stock, TubeLabel, labels_pdf, lay_out, qr_size_mm
from labdb.tissue.models import BrainRegion, Dissection, TissueSample
from tests import qr_codes
from tests.treatment.dosed_study import make_study, member

SHORT = TubeLabel("S1", "M1-PFC", "M1", "PFC", "27 Nov 2026")
LONG = TubeLabel("DEPRESSION-2026", "ANIMAL.000123-hippocampus-ventral-b", "ANIMAL.000123", "HIPvent", "27 Nov 2026")
LONGEST = TubeLabel("S" * 64, "M" * 64, "M" * 64, "PFC", "27 Nov 2026")


@pytest.fixture(autouse=True)
def plain_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters of a PDF that can be read without its font."""
    monkeypatch.setattr(pdf_letters, "FONT_FOLDERS", ())


def words_of(pdf: bytes) -> str:
    return " ".join(one.decode("latin-1") for one in re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", pdf))


@pytest.mark.parametrize("stock", STOCKS.values(), ids=list(STOCKS))
def test_no_letter_leaves_its_label_however_long_the_code(stock: Stock) -> None:
    pdf = FPDF(unit="mm")
    pdf.add_page()
    for label in (SHORT, LONG):
        lines = lay_out(pdf, "Helvetica", label, stock)
        said = "".join(text for text, _is_bold in label.lines)
        assert "".join(line.text for line in lines).replace(" ", "") == said.replace(" ", "")
        for line in lines:
            assert line.x_mm >= qr_size_mm(stock)
            assert line.x_mm + line.width_mm <= stock.width_mm
            assert line.y_mm >= 0
            assert line.y_mm + line.height_mm <= stock.height_mm
    short = lay_out(pdf, "Helvetica", SHORT, stock)
    assert len(short) == 4  # unbroken, and large enough to read without a lens
    assert short[0].size_pt >= 5


def test_a_code_that_no_size_of_letters_fits_is_refused_with_the_remedy() -> None:
    with pytest.raises(LabelError, match=r"is too long for a label of 25.4 x 10 mm; choose larger labels"):
        labels_pdf([LONGEST], STOCKS["L4731"])


@pytest.mark.parametrize("name", ["L4731", "LCRY-1700"])
def test_a_scanner_reads_study_and_code_and_a_begun_sheet_is_used_up(name: str) -> None:
    stock = STOCKS[name]
    labels = [TubeLabel("S1", f"M{number}-NAc", f"M{number}", "NAc") for number in range(1, 6)]
    pdf = labels_pdf(labels, stock, start=stock.per_sheet - 2, compress=False)
    assert pdf.count(b"/Type /Page\n") == 2
    assert [qr_codes.read(one) for one in qr_codes.modules_of_pdf(pdf)] == [f"S1-M{n}-NAc" for n in range(1, 6)]
    assert "S1 M5-NAc M5 NAc" in words_of(pdf)
    capitals = labels_pdf([TubeLabel("DEMO", "M012-PFC", "M012", "PFC")], stock, compress=False)
    assert [qr_codes.read(one) for one in qr_codes.modules_of_pdf(capitals)] == ["DEMO-M012-PFC"]


def test_the_grids_are_those_of_the_makers_templates() -> None:
    margins = {  # mm, upper left; Avery L7651: 4.75 and 10.7; L4731: 13.5; LCRY-1700: 0.77 and 0.24 in; 5167: 0.3 and 0.5 in
        "L4731": (8.6, 13.5), "L7651": (4.75, 10.7), "LCRY-1700": (19.5, 6.1), "5167": (7.62, 12.7),
    }  # fmt: skip
    for name, margin in margins.items():
        stock = STOCKS[name]
        assert stock.corner_mm(0) == pytest.approx(margin, abs=0.15)
        last = stock.corner_mm(stock.per_sheet - 1)
        paper = SHEETS_MM[stock.sheet]
        assert last == pytest.approx(
            (paper[0] - margin[0] - stock.width_mm, paper[1] - margin[1] - stock.height_mm), abs=0.15
        )
    numbers = {"L4731": 189, "L4732": 80, "L7651": 65, "LCRY-1700": 85, "5167": 80}
    assert {name: stock.per_sheet for name, stock in STOCKS.items()} == numbers


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (("A4", 60, 20, 5, 5), "need 300.0 mm and A4 is 210 mm wide"),
        (("A4", 20, 60, 5, 5), "need 300.0 mm and A4 is 297 mm high"),
        (("A4", 3, 3, 5, 5), "is too small to read"),
        (("A4", 20, 20, 0, 5), "0 x 5 labels are none that a sheet has"),
        (("A0", 20, 20, 5, 5), "A0 is no paper; choose A4 or Letter"),
    ],
)
def test_a_size_that_the_paper_cannot_hold_is_refused(facts: Any, sentence: str) -> None:
    with pytest.raises(LabelError, match=re.escape(sentence)):
        Stock("mine", *facts)


# ---- through the pages ----


@pytest.fixture
def study(db: None) -> Study:
    study = make_study()
    region = BrainRegion.objects.get_or_create(code="PFC")[0]
    for mouse in Mouse.objects.filter(study=study):
        dissection = Dissection.objects.create(study=study, mouse=mouse, performed_at=timezone.now())
        TissueSample.objects.create(
            study=study, mouse=mouse, dissection=dissection, region=region, code=f"{mouse.code}-PFC"
        )
    return study


def test_labels_are_made_of_a_list_of_one_tube_and_the_search_knows_them(client: Client, study: Study) -> None:
    client.force_login(member(study, "tina", "technician"))
    ids = list(TissueSample.objects.order_by("code").values_list("pk", flat=True))
    listed = client.post("/records/tissue-samples/selected/labels/", {"row": ids})
    assert "Labels of 6 tubes" in listed.content.decode()
    chosen = {"samples": " ".join(map(str, ids)), "stock": "L7651", "start": "64"}
    pdf = client.post("/labels/", chosen)
    assert (pdf.status_code, pdf["Content-Type"]) == (200, "application/pdf")
    assert pdf.content.count(b"/Type /Page\n") == 2  # two on the begun sheet, four on the next
    alone = client.get(f"/labels/?samples={ids[0]}").content.decode()
    assert "S1-M1-PFC" in alone
    assert 'value="L7651" selected' in alone  # as it was last time
    for secret in ("saline", "ketamine", "imipramine"):
        assert secret not in alone
    assert f"/labels/?samples={ids[0]}" in client.get(f"/records/tissue-samples/{ids[0]}/").content.decode()
    assert client.get("/search/?q=S1-M1-PFC")["Location"] == f"/records/tissue-samples/{ids[0]}/"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"start": "66"}, "66 is no label of this sheet; it has 1 to 65, row by row."),
        ({"start": "one"}, "First label: Enter a whole number."),
        ({"stock": "L9999"}, "L9999 is no label stock that is known; choose one of the list."),
        ({"stock": "custom", "sheet": "A4", "rows": "3"}, "need Width (mm), Height (mm), Columns; enter them."),
        ({"shift_x_mm": "nan"}, "Shift right (mm): Enter a number."),
        ({"shift_x_mm": "99"}, "Shift right (mm): Ensure this value is less than or equal to 10.0."),
    ],
)
def test_what_cannot_be_printed_is_said(client: Client, study: Study, wrong: dict[str, str], sentence: str) -> None:
    client.force_login(member(study, "tina", "technician"))
    one = TissueSample.objects.earliest("pk").pk
    answer = client.post("/labels/", {"samples": one, "stock": "L7651", "start": "1", **wrong})
    assert answer.status_code == 400
    assert sentence in answer.content.decode()


def test_who_does_not_see_a_tube_gets_no_label_of_it(client: Client, study: Study) -> None:
    other = Study.objects.create(code="S2", title="two")
    client.force_login(member(other, "otto", "technician"))
    one = TissueSample.objects.earliest("pk").pk
    for samples in (str(one), "", "x", "99999999999999999999"):
        assert client.get("/labels/", {"samples": samples}).status_code == 404
