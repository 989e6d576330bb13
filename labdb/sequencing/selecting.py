"""Which mice are sequenced: the stated rule, the lot, and whether the re-test could have steered the choice."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from labdb.sequencing.models import SelectionMoment


def draw_lots(members: Mapping[str, Sequence[str]], wanted: Mapping[str, int], seed: int) -> list[str]:
    """Draw mice of each group by lot; the same groups in the same order and seed draw the same mice.

    Parameters
    ----------
    members : mapping of str to sequence of str
        Codes by group, in a fixed order.
    wanted : mapping of str to int
        How many of each group.

    Raises
    ------
    ValueError
        If a group has fewer than are wanted; the text is a sentence.
    """
    rng = np.random.default_rng(seed)
    drawn: list[str] = []
    for group in sorted(wanted):
        codes = list(members.get(group, ()))
        n = wanted[group]
        if n > len(codes):
            raise ValueError(f"{n} {group} mice are wanted and {len(codes)} can be drawn; ask for fewer.")
        drawn += [codes[place] for place in sorted(rng.permutation(len(codes))[:n])]
    return drawn


def moment_of(decided_at: datetime | None, retests: Sequence[datetime | None]) -> SelectionMoment:
    """Say from the days of the re-tests whether a choice was made before or after any outcome was there.

    Parameters
    ----------
    retests : sequence of datetime or None
        Of all mice that could be chosen; None where a re-test has no day. A choice among mice some of whom were
        re-tested already is one made after.
    """
    if decided_at is None:
        return SelectionMoment.UNKNOWN
    if any(at is not None and at <= decided_at for at in retests):
        return SelectionMoment.AFTER
    return SelectionMoment.UNKNOWN if None in retests else SelectionMoment.BEFORE
