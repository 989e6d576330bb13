"""The animals of the demo study: who they are, their tests, arms, masses, and the truth behind them."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.kernels.phenotype import classify_phenotype
from labdb.demo import parameters as p


@dataclass(frozen=True)
class SimulatedBehavior:
    """Records of the living animals, and what the records do not show.

    Attributes
    ----------
    mice : pandas.DataFrame, indexed by mouse
        ``cohort``, ``group``, ``sex``, ``strain``, ``ear_tag``, ``birth_date``, ``death_date``,
        ``death_reason``, ``is_sequenced``.
    si_tests : pandas.DataFrame
        One row per mouse and test: ``mouse``, ``test_number``, ``test_at``, ``order_of_day``,
        ``trial_s``, times (s), distances (cm), velocities (cm/s).
    weighings : pandas.DataFrame
        ``mouse``, ``performed_at``, ``body_mass_g``.
    allocations : pandas.DataFrame, indexed by mouse
        ``allocation_code``, ``arm``, ``is_randomized``.
    latent : pandas.DataFrame, indexed by mouse
        What nobody sees: ``trait``, ``phenotype`` (by the first test), ``drug_works`` and
        ``persistence`` (of the stress state; missing in controls).
    """

    mice: pd.DataFrame
    si_tests: pd.DataFrame
    weighings: pd.DataFrame
    allocations: pd.DataFrame
    latent: pd.DataFrame


def simulate_behavior(rng: np.random.Generator) -> SimulatedBehavior:
    """Simulate 122 mice from birth to dissection.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    SimulatedBehavior

    Raises
    ------
    ValueError
        If the draw gives too few susceptible mice for the arms (4 draws in 1,000).
    """
    mice = _mice(rng)
    trait = _traits(mice["group"], rng)
    first = _si_tests(mice, trait, 1, rng)
    phenotype = classify_phenotype(first.set_index("mouse").assign(group=mice["group"]))["phenotype"]
    allocations = _allocate(mice, phenotype, rng)

    works = allocations["arm"].isin(p.DRUGS) & (rng.random(len(mice)) < p.DRUG_RESPONSE_SHARE)
    undrugged = trait + p.RETEST_DRIFT
    retest = _si_tests(mice, undrugged + p.DRUG_EFFECT * works, 2, rng)
    own_change = _log_ratio(retest) - p.DRUG_EFFECT * works
    latent = pd.DataFrame(
        {
            "trait": trait,
            "phenotype": phenotype,
            "drug_works": works,
            "persistence": _persistence(own_change, phenotype, rng),
        }
    )
    mice["is_sequenced"] = _sequenced(phenotype, allocations, rng)
    return SimulatedBehavior(
        mice=mice,
        si_tests=pd.concat([first, retest], ignore_index=True),
        weighings=_weighings(mice, rng),
        allocations=allocations,
        latent=latent,
    )


def _mice(rng: np.random.Generator) -> pd.DataFrame:
    """Give each cohort half of the controls and of the defeated, in an order that tells nothing."""
    cohorts = []
    for cohort, start_date in p.COHORTS.items():
        groups = ["control"] * (p.N_CONTROL // len(p.COHORTS)) + ["defeated"] * (p.N_DEFEATED // len(p.COHORTS))
        age_days = rng.integers(*p.AGE_AT_DEFEAT_DAYS, size=len(groups), endpoint=True)
        cohorts.append(
            pd.DataFrame(
                {
                    "cohort": cohort,
                    "group": rng.permutation(groups),
                    "sex": "M",
                    "strain": p.STRAIN,
                    "birth_date": [start_date - dt.timedelta(days=int(days)) for days in age_days],
                    "death_date": start_date + dt.timedelta(days=p.DISSECTION_DAY),
                    "death_reason": "end of study",
                }
            )
        )
    mice = pd.concat(cohorts, ignore_index=True)
    mice.index = pd.Index([f"M{number:03d}" for number in range(1, len(mice) + 1)], name="mouse")
    mice["ear_tag"] = [str(number) for number in 4001 + rng.permutation(len(mice))]
    return mice


def _traits(group: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Draw each mouse's lasting tendency: its log SI ratio but for the noise of a test."""
    prone = rng.random(len(group)) < p.SUSCEPTIBLE_SHARE
    mean = np.where(prone, p.SUSCEPTIBLE_TRAIT[0], p.RESILIENT_TRAIT[0])
    sd = np.where(prone, p.SUSCEPTIBLE_TRAIT[1], p.RESILIENT_TRAIT[1])
    control = group.eq("control").to_numpy()
    mean, sd = np.where(control, p.CONTROL_TRAIT[0], mean), np.where(control, p.CONTROL_TRAIT[1], sd)
    return pd.Series(rng.normal(mean, sd), index=group.index)


