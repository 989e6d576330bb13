"""Every mouse's label under every stored rule and the one that is tried, as a part of a page and as a file."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analysis.figure_views import file_name
from analysis.kernels.phenotype import PhenotypeRule as KernelRule
from analysis.phenotype_comparison import labels_under_rules
from analysis.tasks.task import rows_of
from labdb.behavior.models import PhenotypeRule
from labdb.colony.models import Study
from labdb.desk.asked_rule import AskedError, AskedRule, read_rule
from labdb.desk.phenotype_page import study_of_rules

FACTS = ("mouse", "cohort", "group", "iz_absent_s", "iz_present_s", "corner_absent_s", "corner_present_s")
RATIOS = ("si_ratio", "si_ratio_low", "si_ratio_high", "corner_ratio")


@dataclass(frozen=True)
class Column:
    """A rule in the table; one that is only tried is not stored."""

    name: str
    rule: KernelRule
    stored: PhenotypeRule | None = None


@require_safe
def labels(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the label of every mouse under every rule, as a part of the page or as a file."""
    study = study_of_rules(request, code)
    try:
        asked = read_rule(study, request.GET.dict(), request.user)
        columns = _columns(asked)
    except AskedError as error:
        return HttpResponse(str(error), status=400, content_type="text/plain; charset=utf-8")
    table = labels_under_rules(study, asked.test_number, [column.rule for column in columns])
    differing = table[table["flips"] > 0]
    only_differing = request.GET.get("differ") == "1"
    shown = differing if only_differing else table
    if request.GET.get("export") == "csv":
        return _csv(study, asked, shown, columns)
    context = {
        "study": study, "asked": asked, "columns": columns, "rows": list(rows_of(shown)), "n_all": len(table),
        "n_differing": len(differing), "n_contradicting": int(table["contradicts"].sum()),
        "only_differing": only_differing,
        "csv_url": f"{request.path}?{asked.query}&export=csv" + ("&differ=1" if only_differing else ""),
    }  # fmt: skip
    return render(request, "desk/_phenotype_labels.html", context)


def _columns(asked: AskedRule) -> list[Column]:
    """Return the rules: the one that counts first, the one that is tried, then the others."""
    first = [asked.counts] if asked.counts else []
    if asked.rule and asked.stored and asked.stored not in first:
        first.append(asked.stored)
    tried = [Column(_spelled(asked), asked.rule)] if asked.rule and not asked.stored else []
    others = PhenotypeRule.objects.exclude(pk__in=[rule.pk for rule in first]).order_by("name")
    found = [*_stored(first), *tried, *_stored(others)]
    if not found:
        raise AskedError("No phenotype rule is stored, and none is tried; enter one.")
    return found


def _stored(rules: Iterable[PhenotypeRule]) -> list[Column]:
    return [Column(rule.name, rule.to_kernel(), rule) for rule in rules]


def _spelled(asked: AskedRule) -> str:
    return ", ".join(f"{name} = {text}" for name, text in asked.texts.items() if text != "")


def _csv(study: Study, asked: AskedRule, table: pd.DataFrame, columns: list[Column]) -> HttpResponse:
    text = io.StringIO()
    writer = csv.writer(text)
    names = [column.name for column in columns]
    writer.writerow([*FACTS, *RATIOS, *names, "rules that differ from the first"])
    for row in rows_of(table):
        writer.writerow([*(row[name] for name in (*FACTS, *RATIOS)), *row["labels"], row["flips"]])
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    name = file_name(study.code, "phenotype-labels", f"test-{asked.test_number}")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer
