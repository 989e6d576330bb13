"""What a scored trial says of the whole track and of each zone."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ZoneScore:
    """One zone, or the zones of one area together, in one trial.

    Attributes
    ----------
    name, role : str
        Of the zone or the area; an area of one role is named as the role.
    zone_s : float
        Time known to be inside (s): the lowest that the time can be.
    missing_s : float
        Time (s) in which nobody knows where the mouse was.
    entries : int
        Visits; a mouse that is inside at the start has entered once.
    latency_s : float or None
        From the start to the first visit (s); None when no visit was seen.
    latency_earliest_s : float or None
        The same if the mouse had entered as soon as its track was first unknown; differs from
        `latency_s` only where unknown time comes before the first visit.
    """

    name: str
    role: str
    zone_s: float
    missing_s: float
    entries: int
    latency_s: float | None
    latency_earliest_s: float | None

    @property
    def zone_high_s(self) -> float:
        """The highest that the time inside can be (s): all unknown time spent there."""
        return self.zone_s + self.missing_s


@dataclass(frozen=True)
class TrackScore:
    """One trial.

    Attributes
    ----------
    covered_s : float
        Of the part that was asked for, what the track's time stamps cover (s).
    tracked_s, missing_s : float
        Covered time with and without a known or bridged position (s).
    interpolated_s : float
        Time (s) of tracked gaps that a straight line bridges.
    missing_share : float
        Share of the covered time whose samples have no position, bridged or not (0 to 1), or the
        tracker's own share where that is larger.
    longest_gap_s : float
        Longest time between two positions with samples missing between them (s); 0 without any.
    too_much_missing : bool
        `missing_share` exceeds the limit.
    distance_cm : float
        Path length in tracked time; a shaking position lengthens it.
    velocity_cm_per_s : float or None
        Distance over tracked time; None when nothing was tracked.
    outside_share : float or None
        Share of found samples beyond the floor; None when no floor was given.
    zones : tuple of ZoneScore
        In the order of the zones.
    areas : tuple of ZoneScore
        The zones of each area together: as asked for, else interaction zones and corners where there are any.
    """

    covered_s: float
    tracked_s: float
    missing_s: float
    interpolated_s: float
    missing_share: float
    longest_gap_s: float
    too_much_missing: bool
    distance_cm: float
    velocity_cm_per_s: float | None
    outside_share: float | None
    zones: tuple[ZoneScore, ...]
    areas: tuple[ZoneScore, ...]

    def area(self, name: str) -> ZoneScore | None:
        """Score of an area; None when there is none of that name."""
        return next((score for score in self.areas if score.name == name), None)
