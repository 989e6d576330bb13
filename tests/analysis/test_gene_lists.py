"""Lists of genes of a run: sets by name, overlap beside its null, and the figures of lists."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from analysis import gene_lists
from analysis.expression_figures import FIGURES
from analysis.figures.gene_lists import gene_heat_map, upset
from analysis.kernels.shared_mice import shared_group_null
from analysis.models import AnalysisRun, Contrast, GeneResult
from labdb.colony.models import Study
from labdb.sequencing.models import CountMatrix, Gene
from labdb.tissue.models import BrainRegion
from tests.analysis.small_study import make_treated_study
from tests.analysis.treated_study import add_phenotypes, add_responses, add_run, signed_in

pytestmark = pytest.mark.django_db

OUTCOME = "mouse__treatment_outcome"
SALINE = "susceptible saline"
# log2 fold change and adjusted p of Gene0, Gene1, ...; p is a tenth of it
RESULTS = {
    ("susceptible - control", SALINE, "control"): [(2, 0.01), (2, 0.01), (-2, 0.01), (0.1, 0.9)],
    ("susceptible - resilient", SALINE, "resilient"): [(1.5, 0.02), (0.1, 0.8), (1.5, 0.02), (1.5, 0.02)],
    ("resilient - control", "resilient", "control"): [(0.5, 0.3), (1.9, 0.01), (-3.5, 0.001), (-1.4, 0.01)],
    ("ketamine responder - susceptible saline", "ketamine responder", SALINE): [
        (-2, 0.01),
        (-2, 0.01),
        (2, 0.01),
        (0, 1),
    ],
}


@pytest.fixture
def run() -> AnalysisRun:
    study = make_treated_study(n_genes=60)
    response = add_responses(study, add_phenotypes(study))
    run = add_run(study, "differential_expression")
    run.depends_on.add(response)
    region, genes = BrainRegion.objects.get(code="PFC"), Gene.objects.order_by("pk")
    for (name, over, under), rows in RESULTS.items():
        contrast = Contrast.objects.create(
            study=study, name=name, group_by=OUTCOME, numerator=over, denominator=under, covariates=""
        )
        for gene, (change, adjusted) in zip(genes, rows, strict=False):
            GeneResult.objects.create(
                study=study, run=run, contrast=contrast, region=region, gene=gene, log2_fold_change=change,
                average_expression=5.0, t=change, p_value=adjusted / 10, adj_p_value=adjusted,
            )  # fmt: skip
    return run


def symbols(found: pd.DataFrame) -> list[str]:
    return gene_lists.in_full(found)["symbol"].tolist()


def test_sets_are_named_by_their_rules(run: AnalysisRun):
    sets = {one.slug: one for one in gene_lists.named_gene_sets(run, BrainRegion.objects.get(code="PFC"))}
    # Gene0 differs from both and the same way; Gene2 from both, in opposite directions
    assert symbols(sets["susceptible-specific"].genes) == ["Gene0"]
    assert sets["susceptible-specific"].n_tested == 4
    # R - S is S - R turned around: Gene2 -1.5 and -3.5, Gene3 -1.5 and -1.4
    assert symbols(sets["resilient-specific"].genes) == ["Gene2", "Gene3"]
    assert "susceptible - resilient, turned around" in sets["resilient-specific"].rule
    # nominal p < .05 in S - C and not in R - C (p .03 there is called, if its fold change is above 1.3)
    assert symbols(sets["susceptible-specific-published"].genes) == []
    assert symbols(sets["resilient-specific-published"].genes) == ["Gene3"]
    assert "no evidence of no effect" in sets["resilient-specific-published"].rule


def test_the_null_of_an_overlap_is_that_of_the_shared_mice(run: AnalysisRun):
    pfc = BrainRegion.objects.get(code="PFC")
    stress, drug = (Contrast.objects.get(name__startswith=name) for name in ("susceptible - control", "ketamine"))
    found = gene_lists.overlap_of(run, stress, drug, pfc)
    groups = ["control", "saline", "ketamine responder"]  # of 5, 5 and 3 mice
    expected = shared_group_null(*(pd.Series(one, index=groups) for one in ([-1, 1, 0], [0, -1, 1], [5, 5, 3])))
    assert found.null_correlation == pytest.approx(expected)
    assert (found.found.opposite.both, found.found.same.both) == (3, 0)
    assert 0.5 < found.null_share < 1
    assert found.expected_opposite == pytest.approx(3 * found.null_share)


def test_without_its_groups_an_overlap_says_that_its_null_is_not_known(run: AnalysisRun):
    Contrast.objects.filter(name="resilient - control").update(numerator="gone")
    one, other = (Contrast.objects.get(name=name) for name in ("resilient - control", "susceptible - control"))
    found = gene_lists.overlap_of(run, one, other, BrainRegion.objects.get(code="PFC"))
    assert found.null_correlation is None
    assert found.expected_opposite is None
    assert "gone" in found.reason


def test_the_page_shows_sets_overlap_and_every_figure(run: AnalysisRun):
    client, root = signed_in("analyst", run.study), f"/analysis/runs/{run.pk}/"
    chosen = "contrast=susceptible+-+control&region=PFC"
    page = client.get(f"{root}?{chosen}&with=resilient+-+control").content.decode()
    for address in (f"{root}gene-sets/?contrast", f"{root}overlap/?contrast"):
        assert f'hx-get="{address}' in page
    sets = client.get(f"{root}gene-sets/?{chosen}").content.decode()
    assert "susceptible-specific, published rule" in sets
    text = " ".join(client.get(f"{root}overlap/?{chosen}&with=resilient+-+control").content.decode().split())
    assert "a correlation of <strong>0.50</strong>, because they share mice" in text  # five of each, controls shared
    assert "(unadjusted): 3 in susceptible - control, 4 in resilient - control." in text
    for figure in FIGURES:
        answer = client.get(f"{root}figures/{figure.name}.html?{chosen}")
        assert answer.status_code == 200, figure.name
    mice = client.get(f"{root}figures/heat-map.html?{chosen}&columns=mice")
    assert mice.status_code == 200
    assert '"s0"' in mice.content.decode()
    assert client.get(f"{root}figures/gene-by-group.svg?{chosen}&gene=gene7").status_code == 200


def test_a_set_is_downloaded_with_its_rule_and_wrong_addresses_are_answered_in_words(run: AnalysisRun):
    client, root = signed_in("analyst", run.study), f"/analysis/runs/{run.pk}/"
    answer = client.get(f"{root}gene-sets/resilient-specific.csv?region=PFC")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [row["symbol"] for row in rows] == ["Gene2", "Gene3"]
    assert rows[0]["rule"].startswith("Adjusted p at most 0.05")
    for address, status, sentence in (
        ("gene-sets/best.csv", 404, "best is not a set of this run; there are: susceptible-specific,"),
        ("gene-sets/?region=NAc", 400, "NAc is not a region of this run"),
        ("overlap/?with=magic", 400, "magic is not a contrast of this run"),
        ("?with=magic", 400, "magic is not a contrast of this run"),
        ("figures/heat-map.html?columns=rats", 400, "rats is not what the columns can be; there are: groups, mice."),
        ("figures/gene-by-group.html?gene=Nope", 404, "Nope is not a gene of X1"),
    ):
        refused = client.get(f"{root}{address}")
        assert (refused.status_code, sentence in refused.content.decode()) == (status, True), address
    assert signed_in(name="eve", role="analyst", study=Study.objects.create(code="S2", title="x")).get(
        f"{root}gene-sets/"
    ).status_code == 404  # fmt: skip


def test_an_upset_counts_each_gene_once_in_its_own_combination():
    membership = pd.DataFrame({"a": [True, True, True, False], "b": [False, True, True, False], "c": [False] * 4})
    chart = upset(membership).to_dict()
    bars, dots = chart["vconcat"]
    rows = chart["datasets"]
    _empty, ends, chosen = (rows[layer["data"]["name"]] for layer in dots["layer"])
    assert [row["genes"] for row in rows[bars["data"]["name"]]] == [2, 1]  # a and b; a alone
    assert {(row["place"], row["set"]) for row in chosen} == {(0, "a (n = 3)"), (0, "b (n = 2)"), (1, "a (n = 3)")}
    assert ends[0] == {"place": 0, "first": "a (n = 3)", "last": "b (n = 2)"}
    assert {str(layer["encoding"]["y"]["scale"]["domain"]) for layer in dots["layer"]} == {"['a (n = 3)', 'b (n = 2)']"}
    assert "no gene passes" in str(upset(membership[["c"]]).to_dict())


def test_a_heat_map_of_mice_has_a_panel_for_each_group():
    z = pd.DataFrame(np.eye(3), index=["Fos", "Jun", "Arc"], columns=["M1", "M2", "M3"])
    chart = gene_heat_map(z, pd.Series(["control", "control", "resilient"], index=z.columns)).to_dict()
    assert [panel["title"]["text"] for panel in chart["hconcat"]] == ["control (n = 2)", "resilient (n = 1)"]
    assert CountMatrix.objects.count() == 0
