"""The base of rules that a kernel reads: versioned, and fixed once something rests on them."""

import re
from collections.abc import Callable
from dataclasses import fields as dataclass_fields
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models

from labdb.registry.models import LabRecord, dependents

VERSIONED = re.compile(r"(?P<stem>.+), version (?P<number>[1-9][0-9]{0,3})")

# What names a rule without a row that refers to it: each says so, in half a sentence, or nothing. Later rooms add theirs.
USES: list[Callable[["Rule"], str]] = []


class Rule(LabRecord):
    """A versioned rule: its fields are those of the kernel's dataclass, which it builds and does not repeat.

    Versions of one rule share the stem of their name: ``Ratio below 1``, then ``Ratio below 1, version 2``.
    """

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
        if use := before._use():
            raise ValidationError({"name": f"{use}; enter a new rule under another name."})

    def needed_by(self) -> str:
        """Say what names this rule, though no row may refer to it."""
        use = self._use()
        return f"{use}, which could not be repeated without it." if use else ""

    def _use(self) -> str:
        return next(filter(None, (use(self) for use in USES)), "")

    def versions(self) -> list[Self]:
        """Return all versions of this rule, the first one first; itself among them."""
        stem, _number = self._stem_and_number()
        rows: Any = type(self).objects.filter(name__startswith=stem)
        numbered = [(number, row) for row in rows for found, number in [row._stem_and_number()] if found == stem]
        return [row for _number, row in sorted(numbered, key=lambda pair: pair[0])]

    def next_name(self) -> str:
        """Return the name of the version after the latest."""
        stem, number = (self.versions() or [self])[-1]._stem_and_number()
        return f"{stem}, version {number + 1}"

    def _stem_and_number(self) -> tuple[str, int]:
        found = VERSIONED.fullmatch(self.name)
        return (found["stem"], int(found["number"])) if found else (self.name, 1)

    def to_kernel(self) -> Any:
        """Return the kernel's dataclass with this rule's values."""
        return self.kernel_rule(**self._values())

    def _values(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in dataclass_fields(self.kernel_rule)}

    def _says(self) -> tuple[str, dict[str, Any]]:
        return self.name, self._values()
