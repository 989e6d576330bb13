import pytest

from analysis.kernels.rates import compare_rates, wilson_interval


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe 1998, Stat Med 17:857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_are_those_of_newcombes_table(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_at_no_and_at_all_successes_mirror_each_other():
    # 0 of n: high = (z^2 / 2n + z sqrt(z^2 / 4n^2)) / (1 + z^2 / n) = z^2 / (n + z^2); z^2 = 3.841459, n = 16
    assert wilson_interval(0, 16) == (0.0, pytest.approx(3.841459 / 19.841459, abs=1e-7))
    assert wilson_interval(16, 16) == (pytest.approx(16 / 19.841459, abs=1e-7), 1.0)


def test_a_higher_confidence_widens_the_interval():
    low, high = wilson_interval(7, 16)
    wider_low, wider_high = wilson_interval(7, 16, confidence=0.99)
    assert wider_low < low < 7 / 16 < high < wider_high


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [  # Newcombe 1998, Stat Med 17:873, table II, method 10
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
    ],
)
def test_differences_of_rates_are_those_of_newcombes_table(table, low, high):
    compared = compare_rates(*table)
    assert compared.difference == pytest.approx(table[0] / table[1] - table[2] / table[3])
    assert (compared.low, compared.high) == pytest.approx((low, high), abs=5e-5)


def test_fishers_p_is_that_of_the_tea_tasting():
    # 3 of 4 against 1 of 4: (C(4,3) C(4,1) + C(4,4) C(4,0)) / C(8,4) = 17 / 70 one-sided, both tails 34 / 70
    assert compare_rates(3, 4, 1, 4).fisher_p_value == pytest.approx(34 / 70)


def test_barnards_p_of_a_clean_split_is_its_highest_null_probability():
    # 3 of 3 against 0 of 3, and its mirror image: probability 2 q^3 (1 - q)^3, highest at q = 1/2: 2 / 64
    assert compare_rates(3, 3, 0, 3).p_value == pytest.approx(2 / 64, abs=1e-6)


def test_equal_certainties_differ_in_nothing():
    for successes in (0, 8):
        compared = compare_rates(successes, 8, successes, 8)
        assert (compared.difference, compared.p_value, compared.fisher_p_value) == (0.0, 1.0, 1.0)
        assert compared.low < 0 < compared.high


def test_swapping_the_rates_mirrors_the_difference():
    there, back = compare_rates(9, 16, 3, 16), compare_rates(3, 16, 9, 16)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.p_value == pytest.approx(back.p_value, rel=1e-6)


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_an_impossible_rate_is_refused(successes, n):
    with pytest.raises(ValueError, match=f"{successes} of {n}"):
        wilson_interval(successes, n)


def test_an_impossible_confidence_is_refused():
    with pytest.raises(ValueError, match="confidence"):
        wilson_interval(3, 5, confidence=95)
