"""`token`: an account for a script and the token it signs in with."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from labdb.accounts.models import Role, User
from labdb.accounts.rest_token import TokenRefused, make_token
from labdb.colony.models import Study, StudyMembership
from labdb.registry.form_fields import DayField
from labdb.registry.history import writing

NAME = "command"


class Command(BaseCommand):
    """Make the account where missing, give it a role, and print a new token and nothing else."""

    help = "Print a new REST token of an account, which is made if missing; its old token of the same name ends."
    requires_system_checks: list[str] = []  # `make lint` has them; they load what this command never needs

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("username", metavar="USERNAME")
        parser.add_argument("--role", metavar="ROLE", help="A role to hold, such as analyst.")
        parser.add_argument("--study", metavar="CODE", help="Hold the role in this study only.")
        parser.add_argument("--name", default=NAME, help=f"What the token is called (by default {NAME}).")
        parser.add_argument("--read-only", action="store_true", help="The token may only read.")
        parser.add_argument("--only-study", metavar="CODE", help="The token sees this study alone, whatever the roles.")
        parser.add_argument("--last-day", metavar="DATE", help="The token holds to the end of this day (2027-03-14).")

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
            token = _new_token(user, options)
        self.stdout.write(token)


def _new_token(user: User, options: dict[str, Any]) -> str:
    try:
        return make_token(
            user,
            options["name"],
            is_read_only=options["read_only"],
            study=_study(options["only_study"]) if options["only_study"] else None,
            last_day=DayField().to_python(options["last_day"]),
            replaces=True,
        )
    except TokenRefused as refusal:
        raise CommandError(str(refusal)) from None
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None


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
    StudyMembership.objects.get_or_create(study=_study(study_code), user=user, role=role)


def _study(code: str) -> Study:
    study = Study.objects.filter(code=code).first()
    if study is None:
        raise CommandError(f"There is no study {code}.")
    return study
