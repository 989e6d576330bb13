"""First migrations that create each table whole: its keys, rules, indexes and triggers stand in its CreateModel.

After every operation Django rebuilds the related models in memory, and here nearly all are related. As some two
hundred operations of their own, constraints and triggers made the first `migrate` four times as long.
"""

from graphlib import CycleError, TopologicalSorter
from typing import cast

from django.db.migrations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.operations.base import Operation
from django.db.models import ManyToManyField
from pgtrigger.migrations import AddTrigger, MigrationAutodetectorMixin


class Autodetector(MigrationAutodetectorMixin, MigrationAutodetector):
    """pgtrigger's autodetector, with whole tables in the first migration of an app."""

    def _optimize_migrations(self) -> None:
        for app_label, migrations in self.migrations.items():
            for migration in migrations:
                if migration.initial:
                    migration.operations = whole_tables(migration.operations, app_label)
        super()._optimize_migrations()


def whole_tables(operations: list[Operation], app_label: str) -> list[Operation]:
    """Return operations that do the same, each table created whole, after the tables that it refers to.

    Tables that refer to each other in a circle have no such order: then the operations stay as they are.
    """
    tables: dict[str, CreateModel] = {}
    others = []
    for operation in operations:
        name = getattr(operation, "model_name_lower", None)
        if isinstance(operation, CreateModel):
            tables[operation.name_lower] = operation
        elif name in tables and _fits_in_table(operation, tables[name]):
            tables[name] = _with(tables[name], operation, app_label)
        else:
            others.append(operation)
    references = {
        name: [other for other in tables if other != name and table.references_model(other, app_label)]
        for name, table in tables.items()
    }
    try:
        return [*(tables[name] for name in TopologicalSorter(references).static_order()), *others]
    except CycleError:
        return operations


def _fits_in_table(operation: Operation, table: CreateModel) -> bool:
    if table.options.get("proxy"):
        return False  # it creates no table, and so no trigger either
    if isinstance(operation, AddField):
        return not isinstance(operation.field, ManyToManyField)  # no column; its `through` comes after the table
    return isinstance(operation, AddConstraint | AddIndex | AddTrigger)


def _with(table: CreateModel, operation: Operation, app_label: str) -> CreateModel:
    if isinstance(operation, AddTrigger):  # Django's reduce() does not know it; pgtrigger creates it with the table
        triggers = [*table.options.get("triggers", []), operation.trigger]
        return CreateModel(
            table.name, table.fields, {**table.options, "triggers": triggers}, table.bases, table.managers
        )
    (merged,) = cast(list[CreateModel], table.reduce(operation, app_label))
    return merged
