"""Tracks whose times in zones are known in continuous time, against what their samples give."""

import math
from pathlib import Path

import numpy as np
import pytest

from analysis.kernels.shapes import Circle, Polygon, Rectangle
from analysis.kernels.tracks import occupancy, score_track, zone_series, zone_times_from_flags
from analysis.kernels.zones import Zone, si_arena

SHARED_DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ETHOVISION_TRACK = SHARED_DATA / "tracker_exports" / "ethovision_raw_309.txt"

FRAME_S = 1 / 30
TRIAL_S = 150.0
BAND = Zone("band", "interaction_zone", Rectangle(14, 0, 14, 42))
ARENA = si_arena(42, 42, 14, 24, 9, "top")


def at_30_hz(length_s=TRIAL_S):
    return np.arange(round(length_s / FRAME_S) + 1) * FRAME_S


def irregular(length_s=TRIAL_S):
    """Sampled like a busy computer does: steps of 10 to 100 ms."""
    steps = np.random.default_rng(5).uniform(0.01, 0.1, int(length_s * 30))
    times = np.append(0.0, np.cumsum(steps))
    return np.append(times[times < length_s], length_s)


def frames_lost(n, share, seed=3):
    lost = np.random.default_rng(seed).random(n) < share
    lost[[0, -1]] = False
    return lost


def pacing(time_s, speed_cm_per_s=7.0):
    """Wall to wall and back along y = 21: 42 cm at 7 cm/s, 6 s each way, 2 s of them in the band."""
    return 42 - np.abs(speed_cm_per_s * time_s % 84 - 42), np.full(len(time_s), 21.0)


def circling(time_s, period_s=10.0):
    """Radius 12 cm around the center of a 42 x 42 cm floor, from its rightmost point."""
    angle = 2 * math.pi * time_s / period_s
    return 21 + 12 * np.cos(angle), 21 + 12 * np.sin(angle)


# cos(angle) >= 1/2 for a third of each turn.
RIGHT_THIRD = Zone("right third", "interaction_zone", Rectangle(27, 0, 15, 42))
# Within 12 cm of the rightmost point (33, 21) for a third of each turn: chord = 24 sin(angle / 2) <= 12.
AROUND_RIGHT = Zone("around right", "other", Circle(33, 21, 12))
# cos(angle) <= -1/2 as well, drawn as a polygon with a corner outside the floor.
LEFT_THIRD = Zone("left third", "other", Polygon(((15.0, -5.0), (15.0, 50.0), (-9.0, 21.0), (0.0, -5.0))))


