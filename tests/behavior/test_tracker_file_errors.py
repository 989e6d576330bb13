"""What is no track, or half of one, is refused with file, place, sentence and remedy, and never with another exception."""

import random
import zipfile
from io import BytesIO

import pytest

from labdb.behavior.trackers import TrackerError, opening, read_tracker_file, sheets
from labdb.registry import workbook_files
from tests.behavior.tracker_files import (
    ANYMAZE,
    DEEPLABCUT,
    RAW,
    STATISTICS,
    cells_of,
    needs_real_files,
    raw_text,
    real,
    workbook,
)

ANYMAZE_HEADER = "Time,Centre position X,Centre position Y,In IZ\n"
DLC = "scorer,D,D,D\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n0,1,2,0.9\n1,3,4,0.9\n"
STATISTICS_TEXT = (
    ",,Independent Variable,In zone,In zone\n,,Independent Variable,IZ / center-point,IZ / center-point\n"
    ",,mouse id,Cumulative Duration,Latency to First\n,,,s,s\n"
    "Result 1,Trial     1,7,10.5,-\nResult 1,Trial     2,8,11.5,0\n"
)


def refusal(content: str | bytes, **options) -> TrackerError:
    content = content.encode() if isinstance(content, str) else content
    with pytest.raises(TrackerError) as refused:
        read_tracker_file("t.csv", content, **options)
    error = refused.value
    assert str(error).startswith("t.csv") and error.file == "t.csv"
    assert error.sentence.endswith(".") and error.remedy.strip()
    return error


def said(content: str | bytes, place: str, sentence: str, remedy: str = "", **options) -> TrackerError:
    error = refusal(content, **options)
    assert error.place == place
    assert sentence in error.sentence
    assert remedy in error.remedy
    return error


# cut short ------------------------------------------------------------------------------------------------


@needs_real_files
def test_a_file_cut_short_in_its_header_is_refused():
    text = "".join(real(RAW).decode().splitlines(keepends=True)[:12])
    said(text, "line 12", "The header has 40 lines by its own count and the file 12", "Export it again")


@needs_real_files
def test_a_file_cut_short_in_mid_line_is_refused():
    said(real(RAW)[:-40], "line 2541", "The line has 7 cells where the names have 18. It is the last line")


@needs_real_files
def test_a_file_cut_short_between_two_lines_is_refused_by_the_length_of_the_recording():
    text = "".join(real(RAW).decode().splitlines(keepends=True)[:1291])  # 1,251 samples at 25 Hz: 50 s
    said(text, "line 1291", "100 s were recorded, and the samples end after 50 s")


@needs_real_files
def test_other_tracks_that_end_in_mid_line_are_refused_or_said():
    said(real(ANYMAZE)[:-12], "line 861", "The line has 9 cells where the names have 14. It is the last line")
    said(real(DEEPLABCUT)[:-30], "line 303", "The line has 75 cells where the names have 76", frame_rate_hz=30)
    file = read_tracker_file("t.csv", real(ANYMAZE).rstrip())
    assert "The last line (861) has no line end" in file.notes[1]


@needs_real_files
def test_a_line_of_statistics_cut_short_is_refused():
    said(real(STATISTICS)[:-12], "line 40", "The line has 23 cells where the names have 25. It is the last line")


@needs_real_files
@pytest.mark.parametrize("name", [RAW, ANYMAZE, DEEPLABCUT, STATISTICS])
def test_every_beginning_of_a_real_file_is_read_or_refused(name):
    content = real(name)
    rng = random.Random(5)
    cuts = [*range(6), *(rng.randrange(3000) for _ in range(30)), *(rng.randrange(len(content)) for _ in range(24))]
    n_refused = 0
    for cut in cuts:
        try:
            read_tracker_file("t.csv", content[:cut], frame_rate_hz=30)
        except TrackerError as error:
            n_refused += 1
            assert error.remedy, (cut, error)
    assert n_refused >= 20


