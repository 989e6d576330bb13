"""What the page of a run says of outside signatures, and in which words the null is told."""

from collections.abc import Mapping
from typing import Any

from analysis.models import AnalysisRun
from analysis.outside import OutsideScore, OutsideTest
from analysis.summaries import probability
from labdb.registry.permissions import may

Context = dict[str, Any]
NULL_OF_ANIMALS = (
    "The signature was learnt from other animals: no mouse is on both sides, so without an effect their correlation is "
    "0 and no shared group has to be allowed for. Genes move together and are no replicates, so p comes from "
    "exchanging the labels of the study's own mice within their sequencing runs, with the signature held still."
)


def outside_results(run: AnalysisRun, user: Any, parameters: Mapping[str, str]) -> Context:
    """Return every test with its sentence, and the null that is used."""
    rows = run.outsidetests.select_related("signature", "contrast", "region")
    tests = list(rows.order_by("signature__code", "contrast__name", "region_id"))
    return {
        "tests": [(test, test_sentence(test)) for test in tests],
        "null": NULL_OF_ANIMALS,
        "tested": [test for test in tests if test.difference is not None],
        "test": chosen_test(run, parameters),
        "shows_mice": shows_scores(run, user),
        "results_run": run,
    }


def chosen_test(run: AnalysisRun, parameters: Mapping[str, str]) -> OutsideTest | None:
    """Return the test that an address names, by default the one with the smallest p; None where no mouse was scored."""
    rows = run.outsidetests.filter(scores__isnull=False).distinct().select_related("signature", "contrast", "region")
    tests = list(rows.order_by("pk"))
    asked = parameters.get("test", "")
    known = [test for test in tests if str(test.pk) == asked] or tests
    return min(known, key=lambda test: (test.p_value is None, test.p_value or 0.0, test.pk), default=None)


def shows_scores(run: AnalysisRun, user: Any) -> bool:
    """Whether an account may see scores of single mice beside their groups."""
    return may(user, "view", OutsideScore, run.study)


def test_sentence(test: OutsideTest) -> str:
    """Say in one sentence what a test found."""
    where = f"{test.region.code}, {test.contrast.name}, along {test.signature.code}"
    if test.difference is None:
        return f"{where}: {test.messages}"
    way = "along" if test.difference > 0 else "against"
    interval = ""
    if test.difference_low is not None:
        interval = f" (95 % interval {test.difference_low:.2f} to {test.difference_high:.2f})"
    moved = f"mice move {way} the signature by {abs(test.difference):.2f} SD{interval}"
    if test.p_value is None:
        return f"{where}: {moved}. {test.messages}"
    return f"{where}: {moved}, p {probability(test.p_value)} (smallest possible {probability(test.p_floor)})."
