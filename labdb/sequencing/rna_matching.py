"""Which extraction a tube of an instrument is: by exact code, by its sample, or spelled otherwise, never in silence."""

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from labdb.colony.models import Study
from labdb.registry.form_fields import is_storable
from labdb.registry.former_names import rows_formerly
from labdb.sequencing.models import ExtractionSample, RnaExtraction

CODE, FORMER, SAMPLE, OTHER_SPELLING = "code", "former code", "code of its sample", "spelled otherwise"


@dataclass(frozen=True)
class Match:
    """An extraction, and by what it was found; None where there is none, or more than one."""

    extraction: RnaExtraction | None
    by: str = ""


def match_tubes(names: Collection[str], study: Study, user: Any) -> dict[str, Match]:
    """Return the extraction of each name, in three queries for all of them.

    The code goes first, then a former code, then the code of a tissue sample that has one extraction. Only a name that
    nothing has exactly is compared by its letters and digits alone; one that fits two extractions fits none.
    """
    extractions = list(RnaExtraction.objects.visible_to(user).filter(study=study).select_related("study"))
    by_pk = {one.pk: one for one in extractions}
    wanted = {name for name in names if name and is_storable(name)}
    exact: dict[str, dict[str, set[int]]] = {CODE: {}, FORMER: {}, SAMPLE: defaultdict(set)}
    exact[CODE] = {text: {one.pk} for one in extractions for text in (one.code, f"{study.code}-{one.code}")}
    former = rows_formerly(RnaExtraction.objects.filter(study=study), wanted)
    exact[FORMER] = {text: {row.pk for row in rows} for text, rows in former.items()}
    inputs = ExtractionSample.objects.filter(study=study).values_list("sample__code", "extraction")
    for code, pk in inputs:
        exact[SAMPLE][code].add(pk)
    spelled: dict[str, set[int]] = defaultdict(set)
    for text, pks in [*exact[CODE].items(), *exact[SAMPLE].items()]:
        spelled[letters(text)] |= pks
    return {name: _found(name, exact, spelled, by_pk) for name in wanted}


def _found(
    name: str, exact: dict[str, dict[str, set[int]]], spelled: dict[str, set[int]], by_pk: dict[int, RnaExtraction]
) -> Match:
    for by, known in exact.items():
        if pks := known.get(name, set()):
            [pk, *others] = pks
            return Match(by_pk.get(pk), by) if not others else Match(None)
    pks = spelled.get(letters(name), set()) if letters(name) else set()
    return Match(by_pk.get(next(iter(pks))), OTHER_SPELLING) if len(pks) == 1 else Match(None)


def letters(text: str) -> str:
    """Return letters and digits alone, in small letters."""
    return re.sub(r"[\W_]+", "", text.casefold())
