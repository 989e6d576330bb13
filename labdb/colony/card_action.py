"""Cage cards of chosen cages, or of the cages in which chosen mice live."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from labdb.colony.cage_cards import Card, CardMouse, cards_pdf
from labdb.colony.models import Cage, Housing
from labdb.registry.cells import detail_url
from labdb.registry.list_actions import ListAction
from labdb.registry.page_context import PageContext


class CageCards(ListAction):
    """Cards to print, eight on a sheet."""

    right = "view"
    needs_answers = False

    def __init__(self, sheet: str) -> None:
        self.sheet = sheet
        self.name = f"cards-{sheet.lower()}"
        super().__init__(f"Cage cards, {sheet}")

    def answer(self, request: HttpRequest, context: PageContext, rows: Sequence[Any]) -> HttpResponse:
        """Answer the PDF."""
        cards = cards_of(context, rows, request.build_absolute_uri("/").rstrip("/"))
        response = HttpResponse(
            cards_pdf(cards, self.sheet, timezone.localdate().isoformat()), content_type="application/pdf"
        )
        response["Content-Disposition"] = 'inline; filename="cage-cards.pdf"'
        return response


def cards_of(context: PageContext, rows: Sequence[Any], site: str) -> list[Card]:
    """Return a card of each cage, and one of each chosen mouse that lives in none."""
    ids = [row.pk for row in rows]
    present = Housing.objects.filter(housed_to=None, cage__isnull=False, mouse__death_date=None).visible_to(
        context.user
    )
    if context.record.model is Cage:
        cages = list(rows)
        homeless = []
    else:
        chosen = present.filter(mouse__in=ids).select_related("cage__study")
        living = {housing.mouse_id: housing.cage for housing in chosen}
        cages = list(dict.fromkeys(living[mouse.pk] for mouse in rows if mouse.pk in living))
        homeless = [mouse for mouse in rows if mouse.pk not in living]
    lives_in: dict[int, list[Housing]] = defaultdict(list)
    for housing in present.filter(cage__in=cages).select_related("mouse__cohort").order_by("mouse__code"):
        lives_in[housing.cage_id].append(housing)  # type: ignore[index]
    return [*(_of_cage(cage, lives_in[cage.pk], site) for cage in cages), *(_of_mouse(one, site) for one in homeless)]


def _of_cage(cage: Any, housings: list[Housing], site: str) -> Card:
    place = " ".join(f"{word} {text}" for word, text in (
        ("room", cage.room), ("rack", cage.rack), ("position", cage.position)
    ) if text)  # fmt: skip
    kind = cage.get_kind_display()
    mice = tuple(_line(housing.mouse, housing.housed_from) for housing in housings)
    cohorts = _cohorts(housing.mouse for housing in housings)
    return Card(
        f"{cage}",
        f"study {cage.study}",
        f"{site}{detail_url(cage)}",
        ", ".join(filter(None, [place, kind])),
        cohorts,
        mice,
    )


def _of_mouse(mouse: Any, site: str) -> Card:
    address = f"{site}{reverse('record-detail', args=['mice', mouse.pk])}"
    return Card(f"{mouse}", f"study {mouse.study}", address, "no cage", _cohorts([mouse]), (_line(mouse, None),))


def _line(mouse: Any, since: date | None) -> CardMouse:
    born = mouse.birth_date.isoformat() if mouse.birth_date else ""
    return CardMouse(mouse.code, mouse.ear_tag, mouse.sex, born, mouse.group, since.isoformat() if since else "")


def _cohorts(mice: Iterable[Any]) -> str:
    cohorts = {
        f"{mouse.cohort}{f' from {mouse.cohort.start_date}' if mouse.cohort.start_date else ''}": None
        for mouse in mice
        if mouse.cohort
    }
    return f"cohort {', '.join(cohorts)}" if cohorts else ""
