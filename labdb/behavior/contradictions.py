"""What SI tests say against each other and against the defeats before them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from labdb.colony.models import overlapping
from labdb.colony.models.dates import spell
from labdb.defeat.models import DefeatBout
from labdb.registry.findings import Finding, Grade

LONGEST = timedelta(hours=26)  # two trials of an hour and a gap of a day: the rules of a test allow no more


def two_that_count(rows: Sequence[Any], others: Any) -> Iterator[Finding]:
    """Refuse a second scoring of a test that counts."""
    stored = others.filter(mouse__in={row.mouse_id for row in rows}, counts=True)
    counting: dict[tuple[int, int], int] = {}
    for mouse, test, scoring in stored.values_list("mouse_id", "test_number", "scoring_number"):
        counting[mouse, test] = scoring
    for number, row in enumerate(rows):
        if not row.counts:
            continue
        test = row.mouse_id, row.test_number
        if test in counting:
            yield Finding(
                number,
                "counts",
                f"Scoring {counting[test]} of SI test {row.test_number} of {row.mouse} counts already; enter no for one of the two.",
            )
        else:
            counting[test] = row.scoring_number


def one_arena(rows: Sequence[Any], others: Any) -> Iterator[Finding]:
    """Refuse a test while another mouse is in the same arena, in whatever study."""
    starts = [row.test_at for row in rows if row.test_at]
    if not starts:
        return
    near = others.filter(arena__in={row.arena_id for row in rows if row.arena_id})
    near = near.filter(test_at__gt=min(starts) - LONGEST, test_at__lt=max(starts) + LONGEST)
    for number, other in overlapping(rows, near, place=lambda row: row.arena_id, span=lambda row: row.span):
        row = rows[number]
        if other.mouse_id == row.mouse_id:
            continue
        whom = str(other.mouse) if other.study_id == row.study_id else "a mouse of another study"
        start, end = other.span
        yield Finding(
            number,
            "test_at",
            f"Arena {row.arena} held {whom} from {spell(start)} to {spell(end)}; correct the time or the arena.",
        )


def known_target(rows: Sequence[Any]) -> Iterator[Finding]:
    """Warn of a target that the mouse met in a bout."""
    pairs = {(row.mouse_id, row.target_id) for row in rows if row.target_id}
    met: dict[tuple[int, int], list[str]] = defaultdict(list)
    bouts = DefeatBout.objects.filter(
        mouse__in={mouse for mouse, _target in pairs}, aggressor__in={target for _mouse, target in pairs}
    )
    for mouse, aggressor, day in bouts.order_by("day").values_list("mouse_id", "aggressor_id", "day"):
        met[mouse, aggressor].append(str(day))
    for number, row in enumerate(rows):
        if days := met.get((row.mouse_id, row.target_id)):
            yield Finding(
                number,
                "target",
                f"{row.mouse} met {row.target} in the bout of day {', '.join(days)}; a target should be unfamiliar.",
                Grade.WARNING,
            )
