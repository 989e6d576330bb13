"""The files of the simulated tracks on their way into the laboratory, as those of a user."""

import hashlib
from collections.abc import Sequence
from typing import Any

from labdb.behavior.models import SocialInteractionTest
from labdb.behavior.trackers.detect import read_tracker_file
from labdb.behavior.trackers.options import PCUTOFF
from labdb.behavior.tracking.arenas import layout_of
from labdb.behavior.tracking.scoring import TRACK, Scoring, score_trial
from labdb.behavior.tracking.si_storing import ScoredSiTrial, SiBatch, store_tracks
from labdb.behavior.tracking.storing import Outcome
from labdb.colony.models import Study
from labdb.demo import parameters as p
from labdb.demo.simulate_track_files import ABSENT, POINT, PRESENT, STAGES, TrackFile
from labdb.registry.uploads import KeptFile


def store(files: Sequence[TrackFile], study: Study, user: Any) -> Outcome:
    """Read, score and attach the files, as the page of trackers' files does; the tests hold these times already.

    As there, what is said of the tracker is kept for each arena. Not to be called inside `writing`.
    """
    tests = SocialInteractionTest.objects.filter(study=study, test_number=1).select_related("mouse", "arena", "study")
    by_mouse = {test.mouse.code: test for test in tests}
    scored = [
        (_scored(number, file, by_mouse[file.mouse], user), by_mouse[file.mouse])
        for number, file in enumerate(files, start=1)
    ]
    mappings = {one.arena.pk: _mapping(one) for one, _test in scored}
    batch = SiBatch(
        study=study, user=user, trial_s=p.TRIAL_S, likelihood_cutoff=PCUTOFF, mappings=tuple(mappings.values()),
        test_number=1,
    )  # fmt: skip
    return store_tracks(scored, batch)


def _scored(number: int, file: TrackFile, test: SocialInteractionTest, user: Any) -> ScoredSiTrial:
    if test.arena is None:
        raise ValueError(f"{test} names no arena")
    found = read_tracker_file(file.name, file.content)
    (trial,) = found.trials
    how = Scoring(TRACK, body_point=POINT, layout=layout_of(test.arena, test.target_side), length_s=test.trial_s)
    return ScoredSiTrial(
        number=number, kept=KeptFile(file.content, file.name, hashlib.sha256(file.content).hexdigest(), user.pk),
        tracker_format=found.format, trial=trial, trial_name=trial.name, mouse=test.mouse, arena=test.arena, how=how,
        score=score_trial(trial, how), target=file.target, target_side=test.target_side,
    )  # fmt: skip


def _mapping(one: ScoredSiTrial) -> dict[str, Any]:
    return {
        "arena": one.arena, "tracker_format": one.tracker_format, "scored_from": TRACK, "body_point": POINT,
        "position_unit": "cm", "told_by": "variable", "told_variable": "Stage", "absent_says": STAGES[ABSENT],
        "present_says": STAGES[PRESENT],
    }  # fmt: skip
