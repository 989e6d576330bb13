"""The phenotype rule that an address asks about, read by the form that would store it."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from analysis.kernels.phenotype import PhenotypeRule as KernelRule
from analysis.links import storable
from analysis.models import AnalysisRun
from analysis.phenotype_comparison import rule_of, run_that_counts
from analysis.tasks import phenotype
from labdb.behavior.models import PhenotypeRule
from labdb.colony.models import Study
from labdb.registry.forms import complete, form_for, model_texts
from labdb.registry.record import record_for

RULE_FIELDS = tuple(field.name for field in dataclass_fields(KernelRule))
USUAL = phenotype.TASK.parameters["rule"].default


@dataclass(frozen=True)
class AskedRule:
    """A rule as an address says it: that of a name, or values as typed.

    Attributes
    ----------
    test_number : int
        Which SI test of each mouse.
    texts : dict of str to str
        Every field of the rule as typed; what was left out is empty.
    rule : KernelRule or None
        None where a value cannot be.
    errors : dict of str to list of str
        By field, in the words of the form.
    start : PhenotypeRule or None
        The stored rule that was started from: the one named, else the one that counts.
    run : AnalysisRun or None
        The run that counts for this test.
    counts : PhenotypeRule or None
        Its rule.
    """

    test_number: int
    texts: dict[str, str]
    rule: KernelRule | None
    errors: dict[str, list[str]]
    start: PhenotypeRule | None
    run: AnalysisRun | None
    counts: PhenotypeRule | None

    @cached_property
    def stored(self) -> PhenotypeRule | None:
        """The stored rule that says the same; the one that was started from first."""
        rules = [*([self.start] if self.start else []), *PhenotypeRule.objects.order_by("pk")]
        return next((one for one in rules if one.to_kernel() == self.rule), None)

    @property
    def query(self) -> str:
        """The address' parameters that say the same again."""
        named = {"rule": self.start.name} if self.start else {}
        filled = {name: text for name, text in self.texts.items() if text != ""}
        return urlencode({"test_number": self.test_number, **named, **filled})

    @property
    def adopted_cutoff(self) -> float | None:
        """The cutoff of the rule that counts; None where it follows from controls, or none counts."""
        return None if self.counts is None or self.counts.control_sd is not None else self.counts.cutoff


class AskedError(ValueError):
    """An address asks for what there is not; the text says what there is."""


def read_rule(study: Study, given: Mapping[str, str], user: Any) -> AskedRule:
    """Read the rule that an address or a form asks about.

    Raises
    ------
    AskedError
        No such test number or stored rule.
    """
    number = _test_number(study, given.get("test_number", ""))
    run = run_that_counts(study, number)
    counts = rule_of(run)
    start = _named(given.get("rule", "")) or counts or PhenotypeRule.objects.filter(name=USUAL).first()
    record = record_for(PhenotypeRule)
    if any(name in given for name in RULE_FIELDS):
        texts = {name: storable(given.get(name, "")).strip() for name in RULE_FIELDS}
    else:
        stored = model_texts(start or PhenotypeRule(), record)
        texts = {name: _text(stored[name]) for name in RULE_FIELDS}
    form = form_for(record)(complete({**texts, "name": "tried"}, record), user=user)
    errors = {name: [str(one) for one in said] for name, said in form.errors.items() if name in RULE_FIELDS}
    rule = None if errors else form.instance.to_kernel()
    return AskedRule(number, texts, rule, errors, start, run, counts)


def _test_number(study: Study, text: str) -> int:
    parameter = phenotype.TASK.parameters["test_number"]
    try:
        return int(parameter.read(study, text or parameter.default))
    except ValueError as error:
        raise AskedError(f"test_number: {error}") from error


def _named(text: str) -> PhenotypeRule | None:
    if not text:
        return None
    found = PhenotypeRule.objects.filter(name=storable(text)).first()
    if found is None:
        names = "; ".join(PhenotypeRule.objects.values_list("name", flat=True)) or "none yet"
        raise AskedError(f"There is no phenotype rule {text[:100]}; there are: {names}.")
    return found


def _text(value: Any) -> str:
    """Return a value of a stored rule as people write it: 1 and not 1.0."""
    return "" if value is None else f"{value:.6g}"
