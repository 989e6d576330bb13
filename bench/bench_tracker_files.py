"""CPU time to read a track of 150 s at 30 Hz, as each tracker writes it.

The files are made up, as wide as real ones. The live reference splits the same file into cells and converts none.
"""

import csv
import io
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import openpyxl

from labdb.behavior.trackers import read_tracker_file

LENGTH_S, RATE_HZ = 150, 30
N_SAMPLES = LENGTH_S * RATE_HZ
N_REPEATS = 7
TARGET_S = 0.15  # of the 0.3 s in which a track is read, scored and drawn
TARGET_WORKBOOK_S = 0.3  # to unpack it alone takes 0.1 s

Rows = list[list[Any]]


def measure() -> list[dict[str, Any]]:
    """One row per format."""
    rng = np.random.default_rng(1)
    ethovision = ethovision_raw(rng)
    texts = {
        "EthoVision raw data, 18 columns, text": text_of(ethovision, ";"),
        "ANY-maze test data, 14 columns": text_of(anymaze(rng), ","),
        "DeepLabCut positions, 8 points": text_of(deeplabcut(rng, 8), ","),
        "DeepLabCut positions, 25 points": text_of(deeplabcut(rng, 25), ","),
    }
    rows = [row(what, content, split_s(content.decode()), TARGET_S) for what, content in texts.items()]
    book = workbook_of(ethovision)
    return [*rows, row("EthoVision raw data, 18 columns, XLSX", book, openpyxl_s(book), TARGET_WORKBOOK_S)]


def row(what: str, content: bytes, reference_s: float, target_s: float) -> dict[str, Any]:
    def read() -> None:
        track = read_tracker_file("track", content, frame_rate_hz=RATE_HZ).trials[0].samples
        assert track is not None and len(track.time_s) == N_SAMPLES

    return {
        "what": f"read {what}, {N_SAMPLES:,} samples ({len(content) / 1e6:.1f} MB)", "measured": median_s(read),
        "unit": "s CPU", "reference": reference_s, "reference_what": "cells alone", "target": target_s,
    }  # fmt: skip


def median_s(work: Callable[[], object]) -> float:
    work()  # what is imported at the first reading is no part of it
    times = []
    for _ in range(N_REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def split_s(text: str) -> float:
    delimiter = ";" if text.startswith("Number") else ","
    return median_s(lambda: list(csv.reader(io.StringIO(text), delimiter=delimiter)))


def openpyxl_s(content: bytes) -> float:
    start = time.process_time()
    list(openpyxl.load_workbook(io.BytesIO(content), read_only=True).worksheets[0].iter_rows(values_only=True))
    return time.process_time() - start


def walk(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.cumsum(rng.normal(0, 0.3, (N_SAMPLES, n)), axis=0)


def ethovision_raw(rng: np.random.Generator) -> Rows:
    names = ["Trial time", "Recording time", "X center", "Y center", "Area", "Areachange", "Elongation", "Velocity"]
    names += [f"In zone({name} / center-point)" for name in ("IZ", "corner 1", "corner 2", *"ABCDEF")]
    units = ["s", "s", "cm", "cm", "cm2", "cm2", "", "cm/s", *[""] * 9]
    header: Rows = [
        ["Trial name", "Trial     1"], ["Arena name", "Arena 1"], ["Subject name", "Subject 1"],
        ["Start time", "14/10/2017 11:20:09"], ["Recording duration", "00:02:30"], names, units,
    ]  # fmt: skip
    numbers, zones = walk(rng, 6).round(4), rng.integers(0, 2, (N_SAMPLES, 9))
    samples: Rows = [
        [round(7 + at / RATE_HZ, 3), round(at / RATE_HZ, 3), *numbers[at].tolist(), *zones[at].tolist()]
        for at in range(N_SAMPLES)
    ]
    return [["Number of header lines:", str(len(header) + 1)], *header, *samples]


def anymaze(rng: np.random.Generator) -> Rows:
    positions, zones = walk(rng, 2).astype(int), rng.integers(0, 2, (N_SAMPLES, 11))
    rows: Rows = [["Time", "Centre position X", "Centre position Y", *(f"In {name}" for name in "ABCDEFGHIJK")]]
    for at in range(N_SAMPLES):
        minutes, seconds = divmod(at / RATE_HZ, 60)
        rows.append([f"0:{minutes:02.0f}:{seconds:06.3f}", *positions[at].tolist(), *zones[at].tolist()])
    return rows


def deeplabcut(rng: np.random.Generator, n_points: int) -> Rows:
    parts = [f"part{number}" for number in range(n_points) for _ in range(3)]
    rows: Rows = [
        ["scorer", *["DLC_resnet50"] * len(parts)], ["bodyparts", *parts], ["coords", *["x", "y", "likelihood"] * n_points],
    ]  # fmt: skip
    values = 300 + walk(rng, 3 * n_points)
    values[:, 2::3] = rng.random((N_SAMPLES, n_points))
    return rows + [[at, *values[at].tolist()] for at in range(N_SAMPLES)]


def text_of(rows: Rows, delimiter: str) -> bytes:
    return "".join(delimiter.join(map(str, cells)) + "\n" for cells in rows).encode()


def workbook_of(rows: Rows) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Track-Arena 1-Subject 1")
    for cells in rows:
        sheet.append(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


if __name__ == "__main__":
    for measured in measure():
        print(measured)
