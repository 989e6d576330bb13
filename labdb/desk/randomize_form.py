"""What the page of randomization asks for: arms with their shares, a method, who is eligible; as a design and a rule."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms

from analysis.kernels.phenotype import CONTROL, RESILIENT, SUSCEPTIBLE, UNCLASSIFIED
from labdb.colony.models import Cohort, Study
from labdb.registry.natural_order import natural
from labdb.registry.plan_records import LARGEST_SEED
from labdb.treatment.eligibility import FACTORS, Wanted
from labdb.treatment.models import AllocationKey, TreatmentArm
from labdb.treatment.randomization import BLOCKS, MEASURES, METHODS, MINIMIZATION, STRATIFIED, Design

SHARE = "share-"  # one input per arm: how many mice of a round
LARGEST_SHARE, LARGEST_BLOCK, LARGEST_WEIGHT = 20, 200, 100
PHENOTYPES = (SUSCEPTIBLE, RESILIENT, CONTROL, UNCLASSIFIED)
METHOD_WORDS = {
    "simple": "each mouse by itself; group sizes differ by chance",
    "permuted blocks": "group sizes stay equal",
    "stratified": "permuted blocks in each stratum",
    "minimization": "each mouse where it leaves factors most even, with a part of chance",
}


class WholeNumbers(forms.CharField):
    """Whole numbers in one field, such as 3; 6."""

    def __init__(self, largest: int, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=100, **kwargs)
        self.largest = largest

    def clean(self, value: Any) -> tuple[int, ...]:
        """Return the numbers."""
        parts = [part for part in re.split(r"[;,\s]+", super().clean(value)) if part]
        for part in parts:
            if not (part.isascii() and part.isdecimal() and len(part) < 6 and 1 <= int(part) <= self.largest):
                raise forms.ValidationError(f"{part} is no whole number from 1 to {self.largest}; enter such as 3; 6.")
        return tuple(int(part) for part in parts)


class WhoForm(forms.Form):
    """Which mice are eligible."""

    phenotypes = forms.MultipleChoiceField(
        choices=[(one, one) for one in PHENOTYPES], initial=[SUSCEPTIBLE], required=False
    )
    cohorts = forms.MultipleChoiceField(required=False)

    def __init__(self, study: Study, user: Any, data: Any = None) -> None:
        super().__init__(data)
        codes = Cohort.objects.filter(study=study).visible_to(user).values_list("code", flat=True)
        self.fields["cohorts"].choices = [(code, code) for code in sorted(codes, key=natural)]  # type: ignore[attr-defined]

    @property
    def sentences(self) -> list[str]:
        """What is wrong, each with the name of its field."""
        return [
            f"{self.fields[name].label or name.replace('_', ' ')}: {said}"
            for name, some in self.errors.items()
            for said in some
        ]

    def wanted(self, factors: tuple[str, ...]) -> Wanted:
        """Return the rule of who is eligible; the form is valid."""
        said = self.cleaned_data
        return Wanted(tuple(said["phenotypes"]), tuple(said["cohorts"]), factors)


class ListForm(WhoForm):
    """How a new list is drawn, and from which mice."""

    method = forms.ChoiceField(choices=[(one, one) for one in METHODS], initial=STRATIFIED)
    factors = forms.MultipleChoiceField(choices=[(one, one) for one in FACTORS], initial=["cohort"], required=False)
    block_sizes = WholeNumbers(LARGEST_BLOCK)
    best_arm_probability = forms.FloatField(initial=0.8, required=False)
    measure = forms.ChoiceField(choices=[(one, one) for one in MEASURES], initial="range", required=False)
    weights = WholeNumbers(LARGEST_WEIGHT)
    seed = forms.IntegerField(min_value=0, max_value=LARGEST_SEED, required=False)
    reason = forms.CharField(max_length=200, required=False, strip=True)

    def __init__(self, study: Study, user: Any, data: Any = None) -> None:
        super().__init__(study, user, data)
        self.arms = arms_in_order(study, user)
        unrandomized = AllocationKey.objects.filter(study=study, allocation__randomization=None).visible_to(user)
        apart = set(unrandomized.values_list("arm", flat=True))
        for arm in self.arms:
            self.fields[f"{SHARE}{arm.pk}"] = forms.IntegerField(
                label=arm.name, min_value=0, max_value=LARGEST_SHARE, required=False,
                initial=None if arm.pk in apart else 1,
            )  # fmt: skip

    @property
    def shares(self) -> list[Any]:
        """The inputs of the arms, as bound fields."""
        return [self[f"{SHARE}{arm.pk}"] for arm in self.arms]

    def design(self) -> Design:
        """Return the design; what is not of its method is left out. The form is valid."""
        said: Mapping[str, Any] = self.cleaned_data
        shares = {arm.name: said[f"{SHARE}{arm.pk}"] for arm in self.arms if said[f"{SHARE}{arm.pk}"]}
        method, n_per_round = said["method"], sum(shares.values())
        more: dict[str, Any] = {}
        if method in (STRATIFIED, MINIMIZATION):
            more["factors"] = tuple(said["factors"])
        if method in (BLOCKS, STRATIFIED) and n_per_round:
            more["block_sizes"] = said["block_sizes"] or (n_per_round, 2 * n_per_round)
        if method == MINIMIZATION:
            more |= {"weights": said["weights"], "measure": said["measure"] or MEASURES[0]}
            if said["best_arm_probability"] is not None:
                more["best_arm_probability"] = said["best_arm_probability"]
        return Design(method, tuple(shares), tuple(shares.values()), **more)


def arms_in_order(study: Study, user: Any) -> list[TreatmentArm]:
    """Return the arms of a study that the account may see, vehicle first, then in natural order."""
    arms = TreatmentArm.objects.filter(study=study).visible_to(user).select_related("study")
    return sorted(arms, key=lambda arm: (not arm.is_vehicle, natural(arm.name)))