def _si_tests(mice: pd.DataFrame, expected: pd.Series, number: int, rng: np.random.Generator) -> pd.DataFrame:
    """Simulate one test of all mice whose log ratio is expected to be `expected`."""
    n = len(mice)
    mean_s = p.IZ_ABSENT_MEAN_S
    absent_s = rng.normal(mean_s, p.IZ_ABSENT_SD_S, n).clip(p.IZ_MIN_S, p.IZ_MAX_S)
    avoidance = expected.to_numpy() + rng.normal(0, p.TEST_NOISE_SD, n)
    present_s = np.minimum(np.sqrt(absent_s * mean_s) * np.exp(avoidance), p.IZ_MAX_S)
    corner_absent_s, corner_present_s = _corner_times(absent_s, present_s, avoidance, rng)
    velocity_absent = rng.normal(p.VELOCITY_MEAN_CM_PER_S, p.VELOCITY_SD_CM_PER_S, n).clip(2)
    velocity_present = velocity_absent * np.exp(p.VELOCITY_SLOPE * avoidance + rng.normal(0, 0.1, n))
    test_at, order = _test_times(mice, p.FIRST_TEST_DAY if number == 1 else p.RETEST_DAY, rng)
    tests = pd.DataFrame(
        {
            "mouse": mice.index,
            "test_number": number,
            "test_at": test_at,
            "order_of_day": order,
            "trial_s": p.TRIAL_S,
            "iz_absent_s": absent_s,
            "iz_present_s": present_s,
            "corner_absent_s": corner_absent_s,
            "corner_present_s": corner_present_s,
            "distance_absent_cm": velocity_absent * p.TRIAL_S,
            "distance_present_cm": velocity_present * p.TRIAL_S,
            "velocity_absent_cm_per_s": velocity_absent,
            "velocity_present_cm_per_s": velocity_present,
        }
    )
    return tests.round(2)  # what a tracker prints


