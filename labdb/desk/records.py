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

MOST_WEIGHED = 200  # as many as an address names


class Weigh(ListAction):
    """Opens the bench's round for the chosen mice alone."""

    name = "weigh"
    label = "Weigh"
    right = "add"
    needs_answers = False

    def target(self, context: PageContext) -> type[Record]:
        """Return the record of weighings."""
        return record_for(Weighing)

    def answer(self, request: HttpRequest, context: PageContext, rows: Sequence[Any]) -> HttpResponse:
        """Answer the round, or why there is none."""
        mice = mice_of(context, rows)
        studies = {mouse.study.code for mouse in mice}
        if len(studies) != 1 or len(mice) > MOST_WEIGHED:
            n = f"{len(mice):,} mice of {len(studies)} studies"
            messages.error(
                request, f"A round weighs up to {MOST_WEIGHED} mice of one study, and these are {n}; choose others."
            )
            return redirect(context.address("list"))
        asked = urlencode({"cohort": ALL, "mice": ".".join(str(mouse.pk) for mouse in mice)}, safe=".")
        return redirect(f"{reverse('bench-weighing', args=[studies.pop()])}?{asked}")


offer("mice", Weigh())
offer("cages", Weigh("Weigh their mice"))
