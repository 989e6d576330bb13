"""Who may see and do what: by a role held everywhere, by a role in one study, or not at all."""

import pytest

from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Strain, Study, StudyMembership
from labdb.registry import permissions

pytestmark = pytest.mark.django_db


@pytest.fixture
def studies() -> tuple[Study, Study]:
    """Two studies with a mouse each."""
    first, second = (Study.objects.create(code=code, title=code) for code in ("S1", "S2"))
    for study in (first, second):
        Mouse.objects.create(study=study, code="M1")
    return first, second


def account(name: str, role: str = "", study: Study | None = None) -> User:
    user = User.objects.create(username=name)
    if role and study:
        StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))
    elif role:
        user.groups.add(Role.objects.get(name=role))
    return user


def test_the_study_of_every_record_is_found():
    assert permissions.study_model() is Study
    assert permissions.study_path(Study) == "pk"
    assert permissions.study_path(Mouse) == "study"
    assert permissions.study_path(Strain) is None


def test_a_member_sees_and_changes_its_own_study_only(studies):
    mine, other = studies
    technician = account("tina", "technician", mine)
    assert list(Study.objects.all().visible_to(technician)) == [mine]
    assert [mouse.study for mouse in Mouse.objects.all().visible_to(technician)] == [mine]
    assert permissions.may(technician, "add", Mouse, mine)
    assert not permissions.may(technician, "add", Mouse, other)
    assert not permissions.may(technician, "delete", Mouse, mine)


def test_a_member_sees_the_records_of_the_whole_laboratory(studies):
    technician = account("tina", "technician", studies[0])
    assert set(Strain.objects.all().visible_to(technician)) == set(Strain.objects.all())
    assert Strain.objects.exists()


def test_a_role_held_everywhere_sees_every_study(studies):
    investigator = account("pia", "investigator")
    assert set(Study.objects.all().visible_to(investigator)) == set(studies)
    assert Mouse.objects.all().visible_to(investigator).count() == 2
    assert not permissions.may(investigator, "add", Mouse, studies[0])


@pytest.mark.parametrize("is_active", [True, False])
def test_no_role_or_a_switched_off_account_sees_nothing(studies, is_active):
    user = account("nina") if is_active else account("mona", "manager")
    user.is_active = is_active
    user.save()
    for model in (Study, Mouse, Strain):
        assert not model.objects.all().visible_to(user).exists()
        assert not permissions.may(user, "view", model, studies[0])
