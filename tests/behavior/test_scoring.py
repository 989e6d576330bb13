"""A trial of a tracker's file is scored by the arena's zones, the tracker's own, or its statistics."""

from typing import Any

import numpy as np
import pytest

from analysis.kernels.shapes import Circle, Polygon, Rectangle
from analysis.kernels.zones import ArenaLayout, Zone, si_arena
from labdb.behavior.models import Arena, ArenaZone
from labdb.behavior.trackers import Trial, read_tracker_file
from labdb.behavior.trackers.result import Points, Samples, Statistics, ZoneStatistic
from labdb.behavior.tracking.arenas import layout_of
from labdb.behavior.tracking.geometry import layout_from, layout_text
from labdb.behavior.tracking.scoring import Scoring, ScoringError, score_trial, si_areas, zone_bins
from labdb.behavior.tracking.targets import Told, target_said, targets_by_order
from labdb.behavior.tracking.zone_names import paired, unpaired
from tests.behavior.si_trials import si_trial

LAYOUT = si_arena(42, 42, 14, 9, 9, "bottom")


def trial_of(samples: Samples | None = None, **fields: Any) -> Trial:
    usual: dict[str, Any] = {"name": "", "subject": "", "started_at": None, "length_s": None, "header": {}}
    return Trial(**{**usual, "samples": samples, **fields})


def still(x: float, y: float, unit: str, *, y_points_down: bool = False, n: int = 101) -> Trial:
    """Ten seconds at one place, ten samples a second."""
    place = Points(np.full(n, x), np.full(n, y))
    return trial_of(Samples(np.arange(n) / 10, {"center": place}, unit, y_points_down))


def test_cm_mm_and_pixels_with_their_origins_are_one_place():
    # In the middle of the zone, 21 and 4.5 cm from the lower left corner.
    in_cm = still(0, -16.5, "cm"), Scoring("track", layout=LAYOUT, origin_cm=(-21, -21))
    in_mm = still(310, 245, "mm", y_points_down=True), Scoring("track", layout=LAYOUT, origin_cm=(10, 29))
    px = {"px_per_cm": 10.0, "origin_px": (100.0, 500.0)}
    in_px = still(310, 455, "", y_points_down=True), Scoring("track", layout=LAYOUT, unit="px", **px)
    for trial, how in (in_cm, in_mm, in_px):
        score = score_trial(trial, how)
        assert (score.zone_s, score.corner_s, score.entries, score.latency_s) == (10, 0, 1, 0)


def test_a_wrong_origin_a_missing_unit_and_an_unknown_point_are_said():
    with pytest.raises(ScoringError, match="never enters the arena"):
        score_trial(still(0, -16.5, "cm"), Scoring("track", layout=LAYOUT))
    with pytest.raises(ScoringError, match="does not say the unit"):
        score_trial(still(0, 0, ""), Scoring("track", layout=LAYOUT))
    with pytest.raises(ScoringError, match="the arena lacks its scale and origin"):
        score_trial(still(0, 0, "px"), Scoring("track", layout=LAYOUT))
    half_out = still(21, 4.5, "cm", n=100)
    half_out.samples.points["center"].y[:30] = -20  # type: ignore[union-attr]
    with pytest.raises(ScoringError, match="30% of the positions lie beyond the floor of 42 x 42 cm"):
        score_trial(half_out, Scoring("track", layout=LAYOUT))
    two = still(21, 4.5, "cm")
    two.samples.points["nose"] = two.samples.points["center"]  # type: ignore[union-attr]
    with pytest.raises(ScoringError, match="follows center, nose; choose whose track counts"):
        score_trial(two, Scoring("track", layout=LAYOUT))
    assert score_trial(two, Scoring("track", layout=LAYOUT, body_point="nose")).zone_s == 10


def test_zones_of_the_tracker_are_joined_and_unknown_flags_are_no_time():
    time_s = np.arange(101) / 10
    left, right = (time_s < 2).astype(float), ((time_s >= 3) & (time_s < 4)).astype(float)
    unknown = (time_s >= 8) & (time_s < 9.5)
    left[unknown] = right[unknown] = np.nan
    points = {"center": Points(np.full(101, 5.0), np.full(101, 5.0))}
    trial = trial_of(Samples(time_s, points, "cm", False, {"left": left, "right": right}))
    how = Scoring("tracker's zones", areas=si_areas(["left"], ["left", "right"]))
    score = score_trial(trial, how)
    assert (score.zone_s, score.corner_s, score.entries) == (2, 3, 1)
    assert score.unknown_s == pytest.approx(1.6)  # from the last known flag, at 7.9 s, to the next, at 9.5 s
    bins = zone_bins(trial.samples, how, 0.1)  # type: ignore[arg-type]
    assert bins.sum() == pytest.approx(2)
    assert len(bins) == 100 - 15
    with pytest.raises(
        ScoringError, match=r"which zone of the file is the interaction zone \(there are: left, right\)"
    ):
        score_trial(trial, Scoring("tracker's zones", si_areas([], [])))
    with pytest.raises(ScoringError, match="The file has no zone middle"):
        score_trial(trial, Scoring("tracker's zones", areas=si_areas(["middle"], [])))


