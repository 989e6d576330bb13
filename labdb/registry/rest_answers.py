"""How REST answers: pages of rows, and refusals with sentences by field."""

import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import FieldError, ValidationError
from django.db import DataError
from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, Throttled
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from labdb.registry import deletion, filters
from labdb.registry.forms import Conflict
from labdb.registry.headers import WHOLE_ROW
from labdb.registry.long_lists import rows_of_page

PAGE_ROWS = 100
MAX_PAGE_ROWS = 1_000
MAX_OFFSET = 2**31 - 1
TOO_LONG = f"A page holds {MAX_PAGE_ROWS:,} rows at most, not {{asked:,}}; follow next, or take all rows at once by ?export=csv."


class Refused(APIException):
    """An answer with sentences by field."""

    def __init__(self, errors: Any, status_code: int = status.HTTP_400_BAD_REQUEST, **more: Any) -> None:
        self.status_code = status_code
        self.detail = {**errors, **more} if isinstance(errors, dict) else errors


class Paging(LimitOffsetPagination):
    """``?limit=&offset=``; what is not a number is refused, not guessed."""

    default_limit = PAGE_ROWS
    max_limit = MAX_PAGE_ROWS

    def __init__(self, with_related: Callable[[QuerySet], QuerySet] = lambda rows: rows) -> None:
        self.with_related = with_related

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the rows of the page that the address asks for."""
        self.request = request
        self.limit = self.get_limit(request)
        self.count = self.get_count(queryset)
        self.offset = self.get_offset(request)
        if self.offset > self.count:
            return []
        return rows_of_page(queryset, self.with_related, self.offset, self.offset + self.limit)

    def get_limit(self, request: Request) -> int:
        """Return the number of rows of a page."""
        asked = _whole(request.query_params, "limit", PAGE_ROWS, least=1)
        self.note = TOO_LONG.format(asked=asked) if asked > MAX_PAGE_ROWS else ""
        return min(asked, MAX_PAGE_ROWS)

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page; where it holds fewer rows than were asked for, it says so."""
        response = super().get_paginated_response(data)
        if self.note:
            response.data["note"] = self.note
        return response

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        """Return how a page looks."""
        page: dict[str, Any] = super().get_paginated_response_schema(schema)
        note = {"type": "string", "description": "Only where more rows were asked for than a page holds."}
        page["properties"]["note"] = note
        return page

    def get_offset(self, request: Request) -> int:
        """Return the number of rows before it."""
        return _whole(request.query_params, "offset", 0, least=0)


def _whole(query: QueryDict, name: str, default: int, *, least: int) -> int:
    if name not in query:
        return default
    text = query.get(name, "")
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= MAX_OFFSET:
        raise Refused({name: [f"{text} is not a number of rows; enter {least} or more."]})
    return int(text)


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to an error: sentences by field, never a 500 for bad input."""
    if isinstance(error, filters.FilterError):
        return Response(error.errors, status.HTTP_400_BAD_REQUEST)
    if isinstance(error, ValidationError):
        errors = error.message_dict if hasattr(error, "error_dict") else {WHOLE_ROW: error.messages}
        return Response(errors, status.HTTP_400_BAD_REQUEST)
    if isinstance(error, Conflict):
        return _conflict(error)
    if isinstance(error, deletion.Forbidden):
        return Response({WHOLE_ROW: [str(error)]}, status.HTTP_403_FORBIDDEN)
    if isinstance(error, deletion.StillNeeded):
        return Response({WHOLE_ROW: [str(error)]}, status.HTTP_409_CONFLICT)
    if isinstance(error, DataError | FieldError):
        return Response({WHOLE_ROW: ["A value is beyond what its column can hold."]}, status.HTTP_400_BAD_REQUEST)
    response = exception_handler(error, context)
    if isinstance(error, Throttled) and response is not None:
        response.data = {WHOLE_ROW: [_too_many(error)]}
    if response is not None and isinstance(response.data, dict) and set(response.data) == {"detail"}:
        response.data = {WHOLE_ROW: [str(response.data["detail"])]}
    return response


def _too_many(error: Throttled) -> str:
    wait_s = getattr(error, "wait", None)  # the framework sets it without declaring it
    wait = f"wait {wait_s:.0f} s" if wait_s else "wait a minute"
    return f"Too many requests in this minute; {wait}. Many rows go in one list, and come in one ?export=."


def _conflict(error: Conflict) -> Response:
    answer: dict[str, Any] = {WHOLE_ROW: [str(error)]}
    if not error.is_outdated:
        return Response(answer, status.HTTP_409_CONFLICT)
    answer["theirs"] = {name: theirs for name, (theirs, _yours) in error.differences.items()}
    answer["yours"] = {name: yours for name, (_theirs, yours) in error.differences.items()}
    return Response(answer, status.HTTP_412_PRECONDITION_FAILED)


class UnknownAddress(APIView):
    """Every address of REST that is none: a script gets words in JSON, not a page."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse, whatever the method."""
        super().initial(request, *args, **kwargs)
        raise NotFound(f"There is nothing at {request.path}; /api/docs/ lists what there is.")
