"""REST for every record: the same permissions, checks and words as the pages; serializers only represent."""

import json
import re
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status, viewsets
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from labdb.registry import deletion, filters, permissions
from labdb.registry.exports import export_response
from labdb.registry.form_fields import is_storable
from labdb.registry.forms import Conflict, complete, forbidden_sentence, form_for
from labdb.registry.headers import WHOLE_ROW
from labdb.registry.import_log import Source
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import entered, import_dicts
from labdb.registry.keys import KeyRing, is_id, key_path
from labdb.registry.record import Record, all_records
from labdb.registry.refused_imports import remember_refusal, settle_refusals
from labdb.registry.representation import represent, serializer_for, with_related
from labdb.registry.rest_answers import Paging, Refused
from labdb.registry.rest_json import JsonParser, JsonRenderer

MAX_BODY_BYTES = 50 * 2**20  # about 200,000 rows; more goes by `import_records`
Sentences = dict[str, list[str]]


class RecordReader(viewsets.ViewSet):
    """List and detail of one record."""

    record: type[Record]
    lookup_value_regex = "[^/]+"
    parser_classes = [JsonParser]
    renderer_classes = [JsonRenderer]
    pagination_class = Paging
    filter_backends: list[Any] = []
    if_too_large = "send it in parts"

    @property
    def max_body_bytes(self) -> int:
        """The largest request; a view that takes files may allow more."""
        return MAX_BODY_BYTES

    def get_queryset(self) -> Any:
        """Return the rows that the account may see."""
        return permissions.visible(self.record.model._default_manager.all(), self.request.user)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Return the description of a row, for the schema."""
        return serializer_for(self.record)(*args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what is too large before it is read."""
        super().initial(request, *args, **kwargs)
        if int(request.META.get("CONTENT_LENGTH") or 0) > self.max_body_bytes:
            limit = f"{self.max_body_bytes // 2**20} MB"
            raise Refused({WHOLE_ROW: [f"More than {limit} in one request; {self.if_too_large}."]}, 413)

    def list(self, request: Request) -> Response | HttpResponseBase:
        """Return a page of the rows that the filters select, or all of them as a file."""
        found = filters.read_filters(self.record, request.query_params, request.user)
        rows = filters.apply(self.get_queryset(), self.record, found)
        if "export" in request.query_params:
            return export_response(rows, self.record, request.query_params, request.user)
        chosen = filters.chosen_names(request.query_params)
        paging = Paging(partial(with_related, record=self.record))
        page = permissions.conceal(paging.paginate_queryset(rows, request, self) or [], request.user)
        return paging.get_paginated_response([represent(row, self.record, chosen) for row in page])

    def retrieve(self, request: Request, pk: str) -> Response:
        """Return one row, by id, name or label; the ETag is its version."""
        filters.read_filters(self.record, request.query_params, request.user)  # for its refusals
        return self._answer(self._find(pk), chosen=filters.chosen_names(request.query_params))

    def _find(self, name: str) -> Any:
        """Return the row; 404 for what does not exist and for what the account may not see."""
        if not is_storable(name):
            raise NotFound(f"There is no {self.record.model._meta.verbose_name} of that name.")
        try:
            name = f"#{name}" if is_id(name) and self._has_no_such_name(name) else name
            found = KeyRing(self.request.user).find(self.record.model, name)
        except ValidationError as error:
            raise NotFound(error.messages[0]) from None
        return with_related(self.get_queryset(), self.record).get(pk=found.pk)

    def _has_no_such_name(self, digits: str) -> bool:
        """Whether digits are an id: they are unless a row is called that (a mouse 12)."""
        key = key_path(self.record.model)
        is_an_id = self.get_queryset().filter(pk=int(digits.removeprefix("#"))).exists()
        return is_an_id or key == "pk" or not self.get_queryset().filter(**{key: digits}).exists()

    def _answer(self, row: Any, code: int = status.HTTP_200_OK, chosen: Any = ()) -> Response:
        [row] = permissions.conceal([row], self.request.user)
        headers = {"ETag": row.etag} if hasattr(row, "etag") else {}
        return Response(represent(row, self.record, chosen), code, headers=headers)