def statistic(zone: str, what: str, value: float | None, unit: str = "s", **fields: Any) -> ZoneStatistic:
    usual: dict[str, Any] = {"variable": "In zone", "point": "center-point", "bin_start_s": None, "bin_end_s": None}
    return ZoneStatistic(**{**usual, "zone": zone, "statistic": what, "unit": unit, "value": value, **fields})


def test_statistics_give_times_entries_latency_and_path():
    rows = (
        statistic("IZ", "Cumulative Duration", 61.5), statistic("IZ", "Frequency", 7, ""),
        statistic("IZ", "Latency to First", 2.5), statistic("c1", "Cumulative Duration", 10),
        statistic("c2", "Cumulative Duration", None), statistic("", "Total", 900, "cm", variable="Distance moved"),
        statistic("", "Mean", 6, "cm/s", variable="Velocity"),
    )  # fmt: skip
    how = Scoring("statistics", areas=si_areas(["IZ"], ["c1", "c2"]))
    score = score_trial(trial_of(statistics=Statistics(rows)), how)
    assert (score.zone_s, score.corner_s, score.entries, score.latency_s) == (61.5, 10, 7, 2.5)
    assert (score.distance_cm, score.velocity_cm_per_s, score.missing_share) == (900, 6, None)


def test_bins_of_time_beyond_the_protocol_do_not_count():
    rows = [
        statistic("IZ", "Cumulative Duration", 20, bin_start_s=start, bin_end_s=start + 60)
        for start in (0, 60, 120, 180)
    ]
    how = Scoring("statistics", areas=si_areas(["IZ"], []), length_s=180)
    assert score_trial(trial_of(statistics=Statistics(tuple(rows))), how).zone_s == 60


def test_an_arena_as_text_is_the_same_arena_when_it_is_read():
    """Zones with names that look like the text's own signs, of every shape."""
    zones = (
        Zone("IZ (new): north", "interaction_zone", Circle(10.25, 1 / 3, 7)), Zone("left", "corner", Rectangle(0, 0, 9, 9)),
        Zone("rim", "other", Polygon(((0, 0), (9.5, 0), (0, 9)))),
    )  # fmt: skip
    text = layout_text(ArenaLayout(Rectangle(0, 0, 42, 42), zones))
    assert text.splitlines()[1] == "IZ (new): north (interaction_zone): circle x 10.25, y 0.3333333333, radius 7"
    read = layout_from(text)
    assert read is not None and layout_text(read) == text and read.zones[1:] == zones[1:]
    assert (read.zones[0].name, read.zones[0].role) == ("IZ (new): north", "interaction_zone")
    assert [layout_from(wrong) for wrong in ("", "floor: oval", f"{text}\nsomething else")] == [None] * 3
    pairs = {"Open = 1": ("open arm 1", "open arm 2"), "c": ("center",)}
    assert unpaired(paired(pairs)) == pairs


@pytest.mark.django_db
def test_zones_that_were_entered_go_before_the_sizes_and_may_hang_on_the_wall():
    arena = Arena.objects.create(name="round", width_cm=40, length_cm=40)
    with pytest.raises(ScoringError, match="lacks the width of the IZ, the depth of the IZ"):
        layout_of(arena, "left")
    zone = {"arena": arena, "role": "interaction zone"}
    ArenaZone.objects.create(
        name="cup", target_side="left", shape="circle", geometry="x 10 cm, y 20 cm, radius 7", **zone
    )
    ArenaZone.objects.create(
        name="cup", target_side="right", shape="polygon", geometry="(20, 0); (40, 0); (40, 40); (20, 40)", **zone
    )
    trial = still(10, 26.5, "cm")
    assert score_trial(trial, Scoring("track", layout=layout_of(arena, "left"))).zone_s == 10
    assert score_trial(trial, Scoring("track", layout=layout_of(arena, "right"))).zone_s == 0


@pytest.mark.parametrize(
    ("header", "name", "target"),
    [
        ({"Stage": "No-target"}, "", "absent"), ({"Stage": "with CD1"}, "", "present"), ({"Target": "no"}, "", "absent"),
        ({"Target present": "1"}, "", "present"), ({}, "Trial 3 empty cage", "absent"), ({"Day": "6"}, "Trial 3", ""),
        ({"Stage": "target", "Phase": "no target"}, "", ""), ({"Video file": "D:/target.mpg"}, "", ""),
    ],
)  # fmt: skip
def test_plain_words_in_a_file_say_whether_the_target_was_there(header: dict[str, str], name: str, target: str):
    said = target_said(trial_of(header=header, name=name))
    assert (said.target if said else "") == target


def test_a_person_says_which_words_and_the_longer_ones_go_first():
    told = Told("variable", "Stage", "no target", "target")
    stages = [target_said(trial_of(header={"Stage": text}), told) for text in ("NO TARGET 1", "target 2", "pilot")]
    assert [one.target if one else "" for one in stages] == ["absent", "present", ""]
    named = target_said(trial_of(name="M1 hab"), Told("trial name", "", "hab", "soc"))
    assert named is not None and named.target == "absent"
    starts = ("11/27/2025 10:09:00", "11/27/2025 10:04:00")
    trials = [read_tracker_file("a", si_trial("M1", 5, length_s=10, start=start)).trials[0] for start in starts]
    assert targets_by_order(trials) == ["present", "absent"]
    assert targets_by_order(trials[:1]) == [""]