# the samples ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "place", "sentence"),
    [
        ([(0, 0, 1, 2, 0), (0, 0.5, 1, 2, 0), (0, 0.25, 1, 2, 0)], "line 13", "The time goes back from 0.5 s to 0.25 s."),
        ([], "", "There is no sample below the names"),
        ([(0, 0, 1, 2, 0)], "", "There is one sample below the names"),
        ([(0, 1, 1, 2, 0), (0, 1, 1, 2, 0)], "line 12", "All rows have the same time."),
        ([(0, 0, 1, 2, 0), (1, "-", 1, 2, 0)], "line 12", "The line has no time."),
        ([(0, 0, 1, 2, 0), (1, 1, "NaN", 2, 0)], "line 12, column X center", '"NaN" is not a finite number.'),
        ([(0, 0, 1, 2, 0), (1, 1, 1, "inf", 0)], "line 12, column Y center", '"inf" is not a finite number.'),
        ([(0, 0, 1, 2, 0), (1, "inf", 1, 2, 0)], "line 12, column Recording time", '"inf" is not a finite number.'),
        ([(0, 0, 1, 2, 0), (1, 1, "1e999", 2, 0)], "line 12, column X center", '"1e999" is not a finite number.'),
        ([(0, 0, 1, 2, 0), (1, 1, "left", 2, 0)], "line 12, column X center", '"left" is not a finite number.'),
        ([(0, 0, 1.5, 2, 0), (1, 1, "-37,5", 2, 0)], "line 12, column X center", '"-37,5" is not a finite number.'),
        ([(0, 0, 1, 2, 0), (1, 1, 1e300, 2, 0)], "line 12", "The position of center (1e+300, 2) cannot be."),
        ([(0, 0, 1, 2, 0), (1, 1e9, 1, 2, 0)], "line 12", "The time 1e+09 s cannot be."),
        ([(0, 0, 1, 2, 0), (1, 1, 1, 2, 7)], "line 12, column IZ / center-point", "The zone has 7; it can be 1 (inside)"),
        ([(0, 0, 1, 2, 0), (1, 1, 1, 2)], "line 12", "The line has 5 cells where the names have 6"),
        ([(0, 0, 1, 2, 0, 9), (1, 1, 1, 2, 0)], "line 11", "The line has 7 cells where the names have 6"),
    ],
)  # fmt: skip
def test_a_sample_that_cannot_be_is_refused_with_its_line(samples, place, sentence):
    said(raw_text(samples), place, sentence)


def test_the_same_samples_are_refused_in_a_workbook():
    rows = cells_of(raw_text([(0, 0, 1, 2, 0), (1, 1, "NaN", 2, 0)]).encode(), ";")
    rows[-1][2] = "left"
    said(workbook({"Track": rows}), "line 12, column X center", '"left" is not a finite number.')


def test_a_cell_with_an_error_is_refused_in_a_track_and_not_beside_it():
    rows = cells_of(raw_text().encode(), ";")
    analysis = [["ratio"], ["#DIV/0!"]]
    file = read_tracker_file("t.xlsx", workbook({"Track": rows, "Analysis": analysis}))
    assert file.notes == ("Sheet Analysis is not EthoVision raw data and left out.",)
    rows[-1][2] = "#N/A"
    said(
        workbook({"Track": rows, "Analysis": analysis}),
        "sheet Track",
        "C13 show an error such as #N/A.",
        "Correct the formula",
    )


def test_a_quotation_mark_that_never_closes_is_refused():
    text = raw_text().replace("1.5", '"1.5')
    said(text, "line 12", "A quotation mark")


def test_more_samples_than_can_be_are_refused(monkeypatch):
    monkeypatch.setattr(sheets, "MAX_ROWS", 2)
    said(raw_text(), "", "The sheet has 3 rows, a track may have 2.", "Export a shorter part")
    rows = cells_of(raw_text().encode(), ";")
    said(workbook({"Track": rows}), "", "The sheet has 3 rows, a track may have 2.", "Export a shorter part")


def test_a_file_of_more_bytes_than_can_be_is_refused(monkeypatch):
    monkeypatch.setattr(opening, "MAX_BYTES", 100)
    said(raw_text(), "", "The file has more than 100 bytes.", "Export a shorter part")


