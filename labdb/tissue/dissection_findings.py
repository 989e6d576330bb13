"""What a dissection says against the life of its mouse: nothing is done with a mouse after its death."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Max

from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models.dates import spell
from labdb.registry.findings import Finding
from labdb.treatment.models import Dose


def events_after_death(rows: Sequence[Any]) -> Iterator[Finding]:
    """Refuse a dissection before the last SI test or dose of its mouse; the day alone is held against its death."""
    timed = [(number, row) for number, row in enumerate(rows) if row.performed_at is not None and row.mouse_id]
    if not timed:
        return
    mice = {row.mouse_id for _number, row in timed}
    for what, model, at in (("an SI test", SocialInteractionTest, "test_at"), ("a dose", Dose, "given_at")):
        found = model.objects.filter(mouse__in=mice).order_by().values_list("mouse").annotate(last=Max(at))
        last = dict(found)
        for number, row in timed:
            if (then := last.get(row.mouse_id)) is not None and then > row.performed_at:
                sentence = f"{spell(row.performed_at)} is before {row.mouse} had {what} ({spell(then)}); correct one of the two times."
                yield Finding(number, "performed_at", sentence)
