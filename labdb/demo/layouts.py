"""The two layouts of the demo: one large enough to conclude something, one as published."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labdb.demo import parameters as p
from labdb.demo.published import PUBLISHED_PLAN, sequence_by_outcome
from labdb.demo.simulate_behavior import SimulatedBehavior
from labdb.demo.simulate_tissue import BALANCED, SequencingPlan


@dataclass(frozen=True)
class Layout:
    """Who is sequenced on which runs, and what the study says of itself.

    Attributes
    ----------
    choose : callable
        Decides who is sequenced.
    decided : str
        ``before`` or ``after`` the re-test.
    has_planted_errors : bool
        Whether the records as loaded contain the errors of `planted_errors`.
    has_tracks : bool
        Whether some SI tests come with the files of a tracker, and all mice with other assays.
    """

    code: str
    seed: int
    title: str
    planned_n_basis: str
    choose: Callable[[SimulatedBehavior, np.random.Generator], SimulatedBehavior]
    plan: SequencingPlan
    selection_rule: str
    decided: str
    has_planted_errors: bool
    has_tracks: bool


def _as_drawn(behavior: SimulatedBehavior, rng: np.random.Generator) -> SimulatedBehavior:
    """Leave the choice as the animals' own draw made it."""
    return behavior


DEMO = Layout(
    code="DEMO",
    seed=p.DEFAULT_SEED,
    title="Do imipramine and ketamine undo the transcriptional signature of social defeat? (simulated)",
    planned_n_basis="16 a drug arm: a 50 % reversal is found in most studies of this size.",
    choose=_as_drawn,
    plan=BALANCED,
    selection_rule=(
        f"All {p.MICE_PER_ARM * len(p.ARMS)} randomized mice, and {p.N_SEQUENCED_RESILIENT} resilient and "
        f"{p.N_SEQUENCED_CONTROL} control mice drawn by lot."
    ),
    decided="before",
    has_planted_errors=True,
    has_tracks=True,
)
PUBLISHED = Layout(
    code="BAGOT",
    seed=p.PUBLISHED_SEED,
    title="The design of Bagot et al. 2017 (GSE81672): 99 samples, three to five mice a group (simulated)",
    planned_n_basis="As published: three susceptible saline mice, three or four of each outcome of each drug.",
    choose=sequence_by_outcome,
    plan=PUBLISHED_PLAN,
    selection_rule="By outcome: " + ", ".join(f"{n} {name}" for name, n in p.PUBLISHED_MICE.items()) + " mice.",
    decided="after",
    has_planted_errors=False,
    has_tracks=False,
)
LAYOUTS = {"demo": DEMO, "published": PUBLISHED}
