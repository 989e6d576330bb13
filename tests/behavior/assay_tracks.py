"""Files as EthoVision writes them of mice in a maze or an open field, whose numbers are known by construction."""

from collections.abc import Sequence

import numpy as np

from labdb.behavior.models import Arena, ArenaZone, Assay, AssayMetric, AssayReading
from tests.behavior.tracker_files import raw_text

RATE_HZ = 10
OPEN, CLOSED = "open arm 1 | open arm 2", "closed arm 1 | closed arm 2"
ZONES = {
    "open arm 1": "x 0, y 30, width 30, height 5", "open arm 2": "x 35, y 30, width 30, height 5",
    "closed arm 1": "x 30, y 0, width 5, height 30", "closed arm 2": "x 30, y 35, width 5, height 30",
    "center": "x 30, y 30, width 5, height 5",
}  # fmt: skip
READINGS = {  # name: unit, statistic, zones, share of
    "maze_open_s": ("s", "time in zones", OPEN, ""), "maze_open_percent": ("%", "share of time", OPEN, f"{OPEN} | {CLOSED}"),
    "maze_open_entries": ("", "entries", OPEN, ""), "maze_closed_latency_s": ("s", "latency", CLOSED, ""),
    "maze_distance_cm": ("cm", "distance", "", ""), "maze_velocity_cm_per_s": ("cm/s", "mean velocity", "", ""),
}  # fmt: skip


def make_maze(name: str = "maze A") -> Arena:
    """Four arms of 30 x 5 cm."""
    arena = Arena.objects.create(name=name, width_cm=65, length_cm=65)
    for zone, geometry in ZONES.items():
        ArenaZone.objects.create(arena=arena, name=zone, role="other", geometry=geometry)
    return arena


def make_maze_assay() -> Assay:
    """An assay of the lab's own that reads time, share, entries, latency, distance and velocity."""
    assay = Assay.objects.create(name="maze", trial_s=60)
    for name, (unit, statistic, zones, share_of) in READINGS.items():
        metric = AssayMetric.objects.create(assay=assay, name=name, unit=unit, minimum=0, maximum=10_000)
        AssayReading.objects.create(metric=metric, statistic=statistic, zones=zones, share_of=share_of)
    return assay


def walk(
    subject: str,
    places: Sequence[tuple[float, float, float]],
    *,
    start: str = "11/27/2025 10:00:00",
    trial: str = "Trial     1",
) -> bytes:
    """A mouse that is at each time (s) at a place (cm) and goes straight from one to the next; the flag is "in an open arm"."""
    at, x_at, y_at = map(np.array, zip(*places, strict=True))
    time_s = np.arange(round(at[-1] * RATE_HZ) + 1) / RATE_HZ
    x, y = np.interp(time_s, at, x_at), np.interp(time_s, at, y_at)
    is_open = (y >= 30) & (y <= 35) & ((x <= 30) | (x >= 35))
    rows = [
        (f"{t:.3f}", f"{t:.3f}", f"{a:.4f}", f"{b:.4f}", int(flag))
        for t, a, b, flag in zip(time_s, x, y, is_open, strict=True)
    ]  # fmt: skip
    header = {"Subject name": subject, "Start time": start, "Trial name": trial}
    names = ("Trial time", "Recording time", "X center", "Y center", "In zone(Open arms / center-point)")
    return raw_text(rows, header=header, names=names, write=str).encode()


# 10 s in the first open arm, 1 s through the center into the second (30 cm), 9 s there, back to the center, 2.5 s down
# into a closed arm, where it stays.
THROUGH = (
    (0, 15, 32.5),
    (10, 15, 32.5),
    (11, 45, 32.5),
    (20, 45, 32.5),
    (21, 32.5, 32.5),
    (23.5, 32.5, 7.5),
    (60, 32.5, 7.5),
)
