"""What the roles of a laboratory may do after `migrate` brought records that are new."""

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command

from labdb.accounts.models import Role
from labdb.accounts.roles import install_roles

pytestmark = pytest.mark.django_db


def rights_on_pool_plans(role: Role) -> set[str]:
    found = role.permissions.filter(content_type__app_label="sequencing", content_type__model="poolplan")
    return set(found.values_list("codename", flat=True))


def test_roles_of_yesterday_get_their_rights_on_the_records_of_today():
    install_roles()
    Role.objects.create(name="visitor")
    Permission.objects.filter(content_type__model="poolplan").delete()  # as a laboratory has it before the update
    call_command("migrate", verbosity=0)
    assert rights_on_pool_plans(Role.objects.get(name="technician")) == {
        "view_poolplan", "add_poolplan", "change_poolplan",
    }  # fmt: skip
    assert rights_on_pool_plans(Role.objects.get(name="investigator")) == {"view_poolplan"}
    assert "delete_poolplan" in rights_on_pool_plans(Role.objects.get(name="manager"))
    assert rights_on_pool_plans(Role.objects.get(name="visitor")) == set()  # the laboratory's own role


def test_a_right_that_the_laboratory_took_stays_taken():
    install_roles()
    technician = Role.objects.get(name="technician")
    technician.permissions.remove(*technician.permissions.filter(content_type__model="poolplan"))
    call_command("migrate", verbosity=0)
    assert rights_on_pool_plans(technician) == set()
