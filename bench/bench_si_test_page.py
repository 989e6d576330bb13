"""The page of an SI test: both trials of 150 s at 30 Hz read anew from their files, scored, resampled and drawn.

Beside it the page that takes the same files: read, matched, scored and held against every rule of the records.
"""

import statistics
import time
from typing import Any

import numpy as np

from bench.bench_tracker_files import ethovision_raw, text_of
from bench.databases import throwaway_database

N_REQUESTS = 9
TARGET_MS = 300.0
FLOOR_CM = 42.0


def measure() -> list[dict[str, Any]]:
    """One row for each page."""
    with throwaway_database():
        from django.core.management import call_command
        from django.test import Client
        from django.test.utils import override_settings

        from labdb.accounts.models import User

        call_command("load_fixtures", verbosity=0)
        plain_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # nothing has collected them
        with override_settings(STORAGES={"staticfiles": plain_files}, ALLOWED_HOSTS=["testserver"]):
            client = Client()
            client.force_login(User.objects.create_superuser("boss", password="a password of the bench"))
            return _measured(client)


def _measured(client: Any) -> list[dict[str, Any]]:
    from labdb.behavior.models import Arena, SocialInteractionTest
    from labdb.colony.models import Mouse, Study

    study = Study.objects.create(code="BENCH", title="Tracks")
    Mouse.objects.create(study=study, code="M1", group="defeated")
    arena = Arena.objects.create(
        name="box", width_cm=FLOOR_CM, length_cm=FLOOR_CM, zone_width_cm=14, zone_depth_cm=24, corner_cm=9
    )
    said = {"arena": "box", f"ethovision_raw_data-{arena.pk}-target_side": "bottom", "test_number": "1"}
    check_ms = statistics.median(_ms(lambda: _post(client, said)) for _ in range(N_REQUESTS))
    answer = _post(client, {**said, "step": "save"})
    if answer.status_code != 302:
        raise RuntimeError("the trials were not stored")
    url = f"/studies/BENCH/si-tests/{SocialInteractionTest.objects.get().pk}/"
    page_ms = statistics.median(_ms(lambda: client.get(url)) for _ in range(N_REQUESTS))
    if client.get(url).content.count(b"data-figure=") != 2:
        raise RuntimeError("the page drew no track")
    what = "two trials of 4,500 samples"
    return [
        _row(f"page of an SI test: {what} read, scored, resampled and drawn twice", page_ms, TARGET_MS),
        _row(f"page of tracker files: {what} read and checked, nothing stored", check_ms, None),
    ]


def _post(client: Any, said: dict[str, str]) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    files = [SimpleUploadedFile(f"{stage}.txt", _trial(stage)) for stage in ("no target", "target")]
    return client.post("/studies/BENCH/tracker-files/", {"files": files, "step": "check", **said})


def _trial(stage: str) -> bytes:
    """Return a file as wide as real ones, of a mouse that wanders about the floor."""
    rng = np.random.default_rng(len(stage))
    rows = ethovision_raw(rng)
    head = next(at for at, row in enumerate(rows) if row[0] == "Trial time")
    rows[head:head] = [["Stage", stage]]
    rows[0][1] = str(int(rows[0][1]) + 1)
    for row in rows:
        if row[0] == "Subject name":
            row[1] = "M1"
    walk = np.cumsum(rng.normal(0, 0.6, (len(rows) - head - 3, 2)), axis=0) + FLOOR_CM / 2
    folded = np.abs((walk + FLOOR_CM) % (2 * FLOOR_CM) - FLOOR_CM)  # off the walls again
    for row, position in zip(rows[head + 3 :], folded.round(4).tolist(), strict=True):
        row[2:4] = position
    return text_of(rows, ";")


def _ms(work: Any) -> float:
    begun = time.process_time()
    answer = work()
    if answer.status_code != 200:
        raise RuntimeError(f"answered {answer.status_code}")
    return (time.process_time() - begun) * 1e3


def _row(what: str, measured: float, target: float | None) -> dict[str, Any]:
    return {
        "what": what, "measured": measured, "unit": "ms CPU", "reference": None, "reference_what": "", "target": target,
    }  # fmt: skip


if __name__ == "__main__":
    for row in measure():
        print(row)
