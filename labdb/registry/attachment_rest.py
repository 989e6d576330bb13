"""Attachments by REST: of one record, with the rights of that record."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from labdb.registry.attachment_pages import attachment_or_404, require_change, send_file
from labdb.registry.attachments import Attachment, attach, attachments_of
from labdb.registry.form_fields import is_storable
from labdb.registry.forms import conflicts
from labdb.registry.headers import WHOLE_ROW
from labdb.registry.keys import KeyRing, is_id
from labdb.registry.record import record_for
from labdb.registry.rest_answers import Paging, Refused
from labdb.registry.rest_json import AlwaysJson, JsonRenderer
from labdb.registry.rest_schema import refusals

SAID = refusals(400, 403, 404)
OF_RECORD = [
    OpenApiParameter("resource", OpenApiTypes.STR, required=True, description="Kind of the record, such as mice."),
    OpenApiParameter("record", OpenApiTypes.STR, required=True, description="Its id, name, or STUDY-NAME."),
]


class AttachmentSerializer(serializers.ModelSerializer):
    """A file attached to a record."""

    study = serializers.CharField(source="study.code", default=None)
    created_by = serializers.CharField(source="created_by.username", default=None)

    class Meta:
        model = Attachment
        fields = (
            "id", "resource", "record_id", "study", "file_name", "media_type", "size_bytes", "sha256", "description",
            "created_at", "created_by",
        )  # fmt: skip


class AttachmentUpload(serializers.Serializer):
    """What is sent to attach a file."""

    resource = serializers.CharField()
    record = serializers.CharField(help_text="Its id, name, or STUDY-NAME.")
    file = serializers.FileField()
    description = serializers.CharField(required=False)


class AttachmentView(viewsets.ViewSet):
    """Files attached to a record."""

    parser_classes = [MultiPartParser]
    renderer_classes = [JsonRenderer]
    content_negotiation_class = AlwaysJson
    lookup_value_regex = "[0-9]{1,18}"
    serializer_class = AttachmentSerializer
    pagination_class = Paging
    filter_backends: list[Any] = []
    queryset = Attachment.objects.none()

    @extend_schema(parameters=OF_RECORD, responses={200: AttachmentSerializer(many=True), **SAID}, tags=["attachments"])
    def list(self, request: Request) -> Response:
        """List what is attached to one record."""
        row = _record_of(request.query_params, request.user)
        paging = Paging()
        page = paging.paginate_queryset(attachments_of(row).select_related("study", "created_by"), request, self)
        return paging.get_paginated_response(AttachmentSerializer(page, many=True).data)

    @extend_schema(
        request=AttachmentUpload,
        responses={201: AttachmentSerializer, **refusals(409, 413, 415), **SAID},
        tags=["attachments"],
    )
    def create(self, request: Request) -> Response:
        """Attach a file to a record that the account may change."""
        sent: Any = request.data  # a form: its parser takes no list
        row = _record_of(sent, request.user)
        _refuse_without_right(request.user, row)
        try:
            with conflicts(Attachment):
                made = attach(row, request.FILES.get("file"), str(sent.get("description", "")), user=request.user)
        except ValidationError as error:
            raise Refused(error.message_dict) from None
        return Response(AttachmentSerializer(made).data, status.HTTP_201_CREATED)

    @extend_schema(responses={200: AttachmentSerializer, **SAID}, tags=["attachments"])
    def retrieve(self, request: Request, pk: str) -> Response:
        """Return what is known of one file."""
        return Response(AttachmentSerializer(_found(pk, request.user)[0]).data)

    @extend_schema(responses={204: None, **SAID}, tags=["attachments"])
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove a file from its record."""
        found, row = _found(pk, request.user)
        _refuse_without_right(request.user, row)
        with conflicts(Attachment):
            found.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **SAID}, tags=["attachments"])
    @action(detail=True)
    def file(self, request: Request, pk: str) -> HttpResponseBase:
        """Return the bytes of a file."""
        found, _row = _found(pk, request.user)
        try:
            return send_file(found)
        except Http404 as error:
            raise NotFound(str(error)) from None


def _found(pk: str, user: Any) -> tuple[Attachment, Any]:
    try:
        return attachment_or_404(int(pk), user)
    except Http404 as error:
        raise NotFound(str(error)) from None


def _refuse_without_right(user: Any, row: Any) -> None:
    try:
        require_change(user, row)
    except PermissionDenied as error:
        raise Refused({WHOLE_ROW: [str(error)]}, 403) from None


def _record_of(words: Any, user: Any) -> Any:
    """Return the record that a request names; Refused, at the part that is wrong, when there is none."""
    resource, name = str(words.get("resource", "")), str(words.get("record", "")).strip()
    if not resource or not name:
        missing = [part for part, said in (("resource", resource), ("record", name)) if not said]
        raise Refused(
            {part: ["Say which record the files belong to: resource=mice and record=M001."] for part in missing}
        )
    try:
        model = record_for(resource).model
    except KeyError:
        raise Refused({"resource": [f"{resource} is not a record; enter one such as mice."]}) from None
    if not is_storable(name):
        raise Refused({"record": ["Text cannot hold NUL or half characters; type it anew."]})
    ring = KeyRing(user)
    try:
        if is_id(name):
            try:
                return ring.find(model, f"#{name.removeprefix('#')}")
            except ValidationError:
                pass  # a mouse may be called 12
        return ring.find(model, name)
    except ValidationError as error:
        raise Refused({"record": error.messages}) from None
