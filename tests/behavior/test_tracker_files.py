"""Numbers come out of trackers' files as they stand in them, whatever the encoding, the separator and the container."""

import datetime as dt
import hashlib
import math

import numpy as np
import pytest

from labdb.behavior.trackers import FORMATS, TrackerFile, Trial, read_tracker_file
from tests.behavior.tracker_files import (
    ANYMAZE,
    DEEPLABCUT,
    EXPORTS,
    RAW,
    STATISTICS,
    cells_of,
    needs_real_files,
    raw_text,
    real,
    workbook,
)


def only_trial(file: TrackerFile) -> Trial:
    (trial,) = file.trials
    return trial


def read(content: str | bytes, **options) -> TrackerFile:
    return read_tracker_file("t", content.encode() if isinstance(content, str) else content, **options)


def numbers(cells: list[str]) -> np.ndarray:
    return np.array([math.nan if cell in ("-", "") else float(cell) for cell in cells])


# EthoVision raw data --------------------------------------------------------------------------------------


@needs_real_files
def test_a_real_raw_file_of_ethovision_is_read_as_it_stands():
    file = read_tracker_file("309.txt", real(RAW))
    rows = cells_of(real(RAW), ";")
    samples = rows[40:]
    assert (file.format, file.file_name) == ("EthoVision raw data", "309.txt")
    assert file.sha256 == hashlib.sha256(real(RAW)).hexdigest()

    trial = only_trial(file)
    assert (trial.name, trial.subject, trial.where) == ("Trial 309", "1red", "")
    assert trial.header["Subject name"] == "Subject 1"
    assert (trial.header["Animal ID"], trial.header["Platform Position"], trial.header["Day"]) == ("1red", "W", "6")
    assert "System Independent Variable" not in trial.header
    assert trial.length_s == 100.0

    track = trial.samples
    assert (track.unit, track.frame_rate_hz, track.y_points_down) == ("cm", 25.0, False)
    np.testing.assert_array_equal(track.time_s, numbers([row[1] for row in samples]))
    assert list(track.points) == ["center"]
    np.testing.assert_allclose(track.points["center"].x, numbers([row[2] for row in samples]), rtol=1e-15)
    np.testing.assert_allclose(track.points["center"].y, numbers([row[3] for row in samples]), rtol=1e-15)
    assert [*track.zones][:3] == ["In zone", "Platform (E) / center-point", "Platform (W) / center-point"]
    assert [int(inside.sum()) for inside in track.zones.values()] == [
        sum(row[at] == "1" for row in samples) for at in range(9, 16)
    ]


@needs_real_files
def test_what_a_real_raw_file_leaves_open_is_said():
    file = read_tracker_file("309.txt", real(RAW))
    areas = [row[4] for row in cells_of(real(RAW), ";")[40:]]
    assert only_trial(file).samples.not_found_share == pytest.approx(areas.count("-") / len(areas), abs=5e-4)  # 9.2 %
    assert only_trial(file).samples.missing_share == {"center": 0.0}
    assert only_trial(file).started_at is None
    interpolated, date = file.notes
    assert "not found in 9.2 %" in interpolated and "interpolated" in interpolated
    assert "02/10/2017 11:20:09 can be 2 October 2017 or 10 February 2017" in date


@needs_real_files
@pytest.mark.parametrize(
    ("options", "started"),
    [({"date_order": "day-first"}, (2017, 10, 2)), ({"date_order": "month-first"}, (2017, 2, 10))],
)
def test_the_person_says_how_a_date_is_read(options, started):
    trial = only_trial(read_tracker_file("309.txt", real(RAW), **options))
    assert trial.started_at == dt.datetime(*started, 11, 20, 9)


@pytest.mark.parametrize(
    ("start", "other", "started"),
    [
        ("14/10/2017 11:20:09", "", dt.datetime(2017, 10, 14, 11, 20, 9)),
        ("10/14/2017 11:20:09 PM", "", dt.datetime(2017, 10, 14, 23, 20, 9)),
        ("02/10/2017 11:20:09", "23/10/2017 09:00:00", dt.datetime(2017, 10, 2, 11, 20, 9)),
        ("02/10/2017 11:20:09", "10/23/2017 09:00:00", dt.datetime(2017, 2, 10, 11, 20, 9)),
        ("2017-10-02 11:20:09.250", "", dt.datetime(2017, 10, 2, 11, 20, 9, 250_000)),
        ("14/14/2017 11:20:09", "", None),
        ("yesterday", "", None),
    ],
)
def test_the_order_of_a_date_is_told_by_a_day_beyond_twelve(start, other, started):
    file = read(raw_text(header={"Start time": start, "Reference time": other}))
    assert only_trial(file).started_at == started
    assert any("Enter it by hand" in note for note in file.notes) == (started is None)


def as_bytes(text: str, encoding: str, end: str) -> bytes:
    return text.replace("\n", end).encode(encoding)


@needs_real_files
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("encoding", "square"),
    [("utf-8", "cm²"), ("utf-8-sig", "cm?"), ("utf-16", "cm²"), ("latin-1", "cm²"), ("ascii", "cm2")],
)
def test_every_encoding_and_line_end_gives_the_same_track(encoding, square, end):
    """The real file, written anew: it came to us as ASCII with "cm?"."""
    content = as_bytes(real(RAW).decode().replace("cm?", square), encoding, end)
    track, expected = only_trial(read(content)).samples, only_trial(read(real(RAW))).samples
    np.testing.assert_array_equal(track.time_s, expected.time_s)
    np.testing.assert_array_equal(track.points["center"].x, expected.points["center"].x)
    assert list(track.zones) == list(expected.zones)


@needs_real_files
@pytest.mark.parametrize(("delimiter", "decimal"), [("\t", "."), ("\t", ","), (";", ","), (",", "."), (",", ",")])
def test_every_separator_and_decimal_mark_gives_the_same_track(delimiter, decimal):
    """The cells of the real file, written anew; the last case is a comma for both, the numbers in quotation marks."""
    lines = []
    for number, row in enumerate(cells_of(real(RAW), ";")):
        cells = [cell.replace(".", decimal) if number >= 40 else cell for cell in row]
        quoted = [f'"{cell}"' if number < 40 or not cell.isdigit() else cell for cell in cells[:-1]]
        lines.append(delimiter.join([*quoted, ""]) + "\n")
    track, expected = only_trial(read("".join(lines))).samples, only_trial(read(real(RAW))).samples
    np.testing.assert_array_equal(track.time_s, expected.time_s)
    np.testing.assert_allclose(track.points["center"].y, expected.points["center"].y, rtol=1e-15)


@needs_real_files
def test_a_raw_workbook_gives_the_track_of_the_text():
    """No real workbook was at hand: its cells are those of the real text's first 20 s, numbers as numbers."""
    text = "".join(real(RAW).decode().splitlines(keepends=True)[: 40 + 501]).replace("00:01:40", "00:00:20")
    rows = cells_of(text.encode(), ";")
    file = read(workbook({"Track-Arena 1-Subject 1": rows, "Hardware": [["Camera", "Basler"]]}))
    trial, expected = only_trial(file), only_trial(read(text))
    assert (file.format, trial.where) == ("EthoVision raw data", "sheet Track-Arena 1-Subject 1")
    assert (trial.name, trial.subject, trial.length_s) == ("Trial 309", "1red", 20.0)
    assert file.notes[0] == "Sheet Hardware is not EthoVision raw data and left out."
    np.testing.assert_array_equal(trial.samples.time_s, expected.samples.time_s)
    np.testing.assert_allclose(trial.samples.points["center"].x, expected.samples.points["center"].x, rtol=1e-15)
    assert trial.samples.zones.keys() == expected.samples.zones.keys()


def test_arenas_of_one_trial_are_trials_of_their_own():
    rows = {
        f"Track-Arena {n}-Subject 1": cells_of(
            raw_text(header={"Arena name": f"Arena {n}", "Start time": f"{n + 11}/10/2017 09:00:00"}).encode(), ";"
        )
        for n in (1, 2)
    }
    file = read(workbook(rows))
    assert [trial.where for trial in file.trials] == [f"sheet {name}" for name in rows]
    # 12/10 can be read in two ways, 13/10 of the other sheet can not
    assert [trial.started_at for trial in file.trials] == [dt.datetime(2017, 10, 12, 9), dt.datetime(2017, 10, 13, 9)]


