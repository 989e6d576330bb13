"""Where the mice came from, and every cage they lived in."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.rotation import NOBODY, round_robin
from labdb.demo.simulate_defeat import SimulatedDefeat, day_of

MOVE_HOUR = p.BOUT_HOUR  # a mouse changes its cage when its bout is due


@dataclass(frozen=True)
class SimulatedColony:
    """Origins and housing.

    Attributes
    ----------
    shipments : pandas.DataFrame, indexed by shipment
        ``vendor``, ``strain``, ``arrival_date``, ``born_from``, ``born_to``, ``n_mice``.
    litters : pandas.DataFrame, indexed by litter
        ``strain``, ``dam``, ``sire``, ``birth_date``, ``n_born``, ``n_weaned``, ``wean_date``.
    origins : pandas.DataFrame, indexed by mouse
        ``shipment``, ``litter``: one of the two.
    cages : pandas.DataFrame, indexed by cage
        ``kind`` (group, divided, single), ``rack``, ``position``.
    housings : pandas.DataFrame
        ``mouse``, ``cage``, ``kind`` (group, divided, pair, single), ``side`` (of the divider: left, right, or none),
        ``housed_from``, ``housed_to`` (local time, without zone).
    """

    shipments: pd.DataFrame
    litters: pd.DataFrame
    origins: pd.DataFrame
    cages: pd.DataFrame
    housings: pd.DataFrame


def simulate_colony(mice: pd.DataFrame, defeat: SimulatedDefeat, rng: np.random.Generator) -> SimulatedColony:
    """Give every mouse a shipment or a litter, and a cage on each day.

    Parameters
    ----------
    mice : pandas.DataFrame, indexed by mouse
        ``cohort``, ``group``, ``strain``, ``birth_date``, ``death_date``.
    defeat : SimulatedDefeat
        Who was beside whom.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    SimulatedColony
    """
    bought = mice[mice["cohort"] == p.SHIPPED_COHORT]
    shipments = _shipment(bought)
    litters, litter_of = _litters(mice.drop(bought.index), rng)
    origins = pd.DataFrame(index=mice.index)
    origins["shipment"] = pd.Series(shipments.index[0], index=bought.index).reindex(mice.index)
    origins["litter"] = litter_of.reindex(mice.index)
    housings = pd.concat(
        [
            housed
            for cohort, members in mice.groupby("cohort")
            for housed in (
                _before_defeat(members, str(cohort)),
                _beside_aggressors(members, str(cohort), defeat.bouts),
                _beside_controls(members.index[members["group"] == "control"], str(cohort)),
                _alone(members, str(cohort)),
            )
        ],
        ignore_index=True,
    )
    return SimulatedColony(shipments, litters, origins, _cages(housings), housings.drop(columns="cage_kind"))


def _shipment(bought: pd.DataFrame) -> pd.DataFrame:
    cohort = p.SHIPPED_COHORT
    return pd.DataFrame(
        {
            "vendor": p.VENDOR,
            "strain": p.STRAIN,
            "arrival_date": day_of(cohort, -p.DAYS_BEFORE_DEFEAT_OF_ARRIVAL).date(),
            "born_from": bought["birth_date"].min(),
            "born_to": bought["birth_date"].max(),
            "n_mice": len(bought),
        },
        index=pd.Index([f"SHIP-{cohort}"], name="shipment"),
    )


def _litters(bred: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.Series]:
    """Split the males born on one day into litters of a few; their sisters serve other studies."""
    litter_of: dict[str, str] = {}
    rows: dict[str, dict[str, object]] = {}
    for birth_date, born in bred.groupby("birth_date"):
        for members in np.array_split(born.index, -(-len(born) // p.MALES_PER_LITTER)):
            number = len(rows) + 1
            code = f"L{number:02d}"
            litter_of |= dict.fromkeys(members, code)
            n_born = max(int(rng.integers(*p.LITTER_SIZE, endpoint=True)), len(members))
            rows[code] = {
                "strain": p.STRAIN,
                "dam": f"BRD-F{number:02d}",
                "sire": f"BRD-M{(number + 1) // 2:02d}",  # one male, two females
                "birth_date": birth_date,
                "n_born": n_born,
                "n_weaned": max(n_born - int(rng.random() < 0.2), len(members)),
                "wean_date": birth_date + pd.Timedelta(days=p.WEANING_AGE_DAYS),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("litter"), pd.Series(litter_of, name="litter")


def _before_defeat(members: pd.DataFrame, cohort: str) -> pd.DataFrame:
    """House the mice in groups from arrival or, born here, from the weaning of the youngest."""
    if cohort == p.SHIPPED_COHORT:
        start = day_of(cohort, -p.DAYS_BEFORE_DEFEAT_OF_ARRIVAL, MOVE_HOUR)
    else:
        start = pd.Timestamp(members["birth_date"].max()) + pd.Timedelta(days=p.WEANING_AGE_DAYS, hours=MOVE_HOUR)
    return pd.DataFrame(
        {
            "mouse": members.index,
            "cage": [f"{cohort}-G{1 + place // p.MICE_PER_GROUP_CAGE:02d}" for place in range(len(members))],
            "cage_kind": "group",
            "kind": "group",
            "side": "",
            "housed_from": start,
            "housed_to": day_of(cohort, 0, MOVE_HOUR),
        }
    )


def _beside_aggressors(members: pd.DataFrame, cohort: str, bouts: pd.DataFrame) -> pd.DataFrame:
    """Leave every defeated mouse across the divider for the day, but after the last bout."""
    own = bouts[bouts["mouse"].isin(members.index) & (bouts["day"] < p.DEFEAT_DAYS)]
    start = day_of(cohort, 0, MOVE_HOUR) + pd.to_timedelta(own["day"] - 1, unit="D")
    residents = list(dict.fromkeys(own["resident"]))
    cage_of = {resident: f"{cohort}-D{place:02d}" for place, resident in enumerate(residents, start=1)}
    return pd.DataFrame(
        {
            "mouse": own["mouse"],
            "cage": own["resident"].map(cage_of),
            "cage_kind": "divided",
            "kind": "divided",
            "side": "right",  # the resident keeps the left one
            "housed_from": start,
            "housed_to": start + pd.Timedelta(days=1),
        }
    )


def _beside_controls(controls: pd.Index, cohort: str) -> pd.DataFrame:
    """House the controls in pairs across dividers, with a new partner each day; the odd one is alone that day."""
    partner = round_robin(len(controls), p.DEFEAT_DAYS)
    rows = []
    for day in range(p.DEFEAT_DAYS - 1):
        n_pairs = 0
        for place, mouse in enumerate(controls):
            other = partner[place, day]
            if other != NOBODY and other < place:
                continue  # housed with its partner already
            n_pairs += 1
            start = day_of(cohort, day, MOVE_HOUR)
            days = {"housed_from": start, "housed_to": start + pd.Timedelta(days=1)}
            cage = {"cage": f"{cohort}-P{n_pairs:02d}", "cage_kind": "divided"}
            kind = "single" if other == NOBODY else "pair"
            rows.append({"mouse": mouse, **cage, "kind": kind, "side": "left", **days})
            if other != NOBODY:
                rows.append({"mouse": controls[other], **cage, "kind": kind, "side": "right", **days})
    return pd.DataFrame(rows)


def _alone(members: pd.DataFrame, cohort: str) -> pd.DataFrame:
    """House every mouse alone from the last bout to its death."""
    return pd.DataFrame(
        {
            "mouse": members.index,
            "cage": [f"{cohort}-S{place:02d}" for place in range(1, len(members) + 1)],
            "cage_kind": "single",
            "kind": "single",
            "side": "",
            "housed_from": day_of(cohort, p.DEFEAT_DAYS - 1, MOVE_HOUR),
            "housed_to": pd.to_datetime(members["death_date"]).to_numpy(),
        }
    )


def _cages(housings: pd.DataFrame) -> pd.DataFrame:
    cages = housings.groupby("cage", sort=True)["cage_kind"].first().rename("kind").to_frame()
    prefix = cages.index.str[:-2]
    place = pd.Series(range(len(cages)), index=cages.index).groupby(prefix.to_numpy()).cumcount()
    cages["rack"] = prefix
    cages["position"] = [
        f"{chr(ord('A') + number // p.CAGES_PER_RACK_ROW)}{1 + number % p.CAGES_PER_RACK_ROW}" for number in place
    ]
    return cages
