"""How an account is found at sign-in, and anew with each request."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models.expressions import BaseExpression

from labdb.accounts.models import User

# Attribute -> what a later room wants to know of the account on every page: asked with the account, in one query.
ASKED_WITH_ACCOUNT: dict[str, BaseExpression] = {}


class AccountBackend(ModelBackend):
    """Django's own, which also asks what is in `ASKED_WITH_ACCOUNT`."""

    def get_user(self, user_id: Any) -> User | None:
        """Return the account of a session; None where it is closed."""
        account = User.objects.annotate(**ASKED_WITH_ACCOUNT).filter(pk=user_id).first()
        return account if account is not None and self.user_can_authenticate(account) else None