def test_a_missing_position_and_a_missing_zone_are_nan():
    text = raw_text([(0, 0, 1, 2, 0), (0.04, 0.04, "-", "-", "-"), (0.08, 0.08, 3, "-", 1)])
    track = only_trial(read(text)).samples
    np.testing.assert_array_equal(track.points["center"].x, [1, math.nan, math.nan])
    np.testing.assert_array_equal(track.points["center"].y, [2, math.nan, math.nan])
    np.testing.assert_array_equal(track.zones["IZ / center-point"], [0, math.nan, 1])
    assert track.missing_share == {"center": pytest.approx(2 / 3)}


def test_a_track_of_which_most_was_not_found_is_read_with_the_share():
    """A real trial had 83.5 % of its samples without the subject."""
    n_found, n = 165, 1000
    found = [(i / 25, i / 25, *((1.0, 2.0) if i < n_found else ("-", "-")), 0) for i in range(n)]
    file = read(raw_text(found, header={"Subject not found": "83.5 %"}))
    assert only_trial(file).samples.missing_share == {"center": 0.835}
    assert only_trial(file).samples.not_found_share == 0.835
    assert file.notes == ("Not found, of 1,000 samples: center 83.5 %.",)


def test_several_points_of_the_body_are_read():
    text = raw_text(
        [(0, 1, 2, 3, 4, 0, 1), (1, 1.5, 2.5, 3.5, 4.5, 1, 0)],
        names=(
            "Recording time",
            "X center",
            "Y center",
            "X nose",
            "Y nose",
            "In zone(IZ / center-point)",
            "In zone(IZ / nose-point)",
        ),
        units=("s", "mm", "mm", "mm", "mm", "", ""),
    )
    track = only_trial(read(text)).samples
    assert {name: (list(point.x), list(point.y)) for name, point in track.points.items()} == {
        "center": ([1, 1.5], [2, 2.5]), "nose": ([3, 3.5], [4, 4.5]),
    }  # fmt: skip
    assert {name: list(inside) for name, inside in track.zones.items()} == {
        "IZ / center-point": [0, 1], "IZ / nose-point": [1, 0],
    }  # fmt: skip
    assert track.unit == "mm"


@pytest.mark.parametrize(
    ("own", "subject"),
    [
        ({}, "Subject 1"),
        ({"Mouse ID": "M07"}, "M07"),
        ({"Treatment": "x", "animal": "8"}, "8"),
        ({"mouse": "-"}, "Subject 1"),
    ],
)
def test_the_labs_own_name_of_a_subject_goes_before_ethovisions_count(own, subject):
    assert only_trial(read(raw_text(own=own))).subject == subject


def test_a_variable_of_the_lab_does_not_hide_one_of_ethovision():
    header = only_trial(read(raw_text(own={"Trial name": "probe"}))).header
    assert (header["Trial name"], header["Trial name (2)"]) == ("Trial     1", "probe")


def test_a_repeated_time_is_left_out_and_said():
    text = raw_text([(0, 0, 1, 2, 0), (0, 0, 9, 9, 1), (1, 1, 3, 4, 1)])
    file = read(text)
    assert list(only_trial(file).samples.points["center"].x) == [1, 3]
    assert any("repeat the time of the row before" in note for note in file.notes)


# ANY-maze --------------------------------------------------------------------------------------------------


