"""The weighings of every day, around those of the main draw."""

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.simulate_behavior import mass_change_g
from labdb.demo.simulate_defeat import day_of


def daily_weighings(mice: pd.DataFrame, weighings: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Add the days that the main draw left out, each mouse on its own curve.

    Parameters
    ----------
    mice : pandas.DataFrame, indexed by mouse
        ``cohort``, ``group``.
    weighings : pandas.DataFrame
        ``mouse``, ``performed_at``, ``body_mass_g``, as drawn with the animals; kept as they are.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    pandas.DataFrame
        The same columns and ``day`` (from the first defeat), sorted by mouse and day.
    """
    first_day = mice["cohort"].map({cohort: day_of(cohort, 0) for cohort in p.COHORTS})
    known = weighings.assign(day=(weighings["performed_at"] - weighings["mouse"].map(first_day)).dt.days)
    is_defeated = mice["group"] == "defeated"
    change_g = [mass_change_g(is_defeated[mouse], day) for mouse, day in zip(known["mouse"], known["day"], strict=True)]
    start_g = (known["body_mass_g"] - np.array(change_g)).groupby(known["mouse"]).mean().reindex(mice.index)
    rounds = [known]
    for day in sorted(set(p.DAILY_WEIGHING_DAYS) - set(p.WEIGHING_DAYS)):
        mass_g = start_g + mass_change_g(is_defeated, day) + rng.normal(0, p.WEIGHING_ERROR_SD_G, len(mice))
        performed_at = first_day + pd.Timedelta(days=day, hours=p.WEIGHING_HOUR)
        rounds.append(
            pd.DataFrame(
                {"mouse": mice.index, "performed_at": performed_at, "body_mass_g": mass_g.round(1), "day": day}
            )
        )
    return pd.concat(rounds, ignore_index=True).sort_values(["mouse", "day"], ignore_index=True)
