"""What the page of pools asks for: which libraries, how many pools, what is kept even, which lanes."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms

from labdb.registry.plan_records import LARGEST_SEED
from labdb.sequencing.models import SequencingRun
from labdb.sequencing.pool_plan import MOST_POOLS
from labdb.sequencing.pooling import Lanes

MOST_LANES = 16  # of a flowcell [K]
CODE = re.compile(r"[A-Za-z0-9._-]*")
OWN_LANES, ALL_LANES = "own", "all"


class PoolsForm(forms.Form):
    """How libraries are dealt into pools and lanes."""

    regions = forms.MultipleChoiceField(required=False)
    pooled_too = forms.BooleanField(required=False)
    n_pools = forms.IntegerField(label="number of pools", min_value=1, max_value=MOST_POOLS, required=False)
    per_pool = forms.IntegerField(label="libraries per pool", min_value=1, max_value=10_000, required=False)
    names = forms.CharField(label="names of pools", max_length=20, initial="P", required=False)
    first = forms.ChoiceField(label="most important")
    factors = forms.MultipleChoiceField(required=False)
    run = forms.ChoiceField(required=False)
    lanes = forms.CharField(required=False, max_length=60)
    spread = forms.ChoiceField(
        choices=[(OWN_LANES, "each pool on lanes of its own"), (ALL_LANES, "every pool on every lane")],
        initial=OWN_LANES, required=False,
    )  # fmt: skip
    reads_million = forms.FloatField(
        label="reads per library (million)", min_value=0.001, max_value=100_000, required=False
    )
    seed = forms.IntegerField(min_value=0, max_value=LARGEST_SEED, required=False)
    reason = forms.CharField(max_length=500, required=False, strip=True)

    def __init__(self, factors: Sequence[str], regions: Sequence[str], user: Any, data: Any = None) -> None:
        super().__init__(data)
        runs = SequencingRun.objects.all().visible_to(user).order_by("-run_date", "code").values_list("code", flat=True)
        own: Any = self.fields
        own["regions"].choices = [(one, one) for one in regions]
        own["first"].choices = own["factors"].choices = [(one, one) for one in factors]
        own["first"].initial = factors[0]
        alike = [one for one in factors[1:] if one.partition(" ")[2] == factors[0].partition(" ")[2] != ""]
        own["factors"].initial = [*alike, *(one for one in ("sex", "cohort", "extraction batch") if one in factors)]
        own["run"].choices = [("", "none yet"), *((one, one) for one in runs)]

    def clean_names(self) -> str:
        """Refuse what no code of a pool may hold."""
        names: str = self.cleaned_data["names"] or "P"
        if not CODE.fullmatch(names):
            raise forms.ValidationError(f"{names} cannot begin a pool's name; use letters, digits, - . _, such as P.")
        return names

    def clean_lanes(self) -> tuple[str, ...]:
        """Return the lanes, each once."""
        parts = [part for part in re.split(r"[;,\s]+", self.cleaned_data["lanes"]) if part]
        for part in parts:
            if not (part.isascii() and part.isdecimal() and len(part) < 3 and 1 <= int(part) <= MOST_LANES):
                raise forms.ValidationError(f"{part} is no lane; enter numbers from 1 to {MOST_LANES}, such as 1; 2.")
        return tuple(dict.fromkeys(str(int(part)) for part in parts))

    def clean(self) -> dict[str, Any]:
        """Want one way to say how many pools, and a run where lanes are named."""
        said = super().clean() or self.cleaned_data
        is_said_once = (said.get("n_pools") is None) != (said.get("per_pool") is None)
        if not is_said_once and not {"n_pools", "per_pool"} & set(self.errors):
            self.add_error("n_pools", "Enter the number of pools or the libraries per pool, one of the two.")
        if said.get("lanes") and not said.get("run"):
            self.add_error("run", "Lanes are of a run; choose the run, or empty the lanes.")
        return said

    @property
    def sentences(self) -> list[str]:
        """What is wrong, each with the name of its field."""
        return [
            f"{self.fields[name].label or name.replace('_', ' ')}: {said}"
            for name, some in self.errors.items()
            for said in some
        ]

    def pool_count(self, n_libraries: int) -> int:
        """Return the number of pools; the form is valid."""
        said = self.cleaned_data
        return int(said["n_pools"] or max(1, -(-n_libraries // said["per_pool"])))

    def kept_even(self) -> tuple[str, ...]:
        """Return the factors, the most important first."""
        said = self.cleaned_data
        return (said["first"], *(one for one in said["factors"] if one != said["first"]))

    def where(self) -> Lanes:
        """Return run and lanes."""
        said = self.cleaned_data
        return Lanes(said["run"], said["lanes"], said["spread"] == ALL_LANES, said["reads_million"])