@pytest.mark.parametrize("tiny", ["1e-700", "1e-999999", f"0.{'0' * 900}1"])
def test_a_number_too_small_for_a_double_is_zero(tiny):
    """The default conversion of pandas 2.3 reads beyond its table here, which can end the process."""
    text = raw_text([(0, 0, tiny, 2, 0), (1, 1, 1, 2, 0)])
    assert read_tracker_file("t.csv", text.encode()).trials[0].samples.points["center"].x[0] == 0


# EthoVision -----------------------------------------------------------------------------------------------


def test_two_tracks_below_each_other_are_refused():
    text = raw_text() + raw_text(header={"Subject name": "Subject 2"})
    said(text, "line 14", "A second track begins on this line", "Export each subject")


def test_two_subjects_of_one_trial_in_a_workbook_are_refused():
    tracks = {
        f"Track-Arena 1-Subject {n}": cells_of(raw_text(header={"Subject name": f"Subject {n}"}).encode(), ";")
        for n in (1, 2)
    }
    said(
        workbook(tracks), "sheet Track-Arena 1-Subject 2",
        "The file has two subjects (Subject 1 and Subject 2) in Trial 1, arena Arena 1 (also sheet Track-Arena 1-Subject 1).",
        "a test has one mouse",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "place", "sentence"),
    [
        ('lines:";"10"', 'lines:";"ten"', "line 1", 'The number of header lines is "ten".'),
        ('lines:";"10"', 'lines:";""', "line 1", 'The number of header lines is "".'),
        ('lines:";"10"', 'lines:";"2"', "line 1", 'The number of header lines is "2".'),
        ('lines:";"10"', 'lines:";"9"', "line 8", "has no \"Recording time\" and no \"Trial time\"."),
        ('lines:";"10"', 'lines:";"999"', "line 13", "The header has 999 lines by its own count and the file 13"),
        ('"X center"', '"X nose"', "line 9", "There are no columns with positions"),
        ('"X center"', '"Y center"', "line 9", 'The column "Y center" stands here more than once.'),
        ('"cm";"cm"', '"cm";"mm"', "line 10", 'The positions are in "cm" and "mm".'),
        ('"cm";"cm"', '"ft";"ft"', "line 10", 'The positions are in "ft".'),
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_is_refused(old, new, place, sentence):
    text = raw_text()
    assert old in text
    said(text.replace(old, new, 1), place, sentence)


def test_two_zones_of_one_name_are_refused():
    names = ("Recording time", "X center", "Y center", "In zone(IZ / center-point)", "In zone 2(IZ / center-point)")
    text = raw_text([(0, 1, 2, 0, 1), (1, 1, 2, 0, 1)], names=names, units=("s", "cm", "cm", "", ""))
    said(text, "line 9", 'The zone "IZ / center-point" stands here more than once.', "a name of its own")
    text = "Time,Centre position X,Centre position Y,In IZ,In IZ\n0,1,2,0,0\n1,1,2,0,0\n"
    said(text, "line 1", 'The zone "IZ" stands here more than once.', "a name of its own")
    text = STATISTICS_TEXT.replace("Latency to First", "Cumulative Duration")
    said(text, "line 2", 'The zone "IZ" stands here more than once with Cumulative Duration', "a name of its own")


@pytest.mark.parametrize(
    ("old", "new", "place", "sentence"),
    [
        ("10.5", "ten", "line 5, column In zone IZ center-point Cumulative Duration", '"ten" is not a finite number.'),
        ("10.5", "inf", "line 5, column In zone IZ center-point Cumulative Duration", '"inf" is not a finite number.'),
        ("10.5,-", "10.5", "line 5", "The line has 4 cells where the names have 5."),
        ("10.5,-", "10.5,-,3", "line 5", "The line has 6 cells where the names have 5."),
        ("Trial     2,8", "Trial     1,7", "line 6", "of the same trial, subject and time as line 5"),
        ("Result 1,Trial     2", "0:02:00-0:01:00,Trial     2", "line 6", "is not a time bin"),
        ("Cumulative Duration,Latency to First", ",", "line 3", "There is no statistic beside the independent variables"),
    ],
)  # fmt: skip
def test_statistics_that_cannot_be_are_refused(old, new, place, sentence):
    assert old in STATISTICS_TEXT
    said(STATISTICS_TEXT.replace(old, new, 1), place, sentence)


def test_statistics_without_a_trial_are_refused():
    said("".join(STATISTICS_TEXT.splitlines(keepends=True)[:4]), "line 4", "4 filled lines")


# ANY-maze and DeepLabCut ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "place", "sentence"),
    [
        ("0:00:00.000,,,0\n0:00:75.000,1,2,0\n", "line 3", '"0:00:75.000" is not a time such as 0:01:02.500.'),
        ("0:00:01.000,,,0\n0:00:00.500,1,2,0\n", "line 3", "The time goes back from 1 s to 0.5 s."),
        ("0:00:00.000,,,0\n0:00:01.000,a,2,0\n", "line 3, column Centre position X", '"a" is not a finite number.'),
        ("0:00:00.000,,,0\n0:00:01.000,1,2,0.5\n", "line 3, column IZ", "The zone has 0.5"),
        ("", "", "There is no sample below the names"),
    ],
)
def test_a_row_of_anymaze_that_cannot_be_is_refused(rows, place, sentence):
    said(ANYMAZE_HEADER + rows, place, sentence)


