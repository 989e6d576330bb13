"""What pages show of a quality run: findings with their decisions, and the confounding table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from analysis.models import AnalysisRun, Confounding, QualityDecision, QualityFinding
from analysis.quality_results import DecisionKind, Severity, latest_decisions
from labdb.colony.models import Study
from labdb.registry.permissions import may

MICE = "mice"  # the column of factors that are those of mice, each once
RECORDS = {"library": "libraries", "other_library": "libraries", "sample": "tissue-samples", "si_test": "si-tests"}
EXCLUSION = "#id_exclusion_criterion"  # of the form of a sample or test


@dataclass(frozen=True)
class FindingRow:
    """A finding as a row of the page.

    Attributes
    ----------
    finding : QualityFinding
    decision : QualityDecision or None
        The latest, made on the same evidence.
    former : QualityDecision or None
        The latest where the evidence has changed since.
    links : tuple of (label, url)
        To the records it is about.
    exclude : tuple of (label, url)
        To where that record is left out of analyses.
    """

    finding: QualityFinding
    decision: QualityDecision | None
    former: QualityDecision | None
    links: tuple[tuple[str, str], ...]
    exclude: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ConfoundingRow:
    """A factor of the confounding table: a cell for each region, or one for the mice."""

    factor: str
    cells: tuple[Confounding | None, ...]


@dataclass(frozen=True)
class ConfoundingTable:
    """One grouping against all factors."""

    grouping: str
    columns: tuple[str, ...]
    rows: tuple[ConfoundingRow, ...]
    warnings: tuple[str, ...]


def quality_results(run: AnalysisRun, user: Any, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page of a run shows."""
    found = run.qualityfindings.select_related("mouse__study", "si_test", "sample", "library", "other_library")
    rows = _rows(run.study, list(found.order_by("pk")), user)
    regions = list(dict.fromkeys(run.libraryqualitys.order_by("region_id").values_list("region__code", flat=True)))
    asked = parameters.get("region", "")
    return {
        "severe": [row for row in rows if row.finding.severity != Severity.NOTE],
        "notes": [row for row in rows if row.finding.severity == Severity.NOTE],
        "counts": [(name, sum(row.finding.severity == name for row in rows)) for name in Severity.values],
        "n_open": sum(row.decision is None and row.finding.severity != Severity.NOTE for row in rows),
        "decisions": DecisionKind.choices,
        "may_decide": may(user, "add", QualityDecision, run.study),
        "tables": _tables(list(run.confoundings.select_related("region").order_by("pk"))),
        "regions": regions,
        "region": asked if asked in regions else next(iter(regions), ""),
        "n_libraries": run.libraryqualitys.count(),
        "results_run": run,
    }


def _rows(study: Study, findings: Sequence[QualityFinding], user: Any) -> list[FindingRow]:
    latest = latest_decisions(study)
    rows = []
    for finding in findings:
        decision = latest.get((finding.kind, finding.subject))
        holds = decision is not None and decision.evidence == finding.evidence
        rows.append(
            FindingRow(
                finding,
                decision if holds else None,
                None if holds else decision,
                _links(finding),
                _exclude(finding, user),
            )
        )
    return rows


def _links(finding: QualityFinding) -> tuple[tuple[str, str], ...]:
    links = []
    if finding.mouse is not None:
        links.append((finding.mouse.code, reverse("mouse-page", args=[finding.mouse.study.code, finding.mouse.code])))
    if finding.si_test is not None:
        links.append((f"SI test {finding.si_test.test_number}", _record("si_test", finding.si_test_id)))
    for name in ("library", "other_library"):
        if (library := getattr(finding, name)) is not None:
            links.append((library.code, _record(name, library.pk)))
    if finding.sample is not None and finding.library is None:
        links.append((finding.sample.code, _record("sample", finding.sample.pk)))
    return tuple(links)


def _record(name: str, key: Any) -> str:
    return reverse("record-detail", args=[RECORDS[name], key])


def _exclude(finding: QualityFinding, user: Any) -> tuple[tuple[str, str], ...]:
    for name, what in (("si_test", "leave the test out"), ("sample", "leave the sample out")):
        row = getattr(finding, name)
        if row is not None and may(user, "change", type(row), row.study):
            return ((what, reverse("record-edit", args=[RECORDS[name], row.pk]) + EXCLUSION),)
    return ()


def _tables(rows: list[Confounding]) -> list[ConfoundingTable]:
    columns = (*dict.fromkeys(row.region.code for row in rows if row.region), MICE)
    tables = []
    for grouping in dict.fromkeys(row.grouping for row in rows):
        own = [row for row in rows if row.grouping == grouping]
        cells = {(row.factor, row.region.code if row.region else MICE): row for row in own}
        factors = dict.fromkeys(row.factor for row in own)
        tables.append(
            ConfoundingTable(
                grouping.rpartition("__")[2].replace("_", " "),
                columns,
                tuple(ConfoundingRow(one, tuple(cells.get((one, column)) for column in columns)) for one in factors),
                tuple(row.sentence for row in own if row.is_confounded),
            )
        )
    return tables
