"""What a tube is called: mouse, region and side by the lab's pattern; a name that is taken gets the next letter.

The sheet at the bench makes the same names without a network (static/labdb/dissect-state.js).
"""

from collections.abc import Collection
from itertools import chain, count
from string import ascii_lowercase

JOINTS = "-_.+"  # left over where a part is empty


def sample_code(pattern: str, *, mouse: str, region: str, hemisphere: str = "", taken: Collection[str] = ()) -> str:
    """Return the code of a new sample.

    Parameters
    ----------
    pattern : str
        With ``{mouse}`` and ``{region}``, and ``{hemisphere}`` where the side is told.
    taken : collection of str
        Codes that other samples of the study have.

    Examples
    --------
    >>> sample_code("{mouse}-{region}", mouse="M012", region="PFC", taken={"M012-PFC"})
    'M012-PFC-b'
    >>> sample_code("{mouse}-{region}-{hemisphere}", mouse="M012", region="PFC")
    'M012-PFC'
    """
    plain = pattern.format(mouse=mouse, region=region, hemisphere=hemisphere).strip(JOINTS)
    if plain not in taken:
        return plain
    further = chain(ascii_lowercase[1:], map(str, count(len(ascii_lowercase) + 1)))
    return next(code for more in further if (code := f"{plain}-{more}") not in taken)
