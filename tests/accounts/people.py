"""Accounts to test with, and what the pages answer."""

import re
from typing import Any

from django.test import Client

from labdb.accounts.models import Role, User
from labdb.colony.models import Study, StudyMembership

PASSWORD = "a password of the tests"
ONE_TIME = re.compile(r'<code class="secret-text">([^<]+)</code>')


def study(code: str = "S1") -> Study:
    return Study.objects.get_or_create(code=code, defaults={"title": code})[0]


def make(name: str, role: str = "", of: str = "", **fields: Any) -> User:
    """Make an account; its role holds in every study, or in the one that is named."""
    user = User.objects.create_user(name, password=PASSWORD, **fields)
    if role and of:
        StudyMembership.objects.create(study=study(of), user=user, role=Role.objects.get(name=role))
    elif role:
        user.groups.add(Role.objects.get(name=role))
    return user


def signed_in(user: User, password: str = PASSWORD) -> Client:
    """Return a browser of its own, signed in by the page."""
    client = Client()
    answer = client.post("/accounts/login/", {"username": user.username, "password": password})
    assert answer.status_code == 302, "the password was refused"
    return client


def is_signed_in(client: Client) -> bool:
    """Whether a session still stands: the page of one's own password asks nothing else."""
    return client.get("/accounts/password/").status_code == 200


def secret_in(answer: Any) -> str:
    found = ONE_TIME.search(answer.content.decode())
    assert found, "the page shows no secret"
    return found[1]


def sentences(answer: Any) -> str:
    """Return the text of a page, without its marks."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).replace("&#x27;", "'").split())


def page_of(user: User, page: str = "") -> str:
    return f"/accounts/people/{user.pk}/{page}"
