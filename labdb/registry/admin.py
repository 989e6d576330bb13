"""A plain admin for every record, with its one form, its permissions and its words."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db import IntegrityError, models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import path, reverse

from labdb.registry import deletion, permissions
from labdb.registry.admin_lists import Counted, Shown, context_of, filters_of, looked_for
from labdb.registry.asked import Asker
from labdb.registry.cells import value_part
from labdb.registry.entry_fields import offer_names
from labdb.registry.form_fields import KeyField, TextField
from labdb.registry.forms import REASON, conflict_sentence, form_for, offered
from labdb.registry.history import writing
from labdb.registry.lab_fields import value_of
from labdb.registry.list_action_page import list_action
from labdb.registry.list_actions import actions_of
from labdb.registry.past_changes import past_changes
from labdb.registry.question_words import words_for
from labdb.registry.record import Record, all_records, field_of, record_for
from labdb.registry.related import related_tables


class RecordAdmin(admin.ModelAdmin):
    """One record in the admin; what it does is decided where the other doors look too."""

    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False  # counts millions of rows for a number that nobody reads
    list_per_page = 50
    paginator = Counted
    change_list_template = "registry/admin_list.html"
    change_form_template = "registry/admin_change.html"

    class Media:
        css = {"all": (
            "djangoql/css/completion.css", "djangoql/css/completion_admin.css",
            "vendor/tom-select/css/tom-select.bootstrap5.min.css", "labdb/admin.css",
        )}  # fmt: skip
        js = (
            "djangoql/js/completion.js", "djangoql/js/completion_admin_toggle.js", "djangoql/js/completion_admin.js",
            "vendor/tom-select/js/tom-select.complete.min.js", "labdb/records.js",
        )  # fmt: skip

    @property
    def record(self) -> type[Record]:
        """The declaration."""
        return record_for(self.model)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the rows that the account may see."""
        return permissions.visible(super().get_queryset(request), request.user)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Return one row, without what is kept from the account."""
        found = super().get_object(request, object_id, from_field)
        return found if found is None else permissions.conceal([found], request.user)[0]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the list, without what is kept from the account."""
        return Shown

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Return the filters: those of the list of records."""
        return filters_of(request, self.record)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Look for a text as every list does; a question is read by the list."""
        return looked_for(request, self.record, queryset, search_term), False

    def get_urls(self) -> list[Any]:
        """Add what the completion of questions reads."""
        names = self.model._meta.app_label, self.model._meta.model_name
        own = [
            path("introspect/", self.admin_site.admin_view(self.introspect), name="{}_{}_introspect".format(*names)),
            path("djangoql-syntax/", self.admin_site.admin_view(_how_to_ask), name="{}_{}_how".format(*names)),
        ]
        return [*own, *super().get_urls()]

    def introspect(self, request: HttpRequest) -> HttpResponse:
        """Answer what a question may say."""
        if not self.has_module_permission(request):
            raise PermissionDenied
        return JsonResponse(words_for(self.record, Asker(request.user, context_of(request, self.record).study)))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return what is done to many rows of the list of records: there it is asked, shown and done."""
        context = context_of(request, self.record)
        if self.record.read_only:
            return {}
        return {one.name: (_carried_out, one.name, one.label) for one in actions_of(context)}

    def response_action(self, request: HttpRequest, queryset: Any, action_location: Any = None) -> Any:
        """Go on to the page of the action with the chosen rows."""
        name = request.POST.get("action", "")
        if name not in self.get_actions(request) or not request.POST.getlist("_selected_action"):
            return super().response_action(request, queryset)
        rows = queryset
        if request.POST.get("select_across") != "1":
            ids = [one for one in request.POST.getlist("_selected_action") if one.isascii() and one.isdecimal()]
            rows = queryset.filter(pk__in=[int(one) for one in ids if len(one) < 19])
        chosen = QueryDict(mutable=True)
        chosen["row"] = " ".join(str(pk) for pk in rows.order_by().values_list("pk", flat=True))
        chosen["back"] = request.get_full_path()
        request.POST = chosen  # type: ignore[assignment]
        return list_action(request, self.record.resource, name)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        """Show a row, with the first rows of other records that refer to it."""
        row = self.get_object(request, object_id) if request.method == "GET" else None
        shown = {"related": related_tables(row, request.user)} if row is not None else {}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Show the history as the database keeps it, of whatever door."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"There is no {self.opts.verbose_name} {object_id[:20]} that you see.")
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        words = {
            **self.admin_site.each_context(request), "opts": self.opts, "object": row, "title": f"History of {row}",
            "changes": past_changes(row, request.user),
        }  # fmt: skip
        return render(request, "registry/admin_history.html", words)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Say what stands in the way by the way every door takes; Django would print the name of every related row."""
        told = [sentence for obj in objs if (sentence := deletion.refusal(obj, request.user))]
        counts = {str(self.model._meta.verbose_name_plural): len(objs)}
        return [deletion.named(obj) for obj in objs], counts, set(), told

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the record's one form, bound to the account."""
        if self.record.read_only:  # nothing of it is entered, and it has no form
            return super().get_form(request, obj, change=change, **{**kwargs, "fields": ()})
        base: Any = form_for(self.record)

        def bound(self: Any, data: Any = None, files: Any = None, **options: Any) -> None:
            base.__init__(self, data, user=request.user, reason=(data or {}).get(REASON, ""), **options)
            for field in self.fields.values():
                if isinstance(field, KeyField):
                    offer_names(field, request.user)  # searched while one types

        made: Any = type(base.__name__, (base,), {"__init__": bound})
        # the study too, which Django would leave out of a form made anew
        made.base_fields = {**base.base_fields, REASON: TextField(required=False, label="reason", longest=300)}
        return made

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, and keep the reason beside the change."""
        with writing(user=request.user, door="admin", reason=form.reason):
            super().save_model(request, obj, form, change)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields of the form, or the columns where they are only looked at."""
        may_edit = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        names = [*offered(self.record), REASON] if may_edit else self._looked_at()
        return [(None, {"fields": names})]

    def _looked_at(self) -> list[Any]:
        """Return the columns; the admin knows no field outside the model, so such a one shows by a function."""
        own = {field.name: _shown_by(field) for field in self.record.lab_fields()}
        return [own.get(name, name) for name in self.record.columns()]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the record is listed."""
        return permissions.may(request.user, "view", self.model)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether it may be looked at."""
        return self._may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether one may be added."""
        return not self.record.read_only and self._may(request, "add", None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether it may be changed."""
        return not self.record.read_only and self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether it may be deleted."""
        return not self.record.read_only and self._may(request, "delete", obj)

    def _may(self, request: HttpRequest, action: str, obj: Any) -> bool:
        place = permissions.place_of(obj) if obj is not None else None
        return permissions.may(request.user, action, self.model, place)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show or save; say what happened when another writer came first."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError as error:
            messages.error(request, conflict_sentence(self.model, error))
            return HttpResponseRedirect(request.get_full_path())

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete one record by the way every door takes."""
        try:
            deletion.delete_record(obj, request.user)
        except (deletion.StillNeeded, deletion.Forbidden) as error:
            raise PermissionDenied(str(error)) from None


