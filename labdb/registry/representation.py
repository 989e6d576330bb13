"""A row as JSON: what REST shows, and the serializer that describes it in the schema.

Related records stand by name, with their id beside it: ``"mouse": "M001", "mouse_id": 12``.
"""

from collections.abc import Sequence
from typing import Any

from django.db import models
from rest_framework import serializers

from labdb.registry.keys import key_path
from labdb.registry.lab_fields import value_of
from labdb.registry.models import key_of
from labdb.registry.permissions import hidden_relations
from labdb.registry.record import Record, shown_fields


def with_related(queryset: models.QuerySet, record: type[Record]) -> models.QuerySet:
    """Return the queryset with all that a page of rows shows, in a fixed number of queries."""
    single: list[str] = []
    for field in shown_fields(record):
        if field.many_to_many:
            target = field.related_model
            path = "__".join(key_path(target).split("__")[:-1])
            rows = target._default_manager.select_related(path) if path else target._default_manager.all()
            queryset = queryset.prefetch_related(models.Prefetch(field.name, queryset=rows))
        elif field.is_relation:
            path = "__".join([field.name, *key_path(field.related_model).split("__")[:-1]])
            single.append(path)
    return queryset.select_related(*single) if single else queryset


def represent(instance: models.Model, record: type[Record], chosen: Sequence[str] = ()) -> dict[str, Any]:
    """Return a row as JSON has it; all fields, or the chosen ones."""
    shown: dict[str, Any] = {"id": instance.pk}
    for field in shown_fields(record):
        if field.many_to_many:
            shown[field.name] = [key_of(one) for one in getattr(instance, field.name).all()]
        elif field.is_relation:
            related = getattr(instance, field.name)
            shown[field.name] = None if related is None else key_of(related)
            shown[field.attname] = getattr(instance, field.attname)
        else:
            shown[field.name] = value_of(field, instance)
    return {name: shown[name] for name in chosen} if chosen else shown


def serializer_for(record: type[Record]) -> type[serializers.Serializer]:
    """Return the serializer that describes a record in the schema; it checks nothing, the form does."""
    members = {
        "get_fields": lambda self: _members(record),  # when asked, for the lab may have defined another field
        "to_representation": lambda self, instance: represent(instance, record),
    }
    return type(f"{record.model.__name__}Serializer", (serializers.Serializer,), members)


def _members(record: type[Record]) -> dict[str, serializers.Field]:
    members: dict[str, serializers.Field] = {"id": serializers.IntegerField(read_only=True)}
    hidden = hidden_relations(record.model)
    for field in shown_fields(record):
        is_null = field.null or field.generated or field in hidden  # a ratio may have no value
        members[field.name] = _described(field, is_null=is_null)
        if field.is_relation and not field.many_to_many:
            members[field.attname] = serializers.IntegerField(read_only=True, allow_null=is_null)
    return members


def _described(field: Any, *, is_null: bool) -> serializers.Field:
    options: dict[str, Any] = {"help_text": str(field.help_text or field.verbose_name), "read_only": True}
    if field.many_to_many:
        return serializers.ListField(child=serializers.CharField(), **options)
    options["allow_null"] = is_null
    if field.is_relation:
        is_named = key_path(field.related_model) != "pk"
        return serializers.CharField(**options) if is_named else serializers.IntegerField(**options)
    source = field.output_field if field.generated else field
    kinds: list[tuple[Any, type[serializers.Field]]] = [
        (models.BooleanField, serializers.BooleanField),
        (models.FloatField, serializers.FloatField),
        (models.IntegerField, serializers.IntegerField),
        (models.DateTimeField, serializers.DateTimeField),
        (models.DateField, serializers.DateField),
        (models.JSONField, serializers.JSONField),
    ]
    for kind, serializer_field in kinds:
        if isinstance(source, kind):
            return serializer_field(**options)
    return serializers.CharField(**options)