def _corner_times(
    absent_s: np.ndarray, present_s: np.ndarray, avoidance: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Seconds in the two corners; a mouse is never in the zone and in a corner at once."""
    n = len(absent_s)
    corner_absent_s = rng.normal(p.CORNER_ABSENT_MEAN_S, p.CORNER_ABSENT_SD_S, n).clip(2, p.TRIAL_S - absent_s)
    log_corner_ratio = p.CORNER_SLOPE * avoidance + rng.normal(0, p.CORNER_NOISE_SD, n)
    corner_present_s = np.sqrt(corner_absent_s * p.CORNER_ABSENT_MEAN_S) * np.exp(log_corner_ratio)
    return corner_absent_s, np.minimum(corner_present_s, p.TRIAL_S - present_s)


def _test_times(mice: pd.DataFrame, day: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Test each cohort on its day from nine o'clock on, in random order."""
    order = pd.Series(0, index=mice.index)
    for _, members in mice.groupby("cohort"):
        order[members.index] = 1 + rng.permutation(len(members))
    minutes = pd.to_timedelta((order - 1) * p.MINUTES_PER_TEST, unit="min")
    return (_at(mice["cohort"], day, hour=9) + minutes).to_numpy(), order.to_numpy()


def _at(cohort: pd.Series, day: int, hour: int) -> pd.Series:
    """Local time, without zone, on the cohort's day counted from its first defeat."""
    starts = cohort.map({code: pd.Timestamp(start_date) for code, start_date in p.COHORTS.items()})
    return starts + pd.Timedelta(days=day, hours=hour)


def _allocate(mice: pd.DataFrame, phenotype: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """Deal the susceptible mice to the arms in permuted blocks within cohorts; vehicle for the others."""
    n_needed = p.MICE_PER_ARM * len(p.ARMS)
    eligible = phenotype.index[phenotype == "susceptible"]
    if len(eligible) < n_needed:
        raise ValueError(f"this seed gives {len(eligible)} susceptible mice; the arms need {n_needed}")
    per_cohort = n_needed // len(p.COHORTS)
    shuffled = pd.Series(rng.permutation(eligible))
    rank = shuffled.groupby(mice["cohort"].reindex(shuffled).to_numpy()).cumcount()
    # Each cohort gives its half first; a cohort that is short is filled up from the other.
    chosen = shuffled[(rank >= per_cohort).sort_values(kind="stable").index[:n_needed]]
    by_cohort = chosen.iloc[mice["cohort"].reindex(chosen).argsort(kind="stable").to_numpy()]
    arms = np.concatenate([rng.permutation(p.ARMS) for _ in range(p.MICE_PER_ARM)])

    allocations = pd.DataFrame(index=mice.index)
    allocations["allocation_code"] = [f"A{number:03d}" for number in 1 + rng.permutation(len(mice))]
    allocations["arm"] = p.UNRANDOMIZED_ARM
    allocations.loc[by_cohort.to_numpy(), "arm"] = arms
    allocations["is_randomized"] = allocations["arm"] != p.UNRANDOMIZED_ARM
    return allocations


def _log_ratio(tests: pd.DataFrame) -> pd.Series:
    by_mouse = tests.set_index("mouse")
    return (by_mouse["iz_present_s"] / by_mouse["iz_absent_s"]).map(np.log)


def _persistence(own_change: pd.Series, phenotype: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Draw how much of the stress state each defeated mouse still has at dissection, mean 1.

    It goes along with the re-test ratio less what a drug added to it, within each phenotype: so the
    correlation holds in saline mice, and a drug undoes what it undoes and not a little more.
    """
    persistence = pd.Series(np.nan, index=phenotype.index)
    r = p.PERSISTENCE_RETEST_CORRELATION
    for name in ("susceptible", "resilient"):
        change = own_change[phenotype == name]
        z = (change - change.mean()) / change.std()
        own = rng.standard_normal(len(change))
        persistence[change.index] = 1 + p.PERSISTENCE_SD * (r * z + np.sqrt(1 - r**2) * own)
    return persistence


def _sequenced(phenotype: pd.Series, allocations: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Sequence all randomized mice, and resilient and control mice drawn before the re-test."""
    sequenced = allocations["is_randomized"].copy()
    for name, n_mice in (("resilient", p.N_SEQUENCED_RESILIENT), ("control", p.N_SEQUENCED_CONTROL)):
        candidates = phenotype.index[phenotype == name]
        sequenced[rng.choice(candidates, n_mice, replace=False)] = True
    return sequenced


def mass_change_g(is_defeated: "pd.Series | np.ndarray | bool", day: int) -> np.ndarray:
    """Return the expected change of body mass since the first defeat: a loss, then growth; controls only grow."""
    falling, rising = min(day, p.MASS_LOSS_BY_DAY), max(day - p.MASS_LOSS_BY_DAY, 0)
    defeated_g = p.MASS_GAIN_G_PER_DAY * rising - p.MASS_LOSS_G * falling / p.MASS_LOSS_BY_DAY
    return np.where(is_defeated, defeated_g, p.MASS_GAIN_G_PER_DAY * day)


def _weighings(mice: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Weigh all mice on the weighing days; `simulate_weighings` adds the days between."""
    start_g = rng.normal(*p.BODY_MASS_G, len(mice))
    is_defeated = mice["group"].eq("defeated").to_numpy()
    rounds = []
    for day in p.WEIGHING_DAYS:
        mass_g = start_g + mass_change_g(is_defeated, day) + rng.normal(0, p.WEIGHING_ERROR_SD_G, len(mice))
        performed_at = _at(mice["cohort"], day, p.WEIGHING_HOUR).to_numpy()
        rounds.append(pd.DataFrame({"mouse": mice.index, "performed_at": performed_at, "body_mass_g": mass_g.round(1)}))
    return pd.concat(rounds, ignore_index=True)
