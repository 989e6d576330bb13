"""A real Chromium in front of a real server: what the browser tests of every room share.

`page` is a signed-out browser page whose addresses are relative to the server; `sign_in` signs an account in.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from labdb.accounts.models import Role, User
from labdb.colony.models import Study, StudyMembership

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PASSWORD = "a password of the tests"
TIMEOUT_MS = 30_000  # a machine that runs two tests at once is slow, not broken
SignIn = Callable[..., User]
expect.set_options(timeout=TIMEOUT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder; without Chromium it is skipped, with the reason."""
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed (apt-get install chromium)"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium once; Playwright's own loop would make Django refuse its database."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield chromium
        chromium.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


class Requests:
    """The server, and how many requests it is answering just now: none may write into the database of the next test."""

    def __init__(self, server: Any) -> None:
        self.application = server.get_app()
        self.changed = threading.Condition()
        self.underway = 0
        server.set_app(self)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self._count(1)
        try:
            answer = self.application(environ, start_response)
        except BaseException:
            self._count(-1)
            raise
        return Answer(answer, lambda: self._count(-1))

    def _count(self, more: int) -> None:
        with self.changed:
            self.underway += more
            self.changed.notify_all()

    def are_answered(self) -> bool:
        """Wait until all are, at most as long as a page would."""
        with self.changed:
            return self.changed.wait_for(lambda: self.underway == 0, TIMEOUT_MS / 1000)


class Answer:
    """An answer that tells once that it is over, delivered or not."""

    def __init__(self, parts: Any, tell: Callable[[], None]) -> None:
        self.parts = parts
        self.tell: Callable[[], None] | None = tell

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def close(self) -> None:
        tell, self.tell = self.tell, None
        try:
            self.parts.close()
        finally:
            if tell:
                tell()


@pytest.fixture(scope="session")
def live_server() -> Iterator[LiveServer]:
    """Start the server once; whitenoise decides when it starts whether it needs collected files."""
    with override_settings(WHITENOISE_AUTOREFRESH=True):
        server = LiveServer("localhost")
    server.requests = Requests(server.thread.httpd)  # type: ignore[attr-defined]
    yield server
    server.stop()


@pytest.fixture
def page(browser: Browser, transactional_db: None, live_server: Any) -> Iterator[Page]:
    """Open a page; a script that fails or a file that is missing fails the test."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(TIMEOUT_MS)
    context.set_default_navigation_timeout(2 * TIMEOUT_MS)  # the first page of a server is its slowest
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.extend(_faults(message)))
    yield opened
    context.close()
    assert live_server.requests.are_answered()
    assert not errors, errors


def _faults(message: ConsoleMessage) -> list[str]:
    """Return what the browser complains of; a refusal of bad input is none of it, nor a network that a test took away."""
    is_refusal = "status of 4" in message.text and "static" not in str(message.location)
    is_offline = any(f"net::{error}" in message.text for error in ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED"))
    return [message.text] if message.type == "error" and not (is_refusal or is_offline) else []


@pytest.fixture
def sign_in(page: Page, live_server: LiveServer) -> SignIn:
    """Return a function that makes an account, signs it in without the page (test_drafts goes by it) and returns it.

    ``sign_in("boss")`` is a superuser; ``sign_in("tina", "technician", study)`` has that role in the study.
    """

    def sign_in_as(name: str, role: str = "", study: Study | None = None) -> User:
        if role:
            user = User.objects.create_user(name, password=PASSWORD)
            StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))  # type: ignore[misc]
        else:
            user = User.objects.create_superuser(name, password=PASSWORD)
        client = Client()
        client.force_login(user)
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.session.session_key}
        page.context.add_cookies([{**cookie, "url": live_server.url}])
        return user

    return sign_in_as


def until(page: Page, holds: str) -> None:
    """Wait until the page says that something holds; Playwright's own wait takes a promise for a yes."""
    for _try in range(TIMEOUT_MS // 100):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(100)
    raise AssertionError(holds)
