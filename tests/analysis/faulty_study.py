"""A study whose libraries and records hold one error of each kind."""

import numpy as np

from labdb.colony.models import Mouse, Study
from labdb.sequencing.models import Gene, RnaExtraction
from tests.analysis.small_study import (
    ANNOTATION,
    add_library,
    add_matrix,
    add_mouse,
    add_test,
    make_study,
    random_counts,
)

N_MICE, REGIONS = 12, ("PFC", "NAc")
SWAPPED, FEMALE, POOR, UNTESTED = "M3", "M5", "M7-NAc", "M9"


def make_faulty_study() -> Study:
    """Twelve mice x two regions; one pair exchanged, one female recorded as male, one poor library, one test without a ratio."""
    rng = np.random.default_rng(11)
    made = make_study()
    libraries = []
    for number in range(N_MICE):
        mouse = add_mouse(made, f"M{number}", "control" if number < 4 else "defeated")
        add_test(mouse, 0 if mouse.code == UNTESTED else 50, 40)
        libraries += [add_library(mouse, region, pool="P1" if number < 4 else "P2") for region in REGIONS]
    counts = random_counts(rng, 80, len(libraries)).astype(float)
    is_nac = np.array([library.code.endswith("NAc") for library in libraries])
    counts[:20] *= np.where(is_nac, 4, 1)
    is_female = np.array([library.code.startswith(f"{FEMALE}-") for library in libraries])
    counts[60] = np.where(is_female, 900, 0)
    counts[61] = np.where(is_female, 0, 900)
    codes = [library.code for library in libraries]
    one, other = codes.index(f"{SWAPPED}-PFC"), codes.index(f"{SWAPPED}-NAc")
    counts[:, [one, other]] = counts[:, [other, one]]
    counts[:, codes.index(POOR)] *= 0.2
    add_matrix(made, libraries, counts.astype(int))
    for place, symbol in ((60, "Xist"), (61, "Ddx3y")):
        Gene.objects.filter(annotation=ANNOTATION, gene_id=f"ENS{place}").update(symbol=symbol)
    RnaExtraction.objects.filter(code="E-M1-PFC").update(rin=5.5)
    add_library(Mouse.objects.get(code="M0"), "NAc", code="M0-again")
    return made
