"""Aggressors and what they did: screening, the daily bouts, and the controls' daily partners."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.rotation import NOBODY, latin_rotation, round_robin

RESIDENT, RESERVE, TARGET, FAILED = "resident", "reserve", "target", "failed"


@dataclass(frozen=True)
class SimulatedDefeat:
    """Records of the defeat, both cohorts.

    Attributes
    ----------
    aggressors : pandas.DataFrame, indexed by aggressor
        ``strain``, ``birth_date``, ``arrival_date``, ``retired_date``; and what no record says: ``cohort``, ``role``
        (resident, reserve, target, failed) and ``vigor``.
    screenings : pandas.DataFrame
        ``aggressor``, ``day``, ``performed_at``, ``screener``, ``latency_s``, ``attacks``, ``passed``.
    bouts : pandas.DataFrame
        ``mouse``, ``cohort``, ``day``, ``performed_at``, ``aggressor``, ``resident`` (whose ``cage`` it is), ``physical_s``,
        ``attack_latency_s``, ``attacks``, ``wound_score``, ``is_substituted``, ``is_stopped_early``,
        ``sensory_contact_h``.
    rotations : pandas.DataFrame
        ``mouse``, ``cohort``, ``day``, ``performed_at``, ``cage``, ``side`` (L, R) and ``partner``: missing where the
        number is odd and the mouse is alone that day.
    """

    aggressors: pd.DataFrame
    screenings: pd.DataFrame
    bouts: pd.DataFrame
    rotations: pd.DataFrame


def simulate_defeat(mice: pd.DataFrame, mark: str, rng: np.random.Generator) -> SimulatedDefeat:
    """Simulate ten days of defeat in both cohorts.

    Parameters
    ----------
    mice : pandas.DataFrame, indexed by mouse
        ``cohort``, ``group``.
    mark : str
        First letter of the aggressors' codes: a whole lab shares them.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    SimulatedDefeat
    """
    aggressors, screenings, bouts, rotations = [], [], [], []
    for number, cohort in enumerate(p.COHORTS):
        defeated = mice.index[(mice["cohort"] == cohort) & (mice["group"] == "defeated")]
        residents = _aggressors(cohort, mark, number, rng)
        sessions = _screenings(residents, cohort, rng)
        _give_roles(residents, sessions, len(defeated), cohort)
        aggressors.append(residents)
        screenings.append(sessions)
        bouts.append(_bouts(defeated, residents, cohort, rng))
        rotations.append(_rotations(mice.index[(mice["cohort"] == cohort) & (mice["group"] == "control")], cohort))
    met = pd.concat(bouts, ignore_index=True)
    if met.duplicated(["mouse", "aggressor"]).any():
        raise AssertionError("a mouse meets an aggressor twice; the rotation is wrong")
    return SimulatedDefeat(
        aggressors=pd.concat(aggressors),
        screenings=pd.concat(screenings, ignore_index=True),
        bouts=met,
        rotations=pd.concat(rotations, ignore_index=True),
    )


def day_of(cohort: str, day: int, hour: float = 0) -> pd.Timestamp:
    """Return the local time, without zone, on the day counted from the cohort's first defeat."""
    return pd.Timestamp(p.COHORTS[cohort]) + pd.Timedelta(days=day, hours=hour)