@pytest.mark.parametrize("time_s", [at_30_hz(6), irregular(6)], ids=["30 Hz", "irregular"])
def test_straight_motion_through_a_zone_is_exact(time_s):
    score = score_track(time_s, *pacing(time_s), [BAND])
    zone = score.area("interaction_zone")
    assert zone.zone_s == pytest.approx(2.0, abs=1e-9)  # 14 cm at 7 cm/s
    assert zone.latency_s == pytest.approx(2.0, abs=1e-9)
    assert zone.entries == 1
    assert score.distance_cm == pytest.approx(42.0)
    assert score.velocity_cm_per_s == pytest.approx(7.0)
    assert (score.covered_s, score.missing_s, score.missing_share, score.longest_gap_s) == (6.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("time_s", [at_30_hz(), irregular()], ids=["30 Hz", "irregular"])
def test_fifty_crossings_add_up_to_no_more_than_a_frame(time_s):
    # 25 walks of 6 s in 150 s, each 2 s in the band
    zone = score_track(time_s, *pacing(time_s), [BAND]).zones[0]
    assert zone.zone_s == pytest.approx(50.0, abs=FRAME_S)
    assert zone.entries == 25


@pytest.mark.parametrize("lost_share", [0.0, 0.2], ids=["complete", "20 % lost"])
@pytest.mark.parametrize("time_s", [at_30_hz(), irregular()], ids=["30 Hz", "irregular"])
def test_circling_agrees_with_the_exact_times_to_one_frame(time_s, lost_share):
    x, y = circling(time_s)
    lost = frames_lost(len(time_s), lost_share)
    x[lost] = y[lost] = np.nan
    score = score_track(time_s, x, y, [RIGHT_THIRD, AROUND_RIGHT, LEFT_THIRD])
    right, around, left = score.zones
    for zone in score.zones:  # 15 turns of 10 s, a third of each
        assert zone.zone_s == pytest.approx(50.0, abs=FRAME_S)
        assert zone.missing_s == 0
    # The path begins and ends in the middle of the right third: half a visit, 14 whole ones, half a visit.
    assert (right.entries, around.entries, left.entries) == (16, 16, 15)
    assert (right.latency_s, around.latency_s) == (0.0, 0.0)
    assert left.latency_s == pytest.approx(10 / 3, abs=FRAME_S)  # angle 2 pi / 3
    assert score.distance_cm == pytest.approx(15 * 2 * math.pi * 12, rel=0.002)  # chords for arcs
    assert score.missing_share == pytest.approx(lost_share, abs=0.015)
    assert (score.longest_gap_s > 0) == (lost_share > 0)
    assert score.too_much_missing == (score.missing_share > 0.2)


@pytest.mark.parametrize("lost_share", [0.5, 0.8])
def test_many_single_lost_frames_are_bridged_but_flagged(lost_share):
    time_s = at_30_hz()
    x, y = circling(time_s)
    lost = frames_lost(len(time_s), lost_share)
    x[lost] = np.nan  # y alone is no position
    score = score_track(time_s, x, y, [RIGHT_THIRD], max_gap_s=2.0)
    # A chord over at most 2 s of a 10 s turn; each crossing is off by less than the gap it falls into.
    assert score.zones[0].zone_s == pytest.approx(50.0, rel=0.02)
    assert score.missing_s == 0
    assert score.missing_share == pytest.approx(lost_share, abs=0.02)
    assert score.too_much_missing


def test_what_the_tracker_filled_in_itself_counts_as_missing():
    time_s = at_30_hz()
    score = score_track(time_s, *pacing(time_s), [BAND], not_found_share=0.835)
    assert (score.missing_share, score.too_much_missing) == (0.835, True)
    assert (score.missing_s, score.zones[0].zone_s) == (0, pytest.approx(50, abs=FRAME_S))


@pytest.mark.parametrize("start_s", [2.0, 3.0, 5.0, 14.2])
def test_a_long_gap_bounds_the_time(start_s):
    time_s = at_30_hz()
    x, y = circling(time_s)
    lost = (time_s > start_s) & (time_s < start_s + 30)
    x[lost] = y[lost] = np.nan
    score = score_track(time_s, x, y, [RIGHT_THIRD, LEFT_THIRD], max_gap_s=0.5)
    assert score.missing_s == pytest.approx(30.0, abs=2 * FRAME_S)
    assert score.longest_gap_s == score.missing_s
    assert score.missing_share == pytest.approx(30 / 150, abs=0.001)
    # 30 s are three whole turns, so each zone lost 10 s of its 50.
    for zone in score.zones:
        assert zone.zone_s == pytest.approx(40.0, abs=2 * FRAME_S)
        assert zone.zone_s < 50.0 < zone.zone_high_s
        assert zone.zone_high_s == pytest.approx(70.0, abs=2 * FRAME_S)
    left = score.zones[1]
    # Unknown from start_s on: the mouse may have entered then, or as seen at 10 / 3 s or one to three turns later.
    assert left.latency_earliest_s == pytest.approx(min(start_s, 10 / 3), abs=FRAME_S)
    assert score.distance_cm == pytest.approx(12 * 2 * math.pi * 12, rel=0.002)
    assert score.velocity_cm_per_s == pytest.approx(2 * math.pi * 12 / 10, rel=0.002)


def test_a_gap_is_bridged_up_to_the_length_and_missing_beyond():
    time_s = np.arange(0, 6.01, 0.1)
    x, y = pacing(time_s)
    lost = (time_s > 1.05) & (time_s < 2.95)  # positions at 1.0 and 3.0 s: 2 s apart
    x[lost] = y[lost] = np.nan
    bridged = score_track(time_s, x, y, [BAND], max_gap_s=2.0)
    assert (bridged.missing_s, bridged.interpolated_s) == (0.0, pytest.approx(2.0))
    assert bridged.zones[0].zone_s == pytest.approx(2.0)
    missing = score_track(time_s, x, y, [BAND], max_gap_s=1.9)
    assert (missing.missing_s, missing.interpolated_s) == (pytest.approx(2.0), 0.0)
    assert missing.zones[0].zone_s == pytest.approx(1.0)  # from 3 to 4 s
    assert missing.zones[0].zone_high_s == pytest.approx(3.0)
    assert (missing.zones[0].latency_s, missing.zones[0].latency_earliest_s) == (pytest.approx(3.0), pytest.approx(1.0))
    assert missing.missing_share == bridged.missing_share == pytest.approx(1.9 / 6)  # 19 of 60 samples


def test_time_without_samples_is_a_gap_too():
    time_s = np.array([0.0, 0.1, 0.2, 0.3, 4.0, 4.1, 4.2, 4.3])  # nothing between 0.3 and 4 s
    score = score_track(time_s, np.full(8, 20.0), np.full(8, 20.0), [BAND])
    assert score.zones[0].zone_s == pytest.approx(0.6)
    assert score.missing_s == score.longest_gap_s == pytest.approx(3.7)
    assert score.missing_share == pytest.approx(3.7 / 4.3)


def test_positions_missing_at_both_ends_are_unknown_time():
    time_s = np.arange(0, 10.01, 0.1)
    x = np.where((time_s < 0.95) | (time_s > 8.05), np.nan, 20.0)
    score = score_track(time_s, x, np.full(len(x), 20.0), [BAND])
    assert score.zones[0].zone_s == pytest.approx(7.0)  # 1.0 to 8.0 s
    assert score.missing_s == pytest.approx(3.0)
    assert (score.zones[0].latency_s, score.zones[0].latency_earliest_s) == (pytest.approx(1.0), 0.0)


def test_a_track_without_any_position_knows_nothing():
    time_s = at_30_hz(10)
    nowhere = np.full(len(time_s), np.nan)
    score = score_track(time_s, nowhere, nowhere, ARENA.zones, floor=ARENA.floor)
    assert (score.tracked_s, score.missing_share, score.velocity_cm_per_s, score.outside_share) == (0, 1, None, None)
    zone = score.area("interaction_zone")
    assert (zone.zone_s, zone.zone_high_s) == (0, pytest.approx(10))
    assert (zone.entries, zone.latency_s, zone.latency_earliest_s) == (0, None, 0)


def test_time_is_read_from_the_stamps_and_not_from_the_frames():
    # 5 quick samples inside in 0.4 s, then 3 slow ones outside: frames say 5 of 8, the clock 0.4 of 2.4 s and half a step
    time_s = [0.0, 0.1, 0.2, 0.3, 0.4, 0.8, 1.6, 2.4]
    x = [20, 20, 20, 20, 20, 36, 36, 36]
    zone = score_track(time_s, x, [21] * 8, [BAND], max_gap_s=1).zones[0]
    assert zone.zone_s == pytest.approx(0.4 + 0.2)  # 20 to 36 cm in 0.4 s: out at 28, half way


def test_a_zone_passed_between_two_samples_is_seen():
    score = score_track([0, 0.4, 0.8], [5, 35, 35], [21, 21, 21], [BAND])
    assert score.zones[0].zone_s == pytest.approx(0.4 * 14 / 30)  # 14 of 30 cm
    assert score.zones[0].entries == 1
    touching = score_track([0, 1, 2], [0, 14, 0], [21, 21, 21], [BAND], max_gap_s=1)
    assert (touching.zones[0].zone_s, touching.zones[0].entries) == (0, 0)


def test_a_mouse_that_never_enters_has_no_latency():
    time_s = at_30_hz(10)
    score = score_track(time_s, np.full(301, 5.0), np.full(301, 21.0), ARENA.zones)
    assert [(zone.zone_s, zone.entries, zone.latency_s, zone.latency_earliest_s) for zone in score.zones] == [
        (0, 0, None, None)
    ] * 3


def test_both_corners_count_together():
    # 10 s in corner 1 at (0, 0), 1 s across, 10 s in corner 2 at (33, 0)
    time_s = np.arange(0, 21.01, 0.5)
    x = np.interp(time_s, [0, 10, 11, 21], [4.5, 4.5, 37.5, 37.5])
    score = score_track(time_s, x, np.full(len(x), 4.5), ARENA.zones)
    one, two = score.zones[1:]
    together = score.area("corner")
    # 33 cm in 1 s, of which 4.5 cm are still in the first corner and 4.5 already in the second
    assert (one.zone_s, two.zone_s) == (pytest.approx(10 + 4.5 / 33), pytest.approx(10 + 4.5 / 33))
    assert together.zone_s == pytest.approx(one.zone_s + two.zone_s)
    assert (one.entries, two.entries, together.entries) == (1, 1, 2)
    assert score_track(time_s, x, x, [BAND]).area("corner") is None
    names = {"left and IZ": ("corner 1", "interaction zone"), "right": ("corner 2",)}
    asked = score_track(time_s, x, np.full(len(x), 4.5), ARENA.zones, areas=names)
    assert [(area.name, area.entries) for area in asked.areas] == [("left and IZ", 1), ("right", 1)]
    assert [area.zone_s for area in asked.areas] == [pytest.approx(10 + 4.5 / 33)] * 2
    with pytest.raises(ValueError, match="there is no zone middle; the zones are interaction zone, corner 1, corner 2"):
        score_track(time_s, x, x, ARENA.zones, areas={"middle": ("middle",)})


def test_shaking_at_an_edge_is_one_visit_when_short_ones_are_ignored():
    # At 30 Hz: 2 s outside, 5 s shaking across x = 14 every frame, 3 s inside, out for 0.2 s, in for 1 s, out, a dart in
    n = [60, 150, 90, 6, 30, 60, 3, 60]
    shaking = np.where(np.arange(150) % 2 == 0, 14.4, 13.6)
    x = np.concatenate(
        [[10] * n[0], shaking, [20] * n[2], [10] * n[3], [20] * n[4], [10] * n[5], [20] * n[6], [10] * n[7]]
    )
    time_s = np.arange(len(x)) * FRAME_S
    raw = score_track(time_s, x, np.full(len(x), 21.0), [BAND]).zones[0]
    calm = score_track(time_s, x, np.full(len(x), 21.0), [BAND], min_visit_s=0.5).zones[0]
    assert raw.entries > 70
    assert calm.entries == 1
    assert calm.zone_s == raw.zone_s == pytest.approx(2.5 + 3 + 1 + 0.1, abs=6 * FRAME_S)
    assert calm.latency_s == pytest.approx(2.0, abs=FRAME_S)


def test_a_gap_ends_no_visit_that_goes_on_after_it():
    time_s = np.arange(0, 10.01, 0.1)
    x = np.where((time_s > 2.05) & (time_s < 5.95), np.nan, 20.0)
    zone = score_track(time_s, x, np.full(len(x), 21.0), [BAND]).zones[0]
    assert (zone.entries, zone.zone_s, zone.zone_high_s) == (1, pytest.approx(6.0), pytest.approx(10.0))


def test_a_longer_track_is_cut_and_a_shorter_one_said():
    time_s = at_30_hz(180)
    x, y = pacing(time_s)
    whole, cut = score_track(time_s, x, y, [BAND]), score_track(time_s, x, y, [BAND], length_s=150)
    assert (whole.covered_s, whole.zones[0].zone_s) == (pytest.approx(180), pytest.approx(60, abs=FRAME_S))
    assert (cut.covered_s, cut.zones[0].zone_s) == (150, pytest.approx(50, abs=FRAME_S))
    assert cut.distance_cm == pytest.approx(150 * 7, rel=0.002)
    late = score_track(time_s, x, y, [BAND], start_s=3.005, length_s=150)  # begins between two frames, in the band
    assert (late.covered_s, late.zones[0].latency_s) == (pytest.approx(150), 0)
    assert late.distance_cm == pytest.approx(150 * 7, rel=0.002)
    short = score_track(time_s, x, y, [BAND], start_s=60, length_s=150)
    assert short.covered_s == pytest.approx(120)
    assert short.zones[0].zone_s == pytest.approx(40, abs=FRAME_S)


def test_a_clock_that_does_not_begin_at_0_gives_the_same():
    time_s = at_30_hz()
    early, late = (score_track(clock, *pacing(time_s), [BAND]) for clock in (time_s, time_s + 3600))
    assert late.zones[0].zone_s == pytest.approx(early.zones[0].zone_s, abs=1e-6)
    assert late.zones[0].latency_s == pytest.approx(2.0, abs=1e-6)


def test_how_much_lies_beyond_the_floor_is_said():
    score = score_track([0, 1, 2, 3], [10, 43, 20, 20], [10, 10, np.nan, 20], [BAND], floor=ARENA.floor, max_gap_s=5)
    assert score.outside_share == pytest.approx(1 / 3)  # of three found samples
    with pytest.raises(ValueError, match=r"never enters the arena: x runs from 100 to 120 cm.*check origin, scale"):
        score_track([0, 1], [100, 120], [100, 100], [BAND], floor=ARENA.floor, max_gap_s=5)


@pytest.mark.parametrize(
    ("track", "options", "sentence"),
    [
        (([0, 1, 0.5], [1, 1, 1], [1, 1, 1]), {}, "time stamps go back: sample 3 is at 0.5 s, after one at 1 s"),
        (([0, np.nan, 2], [1, 1, 1], [1, 1, 1]), {}, "time stamp 2 is not a finite number of seconds"),
        (([0], [1], [1]), {}, "a track needs 2 samples or more"),
        (([0, 1], [1, np.inf], [1, 1]), {}, "the position at 1 s is infinite; a missing one is NaN"),
        (([0, 1], [1, 1, 1], [1, 1, 1]), {}, "time_s and x_cm must be of one length"),
        (([0, 1], [1, 1], [1, 1]), {"max_gap_s": 0.5}, "samples lie 1 s apart, but a gap of more than 0.5 s"),
        (([0, 1], [1, 1], [1, 1]), {"max_gap_s": np.nan}, "samples lie 1 s apart"),
        (([0, 1], [1, 1], [1, 1]), {"start_s": 5}, "the track runs from 0 to 1 s and has nothing of 5 to inf s"),
        (([0, 1], [1, 1], [1, 1]), {"length_s": 0}, "length_s must be more than 0; got 0"),
    ],
)
def test_tracks_that_cannot_be_scored_are_refused(track, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        score_track(*track, [BAND], **{"max_gap_s": 1.0, **options})


def test_two_zones_of_one_name_are_refused():
    with pytest.raises(ValueError, match="each zone must have a name of its own; twice or more: band"):
        score_track([0, 1], [1, 1], [1, 1], [BAND, BAND], max_gap_s=1)


def test_flags_stand_until_the_next_sample():
    time_s = [0.0, 0.1, 0.3, 0.4, 1.0]
    scores = zone_times_from_flags(time_s, {"In zone": [0, 1, 1, 0, 1], "In corner": [0, 0, 0, 0, 0]}, max_gap_s=1)
    assert scores["In zone"].zone_s == pytest.approx(0.3)  # 0.1 to 0.4 s; the last sample stands for no time
    assert (scores["In zone"].entries, scores["In zone"].latency_s) == (1, pytest.approx(0.1))
    assert (scores["In corner"].zone_s, scores["In corner"].latency_s) == (0, None)


def test_flags_agree_with_the_exact_time_to_one_frame_per_visit():
    time_s = at_30_hz()
    x, y = circling(time_s)
    zone = zone_times_from_flags(time_s, {"right": RIGHT_THIRD.shape.contains(x, y)})["right"]
    assert zone.zone_s == pytest.approx(50.0, abs=16 * FRAME_S)
    assert zone.entries == 16


def test_unknown_flags_take_the_last_one_for_a_short_gap_only():
    time_s = np.arange(0, 6.01, 0.1)
    flags = np.ones(61)
    flags[[11, 12]] = np.nan  # 0.3 s from the last known to the next
    flags[31:51] = np.nan  # 2.1 s
    zone = zone_times_from_flags(time_s, {"zone": flags})["zone"]
    assert zone.missing_s == pytest.approx(2.1)
    assert zone.zone_s == pytest.approx(6.0 - 2.1)
    assert (zone.entries, zone.zone_high_s) == (1, pytest.approx(6.0))


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [([0, 2], "zone z is 2 at 1 s; a flag is 0 or 1"), ([0], "zone z has 1 flags for 2 time stamps")],
)
def test_flags_that_are_none_are_refused(flags, sentence):
    with pytest.raises(ValueError, match=sentence):
        zone_times_from_flags([0, 1], {"z": flags}, max_gap_s=1)


def test_a_series_of_zone_seconds_adds_up_to_the_score():
    time_s = irregular()
    x, y = circling(time_s)
    lost = (time_s > 40) & (time_s < 60)
    x[lost] = y[lost] = np.nan
    score = score_track(time_s, x, y, [RIGHT_THIRD])
    inside_s, tracked_s = zone_series(time_s, x, y, [RIGHT_THIRD.shape], 0.4)
    assert len(inside_s) == len(tracked_s) == 375  # 150 / 0.4
    assert inside_s.sum() == pytest.approx(score.zones[0].zone_s)
    assert tracked_s.sum() == pytest.approx(score.tracked_s)
    assert (inside_s <= tracked_s + 1e-9).all()
    # Inside until angle pi / 3 at 10 / 6 s: four bins of 0.4 s and 0.0667 s of the fifth
    assert inside_s[:6] == pytest.approx([0.4, 0.4, 0.4, 0.4, 10 / 6 - 1.6, 0], abs=0.01)


def test_occupancy_puts_seconds_where_the_mouse_was():
    # 3 s at (5, 5), then 1 s straight to (35, 5), then 2 s there; squares of 10 cm on a floor of 40 x 20
    time_s = np.arange(0, 6.01, 0.1)
    x = np.interp(time_s, [0, 3, 4, 6], [5, 5, 35, 35])
    seconds = occupancy(time_s, x, np.full(len(x), 5.0), 40, 20, 10)
    assert seconds.shape == (2, 4)
    # On the way 5, 10, 10, 5 of 30 cm
    assert seconds[0] == pytest.approx([3 + 1 / 6, 1 / 3, 1 / 3, 2 + 1 / 6])
    assert seconds[1].tolist() == [0, 0, 0, 0]


def test_occupancy_leaves_out_unknown_time_and_what_lies_beyond_the_floor():
    time_s = np.arange(0, 10.01, 0.1)
    x = np.where((time_s > 2.05) & (time_s < 5.95), np.nan, 42.0)  # at the far wall: in the last square
    seconds = occupancy(time_s, x, np.full(len(x), 42.0), 42, 42, 4)
    assert seconds.shape == (11, 11)  # 42 / 4 = 10.5
    assert seconds[10, 10] == seconds.sum() == pytest.approx(6.0)
    assert occupancy(time_s, x + 1, np.full(len(x), 42.0), 42, 42, 4).sum() == 0
    with pytest.raises(ValueError, match="bin_cm must be more than 0; got 0"):
        occupancy(time_s, x, x, 42, 42, 0)


@pytest.mark.skipif(not ETHOVISION_TRACK.is_file(), reason="../shared/data/tracker_exports is not there")
def test_a_real_track_gets_the_trackers_own_distance_velocity_and_zone_time():
    columns = np.genfromtxt(ETHOVISION_TRACK, delimiter=";", skip_header=40, encoding="latin-1", invalid_raise=False)
    time_s, x, y, distance_cm, velocity, in_north = columns[:, [0, 2, 3, 7, 8, 14]].T
    score = score_track(time_s, x, y, [])
    assert score.covered_s == pytest.approx(100.0)  # its header: recording duration 00:01:40
    assert score.distance_cm == pytest.approx(np.nansum(distance_cm), rel=1e-6)
    assert score.velocity_cm_per_s == pytest.approx(np.nanmean(velocity), rel=1e-6)
    # Frames of 0.04 s, the last of which stands for no time
    flagged = zone_times_from_flags(time_s, {"north": in_north})["north"]
    assert flagged.zone_s == pytest.approx(0.04 * in_north[:-1].sum())