class RecordEditor(RecordReader):
    """Reading, and writing through the record's one form."""

    def create(self, request: Request) -> Response:
        """Create one record, or all of a list or none."""
        if not permissions.may(request.user, "add", self.record.model):
            raise Refused({WHOLE_ROW: [forbidden_sentence("add", self.record.model)]}, 403)
        if isinstance(request.data, list):
            return self._create_many(request, request.data)
        texts, _left_out = entered(self.record, _object(request.data))
        form = form_for(self.record)(complete(texts, self.record), user=request.user, reason=_reason(request))
        return self._answer(self._saved(form), status.HTTP_201_CREATED)

    def update(self, request: Request, pk: str) -> Response:
        """Replace a record: what is omitted takes its default."""
        return self._change(request, self._find(pk), is_partial=False)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change some fields of a record."""
        return self._change(request, self._find(pk), is_partial=True)

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a record, unless others depend on it: the answer says which."""
        row = self._find(pk)
        with transaction.atomic():
            version = _expected_version(request)
            if version is not None:
                current = self.record.model._default_manager.select_for_update(of=("self",)).get(pk=row.pk)
                if current.version != version:  # type: ignore[attr-defined]
                    raise Conflict.outdated(current, version)
            deletion.delete_record(row, request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _create_many(self, request: Request, rows: list[Any]) -> Response:
        if not rows:
            raise Refused({WHOLE_ROW: ["The list is empty; send one object per record."]})
        report = import_dicts(
            self.record, [_object(row) for row in rows], user=request.user, reason=_reason(request), door="REST"
        )
        if report.is_stored:
            settle_refusals(self.record.resource, request.user)
        else:
            self._remember_refusal(request, rows, report)
            by_row: list[Sentences] = [{} for _row in rows]
            for error in report.refusals():
                by_row[error.line - 1].setdefault(error.column or WHOLE_ROW, []).append(error.sentence)
            raise Refused(by_row, 409 if report.is_conflict else 403 if report.is_forbidden else 400)
        made = [row.pk for row in report.records]
        stored = with_related(self.record.model._default_manager.filter(pk__in=made), self.record).in_bulk()
        return Response([represent(stored[pk], self.record) for pk in made], status.HTTP_201_CREATED)

    def _remember_refusal(self, request: Request, rows: list[Any], report: ImportReport) -> None:
        """Remember a refused list as a refused file is; what came is spelled always alike for its digest."""
        source = Source.of(
            json.dumps(rows, sort_keys=True, default=str).encode(),
            f"{len(rows):,} row{'' if len(rows) == 1 else 's'} by REST",
        )
        remember_refusal(
            [str(one) for one in report.refusals()], resource=self.record.resource, source=source, user=request.user,
            study=None, door="REST", reason=_reason(request),
        )  # fmt: skip

    def _change(self, request: Request, row: Any, *, is_partial: bool) -> Response:
        place = permissions.place_of(row)
        if not permissions.may(request.user, "change", self.record.model, place):
            raise Refused({WHOLE_ROW: [forbidden_sentence("change", self.record.model, place)]}, 403)
        texts, _left_out = entered(self.record, _object(request.data))
        texts = complete(texts, self.record, row if is_partial else None)
        form = form_for(self.record)(texts, user=request.user, instance=row, reason=_reason(request))
        return self._answer(self._saved(form, _expected_version(request)))

    def _saved(self, form: Any, expected_version: int | None = None) -> Any:
        if not form.is_valid():
            errors = {name: list(sentences) for name, sentences in form.errors.items()}
            raise Refused(errors, 403 if form.has_error(WHOLE_ROW, "forbidden") else 400)
        saved = form.save(expected_version=expected_version)
        # read anew: version, study and ratios are made by the database
        return with_related(self.record.model._default_manager.all(), self.record).get(pk=saved.pk)


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ParseError('Send an object of fields, such as {"code": "M001"}, or a list of them.')
    return data


def _reason(request: Request) -> str:
    """Return why a row is saved in spite of warnings; the history keeps it."""
    return request.headers.get("X-Reason", "").strip()


def _expected_version(request: Request) -> int | None:
    """Return the version that If-Match names; None when any will do."""
    text = request.headers.get("If-Match", "").strip()
    if text in ("", "*"):
        return None
    match = re.fullmatch(r'(?:W/)?"?([0-9]{1,9})"?', text)
    return int(match[1]) if match else -1  # matches no version: changed meanwhile


def view_for(record: type[Record]) -> type[RecordReader]:
    """Return the REST view of a record."""
    base = RecordReader if record.read_only else RecordEditor
    view = type(f"{record.model.__name__}View", (base,), {"record": record, "__doc__": record.__doc__})
    return _described(record, view)


def _described(record: type[Record], view: Any) -> Any:
    """Declare answers and parameters in the schema."""
    shape = serializer_for(record)
    said = OpenApiTypes.OBJECT  # {"field": ["sentence"]}
    refusals = {401: said, 404: said}
    read = {200: shape, 400: said, **refusals}
    write = {**refusals, 400: said, 403: said, 409: said, 413: said}
    id_parameter = OpenApiParameter("id", OpenApiTypes.STR, "path", description="Id, name, or STUDY-NAME.")
    match = OpenApiParameter("If-Match", OpenApiTypes.STR, "header", description="The ETag of what you changed.")
    reason = OpenApiParameter(
        "X-Reason", OpenApiTypes.STR, "header", description="Why: kept in the history; lifts warnings."
    )
    query = [
        OpenApiParameter(name, OpenApiTypes.STR, description=words)
        for name, words in (
            ("search", "Text to look for."),
            ("ask", 'A question, such as phenotype = "susceptible" and rin > 8; docs/desk.md.'),
            ("ordering", "Columns, separated by commas; a minus sorts downwards."),
            ("fields", "Columns to show, separated by commas."),
            ("export", "csv: all rows that the filters select, as a file."),
        )
    ]
    tags = [record.resource]
    described: dict[str, Any] = {
        "list": extend_schema(parameters=query, responses={200: shape, 400: said, 401: said}, tags=tags),
        "retrieve": extend_schema(parameters=[id_parameter], responses=read, tags=tags),
    }
    if not record.read_only:
        stale = {412: OpenApiResponse(said, "Someone else changed it: both values.")}
        edit: dict[str, Any] = {"parameters": [id_parameter, match, reason], "tags": tags, "request": shape}
        described["create"] = extend_schema(
            parameters=[reason], request=shape, responses={201: shape, **write}, tags=tags
        )
        described["update"] = extend_schema(responses={200: shape, **write, **stale}, **edit)
        described["partial_update"] = extend_schema(responses={200: shape, **write, **stale}, **edit)
        described["destroy"] = extend_schema(
            parameters=[id_parameter, match, reason], responses={204: None, **write, **stale}, tags=tags
        )
    return extend_schema_view(**described)(view)


class Router(SimpleRouter):
    """Addresses of every record, in the order of the experiment.

    Parameters
    ----------
    special : dict of record to view
        Views of records that do more than read and write rows.
    """

    def __init__(self, special: dict[type[Record], type[RecordReader]] | None = None) -> None:
        super().__init__()
        for record in all_records():
            view = (special or {}).get(record) or view_for(record)
            self.register(record.resource, view, basename=f"api-{record.resource}")
