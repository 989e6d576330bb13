"""The database of the tests: the real PostgreSQL, two roles, one database for each worker."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import setup_databases, teardown_databases

from labdb.database_backend import as_owner
from labdb.postgres import grant_app_role


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: Any, django_db_blocker: Any, django_db_modify_db_settings: Any
) -> Iterator[None]:
    """Make and migrate the database as its owner, then work as the application does."""
    with django_db_blocker.unblock():
        app_role = connection.settings_dict["USER"]
        with as_owner(connection):
            old = setup_databases(verbosity=0, interactive=False)
            with connection.cursor() as cursor:
                grant_app_role(cursor, app_role)
                # TransactionTestCase flushes; the application itself never may
                cursor.execute(f'GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO "{app_role}"')
                cursor.execute(f'GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO "{app_role}"')
        call_command("load_fixtures", verbosity=0)
    yield
    with django_db_blocker.unblock(), as_owner(connection):
        teardown_databases(old, verbosity=0)
