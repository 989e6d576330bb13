"""The base of rules that a kernel reads: versioned, and fixed once something rests on them."""

from dataclasses import fields as dataclass_fields
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from labdb.registry.models import LabRecord, dependents


class Rule(LabRecord):
    """A versioned rule: its fields are those of the kernel's dataclass, which it builds and does not repeat."""

    key_field: ClassVar[str] = "name"
    kernel_rule: ClassVar[type[Any]]

    name = models.CharField(max_length=100, help_text="State the version in it: a used rule is superseded, not edited.")

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Refuse a change of a rule that results rest on."""
        super().clean()
        before = type(self).objects.filter(pk=self.pk).first() if self.pk else None
        if before is None or before._says() == self._says():
            return
        for relation in dependents(type(self)):
            results = relation.related_model
            count = results._base_manager.filter(**{relation.field.name: self.pk}).count()
            if count:
                what = results._meta.verbose_name_plural if count > 1 else results._meta.verbose_name
                raise ValidationError(
                    {"name": f"The rule {before.name} made {count} {what}; enter a new rule under another name."}
                )

    def to_kernel(self) -> Any:
        """Return the kernel's dataclass with this rule's values."""
        return self.kernel_rule(**self._values())

    def _values(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in dataclass_fields(self.kernel_rule)}

    def _says(self) -> tuple[str, dict[str, Any]]:
        return self.name, self._values()
