"""What happened to the tubes: put away, thawed for the extraction, put back; and a box gone through with a scanner."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.simulate_measurements import position_of


class SimulatedFreezer(NamedTuple):
    """The past of the tubes, which ends where `places` says that they stand.

    Attributes
    ----------
    events : pandas.DataFrame
        ``sample``, ``kind``, ``performed_at``, ``box``, ``position``, ``notes``; in order of time for each tube.
    checks : pandas.DataFrame, indexed by check
        ``box``, ``performed_at``, ``notes``.
    checked : pandas.DataFrame
        ``box_check``, ``sample``, ``result``, ``position_recorded``, ``position_found``, ``decision``.
    """

    events: pd.DataFrame
    checks: pd.DataFrame
    checked: pd.DataFrame


def simulate_freezer(
    samples: pd.DataFrame,
    dissections: pd.DataFrame,
    extractions: pd.DataFrame,
    places: pd.DataFrame,
    rng: np.random.Generator,
) -> SimulatedFreezer:
    """Simulate the past of the tubes; one of the checked box is missing for a night, another is of the next box.

    Parameters
    ----------
    samples : pandas.DataFrame, indexed by sample
        ``mouse``.
    dissections : pandas.DataFrame, indexed by mouse
        ``performed_at``, ``minutes_to_freeze``.
    extractions : pandas.DataFrame
        ``sample``, ``extraction_date``.
    places : pandas.DataFrame, indexed by sample
        ``box``, ``position``: where they stand in the end.
    rng : numpy.random.Generator
        The only source of randomness.
    """
    boxes = list(places["box"].unique())
    in_box = {box: list(places.index[places["box"] == box]) for box in boxes}
    moved = rng.choice(in_box[boxes[1]], p.N_MOVED_TUBES, replace=False)
    missing, foreign = str(rng.choice(in_box[boxes[0]])), str(rng.choice(in_box[boxes[1]]))
    put_away = _put_away(samples, dissections, places, list(moved))
    extracted = _extracted(extractions, places)
    last_day = pd.to_datetime(extractions["extraction_date"]).max()
    checked_at = last_day + pd.Timedelta(days=p.DAYS_TO_BOX_CHECK, hours=15)
    code = f"{boxes[0]}-{checked_at.date()}"
    shelf = position_of(len(in_box[boxes[0]]))
    settled = _settled(code, missing, foreign, boxes[0], shelf, places, checked_at)
    events = pd.concat([put_away, extracted, settled], ignore_index=True)
    checks = pd.DataFrame({"box": [boxes[0]], "performed_at": [checked_at]}, index=pd.Index([code], name="box_check"))
    return SimulatedFreezer(
        events.sort_values(["performed_at", "sample"], kind="stable", ignore_index=True),
        checks.assign(notes="Gone through after the last extraction."),
        _checked(code, in_box[boxes[0]], missing, foreign, shelf, places),
    )


def _put_away(samples: pd.DataFrame, dissections: pd.DataFrame, places: pd.DataFrame, moved: list[str]) -> pd.DataFrame:
    """Put every tube into its box on the day of the dissection; those that move later, behind the last one."""
    of = dissections.loc[samples["mouse"]]
    minutes = of["minutes_to_freeze"].round() + p.MINUTES_TO_FREEZER
    at = of["performed_at"] + pd.to_timedelta(minutes, unit="min")
    first = places["position"].copy()
    behind = int((places["box"] == places.loc[moved[0], "box"]).sum())
    first[moved] = [position_of(behind + place) for place in range(len(moved))]
    return _events(samples.index, "placed", at.to_numpy(), places["box"], first)


def _extracted(extractions: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """Take every tube out for its extraction, thaw it, and put what is left back."""
    samples = pd.Index(extractions["sample"])
    morning = pd.to_datetime(extractions["extraction_date"]).to_numpy() + pd.Timedelta(hours=9)
    here = places.loc[samples]
    return pd.concat(
        [
            _events(samples, "taken out", morning),
            _events(samples, "thawed", morning + pd.Timedelta(minutes=15)),
            _events(samples, "placed", morning + pd.Timedelta(minutes=40), here["box"], here["position"]),
        ]
    )


def _settled(
    code: str, missing: str, foreign: str, box: str, shelf: str, places: pd.DataFrame, at: pd.Timestamp
) -> pd.DataFrame:
    """Tell what followed from the check, and that both tubes were back in their places the next morning."""
    names, next_day = [missing, foreign], at + pd.Timedelta(hours=18)
    own = places.loc[names]
    return pd.concat(
        [
            _events([missing], "missing", [at]).assign(notes=f"check {code}"),
            _events([foreign], "placed", [at], [box], [shelf]).assign(notes=f"check {code}"),
            _events(names, "placed", [next_day] * 2, own["box"], own["position"]).assign(
                notes=["found on the floor of the rack", "back in its own box"]
            ),
        ]
    )


def _checked(code: str, tubes: list[str], missing: str, foreign: str, shelf: str, places: pd.DataFrame) -> pd.DataFrame:
    position = places.loc[tubes, "position"].to_numpy()
    rows = pd.DataFrame(
        {"sample": tubes, "result": "in place", "position_recorded": position, "position_found": position}
    ).assign(decision="left")
    lost = rows["sample"] == missing
    rows.loc[lost, ["result", "position_found", "decision"]] = ["missing", "", "missing"]
    stranger = {
        "sample": foreign, "result": "foreign", "position_recorded": "", "position_found": shelf, "decision": "moved",
    }  # fmt: skip
    return pd.concat([rows, pd.DataFrame([stranger])], ignore_index=True).assign(box_check=code)


def _events(samples: Any, kind: str, at: Any, box: Any = "", position: Any = "") -> pd.DataFrame:
    columns = {"kind": kind, "performed_at": at, "box": box, "position": position}
    plain = {name: getattr(values, "array", values) for name, values in columns.items()}  # by place, not by index
    return pd.DataFrame({"sample": list(samples), **plain, "notes": ""})
