"""What a sign-in takes from the rights of its account: a token may only read, or only know one study."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Narrowing:
    """Limits beside the roles; they take away, and never give.

    Attributes
    ----------
    is_read_only : bool
        Nothing is written, whatever the roles say.
    study_id : int or None
        Every role of the account is taken for one in this study.
    """

    is_read_only: bool = False
    study_id: int | None = None


NONE = Narrowing()


def narrow(user: Any, narrowing: Narrowing) -> None:
    """Hold an account to limits for as long as it is in memory: for one request."""
    user.narrowing = narrowing


def narrowing_of(user: Any) -> Narrowing:
    """Return the limits that an account is held to; none for who signed in on a page."""
    narrowing: Narrowing = getattr(user, "narrowing", NONE)
    return narrowing
