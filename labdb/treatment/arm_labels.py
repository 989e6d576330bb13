"""What an arm is called: by a letter while its study is blinded, by its name otherwise.

The letters of a study are dealt by chance, once, when they are first needed, so that neither name nor order of entry
tells which is which. An arm that is added later takes the next letter.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from labdb.colony.models import Study
from labdb.registry.permissions import may
from labdb.treatment.models import ArmLetter, TreatmentArm

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class MeaningOfLabel:
    """What a letter stood for, once the study is not blinded any more."""

    label: str
    name: str


def arm_labels(study: Study) -> dict[int, str]:
    """Return what each arm of a study is called, by primary key and in the order of what they are called."""
    arms = dict(TreatmentArm.objects.filter(study=study).values_list("pk", "name"))
    called: Mapping[int, str] = _letters(study) if study.is_blinded else arms
    return dict(sorted(called.items(), key=lambda one: _in_order(one[1]) if study.is_blinded else (0, one[1])))


def meaning_of_labels(study: Study, user: Any) -> list[MeaningOfLabel]:
    """Return what the letters of a study stood for; empty while it is blinded, and for whom arms are not."""
    if not may(user, "view", TreatmentArm, study):
        return []
    meanings = [MeaningOfLabel(label, name) for label, name in former_labels(study).items()]
    return sorted(meanings, key=lambda one: _in_order(one.label))


def former_labels(study: Study) -> dict[str, str]:
    """Return the name of each arm by the label that it had; empty while the study is blinded."""
    if study.is_blinded:
        return {}
    rows = ArmLetter.objects.filter(arm__study=study).values_list("letter", "arm__name")
    return {_label(letter): name for letter, name in rows}


def named(text: str, labels: Mapping[str, str]) -> str:
    """Return a text with the names of arms in place of their labels."""
    if not labels:
        return text
    return re.sub(r"\barm [A-Z]{1,2}\b", lambda found: labels.get(found[0], found[0]), text)


def _letters(study: Study) -> dict[int, str]:
    """Return the letters of all arms, dealing those that are missing."""
    known = _known(study)
    if TreatmentArm.objects.filter(study=study).exclude(pk__in=known).exists():
        with transaction.atomic():
            Study.objects.select_for_update(no_key=True).get(pk=study.pk)  # two runs at once deal the same letters
            known = _known(study)
            arms = list(TreatmentArm.objects.filter(study=study).exclude(pk__in=known).values_list("pk", flat=True))
            secrets.SystemRandom().shuffle(arms)
            new = [ArmLetter(arm_id=arm, letter=_letter(len(known) + at)) for at, arm in enumerate(arms)]
            ArmLetter.objects.bulk_create(new)
            known |= {one.arm_id: one.letter for one in new}
    return {arm: _label(letter) for arm, letter in known.items()}


def _known(study: Study) -> dict[int, str]:
    return dict(ArmLetter.objects.filter(arm__study=study).values_list("arm_id", "letter"))


def _letter(number: int) -> str:
    """Return A to Z, then AA, AB, ..."""
    first, last = divmod(number, len(LETTERS))
    return (LETTERS[first - 1] if first else "") + LETTERS[last]


def _label(letter: str) -> str:
    return f"arm {letter}"


def _in_order(label: str) -> tuple[int, str]:
    """Return the place of a label: Z before AA."""
    return len(label), label