def _aggressors(cohort: str, mark: str, number: int, rng: np.random.Generator) -> pd.DataFrame:
    n = p.N_AGGRESSORS_SCREENED
    arrival = day_of(cohort, p.AGGRESSOR_ARRIVAL_DAY)
    age_days = rng.integers(*p.AGGRESSOR_AGE_AT_ARRIVAL_DAYS, size=n, endpoint=True)
    slots = [(1 + number * n // 2 + place // 2, "AB"[place % 2]) for place in range(n)]
    return pd.DataFrame(
        {
            "cohort": cohort,
            "strain": p.AGGRESSOR_STRAIN,
            "birth_date": [(arrival - pd.Timedelta(days=int(days))).date() for days in age_days],
            "arrival_date": arrival.date(),
            "vigor": rng.normal(0, p.AGGRESSOR_LOG_SD, n),
        },
        index=pd.Index([f"{mark}{slot}{side}" for slot, side in slots], name="aggressor"),
    )


def _attack(
    vigor: np.ndarray, day: np.ndarray | int, longest_s: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw seconds to the first attack, at most `longest_s`, and the attacks of a whole bout on a day (0, 1, ...)."""
    within_sd = np.sqrt(p.ATTACK_LATENCY_LOG_SD**2 - p.AGGRESSOR_LOG_SD**2)
    log_latency = np.log(p.ATTACK_LATENCY_MEDIAN_S) - vigor + rng.normal(0, within_sd, len(vigor))
    latency_s = np.minimum(np.exp(log_latency), longest_s)
    mean = p.ATTACKS_MEAN * (1 + p.ATTACKS_CHANGE_PER_DAY) ** day * np.exp(vigor - p.AGGRESSOR_LOG_SD**2 / 2)
    size = p.ATTACKS_GAMMA_SIZE
    attacks = np.maximum(rng.poisson(mean * rng.standard_gamma(size, len(vigor)) / size), 1)
    return latency_s.round(1), np.where(latency_s < longest_s, attacks, 0)


def _screenings(aggressors: pd.DataFrame, cohort: str, rng: np.random.Generator) -> pd.DataFrame:
    """Let every candidate meet a screener, a fresh one each day, on three days."""
    rounds = []
    minutes = pd.to_timedelta(4 * np.arange(len(aggressors)), unit="min")
    for number, day in enumerate(p.SCREENING_DAYS, start=1):
        latency_s, attacks = _attack(aggressors["vigor"].to_numpy(), 0, p.SCREENING_S, rng)
        rounds.append(
            pd.DataFrame(
                {
                    "aggressor": aggressors.index,
                    "day": number,
                    "performed_at": day_of(cohort, day, hour=9) + minutes,
                    "screener": [f"SCR-{cohort}-{number}{place:02d}" for place in range(1, len(aggressors) + 1)],
                    "latency_s": np.where(attacks > 0, latency_s, np.nan),  # empty: it did not attack
                    "attacks": np.maximum(np.rint(attacks * p.SCREENING_S / p.BOUT_S), attacks > 0).astype(int),
                    "passed": latency_s < p.SCREENING_MAX_LATENCY_S,
                }
            )
        )
    return pd.concat(rounds, ignore_index=True)


def _give_roles(aggressors: pd.DataFrame, screenings: pd.DataFrame, n_residents: int, cohort: str) -> None:
    """Choose by the rule of the screening: two consecutive sessions passed; the others are sent away or targets."""
    passed = screenings.pivot(index="aggressor", columns="day", values="passed").loc[aggressors.index].to_numpy()
    keeps = (passed[:, :-1] & passed[:, 1:]).any(axis=1)
    n_needed = n_residents + p.N_RESERVES
    if keeps.sum() < n_needed:
        raise ValueError(f"this seed keeps {keeps.sum()} aggressors in {cohort}; the bouts need {n_needed}")
    rank = np.cumsum(keeps)
    fights = keeps & (rank <= n_needed)
    aggressors["role"] = np.where(fights, np.where(rank <= n_residents, RESIDENT, RESERVE), FAILED)
    aggressors.loc[aggressors.index[~fights][: p.N_TARGETS], "role"] = TARGET
    # Screening keeps the vigorous ones; the design's figures are those of the bouts.
    aggressors["vigor"] -= aggressors.loc[aggressors["role"] == RESIDENT, "vigor"].mean()
    last_day = {RESIDENT: p.DEFEAT_DAYS, RESERVE: p.DEFEAT_DAYS, TARGET: p.RETEST_DAY, FAILED: p.SCREENING_DAYS[-1]}
    aggressors["retired_date"] = [day_of(cohort, last_day[role] + 1).date() for role in aggressors["role"]]


def _bouts(defeated: pd.Index, aggressors: pd.DataFrame, cohort: str, rng: np.random.Generator) -> pd.DataFrame:
    """One bout a mouse and day, in waves along the rack."""
    n_mice, n_days = len(defeated), p.DEFEAT_DAYS
    residents = aggressors.index[aggressors["role"] == RESIDENT].to_numpy()
    place = latin_rotation(n_mice, n_days)
    day = np.tile(np.arange(n_days), n_mice)
    waves = pd.to_timedelta(place.ravel() // p.BOUTS_AT_ONCE * p.BOUT_WAVE_MINUTES, unit="min")
    bouts = pd.DataFrame(
        {
            "mouse": np.repeat(defeated.to_numpy(), n_days),
            "cohort": cohort,
            "day": day + 1,
            "performed_at": day_of(cohort, 0, p.BOUT_HOUR) + pd.to_timedelta(day, unit="D") + waves,
            "resident": residents[place.ravel()],
            "cage": [f"{cohort}-D{number + 1:02d}" for number in place.ravel()],
        }
    )
    bouts["aggressor"] = _substitute(bouts, aggressors.index[aggressors["role"] == RESERVE], rng)
    bouts["is_substituted"] = bouts["aggressor"] != bouts["resident"]
    vigor = aggressors["vigor"].reindex(bouts["aggressor"]).to_numpy()
    bouts["attack_latency_s"], bouts["attacks"] = _attack(vigor, day, p.BOUT_S, rng)
    bouts["wound_score"] = rng.choice(len(p.WOUND_SHARES), len(bouts), p=p.WOUND_SHARES)
    bouts["is_stopped_early"] = bouts["wound_score"] >= p.WOUND_SCORE_THAT_STOPS
    stopped_s = np.maximum(p.STOPPED_BOUT_S, bouts["attack_latency_s"])
    bouts["physical_s"] = np.where(bouts["is_stopped_early"], stopped_s, p.BOUT_S)
    # After the last bout the mice are housed alone: the test follows 24 h later.
    bouts["sensory_contact_h"] = np.where(bouts["day"] < n_days, p.SENSORY_CONTACT_H, 0.0)
    return bouts


def _substitute(bouts: pd.DataFrame, reserves: pd.Index, rng: np.random.Generator) -> list[str]:
    """Replace some residents by reserves: each fights once a day, and no mouse meets one twice."""
    fought = bouts["resident"].tolist()
    met: set[tuple[str, str]] = set()
    busy: set[tuple[int, str]] = set()
    mice, days = bouts["mouse"].tolist(), bouts["day"].tolist()
    for row in np.flatnonzero(rng.random(len(bouts)) < p.SUBSTITUTED_SHARE).tolist():
        mouse, day = mice[row], days[row]
        free = [code for code in reserves if (mouse, code) not in met and (day, code) not in busy]
        if free:
            fought[row] = str(rng.choice(free))
            met.add((mouse, fought[row]))
            busy.add((day, fought[row]))
    return fought


def _rotations(controls: pd.Index, cohort: str) -> pd.DataFrame:
    """Give every control a new partner each day, as long as there are new ones; after the last day all live alone."""
    partner = round_robin(len(controls), p.DEFEAT_DAYS - 1)
    rows = []
    for day in range(p.DEFEAT_DAYS - 1):
        first_of_pair = [place for place, other in enumerate(partner[:, day]) if other == NOBODY or place < other]
        for number, place in enumerate(first_of_pair, start=1):
            other = partner[place, day]
            moved = {
                "cohort": cohort,
                "day": day + 1,
                "performed_at": day_of(cohort, day, p.BOUT_HOUR),
                "cage": f"{cohort}-P{number:02d}",
            }
            if other == NOBODY:
                rows.append({"mouse": controls[place], "partner": None, "side": "", **moved})
                continue
            rows.append({"mouse": controls[place], "partner": controls[other], "side": "L", **moved})
            rows.append({"mouse": controls[other], "partner": controls[place], "side": "R", **moved})
    return pd.DataFrame(rows).sort_values(["mouse", "day"], ignore_index=True)
