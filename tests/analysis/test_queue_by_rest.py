"""A script queues a run by REST."""

from typing import Any

import pytest
from django_q.models import OrmQ
from rest_framework.test import APIClient

from analysis.models import AnalysisRun
from labdb.accounts.models import Role, User
from labdb.colony.models import Study, StudyMembership
from tests.analysis.small_study import make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_study()


def member(study: Study, role: str) -> User:
    user = User.objects.create(username=f"{role} of {study}")
    StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))
    return user


def ask(user: User | None, **body: Any) -> Any:
    client = APIClient()
    client.force_authenticate(user)
    return client.post("/api/v1/analysis-runs/", body, format="json")


def test_an_analyst_queues_a_run_and_is_told_its_number(study):
    user = member(study, "analyst")
    response = ask(user, task="phenotype", study="S1", parameters={"test_number": 2})
    run = AnalysisRun.objects.get()
    assert (response.status_code, response.data["id"], response.data["status"]) == (201, run.pk, "queued")
    assert (run.requested_by, run.parameters["test_number"]) == (user, 2)
    assert OrmQ.objects.count() == 1


def test_a_study_is_named_by_its_id_too(study):
    assert ask(member(study, "analyst"), task="phenotype", study=str(study.pk)).status_code == 201


@pytest.mark.parametrize(
    ("body", "field", "sentence"),
    [
        ({"task": "dance", "study": "S1"}, "task", "dance is not a task"),
        ({"task": "phenotype", "study": "S1", "parameters": {"x": 1}}, "parameters", "phenotype has no parameter x"),
        ({"task": "phenotype", "study": "S1", "parameters": [1]}, "parameters", "Parameters are an object by name"),
        ({"task": "phenotype", "study": "NO"}, "study", "There is no study NO that you may see."),
        (
            {"task": "phenotype", "study": "S1", "params": {}},
            "params",
            "params is not a part of a request; known are task",
        ),
        ({"task": "phenotype", "study": True}, "study", "This is not the name of a study"),
        ({"task": "a\0b", "study": "S1"}, "task", "This is not the name of a task"),
        ({"study": "S1"}, "task", "This is needed; enter a value."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(study, body, field, sentence):
    response = ask(member(study, "analyst"), **body)
    assert response.status_code == 400
    assert sentence in response.data[field][0]
    assert not AnalysisRun.objects.exists()


def test_a_technician_does_not_run_analyses_and_a_stranger_sees_no_study(study):
    assert ask(member(study, "technician"), task="phenotype", study="S1").status_code == 403
    assert ask(member(make_study("S2"), "analyst"), task="phenotype", study="S1").status_code == 400
    assert ask(None, task="phenotype", study="S1").status_code in (401, 403)
    assert not AnalysisRun.objects.exists()
