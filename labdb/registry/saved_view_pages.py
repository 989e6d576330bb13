"""What a list's menu of views sends: keep this view, forget that one."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from labdb.registry.list_filters import changed
from labdb.registry.page_context import PageContext
from labdb.registry.saved_views import own_view, save_view, views_of


@require_http_methods(["GET", "HEAD", "POST"])
def list_views(request: HttpRequest, resource: str) -> HttpResponse:
    """Answer the menu of a list's views when it is opened; keep the list as its address says, and show it."""
    context = PageContext.of(request, resource)
    context.require("view")
    if request.method != "POST":
        words = {**context.for_template(), "views": views_of(context), "view_query": changed(context.query)}
        return render(request, "registry/_list_views.html", words)
    query = request.POST.get("query", "")
    try:
        view, was_there = save_view(
            context, request.POST.get("name", ""), query, is_shared=bool(request.POST.get("is_shared"))
        )
    except ValidationError as error:
        for sentence in error.messages:
            messages.error(request, sentence)
    else:
        query = view.query
        messages.success(request, f"View {view.name} {'replaced' if was_there else 'saved'}.")
    if url_has_allowed_host_and_scheme(back := request.POST.get("back", ""), None):
        return redirect(back)  # it was kept elsewhere, as in the admin
    url = reverse("record-list", args=[resource])
    return redirect(f"{url}?{query}" if query else url)


@require_POST
def view_forget(request: HttpRequest, resource: str, pk: int) -> HttpResponse:
    """Forget one of the account's own views."""
    context = PageContext.of(request, resource)
    view = own_view(request.user, pk)
    if view is None or view.resource != context.record.resource:
        raise Http404("There is no such view of yours.")
    view.delete()
    messages.success(request, f"View {view.name} forgotten; no record is touched.")
    return redirect("record-list", resource)
