"""What a study's page says of its animals: how many of what, how far they came, and what is missing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pandas as pd
from django.db.models import Count, Q
from django.urls import reverse

from analysis.frames import ARM_NOT_SHOWN, NOT_ALLOCATED, arms_of_mice
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.excludable import marks_of_study
from labdb.colony.models import Mouse, Study
from labdb.registry.record import record_for
from labdb.sequencing.models import Library, LibraryCounts, RnaExtraction
from labdb.tissue.models import TissueSample
from labdb.treatment.models import Allocation

NOT_CALLED, EXCLUDED = "not called", "excluded"
MIN_RIN = 7  # below it RNA is commonly thought too degraded for a library; demo.md plants such samples


@dataclass(frozen=True)
class Mice:
    """The mice of a study with what is known of each; indexed by primary key.

    Attributes
    ----------
    frame : pandas.DataFrame
        ``cohort``, ``group``, ``phenotype``, ``arm`` (None where it may not be known), and whether each
        ``is_allocated``, ``is_retested``, ``is_sequenced``.
    """

    frame: pd.DataFrame

    def by_group(self) -> list[dict[str, Any]]:
        """Return how many mice there are of each cohort, group and phenotype."""
        keys = ["cohort", "group", "phenotype"]
        counts = self.frame.groupby(keys).size().rename("n").reset_index()
        return _records(counts)

    def flow(self) -> list[dict[str, Any]]:
        """Return how many mice came how far, by phenotype and arm."""
        steps = ["is_allocated", "is_retested", "is_sequenced"]
        counted = self.frame.groupby(["phenotype", "arm"])[steps].sum()
        counted.insert(0, "mice", self.frame.groupby(["phenotype", "arm"]).size())
        return _records(counted.reset_index())


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def read_mice(study: Study, phenotypes: dict[int, str], user: Any) -> Mice:
    """Read the mice of a study in one query a stage."""
    rows = Mouse.objects.filter(study=study).order_by("code").values_list("pk", "cohort__code", "group")
    frame = pd.DataFrame.from_records(list(rows), columns=["mouse", "cohort", "group"]).set_index("mouse")
    arms = arms_of_mice(study, user)["arm"]
    tests = SocialInteractionTest.objects.filter(SocialInteractionTest.included(), study=study)
    n_tests = dict(tests.order_by().values_list("mouse_id").annotate(n=Count("pk")))
    held = Allocation.objects.filter(Allocation.holding(), study=study)
    allocated = set(held.values_list("mouse_id", flat=True))
    counted = LibraryCounts.objects.filter(library__study=study).values("library")
    samples = TissueSample.objects.filter(study=study, extractions__libraries__in=counted)
    sequenced = set(samples.values_list("mouse_id", flat=True))
    keys = frame.index
    excluded = marks_of_study(study)
    return Mice(
        frame.assign(
            cohort=frame["cohort"].fillna("no cohort"),
            group=frame["group"].replace("", "no group"),
            phenotype=[EXCLUDED if key in excluded else phenotypes.get(key, NOT_CALLED) for key in keys],
            arm=_arms(keys, arms.to_dict(), allocated),
            is_allocated=[key in allocated for key in keys],
            is_retested=[n_tests.get(key, 0) > 1 for key in keys],
            is_sequenced=[key in sequenced for key in keys],
        )
    )


def _arms(keys: Iterable[int], arms: dict[Any, str], allocated: set[int]) -> list[str]:
    return [arms.get(key) or (ARM_NOT_SHOWN if key in allocated else NOT_ALLOCATED) for key in keys]


@dataclass(frozen=True)
class Gap:
    """Something that is missing, of how many, and the list of those."""

    what: str
    missing: int
    of: int
    url: str


def completeness(study: Study) -> list[Gap]:
    """Return what is missing; each query counts, none lists."""
    asked = [
        (Mouse, "mice without a group", Q(group=""), ""),
        (Mouse, "mice without a birth date", Q(birth_date=None), "birth_date__isnull=true"),
        (Mouse, "mice without an SI test", Q(si_tests=None), ""),
        (SocialInteractionTest, "SI tests without a date", Q(test_at=None), "test_at__isnull=true"),
        (SocialInteractionTest, "SI tests with 0 s without target", Q(iz_absent_s=0), "iz_absent_s=0"),
        (TissueSample, "tissue samples without RNA", Q(extractions=None), ""),
        (RnaExtraction, "RNA extractions without a RIN", Q(rin=None), "rin__isnull=true"),
        (RnaExtraction, f"RNA extractions with a RIN below {MIN_RIN}", Q(rin__lt=MIN_RIN), f"rin__lt={MIN_RIN}"),
        (Library, "libraries without a pool", Q(pool=""), ""),
        (Library, "libraries without counts", Q(count_blocks=None), ""),
    ]
    gaps = [_gap(study, *one) for one in asked]
    return [gap for gap in gaps if gap.of]


def _gap(study: Study, model: Any, what: str, missing: Q, query: str) -> Gap:
    rows = model.objects.filter(study=study).order_by()
    counted = rows.aggregate(of=Count("pk", distinct=True), missing=Count("pk", filter=missing, distinct=True))
    listed = reverse("record-list", kwargs={"resource": record_for(model).resource})
    url = f"{listed}?{urlencode({'study': study.code})}&{query}" if query else ""
    return Gap(what, counted["missing"], counted["of"], url)
