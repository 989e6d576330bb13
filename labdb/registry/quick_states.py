"""Migrations that create many tables in a time that grows with their number, not with its square."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations.state import ProjectState


@contextmanager
def quick_states() -> Iterator[None]:
    """Build only the model that a step creates or alters, while migrations run.

    Django builds all models anew that are related to it, step by step: here that is every model, some ten
    thousand times for an empty database. What a step does to one model changes none of the others but for the way
    back to it, and that Django adds to the existing ones as it does when a program starts; tables are told apart by
    their names. A step that runs Python gets all models built anew (`is_delayed`), as if each step had done so.
    """
    states: Any = ProjectState  # what is replaced has no public name
    usual = states._find_reload_model

    def only_itself(state: ProjectState, app_label: str, model_name: str, delay: bool = False) -> set[tuple[str, str]]:
        state.is_delayed = True
        return {(app_label, model_name)}

    states._find_reload_model = only_itself
    try:
        yield
    finally:
        states._find_reload_model = usual
