"""Every migration is frozen when it lands: a laboratory's data of yesterday open today."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
FILE = Path(__file__).parent / "frozen_migrations.json"
FROZEN = json.loads(FILE.read_text())


@pytest.mark.parametrize("path", FROZEN)
def test_a_frozen_migration_is_as_it_was(path):
    text = (CHECKOUT / path).read_bytes()
    assert sha256(text).hexdigest() == FROZEN[path], (
        f"{path} was changed after it was frozen: take the change back, and say it in a further migration."
    )


def test_every_migration_is_frozen():
    folders = [*CHECKOUT.glob("labdb/*/migrations"), CHECKOUT / "analysis" / "migrations"]
    paths = {str(path.relative_to(CHECKOUT)): path for folder in folders for path in folder.glob("0*.py")}
    new = {path: sha256(paths[path].read_bytes()).hexdigest() for path in sorted(set(paths) - set(FROZEN))}
    assert not new, f"Land these with their digests in {FILE.name}: {json.dumps(new, indent=2)}"
    assert set(FROZEN) == set(paths)
