"""What the reversal analysis says when it cannot answer, or answers with a reservation."""

from analysis.kernels.reversal_design import MergedDesign, count_relabelings
from analysis.kernels.reversal_inputs import RegionSamples
from analysis.kernels.reversal_weights import within_group_space

MIN_GROUP_SIZE = 3
MIN_RELABELINGS = 20  # the smallest possible p is then .05
MIN_RESIDUAL_DF = 3  # the expected noise of a moderated variance needs more than 2
MIN_LABEL_SPREAD = 1e-8

REFUSED_TOO_FEW = "REFUSED_TOO_FEW"
REFUSED_POOL_CONTROL = "REFUSED_POOL_CONTROL"
REFUSED_POOL_TREATMENT = "REFUSED_POOL_TREATMENT"
REFUSED_TOO_MANY_POOLS = "REFUSED_TOO_MANY_POOLS"
REFUSED_CHOSEN_BY_OUTCOME = "REFUSED_CHOSEN_BY_OUTCOME"
REFUSED_SALINE_NOT_RETESTED = "REFUSED_SALINE_NOT_RETESTED"
REFUSED_NOT_RETESTED = "REFUSED_NOT_RETESTED"
TOO_FEW_RELABELINGS = "TOO_FEW_RELABELINGS"
NO_BYSTANDERS = "NO_BYSTANDERS"
UNEQUAL_SPREAD = "UNEQUAL_SPREAD"
NO_STRESS_SIGNATURE = "NO_STRESS_SIGNATURE"
AXIS_TOO_FEW_RELABELINGS = "AXIS_TOO_FEW_RELABELINGS"

MESSAGES = {
    REFUSED_TOO_FEW: "Needs at least 3 control, 3 susceptible and 3 treated mice.",
    REFUSED_POOL_CONTROL: (
        "Controls were sequenced in runs of their own; the stress signature cannot be separated from the run."
    ),
    REFUSED_POOL_TREATMENT: (
        "Treated and susceptible mice never share a sequencing run; run and drug cannot be separated."
    ),
    REFUSED_TOO_MANY_POOLS: (
        "There are so many sequencing runs for so few mice that nothing shows how much mice of a group vary."
    ),
    REFUSED_CHOSEN_BY_OUTCOME: (
        "Mice were chosen for sequencing by their re-test; how many saline mice would have been chosen is not known. "
        "Compare the whole randomized arm with all saline mice."
    ),
    REFUSED_SALINE_NOT_RETESTED: (
        "Saline mice were not re-tested; how many of them would have counted as responders is not known. "
        "Compare the whole randomized arm with all saline mice."
    ),
    REFUSED_NOT_RETESTED: "A mouse of the drug arm has no response; re-test or exclude it.",
    TOO_FEW_RELABELINGS: (
        "Only {n_relabelings} within-run relabelings exist; the smallest possible p would be "
        "1/{n_relabelings}. No p-value is given."
    ),
    NO_BYSTANDERS: (
        "There are too few mice of other groups to learn how genes vary together; "
        "the test has less power and the scores are less certain."
    ),
    UNEQUAL_SPREAD: (
        "Susceptible and treated mice differ in spread; p may be too small "
        "(measured 7-10 % at nominal 5 % for a two-fold difference)."
    ),
    NO_STRESS_SIGNATURE: (
        "Control and susceptible mice do not differ measurably; there is no stress signature to undo."
    ),
    AXIS_TOO_FEW_RELABELINGS: (
        "Too few within-run relabelings of control and susceptible mice exist to show a stress signature; "
        "no fraction undone and no scores are given."
    ),
}


def message_sentence(code: str, n_relabelings: int | None = None) -> str:
    """Sentence of a message code; `n_relabelings` is the number available."""
    return MESSAGES[code].format(n_relabelings=n_relabelings)


def refuse_groups(samples: RegionSamples) -> str | None:
    """Code of the refusal when a group is too small."""
    return REFUSED_TOO_FEW if min(samples.group_sizes) < MIN_GROUP_SIZE else None


def refuse_design(samples: RegionSamples, drug: MergedDesign) -> str | None:
    """Code of the refusal when sequencing runs make a contrast inestimable.

    Parameters
    ----------
    drug : MergedDesign
        With susceptible and treated mice merged.
    """
    if drug.merged_contrast is None:
        return REFUSED_POOL_CONTROL
    if drug.label_spread() < MIN_LABEL_SPREAD or count_relabelings(drug) < 2:
        return REFUSED_POOL_TREATMENT
    everyone = samples.is_compared | samples.is_bystander
    if within_group_space(samples, everyone).df < MIN_RESIDUAL_DF:
        return REFUSED_TOO_MANY_POOLS
    return None
