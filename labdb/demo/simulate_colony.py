"""Where the mice came from, and every cage they lived in."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.simulate_defeat import SimulatedDefeat, day_of

INTRUDER_SIDE = "R"  # the resident keeps the left one


@dataclass(frozen=True)
class SimulatedColony:
    """Origins and housing.

    Attributes
    ----------
    shipments : pandas.DataFrame, indexed by shipment
        ``vendor``, ``strain``, ``arrival_date``, ``birth_date_from``, ``birth_date_to``, ``animal_count``.
    litters : pandas.DataFrame, indexed by litter
        ``strain``, ``dam``, ``sire``, ``birth_date``, ``born_count``, ``weaned_count``, ``wean_date``.
    origins : pandas.DataFrame, indexed by mouse
        ``shipment``, ``litter``: one of the two.
    cages : pandas.DataFrame, indexed by cage
        ``kind`` (group, divided, single), ``rack``, ``position``.
    housings : pandas.DataFrame
        ``mouse``, ``cage``, ``kind`` (group, divided, single), ``side`` (of the divider: L, R, or empty),
        ``housed_from``, ``housed_to`` (the first day elsewhere).
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
    bouts, rotations = defeat.bouts, defeat.rotations
    is_paired = rotations["partner"].notna()
    housings = pd.concat(
        [
            *(_before_defeat(members, str(cohort)) for cohort, members in mice.groupby("cohort")),
            _across_dividers(bouts, pd.Series("divided", bouts.index), pd.Series(INTRUDER_SIDE, bouts.index)),
            _across_dividers(rotations, is_paired.map({True: "divided", False: "single"}), rotations["side"]),
            *(_alone(members, str(cohort)) for cohort, members in mice.groupby("cohort")),
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
            "birth_date_from": bought["birth_date"].min(),
            "birth_date_to": bought["birth_date"].max(),
            "animal_count": len(bought),
        },
        index=pd.Index([f"SHIP-{cohort}"], name="shipment"),
    )


def _litters(bred: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.Series]:
    """Split the males born on one day into litters of a few; their sisters serve other studies."""
    litter_of: dict[str, str] = {}
    rows: dict[str, dict[str, object]] = {}
    for birth_date in sorted(bred["birth_date"].unique()):
        born = bred[bred["birth_date"] == birth_date]
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
                "born_count": n_born,
                "weaned_count": max(n_born - int(rng.random() < 0.2), len(members)),
                "wean_date": (pd.Timestamp(str(birth_date)) + pd.Timedelta(days=p.WEANING_AGE_DAYS)).date(),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("litter"), pd.Series(litter_of, name="litter")


def _before_defeat(members: pd.DataFrame, cohort: str) -> pd.DataFrame:
    """House the mice in groups from arrival or, born here, from the weaning of the youngest."""
    if cohort == p.SHIPPED_COHORT:
        start = day_of(cohort, -p.DAYS_BEFORE_DEFEAT_OF_ARRIVAL).date()
    else:
        start = members["birth_date"].max() + pd.Timedelta(days=p.WEANING_AGE_DAYS)
    return pd.DataFrame(
        {
            "mouse": members.index,
            "cage": [f"{cohort}-G{1 + place // p.MICE_PER_GROUP_CAGE:02d}" for place in range(len(members))],
            "cage_kind": "group",
            "kind": "group",
            "side": "",
            "housed_from": start,
            "housed_to": day_of(cohort, 0).date(),
        }
    )


def _across_dividers(moves: pd.DataFrame, kind: pd.Series, side: pd.Series) -> pd.DataFrame:
    """Leave every mouse where its bout or rotation put it until the next day; but after the last, all live alone."""
    days = moves["day"] < p.DEFEAT_DAYS
    start = moves["performed_at"].dt.normalize()
    housed = pd.DataFrame(
        {
            "mouse": moves["mouse"],
            "cage": moves["cage"],
            "cage_kind": "divided",
            "kind": kind,
            "side": side,
            "housed_from": start.dt.date,
            "housed_to": (start + pd.Timedelta(days=1)).dt.date,
        }
    )
    return housed[days]


def _alone(members: pd.DataFrame, cohort: str) -> pd.DataFrame:
    """House every mouse alone from the last bout to its death."""
    return pd.DataFrame(
        {
            "mouse": members.index,
            "cage": [f"{cohort}-S{place:02d}" for place in range(1, len(members) + 1)],
            "cage_kind": "single",
            "kind": "single",
            "side": "",
            "housed_from": day_of(cohort, p.DEFEAT_DAYS - 1).date(),
            "housed_to": members["death_date"].to_numpy(),
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
