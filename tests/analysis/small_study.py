"""A small study in the database: as many mice, tests and libraries as a test of a task needs."""

import numpy as np
import pandas as pd

from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Cohort, Mouse, Study
from labdb.sequencing.expression_store import store_counts
from labdb.sequencing.models import (
    CountMatrix,
    ExtractionSample,
    Gene,
    Library,
    LibraryExtraction,
    RnaExtraction,
)
from labdb.tissue.models import BrainRegion, TissueSample
from labdb.treatment.models import Allocation, AllocationKey, Randomization, TreatmentArm

ANNOTATION = "test"


def make_study(code: str = "S1") -> Study:
    return Study.objects.create(code=code, title="A small study")


def add_mouse(study: Study, code: str, group: str = "defeated", cohort: str = "C1") -> Mouse:
    made, _ = Cohort.objects.get_or_create(study=study, code=cohort)
    return Mouse.objects.create(study=study, code=code, group=group, cohort=made, sex="M")


def add_test(mouse: Mouse, absent_s: float, present_s: float, number: int = 1) -> SocialInteractionTest:
    return SocialInteractionTest.objects.create(
        study=mouse.study, mouse=mouse, test_number=number, iz_absent_s=absent_s, iz_present_s=present_s
    )


def add_library(
    mouse: Mouse, region: str, *, code: str = "", pool: str = "", condition: str = "", others: tuple[Mouse, ...] = ()
) -> Library:
    """A library of one region of a mouse, or of a pool of mice."""
    study, code = mouse.study, code or f"{mouse.code}-{region}"
    extraction = RnaExtraction.objects.create(study=study, code=f"E-{code}")
    for one in (mouse, *others):
        place, _ = BrainRegion.objects.get_or_create(code=region, defaults={"name": region})
        sample = TissueSample.objects.create(study=study, code=f"T-{code}-{one.code}", mouse=one, region=place)
        ExtractionSample.objects.create(study=study, extraction=extraction, sample=sample)
    library = Library.objects.create(study=study, code=code, pool=pool, condition=condition)
    LibraryExtraction.objects.create(study=study, library=library, extraction=extraction)
    return library


def make_genes(n_genes: int) -> list[Gene]:
    known = Gene.objects.filter(annotation=ANNOTATION).count()
    Gene.objects.bulk_create(
        Gene(annotation=ANNOTATION, gene_id=f"ENS{number}", symbol=f"Gene{number}") for number in range(known, n_genes)
    )
    return list(Gene.objects.filter(annotation=ANNOTATION).order_by("pk")[:n_genes])


def add_matrix(study: Study, libraries: list[Library], counts: np.ndarray, code: str = "X1") -> CountMatrix:
    """Store counts (genes x libraries) under new genes."""
    genes = make_genes(len(counts))
    matrix = CountMatrix.objects.create(
        study=study, code=code, annotation=ANNOTATION, file_name=f"{code}.csv", sha256=code.ljust(64, "0"),
        n_genes=len(genes), n_libraries=len(libraries),
    )  # fmt: skip
    frame = pd.DataFrame(counts, index=[gene.pk for gene in genes], columns=[library.pk for library in libraries])
    store_counts(matrix, frame)
    return matrix


def random_counts(rng: np.random.Generator, n_genes: int, n_libraries: int) -> np.ndarray:
    """Negative-binomial counts, mean 30 to 3,000, dispersion .05."""
    mean = np.exp(rng.uniform(np.log(30), np.log(3000), n_genes))[:, None] * np.ones(n_libraries)
    return rng.poisson(rng.gamma(20, mean / 20))


def make_treated_study(
    n_per_group: int = 5, n_genes: int = 300, regions: tuple[str, ...] = ("PFC",), code: str = "S1"
) -> Study:
    """Controls, resilient, and randomized susceptible mice on saline or a drug, re-tested and sequenced.

    Half of the drug's mice respond. Stress moves every fifth gene four-fold, and the drug undoes all of it in every
    treated mouse.
    """
    rng = np.random.default_rng(7)
    study = make_study(code)
    saline = TreatmentArm.objects.create(study=study, name="saline", is_vehicle=True)
    drug = TreatmentArm.objects.create(study=study, name="ketamine")
    randomization = Randomization.objects.create(study=study, code="R1", method="simple", seed=1)
    state: dict[str, float] = {}
    libraries = []
    for kind in ("control", "resilient", "saline", "ketamine"):
        for number in range(n_per_group):
            mouse = add_mouse(study, f"{kind[0]}{number}", "control" if kind == "control" else "defeated")
            is_susceptible = kind in ("saline", "ketamine")
            add_test(mouse, 50, 25 if is_susceptible else 75 + number)
            responds = kind == "ketamine" and number % 2 == 0
            add_test(mouse, 50, (80 if responds else 26) if is_susceptible else 76, number=2)
            allocation = Allocation.objects.create(
                study=study, mouse=mouse, code=f"A{mouse.code}", randomization=randomization if is_susceptible else None
            )
            AllocationKey.objects.create(study=study, allocation=allocation, arm=drug if kind == "ketamine" else saline)
            state[mouse.code] = 1.0 if kind == "saline" else 0.0
            libraries += [add_library(mouse, region, pool=f"P{number % 2}") for region in regions]
    counts = random_counts(rng, n_genes, len(libraries)).astype(float)
    stressed = np.array([state[library.code.rsplit("-", 1)[0]] for library in libraries])
    counts[::5] *= 4.0**stressed
    add_matrix(study, libraries, counts.astype(int))
    return study
