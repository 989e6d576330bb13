"""Who works at a shared tablet: said by a PIN, carried by the entries made meanwhile, also without a network.

The token says that this account's page was told so by the server; it opens nothing.
"""

from typing import Any

from django.core import signing

SALT = "labdb.bench.person"
LONGEST_S = 30 * 86_400  # as long as entries wait (entry_receipts.KEPT_DAYS)


def person_token(user: Any, person: Any) -> str:
    """Return what the entries of an account's page carry while this person works at it."""
    return signing.dumps([user.pk, person.get_username()], salt=SALT)


def person_of(token: str, user: Any) -> str:
    """Return the user name that a token of this account stands for; empty for none, or one that is not valid."""
    try:
        user_id, username = signing.loads(token, salt=SALT, max_age=LONGEST_S)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(username) if user_id == user.pk else ""