@needs_real_files
def test_a_real_track_of_anymaze_is_read_as_it_stands():
    file = read_tracker_file("482.csv", real(ANYMAZE))
    header, *rows = cells_of(real(ANYMAZE))
    trial = only_trial(file)
    track = trial.samples
    assert (file.format, trial.name, trial.subject, trial.started_at) == ("ANY-maze test data", "482", "", None)
    clocks = [row[0].split(":") for row in rows]
    expected_s = [3600 * int(h) + 60 * int(m) + float(s) for h, m, s in clocks]
    np.testing.assert_allclose(track.time_s, expected_s, rtol=0, atol=1e-9)
    assert trial.length_s == 99.9
    np.testing.assert_array_equal(track.points["Centre"].x, numbers([row[1] for row in rows]))
    np.testing.assert_array_equal(track.points["Centre"].y, numbers([row[2] for row in rows]))
    assert math.isnan(track.points["Centre"].x[0]) and track.missing_share == {"Centre": 1 / 860}
    assert list(track.zones) == [name.removeprefix("In ") for name in header[3:]]
    assert {name: int(inside.sum()) for name, inside in track.zones.items()} == {
        name.removeprefix("In "): sum(row[at] == "1" for row in rows) for at, name in enumerate(header) if at > 2
    }


@needs_real_files
def test_what_anymaze_does_not_say_is_left_open():
    file = read_tracker_file("482.csv", real(ANYMAZE))
    track = only_trial(file).samples
    assert (track.unit, track.frame_rate_hz, track.y_points_down) == ("", None, True)  # steps of 0.10 to 0.52 s
    assert "pixels or in millimeters" in file.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "Time,Centre position X,Centre position Y,In IZ\n0:00:00.000,,,0\n0:01:02.500,3,4,1\n",
        "Time,Centre position X,Centre position Y,In IZ\n0.000,,,0\n62.500,3,4,1\n",
        "Time;Centre position X;Centre position Y;In IZ\n0:00:00,000;;;0\n0:01:02,500;3;4;1\n",
        "sep=;\nTime;Centre position X;Centre position Y;In IZ\n0,000;;;0\n62,500;3,0;4;1\n",
    ],
)
def test_anymaze_writes_times_as_clocks_or_as_seconds(text):
    track = only_trial(read(text)).samples
    assert list(track.time_s) == [0, 62.5]
    assert (track.points["Centre"].x[1], track.points["Centre"].y[1], track.zones["IZ"][1]) == (3, 4, 1)


# DeepLabCut ------------------------------------------------------------------------------------------------


@needs_real_files
def test_a_real_file_of_deeplabcut_is_read_as_it_stands():
    file = read_tracker_file("d.csv", real(DEEPLABCUT), frame_rate_hz=25)
    _scorer, parts, coords, *rows = cells_of(real(DEEPLABCUT))
    trial = only_trial(file)
    track = trial.samples
    assert (file.format, trial.subject, track.unit, track.y_points_down) == ("DeepLabCut positions", "", "px", True)
    assert trial.header == {"scorer": "DeepCut_resnet50_epmMay17shuffle1_1030000"}
    assert (track.frame_rate_hz, trial.length_s) == (25.0, 299 / 25)
    assert list(track.points) == list(dict.fromkeys(parts[1:]))
    at = parts.index("nose")
    assert coords[at : at + 3] == ["x", "y", "likelihood"]
    likelihood = numbers([row[at + 2] for row in rows])
    x = np.where(likelihood >= 0.6, numbers([row[at] for row in rows]), math.nan)
    np.testing.assert_allclose(track.points["nose"].x, x, rtol=1e-15)
    np.testing.assert_allclose(track.points["nose"].likelihood, likelihood, rtol=1e-15)
    n_below = sum(float(row[at + 2]) < 0.6 for row in rows)
    assert track.missing_share["nose"] == n_below / 300
    assert f"nose {n_below / 3:.1f} %" in file.notes[0]


@needs_real_files
@pytest.mark.parametrize("cutoff", [0.0, 0.9, 1.0])
def test_the_likelihood_cutoff_is_the_persons(cutoff):
    track = only_trial(read(real(DEEPLABCUT), frame_rate_hz=30, likelihood_cutoff=cutoff)).samples
    _scorer, parts, _coords, *rows = cells_of(real(DEEPLABCUT))
    at = parts.index("tailtip") + 2
    assert track.missing_share["tailtip"] == sum(float(row[at]) < cutoff for row in rows) / 300


