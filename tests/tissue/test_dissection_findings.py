"""What the dissection of a mouse, and the tubes of it, cannot say."""

from datetime import UTC, datetime
from typing import Any

import pytest

from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Mouse, Study
from labdb.registry.imports import import_dicts
from labdb.registry.record import record_for
from labdb.tissue.models import Dissection, TissueSample
from labdb.treatment.models import Dose
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> Any:
    return make_world()


def refused(model: Any, user: Any, **values: str) -> list[str]:
    """Return the sentences of one row, which must not have been stored."""
    report = import_dicts(record_for(model), [{"study": "S1", **values}], user=user)
    assert not report.is_stored
    return [error.sentence for error in report.errors]


def test_a_dissection_before_the_last_test_or_dose_of_its_mouse_is_refused(user: Any) -> None:
    mouse = Mouse.objects.get(study__code="S1", code="M002")
    at = datetime(2025, 6, 20, 10, tzinfo=UTC)
    SocialInteractionTest.objects.create(
        study=mouse.study, mouse=mouse, test_number=1, test_at=at, iz_absent_s=60, iz_present_s=30
    )
    (said,) = refused(Dissection, user, mouse="M002", performed_at="2025-06-20T09:00:00Z")
    assert "is before M002 had an SI test (2025-06-20" in said
    Dose.objects.create(study=mouse.study, mouse=mouse, planned_at=at, given_at=at.replace(hour=11), status="given")
    (said,) = refused(Dissection, user, mouse="M002", performed_at="2025-06-20T10:30:00Z")
    assert "is before M002 had a dose (2025-06-20" in said
    report = import_dicts(
        record_for(Dissection), [{"study": "S1", "mouse": "M002", "performed_at": "2025-06-20T11:30:00Z"}], user=user
    )
    assert report.is_stored
    (said,) = refused(Dissection, user, mouse="M005", performed_at="2150-01-01T10:00:00Z")
    assert "2150-01-01 10:00 is in the future" in said


def test_tissue_frozen_before_the_death_is_refused(user: Any) -> None:
    study = Study.objects.get(code="S1")
    mouse = Mouse.objects.get(study=study, code="M002")
    Dissection.objects.create(study=study, mouse=mouse, performed_at=datetime(2025, 6, 20, 10, tzinfo=UTC))
    values = {"code": "T77", "mouse": "M002", "region": "TST", "dissection": "M002"}
    (said,) = refused(TissueSample, user, **values, frozen_at="2025-06-20T09:59:00Z")
    assert "is before M002 was dissected" in said