def test_half_a_position_of_anymaze_is_refused():
    said("Time,Centre position X,In IZ\n0,1,0\n1,1,0\n", "line 1", "Centre has a position X alone")


def test_deeplabcut_asks_for_the_frame_rate():
    error = said(DLC, "", "DeepLabCut numbers the frames", "Enter the frame rate of the video")
    assert error.asks_for == "frame_rate_hz"


@pytest.mark.parametrize("rate", [0, -25, float("nan"), float("inf")])
def test_a_frame_rate_that_cannot_be_is_refused(rate):
    assert said(DLC, "", "cannot be.", "0.1 to 10,000", frame_rate_hz=rate).asks_for == "frame_rate_hz"


def test_a_likelihood_cutoff_that_cannot_be_is_refused():
    said(DLC, "", "The likelihood cutoff 60 cannot be.", "Enter 0 to 1.", frame_rate_hz=30, likelihood_cutoff=60)


@pytest.mark.parametrize(
    ("old", "new", "place", "sentence"),
    [
        ("1,3,4,0.9", "1,3,4,9", "line 5, column nose likelihood", '"9" is not a likelihood.'),
        ("1,3,4,0.9", "1.5,3,4,0.9", "line 5", "The first cell is no frame number."),
        ("1,3,4,0.9", "1e300,3,4,0.9", "line 5", "The first cell is no frame number."),
        ("1,3,4,0.9", "-,3,4,0.9", "line 5", "The first cell is no frame number."),
        ("0,1,2", "labeled-data/a/img1.png,1,2", "line 4", "these are labels for training"),
        ("coords,x,y", "coords,x,x", "line 3", "stands here more than once"),
        ("likelihood", "z", "line 3, column nose z", 'The column has the coordinate "z"'),
        ("coords", "0", "line 4", "it should be scorer, bodyparts, coords"),
        ("bodyparts,nose,nose,nose", "bodyparts,nose,tail,tail", "line 3", "has no column for both x and y"),
        ("nose,nose,nose", "nose,nose", "line 2", "The line has 3 cells where the first has 4"),
    ],
)  # fmt: skip
def test_a_file_of_deeplabcut_that_cannot_be_is_refused(old, new, place, sentence):
    assert old in DLC
    said(DLC.replace(old, new, 1), place, sentence, frame_rate_hz=30)


# tables of zone times -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "sentence", "remedy"),
    [
        ("mouse,iz_s\nM1,1\nM2,2\nM3,soon\n", "line 4, column iz_s", "soon is not a number.", "Enter digits"),
        ("mouse,iz_s\nM1,1\nM2,2\nM3,3 min\n", "line 4, column iz_s", "3 min is in min, and this field is in s.", "Convert it"),
        ("mouse,iz_s\nM1,1\n,2\n", "line 3, column mouse", "The line names no mouse.", "Name it"),
        ('mouse,iz_s\nM1,"1,234"\n', "line 2, column iz_s", "1,234 can be 1.234 or 1234.", "Write it without the comma"),
    ],
)  # fmt: skip
def test_a_zone_time_that_cannot_be_is_refused(text, place, sentence, remedy):
    said(text, place, sentence, remedy)


