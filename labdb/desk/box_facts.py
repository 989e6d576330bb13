"""A box as one account sees it: what is in each position, and what may be done with it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.urls import reverse

from labdb.colony.models import Study
from labdb.desk.tube_left import left_of
from labdb.registry.cells import detail_url
from labdb.registry.permissions import may
from labdb.tissue.models import BrainRegion, StorageBox, TissueSample, TubeEvent

REGION_COLORS = 8  # of box.css


def box_state(box: StorageBox, user: Any) -> dict[str, Any]:
    """Return what a page's script knows of a box; tubes of studies that the account does not see have no name."""
    inside = TissueSample.objects.filter(box=box)
    seen = list(inside.visible_to(user).select_related("study", "mouse", "region", "box"))
    names = {tube.pk for tube in seen}
    others = [position for pk, position in inside.values_list("pk", "position") if pk not in names]
    return {
        "code": box.code,
        "rows": box.n_rows,
        "columns": box.n_columns,
        "where": where_words(box),
        "url": reverse("box-page", args=[box.code]),
        "tubes": tubes_for_script(seen, user),
        "hidden": sorted(position for position in others if position),
        "n_hidden": len(others),
        "digest": _digest(seen),
    }


def tubes_for_script(tubes: Sequence[TissueSample], user: Any) -> list[dict[str, Any]]:
    """Return what a script knows of each tube, by a handful of queries for all of them."""
    marks, left = TissueSample.marks(tubes), left_of(tubes, user)
    colors = {pk: number % REGION_COLORS for number, pk in enumerate(BrainRegion.objects.values_list("pk", flat=True))}
    studies = {tube.study_id: tube.study for tube in tubes}
    writable = {pk for pk, study in studies.items() if may(user, "add", TubeEvent, study)}
    twins = _codes_of_several_studies(tubes, user)
    return [
        {
            "id": tube.pk,
            "code": tube.code,
            "study": tube.study.code,
            "label": f"{tube.study.code}-{tube.code}",
            "mouse": tube.mouse.code,
            "mouse_url": reverse("mouse-page", args=[tube.study.code, tube.mouse.code]),
            "region": tube.region.code,
            "color": colors[tube.region_id],
            "box": tube.box.code if tube.box else "",
            "position": tube.position,
            "thaws": tube.thaws,
            "left": left[tube.pk].words,
            "is_used_up": bool(left[tube.pk].used_up),
            "excluded": marks.get(tube.pk, ""),
            "may_move": tube.study_id in writable,
            "is_twin": tube.code.upper() in twins,
            "url": detail_url(tube),
        }
        for tube in tubes
    ]


def _codes_of_several_studies(tubes: Iterable[TissueSample], user: Any) -> set[str]:
    """Return the codes that tubes of two studies carry, so that a label without its study can mean either."""
    seen = TissueSample.objects.visible_to(user).filter(code__in={tube.code for tube in tubes})
    times = Counter(code.upper() for code in seen.order_by().values_list("code", flat=True))
    return {code for code, n in times.items() if n > 1}


def box_digest(box: StorageBox, user: Any) -> str:
    """Return the digest of `box_state` alone."""
    return _digest(TissueSample.objects.filter(box=box).visible_to(user))


def _digest(tubes: Iterable[TissueSample]) -> str:
    """Return a sign of what is where, by which a page knows that somebody moved tubes meanwhile."""
    places = sorted(f"{tube.pk}@{tube.position}" for tube in tubes)
    return hashlib.sha256(" ".join(places).encode()).hexdigest()[:16]


def where_words(box: StorageBox) -> str:
    """Return where a box stands: ``freezer F1, shelf 2, rack R3``; empty where nobody wrote it down."""
    named = (("freezer", box.freezer), ("shelf", box.shelf), ("rack", box.rack))
    return ", ".join(f"{what} {value}" for what, value in named if value)


def may_move_anything(user: Any) -> bool:
    """Whether the account may write what happens to tubes, in some study that it sees."""
    return any(may(user, "add", TubeEvent, study) for study in Study.objects.all().visible_to(user))
