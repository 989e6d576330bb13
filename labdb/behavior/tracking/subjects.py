"""Which mouse a tracker's subject is: by exact code, ear tag, mark or former code; another spelling is shown as such."""

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from labdb.colony.models import Mouse, MouseIdentification, Study
from labdb.registry.form_fields import is_storable
from labdb.registry.former_names import rows_formerly

OTHER_SPELLING = "spelled otherwise"


@dataclass(frozen=True)
class Match:
    """A mouse, and by what it was found; None where no mouse, or more than one, has that name."""

    mouse: Mouse | None
    by: str


def match_subjects(subjects: Collection[str], study: Study, user: Any) -> dict[str, Match]:
    """Return the mouse of each subject, in four queries for all of them.

    A name that leads to two mice leads to none; only a subject that nothing has exactly is compared by its letters and
    digits alone.
    """
    wanted = {text for text in subjects if text and is_storable(text)}
    mice = list(Mouse.objects.visible_to(user).filter(study=study).select_related("study", "cohort"))
    by_pk = {mouse.pk: mouse for mouse in mice}
    names: list[tuple[str, Mouse, str]] = [(mouse.code, mouse, "code") for mouse in mice]
    names += [(f"{study.code}-{mouse.code}", mouse, "code") for mouse in mice]
    names += [(mouse.ear_tag, mouse, "ear tag") for mouse in mice if mouse.ear_tag]
    marks = MouseIdentification.objects.filter(study=study).values_list("value", "mouse_id", "kind")
    names += [(value, by_pk[pk], kind) for value, pk, kind in marks if pk in by_pk]
    former = rows_formerly(Mouse.objects.filter(study=study), wanted)
    names += [(text, by_pk[row.pk], "former code") for text, rows in former.items() for row in rows if row.pk in by_pk]
    exact, spelled = _grouped(names, str), _grouped(names, _letters)
    return {text: _found(text, exact, spelled) for text in wanted}


def _grouped(names: list[tuple[str, Mouse, str]], key: Any) -> dict[str, list[tuple[Mouse, str]]]:
    grouped: dict[str, list[tuple[Mouse, str]]] = defaultdict(list)
    for text, mouse, by in names:
        grouped[key(text)].append((mouse, by))
    return grouped


def _found(text: str, exact: dict[str, list[tuple[Mouse, str]]], spelled: dict[str, list[tuple[Mouse, str]]]) -> Match:
    if found := exact.get(text):
        coded = [one for one in found if one[1] == "code"] or found  # a code goes before another mouse's old tag
        return Match(coded[0][0], coded[0][1]) if len({one[0].pk for one in coded}) == 1 else Match(None, "")
    letters = _letters(text)
    found = spelled.get(letters, []) if letters else []
    return Match(found[0][0], OTHER_SPELLING) if len({one[0].pk for one in found}) == 1 else Match(None, "")


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()
