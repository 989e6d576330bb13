"""What is done to many mice at once, chosen in the list of mice or by their cages."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Prefetch
from django.utils import timezone

from labdb.colony.models import Exclusion, Housing, Mouse
from labdb.registry.list_actions import ListAction, Write
from labdb.registry.page_context import PageContext
from labdb.registry.record import Record, record_for


def mice_of(context: PageContext, rows: Sequence[Any]) -> list[Any]:
    """Return the mice among chosen rows: themselves, or those that live in the chosen cages."""
    if context.record.model is Mouse:
        return list(rows)
    lives_here = {"housings__cage__in": [row.pk for row in rows], "housings__housed_to": None, "death_date": None}
    mice = Mouse.objects.filter(**lives_here).visible_to(context.user)
    return list(mice.select_related("study").distinct().order_by("study", "code"))


class _OfMice(ListAction):
    """Writes rows of a record that belongs to mice."""

    model: Any = Mouse
    right = "add"

    def target(self, context: PageContext) -> type[Record]:
        """Return the record that is written."""
        return record_for(self.model)


def _key(mouse: Any) -> dict[str, str]:
    return {"study": mouse.study.code, "mouse": f"#{mouse.pk}"}


class MoveToCage(_OfMice):
    """The housing of today ends, the next one begins."""

    name = "move"
    label = "Move to a cage"
    model = Housing
    needed = ("cage",)

    def asked(self, context: PageContext, sent: Mapping[str, str]) -> tuple[str, ...]:
        """Return cage, kind and day."""
        return ("cage", "kind", "housed_from", "notes")

    def initial(self, context: PageContext) -> dict[str, Any]:
        """Return today."""
        return {"housed_from": timezone.localdate()}

    def writes(self, context: PageContext, rows: Sequence[Any], answers: Mapping[str, str]) -> Iterator[Write]:
        """Yield the end of the present housing and the beginning of the next; who lives there already stays."""
        present = Prefetch("housings", Housing.objects.filter(housed_to=None).select_related("cage"), to_attr="present")
        mice = Mouse.objects.filter(pk__in=[mouse.pk for mouse in mice_of(context, rows)])
        for mouse in mice.select_related("study").prefetch_related(present).order_by("study", "code"):
            if any(housing.cage and housing.cage.code == answers["cage"].strip() for housing in mouse.present):
                continue
            for housing in mouse.present:
                yield Write(mouse, {"housed_to": answers["housed_from"]}, housing)
            yield Write(mouse, {**_key(mouse), **answers})


class Exclude(_OfMice):
    """Every analysis leaves them out, for a reason."""

    name = "exclude"
    label = "Exclude"
    model = Exclusion

    def asked(self, context: PageContext, sent: Mapping[str, str]) -> tuple[str, ...]:
        """Return the criterion, when it was set, who decided and what they knew."""
        return ("criterion", "is_a_priori", "is_blind", "decided_by", "decided_at", "notes")

    def initial(self, context: PageContext) -> dict[str, Any]:
        """Return who decides, and now."""
        return {"decided_by": context.user.get_username(), "decided_at": timezone.now()}

    def writes(self, context: PageContext, rows: Sequence[Any], answers: Mapping[str, str]) -> Iterator[Write]:
        """Yield an exclusion of each."""
        for mouse in mice_of(context, rows):
            yield Write(mouse, {**_key(mouse), **answers})


class Note(ListAction):
    """A line below the notes that a row has."""

    name = "note"
    label = "Note"
    needed = ("notes",)

    def asked(self, context: PageContext, sent: Mapping[str, str]) -> tuple[str, ...]:
        """Return the note."""
        return ("notes",)

    def writes(self, context: PageContext, rows: Sequence[Any], answers: Mapping[str, str]) -> Iterator[Write]:
        """Yield each row with the new line below its notes."""
        line = f"{timezone.localdate()} {context.user.get_username()}: {answers['notes'].strip()}"
        for row in rows:
            yield Write(row, {"notes": f"{row.notes}\n{line}" if row.notes else line}, row)
