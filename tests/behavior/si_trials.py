"""Files as EthoVision writes them of SI trials whose zone times are known by construction."""

import numpy as np

from labdb.behavior.models import Arena
from tests.behavior.tracker_files import raw_text

RATE_HZ = 10


def make_arena(name: str = "box 1") -> Arena:
    """42 x 42 cm; with the target at the bottom the IZ is x 14 to 28, y 0 to 9, the corners lie at the top."""
    return Arena.objects.create(
        name=name, width_cm=42, length_cm=42, zone_width_cm=14, zone_depth_cm=9, corner_cm=9
    )  # fmt: skip


def si_trial(
    subject: str,
    zone_s: float,
    *,
    stage: str = "",
    length_s: float = 150,
    missing_s: float = 0,
    corner_s: float = 0,
    start: str = "11/27/2025 10:00:00",
    trial: str = "Trial     1",
    shift_cm: float = 0,
) -> bytes:
    """A mouse that sits in the IZ for so long, then in a corner, then in the middle, and at the end is not found.

    The step from the zone (y 4.5 cm) to the middle (y 20 cm) takes a tenth of a second and leaves the zone at y 9 cm,
    after 4.5 / 15.5 of it: 0.029 s are added to the time in the zone, and to a corner about as much.
    """
    time_s = np.arange(round(length_s * RATE_HZ) + 1) / RATE_HZ
    in_zone, in_corner = time_s <= zone_s, time_s > length_s - missing_s - corner_s
    x, y = np.where(in_corner, 4.5, 21) + shift_cm, np.where(in_zone, 4.5, np.where(in_corner, 37.5, 20)) + shift_cm
    is_missing = time_s > length_s - missing_s
    rows = [
        (
            f"{t:.3f}", f"{t:.3f}", "-" if gone else f"{a:.4f}", "-" if gone else f"{b:.4f}",
            "-" if gone else int(t < zone_s),
        )
        for t, a, b, gone in zip(time_s, x, y, is_missing, strict=True)
    ]  # fmt: skip
    header = {"Subject name": subject, "Trial name": trial, "Start time": start}
    return raw_text(rows, header=header, own={"Stage": stage} if stage else None, write=str).encode()
