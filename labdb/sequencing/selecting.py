"""Which mice are sequenced: the stated rule, the lot, and whether the re-test could have steered the choice.

What was decided from is kept whole (`SelectionInputs`), as a randomization keeps it: docs/decisions/0015.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from labdb.colony.models import Mouse
from labdb.registry.plan_records import PlanRefused, Repeatable, refuse_untrusted
from labdb.sequencing.models import SelectionMoment, SequencingSelection
from labdb.treatment.randomization import shuffle
from labdb.treatment.repeating import by_name

ALGORITHM_VERSION = "1"
NO_DAY = "no day"  # of a re-test


@dataclass(frozen=True)
class Candidate:
    """A mouse that could be chosen, and what the rule looked at.

    Attributes
    ----------
    group : str
        Its phenotype, where one was called, else its group.
    retest : str
        When it was tested again; empty for not yet.
    """

    code: str
    group: str
    is_excluded: bool = False
    is_allocated: bool = False
    is_listed: bool = False
    retest: str = ""


@dataclass(frozen=True)
class SelectionInputs(Repeatable):
    """All that decides a selection, beside its seed.

    Attributes
    ----------
    takes_allocated : str
        What the rule calls the allocated mice that are all taken; empty where it takes none.
    lots : tuple
        Group, and how many of it are drawn.
    phenotype_run : str
        Number of the run that called the phenotypes; empty where there was none that whoever chose may see.
    """

    candidates: tuple[Candidate, ...]
    takes_allocated: str = ""
    lots: tuple[tuple[str, int], ...] = ()
    phenotype_run: str = ""
    algorithm_version: str = ALGORITHM_VERSION

    @property
    def free(self) -> list[Candidate]:
        """The candidates that are not excluded."""
        return [one for one in self.candidates if not one.is_excluded]

    def draw(self, seed: int) -> list[str]:
        """Return the codes that are chosen, in the order of the candidates; ValueError with a sentence for none."""
        chosen = {one.code for one in self.free if one.is_listed or (self.takes_allocated and one.is_allocated)}
        taken = {one.code for one in self.free if self.takes_allocated and one.is_allocated}
        left: dict[str, list[str]] = defaultdict(list)
        for one in self.free:
            if one.code not in taken:
                left[one.group].append(one.code)
        chosen |= set(draw_lots(left, dict(self.lots), seed))
        return [one.code for one in self.candidates if one.code in chosen]

    def rule(self, seed: int) -> str:
        """Return the rule in words."""
        words = [self.takes_allocated] if self.takes_allocated else []
        if self.lots:
            counted = " and ".join(f"{n} {group}" for group, n in sorted(self.lots))
            run = f", phenotypes by run {self.phenotype_run}" if self.phenotype_run else ""
            words.append(f"{counted} drawn by lot (seed {seed}{run})")
        if n_listed := sum(one.is_listed for one in self.free):
            words.append(f"{n_listed} by name")
        return "; ".join([*words, "without excluded mice"])

    def moment(self, decided_at: datetime | None) -> SelectionMoment:
        """Say whether the re-tests that were known came before the decision."""
        return moment_of(decided_at, self.retests)

    @property
    def retests(self) -> list[datetime | None]:
        """When the mice were tested again that were; None where nobody knows the day."""
        found = [one.retest for one in self.candidates if one.retest]
        return [None if text == NO_DAY else datetime.fromisoformat(text) for text in found]

    @classmethod
    def of_snapshot(cls, snapshot: str) -> "SelectionInputs":
        """Read a snapshot; PlanRefused where it is none of ours."""
        try:
            read = json.loads(snapshot)
            candidates = tuple(Candidate(**one) for one in read["candidates"])
            lots = tuple((str(group), int(n)) for group, n in read["lots"])
            return cls(candidates, read["takes_allocated"], lots, read["phenotype_run"], read["algorithm_version"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PlanRefused("It was not chosen here: what it was decided from is not stored.") from error


@dataclass(frozen=True)
class ChosenAgain:
    """A stored selection made again from its inputs, and these held against what is known now.

    Attributes
    ----------
    n : int
        Mice that come out.
    differences : tuple of str
        Between what comes out and the mice that are stored, a sentence each.
    since : tuple of str
        What is known otherwise now than it was then; it changes nothing of the selection.
    """

    n: int
    differences: tuple[str, ...]
    since: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Say what came out."""
        return f"The same {self.n} mice." if not self.differences else "Not the same mice."


def choose_again(selection: SequencingSelection, now: SelectionInputs) -> ChosenAgain:
    """Make a selection again from its stored inputs; PlanRefused where that is not possible.

    Parameters
    ----------
    now : SelectionInputs
        What the same rule would look at today.
    """
    inputs = SelectionInputs.of_snapshot(selection.input_snapshot)
    refuse_untrusted(selection, inputs.algorithm_version, ALGORITHM_VERSION)
    drawn = inputs.draw(selection.seed or 0)
    mice = by_name(Mouse.objects.filter(study=selection.study_id), [one.code for one in inputs.candidates])
    stored = {mouse.pk: mouse for mouse in selection.mice.all()}
    out = {mice[code].pk for code in drawn if code in mice}
    differences = [f"{code} comes out, and there is no such mouse any more." for code in drawn if code not in mice]
    differences += [
        f"{mice[code]} comes out, and is not in the selection."
        for code in drawn
        if code in mice and mice[code].pk not in stored
    ]
    differences += [
        f"{mouse} is in the selection, and does not come out." for pk, mouse in stored.items() if pk not in out
    ]
    names = {code: mouse.code for code, mouse in mice.items()}
    return ChosenAgain(len(drawn), tuple(differences), tuple(_since(inputs, now, names)))


def _since(then: SelectionInputs, now: SelectionInputs, names: Mapping[str, str]) -> list[str]:
    """Say of each candidate what the rule would see otherwise today."""
    today = {one.code: one for one in now.candidates}
    known = {names.get(one.code, one.code): one for one in then.candidates}
    found = [f"{code} is no mouse of this study any more." for code in known if code not in today]
    for code, one in today.items():
        before = known.get(code)
        if before is None:
            found.append(f"{code} was entered since.")
            continue
        changes = []
        if one.group != before.group and then.lots and (now.phenotype_run or not then.phenotype_run):
            changes.append(f"was {before.group} and is {one.group}")
        if one.is_excluded != before.is_excluded:
            changes.append("is excluded now" if one.is_excluded else "is no longer excluded")
        if one.is_allocated != before.is_allocated and now.takes_allocated == then.takes_allocated != "":
            changes.append("is allocated now" if one.is_allocated else "is no longer allocated")
        if bool(one.retest) != bool(before.retest):
            changes.append("was tested again" if one.retest else "has no re-test any more")
        if changes:
            found.append(f"{code} {', '.join(changes)}.")
    return found


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
    rng = np.random.Generator(np.random.PCG64(seed))
    drawn: list[str] = []
    for group in sorted(wanted):
        codes = list(members.get(group, ()))
        n = wanted[group]
        if n > len(codes):
            raise ValueError(f"{n} {group} mice are wanted and {len(codes)} can be drawn; ask for fewer.")
        places: list[Any] = list(range(len(codes)))
        shuffle(places, rng)
        drawn += [codes[place] for place in sorted(places[:n])]
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
