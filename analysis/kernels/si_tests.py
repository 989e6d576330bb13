"""What the phenotype and the response kernel share: frames of social-interaction (SI) tests."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

IZ_COLUMNS = ("iz_absent_s", "iz_present_s")
CORNER_COLUMNS = ("corner_absent_s", "corner_present_s")

# 1.05 - 1.0 is 0.05000000000000004: a band given in decimals must include its own edge.
DECIMAL_TOLERANCE = 1e-9


def require_tests(tests: pd.DataFrame, name: str, columns: Iterable[str]) -> None:
    """Refuse a frame that cannot be one SI test per mouse.

    Parameters
    ----------
    tests : pandas.DataFrame
        SI tests, indexed by mouse.
    name : str
        What the caller names the frame; goes into the message.
    columns : iterable of str
        Columns that must be there.

    Raises
    ------
    ValueError
        If a mouse appears twice, a column is missing or not numeric, a time is negative, or a trial
        length is not a positive number of seconds.
    """
    if not tests.index.is_unique:
        twice = tests.index[tests.index.duplicated()].unique()
        raise ValueError(f"{name} must have one row per mouse; twice or more: {_some(twice)}")
    missing = [column for column in columns if column not in tests.columns]
    if missing:
        raise ValueError(f"{name} lacks the column {', '.join(missing)}")
    for column in (*IZ_COLUMNS, *CORNER_COLUMNS, "trial_s"):
        if column not in tests.columns:
            continue
        seconds = _seconds(tests, name, column)
        bad = seconds < 0 if column != "trial_s" else (seconds <= 0) | np.isinf(seconds)
        if bad.any():
            mouse = bad.idxmax()
            right = "a positive, finite time" if column == "trial_s" else "0 or more"
            raise ValueError(f"{name}: {column} of {mouse} is {seconds[mouse]:g} s; it must be {right}")


def times_s(tests: pd.DataFrame, column: str) -> pd.Series:
    """Return a time column (s) as floats; all missing where the frame has no such column."""
    if column not in tests.columns:
        return pd.Series(np.nan, index=tests.index, name=column)
    return pd.to_numeric(tests[column]).astype(float)


def time_ratio(present_s: pd.Series, absent_s: pd.Series) -> pd.Series:
    """Return present / absent; missing where a time is missing or infinite, or the denominator is 0."""
    defined = np.isfinite(present_s) & np.isfinite(absent_s) & (absent_s > 0)
    return (present_s / absent_s.where(defined)).where(defined)


def why_unusable(tests: pd.DataFrame) -> pd.Series:
    """Say for each mouse why its SI ratio cannot be used; an empty text where it can.

    Parameters
    ----------
    tests : pandas.DataFrame
        ``iz_absent_s``, ``iz_present_s`` (s), optional corner times (s) and ``trial_s`` (s).

    Returns
    -------
    pandas.Series of str
        Indexed like `tests`.
    """
    trial_s = times_s(tests, "trial_s")
    reason = pd.Series("", index=tests.index, dtype=object)
    for column in IZ_COLUMNS:
        reason[(reason == "") & times_s(tests, column).isna()] = f"{column} is missing"
    for column in (*IZ_COLUMNS, *CORNER_COLUMNS):
        seconds = times_s(tests, column)
        for mouse in reason.index[(reason == "") & np.isinf(seconds)]:
            reason[mouse] = f"{column} is not finite"
        for mouse in reason.index[(reason == "") & (seconds > trial_s)]:
            reason[mouse] = f"{column} is {seconds[mouse]:g} s, longer than the trial of {trial_s[mouse]:g} s"
    never_entered = (reason == "") & (times_s(tests, "iz_absent_s") == 0)
    reason[never_entered] = "0 s in the interaction zone without target: the ratio is undefined"
    return reason


def within_band(distance: pd.Series, band: float) -> pd.Series:
    """Return whether a distance to a cutoff lies inside the band, edges included."""
    return distance.abs() <= band + DECIMAL_TOLERANCE


def _seconds(tests: pd.DataFrame, name: str, column: str) -> pd.Series:
    try:
        return times_s(tests, column)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {column} must be seconds as numbers ({error})") from error


def _some(mice: pd.Index, shown: int = 5) -> str:
    names = ", ".join(str(mouse) for mouse in mice[:shown])
    return names if len(mice) <= shown else f"{names} and {len(mice) - shown} more"
