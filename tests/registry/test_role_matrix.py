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
from django.test import Client

from labdb.accounts.roles import ROLES
from labdb.colony.models import Study
from labdb.registry.permissions import ACTIONS, may, optional_study, place_of, study_path, visible
from labdb.registry.record import Record, record_for
from tests.registry.role_doors import COUNTING, DOORS, Door, Visit, has_door, import_command
from tests.registry.role_world import Person, World, n_elsewhere, resources

TABLE = Path(__file__).with_name("role_matrix.txt")
WHILE_BLINDED = Path(__file__).with_name("role_matrix_blinded.txt")
LETTERS = {"view": "v", "add": "a", "change": "c", "delete": "d"}


def _read_table(table: Path) -> tuple[list[str], dict[str, list[str]]]:
    """The roles at the top of a table, and the cells of each record."""
    lines = [line.split() for line in table.read_text().splitlines() if line.strip() and not line.startswith("#")]
    heading, *rows = lines
    return [role.replace("_", " ") for role in heading[2:]], {row[0]: row[1:] for row in rows}


COLUMNS, CELLS = _read_table(TABLE)
_SAME_COLUMNS, BLINDED_CELLS = _read_table(WHILE_BLINDED)


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
    asked = _Asked(record_for(resource), world, CELLS[resource])
    asked.add(tmp_path)
    row = world.row_of(asked.record)
    asked.home(row)
    for action in ("view", "change", "delete"):
        asked.at_doors(action, row)
    assert not asked.wrong, f"{resource}: not as {TABLE.name} says:\n" + "\n".join(asked.wrong)


@pytest.mark.parametrize("resource", BLINDED_CELLS)
def test_while_a_study_is_blinded_its_allocators_alone_open_the_doors(
    resource: str, world: World, tmp_path: Path
) -> None:
    """Not even an administrator, who opens every other door."""
    assert _SAME_COLUMNS == COLUMNS
    asked = _Asked(record_for(resource), world, BLINDED_CELLS[resource])
    with transaction.atomic():
        _blind(world.study)
        asked.add(tmp_path)
        asked.administrator("add", None)
        transaction.set_rollback(True)
    row = world.row_of(asked.record)  # entered before
    _blind(world.study)
    row.refresh_from_db()  # its study too
    asked.home(row)
    for action in ("view", "change", "delete"):
        asked.at_doors(action, row)
        asked.administrator(action, row)
    assert not asked.wrong, f"{resource}: not as {WHILE_BLINDED.name} says:\n" + "\n".join(asked.wrong)


def _blind(study: Study) -> None:
    """Blind it; accounts ask the database anew with each request."""
    Study.objects.filter(pk=study.pk).update(is_blinded=True)


class _Asked:
    """What is asked about one record, held against its line of the table."""

    def __init__(self, record: type[Record], world: World, line: list[str]) -> None:
        self.record, self.world = record, world
        self.turn = resources().index(record.resource)
        self.where, *cells = line
        self.cells = dict(zip(COLUMNS, cells, strict=True))
        self.wrong: list[str] = []
        of_a_study = study_path(record.model) or optional_study(record.model)
        assert self.where == ("study" if of_a_study else "lab"), f"{record.resource} is of the {self.where}"

    def says(self, role: str, action: str) -> bool:
        """Whether the table lets a member of the study do this."""
        return LETTERS[action] in self.cells[role]

    def opens(self, role: str, action: str) -> bool:
        """Whether doors open: an entry names records that must be seen (a blind scorer enters at a page of its own)."""
        return self.says(role, action) and self.says(role, "view")

    def says_elsewhere(self, role: str, action: str) -> bool:
        """Whether a role in another study lets him: for what belongs to none, and for a study that is not there yet."""
        is_of_no_study = self.where == "lab" or (self.record.resource == "studies" and action == "add")
        return is_of_no_study and self.opens(role, action)

    def home(self, row: Any) -> None:
        """Hold every cell against `permissions`, where all doors ask."""
        rows = self.record.model._default_manager.filter(pk=row.pk)
        place = place_of(row)
        others: list[tuple[Person, str | None]] = [(self.world.nobody, None)]
        for role in COLUMNS:
            others.append((self.world.strangers[role], role))
            member = self.world.members[role]
            self._compare(member, "sees", visible(rows, member.user).exists(), self.says(role, "view"))
            for action in () if self.record.read_only else ACTIONS:
                is_so = may(member.user, action, self.record.model, place)
                self._compare(member, action, is_so, self.says(role, action))
        for person, one in others:
            expected = one is not None and self.where == "lab" and self.says(one, "view")
            self._compare(person, "sees", visible(rows, person.user).exists(), expected)

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
                self._compare(person, "import_records", import_command(visit, folder), self.opens(role, "add"))

    def at_doors(self, action: str, row: Any) -> None:
        """Ask every door for an action on a row (none: a new one)."""
        doors = [door for door in DOORS[action] if has_door(self.record, door)]
        outside = Person("who is not signed in", self.world.nobody.user, self.world.anonymous)
        for at, door in enumerate(doors):
            has_its_turn = at == self.turn % len(doors)
            if role := self._one(False, action, at):
                self._ask(door, self.world.members[role], row, False, 0)
            if has_its_turn and (role := self._one(True, action, at)):
                self._ask(door, self.world.members[role], row, True)
            if has_its_turn or door in COUNTING:
                role = COLUMNS[(self.turn + at) % len(COLUMNS)]
                is_allowed = self.says_elsewhere(role, action)
                self._ask(door, self.world.strangers[role], row, is_allowed, self._n_seen(role))
                self._ask(door, self.world.nobody, row, False, 0)
                self._ask(door, outside, row, False)

    def administrator(self, action: str, row: Any) -> None:
        """Ask every door as an administrator, who while a study is blinded may no more than its manager."""
        writer = self.world.writer
        client = Client()
        client.force_login(writer)
        for door in DOORS[action]:
            if has_door(self.record, door):
                self._ask(door, Person("an administrator", writer, client), row, self.says("manager", action))

    def _one(self, is_allowed: bool, action: str, at: int) -> str:
        """The role whose turn it is among those who may, or may not; empty where there is none."""
        roles = [role for role in COLUMNS if self.opens(role, action) is is_allowed]
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
