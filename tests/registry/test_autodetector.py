"""First migrations create each table whole, and only where that is possible."""

from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import models
from django.db.migrations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.loader import MigrationLoader
from pgtrigger.migrations import AddTrigger

from labdb.registry.autodetector import whole_tables

ROOMS_WITH_TABLES = {model._meta.app_label for model in apps.get_models()} & {
    app.rpartition(".")[2] for app in settings.ROOMS
}


def table(name: str, **fields: models.Field) -> CreateModel:
    return CreateModel(name, [("id", models.BigAutoField(primary_key=True)), *fields.items()])


def key(to: str) -> models.ForeignKey:
    return models.ForeignKey(to, models.PROTECT)


class NamedTrigger:
    name = "version"


def test_a_table_follows_those_it_refers_to_and_holds_its_keys_rules_indexes_and_triggers():
    rule = models.CheckConstraint(condition=models.Q(a__gt=0), name="a_positive")
    index = models.Index(fields=["a"], name="by_a")
    trigger: Any = NamedTrigger()
    mouse, *others = reversed(
        whole_tables(
            [
                table("Mouse", a=models.IntegerField()),
                table("Cage"),
                AddConstraint("mouse", rule),
                AddTrigger("mouse", trigger),
                AddIndex("mouse", index),
                AddField("mouse", "cage", key("room.cage")),
            ],
            "room",
        )
    )
    assert [other.name for other in others] == ["Cage"]
    assert [name for name, _ in mouse.fields] == ["id", "a", "cage"]
    assert mouse.options == {"constraints": [rule], "indexes": [index], "triggers": [trigger]}


def test_a_trigger_of_a_proxy_stays_by_itself_for_its_table_is_made_elsewhere():
    proxy = CreateModel("RoleHeld", [], {"proxy": True}, bases=("room.user_groups",))
    trigger: Any = AddTrigger("roleheld", NamedTrigger())  # type: ignore[arg-type]
    assert whole_tables([proxy, trigger], "room") == [proxy, trigger]
    assert "triggers" not in proxy.options


def test_a_relation_through_a_later_table_is_added_after_it():
    steps = whole_tables(
        [
            table("Library"),
            table("Run"),
            table("LibraryRun"),
            AddField("library", "runs", models.ManyToManyField("room.run", through="room.LibraryRun")),
            AddField("libraryrun", "library", key("room.library")),
            AddField("libraryrun", "run", key("room.run")),
        ],
        "room",
    )
    assert [step.name for step in steps] == ["Library", "Run", "LibraryRun", "runs"]


def test_tables_in_a_circle_stay_as_they_are():
    steps = [table("Dam", litter=key("room.litter")), table("Litter"), AddField("litter", "dam", key("room.dam"))]
    assert whole_tables(steps, "room") == steps


def test_a_table_that_refers_to_itself_is_whole():
    (mouse,) = whole_tables([table("Mouse"), AddField("mouse", "mother", key("room.mouse"))], "room")
    assert [name for name, _ in mouse.fields] == ["id", "mother"]


@pytest.mark.parametrize("room", sorted(ROOMS_WITH_TABLES))
def test_the_first_migration_of_a_room_is_made_of_whole_tables(room: str):
    first = MigrationLoader(None).disk_migrations[room, "0001_initial"]
    proxies = {
        step.name_lower for step in first.operations if isinstance(step, CreateModel) and step.options.get("proxy")
    }
    parts = [
        step
        for step in first.operations
        if isinstance(step, AddConstraint | AddIndex | AddTrigger) and step.model_name not in proxies
    ]
    assert parts == []  # else: remove the file and run `manage.py makemigrations`


@pytest.mark.django_db
def test_no_model_differs_from_its_migrations():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
