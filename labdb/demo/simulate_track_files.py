"""The files of a tracker behind some of the first SI tests."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.simulate_tracks import SimulatedTrack, simulate_track

ABSENT, PRESENT = "absent", "present"
CLOSE_S = 20.0  # the least time on open floor, and a zone time short enough to be walked
STAGES = {ABSENT: "no target", PRESENT: "target"}
POINT = "center"


@dataclass(frozen=True)
class TrackFile:
    """One trial as the tracker exported it."""

    mouse: str
    target: str
    name: str
    content: bytes


def choose_tracked(si_tests: pd.DataFrame, phenotype: pd.Series) -> pd.DataFrame:
    """Return the first tests that have tracks: of each class the mouse nearest to the cutoff, then others evenly.

    Parameters
    ----------
    si_tests : pandas.DataFrame
        ``mouse``, ``test_number`` and times (s).
    phenotype : pandas.Series
        Indexed by mouse.
    """
    first = si_tests[si_tests["test_number"] == 1].set_index("mouse")
    zone = first[["iz_absent_s", "iz_present_s"]]
    open_s = p.TRIAL_S - zone.to_numpy() - first[["corner_absent_s", "corner_present_s"]].to_numpy()
    walked = first[(zone.min(axis=1) > CLOSE_S / 2) & (open_s.min(axis=1) > CLOSE_S)]
    distance = np.log(walked["iz_present_s"] / walked["iz_absent_s"]).abs().sort_values(kind="stable")
    chosen: list[str] = []
    for name, n in p.TRACKED.items():
        ranked = distance.index[phenotype.reindex(distance.index) == name]
        chosen += [ranked[place] for place in np.linspace(0, 0.9 * (len(ranked) - 1), n).round().astype(int)]
    return walked.loc[chosen]


def track_files(tests: pd.DataFrame, rng: np.random.Generator) -> Iterator[TrackFile]:
    """Yield the files of both trials of each test."""
    for number, (mouse, test) in enumerate(tests.iterrows()):
        for place, target in enumerate((ABSENT, PRESENT)):
            track = simulate_track(
                test[f"iz_{target}_s"], test[f"corner_{target}_s"], test[f"distance_{target}_cm"],
                test["target_side"], rng,
            )  # fmt: skip
            trial = 2 * number + place + 1
            later = pd.Timedelta(seconds=p.TRIAL_S + 60 * test["gap_between_trials_min"]) * place
            header = {
                "Trial name": f"Trial {trial:5d}", "Arena name": test["arena"], "Subject name": mouse,
                "Start time": f"{test['test_at'] + later:%Y-%m-%d %H:%M:%S}", "Tracking source": "simulated",
            }  # fmt: skip
            name = f"Raw data-SI test-Trial {trial:5d}.txt"
            yield TrackFile(str(mouse), target, name, _ethovision_text(track, header, STAGES[target]))


def _ethovision_text(track: SimulatedTrack, header: dict[str, str], stage: str) -> bytes:
    """Write a track as EthoVision XT exports raw data: a counted header, names, units, one line a sample."""
    head = [
        ["Experiment", "labdb demo, simulated"], ["System Independent Variable"], *map(list, header.items()),
        ["User-defined Independent Variable"], ["Stage", stage], [" "],
        ["Trial time", "Recording time", f"X {POINT}", f"Y {POINT}"], ["s", "s", "cm", "cm"],
    ]  # fmt: skip
    quoted = [
        "".join(f'"{cell}";' for cell in line) for line in [["Number of header lines:", str(len(head) + 1)], *head]
    ]
    positions = zip(track.time_s, track.x_cm, track.y_cm, strict=True)
    samples = [f"{time:.3f};{time:.3f};{x:.4f};{y:.4f};" for time, x, y in positions]
    return "\n".join([*quoted, *samples, ""]).encode()
