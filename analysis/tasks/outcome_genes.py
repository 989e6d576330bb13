"""Genes of non-responders alone: non-responders and responders each beside vehicle of the same outcome."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels.named_gene_sets import MAX_Q
from analysis.kernels.response import NON_RESPONDER, RESPONDER
from analysis.kernels.reversal_messages import MIN_GROUP_SIZE
from analysis.tasks.arm_comparisons import ArmComparisons
from analysis.tasks.gene_comparisons import fit, gene_columns, question, region_design

VEHICLE = "vehicle"
OWN, OTHER = "non-responders", "responders"
RULE = (
    f"Adjusted p at most {MAX_Q:g} in non-responders less vehicle that did not respond either, and at most so in the "
    "difference between that and responders less vehicle that responded too, in the same direction. An association: "
    "mice are compared by an outcome that came after treatment."
)
TOO_FEW = "{counts} re-tested mice; genes of non-responders alone need at least {least} of each, and vehicle of the same outcome."


def non_responder_genes(comparisons: ArmComparisons, region: str, counts: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return, by arm, the fields of the set: genes, rule, numbers, or why there is none."""
    groups, sizes = _groups(comparisons, region)
    found = {arm: {"refusal": _too_few(arm, sizes)} for arm in comparisons.arms}
    wanted = [arm for arm in comparisons.arms if _enough(sizes, arm, NON_RESPONDER)]
    questions = [question(f"{arm} {OWN}", *_names(arm, NON_RESPONDER)) for arm in wanted]
    with_both = [arm for arm in wanted if _enough(sizes, arm, RESPONDER)]
    questions += [question(f"{arm} {OTHER}", *_names(arm, RESPONDER)) for arm in with_both]
    if not questions:
        return found
    design = region_design(comparisons, region, groups, questions)
    contrasts = design.contrasts
    for arm in with_both:
        if {f"{arm} {OWN}", f"{arm} {OTHER}"} <= set(contrasts):
            contrasts[f"{arm} between"] = contrasts[f"{arm} {OWN}"] - contrasts[f"{arm} {OTHER}"]
    if contrasts.empty:
        return {arm: {"refusal": " ".join(design.refusals)} if arm in wanted else found[arm] for arm in found}
    tables = fit(counts, design)
    for arm in wanted:
        found[arm] = _set_of(arm, tables, sizes, " ".join(design.refusals))
    return found


def _set_of(arm: str, tables: dict[str, pd.DataFrame], sizes: pd.Series, refusals: str) -> dict[str, Any]:
    own, other, between = (tables.get(f"{arm} {what}") for what in (OWN, OTHER, "between"))
    if own is None:
        return {"refusal": refusals}
    changed = own.index[own["adj_p_value"] <= MAX_Q]
    counts = {"n_changed": len(changed)}
    if other is None or between is None:
        return {"counts": counts, "n_tested": len(own), "refusal": refusals or _too_few(arm, sizes)}
    opposite = np.sign(own.loc[changed, "log2_fold_change"]) == -np.sign(other.loc[changed, "log2_fold_change"])
    is_alone = between.loc[changed, "adj_p_value"] <= MAX_Q
    is_alone &= np.sign(between.loc[changed, "log2_fold_change"]) == np.sign(own.loc[changed, "log2_fold_change"])
    alone = own.loc[changed[is_alone.to_numpy()]].sort_values("p_value", kind="stable").index
    genes = gene_columns(own, other, between, alone)
    counts["n_opposing"] = int(opposite.sum())
    return {"genes": genes, "rule": RULE, "n_tested": len(own), "counts": counts}


def _groups(comparisons: ArmComparisons, region: str) -> tuple[pd.Series, pd.Series]:
    """Return the groups, randomized mice by arm and response, and their sizes."""
    groups = comparisons.outcomes(region)
    responses = comparisons.responses(region)
    for arm in (VEHICLE, *comparisons.arms):
        mice = comparisons.is_of(region, "" if arm == VEHICLE else arm)
        for response, is_responder in ((RESPONDER, True), (NON_RESPONDER, False)):
            groups = groups.mask(mice & responses.eq(is_responder), _name(arm, response))
    return groups, groups.value_counts()


def _name(arm: str, response: str) -> str:
    return f"{arm}: {response}"


def _names(arm: str, response: str) -> tuple[str, str]:
    return _name(arm, response), _name(VEHICLE, response)


def _enough(sizes: pd.Series, arm: str, response: str) -> bool:
    return all(sizes.get(name, 0) >= MIN_GROUP_SIZE for name in _names(arm, response))


def _too_few(arm: str, sizes: pd.Series) -> str:
    spoken = ((arm, NON_RESPONDER), (arm, RESPONDER), (VEHICLE, NON_RESPONDER), (VEHICLE, RESPONDER))
    words = {NON_RESPONDER: "did not respond", RESPONDER: "responded"}
    counts = ", ".join(f"{sizes.get(_name(one, said), 0)} with {one} that {words[said]}" for one, said in spoken)
    return TOO_FEW.format(counts=counts, least=MIN_GROUP_SIZE)