def test_several_animals_of_deeplabcut_are_several_subjects():
    """Made up after DeepLabCut's own layout: four header rows, empty cells where an animal was not found."""
    text = (
        "scorer,DLC,DLC,DLC,DLC,DLC,DLC,DLC,DLC,DLC\n"
        "individuals,m1,m1,m1,m2,m2,m2,single,single,single\n"
        "bodyparts,nose,nose,nose,nose,nose,nose,corner,corner,corner\n"
        "coords,x,y,likelihood,x,y,likelihood,x,y,likelihood\n"
        "0,1,2,0.9,3,4,0.8,5,6,1\n"
        "1,,,,3.5,4.5,0.5,5,6,1\n"
    )
    file = read(text, frame_rate_hz=10)
    assert [trial.subject for trial in file.trials] == ["m1", "m2", "single"]
    first, second, _corner = (trial.samples for trial in file.trials)
    np.testing.assert_array_equal(first.points["nose"].x, [1, math.nan])
    np.testing.assert_array_equal(second.points["nose"].y, [4, math.nan])  # likelihood 0.5
    np.testing.assert_array_equal(second.points["nose"].likelihood, [0.8, 0.5])
    assert list(first.time_s) == [0, 0.1]
    assert file.notes == (
        "m1: Not found, of 2 samples: nose 50.0 %.",
        "m2: Not found, of 2 samples: nose 50.0 %.",
        '"single" holds points that belong to no animal, such as corners of the arena.',
    )


# EthoVision statistics -------------------------------------------------------------------------------------


def statistic(trial: Trial, zone: str, name: str, **wanted) -> float | None:
    found = [
        row.value
        for row in trial.statistics.rows
        if (row.zone, row.statistic) == (zone, name)
        and all(getattr(row, key) == value for key, value in wanted.items())
    ]
    assert len(found) == 1
    return found[0]


@needs_real_files
def test_a_real_file_of_statistics_is_read_as_it_stands():
    """It has line ends of CR alone."""
    assert b"\r" in real(STATISTICS) and b"\n" not in real(STATISTICS)
    file = read_tracker_file("s.csv", real(STATISTICS))
    variables, places, names, units, *rows = cells_of(real(STATISTICS))
    assert (file.format, len(file.trials), file.notes) == ("EthoVision statistics", 36, ())
    assert [trial.name for trial in file.trials] == [" ".join(row[1].split()) for row in rows]
    assert (file.trials[0].name, file.trials[-1].name) == ("Trial 1", "Trial 38")
    assert [trial.subject for trial in file.trials] == [row[2] for row in rows]
    assert [trial.where for trial in file.trials][:2] == ["line 5", "line 6"]
    assert file.trials[3].header == {
        "Result": "Result 1", "Trial": "Trial 4", "mouse id": "583", "test": "test1", "treatment": "saline",
    }  # fmt: skip
    for trial, row in zip(file.trials, rows, strict=True):
        for number, at in zip(trial.statistics.rows, range(5, len(names)), strict=True):
            zone = places[at].partition(" / ")[0] if " / " in places[at] else ""
            assert (number.variable, number.zone, number.point) == (variables[at], zone, "center-point")
            assert (number.statistic, number.unit) == (names[at], units[at])
            assert (number.bin_start_s, number.bin_end_s) == (None, None)
            assert number.value == (None if row[at] == "-" else float(row[at]))
    hot_s = [statistic(trial, "hot zone", "Cumulative Duration") for trial in file.trials]
    assert places[14] == "hot zone / center-point"
    assert hot_s == [float(row[14]) for row in rows]
    assert statistic(file.trials[18], "hot zone", "Latency to First") is None  # Trial 20: never


@needs_real_files
@pytest.mark.parametrize("is_merged", [False, True])
def test_statistics_in_a_workbook_are_those_of_the_text(is_merged):
    """No real workbook was at hand: cells of the real text, also with the repeated names as merged cells leave them."""
    rows = cells_of(real(STATISTICS))
    if is_merged:
        rows[:2] = [[cell if at == 0 or row[at - 1] != cell else "" for at, cell in enumerate(row)] for row in rows[:2]]
    file, expected = read(workbook({"Statistics": rows})), read(real(STATISTICS))
    assert [trial.statistics for trial in file.trials] == [trial.statistics for trial in expected.trials]
    assert [trial.header for trial in file.trials] == [trial.header for trial in expected.trials]


