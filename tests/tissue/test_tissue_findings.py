"""What tubes say of their places, and measurements of their units."""

from typing import Any

import pytest

from labdb.colony.models import Mouse, Study
from labdb.registry.findings import Grade
from labdb.tissue.models import BrainRegion, StorageBox, TissueMeasurement, TissueSample

pytestmark = pytest.mark.django_db


@pytest.fixture
def mouse() -> Mouse:
    return Mouse.objects.create(study=Study.objects.create(code="S1", title="one"), code="M001")


@pytest.fixture
def region() -> BrainRegion:
    return BrainRegion.objects.create(code="TST", name="test region")


@pytest.fixture
def tube(mouse: Mouse, region: BrainRegion) -> Any:
    box = StorageBox.objects.create(code="BOX1")

    def make(code: str, position: str, **other: Any) -> TissueSample:
        facts = {"study": mouse.study, "mouse": mouse, "region": region, "box": box, "position": position}
        return TissueSample(code=code, **{**facts, **other})

    return make


@pytest.fixture
def measured(mouse: Mouse, region: BrainRegion) -> Any:
    def make(value: float, unit: str, metric: str = "volume", **other: Any) -> TissueMeasurement:
        facts = {"study": mouse.study, "mouse": mouse, "region": region, "modality": "MRI"}
        return TissueMeasurement(metric=metric, value=value, unit=unit, **{**facts, **other})

    return make


def test_a_position_holds_one_tube_of_all_studies(tube: Any, region: BrainRegion) -> None:
    other = Study.objects.create(code="S2", title="two")
    tube("T1", "A1", study=other, mouse=Mouse.objects.create(study=other, code="M001")).save()
    [finding] = TissueSample.findings([tube("T1", "A2"), tube("T2", "A1")])
    assert (finding.number, finding.field, finding.grade) == (1, "position", Grade.ERROR)
    assert finding.sentence == "A1 of box BOX1 holds S2-T1; choose another position, or move that sample first."


def test_two_tubes_of_a_sheet_are_not_put_in_one_position(tube: Any) -> None:
    [finding] = TissueSample.findings([tube("T1", "A1"), tube("T2", "A1")])
    assert (finding.number, "holds S1-T1" in finding.sentence) == (1, True)


def test_the_same_position_of_another_box_is_free(tube: Any) -> None:
    tube("T1", "A1").save()
    assert list(TissueSample.findings([tube("T2", "A1", box=StorageBox.objects.create(code="BOX2"))])) == []


def test_tubes_change_places_in_one_sheet(tube: Any) -> None:
    one, two = tube("T1", "A1"), tube("T2", "A2")
    one.save()
    two.save()
    one.position, two.position = "A2", "A1"
    assert list(TissueSample.findings([one, two])) == []


def test_tubes_without_a_position_share_nothing(tube: Any) -> None:
    assert list(TissueSample.findings([tube("T1", ""), tube("T2", ""), tube("T3", "", box=None)])) == []


def test_a_metric_in_another_unit_than_before_is_warned_of(measured: Any) -> None:
    measured(12.5, "mm3").save()
    [finding] = TissueMeasurement.findings([measured(12.5, "mm3", replicate=2), measured(0.0125, "cm3", replicate=3)])
    assert (finding.number, finding.field, finding.grade) == (1, "unit", Grade.WARNING)
    assert finding.sentence == "volume is in cm3 here, in mm3 elsewhere in study S1; use one unit, or say why."


def test_a_metric_in_two_units_of_a_sheet_is_warned_of(measured: Any) -> None:
    [finding] = TissueMeasurement.findings([measured(12.5, "mm3"), measured(12.5, "", replicate=2)])
    assert (finding.number, "volume is in no unit here, in mm3 elsewhere" in finding.sentence) == (1, True)


def test_metrics_and_studies_have_units_of_their_own(measured: Any) -> None:
    measured(12.5, "mm3").save()
    other = Study.objects.create(code="S2", title="two")
    elsewhere = {"study": other, "mouse": Mouse.objects.create(study=other, code="M001")}
    rows = [measured(8, "per 10 um", "spine_density"), measured(12.5, "ul", **elsewhere)]
    assert list(TissueMeasurement.findings(rows)) == []


def test_a_correction_may_change_the_unit_of_the_only_measurement(measured: Any) -> None:
    stored = measured(12.5, "mm2")
    stored.save()
    stored.unit = "mm3"
    assert list(TissueMeasurement.findings([stored])) == []
