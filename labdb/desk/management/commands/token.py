"""`token`: an account for a script and the token it signs in with."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from labdb.accounts.changes import make_token
from labdb.accounts.models import Role, User
from labdb.colony.models import Study, StudyMembership
from labdb.registry.history import writing


class Command(BaseCommand):
    """Make the account where missing, give it a role, and print a new token and nothing else."""

    help = "Print a new REST token of an account, which is made if missing; its old token ends."
    requires_system_checks: list[str] = []  # `make lint` has them; they load what this command never needs

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("username", metavar="USERNAME")
        parser.add_argument("--role", metavar="ROLE", help="A role to hold, such as analyst.")
        parser.add_argument("--study", metavar="CODE", help="Hold the role in this study only.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing, all or nothing."""
        if options["study"] and not options["role"]:
            raise CommandError("--study says where a role holds; name the role by --role ROLE.")
        with writing(door="command"), transaction.atomic():
            user = User.objects.filter(username=options["username"]).first() or _new_account(options["username"])
            if not user.is_active:
                raise CommandError(f"The account {user} is closed; reopen it on its page under People first.")
            if options["role"]:
                _grant(user, options["role"], options["study"])
            token = make_token(user)
        self.stdout.write(token)


def _new_account(username: str) -> User:
    """Make an account without a password; the name is held to the rules that the pages hold it to."""
    user = User(username=username)
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise CommandError(f"{username[:50]!r} cannot name an account: {' '.join(error.messages)}") from None
    user.set_unusable_password()
    user.save()
    return user


def _grant(user: User, role_name: str, study_code: str | None) -> None:
    role: Any = Role.objects.filter(name=role_name).first()
    if role is None:
        known = ", ".join(Role.objects.values_list("name", flat=True))
        raise CommandError(f"There is no role {role_name}; known are {known}.")
    if study_code is None:
        user.groups.add(role)
        return
    study = Study.objects.filter(code=study_code).first()
    if study is None:
        raise CommandError(f"There is no study {study_code}.")
    StudyMembership.objects.get_or_create(study=study, user=user, role=role)
