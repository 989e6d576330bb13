"""Who meets whom on which day: residents for the defeated mice, partners for the controls."""

import numpy as np

NOBODY = -1


def latin_rotation(n_mice: int, n_days: int) -> np.ndarray:
    """Move every mouse one resident on each day: no two share a resident, and no pair meets twice.

    Parameters
    ----------
    n_mice, n_days : int
        As many residents as mice; at most as many days.

    Returns
    -------
    numpy.ndarray of int, shape (n_mice, n_days)
        Position of the resident.
    """
    if n_days > n_mice:
        raise ValueError(f"{n_mice} residents last {n_mice} days without a second meeting; got {n_days} days")
    return (np.arange(n_mice)[:, None] + np.arange(n_days)) % n_mice


def round_robin(n_mice: int, n_days: int) -> np.ndarray:
    """Pair the mice anew each day; every pair comes before any comes again.

    Parameters
    ----------
    n_mice, n_days : int
        Of an odd number of mice one stays alone each day.

    Returns
    -------
    numpy.ndarray of int, shape (n_mice, n_days)
        Position of the partner, or `NOBODY`.
    """
    n_circle = n_mice - 1 + n_mice % 2
    place, day = np.arange(n_circle)[:, None], np.arange(n_days)
    partner = (day - place) % n_circle
    is_alone = partner == place
    if n_mice % 2:
        return np.where(is_alone, NOBODY, partner)
    last = np.argmax(is_alone, axis=0)
    return np.vstack([np.where(is_alone, n_circle, partner), last])
