"""The first migration of every room is frozen: a laboratory's data of yesterday open today."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

FROZEN = json.loads((Path(__file__).parent / "frozen_migrations.json").read_text())


def rooms():
    return [app for app in apps.get_app_configs() if Path(app.path).is_relative_to(settings.BASE_DIR)]


@pytest.mark.parametrize("path", FROZEN)
def test_a_frozen_migration_is_as_it_was(path):
    text = (Path(settings.BASE_DIR) / path).read_bytes()
    assert sha256(text).hexdigest() == FROZEN[path], (
        f"{path} was changed after it was frozen: take the change back, and say it in a further migration."
    )


def test_every_first_migration_is_frozen():
    first = {
        str(path.relative_to(settings.BASE_DIR))
        for app in rooms()
        for path in Path(app.path, "migrations").glob("0001_*.py")
    }
    assert first == {path for path in FROZEN if Path(path).name.startswith("0001_")}