def binned(*bins: str, mouse: str = "7", delimiter: str = ",") -> str:
    """As EthoVision writes time bins: a further column without a name, one line per trial and bin."""
    header = [
        ["", "", "", "Independent Variable", "In zone", "In zone"],
        ["", "", "", "Independent Variable", "IZ / center-point", "IZ / center-point"],
        ["", "", "", "mouse id", "Cumulative Duration", "Latency to First"],
        ["", "", "", "", "s", "s"],
    ]
    rows = [["Trial     1", "Subject 1", one, mouse, str(10 + at), "-"] for at, one in enumerate(bins)]
    return "".join(delimiter.join(row) + "\n" for row in [*header, *rows])


def test_time_bins_of_a_trial_stay_with_the_trial():
    trial = only_trial(read(binned("Start-0:01:00", "0:01:00-0:02:00", "0:02:00-End")))
    assert (trial.name, trial.subject, trial.header["Subject"]) == ("Trial 1", "7", "Subject 1")
    found = [(row.bin_start_s, row.bin_end_s, row.value) for row in trial.statistics.rows if row.statistic[0] == "C"]
    assert found == [(0, 60, 10), (60, 120, 11), (120, None, 12)]
    assert {row.value for row in trial.statistics.rows if row.statistic[0] == "L"} == {None}


def test_statistics_with_decimal_commas_are_read():
    text = binned("Start-0:01:00", delimiter=";").replace(";10;", ";10,25;")
    assert statistic(only_trial(read(text)), "IZ", "Cumulative Duration") == 10.25


# tables of zone times --------------------------------------------------------------------------------------

ZONE_TIMES = (
    "mouse,group,iz_absent_s,Time in IZ with target (s),ratio\nM01,defeated,60.5,30,0.496\nM02,control,-,45.25,\n"
)


@pytest.mark.parametrize(
    "content",
    [
        ZONE_TIMES.encode(),
        ZONE_TIMES.replace(",", ";").replace(".", ",").encode("utf-16"),
        workbook({"times": cells_of(ZONE_TIMES.encode())}),
    ],
)
def test_a_table_of_zone_times_is_read(content):
    file = read(content)
    assert (file.format, [trial.subject for trial in file.trials]) == ("table of zone times", ["M01", "M02"])
    first, second = ({(row.zone, row.unit): row.value for row in trial.statistics.rows} for trial in file.trials)
    assert first == {("iz_absent_s", "s"): 60.5, ("Time in IZ with target (s)", "s"): 30.0, ("ratio", ""): 0.496}
    assert list(second.values()) == [None, 45.25, None]
    assert file.trials[0].header == {"mouse": "M01", "group": "defeated"}
    assert [trial.where for trial in file.trials] == ["line 2", "line 3"]


def test_a_mouse_with_two_lines_is_said():
    file = read("Animal_ID,iz_s\nM01,1\nM02,2\nM01,3\n")
    assert file.notes == ("M01 stands on line 2 and line 4.",)


def test_the_column_of_the_mouse_can_be_said():
    file = read("wer,iz_s\nM01,1.5\n", subject_column="wer")
    assert (only_trial(file).subject, only_trial(file).statistics.rows[0].value) == ("M01", 1.5)


def test_the_formats_have_names_for_people():
    assert FORMATS == (
        "EthoVision raw data", "EthoVision statistics", "ANY-maze test data", "DeepLabCut positions", "table of zone times",
    )  # fmt: skip


@needs_real_files
@pytest.mark.parametrize("name", ["Male_data_summary.csv", "Female_data_summary.csv"])
def test_a_real_table_of_a_paper_is_read(name):
    content = (EXPORTS.parent / "deepof_sit" / name).read_bytes()
    file = read(content)
    header, *rows = cells_of(content.removeprefix(b"\xef\xbb\xbf"))
    at = header.index("Time_in_SIZ_Session1")
    assert [trial.subject for trial in file.trials] == [row[0] for row in rows]
    assert [statistic(trial, "Time_in_SIZ_Session1", "") for trial in file.trials] == [float(row[at]) for row in rows]
