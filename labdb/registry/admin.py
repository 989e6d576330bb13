"""A plain admin for every record, with its one form, its permissions and its words."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponseRedirect

from labdb.registry import deletion, permissions
from labdb.registry.cells import value_part
from labdb.registry.form_fields import TextField
from labdb.registry.forms import REASON, conflict_sentence, form_for, offered
from labdb.registry.history import writing
from labdb.registry.lab_fields import value_of
from labdb.registry.record import Record, all_records, record_for


class Shown(ChangeList):
    """A page of a list, without what is kept from the account."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the rows."""
        super().get_results(request)
        self.result_list = permissions.conceal(self.result_list, request.user)


class RecordAdmin(admin.ModelAdmin):
    """One record in the admin; what it does is decided where the other doors look too."""

    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False  # counts millions of rows for a number that nobody reads
    actions = None  # deleting many at once is no bench work
    list_per_page = 50

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


def _admin_for(record: type[Record]) -> type[RecordAdmin]:
    many = {field.name for field in record.model._meta.many_to_many}
    shown = tuple(name for name in record.list_display if name not in many)
    related = [
        field.name for field in record.model._meta.fields if field.is_relation and field.name in (*shown, "study")
    ]
    filterable = tuple(name for name in record.list_filter if not _is_long(record, name))
    members = {
        "list_display": shown or ("__str__",),
        "list_filter": filterable,
        "search_fields": record.search_fields,
        "list_select_related": tuple(related) or False,
    }
    return type(f"{record.model.__name__}Admin", (RecordAdmin,), members)


def _shown_by(field: Any) -> Any:
    @admin.display(description=field.verbose_name)
    def shown(row: Any) -> str:
        return value_part(field, value_of(field, row), whole=True).text

    return shown


def _is_long(record: type[Record], name: str) -> bool:
    """Whether a filter would list every row of a related table; the pages filter by name instead."""
    field: Any = record.model._meta.get_field(name.split("__")[0])
    return field.is_relation


register_all()
