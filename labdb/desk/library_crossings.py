"""The libraries of a study, what parts them, and how that lies in pools, lanes, runs and batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.kernels.confounding import LabelAssociation, cramers_v
from labdb.colony.models import Study
from labdb.desk.randomize_page import read_phenotypes
from labdb.registry.natural_order import natural
from labdb.registry.permissions import may
from labdb.sequencing.library_facts import BATCH, GROUP, REGION, confounding_sentences, levels_of
from labdb.sequencing.models import Library, LibraryRun
from labdb.treatment.arm_labels import arm_labels
from labdb.treatment.models import AllocationKey

PHENOTYPE, ARM = "phenotype", "arm"
WITHIN = " within region"
COMPARED = (PHENOTYPE, ARM, GROUP)  # what contrasts are made of


@dataclass(frozen=True)
class Crossing:
    """One label against one place, as a table and in words."""

    label: str
    place: str
    found: LabelAssociation
    sentences: list[str]

    @property
    def rows(self) -> list[tuple[str, list[int]]]:
        """Levels of the label with their counts."""
        return [(str(level), [int(n) for n in counts]) for level, counts in self.found.table.iterrows()]

    @property
    def columns(self) -> list[str]:
        """The places."""
        return [str(one) for one in self.found.table.columns]


class Libraries:
    """The libraries of a study with every label that this account may know."""

    def __init__(self, study: Study, user: Any) -> None:
        self.study, self.user = study, user
        self.knows_arms = may(user, "view", AllocationKey, study)
        rows = Library.objects.filter(study=study).visible_to(user).order_by("code")
        self.rows = sorted(rows, key=lambda one: natural(one.code))
        more = {PHENOTYPE: {mouse: call.phenotype for mouse, call in read_phenotypes(study, user).calls.items()}}
        if self.knows_arms:
            more[ARM] = _arms(study)
        self.levels = levels_of([one.pk for one in self.rows], more)

    @cached_property
    def lanes(self) -> dict[int, list[tuple[str, str]]]:
        """Run and lane of each library, by primary key."""
        found: dict[int, list[tuple[str, str]]] = {}
        rows = LibraryRun.objects.filter(study=self.study).order_by("run__code", "lane")
        for pk, run, lane in rows.values_list("library_id", "run__code", "lane"):
            found.setdefault(pk, []).append((run, lane))
        return found

    @property
    def labels(self) -> list[str]:
        """The labels that part these libraries."""
        names = list(next(iter(self.levels.values()), {}))
        return [name for name in names if len({levels[name] for levels in self.levels.values()}) > 1]

    @property
    def factors(self) -> list[str]:
        """What can be kept even, what matters most first."""
        compared = [one for one in COMPARED if one in self.labels]
        crossed = [f"{one}{WITHIN}" for one in compared] if REGION in self.labels else []
        others = [one for one in self.labels if one not in compared]
        return [*crossed, *compared, *others] or [GROUP]

    def level(self, library: Any, factor: str) -> str:
        """Return the level of a library, also of a factor within region."""
        levels = self.levels[library.pk]
        if factor.endswith(WITHIN):
            return f"{levels[factor.removesuffix(WITHIN)]} in {levels[REGION]}"
        return levels[factor]

    def crossings(self, rows: Sequence[Any], places: Mapping[str, Mapping[int, str]]) -> list[Crossing]:
        """Hold what contrasts are made of against pool, run and batch."""
        found = []
        for place, of_library in places.items():
            for label in COMPARED:
                if label not in self.labels:
                    continue
                held = [one for one in rows if of_library.get(one.pk)]
                association = cramers_v(
                    [self.levels[one.pk][label] for one in held], [of_library[one.pk] for one in held]
                )
                if association.n:
                    sentences = list(confounding_sentences(label, place, association))
                    found.append(Crossing(label, place, association, sentences))
        return found

    def batches(self) -> dict[int, str]:
        """Return the extraction batch of each library that has one."""
        return {pk: levels[BATCH] for pk, levels in self.levels.items() if levels[BATCH] != "not known"}


def _arms(study: Study) -> dict[int, str]:
    labels = arm_labels(study)
    keys = AllocationKey.objects.filter(study=study, allocation__superseded_by=None)
    return {mouse: labels[arm] for mouse, arm in keys.values_list("allocation__mouse", "arm")}
