"""The database of the tests: the real PostgreSQL, two roles, one database for each worker."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests import databases


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: Any, django_db_blocker: Any) -> Iterator[None]:
    """Give this worker a database of its own."""
    with django_db_blocker.unblock():
        databases.make()
    yield
    with django_db_blocker.unblock():
        databases.drop()


@pytest.fixture(autouse=True)
def lab_fixtures(request: pytest.FixtureRequest) -> None:
    """Load regions, roles and rules anew for tests that commit: the one before was cleaned up by TRUNCATE."""
    marker = request.node.get_closest_marker("django_db")
    commits = marker is not None and marker.kwargs.get("transaction", False)
    if commits or {"transactional_db", "live_server"} & set(request.fixturenames):
        request.getfixturevalue("transactional_db")
        call_command("load_fixtures", verbosity=0)


@pytest.fixture(autouse=True)
def quiet_server(settings: Any, tmp_path: Path) -> None:
    """Serve static files as they lie in the checkout, keep uploads out of the data, and hash passwords quickly."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.WHITENOISE_AUTOREFRESH = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "files"
