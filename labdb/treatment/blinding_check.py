"""What would let somebody at the bench tell the arms of a study apart, though nobody reads a key.

Mice of every arm must be handled alike: on the same days, at the same times, by the same route, with the same ml/kg
out of the same number of syringes, and under the same devices, be they on or sham.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from labdb.treatment.dosing_schedule import Part, by_arm, days_of, injections_on, seen_of, spelled_days

NAMES = {"time_of_day": "time", "route": "route", "volume_ml_per_kg": "volume"}


@dataclass(frozen=True)
class Difference:
    """One way in which an arm can be told.

    Attributes
    ----------
    arm, part : str, int
        Where; part 0 is what the arm lacks.
    field : str
        Of the component.
    sentence : str
        With place, and what to do about it.
    """

    arm: str
    part: int
    field: str
    sentence: str


def differences(parts: Iterable[Part], changed: Collection[str] | None = None) -> list[Difference]:
    """Return how arms differ from the one that most are like.

    Parameters
    ----------
    changed : collection of str, optional
        The arms that are being entered: they are held against the others, and only they are spoken of.
    """
    arms = by_arm(parts)
    spoken = [name for name in arms if changed is None or name in changed]
    found = [one for name in spoken for one in _without_volume(arms[name])]
    if len(arms) < 2:
        return found
    reference = _reference(arms, changed or ())
    for name in spoken:
        if name != reference:
            found += _injections(name, arms[name], reference, arms[reference])
            found += _devices(name, arms[name], reference, arms[reference])
    return found


def _reference(arms: dict[str, list[Part]], changed: Collection[str]) -> str:
    candidates = [name for name in arms if name not in changed] or list(arms)
    seen = {name: _seen(arms[name]) for name in arms}
    alike = Counter(seen[name] for name in candidates)
    return max(candidates, key=lambda name: (alike[seen[name]], len(seen[name])))


def _seen(parts: list[Part]) -> tuple[object, ...]:
    days = days_of(parts)
    injected = [(day, seen_of(part)) for day in days for part in injections_on(parts, day)]
    return (*injected, *sorted(_sessions(parts).items()))


def _without_volume(parts: list[Part]) -> list[Difference]:
    return [
        Difference(
            part.arm, part.part, "volume_ml_per_kg",
            f"Arm {part.arm}, part {part.part}: no volume is said; enter the ml/kg that all arms get.",
        )
        for part in parts
        if part.is_injection and not part.volume_ml_per_kg
    ]  # fmt: skip


def _injections(name: str, parts: list[Part], reference: str, others: list[Part]) -> list[Difference]:
    days: dict[tuple[int, str, str], list[int]] = defaultdict(list)
    for day in days_of([*parts, *others]):
        ours, theirs = injections_on(parts, day), injections_on(others, day)
        if len(ours) != len(theirs):
            days[ours[0].part if ours else 0, "day_from", _number(len(ours), len(theirs), reference)].append(day)
            continue
        for mine, other in zip(ours, theirs, strict=True):
            for field, remark in _unlike(mine, other):
                days[mine.part, field, remark].append(day)
    return [_difference(name, part, field, remark, on) for (part, field, remark), on in days.items()]


def _difference(name: str, part: int, field: str, remark: str, days: list[int]) -> Difference:
    place = f"Arm {name}, part {part}, " if part and field != "day_from" else f"Arm {name}, "
    return Difference(name, part, field, f"{place}{spelled_days(days)}: {remark}")


def _number(ours: int, theirs: int, reference: str) -> str:
    words = f"{ours or 'no'} injection{'' if ours == 1 else 's'}, arm {reference} has {theirs or 'none'}"
    if ours < theirs:
        return f"{words}; add the vehicle on these days."
    return f"{words}; add the vehicle to {reference}, or take these days out."


def _unlike(mine: Part, other: Part) -> list[tuple[str, str]]:
    remarks = []
    for field, own, wanted in zip(NAMES, seen_of(mine), seen_of(other), strict=True):
        if own == wanted or (field == "volume_ml_per_kg" and not (own and wanted)):
            continue  # a volume that nobody said is named by itself
        is_volume = field == "volume_ml_per_kg"
        texts = [f"{value:g} ml/kg" if is_volume else value or "not said" for value in (own, wanted)]
        remarks.append(
            (field, f"{NAMES[field]} is {texts[0]}, in arm {other.arm} {texts[1]}; give both alike{_hint(field)}.")
        )
    return remarks


def _hint(field: str) -> str:
    return " by a stock of another strength" if field == "volume_ml_per_kg" else ""


def _sessions(parts: Iterable[Part]) -> dict[tuple[str, str, float], tuple[int, ...]]:
    """Return the days of each device with its time and duration: what is seen of it, whether on or sham."""
    days: dict[tuple[str, str, float], set[int]] = defaultdict(set)
    for part in parts:
        if part.device:
            seen = part.device, part.time_of_day[:5], part.hours_per_day or 0.0
            days[seen] |= set(range(part.day_from, part.day_to + 1))
    return {seen: tuple(sorted(on)) for seen, on in days.items()}


def _devices(name: str, parts: list[Part], reference: str, others: list[Part]) -> list[Difference]:
    ours, theirs = _sessions(parts), _sessions(others)
    part_of = {part.device: part.part for part in parts if part.device}
    found = []
    for seen in dict.fromkeys([*theirs, *ours]):
        lacking = set(theirs.get(seen, ())) - set(ours.get(seen, ()))
        surplus = set(ours.get(seen, ())) - set(theirs.get(seen, ()))
        if lacking:
            remedy = f"{spelled_days(lacking)}: no {_session(seen)}, which arm {reference} has; add it as sham."
            found.append(Difference(name, part_of.get(seen[0], 0), "device", f"Arm {name}, {remedy}"))
        if surplus:
            remedy = f"{spelled_days(surplus)}: {_session(seen)}, which arm {reference} has not; add it there as sham."
            found.append(Difference(name, part_of.get(seen[0], 0), "device", f"Arm {name}, {remedy}"))
    return found


def _session(seen: tuple[str, str, float]) -> str:
    device, time_of_day, hours = seen
    return " ".join(
        filter(None, [device, f"at {time_of_day}" if time_of_day else "", f"for {hours:g} h" if hours else ""])
    )
