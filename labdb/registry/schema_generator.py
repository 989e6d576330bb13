"""The schema, built once: it takes seconds, and only a field that the lab defines changes it."""

from functools import lru_cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from labdb.registry.lab_field import LabField
from labdb.registry.lab_fields import DEFINING


class KeptSchema(SchemaGenerator):
    """Builds the schema, or returns the one that it built for the same fields."""

    def get_schema(self, *args: Any, **kwargs: Any) -> Any:
        """Return the schema, which is the same for everybody."""
        return _built(tuple(LabField.objects.order_by("pk").values_list(*DEFINING)))


@lru_cache(maxsize=1)
def _built(lab_fields: tuple[Any, ...]) -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)
