"""When the body mass of a mouse calls for a decision: at the humane endpoint, or after falls in a row.

A mouse that is weighed twice on a day counts with the later mass: a fall is from one day of weighing to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

FALLS_IN_A_ROW = 3  # ours: one day's fall is noise, three are a course
ROUNDED_TO = 6  # decimals (g): 80 % of 24.1 g is 19.28 g, whatever floating point makes of it

Weighed = tuple[date, float]  # the day by the laboratory's clock, and the body mass (g)


@dataclass(frozen=True)
class MassAlert:
    """Why somebody must decide what is done with a mouse.

    Attributes
    ----------
    is_limit : bool
        At or below the humane endpoint; otherwise it fell several times in a row.
    """

    is_limit: bool
    sentence: str


def baseline_of(masses: Sequence[Weighed], first_day: date | None) -> Weighed | None:
    """Return the mass from before the stress: of the day on which it starts, else the last one before.

    Without either (no first day yet, or weighed only since) the first mass there is. Masses are in the order of time.
    """
    if not masses:
        return None
    until = [one for one in masses if first_day and one[0] <= first_day]
    return next((one for one in until if one[0] == first_day), until[-1] if until else masses[0])


def endpoint_g(baseline_g: float, percent: float) -> float:
    """Return the body mass (g) at which the humane endpoint, a percentage of the baseline, is reached."""
    return round(baseline_g * percent / 100, ROUNDED_TO)


def falling(masses: Sequence[Weighed], falls: int = FALLS_IN_A_ROW) -> list[float]:
    """Return the masses (g) of so many falls in a row, the newest last; empty where the newest days are none."""
    of_day = dict(masses)  # the last mass of each day
    last = list(of_day.values())[-falls - 1 :]
    is_falling = len(last) == falls + 1 and all(later < earlier for earlier, later in pairwise(last))
    return last if is_falling else []


def mass_alert(masses: Sequence[Weighed], first_day: date | None, endpoint_percent: float) -> MassAlert | None:
    """Return what the newest mass calls for, None where it calls for nothing; masses are in the order of time."""
    if not masses:
        return None
    day, mass_g = masses[-1]
    baseline = baseline_of(masses, first_day)
    if baseline and baseline[0] < day and mass_g <= endpoint_g(baseline[1], endpoint_percent):
        percent = 100 * mass_g / baseline[1]
        return MassAlert(True, f"{mass_g:g} g, {percent:.0f} % of its baseline ({baseline[1]:g} g on {baseline[0]})")
    if fell := falling(masses):
        return MassAlert(False, f"{FALLS_IN_A_ROW} falls in a row: {', '.join(f'{one:g}' for one in fell)} g")
    return None
