"""What extractions and libraries say against what went into them and against each other."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.utils import timezone

from labdb.registry.findings import Finding, Grade, stored_beside
from labdb.tissue.models import TissueSample

POOLED = "correct the sample, or say that it is pooled."


def extractions(rows: Sequence[Any]) -> Iterator[Finding]:
    """Refuse RNA that is older than its tissue; warn where its samples are of more than one mouse."""
    samples_of = [row.named_by("samples") for row in rows]
    named = {sample.pk for samples in samples_of for sample in samples}
    mice = _mice_of(named)
    dissected = dict(
        TissueSample.objects.filter(pk__in=named, dissection__performed_at__isnull=False).values_list(
            "pk", "dissection__performed_at"
        )
    )
    for number, (row, samples) in enumerate(zip(rows, samples_of, strict=True)):
        several = sorted({mice[sample.pk] for sample in samples})
        if len(several) > 1:
            sentence = f"These samples are of {len(several)} mice ({', '.join(several)}); {POOLED}"
            yield Finding(number, "samples", sentence, Grade.WARNING)
        for sample in samples:
            day = timezone.localdate(dissected[sample.pk]) if sample.pk in dissected else None
            if row.extraction_date and day and row.extraction_date < day:
                sentence = f"{row.extraction_date} is before the dissection of {sample} ({day}); correct the date or the sample."
                yield Finding(number, "extraction_date", sentence)


def extraction_inputs(rows: Sequence[Any], model: type[Any]) -> Iterator[Finding]:
    """Warn where an extraction gets tissue of a second mouse."""
    mice = _mice_of(row.sample_id for row in rows)
    stored = stored_beside(model, rows).filter(extraction__in={row.extraction_id for row in rows})
    before: dict[int, str] = dict(stored.order_by("-pk").values_list("extraction", "sample__mouse__code"))
    for number, row in enumerate(rows):
        mouse = mice[row.sample_id]
        first = before.setdefault(row.extraction_id, mouse)
        if mouse != first:
            sentence = f"{row.sample} is of {mouse}, {row.extraction} has tissue of {first} already; {POOLED}"
            yield Finding(number, "sample", sentence, Grade.WARNING)


def _mice_of(samples: Any) -> dict[int, str]:
    return dict(TissueSample.objects.filter(pk__in=set(samples)).values_list("pk", "mouse__code"))


def equal_indexes(rows: Sequence[Any], model: type[Any]) -> Iterator[Finding]:
    """Refuse two libraries of one pool that no read could be told apart by."""
    indexed = [(number, row) for number, row in enumerate(rows) if row.pool and (row.index_i7 or row.index_i5)]
    if not indexed:
        return
    stored = stored_beside(model, rows).filter(
        study__in={row.study_id for _number, row in indexed}, pool__in={row.pool for _number, row in indexed}
    )
    has: dict[tuple[Any, ...], str] = {}
    for study, pool, i7, i5, code in stored.values_list("study", "pool", "index_i7", "index_i5", "code"):
        has[study, pool, i7.upper(), i5.upper()] = code
    for number, row in indexed:
        place = row.study_id, row.pool, row.index_i7.upper(), row.index_i5.upper()
        if place in has:
            index = " + ".join(filter(None, [row.index_i7, row.index_i5]))
            field = "index_i7" if row.index_i7 else "index_i5"
            sentence = f"{has[place]} has the index {index} in pool {row.pool} already; give this library another index or pool."
            yield Finding(number, field, sentence)
        has.setdefault(place, row.code)
