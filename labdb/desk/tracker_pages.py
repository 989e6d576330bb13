"""What the pages that take trackers' files have in common: how a request is answered, and what the page shows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from labdb.behavior.trackers import deeplabcut
from labdb.behavior.trackers.detect import FORMATS
from labdb.behavior.tracking.subjects import OTHER_SPELLING
from labdb.colony.models import Mouse
from labdb.desk.tracker_drop import TrackerDrop
from labdb.registry.dates import DAY_FIRST, MONTH_FIRST
from labdb.registry.uploads import forget

MOST_OFFERED_MICE = 2_000  # in the list that completes what is typed


def take(request: HttpRequest, drop: TrackerDrop) -> bool:
    """Check what was sent, and store it where that is asked for; return whether it is stored."""
    if request.method != "POST":
        return False
    if not drop.files and not drop.problems:
        drop.problems.append("Nothing was sent; choose the files of a tracker.")
    drop.check(store=request.POST.get("step") == "save")
    if drop.outcome.is_stored:
        for file in drop.files:
            forget(file.kept)
    return drop.outcome.is_stored


def undo_sentence(drop: TrackerDrop) -> str:
    """Say how what was stored can be taken back."""
    return f" Import {drop.outcome.log.pk} in Records > Imports can be undone." if drop.outcome.log else ""


def shared_words(drop: TrackerDrop) -> dict[str, Any]:
    """Return what every page of tracker files shows."""
    mice = Mouse.objects.filter(study=drop.study).order_by("code").values_list("code", flat=True)
    return {
        "study": drop.study,
        "drop": drop,
        "asked": drop.asked,
        "tokens": [(file.kept.token({}), file) for file in drop.files],
        "mouse_codes": list(mice[:MOST_OFFERED_MICE]) if drop.rows else [],
        "formats": FORMATS,
        "date_orders": ((DAY_FIRST, "day first: 3 April"), (MONTH_FIRST, "month first: 4 March")),
        "other_spelling": OTHER_SPELLING,
        "missing_limit": settings.TRACK_MISSING_LIMIT_PERCENT,
        "notes": [(file.kept.name, note) for file in drop.files if file.found for note in file.found.notes],
        "asks_frame_rate": "frame_rate_hz" in drop.lacks or any(row.format == deeplabcut.FORMAT for row in drop.rows),
        "may_store": bool(drop.wanted) and not drop.n_errors,
        "needs_reason": drop.has_warnings or bool(drop.asked.reason),
    }
