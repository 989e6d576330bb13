"""One page lists all that analyses leave out, with criterion, who and when."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from labdb.accounts.models import User
from labdb.colony.models import Exclusion
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db


def text_of(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def url_of(resource: str, row: Any) -> str:
    return reverse("record-detail", args=[resource, row.pk])


def test_the_page_lists_mice_and_tests_with_links_and_the_study_counts_them():
    study, paul = make_study(), User.objects.create(username="paul")
    ill, fell = add_mouse(study, "M1"), add_mouse(study, "M2")
    exclusion = Exclusion.objects.create(
        study=study, mouse=ill, criterion="lost 25 % of its mass", is_a_priori=True, is_blind=False, decided_by=paul
    )
    test = add_test(fell, 60, 30)
    client = signed_in()
    assert ">1 exclusion<" in text_of(client, "/studies/S1/")
    assert "M2 SI test 1" not in text_of(client, "/studies/S1/exclusions/")
    test.exclusion_criterion, test.is_exclusion_blind = "fell off", True
    test.save()
    text = text_of(client, "/studies/S1/exclusions/")
    assert (
        f'<a href="{url_of("exclusions", exclusion)}">M1</a></td><td>lost 25 % of its mass</td><td>yes</td><td>no</td><td>no</td><td>paul'
        in text
    )
    assert f'<a href="{url_of("si-tests", test)}">M2 SI test 1</a></td><td>fell off</td><td>unknown</td><td>yes' in text
    assert ">2 exclusions<" in text_of(client, "/studies/S1/")
    blind = text_of(client, "/studies/S1/exclusions/?blind=yes")
    assert "1 of 2 exclusion" in blind
    assert "25 % of its mass" not in blind
    lines = client.get("/studies/S1/exclusions/?kind=Mouse&export=csv").content.decode().splitlines()
    assert lines[0] == "kind,what,criterion,set_a_priori,decided_blind,excluded_by,excluded_at,unblinded"
    assert [line.rsplit(",", 2)[0] for line in lines[1:]] == ["Mouse,M1,lost 25 % of its mass,yes,no,paul"]
    assert "excluded: fell off" in text_of(client, "/studies/S1/mice/M2/")
    assert "Left out of analyses" in text_of(client, "/studies/S1/mice/M1/")


def test_a_member_of_another_study_does_not_see_it():
    make_study()
    text_of(signed_in("technician", make_study("S2")), "/studies/S1/exclusions/", status=404)
