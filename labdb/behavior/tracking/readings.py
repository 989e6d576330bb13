"""What an assay reads from a trial: its readings to areas that are scored, and the score to values of its metrics."""

from collections.abc import Iterable, Mapping, Sequence

from labdb.behavior.models import Assay, AssayReading, Statistic
from labdb.behavior.tracking.scoring import TrialScore, in_words
from labdb.behavior.tracking.zone_names import joined, parted

WHOLE = {
    Statistic.DISTANCE: "distance_cm", Statistic.VELOCITY: "velocity_cm_per_s", Statistic.COVERED: "covered_s",
}  # fmt: skip
DECIMALS = 3  # of a percent, as of seconds


def readings_of(assay: Assay) -> list[AssayReading]:
    """Return what the assay reads from a trial, in the order of its metrics."""
    found = AssayReading.objects.filter(metric__assay=assay)
    return list(found.select_related("metric__assay").order_by("metric_id"))


def areas_of(readings: Iterable[AssayReading]) -> dict[str, tuple[str, ...]]:
    """Return the areas that readings need, each with the names of its zones."""
    texts = (text for one in readings for text in (one.zones, one.share_of) if text)
    return {joined(parted(text)): parted(text) for text in texts}


def zones_of(areas: Mapping[str, Sequence[str]]) -> list[str]:
    """Return all zones of some areas, each once."""
    return list(dict.fromkeys(name for names in areas.values() for name in names))


def areas_in_file(
    areas: Mapping[str, Sequence[str]], tracker_zones: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Return for each area the tracker's zones that lie in it: those that are nothing else than zones of it."""
    return {
        area: tuple(theirs for theirs, ours in tracker_zones.items() if ours and set(ours) <= set(names))
        for area, names in areas.items()
    }


def values_of(readings: Iterable[AssayReading], score: TrialScore) -> dict[int, float | None]:
    """Return the value of each metric by its id; None where the file does not say it, or it never happened."""
    return {one.metric_id: _value(one, score) for one in readings}


def without_value(readings: Iterable[AssayReading], score: TrialScore) -> list[str]:
    """Say of each metric that gets no value why."""
    return [f"{one.metric} stays empty: {_why_not(one, score)}." for one in readings if _value(one, score) is None]


def _value(reading: AssayReading, score: TrialScore) -> float | None:
    if whole := WHOLE.get(Statistic(reading.statistic)):
        return getattr(score, whole)
    area = score.areas[joined(parted(reading.zones))]
    if reading.statistic == Statistic.ENTRIES:
        return area.entries
    if reading.statistic == Statistic.LATENCY:
        return area.latency_s
    if reading.statistic == Statistic.TIME or area.zone_s is None:
        return area.zone_s
    whole_s = score.areas[joined(parted(reading.share_of))].zone_s if reading.share_of else score.known_s
    return round(100 * area.zone_s / whole_s, DECIMALS) if whole_s else None


def _why_not(reading: AssayReading, score: TrialScore) -> str:
    where = in_words(joined(parted(reading.zones)))
    if reading.statistic == Statistic.LATENCY and score.areas[joined(parted(reading.zones))].entries == 0:
        return f"the mouse never entered {where}"
    if reading.statistic == Statistic.SHARE:
        return f"no time was spent in {in_words(reading.share_of) or 'the arena'}"
    return f"the file says no {reading.statistic}" + (f" of {where}" if where else "")
