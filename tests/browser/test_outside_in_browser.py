"""A signature from outside as an analyst brings one: a file that shares no gene, one that does, its test, another list."""

import re

import pytest
from playwright.sync_api import Page, expect

from analysis import runs
from analysis.models import AnalysisRun, GeneResult
from analysis.outside import OutsideSignature
from labdb.sequencing.models import Gene
from tests.analysis.small_study import make_treated_study
from tests.analysis.treated_study import add_gene_results, add_phenotypes
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import in_both_themes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
HEADER = "gene,log2FoldChange,stat,pvalue,padj\r\n"
STRANGERS = HEADER + "Actb,1,3,0.01,0.02\r\nGapdh,-1,-3,0.01,0.02\r\n"
# Thirty genes, of which two share their value and one has none; line ends as Windows writes them.
TABLE = HEADER + "".join(
    f"Gene{number},{(number - 14.5) / 10},{max(number - 14.5, -13.5)},{0.001 + number / 40:.3f},{0.01 + number / 40:.3f}\r\n"
    if number != 7
    else f"Gene{number},NA,NaN,NA,NA\r\n"
    for number in range(30)
)


def add_more_results(run: AnalysisRun) -> None:
    """Give the contrast as many genes as two lists must share to be compared."""
    kept = GeneResult.objects.get(run=run, gene__symbol="Gene2")
    for number in range(3, 20):
        kept.pk, kept.gene, kept.t = None, Gene.objects.get(symbol=f"Gene{number}"), 10.0 - number
        kept.save(force_insert=True)


def test_a_table_is_checked_kept_tested_and_laid_beside_a_contrast(page: Page, sign_in: SignIn) -> None:
    study = make_treated_study(n_per_group=3, n_genes=30)
    add_phenotypes(study)
    add_more_results(add_gene_results(study))
    sign_in("ann", "analyst", study)
    page.set_viewport_size({"width": 820, "height": 1180})
    page.goto("/analysis/outside/upload/?study=S1")
    choose = page.locator("#file")
    choose.set_input_files({"name": "strangers.csv", "mimeType": "text/csv", "buffer": STRANGERS.encode()})
    page.locator("#code").fill("GSE1")
    page.get_by_label("A positive value means").fill("higher in susceptible than in control mice")
    page.get_by_label("Source").fill("GSE1")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("strangers.csv and annotation test share no gene.")).to_be_visible()
    choose.set_input_files({"name": "deseq2.csv", "mimeType": "text/csv", "buffer": TABLE.encode()})
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("2 genes share their value with another")).to_be_visible()
    expect(page.locator("#code")).to_have_value("GSE1")
    assert not OutsideSignature.objects.exists()
    assert not in_both_themes(page)
    page.get_by_role("button", name="Keep 29 genes").click()
    expect(page.get_by_text("29 genes of deseq2.csv kept as GSE1.")).to_be_visible()
    expect(page.locator("figure .figure-plot svg")).to_be_visible()
    expect(page.get_by_text("no mouse is on both sides")).to_be_visible()

    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("The plain null holds")).to_be_visible()
    expect(page.locator("#compare")).to_contain_text("Genes in both")
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    assert not in_both_themes(page)

    page.get_by_role("button", name="Test every contrast in every region").click()
    expect(page).to_have_url(re.compile(r"/analysis/runs/\d+/$"))
    run = AnalysisRun.objects.get(task="outside_signature")
    runs.execute(run.pk)
    run.refresh_from_db()
    assert run.status == "done", run.reason
    expect(page.locator("#run-status")).to_contain_text("done")
    expect(page.locator("figure .figure-plot svg").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    assert not in_both_themes(page)
    page.goto(f"/analysis/outside/{OutsideSignature.objects.get().pk}/")
    expect(page.locator("#mice")).to_contain_text(f"run {run.pk}")
