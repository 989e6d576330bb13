"""The database of the tests: the real PostgreSQL, two roles, one database for each worker."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.test import TransactionTestCase

from tests import databases
from tests.work_units import LongestFirst


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LongestFirst:
    """Deal files of tests out to the workers, whatever `--dist` says."""
    return LongestFirst(config, log)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: Any, django_db_blocker: Any) -> Iterator[None]:
    """Give this worker a database of its own."""
    with django_db_blocker.unblock():
        databases.make()
    with patch.object(TransactionTestCase, "_fixture_teardown", lambda _case: databases.clean()):
        yield
    with django_db_blocker.unblock():
        databases.drop()


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
