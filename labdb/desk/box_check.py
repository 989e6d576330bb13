"""What was scanned in a box, held against what is recorded there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labdb.tissue.models import CheckDecision, CheckResult, StorageBox, TissueSample, outside
from labdb.tissue.places import POSITION

# What may be decided of a tube that was found so.
DECISIONS: dict[str, tuple[str, ...]] = {
    CheckResult.IN_PLACE: (CheckDecision.LEFT,),
    CheckResult.ELSEWHERE: (CheckDecision.LEFT, CheckDecision.MOVED),
    CheckResult.MISSING: (CheckDecision.LEFT, CheckDecision.MISSING),
    CheckResult.FOREIGN: (CheckDecision.LEFT, CheckDecision.MOVED),
}


class BadCheck(ValueError):
    """What was sent cannot be meant; the text is a sentence."""


@dataclass(frozen=True)
class Found:
    """One tube of a check."""

    tube: TissueSample
    result: str
    position_recorded: str
    position_found: str
    decision: str


def compare(box: StorageBox, scanned: Any, decisions: Any, user: Any) -> list[Found]:
    """Return every tube that is recorded in the box or was scanned there, with the decision taken.

    Parameters
    ----------
    scanned : list of dict
        ``sample`` (id) and ``position``, as the page sent them.
    decisions : dict of str to str
        By the id of the tube; who is not named is left as recorded.
    """
    positions = _positions(box, scanned)
    decided = decisions if isinstance(decisions, Mapping) else {}
    seen = TissueSample.objects.visible_to(user).select_related("study", "box")
    recorded = {tube.pk: tube for tube in seen.filter(box=box)}
    strangers = seen.in_bulk(set(positions) - set(recorded))
    if unknown := set(positions) - set(recorded) - set(strangers):
        raise BadCheck(f"There is no tissue sample {min(unknown)} any more; reload the page.")
    found = []
    for pk, tube in {**recorded, **strangers}.items():
        at, is_recorded = positions.get(pk), pk in recorded
        here = tube.position if is_recorded else ""
        result = _result(at, here, is_recorded=is_recorded)
        decision = str(decided.get(str(pk)) or CheckDecision.LEFT)
        if decision not in DECISIONS[result]:
            raise BadCheck(f"{tube} is {CheckResult(result).label}; {decision[:20]} is nothing to decide of it.")
        found.append(Found(tube, result, here, at or "", decision))
    return found


def _result(at: str | None, here: str, *, is_recorded: bool) -> str:
    if at is None:
        return CheckResult.MISSING
    if not is_recorded:
        return CheckResult.FOREIGN
    return CheckResult.IN_PLACE if at == here else CheckResult.ELSEWHERE


def _positions(box: StorageBox, scanned: Any) -> dict[int, str]:
    """Return the position of each scanned tube; BadCheck for a tube or a position that comes twice."""
    if not isinstance(scanned, list) or len(scanned) > box.n_rows * box.n_columns:
        raise BadCheck(f"Box {box} has {box.n_rows * box.n_columns} positions, and more was sent; reload the page.")
    found: dict[int, str] = {}
    holds: dict[str, int] = {}
    for one in scanned:
        pk, position = (one.get("sample"), one.get("position")) if isinstance(one, dict) else (None, None)
        if not isinstance(pk, int) or isinstance(pk, bool) or not isinstance(position, str):
            raise BadCheck("A scan is the id of a tube and a position; reload the page.")
        if not re.fullmatch(POSITION, position):
            raise BadCheck(
                f"{position[:10]} is not a position; it is a row's letter and a column's number, such as A1."
            )
        if sentence := outside(box, position):
            raise BadCheck(sentence)
        if pk in found:
            raise BadCheck(f"One tube was scanned in {found[pk]} and in {position}; keep one of the two.")
        if position in holds:
            raise BadCheck(f"Two tubes were scanned in {position}; keep one of the two.")
        found[pk], holds[position] = position, pk
    return found
