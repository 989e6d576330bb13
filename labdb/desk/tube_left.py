"""What is left in a tube, as far as anybody wrote down what was in it and what was taken out."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from labdb.registry.rules import plain_number
from labdb.sequencing.models import ExtractionSample
from labdb.tissue.models import ENDS, TissueSample, TubeEvent


@dataclass
class Left:
    """What is left in one tube.

    Attributes
    ----------
    used_up : str
        What ended it, such as ``used up in E003``; empty while nothing did.
    """

    sample: TissueSample
    taken_mg: list[float] = field(default_factory=list)
    punches_taken: int = 0
    unmeasured: list[str] = field(default_factory=list)  # extractions of which nobody wrote how much went in
    used_up: str = ""

    @property
    def words(self) -> str:
        """Return it as a sentence's part: ``2.5 of 4 mg left``; empty where nothing was written down."""
        if self.used_up:
            return self.used_up
        amounts = (
            (self.sample.tissue_mg, sum(self.taken_mg), "mg"),
            (self.sample.punch_count, self.punches_taken, "punches"),
        )
        said = [words for first, taken, unit in amounts if (words := _of(first, round(taken, 3), unit))]
        if self.unmeasured:
            said.append(f"some went into {', '.join(self.unmeasured)}, not recorded how much")
        elif said and not self.is_touched:
            said.append("nothing taken yet")
        return "; ".join(said)

    @property
    def is_touched(self) -> bool:
        """Whether something was taken out."""
        return bool(self.taken_mg or self.punches_taken or self.unmeasured)


def _of(first: float | None, taken: float, unit: str) -> str:
    if first is None:
        return f"{plain_number(float(taken))} {unit} taken of an unknown amount" if taken else ""
    if taken > first:
        return f"{plain_number(float(taken))} {unit} taken of {plain_number(float(first))}: check the amounts"
    left = plain_number(round(float(first - taken), 3))
    return f"{left} of {plain_number(float(first))} {unit} left" if taken else f"{left} {unit} at first"


def left_of(samples: Sequence[TissueSample], user: Any) -> dict[int, Left]:
    """Return what is left in each tube, by primary key, by two queries for all of them."""
    left = {sample.pk: Left(sample) for sample in samples}
    events = TubeEvent.objects.visible_to(user).filter(sample__in=left).order_by("pk")
    ended: dict[int, str] = defaultdict(str)
    for event in events.only("sample_id", "kind", "amount_used_mg", "punches_used"):
        one = left[event.sample_id]
        one.taken_mg += [event.amount_used_mg] if event.amount_used_mg else []
        one.punches_taken += event.punches_used or 0
        if event.kind in ENDS:
            ended[event.sample_id] = str(event.get_kind_display())
        elif event.kind == "placed":
            ended[event.sample_id] = ""  # it came back
    inputs = ExtractionSample.objects.visible_to(user).filter(sample__in=left).select_related("extraction")
    for used in inputs.order_by("pk"):
        one = left[used.sample_id]
        if used.amount_used_mg:
            one.taken_mg.append(used.amount_used_mg)
        else:
            one.unmeasured.append(used.extraction.code)
        if used.is_used_up:
            ended[used.sample_id] = f"used up in {used.extraction.code}"
    for pk, words in ended.items():
        left[pk].used_up = words
    return left
