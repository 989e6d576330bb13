"""What is used of a tube, held against what it has: a sample that is used up, an extraction that is spent."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from labdb.registry.findings import Finding, Grade, stored_beside

SPARE = 1.001  # rounding of pipetted volumes is no lack


def used_up_samples(rows: Sequence[Any], inputs: type[Any]) -> Iterator[Finding]:
    """Warn of an extraction from a sample that another extraction has used up."""
    samples_of = [row.named_by("samples") for row in rows]
    spent = _spent({sample.pk for samples in samples_of for sample in samples}, inputs.objects.all())
    for number, (row, samples) in enumerate(zip(rows, samples_of, strict=True)):
        for sample in samples:
            others = [code for pk, code in spent.get(sample.pk, []) if pk != row.pk]
            if others:
                yield Finding(number, "samples", _spent_sentence(sample, others[0]), Grade.WARNING)


def used_up_inputs(rows: Sequence[Any], model: type[Any]) -> Iterator[Finding]:
    """Warn of an input whose sample another extraction has used up."""
    spent = _spent({row.sample_id for row in rows}, stored_beside(model, rows))
    for row in rows:
        if row.is_used_up:
            spent[row.sample_id].append((row.extraction_id, row.extraction.code))
    for number, row in enumerate(rows):
        others = [code for pk, code in spent.get(row.sample_id, []) if pk != row.extraction_id]
        if others:
            yield Finding(number, "sample", _spent_sentence(row.sample, others[0]), Grade.WARNING)


def _spent(samples: set[int], inputs: Any) -> dict[int, list[tuple[int, str]]]:
    """Return the extractions (key and code) that used up each sample."""
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    used = inputs.filter(sample__in=samples, is_used_up=True)
    for sample, pk, code in used.values_list("sample", "extraction", "extraction__code"):
        found[sample].append((pk, code))
    return found


def _spent_sentence(sample: Any, extraction: str) -> str:
    return f"{sample} was used up for {extraction}; correct the sample, or say there that some was left."


def spent_extractions(rows: Sequence[Any], model: type[Any]) -> Iterator[Finding]:
    """Warn of a library that takes more of an extraction than there is, by volume or by mass."""
    named = {row.extraction_id for row in rows}
    used: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    stored = stored_beside(model, rows).filter(extraction__in=named)
    for pk, volume, mass in stored.values_list("extraction", "volume_used_ul", "input_ng"):
        used[pk][0] += volume or 0
        used[pk][1] += mass or 0
    for number, row in enumerate(rows):
        extraction, so_far = row.extraction, used[row.extraction_id]
        before = list(so_far)
        so_far[0] += row.volume_used_ul or 0
        so_far[1] += row.input_ng or 0
        has_ul, conc = extraction.volume_ul, extraction.rna_conc_ng_per_ul
        has_ng = has_ul * conc if has_ul is not None and conc is not None else None
        if row.volume_used_ul and has_ul is not None and so_far[0] > has_ul * SPARE:
            left = max(0.0, has_ul - before[0])
            sentence = f"{row.volume_used_ul:g} ul are more than the {left:g} ul that are left of {extraction} (of {has_ul:g} ul); correct one of the volumes."
            yield Finding(number, "volume_used_ul", sentence, Grade.WARNING)
        elif row.input_ng and has_ng is not None and so_far[1] > has_ng * SPARE:
            left = max(0.0, has_ng - before[1])
            sentence = f"{row.input_ng:g} ng are more than the {left:.4g} ng that are left of {extraction} ({has_ul:g} ul at {conc:g} ng/ul); correct one of the amounts."
            yield Finding(number, "input_ng", sentence, Grade.WARNING)
