"""An entry that is sent more than once is stored once, and answered each time as the first time."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from labdb.accounts.models import User
from labdb.colony.models import Study
from labdb.registry.entry_receipts import EntryReceipt, KeyOfAnother, once, sweep_receipts

pytestmark = pytest.mark.django_db
KEY = uuid.UUID("6b1f3f0e-3c3a-4e55-9a53-0d5a6f4f2a11")


@pytest.fixture
def user() -> Any:
    return User.objects.create_superuser("writer", password="a long password")


def store(code: str, user: Any, key: uuid.UUID = KEY) -> dict[str, Any]:
    with once(key, user=user, door="bench", resource="studies") as entry:
        if entry.receipt is None:
            study = Study.objects.create(code=code, title="a study", created_by=user)
            entry.keep({"status": "stored", "name": code}, study.pk)
    assert entry.receipt is not None
    return entry.receipt.answer


def test_a_second_sending_gets_the_first_answer_and_writes_nothing(user: Any) -> None:
    assert store("A", user) == store("B", user) == {"status": "stored", "name": "A"}
    study = Study.objects.get()
    receipt = EntryReceipt.objects.get()
    assert (receipt.record_id, receipt.resource, receipt.door) == (study.pk, "studies", "bench")


def test_what_was_not_kept_is_tried_again(user: Any) -> None:
    with once(KEY, user=user, door="bench", resource="studies") as entry:
        assert entry.receipt is None
    assert store("A", user)["name"] == "A"


def test_a_failure_leaves_neither_row_nor_receipt(user: Any) -> None:
    with pytest.raises(ZeroDivisionError), once(KEY, user=user, door="bench", resource="studies") as entry:
        Study.objects.create(code="A", title="a study", created_by=user)
        entry.keep({"status": "stored"})
        raise ZeroDivisionError
    assert not Study.objects.exists()
    assert store("B", user)["name"] == "B"


def test_the_key_of_another_account_is_refused(user: Any) -> None:
    store("A", user)
    other = User.objects.create_superuser("other", password="a long password")
    with pytest.raises(KeyOfAnother, match="sent by another account; enter it anew"):
        store("B", other)


@pytest.mark.django_db(transaction=True)
def test_two_sendings_at_the_same_moment_are_stored_once() -> None:
    user = User.objects.create_superuser("writer", password="a long password")
    together = Barrier(4)

    def send(code: str) -> str:
        together.wait(timeout=60)
        try:
            return str(store(code, user)["name"])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as senders:
        answers = set(senders.map(send, "ABCD"))
    assert answers == {Study.objects.get().code}


def test_receipts_are_swept_after_thirty_days(user: Any) -> None:
    for days, code in ((29, "A"), (31, "B")):
        key = uuid.uuid4()
        store(code, user, key)
        EntryReceipt.objects.filter(key=key).update(made_at=timezone.now() - timedelta(days=days))
    assert sweep_receipts() == 1
    assert EntryReceipt.objects.get().answer["name"] == "A"
