"""Whether a trial was the one with the target, by what its file says; where it does not, somebody is asked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labdb.behavior.trackers.result import Trial

ABSENT, PRESENT = "absent", "present"
WHO = r"(?:social )?(?:target|cd ?1|aggressor|partner|stimulus)"
NO_TARGET = re.compile(rf"\b(?:no|without|minus|w o) (?:the )?{WHO}\b|\bnotarget\b|\babsent\b|\bempty\b")
WITH_TARGET = re.compile(rf"\b{WHO}\b|\bpresent\b")
ABOUT_TARGET = re.compile(rf"{WHO}(?: mouse)?(?: present)?")
NOT_OF_TRIAL = re.compile(r"\b(?:file|settings|source|status)\b")  # of variables: what the tracker, not the lab, named
YES, NO = {"yes", "y", "1", "true", "with"}, {"no", "n", "0", "false", "without", "none"}


@dataclass(frozen=True)
class Told:
    """How a person tells the two trials apart: by a variable, words of the trial's name, or their order."""

    by: str = ""
    variable: str = ""
    absent_says: str = ""
    present_says: str = ""


@dataclass(frozen=True)
class Said:
    """What a file says of the target, and where."""

    target: str
    where: str


def target_said(trial: Trial, told: Told = Told()) -> Said | None:
    """Return what the file says: as somebody has told to read it, else by its own plain words; None if nothing."""
    if told.by == "variable":
        return _by_words(trial.header.get(told.variable, ""), told, f"{told.variable} is")
    if told.by == "trial name":
        return _by_words(trial.name, told, "the trial's name is")
    said = [*_of_header(trial.header), *_of_name(trial.name)]
    targets = {one.target for one in said}
    return said[0] if len(targets) == 1 else None


def targets_by_order(trials: Sequence[Trial]) -> list[str]:
    """Return the targets of one mouse's two trials by their starts; empty texts where that does not tell."""
    starts = [trial.started_at for trial in trials]
    if len(trials) != 2 or starts[0] is None or starts[1] is None or starts[0] == starts[1]:
        return [""] * len(trials)
    return [ABSENT, PRESENT] if starts[0] < starts[1] else [PRESENT, ABSENT]


def _by_words(text: str, told: Told, what: str) -> Said | None:
    plain = _plain(text)
    absent, present = _plain(told.absent_says), _plain(told.present_says)
    if plain in (absent, present) and absent != present:
        return Said(ABSENT if plain == absent else PRESENT, f"{what} {text.strip()}")
    found = [target for target, words in ((ABSENT, absent), (PRESENT, present)) if words and words in plain]
    if len(found) == 2 and absent != present:  # "target" also stands in "no target": the longer words say more
        found = [ABSENT if len(absent) > len(present) else PRESENT]
    return Said(found[0], f"{what} {text.strip()}") if len(found) == 1 else None


def _of_header(header: Mapping[str, str]) -> list[Said]:
    found = []
    for name, text in header.items():
        plain = _plain(text)
        if ABOUT_TARGET.fullmatch(_plain(name)) and plain in YES | NO:
            found.append(Said(PRESENT if plain in YES else ABSENT, f"{name} is {text.strip()}"))
        elif not NOT_OF_TRIAL.search(_plain(name)) and (target := _plainly(plain)):
            found.append(Said(target, f"{name} is {text.strip()}"))
    return found


def _of_name(name: str) -> list[Said]:
    target = _plainly(_plain(name))
    return [Said(target, f"the trial's name is {name}")] if target else []


def _plainly(plain: str) -> str:
    if NO_TARGET.search(plain):
        return ABSENT
    return PRESENT if WITH_TARGET.search(plain) else ""


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).strip().casefold()
