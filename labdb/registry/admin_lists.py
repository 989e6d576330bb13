"""Lists of the admin: searched, asked, filtered and narrowed by the same words as every list of records."""

from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from labdb.registry import permissions
from labdb.registry.cells import columns_of, with_related
from labdb.registry.filters import RESERVED, FilterError, read_filters, resolve, searched
from labdb.registry.form_fields import is_storable
from labdb.registry.list_filters import FilterInput, changed, inputs_of, kin_inputs_of
from labdb.registry.long_lists import COUNTED
from labdb.registry.page_context import PageContext
from labdb.registry.record import Record, record_for
from labdb.registry.saved_views import views_of
from labdb.registry.table_sizes import rows_about

SEARCH, IS_QUESTION = "q", "q-l"  # as the admin and djangoql call them
SIGNS = ("=", "<", ">", "~", " in ", "startswith", "endswith")  # what a text holds that asks, and is not looked for


class Counted(Paginator):
    """Pages of the first rows; what lies beyond is for a filter, and is not counted either."""

    @cached_property
    def count(self) -> int:
        """The number of rows, as far as they are counted."""
        rows: Any = self.object_list
        return int(rows.order_by()[: COUNTED + 1].count())


class Asked(SimpleListFilter):
    """One of the inputs beside a list of records, as the admin shows it; the list itself applies it."""

    described: FilterInput

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return what can be chosen."""
        return self.described.options

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Leave the rows to the list, which reads all its filters at once."""
        return queryset


def filters_of(request: HttpRequest, record: type[Record]) -> list[type[Asked]]:
    """Return the filters of a list that have something to choose, as far as the account may know it."""
    context = context_of(request, record)
    inputs = [one for one in (*inputs_of(context), *kin_inputs_of(context)) if one.options]
    if context.has_study:
        codes = [(study.code, study.code) for study in context.studies]
        inputs.insert(0, FilterInput("study", "Study", context.query.get("study", ""), "select", codes))
    made = ({"title": one.label, "parameter_name": one.name, "described": one} for one in inputs)
    return [type("Asked", (Asked,), members) for members in made]


def context_of(request: HttpRequest, record: type[Record]) -> PageContext:
    """Return who looks at a record in the admin, with the filters as a list of records would have them."""
    query = asked_of(record, request.GET)
    context = PageContext(record, request.user, query)
    codes = {text for study in context.studies for text in (study.code, f"#{study.pk}")}
    if query.get("study") and query["study"] not in codes:
        context.query = query = query.copy()
        query.pop("study")
    return context


def asked_of(record: type[Record], sent: QueryDict) -> QueryDict:
    """Return what an address of the admin asks for, as an address of the list of records."""
    asked = QueryDict(mutable=True)
    for name, texts in sent.lists():
        if _is_filter(record, name):
            asked.setlist(name, [text for text in texts if text])
    text = sent.get(SEARCH, "").strip()
    if text:
        asked["ask" if is_question(sent) else "search"] = text
    return asked


def is_question(sent: QueryDict) -> bool:
    """Whether the search box asks a question: a text without any sign is looked for, as everywhere."""
    return sent.get(IS_QUESTION, "on") != "off" and any(sign in sent.get(SEARCH, "") for sign in SIGNS)


def _is_filter(record: type[Record], name: str) -> bool:
    if name in RESERVED:
        return False
    try:
        resolve(record, name)
    except ValidationError:
        return False
    return True


class Shown(ChangeList):
    """A page of a list, without what is kept from the account."""

    def __init__(self, request: HttpRequest, model: Any, *args: Any, **kwargs: Any) -> None:
        self.record = record_for(model)
        super().__init__(request, model, *args, **kwargs)
        self.context = context_of(request, self.record)

    def get_filters_params(self, params: Any = None) -> Any:
        """Return the filters that are the admin's own: steps of its dates."""
        found = super().get_filters_params(params)
        kept = {SEARCH, IS_QUESTION}
        return {name: value for name, value in found.items() if name not in kept and not self._is_ours(name)}

    def _is_ours(self, name: str) -> bool:
        is_of_dates = bool(self.date_hierarchy) and name.startswith(f"{self.date_hierarchy}__")
        return not is_of_dates and _is_filter(self.record, name)

    def get_filters(self, request: HttpRequest) -> Any:
        """Return the filters; dates of a long table are not gathered, which would read (and ask) all of it twice more."""
        if self.date_hierarchy and rows_about(self.model) > COUNTED:
            self.date_hierarchy = None
        found = super().get_filters(request)
        has_active = any(name != "study" for name in asked_of(self.record, request.GET) if name not in RESERVED)
        return (*found[:-1], found[-1] or has_active)

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        """Return the rows that search, question and filters select, with what the columns show."""
        rows = super().get_queryset(request, exclude_parameters)
        asked = asked_of(self.record, request.GET)
        asked.pop("search", None)  # looked for already
        try:
            found = read_filters(self.record, asked, request.user)
        except FilterError as error:
            for sentences in error.errors.values():
                for sentence in sentences:
                    if sentence not in [str(said) for said in messages.get_messages(request)]:
                        messages.error(request, sentence)
            return rows.none()
        rows = rows.filter(found.conditions)
        if found.has_many:
            rows = self.model._default_manager.filter(pk__in=rows.order_by().values("pk")).order_by(
                *rows.query.order_by
            )
        return with_related(rows, columns_of(self.record, self.record.list_display))

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the rows."""
        super().get_results(request)
        self.result_list = permissions.conceal(self.result_list, request.user)

    @property
    def list_query(self) -> str:
        """The filters as the list of records has them: for its page and its export."""
        asked = self.context.query.copy()
        if self.date_hierarchy:
            asked.update(_as_bounds(self.date_hierarchy, self.params))
        return changed(asked)

    @property
    def list_url(self) -> str:
        """The same rows as a list of records."""
        return f"{reverse('record-list', args=[self.record.resource])}?{self.list_query}"

    @property
    def saved(self) -> list[tuple[Any, str]]:
        """The questions that the account has kept or is shared, each with its address here."""
        found = []
        for view in views_of(self.context):
            query = QueryDict(view.url.partition("?")[2], mutable=True)
            if text := query.get("ask"):
                here = QueryDict(mutable=True)
                here.update({name: str(query[name]) for name in query if _is_filter(self.record, name)})
                here.update({SEARCH: text, IS_QUESTION: "on"})
                found.append((view, f"?{here.urlencode()}"))
        return found


def _as_bounds(name: str, params: Any) -> dict[str, str]:
    """Return the step of a date hierarchy as the two ends of a filter."""
    try:
        year, month, day = (int(params.get(f"{name}__{unit}", 0)) for unit in ("year", "month", "day"))
    except (TypeError, ValueError):
        return {}
    if not year:
        return {}
    try:
        first = date(year, month or 1, day or 1)
        if day:
            end = first + timedelta(days=1)
        else:
            end = date(year + month // 12, month % 12 + 1, 1) if month else date(year + 1, 1, 1)
    except (ValueError, OverflowError):
        return {}
    return {f"{name}__gte": first.isoformat(), f"{name}__lt": end.isoformat()}


def looked_for(request: HttpRequest, record: type[Record], rows: Any, text: str) -> Any:
    """Return the rows that hold a text; of a question all, which the list reads by itself."""
    if not text.strip() or ("term" not in request.GET and is_question(request.GET)):
        return rows
    if not is_storable(text):
        messages.error(request, "Text cannot hold NUL or half characters; type it anew.")
        return rows.none()
    return searched(rows, record, text.strip())
