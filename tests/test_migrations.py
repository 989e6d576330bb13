"""The first migration of every room is frozen: a laboratory's data of yesterday open today."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
FROZEN = json.loads((Path(__file__).parent / "frozen_migrations.json").read_text())


@pytest.mark.parametrize("path", FROZEN)
def test_a_frozen_migration_is_as_it_was(path):
    text = (CHECKOUT / path).read_bytes()
    assert sha256(text).hexdigest() == FROZEN[path], (
        f"{path} was changed after it was frozen: take the change back, and say it in a further migration."
    )


def test_every_first_migration_is_frozen():
    folders = [*CHECKOUT.glob("labdb/*/migrations"), CHECKOUT / "analysis" / "migrations"]
    first = {str(path.relative_to(CHECKOUT)) for folder in folders for path in folder.glob("0001_*.py")}
    assert first == {path for path in FROZEN if Path(path).name.startswith("0001_")}
