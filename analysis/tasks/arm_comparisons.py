"""Each drug arm beside control and susceptible saline mice, region by region; for `reversal` and `mouse_scores`."""

from dataclasses import dataclass

import pandas as pd

from analysis.design_frame import ARM, IS_RANDOMIZED, OUTCOME, PHENOTYPE, RESPONSE, read_libraries
from analysis.kernels.counts import filter_by_expression, log_cpm, tmm_factors
from analysis.kernels.phenotype import CONTROL, CONTROL_GROUP, SUSCEPTIBLE
from analysis.kernels.response import NON_RESPONDER, RESPONDER
from analysis.shared_reading import shared
from analysis.tasks.matrices import chosen_matrix, counts_by_code, missing_matrix, refuse_repeated_mice
from analysis.tasks.task import Loaded, Parameters
from labdb.colony.models import Study
from labdb.sequencing.models import CountMatrix
from labdb.treatment.arm_labels import arm_labels
from labdb.treatment.models import Allocation, TreatmentArm

TREATED = "treated"
STRESSED = "randomized susceptible"  # saline and drugs together, for the filter
GROUP, POOL = "mouse__group", "library__pool"


@dataclass(frozen=True)
class ArmComparisons:
    """Counts (gene primary keys x library codes) and, by library, region, pool and what each mouse is here.

    ``role``: control, stressed (randomized, susceptible) or bystander; ``arm``, ``response``, ``outcome``: as in
    `design_frame`.
    Arms are what they are called: letters in a blinded study.
    """

    counts: pd.DataFrame
    libraries: pd.DataFrame
    arms: tuple[str, ...]
    vehicles: tuple[str, ...]
    matrix_id: int
    regions: dict[str, int]

    def expression(self, region: str) -> pd.DataFrame:
        """Return log2 CPM of a region, by TMM, of the genes that are kept."""
        kept = self.kept_counts(region)
        return log_cpm(kept, tmm_factors(kept))

    def kept_counts(self, region: str) -> pd.DataFrame:
        """Return a region's counts of genes kept by a filter that pools saline and drug mice.

        One filter for all arms: it must not know which of the randomized mice got which.
        """
        libraries = self.of_region(region)
        counts = self.counts[list(libraries.index)]
        pooled = libraries["outcome"].mask(libraries["role"] == STRESSED, STRESSED)
        return counts[filter_by_expression(counts, pooled)]

    def groups(self, region: str, arm: str) -> pd.Series:
        """Return control, susceptible, treated, and each bystander group by its own name (other arms by outcome)."""
        return self.outcomes(region).mask(self.is_of(region, arm), TREATED)

    def outcomes(self, region: str) -> pd.Series:
        """Return control, susceptible (with vehicle), and every other group by its own name."""
        libraries = self.of_region(region)
        groups = libraries["outcome"].mask(libraries["role"] == CONTROL, CONTROL)
        return groups.mask(self.is_of(region), SUSCEPTIBLE)

    def is_of(self, region: str, arm: str = "") -> pd.Series:
        """Return which libraries are of randomized susceptible mice of an arm, or of a vehicle arm."""
        libraries = self.of_region(region)
        return (libraries["role"] == STRESSED) & libraries["arm"].isin([arm] if arm else self.vehicles)

    def responses(self, region: str) -> pd.Series:
        """Return whether each mouse responded at its re-test, by the response rule; None where that is not called."""
        responses = self.of_region(region)["response"]
        called = [{RESPONDER: True, NON_RESPONDER: False}.get(one) for one in responses]
        return pd.Series(called, index=responses.index, dtype=object)

    def pools(self, region: str) -> pd.Series | None:
        """Return the pool of every library, or None where none is recorded."""
        pools = self.of_region(region)["pool"]
        unknown = pools.index[pools.isna()]
        if len(unknown) == len(pools):
            return None
        if len(unknown):
            raise ValueError(
                f"{region}: the pool is missing for {', '.join(unknown[:8])}, but not for the others; enter it."
            )
        return pools

    def of_region(self, region: str) -> pd.DataFrame:
        """Return the libraries of a region."""
        return self.libraries[self.libraries["region"] == region]


def missing(study: Study, parameters: Parameters) -> str:
    """Say why arms cannot be compared yet."""
    return missing_matrix(study, parameters) or _missing_arms(study)


@shared
def _missing_arms(study: Study) -> str:
    arms = TreatmentArm.objects.filter(study=study)
    if not arms.filter(is_vehicle=True).exists() or not arms.filter(is_vehicle=False).exists():
        return f"{study} needs a vehicle arm (marked as such) and a drug arm."
    if not Allocation.objects.filter(
        Allocation.holding(), study=study, randomization__isnull=False, key__isnull=False
    ).exists():
        return f"No mouse of {study} was allocated to an arm by a randomization; record the randomization and its key."
    return ""


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read counts, and what each mouse is in the comparisons."""
    return _load(study, chosen_matrix(study, parameters))


@shared
def _load(study: Study, matrix: CountMatrix) -> Loaded:
    read = read_libraries(study, matrix, [GROUP, PHENOTYPE, RESPONSE, ARM, IS_RANDOMIZED, OUTCOME, POOL])
    frame = read.frame
    if frame[PHENOTYPE].notna().sum() == 0:
        raise ValueError(f"No sequenced mouse of {study} has a current phenotype call; run phenotype first.")
    libraries = pd.DataFrame(
        {
            **{name: frame[name] for name in ("library", "mouse", "region", "region_id")},
            "pool": frame[POOL], "arm": frame[ARM], "response": frame[RESPONSE], "outcome": frame[OUTCOME],
            "role": _roles(frame),
        }
    )  # fmt: skip
    unknown = libraries["outcome"].isna()
    notes = [f"Counts: {matrix}.", *read.notes]
    if unknown.any():
        mice = sorted(set(frame.loc[unknown, "mouse"]))
        notes.append(f"{int(unknown.sum())} libraries of {len(mice)} mice left out: the phenotype is not known.")
    libraries = libraries[~unknown]
    called = arm_labels(study)
    vehicles = set(TreatmentArm.objects.filter(study=study, is_vehicle=True).values_list("pk", flat=True))
    inputs = ArmComparisons(
        counts=counts_by_code(matrix, libraries["library"]),
        libraries=libraries,
        arms=tuple(label for arm, label in called.items() if arm not in vehicles),
        vehicles=tuple(label for arm, label in called.items() if arm in vehicles),
        matrix_id=matrix.pk,
        regions=dict(sorted(zip(libraries["region"], libraries["region_id"].tolist(), strict=True))),
    )
    for region in inputs.regions:
        refuse_repeated_mice(inputs.of_region(region), region)
    return Loaded(inputs, read.runs, tuple(notes))


def _roles(frame: pd.DataFrame) -> pd.Series:
    """Only mice that chance allocated are compared; vehicle given otherwise makes a bystander."""
    is_control = (frame[GROUP] == CONTROL_GROUP) & (frame[OUTCOME] == CONTROL)
    is_stressed = (frame[PHENOTYPE] == SUSCEPTIBLE) & frame[IS_RANDOMIZED].eq(True)
    role = pd.Series("bystander", index=frame.index, dtype=object)
    return role.mask(is_control, CONTROL).mask(is_stressed, STRESSED)
