"""A simulated track says what its test says: its seconds in zone and corners, and about its distance."""

import numpy as np
import pytest

from analysis.kernels.tracks import score_track
from analysis.kernels.zones import si_arena
from labdb.behavior.trackers.detect import read_tracker_file
from labdb.demo import parameters as p
from labdb.demo.simulate_behavior import simulate_behavior
from labdb.demo.simulate_track_files import choose_tracked, track_files
from labdb.demo.simulate_tracks import simulate_track

MOUSE_CM_PER_S = 100.0  # a mouse that flees


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("zone_s", "corner_s", "distance_cm"), [(60.0, 25.0, 1200.0), (11.37, 62.5, 900.0), (99.99, 2.01, 1500.0)]
)
def test_a_track_has_the_seconds_that_were_asked_for(side, zone_s, corner_s, distance_cm):
    track = simulate_track(zone_s, corner_s, distance_cm, side, np.random.default_rng(5))
    arena = si_arena(42, 42, 14, 9, 9, side)
    score = score_track(track.time_s, track.x_cm.round(4), track.y_cm.round(4), arena.zones, floor=arena.floor)
    areas = {area.name: area for area in score.areas}
    assert areas["interaction_zone"].zone_s == pytest.approx(zone_s, abs=0.0005)  # a frame is .04 s
    assert areas["corner"].zone_s == pytest.approx(corner_s, abs=0.0005)
    assert score.distance_cm == pytest.approx(distance_cm, rel=0.02)
    assert score.outside_share == 0
    speed = np.hypot(np.diff(track.x_cm), np.diff(track.y_cm)) * p.TRACK_HZ
    assert np.quantile(speed, 0.99) < MOUSE_CM_PER_S


def test_the_tracked_mice_are_of_every_class_and_their_files_are_read_as_a_trackers():
    behavior = simulate_behavior(np.random.default_rng(3))
    tests = behavior.si_tests.assign(arena="box 1", target_side="left", gap_between_trials_min=1.0)
    phenotype = behavior.latent["phenotype"]
    chosen = choose_tracked(tests, phenotype)
    assert phenotype[chosen.index].value_counts().to_dict() == p.TRACKED
    ratio = chosen["iz_present_s"] / chosen["iz_absent_s"]
    assert ratio.between(0.9, 1.1).any() and (ratio < 0.6).any()
    files = list(track_files(chosen, np.random.default_rng(1)))
    assert files == list(track_files(chosen, np.random.default_rng(1)))
    for file in files:
        (trial,) = read_tracker_file(file.name, file.content).trials
        assert (trial.subject, trial.header["Arena name"], trial.length_s) == (file.mouse, "box 1", 150.0)
        assert trial.header["Stage"] == {"absent": "no target", "present": "target"}[file.target]
