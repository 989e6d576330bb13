"""Migrations that create many tables in a time that grows with their number, not with its square."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations.state import ProjectState


@contextmanager
def quick_states() -> Iterator[None]:
    """Build only the new model when one is created, while migrations run.

    Django builds all models anew that are related to a new one, step by step: here that is every model, some ten
    thousand times for an empty database. A new model changes none of the others but for the way back to it, and
    that Django adds to the existing ones as it does when a program starts. Whatever alters a model is done as ever.
    """
    usual = ProjectState.add_model

    def add_model(state: ProjectState, model_state: Any) -> None:
        if "apps" not in state.__dict__ or (model_state.app_label, model_state.name_lower) in state.models:
            usual(state, model_state)
            return
        apps = state.__dict__.pop("apps")  # so that nothing is built anew
        try:
            usual(state, model_state)
        finally:
            state.__dict__["apps"] = apps
        apps.render_multiple([model_state])

    ProjectState.add_model = add_model  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        ProjectState.add_model = usual  # type: ignore[method-assign]
