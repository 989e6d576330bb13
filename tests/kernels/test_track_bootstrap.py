"""The interval of one SI ratio: coverage against Markov tracks of known ratio, and what it refuses."""

import math

import numpy as np
import pytest

from analysis.kernels.track_bootstrap import BIN_S, ratio_interval


def markov_tracks(rng, mean_in_s, mean_out_s, n_tracks, length_s=150.0):
    """Seconds in the zone per bin of mice that stay in and out for exponential times; and the true share."""
    n, rate_in, rate_out = round(length_s / BIN_S), 1 / mean_in_s, 1 / mean_out_s
    share = rate_out / (rate_in + rate_out)
    kept = math.exp(-(rate_in + rate_out) * BIN_S)  # exact transition probabilities over one bin
    stay, come = share + (1 - share) * kept, share * (1 - kept)
    chance = rng.random((n, n_tracks))
    inside = np.empty((n, n_tracks), dtype=bool)
    inside[0] = chance[0] < share
    for step in range(1, n):
        inside[step] = chance[step] < np.where(inside[step - 1], stay, come)
    return BIN_S * inside.T.astype(float), share


@pytest.mark.parametrize(
    ("absent_in_out_s", "present_in_out_s", "least"),
    [((3, 5), (6, 4), 0.91), ((8, 16), (8, 16), 0.91), ((2, 10), (2, 14), 0.91)],
)
def test_about_95_percent_of_intervals_hold_the_true_ratio(absent_in_out_s, present_in_out_s, least):
    rng = np.random.default_rng(11)
    absent, absent_share = markov_tracks(rng, *absent_in_out_s, 300)
    present, present_share = markov_tracks(rng, *present_in_out_s, 300)
    true_ratio = present_share / absent_share
    intervals = [ratio_interval(*pair, rng, n_resamples=800) for pair in zip(absent, present, strict=True)]
    covered = np.mean([one.low <= true_ratio <= one.high for one in intervals])
    assert least <= covered <= 0.985  # 300 pairs: +- 0.025
    assert all(one.low < one.ratio < one.high for one in intervals)


def test_the_interval_is_that_of_independent_visits():
    """Visits of one bin at random bins: the totals are binomial, so the log ratio has a known variance."""
    rng = np.random.default_rng(2)
    absent, present = (BIN_S * (rng.random(6000) < share) for share in (0.3, 0.4))
    interval = ratio_interval(absent, present, rng, block_s=1.0)
    # var(log total) = (1 - p) / (n p)
    se = math.sqrt(sum((1 - p) / (6000 * p) for p in (absent.mean() / BIN_S, present.mean() / BIN_S)))
    assert math.log(interval.high / interval.low) == pytest.approx(2 * 1.96 * se, rel=0.08)


def test_the_same_seed_gives_the_same_interval_and_four_times_the_track_half_the_width():
    absent, _ = markov_tracks(np.random.default_rng(3), 4, 6, 40, 1200)
    present, _ = markov_tracks(np.random.default_rng(4), 4, 6, 40, 1200)
    one, again = (ratio_interval(absent[0], present[0], np.random.default_rng(5)) for _ in range(2))
    assert one == again
    widths = [
        np.median([
            math.log(interval.high / interval.low)
            for pair in zip(absent[:, :n_bins], present[:, :n_bins], strict=True)
            for interval in [ratio_interval(*pair, np.random.default_rng(6))]
        ])
        for n_bins in (3000, 12000)
    ]  # fmt: skip
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.2)


def test_the_probability_of_the_other_side_follows_the_distance_to_the_cutoff():
    (absent,), _ = markov_tracks(np.random.default_rng(7), 3, 4, 1)
    (present,), _ = markov_tracks(np.random.default_rng(8), 3, 4, 1)
    ratio = present.sum() / absent.sum()
    at = {
        times: ratio_interval(absent, present, np.random.default_rng(9), cutoff=ratio * times).other_side
        for times in (0.2, 0.8, 1.0001, 1.25, 5)
    }
    assert at[0.2] == at[5] == 0
    assert 0.35 < at[1.0001] < 0.65
    assert 0 < at[0.8] < at[1.0001] > at[1.25] > 0


def test_an_interval_that_leaves_out_the_cutoff_leaves_the_other_side_a_small_probability():
    (absent,), _ = markov_tracks(np.random.default_rng(7), 3, 4, 1)
    (present,), _ = markov_tracks(np.random.default_rng(8), 3, 4, 1)
    low = ratio_interval(absent, present, np.random.default_rng(1)).low
    for times, is_small in ((0.98, True), (1.02, False)):
        other_side = ratio_interval(absent, present, np.random.default_rng(1), cutoff=low * times).other_side
        assert (other_side < 0.025) == is_small


def test_one_short_visit_without_target_sets_no_bound():
    absent, present = np.zeros(1500), np.tile(np.repeat([BIN_S, 0], 30), 25)
    absent[700:703] = BIN_S
    interval = ratio_interval(absent, present, np.random.default_rng(1))
    assert interval.low == 0  # many resamples have no visit, and an infinite ratio
    assert interval.ratio == pytest.approx(75 / 0.3)


# 90 of 150 s; of its first 49.9 s three times 9 s and the last 4.9 s: 31.9 s
VARIED = np.tile(np.repeat([BIN_S, 0.0, BIN_S, 0.0], [70, 30, 20, 30]), 10)


@pytest.mark.parametrize(
    ("absent", "present", "ratio", "reason"),
    [
        (np.zeros(1500), VARIED, None, "0 s in the interaction zone without target: the ratio is undefined"),
        (VARIED, np.zeros(1500), 0.0, "0 s in the interaction zone with target: the ratio is 0"),
        (
            VARIED[:499],
            VARIED,
            pytest.approx(90 / 31.9),
            "a trial with 49.9 s of track is shorter than 5 blocks of 10 s",
        ),
        (np.full(1500, BIN_S), np.full(1500, BIN_S), 1.0, "the time in the zone does not vary within either trial"),
    ],
)
def test_what_has_no_interval_says_why(absent, present, ratio, reason):
    interval = ratio_interval(absent, present, np.random.default_rng(1))
    assert interval.reason.startswith(reason)
    assert (interval.low, interval.high, interval.other_side) == (None, None, None)
    assert interval.ratio == ratio


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"absent_s": [0.2] * 1500}, "absent_s must be times of 0 to 0.1 s in one dimension, none missing"),
        ({"present_s": [math.nan] * 1500}, "present_s must be times of 0 to 0.1 s"),
        ({"cutoff": 0}, "cutoff must be more than 0; got 0"),
        ({"confidence": 1}, "confidence must lie between 0 and 1; got 1"),
        ({"n_resamples": 20}, "20 resamples are too few for an interval of 0.95"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        ratio_interval(**{"absent_s": VARIED, "present_s": VARIED, "rng": np.random.default_rng(1), **options})
