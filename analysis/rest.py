"""`/api/v1/analysis-runs/`: runs, and how a script asks for one."""

from copy import deepcopy
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from analysis.models import AnalysisRun
from analysis.records import AnalysisRunRecord
from analysis.runs import request_or_find
from analysis.stale_rows import with_staleness
from labdb.colony.models import Study
from labdb.registry.filters import chosen_names
from labdb.registry.form_fields import REQUIRED, is_storable
from labdb.registry.forms import forbidden_sentence
from labdb.registry.headers import WHOLE_ROW
from labdb.registry.permissions import may
from labdb.registry.representation import serializer_for
from labdb.registry.rest import view_for
from labdb.registry.rest_answers import Refused
from labdb.registry.rest_schema import described, refusals


class RunRequest(serializers.Serializer):
    """What a script sends."""

    task = serializers.CharField()
    study = serializers.CharField(help_text="Code or id.")
    parameters = serializers.DictField(required=False, help_text="By name; the rest get their defaults.")


class QueuedRun(serializers.ModelSerializer):
    """What it gets back: the run, to be asked for by its id."""

    study: Any = serializers.SlugRelatedField(slug_field="code", read_only=True)

    class Meta:
        model = AnalysisRun
        fields = ("id", "study", "task", "parameters", "status", "queued_at")


class StaleRun(serializer_for(AnalysisRunRecord)):  # type: ignore[misc]
    """A run as REST shows it."""

    is_stale = serializers.BooleanField(allow_null=True, help_text="Null while it is not done.")
    stale_because = serializers.CharField(help_text="What changed, in short.")

    def get_fields(self) -> dict[str, serializers.Field]:
        """Return the fields of the record, and both of staleness."""
        own = {name: deepcopy(self._declared_fields[name]) for name in ("is_stale", "stale_because")}
        return {**super().get_fields(), **own}


@partial(described, AnalysisRunRecord, row=StaleRun)
class AnalysisRunView(view_for(AnalysisRunRecord)):  # type: ignore[misc]
    """Runs: read as any record, and queued by a POST."""

    def list(self, request: Request) -> Any:
        """Return a page of runs, each with whether it is stale."""
        response = super().list(request)
        if getattr(response, "data", None) and not chosen_names(request.query_params):
            response.data["results"] = with_staleness(response.data["results"])
        return response

    def retrieve(self, request: Request, pk: str) -> Response:
        """Return one run, and whether it is stale."""
        response: Response = super().retrieve(request, pk)
        if not chosen_names(request.query_params):
            [response.data] = with_staleness([response.data])
        return response

    @extend_schema(
        request=RunRequest,
        responses={200: QueuedRun, 201: QueuedRun, **refusals(400, 403, 413, 415)},
        tags=[AnalysisRunRecord.resource],
    )
    def create(self, request: Request) -> Response:
        """Queue a run; its progress stands at its own address. 200: one that is on its way answers this request too."""
        task, named, parameters = _asked(request.data)
        study = _study(request.user, named)
        if not may(request.user, "add", AnalysisRun, study):
            raise PermissionDenied(forbidden_sentence("add", AnalysisRun, study))
        try:
            run, is_new = request_or_find(task, study, parameters, user=request.user)
        except ValidationError as error:
            raise Refused(error.message_dict) from None
        run.refresh_from_db()
        return Response(QueuedRun(run).data, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


def _asked(data: Any) -> tuple[str, str, dict[str, Any]]:
    """Return task, study and parameters of a request; Refused at each name that is wrong."""
    if not isinstance(data, dict):
        raise Refused({WHOLE_ROW: ['Send an object such as {"study": "DEMO", "task": "pipeline"}.']})
    wrong = {
        name: [f"{name} is not a part of a request; known are {', '.join(RunRequest().fields)}."]
        for name in data
        if name not in RunRequest().fields
    }
    for name in ("task", "study"):
        value = data.get(name)
        if value in (None, ""):
            wrong[name] = [REQUIRED]
        elif isinstance(value, bool) or not isinstance(value, str | int) or not is_storable(str(value)):
            wrong[name] = [f"This is not the name of a {name}; enter one."]
    parameters = data.get("parameters") or {}
    if not isinstance(parameters, dict):
        wrong["parameters"] = ['Parameters are an object by name, such as {"contrast": "stress"}.']
    if wrong:
        raise Refused(wrong)
    return str(data["task"]), str(data["study"]), parameters


def _study(user: Any, named: str) -> Study:
    """Return a study that the account may see, by code or id; others do not exist for it."""
    seen = Study.objects.all().visible_to(user)
    study = seen.filter(code=named).first()
    if study is None and named.isdecimal() and len(named) < 19:
        study = seen.filter(pk=int(named)).first()
    if study is None:
        raise Refused({"study": [f"There is no study {named} that you may see."]})
    return study