def register_all(site: admin.AdminSite = admin.site) -> None:
    """Give every declaration its admin."""
    for record in all_records():
        site.register(record.model, _admin_for(record))


def _carried_out(*_of_admin: Any) -> None:
    """Stand for an action where the admin lists them; `response_action` goes on to its page."""


def _how_to_ask(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("question-help"))


def _admin_for(record: type[Record]) -> type[RecordAdmin]:
    several = {field.name: _several(field) for field in record.model._meta.many_to_many}
    members = {
        "list_display": tuple(several.get(name, name) for name in record.list_display) or ("__str__",),
        "search_fields": record.search_fields or ("pk",),
        "date_hierarchy": _date_of(record),
    }
    return type(f"{record.model.__name__}Admin", (RecordAdmin,), members)


def _date_of(record: type[Record]) -> str | None:
    """Return the date by which rows are narrowed step by step: the first that the list or the form names."""
    for name in (*record.list_display, *record.fields):
        try:
            field = field_of(record.model, name)
        except FieldDoesNotExist:
            continue
        if isinstance(field, models.DateField):
            return name
    return None


def _several(field: Any) -> Any:
    @admin.display(description=field.verbose_name)
    def shown(row: Any) -> str:
        return "; ".join(str(one) for one in getattr(row, field.name).all())

    return shown


def _shown_by(field: Any) -> Any:
    @admin.display(description=field.verbose_name)
    def shown(row: Any) -> str:
        return value_part(field, value_of(field, row), whole=True).text

    return shown


register_all()
