"""Django's PostgreSQL backend, which starts the embedded server on first use and can sign in as the owner."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

logger = logging.getLogger(__name__)


@contextmanager
def as_owner(connection: Any) -> Iterator[Any]:
    """Reconnect as the role that owns the tables; afterwards the app's role is back.

    With DATABASE_URL and no DATABASE_OWNER_URL there is one role only: a warning says what that means.
    """
    if connection.in_atomic_block:
        raise RuntimeError("as_owner() reconnects, so it cannot be used inside a transaction")
    app_settings = connection.settings_dict
    owner = app_settings.get("OWNER")
    if not owner:
        logger.warning(
            "DATABASE_OWNER_URL is not set: the role of DATABASE_URL owns the tables, "
            "so the history of changes is not protected from it."
        )
        yield connection
        return
    connection.close()
    connection.settings_dict = {**app_settings, **owner}  # a copy: other threads share the original
    try:
        yield connection
    finally:
        connection.close()
        connection.settings_dict = app_settings
