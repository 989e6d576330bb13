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


def si_walk(
    subject: str,
    percent: float,
    *,
    stage: str,
    start: str = "11/27/2025 10:00:00",
    rate_hz: float = 10,
    length_s: float = 150,
) -> bytes:
    """A mouse that goes to and fro along the middle of the floor, and stays about so many percent of its time in the IZ."""
    rng = np.random.default_rng(int(percent))
    time_s = np.arange(round(length_s * rate_hz) + 1) / rate_hz
    stays = np.repeat(rng.random(len(time_s)) * 100 < percent, round(3 * rate_hz))[: len(time_s)]
    smooth = np.ones(round(rate_hz)) / round(rate_hz)
    y = np.convolve(np.where(stays, 4.5, 25.0), smooth, mode="same") + rng.normal(0, 0.1, len(time_s))
    x = 21 + np.convolve(rng.normal(0, 3, len(time_s)), smooth, mode="same")
    y = np.clip(y, 0.5, 41.5)
    rows = [
        (f"{t:.3f}", f"{t:.3f}", f"{a:.4f}", f"{b:.4f}", int(b <= 9)) for t, a, b in zip(time_s, x, y, strict=True)
    ]  # fmt: skip
    header = {"Subject name": subject, "Start time": start}
    return raw_text(rows, header=header, own={"Stage": stage}, write=str).encode()
