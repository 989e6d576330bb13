"""What pages show of a quality run: findings with their decisions, and the confounding table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from analysis.models import AnalysisRun, Confounding, QualityDecision, QualityFinding
from analysis.quality_exclusions import Target, left_out_by, refusal, targets_of
from analysis.quality_results import DecisionKind, Severity, exclusion_reasons, latest_decisions
from labdb.colony.models import Study
from labdb.registry.permissions import may

MICE = "mice"  # the column of factors that are those of mice, each once
RECORDS = {"library": "libraries", "other_library": "libraries", "sample": "tissue-samples", "si_test": "si-tests"}
RELATED = ("mouse__study", "si_test__mouse", "sample__study", "library", "other_library")


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
    targets : tuple of Target
        What it can leave out of analyses.
    lifted : tuple of Target
        What an earlier decision left out, and another can take in again.
    why_not : str
        Why this account cannot leave them out; empty where it can.
    """

    finding: QualityFinding
    decision: QualityDecision | None
    former: QualityDecision | None
    links: tuple[tuple[str, str], ...]
    targets: tuple[Target, ...]
    lifted: tuple[Target, ...]
    why_not: str

    @property
    def is_undone(self) -> bool:
        """Whether it was decided to leave it out, and yet analyses read all of it."""
        is_exclusion = self.decision is not None and self.decision.decision == DecisionKind.EXCLUDED
        return is_exclusion and not any(target.criteria for target in self.targets)


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
    found = run.qualityfindings.select_related(*RELATED)
    rows = _rows(run.study, list(found.order_by("pk")), user)
    regions = list(dict.fromkeys(run.libraryqualitys.order_by("region_id").values_list("region__code", flat=True)))
    asked = parameters.get("region", "")
    return {
        "severe": [row for row in rows if row.finding.severity != Severity.NOTE],
        "notes": [row for row in rows if row.finding.severity == Severity.NOTE],
        "counts": [(name, sum(row.finding.severity == name for row in rows)) for name in Severity.values],
        "n_open": sum(row.decision is None and row.finding.severity != Severity.NOTE for row in rows),
        **_decided_with(run.study, user),
        "tables": _tables(list(run.confoundings.select_related("region").order_by("pk"))),
        "regions": regions,
        "region": asked if asked in regions else next(iter(regions), ""),
        "n_libraries": run.libraryqualitys.count(),
        "results_run": run,
    }


def rows_left_out(run: AnalysisRun, user: Any) -> dict[str, Any] | None:
    """Return the decisions to leave something out whose findings a run has no more, as results of the page.

    None where there are none: what is left out is not looked at, so that its finding is gone with the next run.
    """
    found = set(run.results_run.qualityfindings.values_list("kind", "subject"))
    gone = [
        one
        for key, one in latest_decisions(run.study).items()
        if one.decision == DecisionKind.EXCLUDED and key not in found
    ]
    findings = [finding for one in gone if (finding := _finding_of(one)) is not None]
    if not findings:
        return None
    return {**_decided_with(run.study, user), "rows": _rows(run.study, findings, user)}


def _finding_of(decision: QualityDecision) -> QualityFinding | None:
    of = {"study": decision.study, "kind": decision.kind, "subject": decision.subject, "evidence": decision.evidence}
    return QualityFinding.objects.filter(**of).select_related(*RELATED).order_by("-pk").first()


def _decided_with(study: Study, user: Any) -> dict[str, Any]:
    return {"decisions": DecisionKind.choices, "may_decide": may(user, "add", QualityDecision, study)}


def _rows(study: Study, findings: Sequence[QualityFinding], user: Any) -> list[FindingRow]:
    latest, reasons, targets = latest_decisions(study), exclusion_reasons(study), targets_of(findings)
    rows = []
    for finding in findings:
        key = (finding.kind, finding.subject)
        decision, own = latest.get(key), targets[finding.pk]
        holds = decision is not None and decision.evidence == finding.evidence
        rows.append(
            FindingRow(
                finding,
                decision if holds else None,
                None if holds else decision,
                _links(finding),
                own,
                tuple(left_out_by(reasons.get(key, ()), own)),
                refusal(own, user, study),
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