def test_a_column_of_the_mouse_that_is_not_there_is_refused():
    error = said("mouse,iz_s\nM1,1\n", "", 'There is no column "wer"; there are mouse, iz_s.', subject_column="wer")
    assert error.asks_for == "subject_column"


# what is no tracker's file --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf\r\n  \n", "The file is empty."),
        (b"Dear Sir,\nplease find enclosed\n", 'does not look like the export of a tracker that is known here; it begins with "Dear Sir"'),
        (b"a,b,c\n1,2,3\n", 'it begins with "a", "b", "c".'),
        (b"mouse,group\nM1,control\n", 'it begins with "mouse", "group".'),
        (b"\x00\x01\x02\x03" * 500, "The file is not text"),
        (b"%PDF-1.7 ...", "The file is a PDF."),
        (b"\x1f\x8b\x08rubbish", "gzip"),
        (b"PK\x03\x04 and then nothing", "The file is a damaged workbook."),
        (b"\xd0\xcf\x11\xe0 an old workbook", "The file is an old Excel workbook (XLS)."),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 500 + "EncryptedPackage".encode("utf-16-le"), "The file is protected by a password."),
    ],
)  # fmt: skip
def test_what_is_no_trackers_file_is_refused(content, sentence):
    error = refusal(content)
    assert sentence in error.sentence, error


def test_rubbish_never_ends_in_another_exception():
    rng = random.Random(7)
    beginnings = (
        b"",
        b"Number of header lines:;3;\n",
        b"scorer,",
        b"Time,Centre position X\n",
        b",,Independent Variable\n",
        b"mouse,s\n",
    )
    for number in range(120):
        content = beginnings[number % len(beginnings)] + rng.randbytes(rng.randrange(400)).replace(
            b"\0", b"," * (number % 2)
        )
        with pytest.raises(TrackerError):
            read_tracker_file("t.csv", content, frame_rate_hz=30)


def test_a_damaged_workbook_never_ends_in_another_exception():
    whole = workbook({"Track": cells_of(raw_text().encode(), ";")})
    rng = random.Random(9)
    n_refused = 0
    for number in range(150):
        broken = bytearray(whole[: rng.randrange(len(whole))] if number % 3 == 0 else whole)
        for _ in range(1 + number % 4):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        try:
            read_tracker_file("t.xlsx", bytes(broken))
        except TrackerError:
            n_refused += 1
    assert n_refused > 100


def test_a_workbook_made_to_fill_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(workbook_files, "MAX_UNPACKED_BYTES", 2**20)
    bomb = BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(2 * 2**20))
    assert len(bomb.getvalue()) < 10_000
    said(bomb.getvalue(), "", "The file unpacks to more than 1 MB.", "CSV")


@needs_real_files
def test_the_wrong_tracker_is_named_with_what_the_file_looks_like():
    error = said(
        real(ANYMAZE), "", "The file looks like ANY-maze test data, not like EthoVision raw data.",
        "Choose ANY-maze test data, or another file.", expected_format="EthoVision raw data",
    )  # fmt: skip
    assert error.asks_for == "expected_format"
    assert read_tracker_file("t", real(ANYMAZE), expected_format="ANY-maze test data").format == "ANY-maze test data"
    error = refusal("a,b\n1,2\n", expected_format="DeepLabCut positions")
    assert "The file does not look like DeepLabCut positions; it begins with" in error.sentence


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("expected_format", "Noldus", "expected_format must be one of EthoVision raw data"),
        ("date_order", "year-first", "date_order must be day-first, month-first or empty"),
    ],
)
def test_an_option_that_is_not_known_is_the_programmers_mistake(option, value, sentence):
    with pytest.raises(ValueError, match=sentence) as refused:
        read_tracker_file("t", b"x", **{option: value})
    assert not isinstance(refused.value, TrackerError)
