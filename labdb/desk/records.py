"""What the desk offers on the lists of other rooms; it has no records of its own."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from labdb.colony.models import Weighing
from labdb.colony.mouse_actions import mice_of
from labdb.desk.weighing_page import ALL
from labdb.registry.list_actions import ListAction, offer
from labdb.registry.page_context import PageContext
from labdb.registry.record import Record, record_for
from labdb.tissue.models import Dissection

MOST_CHOSEN = 200  # as many as an address names


class _OpensBench(ListAction):
    """Opens a page of the bench for the chosen mice alone."""

    right = "add"
    needs_answers = False
    model: Any = None
    page = ""
    does = ""

    def target(self, context: PageContext) -> type[Record]:
        """Return the record that is entered there."""
        return record_for(self.model)

    def answer(self, request: HttpRequest, context: PageContext, rows: Sequence[Any]) -> HttpResponse:
        """Answer the page, or why there is none."""
        mice = mice_of(context, rows)
        studies = {mouse.study.code for mouse in mice}
        if len(studies) != 1 or len(mice) > MOST_CHOSEN:
            n = f"{len(mice):,} mice of {len(studies)} studies"
            messages.error(
                request, f"{self.does} up to {MOST_CHOSEN} mice of one study, and these are {n}; choose others."
            )
            return redirect(context.address("list"))
        asked = urlencode({"cohort": ALL, "mice": ".".join(str(mouse.pk) for mouse in mice)}, safe=".")
        return redirect(f"{reverse(self.page, args=[studies.pop()])}?{asked}")


class Weigh(_OpensBench):
    """Opens the round of weighing."""

    name = "weigh"
    label = "Weigh"
    model = Weighing
    page = "bench-weighing"
    does = "A round weighs"


class Dissect(_OpensBench):
    """Opens the sheet of a day of dissections."""

    name = "dissect"
    label = "Dissect"
    model = Dissection
    page = "bench-dissection"
    does = "A sheet holds"


offer("mice", Weigh(), Dissect())
offer("cages", Weigh("Weigh their mice"))
