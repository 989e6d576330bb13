"""The data dictionary as a page: what each record, field and rule is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from labdb.desk.data_dictionary import dictionary, shared_fields, shared_rules


@require_GET
def data_dictionary(request: HttpRequest) -> HttpResponse:
    """Answer the page; each record stands at the anchor of its resource."""
    words = {
        "rooms": dictionary(with_lab_fields=True),
        "shared_fields": shared_fields(),
        "shared_rules": shared_rules(),
    }
    return render(request, "desk/data_dictionary.html", words)
