"""The account that a new installation starts with."""

import pytest
from django.core.management import call_command

from labdb.accounts.first_account import ensure_first_account, system_account
from labdb.accounts.models import User

pytestmark = pytest.mark.django_db


def test_the_first_account_signs_in_with_the_password_that_is_told_once(client):
    name, password = ensure_first_account()
    assert client.login(username=name, password=password)
    assert User.objects.get(username=name).is_superuser
    assert ensure_first_account() is None


@pytest.mark.parametrize("made_before", ["robot", "admin"])
def test_accounts_of_scripts_leave_nobody_without_a_way_in(client, made_before):
    call_command("token", made_before)
    system_account()
    name, password = ensure_first_account()
    assert client.login(username=name, password=password)


def test_the_account_of_commands_has_no_password():
    assert not system_account().has_usable_password()
    assert system_account() == system_account()
