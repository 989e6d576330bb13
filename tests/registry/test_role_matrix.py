"""Who may do what with which record, at every door: the table beside this file says it, cell by cell.

A line of `role_matrix.txt` is a record: whether its rows belong to a study or to the laboratory, then for each role
what a member of the study may do at the doors of `role_doors.py`: view, add, change, delete. Who has the role in
another study may do the same with records of the laboratory, and sees nothing of this study, not even a number.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from labdb.accounts.roles import ROLES
from labdb.registry.permissions import ACTIONS, may, study_of, study_path, visible
from labdb.registry.record import Record, record_for
from tests.registry.role_doors import COUNTING, DOORS, Door, Visit, has_door, import_command
from tests.registry.role_world import Person, World, n_elsewhere, resources

TABLE = Path(__file__).with_name("role_matrix.txt")
LETTERS = {"view": "v", "add": "a", "change": "c", "delete": "d"}


def _read_table() -> tuple[list[str], dict[str, list[str]]]:
    """The roles at the top of the table, and the cells of each record."""
    lines = [line.split() for line in TABLE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    heading, *rows = lines
    return [role.replace("_", " ") for role in heading[2:]], {row[0]: row[1:] for row in rows}


COLUMNS, CELLS = _read_table()


@pytest.fixture(scope="module")
def laboratory(django_db_setup: Any, django_db_blocker: Any) -> Iterator[World]:
    """The one world of all tests of this file."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield World.make()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def without_warnings() -> Iterator[None]:
    """Write no trace of the thousands of refusals that are wanted."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def world(laboratory: World) -> Iterator[World]:
    with transaction.atomic():
        yield laboratory
        transaction.set_rollback(True)


def test_the_table_has_a_line_for_every_record_and_a_column_for_every_role() -> None:
    new, gone = sorted(set(resources()) - set(CELLS)), sorted(set(CELLS) - set(resources()))
    assert not new, f"{TABLE.name} says nothing of {', '.join(new)}: add a line with what each role may do (vacd or -)"
    assert not gone, f"{TABLE.name} has a line for {', '.join(gone)}, and there is no such record: take it out"
    assert sorted(COLUMNS) == sorted(ROLES), f"{TABLE.name} has the columns {COLUMNS}, the roles are {sorted(ROLES)}"
    ragged = [name for name, cells in CELLS.items() if len(cells) != len(COLUMNS) + 1]
    assert not ragged, f"{', '.join(ragged)}: a line holds study or lab, then one cell for each of {COLUMNS}"


@pytest.mark.parametrize("resource", resources())
def test_every_door_opens_to_whom_the_table_says(resource: str, world: World, tmp_path: Path) -> None:
    """Each cell is held against the one home of permission, and each door asked by those who may and who may not.

    Roles take turns at the doors, from record to record, so that each is met at each door by each role.
    """
    asked = _Asked(record_for(resource), world, turn=resources().index(resource))
    asked.add(tmp_path)
    row = world.row_of(asked.record)
    asked.home(row)
    for action in ("view", "change", "delete"):
        asked.at_doors(action, row)
    assert not asked.wrong, f"{resource}: not as {TABLE.name} says:\n" + "\n".join(asked.wrong)


class _Asked:
    """What is asked about one record, held against its line of the table."""

    def __init__(self, record: type[Record], world: World, turn: int) -> None:
        self.record, self.world, self.turn = record, world, turn
        self.where, *cells = CELLS[record.resource]
        self.cells = dict(zip(COLUMNS, cells, strict=True))
        self.wrong: list[str] = []
        assert self.where == ("study" if study_path(record.model) else "lab"), (
            f"{record.resource} is of the {self.where}"
        )

    def says(self, role: str, action: str) -> bool:
        """Whether the table lets a member of the study do this."""
        return LETTERS[action] in self.cells[role]

    def says_elsewhere(self, role: str, action: str) -> bool:
        """Whether a role in another study lets him: for what belongs to none, and for a study that is not there yet."""
        is_of_no_study = self.where == "lab" or (self.record.resource == "studies" and action == "add")
        return is_of_no_study and self.says(role, action)

    def home(self, row: Any) -> None:
        """Hold every cell against `permissions`, where all doors ask."""
        rows = self.record.model._default_manager.filter(pk=row.pk)
        study, others = study_of(row), [(self.world.nobody, None)]
        for role in COLUMNS:
            others.append((self.world.strangers[role], role))
            self._compare(
                self.world.members[role], "sees", visible(rows, self._fresh(role)).exists(), self.says(role, "view")
            )
            if not self.record.read_only:
                for action in ACTIONS:
                    self._compare(
                        self.world.members[role],
                        action,
                        may(self._fresh(role), action, self.record.model, study),
                        self.says(role, action),
                    )
        for person, one in others:
            expected = one is not None and self.where == "lab" and self.says(one, "view")
            self._compare(person, "sees", visible(rows, person.user).exists(), expected)

    def _fresh(self, role: str) -> Any:
        return self.world.members[role].user

    def _compare(self, who: Person, what: str, is_so: bool, is_said: bool) -> None:
        if is_so is not is_said:
            self.wrong.append(f"{who.name} {what}: {is_so}, not {is_said}")

    def add(self, folder: Path) -> None:
        """Ask the doors for a new row, the command too."""
        self.at_doors("add", None)
        for role in (self._one(True, "add", 0), self._one(False, "add", 0)):
            if role:
                person = self.world.members[role]
                visit = Visit(self.record, person.client, person.user)
                self._compare(person, "import_records", import_command(visit, folder), self.says(role, "add"))

    def at_doors(self, action: str, row: Any) -> None:
        """Ask every door for an action on a row (none: a new one)."""
        doors = [door for door in DOORS[action] if has_door(self.record, door)]
        outside = Person("who is not signed in", self.world.nobody.user, self.world.anonymous)
        for at, door in enumerate(doors):
            has_its_turn = at == self.turn % len(doors)
            if role := self._one(False, action, at):
                self._ask(door, self.world.members[role], row, False)
            if has_its_turn and (role := self._one(True, action, at)):
                self._ask(door, self.world.members[role], row, True)
            if has_its_turn or door in COUNTING:
                role = COLUMNS[(self.turn + at) % len(COLUMNS)]
                is_allowed = self.says_elsewhere(role, action)
                self._ask(door, self.world.strangers[role], row, is_allowed, self._n_seen(role))
                self._ask(door, self.world.nobody, row, False, 0)
                self._ask(door, outside, row, False)

    def _one(self, is_allowed: bool, action: str, at: int) -> str:
        """The role whose turn it is among those who may, or may not; empty where there is none."""
        roles = [role for role in COLUMNS if self.says(role, action) is is_allowed]
        return roles[(self.turn + at) % len(roles)] if roles else ""

    def _n_seen(self, role: str) -> int | None:
        if self.where == "lab" and self.says(role, "view"):
            return None
        return n_elsewhere(self.record, self.world.elsewhere) if self.says(role, "view") else 0

    def _ask(self, door: Door, who: Person, row: Any, is_allowed: bool, n_seen: int | None = None) -> None:
        try:
            is_open = door(Visit(self.record, who.client, who.user, row, n_seen))
        except AssertionError as error:
            self.wrong.append(f"{door.__name__}, {who.name}: {error}")
            return
        if is_open is not is_allowed:
            self.wrong.append(f"{door.__name__} {'opens to' if is_open else 'is shut to'} {who.name}")
