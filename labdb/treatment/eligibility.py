"""Which mice can be randomized, why others cannot, and what is known of each on the day.

What a phenotype run says is handed in: this room knows no analysis.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from django.utils import timezone

from analysis.kernels.phenotype import CONTROL, CONTROL_GROUP
from labdb.colony.excludable import marks_of_study
from labdb.colony.models import Mouse, Study, Weighing
from labdb.colony.places import housings_on
from labdb.registry.natural_order import natural
from labdb.treatment.models import Allocation

NOT_CALLED, NO_CAGE, NO_COHORT, NO_DAY = "not called", "no cage", "no cohort", "no SI test"
TERTILES = {"SI ratio tertile": "si_ratio", "body mass tertile": "body_mass_g"}
LEVELS = {"phenotype": "phenotype", "cohort": "cohort", "cage": "cage", "sex": "sex"}
FACTORS = (*LEVELS, *TERTILES)
MEASURED = {"age_days": "age (days)", "body_mass_g": "body mass (g)", "si_ratio": "SI ratio"}
COUNTED = {"cage": "cage", "cohort": "cohort", "sex": "sex", "day": "day of SI test"}
LOW, MIDDLE, HIGH = "low", "middle", "high"
MOST_NAMED = 8  # cohorts in the words of a rule, which have an end

Cuts = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Call:
    """What the run that counts says of a mouse: its class and ratio, and the day of the test (ISO, or empty)."""

    phenotype: str
    si_ratio: float | None
    day: str


@dataclass(frozen=True)
class ListedMouse:
    """A mouse as it stands in a list: its code, and what was known of it when it was drawn."""

    code: str
    phenotype: str
    cohort: str
    cage: str
    sex: str
    day: str
    age_days: int | None
    body_mass_g: float | None
    si_ratio: float | None
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """The stated rule of who is eligible.

    Attributes
    ----------
    phenotypes, cohorts : tuple of str
        Empty for any.
    factors : tuple of str
        That are balanced: a mouse without the value has no place.
    """

    phenotypes: tuple[str, ...]
    cohorts: tuple[str, ...]
    factors: tuple[str, ...]

    def words(self, run: str) -> str:
        """Say the rule, with the number of the run that it rests on."""
        by_run = f" by run {run}" if run and self.phenotypes else ""
        who = " or ".join(self.phenotypes) + by_run if self.phenotypes else "whatever the phenotype"
        named = " or ".join(self.cohorts) if len(self.cohorts) <= MOST_NAMED else f"one of {len(self.cohorts)}"
        where = f"; cohort {named}" if self.cohorts else ""
        return f"{who}{where}; alive, not excluded, not allocated"


@dataclass(frozen=True)
class Candidate:
    """A mouse of the study with its facts, and why it is not eligible; empty where it is."""

    mouse: Mouse
    facts: ListedMouse
    why_not: str


def candidates(
    study: Study, calls: Mapping[int, Call], wanted: Wanted, *, free: Collection[int] = ()
) -> list[Candidate]:
    """Return every mouse of a study in natural order of codes, and why it cannot be drawn.

    Parameters
    ----------
    calls : mapping of int to Call
        By primary key of the mouse.
    free : collection of int
        Randomizations whose allocations are about to be replaced: their mice can be drawn again.
    """
    today = timezone.localdate()
    mice = sorted(
        Mouse.objects.filter(study=study).select_related("cohort", "study"), key=lambda mouse: natural(mouse.code)
    )
    ids = [mouse.pk for mouse in mice]
    housings, masses, excluded = housings_on(ids, today), _latest_masses(study), marks_of_study(study)
    held = Allocation.objects.filter(Allocation.holding(), study=study).exclude(randomization__in=free)
    allocated = dict(held.values_list("mouse_id", "code"))
    found = []
    for mouse in mice:
        call = calls.get(mouse.pk, Call(CONTROL if mouse.group == CONTROL_GROUP else NOT_CALLED, None, ""))
        housing = housings.get(mouse.pk)
        facts = ListedMouse(
            code=mouse.code,
            phenotype=call.phenotype,
            cohort=mouse.cohort.code if mouse.cohort else NO_COHORT,
            cage=housing.cage.code if housing is not None and housing.cage is not None else NO_CAGE,
            sex=mouse.sex,
            day=call.day or NO_DAY,
            age_days=(today - mouse.birth_date).days if mouse.birth_date else None,
            body_mass_g=masses.get(mouse.pk),
            si_ratio=call.si_ratio,
        )
        why_not = _why_not(mouse, facts, wanted, today, excluded.get(mouse.pk, ""), allocated.get(mouse.pk, ""))
        found.append(Candidate(mouse, facts, why_not))
    return found


def _latest_masses(study: Study) -> dict[int, float]:
    latest = Weighing.objects.filter(study=study).order_by("mouse_id", "-performed_at").distinct("mouse_id")
    return dict(latest.values_list("mouse_id", "body_mass_g"))


def _why_not(mouse: Mouse, facts: ListedMouse, wanted: Wanted, today: date, excluded: str, allocated: str) -> str:
    if mouse.death_date is not None and mouse.death_date <= today:
        return f"died on {mouse.death_date}"
    if excluded:
        return excluded
    if allocated:
        return f"allocated as {allocated}"
    if wanted.phenotypes and facts.phenotype not in wanted.phenotypes:
        return facts.phenotype
    if wanted.cohorts and facts.cohort not in wanted.cohorts:
        return f"cohort {facts.cohort} is not chosen"
    for factor in wanted.factors:
        if factor in TERTILES and getattr(facts, TERTILES[factor]) is None:
            return f"{factor.removesuffix(' tertile')} is not known"
    return ""


def cuts_of(mice: Sequence[ListedMouse], factors: Sequence[str]) -> Cuts:
    """Return the two values that part these mice in thirds, for each factor by tertile."""
    cuts: Cuts = {}
    for factor in factors:
        if factor in TERTILES and mice:
            values: Any = [getattr(mouse, TERTILES[factor]) for mouse in mice]
            low, high = np.quantile(values, [1 / 3, 2 / 3])
            cuts[factor] = float(low), float(high)
    return cuts


def with_levels(mice: Sequence[ListedMouse], factors: Sequence[str], cuts: Cuts) -> Iterator[ListedMouse]:
    """Yield the mice with their level of each factor; late entrants are parted by the cuts of the list's first mice."""
    for mouse in mice:
        yield replace(mouse, levels=tuple(_level(mouse, factor, cuts) for factor in factors))


def _level(mouse: ListedMouse, factor: str, cuts: Cuts) -> str:
    if factor in LEVELS:
        return str(getattr(mouse, LEVELS[factor]))
    low, high = cuts[factor]
    value = getattr(mouse, TERTILES[factor])
    third = LOW if value <= low else MIDDLE if value <= high else HIGH
    return f"{third} {factor.removesuffix(' tertile')}"
